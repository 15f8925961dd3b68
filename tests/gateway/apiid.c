/* SPDX-License-Identifier: Apache-2.0 */
#include "apiid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mem.h"
#include "path.h"

#define DECODINGS 3

static bool is_plain_name(const char *id)
{
    return *id != '\0' && strcmp(id, ".") != 0 && strcmp(id, "..") != 0 &&
           strpbrk(id, "/\\") == NULL;
}

bool apiid_is_valid(const char *id)
{
    char *current = mem_string(id);
    bool valid = is_plain_name(current);
    for (int i = 0; i < DECODINGS && valid; i++) {
        char *decoded = path_decode(current);
        if (decoded == NULL || strcmp(decoded, current) == 0) {
            free(decoded);
            break;
        }
        free(current);
        current = decoded;
        valid = is_plain_name(current);
    }
    free(current);
    return valid;
}

char *apiid_random(void)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        abort();
    }
    char *id = mem_zeroed(2 * sizeof(bytes) + 1);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return id;
}
