/* SPDX-License-Identifier: Apache-2.0 */
#include "core/materialize.h"

#include "make.h"

#define COPY                                                                                       \
    "{ref: p, source: Converted, copy: {name: P, url: 'https://h/', method: PUT, bodyTemplate: "   \
    "'', headers: []}}"

static void references_are_written_out_and_the_rest_stays(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"team\"},\"spec\":{\"x\":1.0,\"oas\":{\"z\":"
        "1e3,"
        "\"x-tyk-api-gateway\":{\"server\":{\"eventHandlers\":[{\"enabled\":true,\"trigger\":"
        "\"AuthFailure\",\"type\":\"webhook\",\"id\":\"p\",\"cooldownPeriod\":\"5s\"},{\"type\":"
        "\"log\","
        "\"n\":1.50},{\"enabled\":true,\"trigger\":\"AuthFailure\",\"type\":\"webhook\",\"id\":"
        "\"gone\"}]}"
        "}}},\"status\":{\"webhooks\":[{\"ref\":\"p\",\"source\":\"Global\",\"copy\":{\"name\":"
        "\"P\",\"url\":"
        "\"https://h/\",\"method\":\"PUT\",\"bodyTemplate\":\"\",\"headers\":[]}}]}}";
    struct object *api = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_API, (struct span){text, sizeof(text) - 1}, NULL, &api, &err), 0);
    struct accepted *accepted = accepted_read(api, NULL);
    const struct materialize_request request = {.accepted = accepted, .default_cooldown = "10s"};
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    assert_true(materialize_api(api, &request, &out));
    const char *status = strstr(text, ",\"status\"");
    CLEANUP(freep)
    char *wanted = xasprintf(
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"team\"},\"spec\":{\"x\":1.0,\"oas\":{\"z\":"
        "1e3,"
        "\"x-tyk-api-gateway\":{\"server\":{\"eventHandlers\":[{\"enabled\":true,\"trigger\":"
        "\"AuthFailure\",\"type\":\"webhook\",\"cooldownPeriod\":\"5s\",\"name\":\"P\",\"url\":"
        "\"https://h/\",\"method\":\"PUT\",\"bodyTemplate\":\"\",\"headers\":[]},{\"type\":\"log\","
        "\"n\":1.50},{\"enabled\":true,\"trigger\":\"AuthFailure\",\"type\":\"webhook\",\"id\":"
        "\"gone\"}]}"
        "}}}%s",
        status);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
    accepted_free(accepted);
    object_unref(api);
}

static void nothing_to_write_out_writes_nothing(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "{proxy: {listen_path: /a/}}",
        "{event_handlers: {events: {A: [{handler_name: eh_web_hook_handler, handler_meta: {id: "
        "q}}]}}}",
        "{oasRef: {configMapKeyRef: {name: c, key: k}}}",
        "text",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(specs); i++) {
        CLEANUP(freep)
        char *yaml =
            xasprintf("{metadata: {name: a, namespace: team}, spec: %s, status: {webhooks: "
                      "[" COPY "]}}",
                      specs[i]);
        struct object *api = make_object(OBJECT_API, yaml);
        struct accepted *accepted = accepted_read(api, NULL);
        assert_int_equal(accepted_count(accepted), 1);
        const struct materialize_request request = {.accepted = accepted,
                                                    .default_cooldown = "10s"};
        struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        assert_false(materialize_api(api, &request, &out));
        assert_false(materialize_config_map(api, NULL, &request, &out));
        assert_int_equal(out.length, 0);
        buf_fini(&out);
        accepted_free(accepted);
        object_unref(api);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_written_out_and_the_rest_stays),
        cmocka_unit_test(nothing_to_write_out_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
