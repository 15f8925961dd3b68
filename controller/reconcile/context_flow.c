/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of gateways: the default one from the flags, and OperatorContexts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "core/annotations.h"
#include "core/conditions.h"
#include "core/service_endpoints.h"
#include "reconcile/state.h"

/* Endpoints come and go: told at most once a second. */
#define STATUS_INTERVAL_MS 1000

void context_state_free(void *value)
{
    struct context_state *state = value;
    context_fini(&state->context);
    context_place_fini(&state->place);
    free(state->service);
    free(state);
}

static struct context_state *state_of(struct reconciler *reconciler, const char *key)
{
    struct context_state *state = strmap_get(reconciler->contexts, key);
    if (!state) {
        state = xcalloc(1, sizeof(*state));
        strmap_set(reconciler->contexts, key, state);
    }
    return state;
}

static void touch_users(struct reconciler *reconciler, const char *key)
{
    CLEANUP(freep) char *token = xasprintf("context %s", key);
    reconciler_touch_token(reconciler, token);
}

/* Gateways behind a Service. */

/* Does another context follow the same Service? */
static bool is_followed_elsewhere(const struct reconciler *reconciler,
                                  const struct context_state *state)
{
    for (struct strmap_entry *e = strmap_first(reconciler->contexts); e; e = strmap_next(e)) {
        const struct context_state *other = strmap_entry_value(e);
        if (other != state && str_equal(other->service, state->service))
            return true;
    }
    return false;
}

/* Follows the Service of a context (NULL: none any more); false while it has not been read yet. */
static bool follow_service(struct reconciler *reconciler, struct context_state *state,
                           const char *service)
{
    struct informer *informer = reconciler->informer;
    if (!str_equal(state->service, service)) {
        if (state->service && !is_followed_elsewhere(reconciler, state)) {
            informer_unfollow(informer, OBJECT_SERVICE, state->service);
            informer_unfollow(informer, OBJECT_ENDPOINTSLICE, state->service);
        }
        free(state->service);
        state->service = service ? xstrdup(service) : NULL;
    }
    if (!service)
        return true;
    informer_follow(informer, OBJECT_SERVICE, service);
    informer_follow(informer, OBJECT_ENDPOINTSLICE, service);
    return informer_is_known(informer, OBJECT_SERVICE, service) &&
           informer_is_known(informer, OBJECT_ENDPOINTSLICE, service);
}

struct slice_filter {
    const char *service;
    const struct object **slices;
    size_t count;
    size_t capacity;
};

static bool collect_slice(void *arg, const struct object *slice)
{
    struct slice_filter *filter = arg;
    CLEANUP(freep) char *name = object_label(slice, "kubernetes.io/service-name");
    CLEANUP(freep) char *service = object_key_of(slice->ns, name ? name : "");
    if (strcmp(service, filter->service) == 0) {
        filter->slices =
            xgrow(filter->slices, filter->count, &filter->capacity, sizeof(*filter->slices));
        filter->slices[filter->count++] = slice;
    }
    return true;
}

static void find_pods(struct reconciler *reconciler, const char *service, const char *port,
                      bool https, struct service_endpoints *ret_pods)
{
    const struct cache *cache = reconciler_cache(reconciler);
    struct slice_filter filter = {.service = service};
    cache_visit(cache, OBJECT_ENDPOINTSLICE, collect_slice, &filter);
    struct service_target target = {
        .service = cache_get(cache, OBJECT_SERVICE, service), .port = port, .https = https};
    service_endpoints_read(&target, filter.slices, filter.count, ret_pods);
    free(filter.slices);
}

/* Returns owned array of borrowed texts. */
static struct gateway_endpoint *endpoints_of_pods(const struct service_endpoints *pods)
{
    struct gateway_endpoint *endpoints = xcalloc(pods->count + 1, sizeof(*endpoints));
    for (size_t i = 0; i < pods->count; i++)
        endpoints[i] = (struct gateway_endpoint){.id = pods->items[i].id,
                                                 .url = pods->items[i].url,
                                                 .pod = pods->items[i].pod,
                                                 .ready = pods->items[i].ready};
    return endpoints;
}

/* The name that a pod's certificate is made for, when none is said: the Service's. */
static char *service_host(const char *service)
{
    CLEANUP(freep) char *ns = object_key_ns(service);
    return xasprintf("%s.%s.svc", object_key_name(service), ns);
}

