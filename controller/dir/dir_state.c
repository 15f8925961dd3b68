/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/dir_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strmap.h"
#include "dir/dir_entry.h"
#include "dir/dir_index.h"
#include "dir/file.h"

#define FILE_LIMIT (4U << 20)

struct dir_state {
    char *path;
    char *status_path;
    int lock;
    struct stat identity;
    char *id;
    struct seal_key key;
    struct strmap *entries; /* as dir_index_name() calls them → struct dir_entry */
    unsigned writes;        /* number of the last one: temporary files are told apart by it */
};

/* ---- opening ---- */

/* mkdir -p */
static int make_folder(const char *path, struct err *err)
{
    CLEANUP(freep) char *way = xstrdup(path);
    for (char *slash = strchr(way + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(way, 0755);
        *slash = '/';
    }
    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        (void)file_fault(err, errno, "cannot be made");
        return err_wrap(err, "state folder %s (give a writable one with --state-dir)", path);
    }
    return 0;
}

static int lock_folder(struct dir_state *state, struct err *err)
{
    CLEANUP(freep) char *path = xasprintf("%s/lock", state->path);
    state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (state->lock < 0) {
        (void)file_fault(err, errno, "lock: cannot be written");
        return err_wrap(err, "state folder %s (give a writable one with --state-dir)", state->path);
    }
    if (flock(state->lock, LOCK_EX | LOCK_NB) < 0) {
        char pid[24] = "";
        if (pread(state->lock, pid, sizeof(pid) - 1, 0) < 0)
            pid[0] = '\0';
        pid[strspn(pid, "0123456789")] = '\0';
        return err_set(err, ERR_CONFLICT, 0,
                       "state folder %s is in use by another grapnel%s%s (stop it, or give this "
                       "one a folder of its own with --state-dir)",
                       state->path, *pid ? ", process " : "", pid);
    }
    CLEANUP(freep) char *pid = xasprintf("%ld\n", (long)getpid());
    if (ftruncate(state->lock, 0) < 0 || pwrite(state->lock, pid, strlen(pid), 0) < 0)
        log_debug("the lock has no process number", .detail = path);
    return 0;
}

