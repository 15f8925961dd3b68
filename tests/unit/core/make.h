/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/yaml.h"
#include "core/cache.h"
#include "core/object.h"
#include "core/problem.h"

/* Objects and texts for the tests, written as YAML in flow style. */

/* Returns owned JSON. */
__attribute__((unused)) static char *make_json(const char *yaml)
{
    struct yaml_documents documents;
    struct err err;
    unsigned line = 0;
    if (yaml_read((struct span){yaml, strlen(yaml)}, &yaml_default_limits, &documents, &line,
                  &err) < 0)
        fail_msg("line %u: %s: %s", line, err.msg, yaml);
    assert_int_equal(documents.count, 1);
    char *json = documents.items[0].json;
    documents.items[0].json = NULL;
    yaml_documents_fini(&documents);
    return json;
}

/* Returns owned. */
__attribute__((unused)) static struct object *make_object(enum object_kind kind, const char *yaml)
{
    char *json = make_json(yaml);
    struct object *object = NULL;
    struct err err;
    if (object_new(kind, (struct span){json, strlen(json)}, NULL, &object, &err) < 0)
        fail_msg("%s: %s", err.msg, json);
    free(json);
    return object;
}

/* Puts an object into a cache; borrowed. */
__attribute__((unused)) static const struct object *
put_object(struct cache *cache, enum object_kind kind, const char *yaml)
{
    struct object *object = make_object(kind, yaml);
    object_unref(cache_put(cache, object));
    const struct object *held = cache_get(cache, kind, object->key);
    object_unref(object);
    return held;
}

/* Is there a problem of this reason whose field and message hold these texts (NULL: any)? */
__attribute__((unused)) static bool has_problem(const struct problem *problems, size_t count,
                                                const char *reason, const char *field,
                                                const char *message)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(problems[i].reason, reason) == 0 &&
            (!field || (problems[i].field && strstr(problems[i].field, field))) &&
            (!message || strstr(problems[i].message, message)))
            return true;
    }
    return false;
}
