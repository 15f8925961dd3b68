/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "classic.h"
#include "doc.h"
#include "map.h"
#include "mem.h"
#include "oas.h"
#include "text.h"

/* What tells one content of a file from another. */
struct stamp {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct record {
    char *name;
    struct stamp main;
    struct stamp companion;        /* of <id>-oas.json; zero if there is none */
    struct definition *definition; /* NULL: cannot be loaded */
    unsigned scan;                 /* the scan that saw it last */
};

struct store {
    char *folder;
    struct map records; /* by file name */
    unsigned scan;
    struct doc doc; /* memory for reading */
};

struct store *store_new(const char *folder)
{
    struct store *store = mem_zeroed(sizeof(*store));
    store->folder = mem_string(folder);
    return store;
}

static void record_free(struct record *record)
{
    definition_unref(record->definition);
    free(record->name);
    free(record);
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    size_t position = 0;
    struct record *record = NULL;
    while ((record = map_next(&store->records, &position)) != NULL) {
        record_free(record);
    }
    map_fini(&store->records);
    doc_fini(&store->doc);
    free(store->folder);
    free(store);
}

static char *file_path(const struct store *store, const char *name, const char *suffix)
{
    struct text path = {0};
    text_printf(&path, "%s/%s%s", store->folder, name, suffix);
    return path.bytes;
}

static struct stamp stamp_of(const struct stat *info)
{
    return (struct stamp){info->st_ino, info->st_size, info->st_ctim};
}

static bool same_stamp(const struct stamp *left, const struct stamp *right)
{
    return left->inode == right->inode && left->size == right->size &&
           left->changed.tv_sec == right->changed.tv_sec &&
           left->changed.tv_nsec == right->changed.tv_nsec;
}

static bool write_all(int fd, const struct text *content)
{
    size_t done = 0;
    while (done < content->len) {
        ssize_t written = write(fd, content->bytes + done, content->len - done);
        if (written <= 0) {
            return false;
        }
        done += (size_t)written;
    }
    return true;
}

static bool write_file(const char *path, const struct text *content, struct stamp *ret_stamp)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    struct stat info;
    bool good = write_all(fd, content) && fstat(fd, &info) == 0;
    if (good) {
        *ret_stamp = stamp_of(&info);
    }
    close(fd);
    return good;
}

static bool read_file(const char *path, struct text *content, struct stamp *ret_stamp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct stat info;
    bool good = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0 &&
                (size_t)info.st_size <= DOC_LIMIT;
    if (good) {
        *ret_stamp = stamp_of(&info);
        text_reserve(content, (size_t)info.st_size);
        ssize_t got = 0;
        while (content->len < (size_t)info.st_size &&
               (got = read(fd, content->bytes + content->len,
                           (size_t)info.st_size - content->len)) > 0) {
            content->len += (size_t)got;
        }
        good = got >= 0;
        content->bytes[content->len] = '\0';
    }
    close(fd);
    return good;
}

static struct record *record_of(struct store *store, const char *name)
{
    struct record *record = map_get(&store->records, name);
    if (record == NULL) {
        record = mem_zeroed(sizeof(*record));
        record->name = mem_string(name);
        map_put(&store->records, record->name, record);
    }
    return record;
}

static void forget(struct store *store, const char *name)
{
    struct record *record = map_remove(&store->records, name);
    if (record != NULL) {
        record_free(record);
    }
}

bool store_put(struct store *store, struct definition *definition)
{
    struct stamp main = {0};
    struct stamp companion = {0};
    char *main_path = file_path(store, definition->api_id, ".json");
    char *companion_path = file_path(store, definition->api_id, "-oas.json");
    struct text name = {0};
    text_printf(&name, "%s.json", definition->api_id);
    /* In this order, as the gateway does: a name that is too long for the second leaves the first.
     */
    bool good = write_file(main_path, &definition->classic, &main) &&
                (!definition->is_oas || write_file(companion_path, &definition->oas, &companion));
    if (good) {
        struct record *record = record_of(store, name.bytes);
        definition_unref(record->definition);
        record->definition = definition_ref(definition);
        record->main = main;
        record->companion = companion;
    } else {
        forget(store, name.bytes);
    }
    text_fini(&name);
    free(main_path);
    free(companion_path);
    return good;
}

