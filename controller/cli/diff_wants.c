/* SPDX-License-Identifier: Apache-2.0 */
/* What a run would want: contexts with their gateways, and each ApiDefinition's document. */
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/diff.h"
#include "core/context_place.h"
#include "core/service_endpoints.h"
#include "dir/flag_file.h"

#define FILE_LIMIT (1U << 20)

static void context_free(void *value)
{
    struct diff_context *context = value;
    free(context->name);
    free(context->problem);
    free(context);
}

static void gateway_free(void *value)
{
    struct diff_gateway *gateway = value;
    gateway_call_cancel(gateway->call);
    gateway_client_free(gateway->client);
    gateway_access_unref(gateway->access);
    for (size_t i = 0; i < gateway->found_count; i++)
        diff_found_fini(&gateway->found[i]);
    for (size_t i = 0; i < gateway->entry_count; i++)
        free(gateway->entries[i].why);
    strmap_free(gateway->ids);
    free(gateway->found);
    free(gateway->entries);
    free(gateway->contexts);
    free(gateway->error);
    free(gateway->id);
    free(gateway->url);
    free(gateway->pod);
    free(gateway);
}

static struct diff_context *context_of(struct diff *diff, const char *name)
{
    struct diff_context *context = strmap_get(diff->contexts, name);
    if (!context) {
        context = xcalloc(1, sizeof(*context));
        context->name = xstrdup(name);
        context->confirm_prune = diff->options->confirm_prune;
        strmap_set(diff->contexts, name, context);
    }
    return context;
}

/* Two contexts that name the same gateway share it; the first one's access is used. */
static void add_gateway(struct diff *diff, struct diff_context *context,
                        const struct service_endpoint *where, struct gateway_access *access)
{
    struct diff_gateway *gateway = strmap_get(diff->gateways, where->id);
    if (!gateway) {
        gateway = xcalloc(1, sizeof(*gateway));
        gateway->diff = diff;
        gateway->ids = strmap_new(NULL);
        gateway->id = xstrdup(where->id);
        gateway->url = xstrdup(where->url);
        gateway->pod = xstrdup(where->pod);
        gateway->access = gateway_access_ref(access);
        strmap_set(diff->gateways, gateway->id, gateway);
    }
    gateway->contexts = xrealloc(gateway->contexts, (gateway->context_count + 1) * sizeof(context));
    gateway->contexts[gateway->context_count++] = context;
}

static void add_url(struct diff *diff, struct diff_context *context, char *url,
                    struct gateway_access *access)
{
    struct service_endpoint where = {.id = url, .url = url, .pod = (char[]){""}};
    add_gateway(diff, context, &where, access);
}

/* The default context, from flags and environment. */

static int add_default_context(struct diff *diff, struct err *err)
{
    const struct diff_options *options = diff->options;
    struct diff_context *context = context_of(diff, "");
    context->allow_adoption = options->gateway_allow_adoption;
    CLEANUP(flag_file_fini) struct flag_file secret = {.text = NULL};
    CLEANUP(flag_file_fini) struct flag_file ca = {.text = NULL};
    if (flag_file_read(&secret, options->gateway_secret_file, FILE_LIMIT, err) < 0 ||
        flag_file_read(&ca, options->gateway_ca_file, FILE_LIMIT, err) < 0)
        return -1;
    struct http_tls tls = {.ca_pem = ca.text, .insecure = options->gateway_insecure};
    const char *auth = getenv("TYK_AUTH");
    struct gateway_access *access = gateway_access_new(secret.text          ? secret.text
                                                       : str_is_empty(auth) ? NULL
                                                                            : auth,
                                                       &tls);
    for (size_t i = 0; i < options->gateway_urls.count; i++)
        add_url(diff, context, options->gateway_urls.items[i], access);
    gateway_access_unref(access);
    if (!options->gateway_urls.count)
        context->problem = xstrdup("no gateway is named (--gateway-url, or TYK_URL)");
    return 0;
}

/* OperatorContexts. */

