/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_gateways.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strmap.h"
#include "support/fake_loop.h"

#define ENDPOINTS 2

struct held {
    char *api;
    char *api_id;
    char *document; /* NULL: nothing was pushed yet */
    struct digest wanted;
    struct digest pushed;
    bool has_want;
    bool kept;
    bool retained;
    char *kept_in;
    char *removed_from;
    bool removing;
    int64_t removed_ms;
    bool scripted; /* stands as the test says */
    struct gateway_progress progress;
};

struct fake_gateways {
    struct gateways port;
    struct loop *loop;
    struct gateways_callbacks callbacks;
    void *arg;
    struct strmap *apis;
    struct strmap *left; /* documents */
    struct strmap *contexts;
    bool hold;
    bool unreachable;
    bool complete;
    bool expects_more;
    bool unsettled;
    struct gateway_summary summary; /* of every context; total 0: synced */
    unsigned wants;
    unsigned pushes;
    unsigned removals;
};

static struct fake_gateways *of(const struct gateways *gateways)
{
    return (struct fake_gateways *)(uintptr_t)gateways; /* the first member */
}

static void held_free(void *value)
{
    struct held *held = value;
    free(held->api);
    free(held->api_id);
    free(held->document);
    free(held->kept_in);
    free(held->removed_from);
    free(held);
}

static struct held *held_of(struct fake_gateways *gateways, const char *api)
{
    struct held *held = strmap_get(gateways->apis, api);
    if (!held) {
        held = xcalloc(1, sizeof(*held));
        held->api = xstrdup(api);
        strmap_set(gateways->apis, api, held);
    }
    return held;
}

static bool fetch(struct fake_gateways *gateways, struct held *held)
{
    CLEANUP(bytes_unrefp)
    struct bytes *document = gateways->callbacks.document(gateways->arg, held->api, &held->wanted);
    if (!document)
        return false;
    struct digest digest = digest_of(document->data, document->length);
    assert_memory_equal(digest.bytes, held->wanted.bytes, sizeof(digest.bytes));
    free(TAKE(held->document));
    held->document = xstrndup(document->data, document->length);
    held->pushed = held->wanted;
    gateways->pushes++;
    return true;
}

static void sync_all(void *arg)
{
    struct fake_gateways *gateways = arg;
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(gateways->apis); e; e = next) {
        next = strmap_next(e);
        struct held *held = strmap_entry_value(e);
        bool changed = false;
        if (held->removing) {
            if (held->document && !gateways->hold) {
                free(TAKE(held->document));
                changed = true;
            }
        } else if (held->has_want && !gateways->hold &&
                   (!held->document ||
                    memcmp(held->wanted.bytes, held->pushed.bytes, sizeof(held->wanted)) != 0)) {
            changed = fetch(gateways, held);
        }
        if (changed)
            gateways->callbacks.progressed(gateways->arg, held->api);
    }
}

static void op_set_context(struct gateways *port, const char *context,
                           const struct gateway_context *config)
{
    struct fake_gateways *gateways = of(port);
    gateways->unsettled = gateways->unsettled || config->unsettled;
    struct buf urls;
    buf_init(&urls, BUF_UNLIMITED);
    for (size_t i = 0; i < config->endpoint_count; i++)
        buf_add_format(&urls, "%s%s%s", i ? " " : "", config->endpoints[i].url,
                       config->endpoints[i].ready ? "" : "(not ready)");
    if (config->allow_adoption)
        buf_add_text(&urls, " adopts");
    if (config->blocked)
        buf_add_format(&urls, " blocked: %s", config->blocked);
    strmap_set(gateways->contexts, context, buf_take(&urls));
}

static void op_remove_context(struct gateways *port, const char *context)
{
    strmap_remove(of(port)->contexts, context);
}

static void op_want(struct gateways *port, const struct gateway_want *want)
{
    struct fake_gateways *gateways = of(port);
    struct held *held = held_of(gateways, want->api);
    assert_true(strmap_has(gateways->contexts, want->context));
    gateways->wants++;
    free(held->api_id);
    held->api_id = xstrdup(want->api_id);
    held->wanted = want->digest;
    held->has_want = true;
    held->retained = want->retain;
    held->kept = false;
    held->removing = false;
    loop_defer(gateways->loop, sync_all, gateways);
}

