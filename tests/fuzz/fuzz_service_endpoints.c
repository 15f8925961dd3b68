/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON: the first is a Service, the others are its EndpointSlices. The order of slices
 * does not matter; each pod is there once, in order, with a URL that can be called. */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/service_endpoints.h"
#include "core/url.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLICES_MAX 16

static struct object *make(enum object_kind kind, struct span line)
{
    static const struct json_text_limits limits = {.depth = 64};
    struct object *object = NULL;
    if (json_text_check(line, &limits, NULL, NULL) < 0 ||
        object_new(kind, line, NULL, &object, NULL) < 0)
        return NULL;
    return object;
}

static void check(const struct service_endpoints *found)
{
    expect(!found->problem || found->count == 0, "a problem only where there are none");
    for (size_t i = 0; i < found->count; i++) {
        const struct service_endpoint *one = &found->items[i];
        expect(*one->id && one->pod, "an endpoint has an id");
        expect(i == 0 || strcmp(found->items[i - 1].id, one->id) < 0, "each once, in order");
        expect(!url_fault(one->url, NULL), "an endpoint's URL can be called");
    }
}

static void expect_equal(const struct service_endpoints *a, const struct service_endpoints *b)
{
    expect(a->count == b->count, "as many in any order of slices");
    for (size_t i = 0; i < a->count; i++)
        expect(strcmp(a->items[i].id, b->items[i].id) == 0, "the same in any order of slices");
}

static void read_all(const struct object *service, const struct object *const *slices, size_t count)
{
    static const char *const ports[] = {NULL, "control", "8080"};
    const struct object *reversed[SLICES_MAX];
    for (size_t i = 0; i < count; i++)
        reversed[i] = slices[count - 1 - i];
    for (size_t i = 0; i < ARRAY_LENGTH(ports); i++) {
        struct service_target target = {service, ports[i], i == 1};
        struct service_endpoints found;
        struct service_endpoints again;
        service_endpoints_read(&target, slices, count, &found);
        service_endpoints_read(&target, reversed, count, &again);
        check(&found);
        expect_equal(&found, &again);
        service_endpoints_fini(&found);
        service_endpoints_fini(&again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct object *service = NULL;
    struct object *slices[SLICES_MAX];
    size_t count = 0;
    const char *at = (const char *)data;
    const char *end = at + size;
    for (bool is_first = true; at < end && count < SLICES_MAX; is_first = false) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        struct span line = {at, (size_t)(stop - at)};
        if (is_first)
            service = make(OBJECT_SERVICE, line);
        else if ((slices[count] = make(OBJECT_ENDPOINTSLICE, line)))
            count++;
        at = stop + 1;
    }
    read_all(service, (const struct object *const *)slices, count);
    while (count)
        object_unref(slices[--count]);
    object_unref(service);
    return 0;
}
