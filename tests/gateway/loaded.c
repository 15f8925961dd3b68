/* SPDX-License-Identifier: Apache-2.0 */
#include "loaded.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "mem.h"
#include "policy.h"
#include "router.h"
#include "text.h"

struct loaded {
    unsigned references;
    struct api **apis;
    size_t count;
    struct api **hidden; /* another file has the same id and comes later; routes may lead here */
    size_t hidden_count;
    struct map by_id;
    struct router *router;
};

/* How many of the APIs of one reload have a listen path. */
struct claim {
    char *key; /* domain and path */
    size_t count;
};

static void api_unref(struct api *api)
{
    if (--api->references > 0) {
        return;
    }
    definition_unref(api->definition);
    policy_free(api->policy);
    free(api->listen_path);
    free(api);
}

struct loaded *loaded_empty(void)
{
    struct loaded *loaded = mem_zeroed(sizeof(*loaded));
    loaded->references = 1;
    loaded->router = router_new();
    return loaded;
}

struct loaded *loaded_ref(struct loaded *loaded)
{
    loaded->references++;
    return loaded;
}

void loaded_unref(struct loaded *loaded)
{
    if (loaded == NULL || --loaded->references > 0) {
        return;
    }
    for (size_t i = 0; i < loaded->count; i++) {
        api_unref(loaded->apis[i]);
    }
    for (size_t i = 0; i < loaded->hidden_count; i++) {
        api_unref(loaded->hidden[i]);
    }
    free(loaded->apis);
    free(loaded->hidden);
    map_fini(&loaded->by_id);
    router_free(loaded->router);
    free(loaded);
}

size_t loaded_count(const struct loaded *loaded)
{
    return loaded->count;
}

struct api *loaded_at(const struct loaded *loaded, size_t index)
{
    return loaded->apis[index];
}

struct api *loaded_get(const struct loaded *loaded, const char *api_id)
{
    return map_get(&loaded->by_id, api_id);
}

struct api *loaded_route(const struct loaded *loaded, const char *host, const char *path)
{
    return router_find(loaded->router, host, path);
}

static struct claim *claim_of(const struct map *claims, const struct api *api)
{
    struct text key = {0};
    text_printf(&key, "%s%s", api->definition->domain, api->listen_path);
    struct claim *claim = map_get(claims, key.bytes);
    text_fini(&key);
    return claim;
}

static bool is_contested(const struct map *claims, const struct api *api)
{
    const struct claim *claim = claim_of(claims, api);
    return claim != NULL && claim->count > 1;
}

static void add_claim(struct map *claims, const struct api *api)
{
    struct claim *claim = claim_of(claims, api);
    if (claim == NULL) {
        struct text key = {0};
        text_printf(&key, "%s%s", api->definition->domain, api->listen_path);
        claim = mem_zeroed(sizeof(*claim));
        claim->key = key.bytes;
        map_put(claims, claim->key, claim);
    }
    claim->count++;
}

static void claims_fini(struct map *claims)
{
    size_t position = 0;
    struct claim *claim = NULL;
    while ((claim = map_next(claims, &position)) != NULL) {
        free(claim->key);
        free(claim);
    }
    map_fini(claims);
}

