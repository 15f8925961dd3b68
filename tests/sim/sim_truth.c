/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_truth.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/copy.h"
#include "core/object.h"

/* ---- what an API wants ---- */

static const struct sim_object *config_map_of(const struct sim *sim,
                                              const struct sim_object *object)
{
    const char *name =
        sim_json_text(object->tree, "spec", "oasRef", "configMapKeyRef", "name", NULL);
    CLEANUP(freep) char *key = xasprintf("%s/%s", object->ns, name);
    return *name ? sim_store_get(sim->store, OBJECT_CONFIGMAP, key) : NULL;
}

int64_t sim_document_version(const json_t *document, bool oas)
{
    if (oas) {
        const char *text = sim_json_text(document, "info", "version", NULL);
        return *text ? strtoll(text, NULL, 10) : -1;
    }
    const char *blank = strrchr(sim_json_text(document, "name", NULL), ' ');
    return blank ? strtoll(blank + 1, NULL, 10) : -1;
}

const char *sim_document_path(const json_t *document, bool oas)
{
    return oas ? sim_json_text(document, "x-tyk-api-gateway", "server", "listenPath", "value", NULL)
               : sim_json_text(document, "proxy", "listen_path", NULL);
}

static char *derived_id(const char *key)
{
    struct buf id;
    buf_init(&id, BUF_UNLIMITED);
    str_base64url(&id, key, strlen(key));
    return buf_take(&id);
}

void sim_wish_read(const struct sim *sim, const struct sim_object *object,
                   struct sim_wish *ret_wish)
{
    json_t *spec = json_object_get(object->tree, "spec");
    json_t *inline_oas = json_object_get(spec, "oas");
    bool referred = json_object_get(spec, "oasRef") != NULL;
    *ret_wish = (struct sim_wish){.object = object, .oas = inline_oas || referred, .version = -1};
    if (inline_oas) {
        ret_wish->document = json_incref(inline_oas);
    } else if (referred) {
        const struct sim_object *config_map = config_map_of(sim, object);
        const char *text =
            config_map ? sim_json_text(config_map->tree, "data", "api.json", NULL) : "";
        ret_wish->document = *text ? sim_json_parse(text, strlen(text)) : NULL;
    } else {
        ret_wish->document = json_incref(spec);
    }
    const json_t *document = ret_wish->document;
    ret_wish->version = sim_document_version(document, ret_wish->oas);
    ret_wish->path = sim_document_path(document, ret_wish->oas);
    const char *context = sim_json_text(spec, "contextRef", "name", NULL);
    const char *context_ns = sim_json_text(spec, "contextRef", "namespace", NULL);
    ret_wish->context = *context ? xasprintf("%s/%s", context_ns, context) : xstrdup("");
    const char *id = ret_wish->oas
                         ? sim_json_text(document, "x-tyk-api-gateway", "info", "id", NULL)
                         : sim_json_text(document, "api_id", NULL);
    ret_wish->api_id = *id ? xstrdup(id) : derived_id(object->key);
    ret_wish->is_invalid =
        strcmp(sim_json_text(object->tree, "metadata", "annotations", "sim/invalid", NULL),
               "true") == 0;
}

void sim_wish_fini(struct sim_wish *wish)
{
    json_decref(wish->document);
    free(wish->context);
    free(wish->api_id);
    *wish = (struct sim_wish){.object = NULL};
}

const json_t *sim_marker(const json_t *document, bool oas)
{
    return oas ? json_object_get(document, "x-grapnel")
               : sim_json_get(document, "config_data", "grapnel", NULL);
}

/* ---- permissions and look-ups ---- */

static bool has_label(const struct sim *sim, const char *ns, const char *name, const char *value)
{
    const struct sim_object *object = sim_store_get(sim->store, OBJECT_NAMESPACE, ns);
    return object &&
           strcmp(sim_json_text(object->tree, "metadata", "labels", name, NULL), value) == 0;
}

static bool permits(const struct sim *sim, const struct sim_object *owner, const char *ns)
{
    if (strcmp(owner->ns, ns) == 0)
        return true;
    const json_t *allowed = sim_json_get(owner->tree, "spec", "allowedNamespaces", NULL);
    const char *from = sim_json_text(allowed, "from", NULL);
    if (strcmp(from, "Selector") == 0)
        return has_label(sim, ns, "team",
                         sim_json_text(allowed, "selector", "matchLabels", "team", NULL));
    return strcmp(from, "All") == 0;
}

bool sim_context_permits(const struct sim *sim, const char *context, const char *ns,
                         enum sim_group *ret_group)
{
    if (!*context) {
        *ret_group = SIM_DEFAULT;
        return true;
    }
    const struct sim_object *object = sim_store_get(sim->store, OBJECT_CONTEXT, context);
    *ret_group = SIM_EDGE;
    return object && permits(sim, object, ns);
}