/* The default context. */

static void push_default_context(struct reconciler *reconciler)
{
    const struct default_context *from = &reconciler->default_context;
    struct context_state *state = state_of(reconciler, "");
    state->abilities = from->abilities;
    bool first = !state->known;
    if (from->service) {
        CLEANUP(freep) char *token = xasprintf("service %s", from->service);
        const char *tokens[] = {token};
        struct object_state *object = object_state_of(reconciler, WORK_CONTEXT, "");
        index_set(reconciler->index, &object->edges, object->work_key, tokens, 1);
    }
    if (!follow_service(reconciler, state, from->service))
        return;
    struct service_endpoints pods = {.count = 0};
    bool https = from->tls.ca_pem || from->tls.insecure;
    CLEANUP(freep) char *host = from->service ? service_host(from->service) : NULL;
    if (from->service)
        find_pods(reconciler, from->service, from->service_port, https, &pods);
    CLEANUP(freep) struct gateway_endpoint *endpoints = endpoints_of_pods(&pods);
    struct gateway_context config = {
        .endpoints = from->service ? endpoints : from->endpoints,
        .endpoint_count = from->service ? pods.count : from->endpoint_count,
        .secret = from->secret,
        .tls = from->tls,
        .allow_adoption = from->allow_adoption,
        .confirm_prune = from->confirm_prune,
        .unsettled = reconciler->unsettled,
    };
    if (https && host && !config.tls.server_name)
        config.tls.server_name = host;
    if (pods.problem)
        log_warn("no gateways behind the Service", .name = from->service, .detail = pods.problem);
    reconciler->gateways->ops->set_context(reconciler->gateways, "", &config);
    service_endpoints_fini(&pods);
    state->known = true;
    if (first)
        touch_users(reconciler, "");
}

void reconciler_set_default_context(struct reconciler *reconciler,
                                    const struct default_context *context)
{
    reconciler->default_context = *context;
    if (reconciler->active)
        push_default_context(reconciler);
}

/* OperatorContexts. */

static bool is_known(struct reconciler *reconciler, const char *secret)
{
    if (!secret)
        return true;
    informer_follow(reconciler->informer, OBJECT_SECRET, secret);
    return informer_is_known(reconciler->informer, OBJECT_SECRET, secret);
}

static const struct object *secret_of(struct reconciler *reconciler, const char *key)
{
    return key ? cache_get(reconciler_cache(reconciler), OBJECT_SECRET, key) : NULL;
}

/* What touches the context when it changes. */
static void set_dependencies(struct reconciler *reconciler, struct object_state *writes,
                             const struct context_place *place)
{
    char *tokens[] = {
        place->secret ? xasprintf("secret %s", place->secret) : NULL,
        place->ca_secret ? xasprintf("secret %s", place->ca_secret) : NULL,
        place->service ? xasprintf("service %s", place->service) : NULL,
    };
    const char *given[ARRAY_LENGTH(tokens)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(tokens); i++) {
        if (tokens[i])
            given[count++] = tokens[i];
    }
    index_set(reconciler->index, &writes->edges, writes->work_key, given, count);
    for (size_t i = 0; i < ARRAY_LENGTH(tokens); i++)
        free(tokens[i]);
}

/* Follows the Secrets; false while one has not been read yet. */
static bool follow_secrets(struct reconciler *reconciler, struct object_state *writes,
                           const struct object *object)
{
    struct context_place needs;
    context_place_needs(object, &needs);
    set_dependencies(reconciler, writes, &needs);
    bool known = is_known(reconciler, needs.secret);
    known = is_known(reconciler, needs.ca_secret) && known;
    context_place_fini(&needs);
    return known;
}

/* A Service that is not there is a problem, unless its name could be an ordinary address. */
static bool takes_service(const struct reconciler *reconciler, struct context_place *place)
{
    if (!place->service)
        return false;
    const struct err *missing =
        informer_missing(reconciler->informer, OBJECT_SERVICE, place->service);
    if (!missing)
        return true;
    if (place->service_url && context_url_is_ambiguous(place->service_url))
        return false;
    if (!place->problem) {
        place->problem = xasprintf("Service %s is missing or may not be read", place->service);
        place->problem_reason = "ServiceNotFound";
    }
    return true;
}

