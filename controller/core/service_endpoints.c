/* SPDX-License-Identifier: Apache-2.0 */
#include "core/service_endpoints.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/url.h"

/* The Service's port, as its slices name it. */
struct port_choice {
    char *name; /* "" for the only, unnamed one */
    bool https;
};

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static bool port_matches(struct span port, const char *wanted)
{
    int64_t number = 0;
    if (!wanted)
        return true;
    if (is_number(wanted))
        return json_text_int64(json_text_member(port, "port"), &number) &&
               number == strtoll(wanted, NULL, 10);
    return json_text_is(json_text_member(port, "name"), wanted);
}

/* Finds the port in the Service. False: there is none, or more than one to choose from. */
static bool choose_port(const struct service_target *target, struct port_choice *choice,
                        char **ret_problem)
{
    struct span found = {NULL, 0};
    size_t count = 0;
    struct json_text_iter iter =
        json_text_iterate(json_text_get(object_spec(target->service), "ports", NULL));
    while (json_text_next(&iter)) {
        if (port_matches(iter.value, target->port)) {
            found = iter.value;
            count++;
        }
    }
    if (count != 1) {
        *ret_problem =
            count ? xasprintf("Service %s has several ports: say which one", target->service->key)
            : target->port
                ? xasprintf("Service %s has no port %s", target->service->key, target->port)
                : xasprintf("Service %s has no port", target->service->key);
        return false;
    }
    char *name = json_text_string(json_text_member(found, "name"));
    choice->name = name ? name : xstrdup("");
    choice->https = json_text_is(json_text_member(found, "appProtocol"), "https") ||
                    json_text_is(json_text_member(found, "appProtocol"), "kubernetes.io/https");
    return true;
}

/* The slice's number for the port; 0: it has none of that name. */
static int64_t port_of_slice(struct span slice, const struct port_choice *choice)
{
    struct json_text_iter iter = json_text_iterate(json_text_member(slice, "ports"));
    while (json_text_next(&iter)) {
        struct span name = json_text_member(iter.value, "name");
        bool unnamed = json_text_type(name) != JSON_TEXT_STRING;
        int64_t number = 0;
        if ((unnamed ? *choice->name == '\0' : json_text_is(name, choice->name)) &&
            json_text_int64(json_text_member(iter.value, "port"), &number))
            return number;
    }
    return 0;
}

/* What is no address of its family leads nowhere, or elsewhere: it would become part of a URL. */
static bool is_address(const char *address, bool ipv6)
{
    const char *plain = ipv6 ? "0123456789abcdefABCDEF:." : "0123456789.";
    return *address && strspn(address, plain) == strlen(address);
}

static void add_endpoint(struct service_endpoints *endpoints, struct span endpoint, bool ipv6,
                         int64_t port, bool https)
{
    struct json_text_iter addresses = json_text_iterate(json_text_member(endpoint, "addresses"));
    struct span conditions = json_text_member(endpoint, "conditions");
    if (json_text_bool(json_text_member(conditions, "terminating"), false) ||
        !json_text_next(&addresses))
        return;
    CLEANUP(freep) char *address = json_text_string(addresses.value);
    if (!address || !is_address(address, ipv6))
        return;
    struct span pod = json_text_member(endpoint, "targetRef");
    CLEANUP(freep) char *uid = json_text_string(json_text_member(pod, "uid"));
    CLEANUP(freep)
    char *host =
        ipv6 ? xasprintf("[%s]:%" PRId64, address, port) : xasprintf("%s:%" PRId64, address, port);
    CLEANUP(freep) char *url = xasprintf("%s://%s", https ? "https" : "http", host);
    if (url_fault(url, NULL))
        return;
    /* Another port of the same pod may be another gateway. */
    CLEANUP(freep)
    char *id = uid && *uid ? xasprintf("%s %s:%" PRId64, uid, https ? "https" : "http", port)
                           : xstrdup(host);
    for (size_t i = 0; i < endpoints->count; i++) {
        if (strcmp(endpoints->items[i].id, id) == 0)
            return;
    }
    endpoints->items =
        xgrow(endpoints->items, endpoints->count, &endpoints->capacity, sizeof(*endpoints->items));
    char *name = json_text_string(json_text_member(pod, "name"));
    /* Absent means ready (the API's words: unknown is to be taken as ready). */
    endpoints->items[endpoints->count++] = (struct service_endpoint){
        .id = TAKE(id),
        .url = TAKE(url),
        .pod = name ? name : xstrdup(""),
        .ready = json_text_bool(json_text_member(conditions, "ready"), true),
    };
}

static void add_slices(const struct object *const *slices, size_t count, const char *family,
                       const struct port_choice *choice, bool https,
                       struct service_endpoints *endpoints)
{
    for (size_t i = 0; i < count; i++) {
        struct span slice = {object_text(slices[i]).ptr, object_text(slices[i]).length};
        int64_t port = port_of_slice(slice, choice);
        if (!port || !json_text_is(json_text_member(slice, "addressType"), family))
            continue;
        struct json_text_iter iter = json_text_iterate(json_text_member(slice, "endpoints"));
        while (json_text_next(&iter))
            add_endpoint(endpoints, iter.value, str_equal(family, "IPv6"), port, https);
    }
}

static int by_id(const void *a, const void *b)
{
    const struct service_endpoint *left = a;
    const struct service_endpoint *right = b;
    return strcmp(left->id, right->id);
}

void service_endpoints_read(const struct service_target *target, const struct object *const *slices,
                            size_t slice_count, struct service_endpoints *ret_endpoints)
{
    *ret_endpoints = (struct service_endpoints){.count = 0};
    struct port_choice choice = {.name = NULL};
    if (!target->service || !choose_port(target, &choice, &ret_endpoints->problem))
        return;
    /* A pod with addresses of both families is reached by the one that the Service prefers. */
    struct json_text_iter families =
        json_text_iterate(json_text_get(object_spec(target->service), "ipFamilies", NULL));
    bool ipv6_first = json_text_next(&families) && json_text_is(families.value, "IPv6");
    bool https = target->https || choice.https;
    add_slices(slices, slice_count, ipv6_first ? "IPv6" : "IPv4", &choice, https, ret_endpoints);
    add_slices(slices, slice_count, ipv6_first ? "IPv4" : "IPv6", &choice, https, ret_endpoints);
    free(choice.name);
    if (ret_endpoints->count)
        qsort(ret_endpoints->items, ret_endpoints->count, sizeof(*ret_endpoints->items), by_id);
}

void service_endpoints_fini(struct service_endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        free(endpoints->items[i].id);
        free(endpoints->items[i].url);
        free(endpoints->items[i].pod);
    }
    free(endpoints->items);
    free(endpoints->problem);
    *endpoints = (struct service_endpoints){.count = 0};
}