static bool goes_before(const struct sim_object *a, const struct sim_object *b, const char *id)
{
    bool held_a = strcmp(sim_json_text(a->tree, "status", "id", NULL), id) == 0;
    bool held_b = strcmp(sim_json_text(b->tree, "status", "id", NULL), id) == 0;
    if (held_a != held_b)
        return held_a;
    int order = strcmp(sim_json_text(a->tree, "metadata", "creationTimestamp", NULL),
                       sim_json_text(b->tree, "metadata", "creationTimestamp", NULL));
    return order ? order < 0 : strcmp(a->key, b->key) < 0;
}

static const struct sim_object *holder_of_id(const struct sim *sim, const char *ns, const char *id)
{
    size_t count;
    CLEANUP(freep)
    const struct sim_object **all = sim_store_all(sim->store, OBJECT_WEBHOOK, &count);
    const struct sim_object *holder = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->ns, ns) == 0 &&
            strcmp(sim_json_text(all[i]->tree, "spec", "id", NULL), id) == 0 &&
            (!holder || goes_before(all[i], holder, id)))
            holder = all[i];
    }
    return holder;
}

enum sim_lookup sim_look_up(const struct sim *sim, const char *ns, const char *ref,
                            const struct sim_object **ret_webhook)
{
    CLEANUP(freep) char *key = strchr(ref, '/') ? xstrdup(ref) : xasprintf("%s/%s", ns, ref);
    const struct sim_object *webhook = sim_store_get(sim->store, OBJECT_WEBHOOK, key);
    if (!webhook)
        webhook = holder_of_id(sim, ns, ref);
    if (!webhook)
        webhook = holder_of_id(sim, "grapnel", ref);
    *ret_webhook = webhook;
    if (!webhook)
        return SIM_ABSENT;
    return permits(sim, webhook, ns) ? SIM_FOUND : SIM_DENIED;
}

/* ---- what is called ---- */

/* Returns owned: the value of `{secretKeyRef}`, NULL when it is missing. */
static char *secret_value(const struct sim *sim, const char *ns, const json_t *from)
{
    CLEANUP(freep)
    char *key = xasprintf("%s/%s", ns, sim_json_text(from, "secretKeyRef", "name", NULL));
    const struct sim_object *secret = sim_store_get(sim->store, OBJECT_SECRET, key);
    if (!secret)
        return NULL;
    const char *coded =
        sim_json_text(secret->tree, "data", sim_json_text(from, "secretKeyRef", "key", NULL), NULL);
    struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    if (!*coded || str_base64_decode(&value, coded, strlen(coded), NULL) < 0) {
        buf_fini(&value);
        return NULL;
    }
    return buf_take(&value);
}

static json_t *make_call(const char *name, const char *url, const char *method,
                         const char *template)
{
    json_t *call = json_object();
    json_object_set_new(call, "name", json_string(name));
    json_object_set_new(call, "url", json_string(url));
    json_object_set_new(call, "method", json_string(method));
    json_object_set_new(call, "template", json_string(template));
    json_object_set_new(call, "headers", json_object());
    json_object_set_new(call, "suspend", json_false());
    return call;
}

json_t *sim_call_of_webhook(const struct sim *sim, const struct sim_object *webhook)
{
    const json_t *spec = json_object_get(webhook->tree, "spec");
    const json_t *url_from = json_object_get(spec, "urlFrom");
    CLEANUP(freep)
    char *url = url_from ? secret_value(sim, webhook->ns, url_from)
                         : xstrdup(sim_json_text(spec, "url", NULL));
    if (!url)
        return NULL;
    json_t *call = make_call(webhook->name, url, sim_json_text(spec, "method", NULL),
                             sim_json_text(spec, "bodyTemplate", NULL));
    const json_t *headers = json_object_get(spec, "headers");
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *header = json_array_get(headers, i);
        const json_t *from = json_object_get(header, "valueFrom");
        CLEANUP(freep)
        char *value = from ? secret_value(sim, webhook->ns, from)
                           : xstrdup(sim_json_text(header, "value", NULL));
        if (!value) {
            json_decref(call);
            return NULL;
        }
        json_object_set_new(json_object_get(call, "headers"), sim_json_text(header, "name", NULL),
                            json_string(value));
    }
    json_object_set_new(call, "suspend",
                        json_boolean(json_is_true(json_object_get(spec, "suspend"))));
    return call;
}

