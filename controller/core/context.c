/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/allowed.h"
#include "core/members.h"
#include "core/secret.h"

const char *const context_template_paths[] = {"templates/", "/opt/tyk-gateway/templates/", NULL};

/* Returns owned list; NULL when nothing is said (the default applies). */
static char **read_paths(struct span list)
{
    if (json_text_type(list) != JSON_TEXT_ARRAY)
        return NULL;
    size_t count = 0;
    char **paths = xcalloc(1, sizeof(*paths));
    struct json_text_iter iter = json_text_iterate(list);
    while (json_text_next(&iter)) {
        char *path = json_text_string(iter.value);
        if (!path)
            continue;
        paths = xrealloc(paths, (count + 2) * sizeof(*paths));
        paths[count++] = path;
        paths[count] = NULL;
    }
    return paths;
}

/* Returns owned: TYK_ORG of the context's Secret, NULL when there is none. */
static char *read_org(const struct cache *cache, const struct object *context)
{
    CLEANUP(freep)
    char *name = json_text_string(json_text_get(object_spec(context), "secretRef", "name", NULL));
    if (!name)
        return NULL;
    struct buf org;
    buf_init(&org, BUF_UNLIMITED);
    const struct object *secret = cache_get_named(cache, OBJECT_SECRET, context->ns, name);
    if (secret_value(secret, "TYK_ORG", &org, NULL) < 0 || !org.length) {
        buf_fini(&org);
        return NULL;
    }
    return buf_take(&org);
}

bool context_read(const struct cache *cache, const char *key, const char *ns,
                  struct context *ret_context)
{
    *ret_context = (struct context){.version = NULL};
    const struct object *object = cache_get(cache, OBJECT_CONTEXT, key);
    if (!object || object->problem ||
        !allowed_permits(json_text_get(object_spec(object), "allowedNamespaces", NULL), object->ns,
                         ns, cache))
        return false;
    static const char *const names[] = {"version", "jsvm", "kvReferences", "templatePaths"};
    struct span values[4];
    members_read(json_text_get(object_spec(object), "gateway", NULL), names, 4, values, NULL, NULL);
    char *version = json_text_string(values[0]);
    ret_context->version = version ? version : xstrdup("");
    ret_context->org_id = read_org(cache, object);
    ret_context->template_paths = read_paths(values[3]);
    ret_context->abilities = (struct gateway_abilities){
        .version = ret_context->version,
        .jsvm = json_text_bool(values[1], false),
        .kv_references = json_text_bool(values[2], false),
        .template_paths = (const char *const *)ret_context->template_paths,
        .org_id = ret_context->org_id,
    };
    return true;
}

void context_fini(struct context *context)
{
    free(context->version);
    free(context->org_id);
    for (size_t i = 0; context->template_paths && context->template_paths[i]; i++)
        free(context->template_paths[i]);
    free(context->template_paths);
    *context = (struct context){.version = NULL};
}
