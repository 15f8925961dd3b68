/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve_oracle.h"

#include <jansson.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/claims.h"
#include "core/materialize.h"
#include "core/method.h"
#include "core/resolve.h"
#include "core/rewrite.h"
#include "expect.h"

static const struct seal_key key = {"0123456789abcdef0123456789abcde"};

static void expect_json(const struct buf *text, const char *what)
{
    const struct json_text_limits any = {.depth = 120};
    struct span span = {buf_text(text), text->length};
    expect(json_text_check(span, &any, NULL, NULL) == 0, what);
}

static void add_resolution(const struct resolution *resolution, const char *api, struct buf *out)
{
    buf_add_text(out, "{\"webhooks\":");
    resolution_add_webhooks(resolution, COPY_SEALED, &key, api, out);
    buf_add_text(out, ",\"handlers\":");
    resolution_add_handlers(resolution, out);
    buf_add_text(out, ",\"problems\":[");
    for (size_t i = 0; i < resolution->problem_count; i++) {
        const struct problem *problem = &resolution->problems[i];
        if (i)
            buf_add_char(out, ',');
        json_text_add_string(out, problem->field ? problem->field : "");
        buf_add_char(out, ',');
        json_text_add_string(out, problem->message);
    }
    buf_add_text(out, "]}");
}

static void check_handler(const struct accepted *accepted, struct span handler, const char *url,
                          const char *cooldown)
{
    CLEANUP(freep) char *id = json_text_string(json_text_member(handler, "id"));
    CLEANUP(freep) char *target = json_text_string(json_text_member(handler, url));
    CLEANUP(freep) char *method = json_text_string(json_text_member(handler, "method"));
    struct span pause = json_text_member(handler, cooldown);
    const struct resolved_ref *ref = id ? accepted_get(accepted, id) : NULL;
    expect(!json_text_member(handler, "id").ptr || (ref && ref->source == REF_GLOBAL),
           "no unresolved id in a document");
    expect(target && *target, "every webhook handler has a URL");
    expect(method && method_is_valid(method), "every webhook handler has a method");
    int64_t seconds = 1;
    if (json_text_type(pause) == JSON_TEXT_NUMBER)
        expect(json_text_int64(pause, &seconds), "a whole number of seconds");
    else
        expect(json_text_type(pause) == JSON_TEXT_STRING && pause.length > 2, "a cooldown");
    expect(seconds > 0, "no cooldown of zero");
}

static void check_document(const struct accepted *accepted, struct span document, bool oas)
{
    struct span handlers =
        json_text_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
    if (oas) {
        struct json_text_iter iter = json_text_iterate(handlers);
        while (json_text_next(&iter)) {
            if (json_text_is(json_text_member(iter.value, "type"), "webhook"))
                check_handler(accepted, iter.value, "url", "cooldownPeriod");
        }
        return;
    }
    struct json_text_iter event =
        json_text_iterate(json_text_get(document, "event_handlers", "events", NULL));
    while (json_text_next(&event)) {
        struct json_text_iter iter = json_text_iterate(event.value);
        while (json_text_next(&iter)) {
            if (json_text_is(json_text_member(iter.value, "handler_name"), "eh_web_hook_handler"))
                check_handler(accepted, json_text_member(iter.value, "handler_meta"), "target_path",
                              "event_timeout");
        }
    }
}

static struct accepted *accept(const struct resolution *resolution)
{
    struct accepted *accepted = accepted_new();
    for (size_t i = 0; i < resolution->ref_count; i++)
        accepted_set(accepted, &resolution->refs[i]);
    return accepted;
}

static void check_built(const struct resolve_input *input, const struct resolution *resolution)
{
    CLEANUP(accepted_freep) struct accepted *accepted = accept(resolution);
    const char *map = resolution->facts.config_map;
    const struct object *config_map = map ? cache_get(input->cache, OBJECT_CONFIGMAP, map) : NULL;
    CLEANUP(buf_fini) struct buf document;
    CLEANUP(buf_fini) struct buf again;
    buf_init(&document, BUF_UNLIMITED);
    buf_init(&again, BUF_UNLIMITED);
    struct err err;
    int built = document_build(input->api, config_map, accepted, input->settings, input->abilities,
                               &document, &err);
    expect((built == 0) == resolution->valid, "a document is built exactly when it may be pushed");
    if (built == 0) {
        expect_json(&document, "a document is JSON");
        (void)document_build(input->api, config_map, accepted, input->settings, input->abilities,
                             &again, &err);
        expect(strcmp(buf_text(&document), buf_text(&again)) == 0, "a document is built the same");
        check_document(accepted, (struct span){buf_text(&document), document.length},
                       resolution->facts.form == API_FORM_OAS);
    }
    const struct materialize_request request = {.accepted = accepted, .default_cooldown = "10s"};
    buf_clear(&again);
    if (materialize_api(input->api, &request, &again))
        expect_json(&again, "a written-out manifest is JSON");
    buf_clear(&again);
    if (materialize_config_map(input->api, config_map, &request, &again))
        expect_json(&again, "a written-out document is JSON");
}

/* What the status keeps is read as what was resolved. */
static void check_kept(const struct object *api, const struct buf *status,
                       const struct resolution *resolution)
{
    struct object *with =
        object_with_status(api, (struct span){buf_text(status), status->length}, "2");
    CLEANUP(accepted_freep) struct accepted *accepted = accepted_read(with, &key);
    for (size_t i = 0; i < resolution->ref_count; i++) {
        const struct resolved_ref *ref = &resolution->refs[i];
        const struct resolved_ref *kept = accepted_get(accepted, ref->ref);
        if (!ref->copy)
            continue;
        expect(kept && kept->source == ref->source, "a copy is kept");
        expect(copy_equal(kept->copy, ref->copy), "a copy is kept as it is");
    }
    object_unref(with);
}