json_t *sim_call_of_copy(const struct copy *copy)
{
    json_t *call = make_call(copy->name, copy->url, copy->method, copy->body_template);
    for (size_t i = 0; i < copy->header_count; i++)
        json_object_set_new(json_object_get(call, "headers"), copy->headers[i].name,
                            json_string(copy->headers[i].value));
    json_object_set_new(call, "suspend", json_boolean(copy->suspend));
    return call;
}

const struct accepted *sim_copies(const struct sim_object *api)
{
    static const struct seal_key key = {"0123456789abcdef0123456789abcdef"};
    if (api->copies)
        return api->copies;
    CLEANUP(object_unrefp) struct object *object = NULL;
    if (object_new(OBJECT_API, (struct span){api->text, api->length}, NULL, &object, NULL) < 0)
        abort();
    /* It is asked for at each look at rest, and the object never changes. */
    struct sim_object *keeper = (struct sim_object *)(uintptr_t)api;
    keeper->copies = accepted_read(object, &key);
    return api->copies;
}

/* ---- handlers ---- */

static int64_t seconds_of(const char *text)
{
    int64_t ms = -1000;
    return str_to_duration_ms(text, &ms, NULL) < 0 ? -1 : ms / 1000;
}

static void add(json_t *out, const char *trigger, const char *ref, bool enabled, int64_t cooldown,
                json_t *call)
{
    json_t *handler = json_object();
    json_object_set_new(handler, "trigger", json_string(trigger));
    if (*ref)
        json_object_set_new(handler, "ref", json_string(ref));
    json_object_set_new(handler, "enabled", json_boolean(enabled));
    if (cooldown >= 0)
        json_object_set_new(handler, "cooldown", json_integer(cooldown));
    if (call)
        json_object_set_new(handler, "call", call);
    json_array_append_new(out, handler);
}

static void add_oas(json_t *out, const json_t *handler)
{
    if (strcmp(sim_json_text(handler, "type", NULL), "webhook") != 0)
        return;
    json_t *call = NULL;
    const char *url = sim_json_text(handler, "url", NULL);
    if (*url) {
        call = make_call(sim_json_text(handler, "name", NULL), url,
                         sim_json_text(handler, "method", NULL),
                         sim_json_text(handler, "bodyTemplate", NULL));
        const json_t *headers = json_object_get(handler, "headers");
        for (size_t i = 0; i < json_array_size(headers); i++) {
            const json_t *header = json_array_get(headers, i);
            json_object_set(json_object_get(call, "headers"), sim_json_text(header, "name", NULL),
                            json_object_get(header, "value"));
        }
    }
    const char *cooldown = sim_json_text(handler, "cooldownPeriod", NULL);
    add(out, sim_json_text(handler, "trigger", NULL), sim_json_text(handler, "id", NULL),
        json_is_true(json_object_get(handler, "enabled")), *cooldown ? seconds_of(cooldown) : -1,
        call);
}

static void add_classic(json_t *out, const char *trigger, const json_t *handler)
{
    if (strcmp(sim_json_text(handler, "handler_name", NULL), "eh_web_hook_handler") != 0)
        return;
    const json_t *meta = json_object_get(handler, "handler_meta");
    json_t *call = NULL;
    const char *url = sim_json_text(meta, "target_path", NULL);
    if (*url) {
        call =
            make_call(sim_json_text(meta, "name", NULL), url, sim_json_text(meta, "method", NULL),
                      sim_json_text(meta, "template_path", NULL));
        json_t *headers = json_object_get(meta, "header_map");
        if (headers)
            json_object_set_new(call, "headers", json_deep_copy(headers));
    }
    add(out, trigger, sim_json_text(meta, "id", NULL),
        !json_is_true(json_object_get(meta, "disabled")), sim_json_int(meta, "event_timeout", NULL),
        call);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *sim_handlers(const json_t *document, bool oas)
{
    json_t *out = json_array();
    if (oas) {
        const json_t *handlers =
            sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
        for (size_t i = 0; i < json_array_size(handlers); i++)
            add_oas(out, json_array_get(handlers, i));
        return out;
    }
    json_t *events = sim_json_get(document, "event_handlers", "events", NULL);
    CLEANUP(freep)
    const char **names = xcalloc(json_object_size(events) + 1, sizeof(*names));
    size_t count = 0;
    const char *name;
    json_t *handlers;
    json_object_foreach(events, name, handlers)
    {
        names[count++] = name;
    }
    qsort(names, count, sizeof(*names), by_text);
    for (size_t i = 0; i < count; i++) {
        handlers = json_object_get(events, names[i]);
        for (size_t j = 0; j < json_array_size(handlers); j++)
            add_classic(out, names[i], json_array_get(handlers, j));
    }
    return out;
}
