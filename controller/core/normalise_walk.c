/* SPDX-License-Identifier: Apache-2.0 */
#include "core/normalise_walk.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/cooldown.h"
#include "core/definition.h"

#define HIDDEN "<hidden>"
#define HIDDEN_OTHER "<hidden, differs>"
/* Arrays are aligned by what is equal in them, unless that would be too dear. */
#define ALIGNED_CELLS 4096

/* Where the walk is. */
struct place {
    const char *key;    /* of the value, or of the array that it stands in; "" at the root */
    const char *parent; /* of the object around it */
    bool hides;
    bool in_handler;
    bool in_headers;
};

struct side {
    const json_t *wanted; /* NULL: absent */
    const json_t *shown;
    const json_t *found;
};

static struct normalise_pair pair_values(const struct place *place, const struct side *side);

static bool is_zero(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_TRUE:
        return false;
    case JSON_STRING:
        /* How Go prints no duration. */
        return !*json_string_value(value) || strcmp(json_string_value(value), "0s") == 0;
    case JSON_INTEGER:
        return json_integer_value(value) == 0;
    case JSON_REAL:
        return !(json_real_value(value) < 0 || json_real_value(value) > 0);
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_OBJECT:
        break;
    }
    void *at = json_object_iter((json_t *)(uintptr_t)value);
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        if (!is_zero(json_object_iter_value(at)))
            return false;
    }
    return true;
}

static json_t *keep(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

/* Scalars. */

static bool same_text(const struct place *place, const char *wanted, const char *found)
{
    int64_t ours;
    int64_t theirs;
    if (strcmp(wanted, found) == 0 || definition_is_looked_up(wanted))
        return true;
    if (strcmp(place->key, "cooldownPeriod") == 0)
        return cooldown_read(wanted, &ours) && cooldown_read(found, &theirs) && ours == theirs;
    if (strcmp(place->key, "listen_path") == 0 ||
        (strcmp(place->key, "value") == 0 && strcmp(place->parent, "listenPath") == 0))
        return listen_path_compare(wanted, found, "") == LISTEN_PATH_SAME;
    if (strcmp(place->key, "tag_headers") == 0)
        return strcasecmp(wanted, found) == 0;
    return false;
}

static bool same_number(const struct place *place, const json_t *wanted, const json_t *found)
{
    double ours = json_number_value(wanted);
    double theirs = json_number_value(found);
    if (!(ours < theirs || ours > theirs))
        return true;
    /* The gateway caps it at TLS 1.2. */
    return strcmp(place->key, "ssl_max_version") == 0 && ours > 0 && theirs > 770 && theirs < 772;
}

static bool same_scalar(const struct place *place, const json_t *wanted, const json_t *found)
{
    if (json_is_string(wanted) && json_is_string(found))
        return same_text(place, json_string_value(wanted), json_string_value(found));
    if (json_is_number(wanted) && json_is_number(found))
        return same_number(place, wanted, found);
    return json_equal(wanted, found);
}

/* Hiding. */

static bool is_confidential(const char *key)
{
    static const char *const signs[] = {"secret",     "password", "passphrase",
                                        "privatekey", "apikey",   "credential"};
    char plain[64];
    size_t length = 0;
    for (; *key && length + 1 < sizeof(plain); key++) {
        if (*key != '_' && *key != '-')
            plain[length++] = (char)(*key >= 'A' && *key <= 'Z' ? *key + 'a' - 'A' : *key);
    }
    plain[length] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(signs); i++) {
        if (strstr(plain, signs[i]))
            return true;
    }
    return strcmp(plain, "token") == 0;
}

