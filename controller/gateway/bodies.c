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
    int64_t now = loop_now(bodies->loop);
    while (bodies->first && now - bodies->first->used_ms >= IDLE_MS)
        bodies_drop(bodies, bodies->first->place);
    if (bodies->first)
        loop_timer_arm(bodies->timer, bodies->first->used_ms + IDLE_MS - now);
}

void bodies_init(struct bodies *bodies, struct loop *loop)
{
    *bodies = (struct bodies){.loop = loop, .timer = loop_timer_new(loop, on_timer, bodies)};
}

void bodies_fini(struct bodies *bodies)
{
    while (bodies->first)
        bodies_drop(bodies, bodies->first->place);
    loop_timer_free(bodies->timer);
}

static void take_out(struct bodies *bodies, struct body *body)
{
    if (body->before)
        body->before->next = body->next;
    else
        bodies->first = body->next;
    if (body->next)
        body->next->before = body->before;
    else
        bodies->last = body->before;
}

static void append(struct bodies *bodies, struct body *body)
{
    body->before = bodies->last;
    body->next = NULL;
    if (bodies->last)
        bodies->last->next = body;
    else
        bodies->first = body;
    bodies->last = body;
    body->used_ms = loop_now(bodies->loop);
    if (!loop_timer_is_armed(bodies->timer))
        loop_timer_arm(bodies->timer, IDLE_MS);
}

void bodies_drop(struct bodies *bodies, struct place *place)
{
    struct body *body = TAKE(place->body);
    if (!body)
        return;
    take_out(bodies, body);
    bodies->bytes -= body->bytes->length;
    bytes_unref(body->bytes);
    free(body);
}

struct bytes *bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses)
{
    struct body *body = place->body;
    if (!body || body->fingerprint != place->fingerprint || body->n != n)
        return NULL;
    struct bytes *bytes = bytes_ref(body->bytes);
    if (++body->uses >= uses) {
        bodies_drop(bodies, place);
    } else {
        take_out(bodies, body);
        append(bodies, body);
    }
    return bytes;
}

void bodies_put(struct bodies *bodies, struct place *place, unsigned n, struct bytes *bytes)
{
    bodies_drop(bodies, place);
    if (bytes->length > BYTES_MAX)
        return;
    while (bodies->bytes + bytes->length > BYTES_MAX)
        bodies_drop(bodies, bodies->first->place);
    struct body *body = xcalloc(1, sizeof(*body));
    *body = (struct body){.place = place,
                          .fingerprint = place->fingerprint,
                          .n = n,
                          .uses = 1,
                          .bytes = bytes_ref(bytes)};
    bodies->bytes += bytes->length;
    place->body = body;
    append(bodies, body);
}
