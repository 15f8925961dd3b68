/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_json.h"
#include "sim/sim_make.h"
#include "sim/sim_random.h"

static const char *const api_keys[SIM_APIS] = {"a/p0", "a/p1", "a/p2", "b/p0", "b/p3"};
static const char *const webhook_keys[SIM_WEBHOOKS] = {"a/w0", "a/w1", "b/w0", "b/w1",
                                                       "grapnel/w2"};
static const char *const webhook_ids[SIM_WEBHOOKS] = {
    "66498cd1e2fcd1000184ecb0", "66498cd1e2fcd1000184ecb1", "66498cd1e2fcd1000184ecb0",
    "66498cd1e2fcd1000184ecb3", "66498cd1e2fcd1000184ecb4"};
static const char *const secret_keys[SIM_SECRETS] = {"a/s0", "a/s1", "b/s0", "grapnel/s0"};
static const char *const context_keys[SIM_CONTEXTS] = {"tyk/edge", "tyk/near"};

/* What APIs refer to. */
static const char *const refs[] = {
    "w0",
    "w0",
    "w1",
    "w1",
    "a/w0",
    "a/w1",
    "b/w0",
    "b/w1",
    "grapnel/w2",
    "66498cd1e2fcd1000184ecb0",
    "66498cd1e2fcd1000184ecb1",
    "66498cd1e2fcd1000184ecb4",
    "nobody",
};
/* Those that lead to a/w0 or grapnel/w2, or from namespace b nowhere. */
static const char *const few_refs[] = {
    "w0", "a/w0", "grapnel/w2", "66498cd1e2fcd1000184ecb0", "66498cd1e2fcd1000184ecb4",
};
static const char *const triggers[] = {"AuthFailure", "QuotaExceeded", "KeyExpired",
                                       "RatelimitExceeded"};

const char *sim_api_key(unsigned number)
{
    return api_keys[number % SIM_APIS];
}

const char *sim_webhook_key(unsigned number)
{
    return webhook_keys[number % SIM_WEBHOOKS];
}

const char *sim_webhook_id(unsigned number)
{
    return webhook_ids[number % SIM_WEBHOOKS];
}

const char *sim_secret_key(unsigned number)
{
    return secret_keys[number % SIM_SECRETS];
}

const char *sim_context_key(unsigned number)
{
    return context_keys[number % SIM_CONTEXTS];
}

static json_t *make_object(const char *kind, const char *key)
{
    CLEANUP(freep) char *ns = xstrndup(key, strcspn(key, "/"));
    return sim_json_format("{'kind':'%s','metadata':{'namespace':'%s','name':'%s'}}", kind, ns,
                           strchr(key, '/') + 1);
}

/* Handlers. */

static json_t *choose_ref(struct sim_random *random, unsigned scope)
{
    if (scope & SIM_FEW_WEBHOOKS)
        return json_string(few_refs[sim_random_below(random, ARRAY_LENGTH(few_refs))]);
    return json_string(refs[sim_random_below(random, ARRAY_LENGTH(refs))]);
}

static json_t *oas_handler(struct sim_random *random, unsigned scope, bool local)
{
    json_t *handler = sim_json_format("{'enabled':%s,'trigger':'%s','type':'webhook'}",
                                      sim_random_chance(random, 900) ? "true" : "false",
                                      triggers[sim_random_below(random, ARRAY_LENGTH(triggers))]);
    if (sim_random_chance(random, 600))
        json_object_set_new(handler, "cooldownPeriod", json_string("15s"));
    if (!local) {
        json_object_set_new(handler, "id", choose_ref(random, scope));
        return handler;
    }
    json_object_set_new(handler, "url", json_string("https://local.example/hook"));
    json_object_set_new(handler, "method", json_string("PUT"));
    if (sim_random_chance(random, 500))
        json_object_set_new(handler, "headers", sim_json_of("[{'name':'X-L','value':'1'}]"));
    return handler;
}

static json_t *classic_handler(struct sim_random *random, unsigned scope, bool local)
{
    json_t *handler = sim_json_of("{'handler_name':'eh_web_hook_handler'}");
    json_t *meta = sim_json_object(handler, "handler_meta");
    if (sim_random_chance(random, 500))
        json_object_set_new(meta, "disabled", json_boolean(sim_random_chance(random, 200)));
    if (sim_random_chance(random, 600))
        json_object_set_new(meta, "event_timeout", json_integer(15));
    if (!local) {
        json_object_set_new(meta, "id", choose_ref(random, scope));
        return handler;
    }
    json_object_set_new(meta, "target_path", json_string("https://local.example/hook"));
    json_object_set_new(meta, "method", json_string("PUT"));
    if (sim_random_chance(random, 500))
        json_object_set_new(meta, "header_map", sim_json_of("{'X-L':'1'}"));
    return handler;
}

