/* SPDX-License-Identifier: Apache-2.0 */
#include "core/normalise.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_text.h"
#include "core/definition.h"
#include "core/normalise_walk.h"

/* Headers as the gateway shows them: by name, of equal names the last. */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(text_of(*(json_t *const *)a, "name"), text_of(*(json_t *const *)b, "name"));
}

static int by_trigger(const void *a, const void *b)
{
    return strcmp(text_of(*(json_t *const *)a, "trigger"), text_of(*(json_t *const *)b, "trigger"));
}

/* Insertion sort: stable, and these are short. */
static void sort(json_t **items, size_t count, int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < count; i++) {
        json_t *item = items[i];
        size_t at = i;
        for (; at && compare(&items[at - 1], &item) > 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* Returns owned: the array's elements in order; of equal ones only the last where `unique`. */
static json_t *sorted(const json_t *array, int (*compare)(const void *, const void *), bool unique)
{
    size_t count = json_array_size(array);
    CLEANUP(freep) json_t **items = xcalloc(count + 1, sizeof(*items));
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(array, i);
    sort(items, count, compare);
    json_t *result = json_array();
    for (size_t i = 0; i < count; i++) {
        if (!unique || i + 1 == count || compare(&items[i], &items[i + 1]) != 0)
            json_array_append(result, items[i]);
    }
    return result;
}

static bool is_one_of(const char *key, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static void keep_only(json_t *object, const char *const *keys, size_t count)
{
    void *next = NULL;
    for (void *at = json_object_iter(object); at; at = next) {
        next = json_object_iter_next(object, at);
        if (!is_one_of(json_object_iter_key(at), keys, count))
            json_object_del(object, json_object_iter_key(at));
    }
}

/* A gateway keeps what it knows, and of handlers that are no webhooks neither id nor name. */
static void keep_of_handler(json_t *handler)
{
    static const char *const webhook[] = {"enabled",      "trigger", "type", "cooldownPeriod",
                                          "id",           "name",    "url",  "method",
                                          "bodyTemplate", "headers"};
    static const char *const custom[] = {"enabled", "trigger",      "type",
                                         "id",      "functionName", "path"};
    static const char *const logger[] = {"enabled", "trigger", "type", "logPrefix"};
    const char *type = text_of(handler, "type");
    if (strcmp(type, "custom") == 0)
        keep_only(handler, custom, ARRAY_LENGTH(custom));
    else if (strcmp(type, "log") == 0)
        keep_only(handler, logger, ARRAY_LENGTH(logger));
    else
        keep_only(handler, webhook, ARRAY_LENGTH(webhook));
}

static void settle_handler(json_t *handler)
{
    keep_of_handler(handler);
    static const char *const fields[] = {"name", "value"};
    const json_t *headers = json_object_get(handler, "headers");
    if (!json_is_array(headers))
        return;
    for (size_t i = 0; i < json_array_size(headers); i++)
        keep_only(json_array_get(headers, i), fields, ARRAY_LENGTH(fields));
    json_object_set_new(handler, "headers", sorted(headers, by_name, true));
}

/* The order of handlers across triggers is another at each GET; within one it is kept. */
static void settle_handlers(json_t *document)
{
    json_t *server = json_object_get(json_object_get(document, "x-tyk-api-gateway"), "server");
    json_t *handlers = json_object_get(server, "eventHandlers");
    if (!json_is_array(handlers))
        return;
    for (size_t i = 0; i < json_array_size(handlers); i++)
        settle_handler(json_array_get(handlers, i));
    json_object_set_new(server, "eventHandlers", sorted(handlers, by_trigger, false));
}

/* servers[]: the gateway puts its own addresses for the listen path before the user's. */

static const char *listen_path_of(const json_t *document)
{
    const json_t *server =
        json_object_get(json_object_get(document, "x-tyk-api-gateway"), "server");
    return text_of(json_object_get(server, "listenPath"), "value");
}

static bool same_but_for_slash(const char *a, size_t a_length, const char *b)
{
    size_t b_length = strlen(b);
    a_length -= a_length > 1 && a[a_length - 1] == '/';
    b_length -= b_length > 1 && b[b_length - 1] == '/';
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static bool is_at_path(const char *url, const char *listen_path)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : url;
    CLEANUP(freep) char *shown = listen_path_clean(path ? path : "");
    CLEANUP(freep) char *clean = listen_path_clean(listen_path);
    return *shown && same_but_for_slash(shown, strlen(shown), clean);
}

/* Takes what the gateway has added out of `found`, and puts the rest into the order of `wanted`. */
static void settle_servers(const json_t *wanted, json_t *found)
{
    const json_t *ours = json_object_get(wanted, "servers");
    const json_t *theirs = json_object_get(found, "servers");
    if (!json_is_array(theirs))
        return;
    size_t count = json_array_size(theirs);
    CLEANUP(freep) bool *used = xcalloc(count + 1, sizeof(*used));
    json_t *result = json_array();
    for (size_t i = 0; i < json_array_size(ours); i++) {
        const char *url = text_of(json_array_get(ours, i), "url");
        for (size_t j = 0; j < count; j++) {
            json_t *server = json_array_get(theirs, j);
            const char *shown = text_of(server, "url");
            if (used[j] || !same_but_for_slash(shown, strlen(shown), url))
                continue;
            used[j] = true;
            json_object_set_new(server, "url", json_string(url));
            json_array_append(result, server);
            break;
        }
    }
    for (size_t j = 0; j < count; j++) {
        const char *url = text_of(json_array_get(theirs, j), "url");
        bool is_own =
            is_at_path(url, listen_path_of(found)) || is_at_path(url, listen_path_of(wanted));
        if (!used[j] && !is_own)
            json_array_append(result, json_array_get(theirs, j));
    }
    json_object_set_new(found, "servers", result);
}

static void settle_oas(json_t *document)
{
    static const char *const info[] = {"id",    "dbId",       "orgId",     "name",
                                       "state", "expiration", "versioning"};
    json_object_del(document, "x-grapnel");
    keep_only(json_object_get(json_object_get(document, "x-tyk-api-gateway"), "info"), info,
              ARRAY_LENGTH(info));
    settle_handlers(document);
}

static void settle_classic(json_t *definition)
{
    json_object_del(json_object_get(definition, "config_data"), "grapnel");
    /* Whatever was sent: the gateway sets it. */
    json_object_del(definition, "is_oas");
    static const char *const fields[] = {"handler_name", "handler_meta"};
    const json_t *events = json_object_get(json_object_get(definition, "event_handlers"), "events");
    const char *event;
    json_t *handlers;
    json_object_foreach((json_t *)(uintptr_t)events, event, handlers)
    {
        for (size_t i = 0; i < json_array_size(handlers); i++)
            keep_only(json_array_get(handlers, i), fields, ARRAY_LENGTH(fields));
    }
}

/* Root fields of a Classic definition that are not shown while they are empty. All others that are
 * not shown are not known to the gateway. */
static bool is_shown_only_when_set(const char *key)
{
    static const char *const keys[] = {
        "id",
        "expiration",
        "json_rpc_version",
        "application_protocol",
        "upstream_certificates_disabled",
        "certificate_pinning_disabled",
        "session_lifetime_respects_key_expiration",
        "domain_disabled",
        "tags_disabled",
        "security_requirements",
    };
    return is_one_of(key, keys, ARRAY_LENGTH(keys));
}

static void drop_unknown(json_t *wanted, const json_t *found)
{
    void *next = NULL;
    for (void *at = json_object_iter(wanted); at; at = next) {
        next = json_object_iter_next(wanted, at);
        const char *key = json_object_iter_key(at);
        if (!json_object_get(found, key) && !is_shown_only_when_set(key))
            json_object_del(wanted, key);
    }
}

/* Parts of which the gateway shows every field that it knows. */
static void drop_unknown_of_classic(json_t *wanted, const json_t *found)
{
    static const char *const parts[] = {"proxy", "version_data", "auth"};
    drop_unknown(wanted, found);
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        const json_t *theirs = json_object_get(found, parts[i]);
        if (json_is_object(theirs))
            drop_unknown(json_object_get(wanted, parts[i]), theirs);
    }
}

static json_t *parse(struct span text, const char *what, struct err *err)
{
    json_t *tree = json_text_parse(text);
    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    (void)err_set(err, ERR_INVALID, 0, "%s is no JSON object", what);
    return NULL;
}

int normalise(const struct normalise_sides *sides, json_t **ret_wanted, json_t **ret_found,
              struct err *err)
{
    bool hides = sides->shown.ptr != NULL;
    json_auto_t *wanted = parse(sides->wanted, "the document", err);
    json_auto_t *shown = parse(hides ? sides->shown : sides->wanted, "the document", err);
    json_auto_t *found = wanted && shown ? parse(sides->found, "the gateway's", err) : NULL;
    if (!found)
        return -1;
    json_t *const all[] = {wanted, shown, found};
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        if (sides->family == API_OAS)
            settle_oas(all[i]);
        else
            settle_classic(all[i]);
    }
    if (sides->family == API_OAS) {
        settle_servers(wanted, found);
    } else {
        drop_unknown_of_classic(wanted, found);
        drop_unknown_of_classic(shown, found);
    }
    struct normalise_pair pair = normalise_walk(wanted, shown, found, hides);
    *ret_wanted = pair.wanted ? pair.wanted : json_object();
    *ret_found = pair.found ? pair.found : json_object();
    return 0;
}