/* A secret or id of `length` bytes in hex, made when it is not there. */
static int read_random(const struct dir_state *state, const char *name, unsigned char *bytes,
                       size_t length, struct err *err)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", state->path, name);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    if (file_read(path, 4096, false, &text, err) == 0) {
        const char *hex = buf_text(&text);
        if (strspn(hex, "0123456789abcdef") != 2 * length ||
            (hex[2 * length] && hex[2 * length] != '\n'))
            return err_set(err, ERR_INVALID, 0,
                           "%s is damaged (restore it; or remove it: then what was made with it "
                           "is foreign)",
                           path);
        for (size_t i = 0; i < length; i++) {
            char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
            bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
        }
        return 0;
    }
    if (err->class != ERR_NOT_FOUND)
        return err_wrap(err, "%s", path);
    if (getrandom(bytes, length, 0) != (ssize_t)length)
        return file_fault(err, errno, "no random numbers");
    buf_clear(&text);
    str_hex(&text, bytes, length);
    buf_add_char(&text, '\n');
    if (file_write(path, buf_text(&text), text.length, 0600, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

static int read_identity(struct dir_state *state, struct err *err)
{
    unsigned char id[16];
    struct buf hex;
    if (read_random(state, "id", id, sizeof(id), err) < 0 ||
        read_random(state, "seal.key", state->key.bytes, sizeof(state->key.bytes), err) < 0)
        return -1;
    buf_init(&hex, BUF_UNLIMITED);
    str_hex(&hex, id, sizeof(id));
    state->id = buf_take(&hex);
    CLEANUP(freep) char *key_path = xasprintf("%s/seal.key", state->path);
    if (chmod(key_path, 0600) < 0)
        return file_fault(err, errno, "seal.key cannot be made private");
    return 0;
}

/* The folder may lie in a working copy, and the key that opens what is sealed in it is not for a
 * repository. */
static void hide_from_git(const struct dir_state *state)
{
    CLEANUP(freep) char *path = xasprintf("%s/.gitignore", state->path);
    static const char all[] = "*\n";
    struct err err;
    if (access(path, F_OK) < 0 && errno == ENOENT &&
        file_write(path, all, sizeof(all) - 1, 0644, &err) < 0)
        log_warn("the state folder is not hidden from git", .detail = path, .err = &err);
}

int dir_state_open(const char *path, struct dir_state **ret_state, struct err *err)
{
    struct err ignored;
    err = err ? err : &ignored;
    CLEANUP(dir_state_freep) struct dir_state *state = xcalloc(1, sizeof(*state));
    state->lock = -1;
    state->path = xstrdup(path);
    state->status_path = xasprintf("%s/status", path);
    state->entries = strmap_new(dir_entry_free);
    if (make_folder(path, err) < 0 || lock_folder(state, err) < 0 ||
        make_folder(state->status_path, err) < 0 || read_identity(state, err) < 0)
        return -1;
    if (stat(path, &state->identity) < 0)
        return file_fault(err, errno, path);
    hide_from_git(state);
    *ret_state = TAKE(state);
    return 0;
}

void dir_state_free(struct dir_state *state)
{
    if (!state)
        return;
    strmap_free(state->entries);
    if (state->lock >= 0)
        close(state->lock);
    free(state->path);
    free(state->status_path);
    free(state->id);
    free(state);
}

void dir_state_freep(struct dir_state **state)
{
    dir_state_free(*state);
}

const char *dir_state_path(const struct dir_state *state)
{
    return state->path;
}

const char *dir_state_id(const struct dir_state *state)
{
    return state->id;
}

const struct seal_key *dir_state_seal_key(const struct dir_state *state)
{
    return &state->key;
}

bool dir_state_is(const struct dir_state *state, const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_dev == state->identity.st_dev &&
           status.st_ino == state->identity.st_ino;
}

/* ---- objects ---- */

static struct dir_entry *find(const struct dir_state *state, enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    return strmap_get(state->entries, name);
}

const struct object *dir_state_get(const struct dir_state *state, enum object_kind kind,
                                   const char *key)
{
    const struct dir_entry *entry = find(state, kind, key);
    return entry ? entry->current : NULL;
}

const struct object *dir_state_accepted(const struct dir_state *state, enum object_kind kind,
                                        const char *key)
{
    const struct dir_entry *entry = find(state, kind, key);
    return entry ? entry->accepted : NULL;
}

/* Returns owned: what the file remembers, and its key; NULL when there is none or it is damaged
 * (logged). */
static struct dir_entry *read_entry(const struct dir_state *state, const char *name, char **ret_key)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", state->status_path, name);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    struct dir_entry *entry = NULL;
    struct err err;
    if (file_read(path, FILE_LIMIT, false, &text, &err) < 0) {
        if (err.class != ERR_NOT_FOUND)
            log_warn("a status cannot be read and is made anew", .detail = path, .err = &err);
        return NULL;
    }
    if (dir_entry_parse((struct span){buf_text(&text), text.length}, &entry, ret_key, &err) < 0)
        log_warn("a status is damaged and is made anew", .detail = path, .err = &err);
    return entry;
}

/* The entry of an object, from the disk where it is remembered there, else new. */
static struct dir_entry *open_entry(struct dir_state *state, enum object_kind kind, const char *key,
                                    int64_t now)
{
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    CLEANUP(freep) char *file = dir_entry_file_name(kind, key);
    CLEANUP(freep) char *read_key = NULL;
    struct dir_entry *entry = strmap_get(state->entries, name);
    if (entry)
        return entry;
    entry = dir_entry_is_kept(kind) ? read_entry(state, file, &read_key) : NULL;
    if (entry && (entry->kind != kind || strcmp(read_key, key) != 0)) {
        dir_entry_free(entry);
        entry = NULL;
    }
    if (!entry) {
        entry = xcalloc(1, sizeof(*entry));
        entry->kind = kind;
        entry->created = now;
    }
    strmap_set(state->entries, name, entry);
    const char *kept = strmap_key(state->entries, name);
    entry->key = kept + strlen(name) - strlen(key);
    return entry;
}

const struct object *dir_state_put(struct dir_state *state, const struct object *manifest,
                                   int64_t now)
{
    struct dir_entry *entry = open_entry(state, manifest->kind, manifest->key, now);
    struct digest content = dir_content_digest(object_text(manifest));
    bool same = memcmp(content.bytes, entry->content.bytes, sizeof(content.bytes)) == 0;
    if (!entry->generation)
        entry->generation = 1;
    else if (!same)
        entry->generation++;
    entry->content = content;
    struct err err;
    if (dir_entry_join(entry, object_text(manifest), manifest->problem, &err) < 0)
        log_error("a manifest cannot be joined with its status",
                  .kind = object_kind_name(manifest->kind), .ns = manifest->ns,
                  .name = manifest->name, .err = &err);
    return entry->current;
}

const struct object *dir_state_set_problem(struct dir_state *state, enum object_kind kind,
                                           const char *key, const char *problem)
{
    struct dir_entry *entry = find(state, kind, key);
    if (!entry || !entry->current)
        return NULL;
    if (str_equal(entry->current->problem, problem))
        return entry->current;
    CLEANUP(object_unrefp) struct object *before = object_ref(entry->current);
    struct err err;
    if (dir_entry_join(entry, object_text(before), problem, &err) < 0)
        log_error("a problem cannot be told", .kind = object_kind_name(kind), .key = key,
                  .err = &err);
    return entry->current;
}

void dir_state_remove(struct dir_state *state, enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    CLEANUP(freep) char *file = dir_entry_file_name(kind, key);
    CLEANUP(freep) char *path = xasprintf("%s/%s", state->status_path, file);
    strmap_remove(state->entries, name);
    if (dir_entry_is_kept(kind) && unlink(path) < 0 && errno != ENOENT)
        log_warn("the status of an object that is gone cannot be removed", .detail = path);
}

/* Is it the file of an object that is known? There may be very many, so that is told from the name;
 * one whose name was changed for the file has to be read. */
static bool is_file_of_known(const struct dir_state *state, const char *file)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const char *kind_name = object_kind_name((enum object_kind)kind);
        size_t length = strlen(kind_name);
        if (!str_starts(file, kind_name) || file[length] != '.')
            continue;
        CLEANUP(freep) char *key = xstrdup(file + length + 1);
        char *name = strchr(key, '.');
        char *end = strrchr(key, '.');
        if (!name || name == end)
            return false;
        *name = '/';
        *end = '\0';
        return find(state, (enum object_kind)kind, key) != NULL;
    }
    return false;
}