/* Documents. */

static const char *choose_path(struct sim_random *random, const char *key)
{
    static const char *const own[SIM_APIS] = {"/a-p0/", "/a-p1/", "/a-p2/", "/b-p0/", "/b-p3/"};
    if (sim_random_chance(random, 70))
        return "/shared/";
    for (size_t i = 0; i < SIM_APIS; i++) {
        if (strcmp(api_keys[i], key) == 0)
            return own[i];
    }
    return "/other/";
}

static const char *choose_id(struct sim_random *random, unsigned number)
{
    static const char *const ids[SIM_APIS] = {"id-a-p0", "id-a-p1", "id-a-p2", "id-b-p0",
                                              "id-b-p3"};
    if (sim_random_chance(random, 30))
        return "id-shared";
    return sim_random_chance(random, 120) ? ids[number % SIM_APIS] : NULL;
}

static json_t *make_oas(struct sim_random *random, const struct sim_recipe *recipe)
{
    const char *key = sim_api_key(recipe->number);
    json_t *document = sim_json_format(
        "{'openapi':'3.0.3','info':{'title':'%s','version':'%u'},'paths':{},'x-tyk-api-gateway':{"
        "'info':{'name':'%s','state':{'active':true}},'upstream':{'url':'http://up/'},'server':{"
        "'listenPath':{'value':'%s','strip':true},'eventHandlers':[]}}}",
        key, recipe->version, key, choose_path(random, key));
    const char *id = choose_id(random, recipe->number);
    if (id)
        json_object_set_new(sim_json_get(document, "x-tyk-api-gateway", "info", NULL), "id",
                            json_string(id));
    json_t *handlers = sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
    unsigned count = sim_random_below(random, 4);
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(handlers,
                              oas_handler(random, recipe->scope, sim_random_chance(random, 200)));
    return document;
}

static json_t *make_classic(struct sim_random *random, const struct sim_recipe *recipe)
{
    const char *key = sim_api_key(recipe->number);
    json_t *spec = sim_json_format(
        "{'name':'%s %u','use_keyless':true,'proxy':{'listen_path':'%s','target_url':"
        "'http://up/'},'event_handlers':{'events':{}}}",
        key, recipe->version, choose_path(random, key));
    const char *id = choose_id(random, recipe->number);
    if (id)
        json_object_set_new(spec, "api_id", json_string(id));
    json_t *events = sim_json_get(spec, "event_handlers", "events", NULL);
    unsigned count = sim_random_below(random, 4);
    for (unsigned i = 0; i < count; i++) {
        const char *trigger = triggers[sim_random_below(random, ARRAY_LENGTH(triggers))];
        if (!json_object_get(events, trigger))
            json_object_set_new(events, trigger, json_array());
        json_array_append_new(
            json_object_get(events, trigger),
            classic_handler(random, recipe->scope, sim_random_chance(random, 200)));
    }
    return spec;
}

/* Spoils a document in a way that the CRD's schema does not see and the operator must refuse. */
static void spoil(struct sim_random *random, json_t *document, bool oas)
{
    if (oas) {
        json_t *handlers =
            sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
        static const char *const bad[] = {
            "{'enabled':true,'trigger':'AuthFailure','type':'webhook','id':'w0',"
            "'cooldownPeriod':'500ms'}",
            "{'enabled':true,'trigger':'AuthFailure','type':'custom','name':'n',"
            "'functionName':'f','path':'p'}",
            "{'enabled':true,'trigger':'NoSuchEvent','type':'webhook','id':'w0'}",
        };
        json_array_append_new(handlers,
                              sim_json_of(bad[sim_random_below(random, ARRAY_LENGTH(bad))]));
        return;
    }
    json_t *events = sim_json_get(document, "event_handlers", "events", NULL);
    static const char *const bad[] = {
        "[{'handler_name':'eh_web_hook_handler','handler_meta':{'id':'w0','event_timeout':-1}}]",
        "[{'handler_name':'eh_dynamic_handler','handler_meta':{'name':'n','path':'p'}}]",
        "[{'handler_name':'eh_web_hook_handler','handler_meta':{'target_path':'nowhere','method':"
        "'POST'}}]",
    };
    json_object_set_new(events, "KeyExpired",
                        sim_json_of(bad[sim_random_below(random, ARRAY_LENGTH(bad))]));
}