/* What Go's url.Parse refuses, as far as a target may have it. */
static bool is_url(const char *url)
{
    size_t scheme = strcspn(url, ":/?#");
    if (url[scheme] == ':') {
        if (!isalpha((unsigned char)url[0])) {
            return false;
        }
        for (size_t i = 0; i < scheme; i++) {
            if (!isalnum((unsigned char)url[i]) && strchr("+-.", url[i]) == NULL) {
                return false;
            }
        }
    }
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Listed, but no route is made for it. */
static bool is_skipped(const struct api *api)
{
    return *api->listen_path == '\0' || strchr(api->listen_path, ' ') != NULL ||
           !is_url(api->definition->target_url);
}

/*
 * A newcomer whose path more than one API has is renamed, all newcomers alike; one that was loaded
 * with the path keeps it. The new name is not undone when the rival goes: the API is only built
 * again when its own definition changes.
 */
static void settle_listen_path(const struct map *claims, const struct loaded *before,
                               struct api *api)
{
    const struct api *old = loaded_get(before, api->definition->api_id);
    while (!is_skipped(api) && is_contested(claims, api)) {
        if (!api->renamed && old != NULL && strcmp(old->listen_path, api->listen_path) == 0) {
            return;
        }
        struct text renamed = {0};
        text_puts(&renamed, api->listen_path);
        if (api->renamed) {
            text_putc(&renamed, '_');
        } else {
            text_printf(&renamed, "-%s", api->definition->api_id);
        }
        free(api->listen_path);
        api->listen_path = renamed.bytes;
        api->renamed = true;
    }
}

/* Making its route fails, and the API is not even listed. */
static bool is_lost(const struct api *api)
{
    return !is_skipped(api) && (api->listen_path[0] != '/' || !router_takes(api->listen_path));
}

/* Of two files with one id the last one is in the map; both have routes. */
static void add(struct loaded *loaded, struct api *api)
{
    const struct api *twin = map_put(&loaded->by_id, api->definition->api_id, api);
    if (twin == NULL) {
        loaded->apis[loaded->count++] = api;
        return;
    }
    for (size_t i = 0; i < loaded->count; i++) {
        if (loaded->apis[i] == twin) {
            loaded->hidden[loaded->hidden_count++] = loaded->apis[i];
            loaded->apis[i] = api;
            return;
        }
    }
}

static void add_routes(struct loaded *loaded, struct api *api)
{
    if (is_skipped(api) || api->definition->internal) {
        return;
    }
    struct text by_id = {0};
    text_printf(&by_id, "/%s/", api->definition->api_id);
    router_add(loaded->router, api->definition->domain, api->listen_path, api);
    router_add(loaded->router, api->definition->domain, by_id.bytes, api);
    text_fini(&by_id);
}

static struct api *make_api(const struct loaded *before, struct definition *definition, bool jsvm,
                            enum loaded_death *ret_death)
{
    struct api *old = loaded_get(before, definition->api_id);
    if (old != NULL && definition_same(old->definition, definition)) {
        old->references++;
        return old;
    }
    if (definition->js_handler && !jsvm) {
        *ret_death = LOADED_NO_JSVM;
    } else if (definition->js_handler_no_path) {
        *ret_death = LOADED_NO_JS_PATH;
    }
    struct api *api = mem_zeroed(sizeof(*api));
    api->references = 1;
    api->definition = definition_ref(definition);
    api->listen_path = mem_string(definition->listen_path);
    return api;
}

struct loaded *loaded_build(const struct loaded *before, struct definition *const *definitions,
                            size_t count, bool jsvm, enum loaded_death *ret_death)
{
    *ret_death = LOADED_ALIVE;
    struct api **apis = mem_zeroed((count + 1) * sizeof(*apis));
    struct map claims = {0};
    for (size_t i = 0; i < count; i++) {
        apis[i] = make_api(before, definitions[i], jsvm, ret_death);
        add_claim(&claims, apis[i]);
    }
    struct loaded *loaded = loaded_empty();
    loaded->apis = mem_zeroed((count + 1) * sizeof(*loaded->apis));
    loaded->hidden = mem_zeroed((count + 1) * sizeof(*loaded->hidden));
    for (size_t i = 0; i < count; i++) {
        struct api *api = apis[i];
        if (api->references == 1) {
            settle_listen_path(&claims, before, api);
        }
        if (is_lost(api)) {
            api_unref(api);
        } else {
            add(loaded, api);
            add_routes(loaded, api);
        }
    }
    claims_fini(&claims);
    free(apis);
    if (*ret_death != LOADED_ALIVE) {
        loaded_unref(loaded);
        return NULL;
    }
    return loaded;
}
