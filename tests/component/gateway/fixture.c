/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

#define SECRET "s3cret"

static struct bytes *on_document(void *arg, const char *api, const struct digest *digest)
{
    struct world *world = arg;
    world->documents_asked++;
    const char *document = strmap_get(world->documents, api);
    if (!document || world->withhold_documents)
        return NULL;
    struct digest now = digest_of(document, strlen(document));
    if (memcmp(&now, digest, sizeof(now)) != 0)
        return NULL;
    return bytes_copy((struct span){document, strlen(document)});
}

static void on_progressed(void *arg, const char *api)
{
    struct world *world = arg;
    if (world->told)
        strset_add(world->told, api);
    world->progressed++;
}

static void on_context_changed(void *arg, const char *context)
{
    struct world *world = arg;
    (void)context;
    world->context_changed++;
}

static void on_happened(void *arg, const char *api, bool warning, const char *reason,
                        const char *note)
{
    struct world *world = arg;
    (void)api;
    (void)warning;
    (void)note;
    world->happened++;
    snprintf(world->last_reason, sizeof(world->last_reason), "%s", reason);
}

static bool on_may_collect(void *arg, const char *api)
{
    struct world *world = arg;
    (void)api;
    return !world->may_not_collect;
}

void world_start(struct world *world, const struct gateways_options *options)
{
    static const struct gateways_callbacks callbacks = {
        .document = on_document,
        .progressed = on_progressed,
        .context_changed = on_context_changed,
        .happened = on_happened,
        .may_collect = on_may_collect,
    };
    static const struct gateways_options defaults = {.owner = "grapnel", .cluster = "c-1"};
    world->gateways =
        gateways_new(world->loop, world->http, options ? options : &defaults, &callbacks, world);
    world->ops = world->gateways->ops;
}

struct world *world_new_with(size_t gateway_count, const struct gateways_options *options)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(getenv("WORLD_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, false);
    world->loop = fake_loop_new(1);
    world->http = fake_http_new(world->loop);
    world->documents = strmap_new(free);
    world->gateway_count = gateway_count;
    for (size_t i = 0; i < gateway_count; i++) {
        CLEANUP(freep) char *url = xasprintf("http://gw-%zu:8080", i);
        world->gateway[i] = fake_gateway_new(world->loop, world->http, url, SECRET);
    }
    world_start(world, options);
    return world;
}

struct world *world_new(size_t gateway_count)
{
    return world_new_with(gateway_count, NULL);
}

void world_stop(struct world *world)
{
    if (world->gateways)
        world->ops->free(world->gateways);
    world->gateways = NULL;
}

void world_free(struct world *world)
{
    world_stop(world);
    for (size_t i = 0; i < world->gateway_count; i++)
        fake_gateway_free(world->gateway[i]);
    strmap_free(world->documents);
    strmap_free(world->told);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    free(world);
}

void world_context(struct world *world, const struct world_context *context)
{
    struct gateway_endpoint endpoints[WORLD_GATEWAYS];
    char *texts[WORLD_GATEWAYS * 2];
    for (size_t i = 0; i < context->count; i++) {
        size_t number = context->from + i;
        texts[i * 2] = xasprintf("http://gw-%zu:8080", number);
        texts[i * 2 + 1] = xasprintf("gw-%zu", number);
        endpoints[i] = (struct gateway_endpoint){
            .id = context->fixed ? texts[i * 2] : texts[i * 2 + 1],
            .url = texts[i * 2],
            .pod = context->fixed ? "" : texts[i * 2 + 1],
            .ready = !context->not_ready,
        };
    }
    struct gateway_context config = {
        .endpoints = endpoints,
        .endpoint_count = context->count,
        .secret = context->secret ? context->secret : SECRET,
        .allow_adoption = context->allow_adoption,
        .confirm_prune = context->confirm_prune,
        .unsettled = context->unsettled,
        .blocked = context->blocked,
    };
    world->ops->set_context(world->gateways, context->name ? context->name : "", &config);
    for (size_t i = 0; i < context->count * 2; i++)
        free(texts[i]);
}

static char *text_or(const char *text, const char *format, const char *name)
{
    if (text)
        return xstrdup(text);
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (; *format; format++) {
        if (*format == '*')
            buf_add_text(&out, name);
        else
            buf_add_char(&out, *format);
    }
    return buf_take(&out);
}

char *world_document(const struct world_api *api)
{
    CLEANUP(freep) char *id = text_or(api->id, "*", api->name);
    CLEANUP(freep) char *path = text_or(api->path, "/*/", api->name);
    const char *extra = api->extra ? api->extra : "";
    if (api->oas)
        return xasprintf("{\"openapi\":\"3.0.3\",%s\"version\":%u,\"x-tyk-api-gateway\":{\"info\":"
                         "{\"id\":\"%s\"},\"upstream\":{\"url\":\"http://u/\"},\"server\":{"
                         "\"listenPath\":{\"value\":\"%s\"}}}}",
                         extra, api->version, id, path);
    return xasprintf("{\"name\":\"%s\",\"api_id\":\"%s\",%s\"version\":%u,\"domain\":\"%s\","
                     "\"proxy\":{\"listen_path\":\"%s\",\"target_url\":\"http://u/\"}}",
                     api->name, id, extra, api->version, api->domain ? api->domain : "", path);
}

void world_want(struct world *world, const struct world_api *api)
{
    CLEANUP(freep) char *key = xasprintf("ns/%s", api->name);
    CLEANUP(freep) char *id = text_or(api->id, "*", api->name);
    CLEANUP(freep) char *path = text_or(api->path, "/*/", api->name);
    CLEANUP(freep) char *uid = text_or(api->uid, "uid-*", api->name);
    char *document = world_document(api);
    struct gateway_want want = {
        .context = api->context ? api->context : "",
        .api = key,
        .uid = uid,
        .api_id = id,
        .family = api->oas ? API_OAS : API_CLASSIC,
        .listen_path = path,
        .domain = api->domain ? api->domain : "",
        .target = "http://u/",
        .digest = digest_of(document, strlen(document)),
        .object_version = api->object_version,
        .by_user = api->by_user,
        .adopt = api->adopt,
        .retain = api->retain,
    };
    strmap_set(world->documents, key, document);
    world->ops->want(world->gateways, &want);
}

void world_want_many(struct world *world, size_t count, unsigned version, bool oas)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *name = xasprintf("a%zu", i);
        world_want(world, &(struct world_api){.name = name, .version = version, .oas = oas});
    }
}