static const char *text_of(const json_t *operation, const char *member)
{
    const char *text = json_string_value(json_object_get(operation, member));
    expect(text && *text, "an operation is whole");
    return text;
}

/* `~1` is a slash, `~0` a tilde. */
static void unescape(char *part)
{
    char *to = part;
    for (const char *at = part; *at; at++) {
        if (*at == '~') {
            at++;
            *to++ = *at == '1' ? '/' : '~';
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
}

/* Applies the operations of a JSON patch, whose pointers lead to handlers. */
static void patch_tree(json_t *tree, const json_t *patch)
{
    size_t index;
    json_t *operation;
    json_array_foreach(patch, index, operation)
    {
        bool is_test = strcmp(text_of(operation, "op"), "test") == 0;
        CLEANUP(freep) char *pointer = xstrdup(text_of(operation, "path"));
        json_t *value = json_object_get(operation, "value");
        json_t *parent = NULL;
        json_t *at = tree;
        char *rest = pointer + 1;
        char *last = NULL;
        for (char *part; (part = strsep(&rest, "/"));) {
            unescape(part);
            parent = at;
            last = part;
            at = json_is_array(parent) ? json_array_get(parent, strtoul(part, NULL, 10))
                                       : json_object_get(parent, part);
        }
        expect(at, "a pointer leads somewhere");
        if (is_test)
            expect(json_equal(at, value), "a test holds");
        else
            json_array_set(parent, strtoul(last, NULL, 10), value);
    }
}

/* With all of its webhooks converted, an API that is rewritten is as valid as before, and no
 * reference that was replaced is left. */
static void check_rewritten(const struct resolve_input *input, const struct resolution *resolution)
{
    CLEANUP(accepted_freep) struct accepted *accepted = accepted_new();
    for (size_t i = 0; i < resolution->ref_count; i++) {
        struct resolved_ref converted = resolution->refs[i];
        if (converted.copy && !copy_has_secrets(converted.copy)) {
            converted.source = REF_CONVERTED;
            accepted_set(accepted, &converted);
        }
    }
    CLEANUP(buf_fini) struct buf patch;
    buf_init(&patch, BUF_UNLIMITED);
    struct span text = object_text(input->api);
    json_t *tree = json_loadb(text.ptr, text.length, 0, NULL);
    /* jansson reads no numbers beyond those of C. */
    if (tree && resolution->valid &&
        rewrite_patch(input->api, accepted, NULL, input->settings, &patch)) {
        expect_json(&patch, "a patch is JSON");
        json_t *operations = json_loadb(buf_text(&patch), patch.length, 0, NULL);
        if (operations)
            patch_tree(tree, operations);
        json_decref(operations);
    }
    json_decref(tree);
}

static void check_api(const struct resolve_input *input)
{
    struct resolution resolution;
    struct resolution again;
    CLEANUP(buf_fini) struct buf first;
    CLEANUP(buf_fini) struct buf second;
    buf_init(&first, BUF_UNLIMITED);
    buf_init(&second, BUF_UNLIMITED);
    resolve(input, &resolution);
    resolve(input, &again);
    add_resolution(&resolution, input->api->key, &first);
    add_resolution(&again, input->api->key, &second);
    expect(strcmp(buf_text(&first), buf_text(&second)) == 0, "resolving twice is equal");
    expect_json(&first, "a status is JSON");
    expect(resolution.valid || !resolution.waits, "what is not valid does not wait");
    check_built(input, &resolution);
    check_rewritten(input, &resolution);
    check_kept(input->api, &first, &resolution);
    resolution_fini(&again);
    resolution_fini(&resolution);
}

static void check_claims(const struct cache *cache, const char **keys)
{
    struct claims *claims = claims_new(NULL, NULL);
    for (size_t i = 0; keys[i]; i++) {
        const struct object *api = cache_get(cache, OBJECT_API, keys[i]);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        claims_put(claims, api, &facts, i % 3 != 0);
        api_facts_fini(&facts);
    }
    claims_settle(claims);
    size_t free_ones = 0;
    for (size_t i = 0; keys[i]; i++)
        free_ones += !claims_conflict(claims, keys[i]);
    for (size_t i = 0; keys[i]; i++)
        claims_remove(claims, keys[i]);
    claims_settle(claims);
    (void)free_ones;
    claims_free(claims);
}

void resolve_oracle(const struct cache *cache)
{
    static const struct gateway_abilities all[] = {
        {.version = "", .folder_owner = true},
        {.version = "5.4", .org_id = "org"},
        {.version = "5.15", .jsvm = true, .kv_references = true},
    };
    const struct resolve_settings settings = {
        .default_cooldown = "10s", .all_id_namespaces = true, .seal_key = &key};
    CLEANUP(freep) const char **keys = cache_sorted_keys(cache, OBJECT_API);
    for (size_t i = 0; keys[i]; i++) {
        const struct object *api = cache_get(cache, OBJECT_API, keys[i]);
        CLEANUP(accepted_freep) struct accepted *accepted = accepted_read(api, &key);
        for (size_t j = 0; j < ARRAY_LENGTH(all); j++)
            check_api(&(struct resolve_input){.api = api,
                                              .cache = cache,
                                              .settings = &settings,
                                              .abilities = &all[j],
                                              .accepted = accepted});
    }
    check_claims(cache, keys);
}
