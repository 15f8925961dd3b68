/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input as a row of choices, from which objects are made that are nearly right: APIs of both
 * forms with references, local fields and faults; Webhooks with Secrets, permissions and claims on
 * ids. So every input gets as far as resolving, where most bytes of fuzz_resolve do not.
 */
#include "base/buf.h"
#include "base/json_text.h"
#include "expect.h"
#include "objects.h"
#include "resolve_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ONE_OF(choices, list) ((list)[choose(choices, ARRAY_LENGTH(list))])

static const char *const spaces[] = {"team", "team", "platform", "other"};
static const char *const names[] = {"pager", "audit", "66498cd1e2fcd1000184ecb9"};

static void add_text(struct choices *choices, struct buf *out, const char *key,
                     const char *const *list, unsigned count)
{
    unsigned which = choose(choices, count + 4);
    if (which >= count) /* absent, now and then */
        return;
    buf_add_format(out, ",\"%s\":", key);
    buf_add_text(out, list[which]);
}

#define ADD(choices, out, key, ...)                                                                \
    do {                                                                                           \
        static const char *const list_[] = {__VA_ARGS__};                                          \
        add_text(choices, out, key, list_, ARRAY_LENGTH(list_));                                   \
    } while (0)

#define REFS                                                                                       \
    "\"pager\"", "\"platform/pager\"", "\"66498cd1e2fcd1000184ecb9\"", "\"nobody\"", "\"\"",       \
        "null", "7", "\"a/b/c\"", "\"audit\""
#define URLS                                                                                       \
    "\"https://pager.example/hook\"", "\"http://[::1]:8080/\"", "\"env://TOKEN\"", "\"\"", "3",    \
        "\"https://user:word@a.example\"", "\"ftp://x/\""
#define METHODS "\"POST\"", "\"PUT\"", "\"post\"", "null"
#define TEMPLATES "\"\"", "\"templates/a.json\"", "\"/etc/passwd\"", "\"templates/../x\""
#define COOLDOWNS "\"10s\"", "\"1m30s\"", "\"0s\"", "\"1.5s\"", "\"\"", "90", "\"9999999999h\""

static void add_oas_handler(struct choices *choices, struct buf *out)
{
    buf_add_text(out, "{\"x\":1");
    ADD(choices, out, "enabled", "true", "false", "true", "\"true\"");
    ADD(choices, out, "type", "\"webhook\"", "\"webhook\"", "\"custom\"", "\"log\"", "\"?\"");
    ADD(choices, out, "trigger", "\"RatelimitExceeded\"", "\"AuthFailure\"", "\"TokenCreated\"",
        "\"?\"");
    ADD(choices, out, "id", REFS);
    ADD(choices, out, "url", URLS);
    ADD(choices, out, "method", METHODS);
    ADD(choices, out, "cooldownPeriod", COOLDOWNS);
    ADD(choices, out, "bodyTemplate", TEMPLATES);
    ADD(choices, out, "name", "\"Mine\"", "\"\"", "null", "1");
    ADD(choices, out, "headers", "[{\"name\":\"X\",\"value\":\"1\"}]", "[]", "{}", "null");
    buf_add_char(out, '}');
}

static void add_classic_handler(struct choices *choices, struct buf *out)
{
    buf_add_text(out, "{\"x\":1");
    ADD(choices, out, "handler_name", "\"eh_web_hook_handler\"", "\"eh_web_hook_handler\"",
        "\"eh_log_handler\"", "\"eh_dynamic_handler\"");
    buf_add_text(out, ",\"handler_meta\":{\"y\":2");
    ADD(choices, out, "id", REFS);
    ADD(choices, out, "disabled", "true", "false", "0");
    ADD(choices, out, "target_path", URLS);
    ADD(choices, out, "method", METHODS);
    ADD(choices, out, "event_timeout", "10", "0", "10.0", "1.5", "\"10\"", "-1", "1e400");
    ADD(choices, out, "template_path", TEMPLATES);
    ADD(choices, out, "header_map", "{\"X\":\"1\"}", "{}", "[]", "null");
    buf_add_text(out, "}}");
}

static void add_list(struct choices *choices, struct buf *out,
                     void (*add)(struct choices *, struct buf *))
{
    unsigned count = choose(choices, 5);
    buf_add_char(out, '[');
    for (unsigned i = 0; i < count; i++) {
        if (i)
            buf_add_char(out, ',');
        add(choices, out);
    }
    buf_add_char(out, ']');
}

static void add_head(struct choices *choices, struct buf *out, const char *kind, const char *name,
                     unsigned number)
{
    buf_clear(out);
    buf_add_format(out,
                   "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"kind\":\"%s\",\"metadata\":{\"name\":"
                   "\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%u\",\"generation\":%u,"
                   "\"creationTimestamp\":\"2026-01-02T03:04:0%uZ\"",
                   kind, name, ONE_OF(choices, spaces), number, 1 + choose(choices, 3),
                   number % 10);
    ADD(choices, out, "deletionTimestamp", "\"2026-01-03T00:00:00Z\"");
    buf_add_text(out, "},\"spec\":{\"z\":0");
}

static void put(struct cache *cache, struct buf *out)
{
    put_line(cache, (struct span){buf_text(out), out->length});
}

