/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the files of a corpus through a fuzz target, without a fuzzer. Arguments are files, or
 * folders that are read with all their folders. Fails when there is nothing to run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replay(const char *path);

static size_t replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) < 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)status.st_size;
    /* Exactly as long as it is, so that reading on is noticed. */
    uint8_t *data = xmalloc(size ? size : 1);
    if (fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static size_t replay_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        perror(path);
        exit(1);
    }
    size_t replayed = 0;
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            CLEANUP(freep) char *inner = xasprintf("%s/%s", path, entries[i]->d_name);
            replayed += replay(inner);
        }
        free(entries[i]);
    }
    free(entries);
    return replayed;
}

static size_t replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return replay_folder(path);
    return replay_file(path);
}

int main(int argc, char **argv)
{
    size_t replayed = 0;
    for (int i = 1; i < argc; i++)
        replayed += replay(argv[i]);
    fprintf(stderr, "%zu inputs\n", replayed);
    return replayed ? 0 : 1;
}
