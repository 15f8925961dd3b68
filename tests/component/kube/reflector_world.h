/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/kube_client.h"
#include "kube/reflector.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

/* A reflector of Webhooks over scripted HTTP, in virtual time; what it tells is written down. */
#define LIST "/apis/tyk.tyk.io/v1alpha1/webhooks?limit=500"
#define WHOLE "/apis/tyk.tyk.io/v1alpha1/webhooks"
#define WATCH "watch=true"
#define PROBE "limit=1&resourceVersion="

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct reflector *reflector;
    struct buf told; /* what the callbacks were told, a line each */
};

int reflector_world_set_up(void **state);
int reflector_world_tear_down(void **state);

/* Starts the reflector; both NULL: everything in all namespaces. */
void world_begin(struct world *world, const char *ns, const char *field_selector);
/* Lists one object (a@5, list version 10) and stands watching. */
void world_reach_watch(struct world *world);

/* What was told since the last time. */
void expect_told(struct world *world, const char *want);
/* The one call that is pending; its URL has to hold `part`. */
struct fake_call *pending(struct world *world, const char *part);
void expect_silence(struct world *world);
/* Nothing is sent before `from` ms, and something is by `until`. */
void expect_delay(struct world *world, int64_t from, int64_t until, const char *part);

/* An item: name and version make it; its uid is u-NAME. */
void add_item(struct buf *out, const char *name, const char *version);
/* A page: items "a@1 b@2". Returns owned. */
char *page_of(const char *items, const char *version, const char *proceed);

/* The pending call's answer; in the body, 'single quotes' stand for double ones. */
void answer(struct world *world, const char *part, long status, const char *body);
void answer_page(struct world *world, const char *part, const char *items, const char *version,
                 const char *proceed);
void send_event(struct world *world, const char *type, const char *name, const char *version);
/* As answer() has it. */
void send_line(struct world *world, const char *line);
void send_bookmark(struct world *world, const char *version);
void cut_off(struct world *world, const char *part);