struct slices {
    const char *service;
    const struct object **items;
    size_t count;
    size_t capacity;
};

static bool collect_slice(void *arg, const struct object *slice)
{
    struct slices *slices = arg;
    CLEANUP(freep) char *name = object_label(slice, "kubernetes.io/service-name");
    CLEANUP(freep) char *service = object_key_of(slice->ns, name ? name : "");
    if (strcmp(service, slices->service) == 0) {
        slices->items =
            xgrow(slices->items, slices->count, &slices->capacity, sizeof(*slices->items));
        slices->items[slices->count++] = slice;
    }
    return true;
}

static void add_pods(struct diff *diff, struct diff_context *context,
                     const struct context_place *place, const struct object *service,
                     struct gateway_access *access)
{
    struct slices slices = {.service = place->service};
    cache_visit(diff->offline->cache, OBJECT_ENDPOINTSLICE, collect_slice, &slices);
    struct service_target target = {service, place->service_port, place->https};
    struct service_endpoints pods;
    service_endpoints_read(&target, slices.items, slices.count, &pods);
    for (size_t i = 0; i < pods.count; i++)
        add_gateway(diff, context, &pods.items[i], access);
    if (!pods.count)
        context->problem = pods.problem
                               ? TAKE(pods.problem)
                               : xasprintf("no EndpointSlice of Service %s is among the manifests",
                                           place->service);
    service_endpoints_fini(&pods);
    free(slices.items);
}

static void add_places(struct diff *diff, struct diff_context *context,
                       const struct context_place *place)
{
    const struct object *service =
        place->service ? cache_get(diff->offline->cache, OBJECT_SERVICE, place->service) : NULL;
    CLEANUP(freep) char *ns = place->service ? object_key_ns(place->service) : NULL;
    CLEANUP(freep)
    char *host = service ? xasprintf("%s.%s.svc", object_key_name(place->service), ns) : NULL;
    struct http_tls tls = {
        .ca_pem = place->ca_pem,
        .server_name = place->server_name ? place->server_name : host,
        .insecure = place->insecure,
    };
    struct gateway_access *access = gateway_access_new(place->auth, &tls);
    for (size_t i = 0; place->urls[i]; i++)
        add_url(diff, context, place->urls[i], access);
    bool is_address = place->service_url && context_url_is_ambiguous(place->service_url);
    if (service)
        add_pods(diff, context, place, service, access);
    else if (place->service && is_address)
        add_url(diff, context, place->service_url, access);
    else if (place->service)
        context->problem = xasprintf("its gateways are the pods behind Service %s: add it and its "
                                     "EndpointSlices to the manifests",
                                     place->service);
    gateway_access_unref(access);
}

static void add_context(struct diff *diff, const struct object *object)
{
    const struct cache *cache = diff->offline->cache;
    struct diff_context *context = context_of(diff, object->key);
    if (object->problem) {
        context->problem = xstrdup(object->problem);
        return;
    }
    struct context_place place;
    context_place_needs(object, &place);
    const struct object *secret =
        place.secret ? cache_get(cache, OBJECT_SECRET, place.secret) : NULL;
    const struct object *ca_secret =
        place.ca_secret ? cache_get(cache, OBJECT_SECRET, place.ca_secret) : NULL;
    context_place_fini(&place);
    context_place_read(object, secret, ca_secret, &place);
    CLEANUP(freep) char *confirmed = object_annotation(object, "grapnel.dev/confirm-prune");
    context->confirm_prune |= str_equal(confirmed, "true");
    context->allow_adoption = place.allow_adoption;
    if (place.problem)
        context->problem = xstrdup(place.problem);
    else
        add_places(diff, context, &place);
    context_place_fini(&place);
}

/* Wants. */

bool diff_document(const struct diff *diff, const struct diff_want *want, bool placeholders,
                   struct buf *out)
{
    return offline_document(diff->offline, want->api, placeholders, out);
}

