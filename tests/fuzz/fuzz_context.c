/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON as objects: each OperatorContext and Webhook among them is read with the Secrets
 * among them. What is usable can be called and holds nothing that would end a header; what is not
 * says why. */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/cache.h"
#include "core/context.h"
#include "core/context_place.h"
#include "core/method.h"
#include "core/url.h"
#include "core/webhook.h"
#include "expect.h"
#include "objects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_header(const char *text)
{
    for (const char *at = text; at && *at; at++)
        expect(*at != '\r' && *at != '\n', "a value cannot end its header");
}

static void read_webhook(const struct object *object, const struct cache *cache)
{
    struct webhook webhook;
    struct problems problems = {.count = 0};
    webhook_decode(object, cache, &webhook, &problems);
    expect(webhook.copy || problems.count, "a Webhook is usable, or it is said why not");
    const struct copy *copy = webhook.copy;
    if (copy) {
        expect(!url_fault(copy->url, NULL), "its URL can be called");
        expect(method_is_valid(copy->method), "its method is one");
        for (size_t i = 0; i < copy->header_count; i++) {
            expect_header(copy->headers[i].name);
            expect_header(copy->headers[i].value);
            expect(!i || strcmp(copy->headers[i - 1].name, copy->headers[i].name) < 0, "sorted");
        }
    }
    (void)webhook_permits(object, "team", cache);
    webhook_fini(&webhook);
    problems_fini(&problems);
}

static void read_place(const struct object *object, const struct cache *cache)
{
    struct context_place needs;
    struct context_place place;
    context_place_needs(object, &needs);
    const struct object *secret =
        needs.secret ? cache_get(cache, OBJECT_SECRET, needs.secret) : NULL;
    const struct object *ca =
        needs.ca_secret ? cache_get(cache, OBJECT_SECRET, needs.ca_secret) : NULL;
    context_place_read(object, secret, ca, &place);
    expect(!place.problem || place.problem_reason, "a problem has a reason");
    for (size_t i = 0; !place.problem && place.urls && place.urls[i]; i++)
        expect(!url_fault(place.urls[i], NULL), "a gateway can be called");
    context_place_fini(&place);
    context_place_fini(&needs);
    struct context context;
    if (context_read(cache, object->key, "team", &context))
        expect(context.abilities.version != NULL, "a version is a text");
    context_fini(&context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cache *cache = read_objects((const char *)data, size);
    CLEANUP(freep) const char **webhooks = cache_sorted_keys(cache, OBJECT_WEBHOOK);
    CLEANUP(freep) const char **contexts = cache_sorted_keys(cache, OBJECT_CONTEXT);
    for (size_t i = 0; webhooks[i]; i++)
        read_webhook(cache_get(cache, OBJECT_WEBHOOK, webhooks[i]), cache);
    for (size_t i = 0; contexts[i]; i++)
        read_place(cache_get(cache, OBJECT_CONTEXT, contexts[i]), cache);
    cache_free(cache);
    return 0;
}
