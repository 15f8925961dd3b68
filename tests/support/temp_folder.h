/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A folder of a test's own, gone at its end. Paths are relative to it.
 */
struct temp_folder {
    char *path;
};

void temp_folder_make(struct temp_folder *folder);
void temp_folder_remove(struct temp_folder *folder);
/* Returns owned: the whole path of a name in it. */
char *temp_path(const struct temp_folder *folder, const char *name);
/* Writes a file in place; folders on the way are made. */
void temp_write(const struct temp_folder *folder, const char *name, const char *text);
void temp_write_n(const struct temp_folder *folder, const char *name, const void *bytes,
                  size_t length);
/* Returns owned text; NULL when there is no such file. */
char *temp_read(const struct temp_folder *folder, const char *name);
bool temp_exists(const struct temp_folder *folder, const char *name);
void temp_mkdir(const struct temp_folder *folder, const char *name);
void temp_unlink(const struct temp_folder *folder, const char *name);
void temp_rename(const struct temp_folder *folder, const char *from, const char *to);
void temp_link(const struct temp_folder *folder, const char *target, const char *name);
