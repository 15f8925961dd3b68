/* SPDX-License-Identifier: Apache-2.0 */
#include "source_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static void on_begin(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "begin %s\n", object_kind_name(kind));
}

static void unfollow(struct world *world, enum object_kind kind, const char *key)
{
    if (world->unfollow_when_told && strcmp(key, world->unfollow_when_told) == 0)
        world->source->ops->unfollow(world->source, kind, key);
}

static void on_put(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "put %s@%s\n", object->key, object->version);
    unfollow(world, object->kind, object->key);
}

static void on_put_listed(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "listed %s@%s\n", object->key, object->version);
}

static void on_gone(void *arg, enum object_kind kind, const char *key, const char *uid)
{
    struct world *world = arg;
    buf_add_format(&world->told, "gone %s %s %s\n", object_kind_name(kind), key, uid);
}

static void on_end(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "end %s\n", object_kind_name(kind));
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "trouble %s %s: %s\n", object_kind_name(kind),
                   err_class_name(err->class), err->msg);
}

static void on_resumed(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "resumed %s\n", object_kind_name(kind));
}

static void on_missing(void *arg, enum object_kind kind, const char *key, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "missing %s %s %s\n", object_kind_name(kind), key,
                   err_class_name(err->class));
    unfollow(world, kind, key);
}

static void on_followed(void *arg, enum object_kind kind, const char *key)
{
    struct world *world = arg;
    buf_add_format(&world->told, "followed %s %s\n", object_kind_name(kind), key);
}

static const struct object_sink sink = {
    .begin = on_begin,
    .put = on_put,
    .put_listed = on_put_listed,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
    .missing = on_missing,
    .followed = on_followed,
};

int source_world_set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(3);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    buf_init(&world->told, BUF_UNLIMITED);
    *state = world;
    return 0;
}

int source_world_tear_down(void **state)
{
    struct world *world = *state;
    world->source->ops->free(world->source);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    buf_fini(&world->told);
    free(world);
    return 0;
}

void source_make(struct world *world, const char *const *namespaces)
{
    const struct kube_source_options options = {.loop = world->loop,
                                                .client = world->client,
                                                .namespaces = namespaces,
                                                .secret_poll_ms = 30000};
    world->source = kube_source_new(&options);
}

void source_start(struct world *world, const enum object_kind *kinds, size_t count)
{
    world->source->ops->start(world->source, kinds, count, &sink, world);
    fake_loop_run(world->loop);
}

void source_expect_told(struct world *world, const char *want)
{
    assert_string_equal(buf_text(&world->told), want);
    buf_clear(&world->told);
}

void source_answer(struct world *world, const char *part, long status, const char *body)
{
    CLEANUP(freep) char *text = xstrdup(body);
    for (char *at = text; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    struct fake_call *call = fake_http_expect(world->http, "GET", part);
    fake_http_answer(world->http, call, status, text);
}

void source_answer_list(struct world *world, const char *part, const char *ns, const char *items,
                        const char *version)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{'items':[");
    CLEANUP(freep) char *copy = xstrdup(items);
    char *rest = copy;
    const char *separator = "";
    for (char *item; (item = strsep(&rest, " "));) {
        char *at = strchr(item, '@');
        if (!at)
            continue;
        *at = '\0';
        buf_add_format(&body,
                       "%s{'metadata':{'name':'%s','namespace':'%s','uid':'u-%s',"
                       "'resourceVersion':'%s'}}",
                       separator, item, ns, item, at + 1);
        separator = ",";
    }
    buf_add_format(&body, "],'kind':'XList','metadata':{'resourceVersion':'%s'}}", version);
    source_answer(world, part, 200, buf_text(&body));
}

void source_send_event(struct world *world, const char *part, const char *type, const char *ns,
                       const char *name, const char *version)
{
    CLEANUP(freep)
    char *line = xasprintf("{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"%s\","
                           "\"namespace\":\"%s\",\"uid\":\"u-%s\",\"resourceVersion\":\"%s\"}}}\n",
                           type, name, ns, name, version);
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", part), line, strlen(line));
}

void source_refuse(struct world *world, const char *part)
{
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", part), ERR_TRANSIENT, 7,
                   "refused");
}

void source_resume(struct world *world, const char *part)
{
    fake_http_open(world->http, fake_http_expect(world->http, "GET", part));
    fake_loop_advance(world->loop, 1000);
}

void source_expire(struct world *world, const char *part)
{
    static const char line[] =
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n";
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", part), line,
                    sizeof(line) - 1);
}