/* What a URL says without what may be secret in it. */
static json_t *host_only(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return json_string(HIDDEN_OTHER);
    size_t length = (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
    bool is_plain = !url[length] && !memchr(url, '@', length);
    if (is_plain)
        return json_string(url);
    CLEANUP(freep)
    char *shown = memchr(url, '@', length)
                      ? xasprintf("%.*s" HIDDEN_OTHER, (int)(host - url) + 3, url)
                      : xasprintf("%.*s/" HIDDEN_OTHER, (int)length, url);
    return json_string(shown);
}

/* Returns owned: the gateway's value as people may see it, where it is not the wanted one. */
static json_t *hide_found(const struct place *place, const struct side *side)
{
    const char *text = json_string_value(side->found);
    if (!place->hides || !text || !*text)
        return keep(side->found);
    bool stands_for_secret =
        side->shown != side->wanted && side->wanted && !json_equal(side->shown, side->wanted);
    if (stands_for_secret || is_confidential(place->key))
        return json_string(HIDDEN_OTHER);
    if (place->in_headers && strcmp(place->key, "name") != 0)
        return json_string(HIDDEN_OTHER);
    bool is_address = strcmp(place->key, "url") == 0 || strcmp(place->key, "target_path") == 0;
    return place->in_handler && is_address ? host_only(text) : keep(side->found);
}

static json_t *hide_wanted(const struct place *place, const struct side *side)
{
    const char *text = json_string_value(side->wanted);
    if (place->hides && text && *text && is_confidential(place->key))
        return json_string(HIDDEN);
    return keep(side->shown);
}

static struct normalise_pair pair_scalars(const struct place *place, const struct side *side)
{
    struct normalise_pair pair = {NULL, NULL};
    if (side->wanted)
        pair.wanted = hide_wanted(place, side);
    if (side->wanted && side->found && same_scalar(place, side->wanted, side->found))
        pair.found = keep(pair.wanted);
    else if (side->found)
        pair.found = hide_found(place, side);
    return pair;
}

/* Objects. */

static void pair_member(const struct place *outer, const char *key, const struct side *outer_side,
                        struct normalise_pair *pair)
{
    struct side side = {
        json_object_get(outer_side->wanted, key),
        json_object_get(outer_side->shown, key),
        json_object_get(outer_side->found, key),
    };
    if (is_zero(side.wanted) && is_zero(side.found))
        return;
    struct place place = *outer;
    place.key = key;
    place.parent = outer->key;
    place.in_handler |= strcmp(key, "eventHandlers") == 0 || strcmp(key, "handler_meta") == 0;
    place.in_headers |=
        place.in_handler && (strcmp(key, "headers") == 0 || strcmp(key, "header_map") == 0);
    struct normalise_pair member = pair_values(&place, &side);
    if (member.wanted)
        json_object_set_new(pair->wanted, key, member.wanted);
    if (member.found)
        json_object_set_new(pair->found, key, member.found);
}

static struct normalise_pair pair_objects(const struct place *place, const struct side *side)
{
    struct normalise_pair pair = {
        side->wanted ? json_object() : NULL,
        side->found ? json_object() : NULL,
    };
    json_t *wanted = (json_t *)(uintptr_t)side->wanted;
    json_t *found = (json_t *)(uintptr_t)side->found;
    for (void *at = json_object_iter(wanted); at; at = json_object_iter_next(wanted, at))
        pair_member(place, json_object_iter_key(at), side, &pair);
    for (void *at = json_object_iter(found); at; at = json_object_iter_next(found, at)) {
        const char *key = json_object_iter_key(at);
        if (!json_object_get(wanted, key))
            pair_member(place, key, side, &pair);
    }
    return pair;
}

/* Arrays. */

static bool same_values(const struct place *outer, const char *key, const json_t *wanted,
                        const json_t *found);

static bool same_members(const struct place *place, const json_t *wanted, const json_t *found)
{
    json_t *ours = (json_t *)(uintptr_t)wanted;
    json_t *theirs = (json_t *)(uintptr_t)found;
    for (void *at = json_object_iter(ours); at; at = json_object_iter_next(ours, at)) {
        const char *key = json_object_iter_key(at);
        if (!same_values(place, key, json_object_iter_value(at), json_object_get(theirs, key)))
            return false;
    }
    for (void *at = json_object_iter(theirs); at; at = json_object_iter_next(theirs, at)) {
        if (!json_object_get(ours, json_object_iter_key(at)) &&
            !is_zero(json_object_iter_value(at)))
            return false;
    }
    return true;
}

static bool same_element(const struct place *place, const json_t *wanted, const json_t *found)
{
    if (json_is_object(wanted) && json_is_object(found))
        return same_members(place, wanted, found);
    if (!json_is_array(wanted) || !json_is_array(found))
        return same_scalar(place, wanted, found);
    size_t count = json_array_size(wanted);
    for (size_t i = 0; i < count && json_array_size(found) == count; i++) {
        if (!same_element(place, json_array_get(wanted, i), json_array_get(found, i)))
            return false;
    }
    return json_array_size(found) == count;
}

/* Would both be the same after the walk? `found` NULL: absent. */
static bool same_values(const struct place *outer, const char *key, const json_t *wanted,
                        const json_t *found)
{
    if (is_zero(wanted) && is_zero(found))
        return true;
    struct place place = {.key = key, .parent = outer->key};
    return found && same_element(&place, wanted, found);
}

static void pair_elements(const struct place *place, const struct side *arrays, size_t wanted_at,
                          size_t found_at, struct normalise_pair *pair)
{
    struct side side = {
        json_array_get(arrays->wanted, wanted_at),
        json_array_get(arrays->shown, wanted_at),
        json_array_get(arrays->found, found_at),
    };
    struct normalise_pair element = pair_values(place, &side);
    if (element.wanted)
        json_array_append_new(pair->wanted, element.wanted);
    if (element.found)
        json_array_append_new(pair->found, element.found);
}

/* The lengths of the longest common subsequences of all rests, (rows + 1) × (columns + 1). */
static unsigned *common_lengths(const struct place *place, const struct side *arrays, size_t begin,
                                size_t rows, size_t columns)
{
    unsigned *table = xcalloc((rows + 1) * (columns + 1), sizeof(*table));
    for (size_t i = rows; i-- > 0;) {
        for (size_t j = columns; j-- > 0;) {
            unsigned below = table[(i + 1) * (columns + 1) + j];
            unsigned right = table[i * (columns + 1) + j + 1];
            bool same = same_element(place, json_array_get(arrays->wanted, begin + i),
                                     json_array_get(arrays->found, begin + j));
            table[i * (columns + 1) + j] = same ? table[(i + 1) * (columns + 1) + j + 1] + 1
                                           : below > right ? below
                                                           : right;
        }
    }
    return table;
}

/* Pairs the elements between equal beginnings and ends: equal ones with each other, the others
 * between them one by one. */
static void pair_middle(const struct place *place, const struct side *arrays, size_t begin,
                        size_t rows, size_t columns, struct normalise_pair *pair)
{
    bool aligns = rows && columns && rows * columns <= ALIGNED_CELLS;
    CLEANUP(freep)
    unsigned *table = aligns ? common_lengths(place, arrays, begin, rows, columns) : NULL;
    size_t i = 0;
    size_t j = 0;
    while (i < rows || j < columns) {
        bool both = i < rows && j < columns;
        bool wanted_alone = !both && i < rows;
        if (both && table) {
            const unsigned *here = &table[i * (columns + 1) + j];
            const unsigned *below = here + columns + 1;
            bool same = same_element(place, json_array_get(arrays->wanted, begin + i),
                                     json_array_get(arrays->found, begin + j));
            both = same || below[1] == *here;
            wanted_alone = !both && below[0] >= here[1];
        }
        size_t wanted_at = both || wanted_alone ? begin + i++ : SIZE_MAX;
        size_t found_at = both || !wanted_alone ? begin + j++ : SIZE_MAX;
        pair_elements(place, arrays, wanted_at, found_at, pair);
    }
}

static struct normalise_pair pair_arrays(const struct place *place, const struct side *side)
{
    struct normalise_pair pair = {json_array(), json_array()};
    size_t rows = json_array_size(side->wanted);
    size_t columns = json_array_size(side->found);
    size_t shorter = rows < columns ? rows : columns;
    size_t begin = 0;
    while (begin < shorter && same_element(place, json_array_get(side->wanted, begin),
                                           json_array_get(side->found, begin)))
        begin++;
    size_t end = 0;
    while (end < shorter - begin &&
           same_element(place, json_array_get(side->wanted, rows - 1 - end),
                        json_array_get(side->found, columns - 1 - end)))
        end++;
    for (size_t i = 0; i < begin; i++)
        pair_elements(place, side, i, i, &pair);
    pair_middle(place, side, begin, rows - begin - end, columns - begin - end, &pair);
    for (size_t i = end; i > 0; i--)
        pair_elements(place, side, rows - i, columns - i, &pair);
    return pair;
}

/* One side's value by itself. */
static json_t *alone(const struct place *place, const struct side *side)
{
    const json_t *value = side->wanted ? side->wanted : side->found;
    struct normalise_pair pair = json_is_object(value)  ? pair_objects(place, side)
                                 : json_is_array(value) ? pair_arrays(place, side)
                                                        : pair_scalars(place, side);
    json_decref(side->wanted ? pair.found : pair.wanted);
    return side->wanted ? pair.wanted : pair.found;
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static struct normalise_pair pair_values(const struct place *place, const struct side *side)
{
    if (json_is_object(side->wanted) && json_is_object(side->found))
        return pair_objects(place, side);
    if (json_is_array(side->wanted) && json_is_array(side->found))
        return pair_arrays(place, side);
    if (side->wanted && side->found && !is_container(side->wanted) && !is_container(side->found))
        return pair_scalars(place, side);
    struct side wanted = {side->wanted, side->shown, NULL};
    struct side found = {NULL, NULL, side->found};
    return (struct normalise_pair){
        side->wanted ? alone(place, &wanted) : NULL,
        side->found ? alone(place, &found) : NULL,
    };
}

struct normalise_pair normalise_walk(const json_t *wanted, const json_t *shown, const json_t *found,
                                     bool hides)
{
    struct place place = {.key = "", .parent = "", .hides = hides};
    return pair_values(&place, &(struct side){wanted, shown, found});
}
