/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/turn.h"

#include <stddef.h>

#define STALL_MS 250

static void grant(void *arg)
{
    struct turn *turn = arg;
    if (turn->holder || !turn->first)
        return;
    struct turn_waiter *waiter = turn->first;
    turn->first = waiter->next;
    turn->holder = waiter;
    loop_timer_arm(turn->timer, STALL_MS);
    waiter->granted(waiter->arg);
}

static void on_timer(void *arg)
{
    struct turn *turn = arg;
    if (!turn->holder)
        return;
    if (turn->holder->has_moved(turn->holder->arg)) {
        loop_timer_arm(turn->timer, STALL_MS);
        return;
    }
    turn->holder->is_in = false;
    turn->holder = NULL;
    grant(turn);
}

void turn_init(struct turn *turn, struct loop *loop)
{
    *turn = (struct turn){.loop = loop};
    turn->timer = loop_timer_new(loop, on_timer, turn);
}

void turn_fini(struct turn *turn)
{
    loop_defer_cancel(turn->loop, grant, turn);
    loop_timer_free(turn->timer);
}

void turn_ask(struct turn *turn, struct turn_waiter *waiter)
{
    if (waiter->is_in)
        return;
    waiter->is_in = true;
    waiter->next = NULL;
    struct turn_waiter **link = &turn->first;
    while (*link)
        link = &(*link)->next;
    *link = waiter;
    loop_defer(turn->loop, grant, turn);
}

void turn_leave(struct turn *turn, struct turn_waiter *waiter)
{
    if (!waiter->is_in)
        return;
    waiter->is_in = false;
    if (turn->holder == waiter) {
        turn->holder = NULL;
        loop_timer_disarm(turn->timer);
        loop_defer(turn->loop, grant, turn);
        return;
    }
    struct turn_waiter **link = &turn->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}