/* Is something missing that a run may have, so that its document is another? */
static bool lacks_needs(const struct resolution *resolution)
{
    for (size_t i = 0; i < resolution->problem_count; i++) {
        const char *reason = resolution->problems[i].reason;
        if (str_equal(reason, "SecretNotFound") || str_equal(reason, "ConfigMapNotFound"))
            return true;
    }
    return false;
}

/* Would it be another document if what is absent from the manifests were there? */
static bool depends_on_the_absent(const struct resolution *resolution)
{
    for (size_t i = 0; i < resolution->ref_count; i++) {
        if (resolution->refs[i].source != REF_GLOBAL)
            return true;
    }
    return false;
}

static void read_want(struct diff *diff, const struct offline_api *api, struct diff_want *want)
{
    const struct resolution *resolution = &api->resolution;
    const char *context = resolution->facts.context ? resolution->facts.context : "";
    CLEANUP(freep) char *adopt = object_annotation(api->object, "grapnel.dev/adopt");
    CLEANUP(freep) char *policy = object_annotation(api->object, "grapnel.dev/deletion-policy");
    *want = (struct diff_want){
        .api = api,
        .context = strmap_get(diff->contexts, context),
        .adopt = str_equal(adopt, "true"),
        .retain = str_equal(policy, "Retain"),
    };
    if (want->context)
        want->context->is_used = true;
    CLEANUP(buf_fini) struct buf document;
    buf_init(&document, BUF_UNLIMITED);
    bool is_known =
        !lacks_needs(resolution) && !(diff->not_whole && depends_on_the_absent(resolution));
    want->has_document = is_known && diff_document(diff, want, false, &document);
    struct digest digest = digest_of(buf_text(&document), document.length);
    digest_hex(&digest, want->hash);
}

/* Of two that want one id on one gateway (in different contexts) the first has it. */
static void bind_wants(struct diff_gateway *gateway)
{
    const struct diff *diff = gateway->diff;
    for (size_t i = 0; i < diff->offline->api_count; i++) {
        struct diff_want *want = &diff->wants[i];
        const char *api_id = want->api->resolution.facts.api_id;
        bool is_here = false;
        for (size_t j = 0; j < gateway->context_count; j++)
            is_here = is_here || gateway->contexts[j] == want->context;
        if (is_here && want->has_document && !strmap_has(gateway->ids, api_id))
            strmap_set(gateway->ids, api_id, want);
    }
}

static bool visit_context(void *arg, const struct object *object)
{
    add_context(arg, object);
    return true;
}

int diff_gather(struct diff *diff, const char *const *paths, size_t count, struct err *err)
{
    diff->contexts = strmap_new(context_free);
    diff->gateways = strmap_new(gateway_free);
    diff->wanted = strmap_new(NULL);
    diff->offline =
        offline_new(paths, count, &diff->options->offline, !diff->options->show_secrets, err);
    if (!diff->offline || add_default_context(diff, err) < 0)
        return -1;
    const struct manifest_problem *hiding = manifests_first_hiding(&diff->offline->manifests);
    if (hiding) {
        struct buf text;
        buf_init(&text, BUF_UNLIMITED);
        manifest_problem_print(hiding, &text);
        diff->not_whole = buf_take(&text);
    }
    cache_visit(diff->offline->cache, OBJECT_CONTEXT, visit_context, diff);
    diff->wants = xcalloc(diff->offline->api_count + 1, sizeof(*diff->wants));
    for (size_t i = 0; i < diff->offline->api_count; i++) {
        read_want(diff, &diff->offline->apis[i], &diff->wants[i]);
        strmap_set(diff->wanted, diff->wants[i].api->object->key, &diff->wants[i]);
    }
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e))
        bind_wants(strmap_entry_value(e));
    return 0;
}

void diff_fini(struct diff *diff)
{
    if (diff->gateways)
        strmap_free(diff->gateways);
    if (diff->contexts)
        strmap_free(diff->contexts);
    if (diff->wanted)
        strmap_free(diff->wanted);
    free(diff->wants);
    free(diff->not_whole);
    offline_freep(&diff->offline);
}
