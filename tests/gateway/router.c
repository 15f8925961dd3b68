/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "mem.h"
#include "path.h"
#include "text.h"

struct route {
    char *key; /* domain and prefix */
    char *prefix;
    char *domain;
    void *target;
    struct route *next;
};

struct router {
    struct map exact;       /* by key */
    struct route *patterns; /* routes with braces */
};

struct router *router_new(void)
{
    return mem_zeroed(sizeof(struct router));
}

static void route_free(struct route *route)
{
    free(route->key);
    free(route->prefix);
    free(route->domain);
    free(route);
}

void router_free(struct router *router)
{
    if (router == NULL) {
        return;
    }
    size_t position = 0;
    struct route *route = NULL;
    while ((route = map_next(&router->exact, &position)) != NULL) {
        route_free(route);
    }
    while ((route = router->patterns) != NULL) {
        router->patterns = route->next;
        route_free(route);
    }
    map_fini(&router->exact);
    free(router);
}

bool router_takes(const char *listen_path)
{
    int depth = 0;
    const char *opened = NULL;
    for (const char *at = listen_path; *at != '\0'; at++) {
        if (*at == '{' && depth++ == 0) {
            opened = at;
        } else if (*at == '}' && (--depth < 0 || (depth == 0 && at == opened + 1))) {
            return false;
        }
    }
    return depth == 0;
}

void router_add(struct router *router, const char *domain, const char *prefix, void *target)
{
    struct route *route = mem_zeroed(sizeof(*route));
    struct text key = {0};
    route->prefix = path_clean(prefix, true);
    route->domain = mem_string(domain);
    for (char *at = route->domain; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    route->target = target;
    text_printf(&key, "%s%s", route->domain, route->prefix);
    route->key = key.bytes;
    if (strchr(route->prefix, '{') != NULL) {
        route->next = router->patterns;
        router->patterns = route;
    } else if (map_get(&router->exact, route->key) != NULL) {
        route_free(route);
    } else {
        map_put(&router->exact, route->key, route);
    }
}

/* Length of the part of the path that the pattern takes, 0 if it does not fit. */
static size_t pattern_match(const char *pattern, const char *path)
{
    const char *at = path;
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = strcspn(at, "/");
            if (len == 0) {
                return 0;
            }
            at += len;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *at++) {
            return 0;
        }
    }
    return (size_t)(at - path);
}

static struct route *find_exact(const struct router *router, const char *host, const char *path,
                                size_t *ret_len)
{
    struct text key = {0};
    text_printf(&key, "%s%s", host, path);
    struct route *found = NULL;
    size_t host_len = strlen(host);
    while (found == NULL && key.len > host_len) {
        found = map_get(&router->exact, key.bytes);
        *ret_len = key.len - host_len;
        text_cut(&key, key.len - 1);
    }
    text_fini(&key);
    return found;
}

static void *find_on_host(const struct router *router, const char *host, const char *path)
{
    size_t best_len = 0;
    struct route *best = find_exact(router, host, path, &best_len);
    for (struct route *route = router->patterns; route != NULL; route = route->next) {
        size_t len = strcmp(route->domain, host) == 0 ? pattern_match(route->prefix, path) : 0;
        if (len > (best != NULL ? best_len : 0)) {
            best = route;
            best_len = len;
        }
    }
    return best != NULL ? best->target : NULL;
}

void *router_find(const struct router *router, const char *host, const char *path)
{
    char *name = mem_string_of(host, strcspn(host, ":"));
    for (char *at = name; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    void *target = *name != '\0' ? find_on_host(router, name, path) : NULL;
    free(name);
    return target != NULL ? target : find_on_host(router, "", path);
}
