/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dir/file.h"

#define ENTRIES_PER_STEP 200
#define DEEPEST 32

struct folder {
    char *path;
    unsigned depth;
};

struct walk {
    struct walk_callbacks callbacks;
    void *arg;
    struct folder *folders; /* still to be read */
    size_t count;
    size_t capacity;
    DIR *dir; /* the one at hand */
    char *path;
    unsigned depth;
};

/* Takes the path. */
static void add_folder(struct walk *walk, char *path, unsigned depth)
{
    walk->folders = xgrow(walk->folders, walk->count, &walk->capacity, sizeof(*walk->folders));
    walk->folders[walk->count++] = (struct folder){path, depth};
}

struct walk *walk_new(const char *root, const struct walk_callbacks *callbacks, void *arg)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));
    walk->callbacks = *callbacks;
    walk->arg = arg;
    char *path = xstrdup(root);
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
    add_folder(walk, path, 0);
    return walk;
}

static void close_folder(struct walk *walk)
{
    if (walk->dir)
        closedir(walk->dir);
    walk->dir = NULL;
    free(walk->path);
    walk->path = NULL;
}

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    close_folder(walk);
    for (size_t i = 0; i < walk->count; i++)
        free(walk->folders[i].path);
    free(walk->folders);
    free(walk);
}

bool walk_is_manifest(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; i < ARRAY_LENGTH(endings) && name[0] != '.' && ending; i++) {
        if (strcasecmp(ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static void tell_trouble(struct walk *walk, const char *path, int number, const char *what)
{
    struct err err;
    if (number)
        file_fault(&err, number, what);
    else
        err_set(&err, ERR_INVALID, 0, "%s", what);
    walk->callbacks.trouble(walk->arg, path, &err);
}

static void look_at(struct walk *walk, const char *name)
{
    CLEANUP(freep)
    char *path = xasprintf("%s%s%s", walk->path, str_ends(walk->path, "/") ? "" : "/", name);
    struct stat link;
    struct stat status;
    int fd = dirfd(walk->dir);
    if (fstatat(fd, name, &link, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            tell_trouble(walk, path, errno, "cannot be seen");
        return;
    }
    if (S_ISDIR(link.st_mode)) {
        if (walk->depth < DEEPEST)
            add_folder(walk, xstrdup(path), walk->depth + 1);
        else
            tell_trouble(walk, path, 0, "more than 32 folders deep, passed over");
        return;
    }
    bool manifest = walk_is_manifest(name);
    if (fstatat(fd, name, &status, 0) < 0) {
        if (manifest && S_ISLNK(link.st_mode))
            tell_trouble(walk, path, errno, "a link that leads nowhere");
    } else if (S_ISDIR(status.st_mode)) {
        tell_trouble(walk, path, 0, "a link to a folder, passed over");
    } else if (manifest && !S_ISREG(status.st_mode)) {
        tell_trouble(walk, path, 0, "not a regular file, passed over");
    } else if (manifest) {
        walk->callbacks.file(walk->arg, path, &status);
    }
}

static void open_folder(struct walk *walk)
{
    struct folder folder = walk->folders[--walk->count];
    walk->path = folder.path;
    walk->depth = folder.depth;
    if (!walk->callbacks.folder(walk->arg, walk->path)) {
        close_folder(walk);
        return;
    }
    walk->dir = opendir(walk->path);
    if (walk->dir)
        return;
    /* A folder that went since its parent was read is no trouble; the root is. */
    if (errno != ENOENT || walk->depth == 0)
        tell_trouble(walk, walk->path, errno, "the folder cannot be read");
    close_folder(walk);
}

bool walk_step(struct walk *walk)
{
    if (!walk->dir && walk->count)
        open_folder(walk);
    for (int i = 0; walk->dir && i < ENTRIES_PER_STEP; i++) {
        errno = 0;
        const struct dirent *entry = readdir(walk->dir);
        if (entry && entry->d_name[0] == '.')
            continue;
        if (entry) {
            look_at(walk, entry->d_name);
            continue;
        }
        if (errno)
            tell_trouble(walk, walk->path, errno, "the folder cannot be read");
        close_folder(walk);
    }
    return walk->dir || walk->count;
}
