/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nearest.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static char fold(char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte + 'a' - 'A' : byte);
}

/* The next letter that counts, NUL at the end. */
static char next_letter(const char **at)
{
    while (**at == '-' || **at == '_')
        ++*at;
    char letter = fold(**at);
    *at += letter != '\0';
    return letter;
}

static bool same_letters(const char *a, const char *b)
{
    char letter;
    do {
        letter = next_letter(&a);
        if (letter != next_letter(&b))
            return false;
    } while (letter);
    return true;
}

unsigned nearest_distance(const char *a, const char *b)
{
    return same_letters(a, b) ? 0 : str_distance(a, b);
}

const char *nearest_name(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned least = NEAREST_FAR;
    for (size_t i = 0; i < count; i++) {
        unsigned apart = nearest_distance(names[i], name);
        if (apart < least && apart <= strlen(names[i]) / 3) {
            least = apart;
            best = names[i];
        }
    }
    return best;
}
