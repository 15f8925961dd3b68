/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of any content, one JSON text a line, through everything that is decided about an
 * ApiDefinition. What must hold whatever they say: the same snapshot gives the same bytes; what
 * comes out is JSON; no reference that did not resolve is in a document, no handler without URL and
 * method, no cooldown of zero; what the status keeps is what was resolved.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/cache.h"
#include "core/claims.h"
#include "core/materialize.h"
#include "core/method.h"
#include "core/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct seal_key key = {"0123456789abcdef0123456789abcde"};
static const struct json_text_limits limits = {.depth = 100, .unique_keys = true};

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void expect_json(const struct buf *text, const char *what)
{
    const struct json_text_limits any = {.depth = 120};
    struct span span = {buf_text(text), text->length};
    expect(json_text_check(span, &any, NULL, NULL) == 0, what);
}

/* A line is an object if it is JSON with a kind of ours. */
static void put_line(struct cache *cache, struct span line)
{
    static const char *const versions[] = {"tyk.tyk.io/v1alpha1", "v1"};
    if (json_text_check(line, &limits, NULL, NULL) < 0)
        return;
    CLEANUP(freep) char *kind = json_text_string(json_text_member(line, "kind"));
    enum object_kind which;
    struct object *object = NULL;
    if (!kind || (!object_kind_from_name(versions[0], kind, &which) &&
                  !object_kind_from_name(versions[1], kind, &which)))
        return;
    if (object_new(which, line, NULL, &object, NULL) < 0)
        return;
    object_unref(cache_put(cache, object));
    object_unref(object);
}

static struct cache *read_objects(const char *text, size_t size)
{
    struct cache *cache = cache_new();
    const char *end = text + size;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        if (stop > text)
            put_line(cache, (struct span){text, (size_t)(stop - text)});
        text = stop + 1;
    }
    return cache;
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
    check_kept(input->api, &first, &resolution);
    resolution_fini(&again);
    resolution_fini(&resolution);
}

static void check_claims(const struct cache *cache, const char **keys)
{
    struct claims *claims = claims_new();
    for (size_t i = 0; keys[i]; i++) {
        const struct object *api = cache_get(cache, OBJECT_API, keys[i]);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        claims_put(claims, api, &facts, i % 3 != 0, NULL, NULL);
        api_facts_fini(&facts);
    }
    size_t free_ones = 0;
    for (size_t i = 0; keys[i]; i++)
        free_ones += !claims_conflict(claims, keys[i]);
    for (size_t i = 0; keys[i]; i++)
        claims_remove(claims, keys[i], NULL, NULL);
    (void)free_ones;
    claims_free(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gateway_abilities all[] = {
        {.version = "", .folder_owner = true},
        {.version = "5.4", .org_id = "org"},
        {.version = "5.15", .jsvm = true, .kv_references = true},
    };
    const struct resolve_settings settings = {
        .default_cooldown = "10s", .all_id_namespaces = true, .seal_key = &key};
    if (!size)
        return 0;
    struct cache *cache = read_objects((const char *)data, size);
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
    cache_free(cache);
    return 0;
}