static void set_context(struct sim_random *random, json_t *spec)
{
    uint32_t which = sim_random_below(random, 10);
    if (which == 0 || which == 1)
        json_object_set_new(spec, "contextRef", sim_json_of("{'name':'edge','namespace':'tyk'}"));
    else if (which == 2)
        json_object_set_new(spec, "contextRef", sim_json_of("{'name':'near','namespace':'tyk'}"));
}

static json_t *in_config_map(const json_t *document, const char *key, const char *name)
{
    json_t *config_map = make_object("ConfigMap", key);
    CLEANUP(freep) char *text = sim_json_dump(document);
    json_t *data = json_object();
    json_object_set_new(sim_json_object(config_map, "metadata"), "name", json_string(name));
    json_object_set_new(data, "api.json", json_string(text));
    json_object_set_new(config_map, "data", data);
    return config_map;
}

json_t *sim_make_api(const struct sim_recipe *recipe, json_t **ret_config_map)
{
    struct sim_random random = sim_random_of(recipe->salt, 10);
    const char *key = sim_api_key(recipe->number);
    json_t *api = make_object("ApiDefinition", key);
    bool invalid = sim_random_chance(&random, 60);
    uint32_t form = sim_random_below(&random, 10);
    *ret_config_map = NULL;
    json_t *spec;
    if (form < 4) {
        spec = make_classic(&random, recipe);
        if (invalid)
            spoil(&random, spec, false);
    } else {
        spec = json_object();
        json_t *document = make_oas(&random, recipe);
        if (invalid)
            spoil(&random, document, true);
        if (form < 9) {
            json_object_set_new(spec, "oas", document);
        } else {
            CLEANUP(freep) char *name = xasprintf("doc-%s", strchr(key, '/') + 1);
            *ret_config_map = in_config_map(document, key, name);
            json_object_set_new(
                spec, "oasRef",
                sim_json_format("{'configMapKeyRef':{'name':'%s','key':'api.json'}}", name));
            json_decref(document);
        }
    }
    if (!(recipe->scope & SIM_FEW_CONTEXTS))
        set_context(&random, spec);
    json_object_set_new(api, "spec", spec);
    char text[16];
    snprintf(text, sizeof(text), "%u", recipe->version);
    json_t *annotations = sim_json_object(sim_json_object(api, "metadata"), "annotations");
    json_object_set_new(annotations, "sim/version", json_string(text));
    json_object_set_new(annotations, "sim/invalid", invalid ? json_string("true") : json_null());
    json_object_set_new(annotations, "grapnel.dev/deletion-policy",
                        sim_random_chance(&random, 40) ? json_string("Retain") : json_null());
    json_object_set_new(annotations, "grapnel.dev/adopt",
                        sim_random_chance(&random, 60) ? json_string("true") : json_null());
    json_object_set_new(annotations, "argocd.argoproj.io/tracking-id",
                        sim_random_chance(&random, 100) ? json_string("app:x") : json_null());
    return api;
}

/* Webhooks. */

json_t *sim_make_permission(uint64_t salt)
{
    struct sim_random random = sim_random_of(salt, 11);
    switch (sim_random_below(&random, 4)) {
    case 0:
        return sim_json_of("{'from':'Same'}");
    case 1:
        return sim_json_of("{'from':'Selector','selector':{'matchLabels':{'team':'x'}}}");
    default:
        return sim_json_of("{'from':'All'}");
    }
}

json_t *sim_make_webhook(unsigned number, uint64_t salt, unsigned version)
{
    static const char *const policies[] = {"Auto", "Auto", "Rewrite", "Retain"};
    struct sim_random random = sim_random_of(salt, 12);
    const char *key = sim_webhook_key(number);
    json_t *webhook = make_object("Webhook", key);
    json_t *spec = json_object();
    json_t *headers = json_array();
    CLEANUP(freep) char *url = xasprintf("https://hook.example/%s/%u", key, version);
    if (sim_random_chance(&random, 80))
        json_object_set_new(spec, "urlFrom",
                            sim_json_of("{'secretKeyRef':{'name':'s0','key':'url'}}"));
    else
        json_object_set_new(spec, "url", json_string(url));
    json_array_append_new(headers, sim_json_format("{'name':'X-Version','value':'%u'}", version));
    if (sim_random_chance(&random, 350))
        json_array_append_new(
            headers, sim_json_format("{'name':'Authorization','valueFrom':{'secretKeyRef':{'name':"
                                     "'%s','key':'token'}}}",
                                     sim_random_chance(&random, 700) ? "s0" : "s1"));
    json_object_set_new(spec, "headers", headers);
    /* Ids do not change once set: whether there is one follows from the name alone. */
    if (number % 2 == 0)
        json_object_set_new(spec, "id", json_string(sim_webhook_id(number)));
    json_object_set_new(spec, "allowedNamespaces", sim_make_permission(salt));
    json_object_set_new(spec, "conversionPolicy",
                        json_string(policies[sim_random_below(&random, 4)]));
    if (sim_random_chance(&random, 120))
        json_object_set_new(spec, "suspend", json_true());
    if (sim_random_chance(&random, 300))
        json_object_set_new(spec, "cooldownPeriod", json_string("20s"));
    if (sim_random_chance(&random, 200))
        json_object_set_new(spec, "bodyTemplate", json_string("templates/x.json"));
    if (sim_random_chance(&random, 200))
        json_object_set_new(spec, "method", json_string("PATCH"));
    json_object_set_new(webhook, "spec", spec);
    return webhook;
}

