/* SPDX-License-Identifier: Apache-2.0 */
#include "control_route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define PART_LIMIT 4

/* A row of the table: "*" in a part takes any part that is not empty. */
struct route {
    const char *parts[PART_LIMIT];
    const char *method;
    enum control_operation operation;
};

/*
 * The first row that fits counts. /tyk/apis/oas is both the OAS collection and the Classic API of
 * the id "oas", and which one depends on the method.
 */
static const struct route routes[] = {
    {{"apis"}, "GET", CONTROL_LIST},
    {{"apis"}, "POST", CONTROL_ADD},
    {{"apis", "oas"}, "GET", CONTROL_LIST_OAS},
    {{"apis", "oas"}, "POST", CONTROL_ADD_OAS},
    {{"apis", "oas", "export"}, "GET", CONTROL_EXPORT_ALL},
    {{"apis", "oas", "*"}, "GET", CONTROL_GET_OAS},
    {{"apis", "oas", "*"}, "PUT", CONTROL_UPDATE_OAS},
    {{"apis", "oas", "*"}, "PATCH", CONTROL_PATCH_OAS},
    {{"apis", "oas", "*"}, "DELETE", CONTROL_DELETE},
    {{"apis", "oas", "*", "versions"}, "GET", CONTROL_VERSIONS},
    {{"apis", "oas", "*", "export"}, "GET", CONTROL_EXPORT},
    {{"apis", "*"}, "GET", CONTROL_GET},
    {{"apis", "*"}, "POST", CONTROL_ADD},
    {{"apis", "*"}, "PUT", CONTROL_UPDATE},
    {{"apis", "*"}, "DELETE", CONTROL_DELETE},
    {{"apis", "*", "versions"}, "GET", CONTROL_VERSIONS},
    {{"reload"}, "GET", CONTROL_RELOAD},
    {{"reload", "group"}, "GET", CONTROL_RELOAD_GROUP},
};

struct parts {
    const char *at[PART_LIMIT];
    size_t len[PART_LIMIT];
    size_t count; /* PART_LIMIT + 1: more than any route has */
};

static struct parts split(const char *path)
{
    struct parts parts = {0};
    while (*path == '/') {
        path++;
        if (parts.count == PART_LIMIT) {
            parts.count++;
            break;
        }
        parts.at[parts.count] = path;
        parts.len[parts.count] = strcspn(path, "/");
        path += parts.len[parts.count++];
    }
    return parts;
}

static bool fits(const struct route *route, const struct parts *parts)
{
    for (size_t i = 0; i < PART_LIMIT; i++) {
        bool more = i < parts->count;
        if (more != (route->parts[i] != NULL)) {
            return false;
        }
        if (!more) {
            return true;
        }
        bool any = strcmp(route->parts[i], "*") == 0;
        if (any ? parts->len[i] == 0
                : strlen(route->parts[i]) != parts->len[i] ||
                      strncmp(route->parts[i], parts->at[i], parts->len[i]) != 0) {
            return false;
        }
    }
    return parts->count <= PART_LIMIT;
}

/* The part that "*" took; of a literal "oas" too, where it is the id of a Classic API. */
static char *id_of(const struct route *route, const struct parts *parts)
{
    for (size_t i = 0; i < PART_LIMIT && route->parts[i] != NULL; i++) {
        if (strcmp(route->parts[i], "*") == 0) {
            return mem_string_of(parts->at[i], parts->len[i]);
        }
    }
    return NULL;
}

static enum control_operation route_under_tyk(const char *method, const char *path, char **ret_id)
{
    struct parts parts = split(path);
    bool known = false;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!fits(&routes[i], &parts)) {
            continue;
        }
        known = true;
        if (strcmp(routes[i].method, method) == 0) {
            *ret_id = id_of(&routes[i], &parts);
            return routes[i].operation;
        }
    }
    return known ? CONTROL_WRONG_METHOD : CONTROL_UNKNOWN;
}

enum control_operation control_route(const char *method, const char *path, char **ret_id)
{
    *ret_id = NULL;
    if (strcmp(path, "/hello") == 0) {
        return CONTROL_HELLO;
    }
    if (strcmp(path, "/ready") == 0) {
        return CONTROL_READY;
    }
    size_t len = strlen(path) - strlen("/tyk");
    const char *rest = path + strlen("/tyk");
    if (strcmp(rest, "/") == 0) {
        return CONTROL_ROOT;
    }
    /* One trailing slash is cut off. */
    char *inner = mem_string_of(rest, rest[len - 1] == '/' ? len - 1 : len);
    enum control_operation operation = route_under_tyk(method, inner, ret_id);
    free(inner);
    return operation;
}