static void op_remove(struct gateways *port, const char *api, const char *context)
{
    struct fake_gateways *gateways = of(port);
    struct held *held = held_of(gateways, api);
    held->removing = true;
    held->has_want = false;
    free(held->removed_from);
    held->removed_from = xstrdup(context);
    held->removed_ms = loop_now(gateways->loop);
    gateways->removals++;
    loop_defer(gateways->loop, sync_all, gateways);
}

static void op_forget(struct gateways *port, const char *api)
{
    struct fake_gateways *gateways = of(port);
    struct held *held = strmap_get(gateways->apis, api);
    if (held && held->retained && held->document)
        strmap_set(gateways->left, api, TAKE(held->document));
    strmap_remove(gateways->apis, api);
}

static void op_keep(struct gateways *port, const char *api, const char *context, bool was_there)
{
    struct held *held = held_of(of(port), api);
    held->kept = true;
    free(held->kept_in);
    held->kept_in = xstrdup(context);
    (void)was_there;
}

static void op_expect(struct gateways *port, bool more)
{
    of(port)->expects_more = more;
}

static void op_set_complete(struct gateways *port, bool complete)
{
    of(port)->complete = complete;
}

static bool op_progress(const struct gateways *port, const char *api,
                        struct gateway_progress *ret_progress)
{
    const struct fake_gateways *gateways = of(port);
    const struct held *held = strmap_get(gateways->apis, api);
    if (!held)
        return false;
    if (held->scripted) {
        *ret_progress = held->progress;
        return true;
    }
    *ret_progress = (struct gateway_progress){.total = ENDPOINTS, .state = GATEWAY_PENDING};
    if (held->removing) {
        ret_progress->leaving = held->document ? ENDPOINTS : 0;
        ret_progress->leaving_unreachable = gateways->unreachable;
        ret_progress->unreachable_since = held->removed_ms;
    } else if (held->document &&
               memcmp(held->wanted.bytes, held->pushed.bytes, sizeof(held->wanted)) == 0) {
        ret_progress->synced = ENDPOINTS;
        ret_progress->state = GATEWAY_SYNCED;
    }
    return true;
}

static bool op_summary(const struct gateways *port, const char *context,
                       struct gateway_summary *ret_summary)
{
    const struct fake_gateways *gateways = of(port);
    *ret_summary = gateways->summary.total ? gateways->summary
                                           : (struct gateway_summary){.total = ENDPOINTS,
                                                                      .ready = ENDPOINTS,
                                                                      .synced = ENDPOINTS,
                                                                      .state = GATEWAY_SYNCED};
    return strmap_has(gateways->contexts, context);
}

static void op_describe(const struct gateways *port, const char *context, struct buf *out)
{
    (void)port;
    (void)context;
    buf_add_text(out, "[]");
}

static bool op_is_quiet(const struct gateways *port)
{
    (void)port;
    return true;
}

static void op_free(struct gateways *port)
{
    (void)port;
}

static const struct gateways_ops ops = {
    .set_context = op_set_context,
    .remove_context = op_remove_context,
    .want = op_want,
    .remove = op_remove,
    .forget = op_forget,
    .keep = op_keep,
    .expect = op_expect,
    .set_complete = op_set_complete,
    .progress = op_progress,
    .summary = op_summary,
    .describe = op_describe,
    .is_quiet = op_is_quiet,
    .free = op_free,
};

struct fake_gateways *fake_gateways_new(struct loop *loop,
                                        const struct gateways_callbacks *callbacks, void *arg)
{
    struct fake_gateways *gateways = xcalloc(1, sizeof(*gateways));
    gateways->port.ops = &ops;
    gateways->loop = loop;
    gateways->callbacks = *callbacks;
    gateways->arg = arg;
    gateways->apis = strmap_new(held_free);
    gateways->left = strmap_new(free);
    gateways->contexts = strmap_new(free);
    return gateways;
}

void fake_gateways_free(struct fake_gateways *gateways)
{
    loop_defer_cancel(gateways->loop, sync_all, gateways);
    strmap_free(gateways->apis);
    strmap_free(gateways->left);
    strmap_free(gateways->contexts);
    free(gateways);
}

struct gateways *fake_gateways_port(struct fake_gateways *gateways)
{
    return &gateways->port;
}