json_t *sim_make_secret(unsigned number, uint64_t salt)
{
    struct sim_random random = sim_random_of(salt, 13);
    json_t *secret = make_object("Secret", sim_secret_key(number));
    json_t *data = json_object();
    static const char *const keys[] = {"token", "url"};
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        CLEANUP(freep)
        char *value = xasprintf("%s" SIM_SECRET_MARK "%016" PRIx64,
                                i ? "https://hook.example/" : "", sim_random_next(&random));
        CLEANUP(buf_fini) struct buf coded;
        buf_init(&coded, BUF_UNLIMITED);
        str_base64(&coded, value, strlen(value));
        if (!sim_random_chance(&random, 80)) /* a key may be missing */
            json_object_set_new(data, keys[i], json_string(buf_text(&coded)));
    }
    json_object_set_new(secret, "data", data);
    return secret;
}

/* Contexts: both mean the pods of Service "edge", one of them at times by fixed addresses. */
json_t *sim_make_context(unsigned number, uint64_t salt)
{
    struct sim_random random = sim_random_of(salt, 14);
    json_t *context = make_object("OperatorContext", sim_context_key(number));
    bool same = sim_random_chance(&random, 150);
    json_t *spec = sim_json_format(
        "{'serviceRef':{'name':'edge','port':'control'},'secretRef':{'name':'edge-conf'},"
        "'allowedNamespaces':{'from':'%s'},'allowAdoption':%s}",
        same ? "Same" : "All", sim_random_chance(&random, 300) ? "true" : "false");
    json_object_set_new(context, "spec", spec);
    return context;
}

/* Somebody else's. */

json_t *sim_make_foreign(uint64_t salt, unsigned version, bool *ret_oas, const char **ret_id)
{
    /* Others' own, and those that a/p0, a/p1 and b/p0 would have. */
    static const char *const ids[] = {"foreign-0", "foreign-1", "YS9wMA",
                                      "YS9wMQ",    "Yi9wMA",    "id-shared"};
    static const char *const paths[] = {"/foreign-0/", "/foreign-1/", "/foreign-2/",
                                        "/foreign-3/", "/foreign-4/", "/shared/"};
    struct sim_random random = sim_random_of(salt, 15);
    size_t which = sim_random_below(&random, ARRAY_LENGTH(ids));
    *ret_id = ids[which];
    *ret_oas = sim_random_chance(&random, 500);
    json_t *document =
        *ret_oas
            ? sim_json_format(
                  "{'openapi':'3.0.3','info':{'title':'foreign','version':'%u'},'paths':{},"
                  "'x-tyk-api-gateway':{'info':{'id':'%s','name':'foreign','state':{'active':true}}"
                  ","
                  "'upstream':{'url':'http://elsewhere/'},'server':{'listenPath':{'value':'%s'}}}}",
                  version, *ret_id, paths[which])
            : sim_json_format("{'name':'foreign %u','api_id':'%s','config_data':{},'proxy':{"
                              "'listen_path':'%s','target_url':'http://elsewhere/'}}",
                              version, *ret_id, paths[which]);
    /* Of an installation in another cluster. */
    if (sim_random_chance(&random, 400))
        json_object_set_new(*ret_oas ? document : json_object_get(document, "config_data"),
                            *ret_oas ? "x-grapnel" : "grapnel",
                            sim_json_of("{'v':1,'owner':'grapnel','cluster':'elsewhere','context':"
                                        "'','api':'a/none','uid':'u','hash':'h','n':0}"));
    return document;
}
