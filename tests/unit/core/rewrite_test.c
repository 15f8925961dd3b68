/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rewrite.h"

#include "make.h"

static const struct resolve_settings settings = {.default_cooldown = "10s"};

#define COPY "copy: {name: P, url: 'https://h/', method: POST, bodyTemplate: '', headers: []}"

/* Returns owned: the patch for an API with this spec, whose reference `gone` was converted and
 * `there` was not; NULL when there is none. */
static char *patch_of(const char *spec)
{
    char *yaml = xasprintf("{metadata: {name: a, namespace: team}, status: {webhooks: [{ref: gone, "
                           "source: Converted, " COPY "}, {ref: there, source: Global, " COPY
                           "}]}, spec: %s}",
                           spec);
    struct object *api = make_object(OBJECT_API, yaml);
    struct accepted *accepted = accepted_read(api, NULL);
    struct buf patch;
    buf_init(&patch, BUF_UNLIMITED);
    bool any = rewrite_patch(api, accepted, NULL, &settings, &patch);
    assert_int_equal(any, patch.length > 0);
    accepted_free(accepted);
    object_unref(api);
    free(yaml);
    if (any)
        return buf_take(&patch);
    buf_fini(&patch);
    return NULL;
}

static void expect_operation(const char *patch, size_t index, const char *operation,
                             const char *path, const char *value)
{
    struct json_text_iter iter = json_text_iterate((struct span){patch, strlen(patch)});
    while (json_text_next(&iter) && iter.index < index)
        ;
    CLEANUP(freep) char *is = json_text_string(json_text_member(iter.value, "op"));
    CLEANUP(freep) char *where = json_text_string(json_text_member(iter.value, "path"));
    assert_string_equal(is, operation);
    assert_string_equal(where, path);
    CLEANUP(freep) char *want = make_json(value);
    struct span found = json_text_member(iter.value, "value");
    if (!json_text_equal(found, (struct span){want, strlen(want)}))
        fail_msg("%.*s instead of %s", (int)found.length, found.ptr, want);
}

#define HANDLERS "/spec/oas/x-tyk-api-gateway/server/eventHandlers"
#define THERE "{enabled: true, trigger: AuthFailure, type: webhook, id: there}"
#define GONE "{enabled: true, trigger: QuotaExceeded, type: webhook, id: gone, cooldownPeriod: 5s}"

/* What the user writes in the same moment is not overwritten. */
static void each_handler_is_tested_before_any_is_replaced(void **state)
{
    (void)state;
    CLEANUP(freep)
    char *patch = patch_of("{oas: {openapi: 3.0.3, info: {title: a, version: '1'}, paths: {}, "
                           "x-tyk-api-gateway: {info: {name: a}, upstream: {url: 'http://up/'}, "
                           "server: {listenPath: {value: /a/}, eventHandlers: [" GONE ", " THERE
                           ", " GONE "]}}}}");
    expect_operation(patch, 0, "test", HANDLERS "/0", GONE);
    expect_operation(patch, 1, "test", HANDLERS "/2", GONE);
    static const char local[] =
        "{enabled: true, trigger: QuotaExceeded, type: webhook, cooldownPeriod: 5s, name: P, "
        "url: 'https://h/', method: POST, bodyTemplate: '', headers: []}";
    expect_operation(patch, 2, "replace", HANDLERS "/0", local);
    expect_operation(patch, 3, "replace", HANDLERS "/2", local);
}

static void names_of_classic_events_are_escaped(void **state)
{
    (void)state;
    CLEANUP(freep)
    char *patch = patch_of("{name: a, api_id: a, proxy: {listen_path: /a/, target_url: 'http://up/'"
                           "}, event_handlers: {events: {'My/~Event': [{handler_name: "
                           "eh_web_hook_handler, handler_meta: {id: gone}}]}}}");
    expect_operation(patch, 0, "test", "/spec/event_handlers/events/My~1~0Event/0",
                     "{handler_name: eh_web_hook_handler, handler_meta: {id: gone}}");
    expect_operation(patch, 1, "replace", "/spec/event_handlers/events/My~1~0Event/0",
                     "{handler_name: eh_web_hook_handler, handler_meta: {disabled: false, name: P, "
                     "method: POST, target_path: 'https://h/', template_path: '', header_map: {}, "
                     "event_timeout: 10}}");
}

static void where_nothing_was_converted_there_is_nothing_to_write(void **state)
{
    (void)state;
    assert_null(patch_of(
        "{oas: {openapi: 3.0.3, x-tyk-api-gateway: {server: {eventHandlers: [" THERE "]}}}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_handler_is_tested_before_any_is_replaced),
        cmocka_unit_test(names_of_classic_events_are_escaped),
        cmocka_unit_test(where_nothing_was_converted_there_is_nothing_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
