/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/kube_client.h"
#include "kube/kube_source.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

/* The source of a cluster over scripted HTTP, in virtual time; what it tells is written down. */
struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct object_source *source;
    struct buf told;
    const char *unfollow_when_told; /* this key is unfollowed from within the sink */
};

int source_world_set_up(void **state);
int source_world_tear_down(void **state);

/* Of these namespaces; NULL: of all. */
void source_make(struct world *world, const char *const *namespaces);
void source_start(struct world *world, const enum object_kind *kinds, size_t count);

/* What was told since the last time. */
void source_expect_told(struct world *world, const char *want);

/* The answer to the GET whose URL has `part`; 'single quotes' stand for double ones. */
void source_answer(struct world *world, const char *part, long status, const char *body);
/* A list of namespace `ns` with items "a@1 b@2". */
void source_answer_list(struct world *world, const char *part, const char *ns, const char *items,
                        const char *version);
void source_send_event(struct world *world, const char *part, const char *type, const char *ns,
                       const char *name, const char *version);
/* The watch ends with an event that says 410. */
void source_expire(struct world *world, const char *part);
/* The connection. */
void source_refuse(struct world *world, const char *part);
/* The watch stands, for as long as it takes to be believed. */
void source_resume(struct world *world, const char *part);