void fake_gateways_hold(struct fake_gateways *gateways, bool hold)
{
    gateways->hold = hold;
    loop_defer(gateways->loop, sync_all, gateways);
    fake_loop_run(gateways->loop);
}

void fake_gateways_set_state(struct fake_gateways *gateways, const char *api,
                             enum gateway_state state, size_t synced, const char *detail)
{
    struct held *held = held_of(gateways, api);
    held->scripted = true;
    held->progress =
        (struct gateway_progress){.total = ENDPOINTS, .synced = synced, .state = state};
    snprintf(held->progress.detail, sizeof(held->progress.detail), "%s", detail);
    gateways->callbacks.progressed(gateways->arg, api);
    fake_loop_run(gateways->loop);
}

void fake_gateways_set_leaving(struct fake_gateways *gateways, const char *api, size_t leaving)
{
    held_of(gateways, api)->progress.leaving = leaving;
    gateways->callbacks.progressed(gateways->arg, api);
    fake_loop_run(gateways->loop);
}

void fake_gateways_set(struct fake_gateways *gateways, const char *api, enum gateway_state state,
                       size_t total, size_t synced)
{
    struct held *held = held_of(gateways, api);
    held->scripted = true;
    held->progress = (struct gateway_progress){.total = total, .synced = synced, .state = state};
    gateways->callbacks.progressed(gateways->arg, api);
    fake_loop_run(gateways->loop);
}

void fake_gateways_set_summary(struct fake_gateways *gateways, const char *context,
                               enum gateway_state state, const char *detail)
{
    gateways->summary = (struct gateway_summary){.total = ENDPOINTS,
                                                 .ready = ENDPOINTS,
                                                 .synced = ENDPOINTS - (state != GATEWAY_SYNCED),
                                                 .state = state};
    snprintf(gateways->summary.detail, sizeof(gateways->summary.detail), "%s", detail);
    gateways->callbacks.context_changed(gateways->arg, context);
    fake_loop_run(gateways->loop);
}

void fake_gateways_set_unreachable(struct fake_gateways *gateways, bool unreachable)
{
    gateways->unreachable = unreachable;
}

const char *fake_gateways_document(const struct fake_gateways *gateways, const char *api)
{
    const struct held *held = strmap_get(gateways->apis, api);
    return held ? held->document : NULL;
}

const char *fake_gateways_api_id(const struct fake_gateways *gateways, const char *api)
{
    const struct held *held = strmap_get(gateways->apis, api);
    return held ? held->api_id : NULL;
}

unsigned fake_gateways_pushes(const struct fake_gateways *gateways)
{
    return gateways->pushes;
}

unsigned fake_gateways_wants(const struct fake_gateways *gateways)
{
    return gateways->wants;
}

unsigned fake_gateways_removals(const struct fake_gateways *gateways)
{
    return gateways->removals;
}

const char *fake_gateways_left(const struct fake_gateways *gateways, const char *api)
{
    return strmap_get(gateways->left, api);
}

bool fake_gateways_is_kept(const struct fake_gateways *gateways, const char *api)
{
    const struct held *held = strmap_get(gateways->apis, api);
    return held && held->kept;
}

const char *fake_gateways_removed_from(const struct fake_gateways *gateways, const char *api)
{
    const struct held *held = strmap_get(gateways->apis, api);
    return held ? held->removed_from : NULL;
}

const char *fake_gateways_kept_in(const struct fake_gateways *gateways, const char *api)
{
    const struct held *held = strmap_get(gateways->apis, api);
    return held && held->kept ? held->kept_in : NULL;
}

bool fake_gateways_expects_more(const struct fake_gateways *gateways)
{
    return gateways->expects_more;
}

bool fake_gateways_is_complete(const struct fake_gateways *gateways)
{
    return gateways->complete;
}

bool fake_gateways_unsettled(const struct fake_gateways *gateways)
{
    return gateways->unsettled;
}

const char *fake_gateways_urls(const struct fake_gateways *gateways, const char *context)
{
    const char *urls = strmap_get(gateways->contexts, context);
    return urls ? urls : "";
}

bool fake_gateways_has_context(const struct fake_gateways *gateways, const char *context)
{
    return strmap_has(gateways->contexts, context);
}

bool fake_gateways_refill(struct fake_gateways *gateways, const char *api)
{
    struct held *held = strmap_get(gateways->apis, api);
    return held && held->has_want && fetch(gateways, held);
}
