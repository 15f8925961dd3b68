/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bodies.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/fleet.h"

#define BYTES_MAX (8U << 20)
/* Of documents that a single endpoint will ask for: one after the other, soon. */
#define BYTES_SINGLE_MAX (2U << 20)
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
    bodies->bytes -= body->bytes->length;
    bytes_unref(body->bytes);
    free(body);
    place->body = NULL;
}

static struct body *find(const struct place *place, bool is_document)
{
    struct body *body = place->body;
    bool fits = body && body->fingerprint == place->fingerprint && body->is_document == is_document;
    return fits ? body : NULL;
}

struct bytes *bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses)
{
    struct body *body = find(place, false);
    if (!body || body->n != n)
        return NULL;
    struct bytes *bytes = bytes_ref(body->bytes);
    if (++body->uses >= uses)
        bodies_drop(bodies, place);
    loop_timer_arm(bodies->timer, IDLE_MS);
    return bytes;
}

struct bytes *bodies_get_document(const struct place *place)
{
    const struct body *body = find(place, true);
    return body ? bytes_ref(body->bytes) : NULL;
}

/* Takes the reference. */
static struct body *append(struct bodies *bodies, struct place *place, struct bytes *bytes)
{
    struct body *body = xcalloc(1, sizeof(*body));
    *body = (struct body){
        .place = place, .fingerprint = place->fingerprint, .bytes = bytes, .before = bodies->last};
    bodies->bytes += bytes->length;
    if (bodies->last)
        bodies->last->next = body;
    else
        bodies->first = body;
    bodies->last = body;
    place->body = body;
    loop_timer_arm(bodies->timer, IDLE_MS);
    return body;
}

void bodies_put(struct bodies *bodies, struct place *place, unsigned n, struct bytes *bytes)
{
    bodies_drop(bodies, place);
    while (bodies->first && bodies->bytes + bytes->length > BYTES_MAX)
        bodies_drop(bodies, bodies->first->place);
    struct body *body = append(bodies, place, bytes_ref(bytes));
    body->n = n;
    body->uses = 1;
}

void bodies_put_document(struct bodies *bodies, struct place *place, struct buf *document)
{
    bodies_drop(bodies, place);
    size_t room = place->context->endpoint_count > 1 ? BYTES_MAX : BYTES_SINGLE_MAX;
    if (bodies->bytes + document->length <= room)
        append(bodies, place, bytes_take(document))->is_document = true;
}