static struct gateway_endpoint *endpoints_of_urls(const struct context_place *place,
                                                  size_t *ret_count)
{
    size_t count = 0;
    while (place->urls[count])
        count++;
    struct gateway_endpoint *endpoints = xcalloc(count + 2, sizeof(*endpoints));
    for (size_t i = 0; i < count; i++)
        endpoints[i] = (struct gateway_endpoint){
            .id = place->urls[i], .url = place->urls[i], .pod = "", .ready = true};
    if (place->service_url)
        endpoints[count++] = (struct gateway_endpoint){
            .id = place->service_url, .url = place->service_url, .pod = "", .ready = true};
    *ret_count = count;
    return endpoints;
}

static void push_context(struct reconciler *reconciler, const struct object *object,
                         struct context_state *state)
{
    struct context_place *place = &state->place;
    struct service_endpoints pods = {.count = 0};
    size_t count = 0;
    bool service = takes_service(reconciler, place);
    if (service) {
        find_pods(reconciler, place->service, place->service_port, place->https, &pods);
        count = pods.count;
        if (pods.problem && !place->problem) {
            place->problem = TAKE(pods.problem);
            place->problem_reason = "NoGateways";
        }
    }
    CLEANUP(freep)
    struct gateway_endpoint *endpoints =
        service ? endpoints_of_pods(&pods) : endpoints_of_urls(place, &count);
    CLEANUP(freep) char *host = place->service ? service_host(place->service) : NULL;
    struct gateway_context config = {
        .endpoints = endpoints,
        .endpoint_count = count,
        .secret = place->auth,
        .tls = {.ca_pem = place->ca_pem,
                .server_name = place->server_name ? place->server_name
                               : service          ? host
                                                  : NULL,
                .insecure = place->insecure},
        .allow_adoption = place->allow_adoption,
        .confirm_prune = annotations_confirm_prune(object),
        .unsettled = reconciler->unsettled,
        .blocked = place->problem,
    };
    reconciler->gateways->ops->set_context(reconciler->gateways, object->key, &config);
    service_endpoints_fini(&pods);
}

/* Another one whenever what documents depend on differs. */
static void set_edition(struct reconciler *reconciler, const struct object *object,
                        struct context_state *state)
{
    CLEANUP(buf_fini) struct buf facts;
    buf_init(&facts, BUF_UNLIMITED);
    buf_add(&facts, object_spec(object).ptr, object_spec(object).length);
    buf_add_text(&facts, state->context.org_id ? state->context.org_id : "");
    struct digest digest = digest_of(buf_text(&facts), facts.length);
    if (!state->edition || memcmp(&digest, &state->digest, sizeof(digest)) != 0)
        state->edition = ++reconciler->editions;
    state->digest = digest;
}

/* Reads the context anew; its users are touched when something that concerns documents differs.
 * NULL: something that it names has not been read yet. */
static struct context_state *refresh(struct reconciler *reconciler, const struct object *object,
                                     struct object_state *writes)
{
    struct context_state *state = state_of(reconciler, object->key);
    context_fini(&state->context);
    context_place_fini(&state->place);
    context_read(reconciler_cache(reconciler), object->key, object->ns, &state->context);
    state->abilities = state->context.abilities;
    context_place_needs(object, &state->place);
    const struct object *secret = secret_of(reconciler, state->place.secret);
    const struct object *ca_secret = secret_of(reconciler, state->place.ca_secret);
    context_place_fini(&state->place);
    context_place_read(object, secret, ca_secret, &state->place);
    set_dependencies(reconciler, writes, &state->place);
    set_edition(reconciler, object, state);
    if (!follow_service(reconciler, state, state->place.service))
        return NULL;
    push_context(reconciler, object, state);
    if (state->edition != state->edition_told)
        touch_users(reconciler, object->key);
    state->edition_told = state->edition;
    state->known = true;
    return state;
}