bool store_remove(struct store *store, const char *api_id, bool is_oas)
{
    char *main_path = file_path(store, api_id, ".json");
    char *companion_path = file_path(store, api_id, "-oas.json");
    struct text name = {0};
    text_printf(&name, "%s.json", api_id);
    bool there = access(main_path, F_OK) == 0 && (!is_oas || access(companion_path, F_OK) == 0);
    if (there) {
        unlink(main_path);
        if (is_oas) {
            unlink(companion_path);
        }
        forget(store, name.bytes);
    }
    text_fini(&name);
    free(main_path);
    free(companion_path);
    return there;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* Companions are no definitions of their own, nor is what looks like one: such an id never loads.
 */
static bool is_definition_name(const char *name)
{
    return ends_with(name, ".json") && !ends_with(name, "-oas.json") &&
           !ends_with(name, "-mcp.json");
}

static char *companion_of(const struct store *store, const char *name)
{
    char *stem = mem_string_of(name, strlen(name) - strlen(".json"));
    char *path = file_path(store, stem, "-oas.json");
    free(stem);
    return path;
}

/* Is what we know of the file still true? */
static bool is_current(const struct store *store, const struct record *record)
{
    struct stat info;
    char *path = file_path(store, record->name, "");
    struct stamp main = {0};
    bool there = stat(path, &info) == 0;
    free(path);
    if (there) {
        main = stamp_of(&info);
    }
    if (!there || !same_stamp(&main, &record->main)) {
        return false;
    }
    if (record->definition == NULL || !record->definition->is_oas) {
        /* What could not be loaded may be waiting for its companion. */
        return record->definition != NULL;
    }
    path = companion_of(store, record->name);
    there = stat(path, &info) == 0;
    free(path);
    struct stamp companion = {0};
    if (there) {
        companion = stamp_of(&info);
    }
    return there && same_stamp(&companion, &record->companion);
}

static void read_companion(struct store *store, struct record *record)
{
    struct text content = {0};
    char *path = companion_of(store, record->name);
    struct definition *document = NULL;
    if (read_file(path, &content, &record->companion)) {
        document = oas_read(&store->doc, content.bytes, content.len,
                            &(struct oas_origin){.from_disk = true});
    }
    definition_unref(record->definition);
    record->definition = document;
    free(path);
    text_fini(&content);
}

static void read_record(struct store *store, struct record *record)
{
    struct text content = {0};
    struct text problem = {0};
    char *path = file_path(store, record->name, "");
    definition_unref(record->definition);
    record->definition = NULL;
    record->companion = (struct stamp){0};
    if (read_file(path, &content, &record->main)) {
        record->definition = classic_read(&store->doc, text_string(&content), content.len,
                                          CLASSIC_FROM_DISK, &problem);
    }
    if (record->definition != NULL && record->definition->is_oas) {
        read_companion(store, record);
    }
    if (record->definition != NULL && *record->definition->api_id == '\0') {
        definition_unref(record->definition);
        record->definition = NULL;
    }
    free(path);
    text_fini(&content);
    text_fini(&problem);
}

static void see_file(void *arg, const char *name)
{
    struct store *store = arg;
    if (!is_definition_name(name)) {
        return;
    }
    struct record *record = record_of(store, name);
    record->scan = store->scan;
    if (!is_current(store, record)) {
        read_record(store, record);
    }
}

void store_each_file(const struct store *store, void (*call)(void *arg, const char *name),
                     void *arg)
{
    DIR *folder = opendir(store->folder);
    if (folder == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            call(arg, entry->d_name);
        }
    }
    closedir(folder);
}

static int compare_records(const void *left, const void *right)
{
    const struct record *a = *(const struct record *const *)left;
    const struct record *b = *(const struct record *const *)right;
    return strcmp(a->name, b->name);
}

struct definition **store_scan(struct store *store, size_t *ret_count)
{
    store->scan++;
    store_each_file(store, see_file, store);
    struct record **records = mem_zeroed((store->records.count + 1) * sizeof(*records));
    size_t count = 0;
    size_t position = 0;
    struct record *record = NULL;
    while ((record = map_next(&store->records, &position)) != NULL) {
        records[count++] = record;
    }
    qsort(records, count, sizeof(*records), compare_records);
    struct definition **definitions = mem_zeroed((count + 1) * sizeof(*definitions));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (records[i]->scan != store->scan) {
            forget(store, records[i]->name);
        } else if (records[i]->definition != NULL) {
            definitions[used++] = definition_ref(records[i]->definition);
        }
    }
    free(records);
    *ret_count = used;
    return definitions;
}

void store_release(struct definition **definitions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        definition_unref(definitions[i]);
    }
    free(definitions);
}

static void remove_file(void *arg, const char *name)
{
    const struct store *store = arg;
    char *path = file_path(store, name, "");
    unlink(path);
    free(path);
}

void store_wipe(struct store *store)
{
    store_each_file(store, remove_file, store);
}

static void count_file(void *arg, const char *name)
{
    (void)name;
    size_t *count = arg;
    (*count)++;
}

size_t store_file_count(const struct store *store)
{
    size_t count = 0;
    store_each_file(store, count_file, &count);
    return count;
}