void dir_state_visit_lost(struct dir_state *state, dir_state_lost_fn *fn, void *arg)
{
    DIR *dir = opendir(state->status_path);
    if (!dir)
        return;
    const struct dirent *file;
    while ((file = readdir(dir))) {
        if (str_ends(file->d_name, ".new")) { /* of a write that was cut off */
            CLEANUP(freep) char *path = xasprintf("%s/%s", state->status_path, file->d_name);
            (void)unlink(path);
        }
        if (file->d_name[0] == '.' || !str_ends(file->d_name, ".yaml") ||
            is_file_of_known(state, file->d_name))
            continue;
        CLEANUP(freep) char *key = NULL;
        struct dir_entry *entry = read_entry(state, file->d_name, &key);
        if (entry && !find(state, entry->kind, key))
            fn(arg, entry->kind, key);
        dir_entry_free(entry);
    }
    closedir(dir);
}

/* ---- writing ---- */

struct dir_write {
    struct dir_state *state;
    struct object *object; /* as it was when the write began */
    char *status;
    char *path;
    char *temporary;
    int fd;
};

static void write_free(struct dir_write *write)
{
    if (write->fd >= 0)
        close(write->fd);
    object_unref(write->object);
    free(write->status);
    free(write->path);
    free(write->temporary);
    free(write);
}

void dir_write_abort(struct dir_write *write)
{
    (void)unlink(write->temporary);
    write_free(write);
}

/* Is the object still what `object` says? */
static struct dir_entry *check_current(struct dir_state *state, const struct object *object,
                                       struct err *err)
{
    struct dir_entry *entry = find(state, object->kind, object->key);
    if (!entry || !entry->current) {
        (void)err_set(err, ERR_NOT_FOUND, 0, "%s %s is gone", object_kind_name(object->kind),
                      object->key);
        return NULL;
    }
    if (!str_equal(entry->current->version, object->version)) {
        (void)err_set(err, ERR_CONFLICT, 0, "%s %s has changed", object_kind_name(object->kind),
                      object->key);
        return NULL;
    }
    return entry;
}

static int write_bytes(struct dir_write *write, const struct buf *text, struct err *err)
{
    write->fd = open(write->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (write->fd < 0)
        return file_fault(err, errno, "cannot be written");
    size_t done = 0;
    while (done < text->length) {
        ssize_t put = pwrite(write->fd, buf_text(text) + done, text->length - done, (off_t)done);
        if (put < 0 && errno != EINTR)
            return file_fault(err, errno, "cannot be written");
        done += put > 0 ? (size_t)put : 0;
    }
    /* The disk starts while the next file is written. */
    (void)sync_file_range(write->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return 0;
}

struct dir_write *dir_write_begin(struct dir_state *state, const struct object *object,
                                  struct span status, struct err *err)
{
    if (json_text_type(status) != JSON_TEXT_OBJECT) {
        (void)err_set(err, ERR_INVALID, 0, "a status is an object");
        return NULL;
    }
    const struct dir_entry *entry = check_current(state, object, err);
    if (!entry)
        return NULL;
    struct dir_write *write = xcalloc(1, sizeof(*write));
    CLEANUP(freep) char *name = dir_entry_file_name(object->kind, object->key);
    *write = (struct dir_write){
        .state = state,
        .object = object_ref(object),
        .status = xstrndup(status.ptr, status.length),
        .path = xasprintf("%s/%s", state->status_path, name),
        .temporary = xasprintf("%s/%s.%u.new", state->status_path, name, ++state->writes),
        .fd = -1,
    };
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    dir_entry_print(entry, status, &text);
    if (write_bytes(write, &text, err) < 0) {
        err_wrap(err, "%s", write->path);
        dir_write_abort(write);
        return NULL;
    }
    return write;
}

const struct object *dir_write_finish(struct dir_write *write, struct err *err)
{
    struct dir_entry *entry = check_current(write->state, write->object, err);
    if (!entry) {
        dir_write_abort(write);
        return NULL;
    }
    if (fsync(write->fd) < 0 || rename(write->temporary, write->path) < 0) {
        (void)file_fault(err, errno, "cannot be written");
        err_wrap(err, "%s", write->path);
        dir_write_abort(write);
        return NULL;
    }
    dir_entry_set_status(entry, (struct span){write->status, strlen(write->status)});
    write_free(write);
    return entry->current;
}

void dir_state_sync(struct dir_state *state)
{
    int fd = open(state->status_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}
