/* SPDX-License-Identifier: Apache-2.0 */
#include "reflector_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static void on_begin(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "begin\n");
}

static void on_put(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "put %s@%s%s\n", object->key, object->version,
                   object->problem ? " problem" : "");
}

static void on_gone(void *arg, const char *key, const char *uid)
{
    struct world *world = arg;
    buf_add_format(&world->told, "gone %s %s\n", key, uid);
}

static void on_end(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "end\n");
}

static void on_trouble(void *arg, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "trouble %s: %s\n", err_class_name(err->class), err->msg);
}

static void on_resumed(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "resumed\n");
}

static const struct reflector_callbacks callbacks = {
    .begin = on_begin,
    .put = on_put,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
};

void world_begin(struct world *world, const char *ns, const char *field_selector)
{
    const struct reflector_options options = {
        .loop = world->loop,
        .client = world->client,
        .scope = {.kind = OBJECT_WEBHOOK, .ns = ns, .field_selector = field_selector}};
    world->reflector = reflector_new(&options, &callbacks, world);
    fake_loop_run(world->loop);
}

int reflector_world_set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(7);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    buf_init(&world->told, BUF_UNLIMITED);
    *state = world;
    return 0;
}

int reflector_world_tear_down(void **state)
{
    struct world *world = *state;
    reflector_free(world->reflector);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    buf_fini(&world->told);
    free(world);
    return 0;
}

void expect_told(struct world *world, const char *want)
{
    assert_string_equal(buf_text(&world->told), want);
    buf_clear(&world->told);
}

struct fake_call *pending(struct world *world, const char *part)
{
    assert_int_equal(fake_http_pending(world->http), 1);
    return fake_http_expect(world->http, "GET", part);
}

void expect_silence(struct world *world)
{
    assert_int_equal(fake_http_pending(world->http), 0);
}

/* 'single quotes' stand for double ones. Returns owned. */
static char *quoted(const char *text)
{
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    return copy;
}

void answer(struct world *world, const char *part, long status, const char *body)
{
    CLEANUP(freep) char *text = quoted(body);
    fake_http_answer(world->http, pending(world, part), status, text);
}

void add_item(struct buf *out, const char *name, const char *version)
{
    buf_add_format(out,
                   "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"kind\":\"Webhook\",\"metadata\":"
                   "{\"name\":\"%s\",\"namespace\":\"n\",\"uid\":\"u-%s\",\"resourceVersion\":"
                   "\"%s\"},\"spec\":{}}",
                   name, name, version);
}

char *page_of(const char *items, const char *version, const char *proceed)
{
    struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"items\":[");
    CLEANUP(freep) char *copy = xstrdup(items);
    char *rest = copy;
    const char *separator = "";
    for (char *item; (item = strsep(&rest, " "));) {
        char *at = strchr(item, '@');
        if (!at)
            continue;
        *at = '\0';
        buf_add_text(&body, separator);
        add_item(&body, item, at + 1);
        separator = ",";
    }
    buf_add_format(&body,
                   "],\"kind\":\"WebhookList\",\"metadata\":{\"continue\":\"%s\","
                   "\"resourceVersion\":\"%s\"}}\n",
                   proceed, version);
    return buf_take(&body);
}

void answer_page(struct world *world, const char *part, const char *items, const char *version,
                 const char *proceed)
{
    CLEANUP(freep) char *body = page_of(items, version, proceed);
    fake_http_answer(world->http, pending(world, part), 200, body);
}

void world_reach_watch(struct world *world)
{
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "");
    expect_told(world, "begin\nput n/a@5\nend\n");
    fake_http_open(world->http, pending(world, WATCH));
}

void send_event(struct world *world, const char *type, const char *name, const char *version)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    buf_add_format(&line, "{\"type\":\"%s\",\"object\":", type);
    add_item(&line, name, version);
    buf_add_text(&line, "}\n");
    fake_http_bytes(world->http, pending(world, WATCH), buf_text(&line), line.length);
}

void send_line(struct world *world, const char *line)
{
    CLEANUP(freep) char *text = quoted(line);
    fake_http_bytes(world->http, pending(world, WATCH), text, strlen(text));
}

void send_bookmark(struct world *world, const char *version)
{
    CLEANUP(freep)
    char *line = xasprintf("{'type':'BOOKMARK','object':{'kind':'Webhook','metadata':"
                           "{'resourceVersion':'%s'}}}\n",
                           version);
    send_line(world, line);
}

void cut_off(struct world *world, const char *part)
{
    fake_http_fail(world->http, pending(world, part), ERR_TRANSIENT, 18, "cut");
}

void expect_delay(struct world *world, int64_t from, int64_t until, const char *part)
{
    fake_loop_advance(world->loop, from - 1);
    expect_silence(world);
    fake_loop_advance(world->loop, until - from + 1);
    pending(world, part);
}