static void add_ready(const struct context_state *state, const struct gateway_summary *summary,
                      struct conditions *conditions)
{
    if (state->place.problem)
        conditions_add(conditions, "Ready", CONDITION_FALSE, state->place.problem_reason, "%s",
                       state->place.problem);
    else if (summary->orphans_held)
        conditions_add(conditions, "Ready", CONDITION_FALSE, "MassDeletion",
                       "%zu definitions would be deleted at once; set the annotation "
                       "grapnel.dev/confirm-prune: \"true\" if that is meant",
                       summary->orphans_held);
    else if (!summary->ready)
        conditions_add(conditions, "Ready", CONDITION_FALSE, "NoGateways",
                       "there is no gateway to push to");
    else if (summary->synced == summary->ready)
        conditions_add(conditions, "Ready", CONDITION_TRUE, "GatewaysSynced",
                       "%zu of %zu gateways hold what they should", summary->synced,
                       summary->ready);
    else
        conditions_add(
            conditions, "Ready", CONDITION_FALSE,
            summary->state == GATEWAY_PENDING ? "Progressing" : "GatewayUnreachable",
            "%zu of %zu gateways hold what they should%s%s%s", summary->synced, summary->ready,
            *summary->detail ? ": " : "", summary->detail,
            summary->state == GATEWAY_UNAUTHORIZED
                ? ", the secret is refused (TYK_AUTH of spec.secretRef must be the secret "
                  "of the gateway's own configuration)"
                : "");
}

static void add_status(struct reconciler *reconciler, const struct object *object,
                       const struct context_state *state, struct buf *out)
{
    struct gateway_summary summary = {.state = GATEWAY_NONE};
    (void)reconciler->gateways->ops->summary(reconciler->gateways, object->key, &summary);
    CLEANUP(conditions_fini) struct conditions conditions = {.count = 0};
    add_ready(state, &summary, &conditions);
    const struct condition *ready = conditions_get(&conditions, "Ready");
    if (ready->status != CONDITION_TRUE)
        conditions_add(&conditions, "Reconciling", CONDITION_TRUE, ready->reason, "%s",
                       ready->message);
    buf_add_format(out,
                   "{\"observedGeneration\":%" PRId64
                   ",\"gateways\":{\"total\":%zu,\"synced\":%zu},\"gatewaysSummary\":\"%zu/%zu\"",
                   object->generation, summary.ready, summary.synced, summary.synced,
                   summary.ready);
    buf_add_text(out, ",\"endpoints\":");
    reconciler->gateways->ops->describe(reconciler->gateways, object->key, out);
    buf_add_text(out, ",\"conditions\":");
    conditions_add_json(&conditions, object, loop_wall_time(reconciler->loop), out);
    buf_add_char(out, '}');
}

struct unknown_search {
    const struct reconciler *reconciler;
    const char *found;
};

static bool search_unknown(void *arg, const struct object *object)
{
    struct unknown_search *search = arg;
    const struct context_state *state = strmap_get(search->reconciler->contexts, object->key);
    if (!state || !state->known)
        search->found = object->key;
    return !search->found;
}

bool context_is_unknown(const struct reconciler *reconciler, const char **ret_key)
{
    const struct context_state *state = strmap_get(reconciler->contexts, "");
    struct unknown_search search = {reconciler, state && !state->known ? "" : NULL};
    if (!search.found)
        cache_visit(reconciler_cache(reconciler), OBJECT_CONTEXT, search_unknown, &search);
    *ret_key = search.found;
    return search.found != NULL;
}

static void forget(struct reconciler *reconciler, const char *key)
{
    object_forget(reconciler, WORK_CONTEXT, key);
    struct context_state *state = strmap_get(reconciler->contexts, key);
    if (state) {
        follow_service(reconciler, state, NULL);
        strmap_remove(reconciler->contexts, key);
        reconciler->gateways->ops->remove_context(reconciler->gateways, key);
    }
    /* They may have waited for it to become known. */
    touch_users(reconciler, key);
}

bool context_reconcile(struct reconciler *reconciler, const char *key)
{
    if (!*key) {
        push_default_context(reconciler);
        return false;
    }
    const struct object *object = cache_get(reconciler_cache(reconciler), OBJECT_CONTEXT, key);
    if (!object) {
        forget(reconciler, key);
        return false;
    }
    struct object_state *writes = object_state_of(reconciler, WORK_CONTEXT, key);
    flaws_tell_annotations(reconciler, &writes->flaws, object);
    const struct context_state *state =
        follow_secrets(reconciler, writes, object) ? refresh(reconciler, object, writes) : NULL;
    if (!state)
        return false;
    CLEANUP(buf_fini) struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    add_status(reconciler, object, state, &status);
    if (status_is_current(object, buf_text(&status), status.length))
        return false;
    int64_t left = writes->written_ms + STATUS_INTERVAL_MS - loop_now(reconciler->loop);
    if (left > 0) {
        reconciler_await(reconciler, writes->work_key, left);
        return false;
    }
    object_write_status(writes, object, &status);
    return true;
}