static void add_oas(struct choices *choices, struct buf *out)
{
    buf_add_text(out,
                 ",\"oas\":{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"a\",\"version\":\"1\"},"
                 "\"paths\":{},\"x-tyk-api-gateway\":{\"info\":{\"name\":\"a\"");
    ADD(choices, out, "id", "\"orders\"", "\"a/b\"", "\"\"", "\"x-oas\"");
    ADD(choices, out, "state", "{\"active\":true}", "{\"active\":false}", "3");
    buf_add_text(out, "},\"upstream\":{\"url\":\"http://up/\"},\"server\":{\"q\":0");
    ADD(choices, out, "listenPath", "{\"value\":\"/orders/\"}", "{\"value\":\"/tyk/x\"}",
        "{\"value\":\"orders\"}", "7");
    buf_add_text(out, ",\"eventHandlers\":");
    add_list(choices, out, add_oas_handler);
    buf_add_text(out, "}}}");
}

static void add_classic(struct choices *choices, struct buf *out)
{
    buf_add_text(out, ",\"name\":\"a\",\"proxy\":{\"listen_path\":\"/billing/\",\"target_url\":"
                      "\"http://up/\"}");
    ADD(choices, out, "api_id", "\"billing\"", "\"a..b\"", "\"\"", "5");
    ADD(choices, out, "version_data", "{\"not_versioned\":true,\"versions\":{}}", "null", "[]");
    buf_add_text(out, ",\"event_handlers\":{\"events\":{\"AuthFailure\":");
    add_list(choices, out, add_classic_handler);
    buf_add_text(out, ",\"Custom\":");
    add_list(choices, out, add_classic_handler);
    buf_add_text(out, "}}");
}

static void put_api(struct choices *choices, struct cache *cache, struct buf *out, unsigned number)
{
    static const char *const own[] = {"orders", "billing"};
    add_head(choices, out, "ApiDefinition", ONE_OF(choices, own), number);
    ADD(choices, out, "contextRef", "{\"name\":\"edge\"}", "{\"name\":1}");
    unsigned form = choose(choices, 8);
    if (form % 2 || form == 6)
        add_oas(choices, out);
    if (form % 2 == 0)
        add_classic(choices, out);
    buf_add_char(out, '}');
    ADD(choices, out, "status",
        "{\"webhooks\":[{\"ref\":\"pager\",\"source\":\"Converted\",\"copy\":{\"name\":\"P\","
        "\"url\":\"https://old.example/\",\"method\":\"PUT\",\"bodyTemplate\":\"\",\"headers\":[]}}"
        "]}",
        "{\"webhooks\":[{\"ref\":\"nobody\",\"source\":\"Global\",\"copy\":{\"name\":\"N\","
        "\"url\":\"https://gone.example/\",\"method\":\"POST\",\"bodyTemplate\":\"\","
        "\"headers\":[{\"name\":\"A\",\"sealed\":\"v1:AAAA\"}]}}]}",
        "7");
    buf_add_char(out, '}');
    put(cache, out);
}

static void put_webhook(struct choices *choices, struct cache *cache, struct buf *out,
                        unsigned number)
{
    add_head(choices, out, "Webhook", ONE_OF(choices, names), number);
    ADD(choices, out, "id", "\"66498cd1e2fcd1000184ecb9\"", "\"audit\"");
    ADD(choices, out, "url", "\"https://pager.example/hook\"", URLS);
    ADD(choices, out, "urlFrom", "{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"url\"}}");
    ADD(choices, out, "method", METHODS);
    ADD(choices, out, "name", "\"Pager\"", "\"\"");
    ADD(choices, out, "cooldownPeriod", COOLDOWNS);
    ADD(choices, out, "suspend", "true", "false", "1");
    ADD(choices, out, "bodyTemplate", TEMPLATES);
    ADD(choices, out, "headers", "[{\"name\":\"X-Team\",\"value\":\"a\"}]",
        "[{\"name\":\"A\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"token\"}}}]",
        "[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"2\"}]", "{}");
    ADD(choices, out, "allowedNamespaces", "{\"from\":\"All\"}", "{\"from\":\"Same\"}",
        "{\"from\":\"Selector\",\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}",
        "{\"from\":\"Selector\"}");
    buf_add_text(out, "}}");
    put(cache, out);
}

static void put_secrets(struct choices *choices, struct cache *cache, struct buf *out)
{
    static const char *const values[] = {"aHR0cHM6Ly9zLmV4YW1wbGUv", "c2VjcmV0Cg==", "AAA=", "!"};
    for (unsigned i = 0; i < ARRAY_LENGTH(spaces); i++) {
        buf_clear(out);
        buf_add_format(out,
                       "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\","
                       "\"namespace\":\"%s\"},\"data\":{\"url\":\"%s\",\"token\":\"%s\"}}",
                       spaces[i], ONE_OF(choices, values), ONE_OF(choices, values));
        if (choose(choices, 4))
            put(cache, out);
        buf_clear(out);
        buf_add_format(
            out,
            "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\","
            "\"labels\":{\"a\":\"%s\"}}}",
            spaces[i], choose(choices, 2) ? "b" : "c");
        put(cache, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + size};
    struct cache *cache = cache_new();
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    put_secrets(&choices, cache, &out);
    unsigned webhooks = choose(&choices, 4);
    unsigned apis = 1 + choose(&choices, 2);
    for (unsigned i = 0; i < webhooks; i++)
        put_webhook(&choices, cache, &out, i);
    for (unsigned i = 0; i < apis; i++)
        put_api(&choices, cache, &out, 5 + i);
    resolve_oracle(cache);
    cache_free(cache);
    return 0;
}
