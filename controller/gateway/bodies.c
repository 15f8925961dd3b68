/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bodies.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/fleet.h"

#define BYTES_MAX (8U << 20)
#define IDLE_MS 10000

static void on_timer(void *arg)
{
    struct bodies *bodies = arg;
    while (bodies->first)
        bodies_drop(bodies, bodies->first->place);
}

void bodies_init(struct bodies *bodies, struct loop *loop)
{
    *bodies = (struct bodies){.timer = loop_timer_new(loop, on_timer, bodies)};
}

void bodies_fini(struct bodies *bodies)
{
    on_timer(bodies);
    loop_timer_free(bodies->timer);
}

void bodies_drop(struct bodies *bodies, struct place *place)
{
    struct body *body = place->body;
    if (!body)
        return;
    if (body->before)
        body->before->next = body->next;
    else
        bodies->first = body->next;
    if (body->next)
        body->next->before = body->before;
    else
        bodies->last = body->before;
    bodies->bytes -= body->bytes.length;
    buf_fini(&body->bytes);
    free(body);
    place->body = NULL;
}

bool bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses,
                struct buf *out)
{
    struct body *body = place->body;
    if (!body || body->fingerprint != place->fingerprint || body->n != n)
        return false;
    buf_add(out, body->bytes.data, body->bytes.length);
    if (++body->uses >= uses)
        bodies_drop(bodies, place);
    loop_timer_arm(bodies->timer, IDLE_MS);
    return true;
}

void bodies_put(struct bodies *bodies, struct place *place, unsigned n, const struct buf *bytes)
{
    bodies_drop(bodies, place);
    while (bodies->first && bodies->bytes + bytes->length > BYTES_MAX)
        bodies_drop(bodies, bodies->first->place);
    struct body *body = xcalloc(1, sizeof(*body));
    *body = (struct body){
        .place = place,
        .fingerprint = place->fingerprint,
        .n = n,
        .uses = 1,
        .before = bodies->last,
    };
    buf_init(&body->bytes, BUF_UNLIMITED);
    buf_add(&body->bytes, bytes->data, bytes->length);
    bodies->bytes += bytes->length;
    if (bodies->last)
        bodies->last->next = body;
    else
        bodies->first = body;
    bodies->last = body;
    place->body = body;
    loop_timer_arm(bodies->timer, IDLE_MS);
}
