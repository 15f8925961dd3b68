/* SPDX-License-Identifier: Apache-2.0 */
#include "support/temp_folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

void temp_folder_make(struct temp_folder *folder)
{
    const char *base = getenv("TMPDIR");
    folder->path = xasprintf("%s/grapnel-test-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(folder->path));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Folders that a test made unreadable are made readable first. */
static int open_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_D || type == FTW_DNR)
        (void)chmod(path, status->st_mode | 0700);
    return 0;
}

void temp_folder_remove(struct temp_folder *folder)
{
    nftw(folder->path, open_one, 16, FTW_PHYS);
    nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder->path);
    folder->path = NULL;
}

char *temp_path(const struct temp_folder *folder, const char *name)
{
    return xasprintf("%s/%s", folder->path, name);
}

static void make_way(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
}

void temp_write_n(const struct temp_folder *folder, const char *name, const void *bytes,
                  size_t length)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    make_way(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

void temp_write(const struct temp_folder *folder, const char *name, const char *text)
{
    temp_write_n(folder, name, text, strlen(text));
}

char *temp_read(const struct temp_folder *folder, const char *name)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t capacity = 0;
    if (getdelim(&text, &capacity, '\0', file) < 0) {
        free(text);
        text = xstrdup("");
    }
    fclose(file);
    return text;
}

bool temp_exists(const struct temp_folder *folder, const char *name)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    struct stat status;
    return lstat(path, &status) == 0;
}

void temp_mkdir(const struct temp_folder *folder, const char *name)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    make_way(path);
    assert_int_equal(mkdir(path, 0777), 0);
}

void temp_unlink(const struct temp_folder *folder, const char *name)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    assert_int_equal(unlink(path), 0);
}

void temp_rename(const struct temp_folder *folder, const char *from, const char *to)
{
    CLEANUP(freep) char *old = temp_path(folder, from);
    CLEANUP(freep) char *new = temp_path(folder, to);
    make_way(new);
    assert_int_equal(rename(old, new), 0);
}

void temp_link(const struct temp_folder *folder, const char *target, const char *name)
{
    CLEANUP(freep) char *path = temp_path(folder, name);
    make_way(path);
    assert_int_equal(symlink(target, path), 0);
}