void world_remove(struct world *world, const char *name)
{
    CLEANUP(freep) char *key = xasprintf("ns/%s", name);
    world->ops->remove(world->gateways, key, "");
}

void world_run(struct world *world, int64_t ms)
{
    fake_gateways_run(world->gateway, world->gateway_count, ms);
}

static bool is_settled(void *arg)
{
    struct world *world = arg;
    return fleet_is_settled(world->gateways);
}

int64_t world_settle(struct world *world)
{
    return fake_gateways_run_until(world->gateway, world->gateway_count, is_settled, world, 120000);
}

struct gateway_progress world_progress(const struct world *world, const char *name)
{
    CLEANUP(freep) char *key = xasprintf("ns/%s", name);
    struct gateway_progress progress;
    if (!world->ops->progress(world->gateways, key, &progress))
        fail_msg("%s is not known", key);
    return progress;
}

void expect_synced(struct world *world, const char *name, size_t total)
{
    struct gateway_progress progress = world_progress(world, name);
    if (progress.state != GATEWAY_SYNCED || progress.synced != total || progress.total != total)
        fail_msg("%s: state %d, %zu of %zu synced: %s", name, (int)progress.state, progress.synced,
                 progress.total, progress.detail);
}

void expect_state(struct world *world, const char *name, enum gateway_state state,
                  const char *detail_part)
{
    struct gateway_progress progress = world_progress(world, name);
    if (progress.state != state || !strstr(progress.detail, detail_part))
        fail_msg("%s: state %d: %s", name, (int)progress.state, progress.detail);
}

char *world_word(struct world *world, const char *context, size_t index)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    world->ops->describe(world->gateways, context, &out);
    struct json_text_iter iter = json_text_iterate((struct span){out.data, out.length});
    while (json_text_next(&iter)) {
        if (iter.index == index)
            return json_text_string(json_text_member(iter.value, "state"));
    }
    fail_msg("no endpoint %zu in %s", index, buf_text(&out));
    return NULL;
}

const struct fake_gateway_counts *counts(const struct world *world, size_t gateway)
{
    return fake_gateway_counts(world->gateway[gateway]);
}

size_t writes(const struct world *world, size_t gateway)
{
    const struct fake_gateway_counts *have = counts(world, gateway);
    return have->posts + have->oas_posts + have->deletes + have->reloads;
}

size_t requests(const struct world *world, size_t gateway)
{
    const struct fake_gateway_counts *have = counts(world, gateway);
    return writes(world, gateway) + have->ready + have->lists + have->oas_lists + have->reads +
           have->oas_reads;
}

void reset_counts(struct world *world)
{
    for (size_t i = 0; i < world->gateway_count; i++)
        fake_gateway_reset_counts(world->gateway[i]);
}

void check_counts(const struct world *world, size_t gateway,
                  const struct fake_gateway_counts *expected, const char *file, int line)
{
    const struct fake_gateway_counts *have = counts(world, gateway);
    if (memcmp(have, expected, sizeof(*have)) == 0)
        return;
    print_error("%s:%d: gateway %zu was asked: ready %zu, lists %zu+%zu, reads %zu+%zu, posts "
                "%zu+%zu, deletes %zu, reloads %zu\n",
                file, line, gateway, have->ready, have->lists, have->oas_lists, have->reads,
                have->oas_reads, have->posts, have->oas_posts, have->deletes, have->reloads);
    _fail(file, line);
}
