/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/observation.h"

#include <stdlib.h>

#include "base/mem.h"

#define WAITED_LONG_MS 1000

struct observation {
    /* set by observation_start(), not changed after */
    struct turn *turn;
    struct gateway_client *client;
    struct observation_callbacks callbacks;
    void *arg;
    enum api_family from;
    bool is_forced;
    int64_t asked_at;
    /* progress */
    struct turn_waiter waiter;
    struct gateway_call *call;
    enum api_family form;
    bool has_oas;
    bool was_repeated;
};

static void on_turn(void *arg);
static void on_ready(void *arg, const struct gateway_answer *answer); /* 2, after a long wait */
static void begin(struct observation *observation);                   /* 1 */
static void send_list(struct observation *observation);               /* 2, once a family */
static void on_item(void *arg, struct span item);                     /* 3, for each definition */
static void on_list(void *arg, const struct gateway_answer *answer);  /* 4 */
static void finish(struct observation *observation, const struct gateway_answer *answer);

static bool has_moved(void *arg)
{
    struct observation *observation = arg;
    return gateway_list_has_moved(observation->call);
}

struct observation *observation_start(struct turn *turn, struct gateway_client *client,
                                      enum api_family from, bool is_forced,
                                      const struct observation_callbacks *callbacks, void *arg)
{
    struct observation *observation = xcalloc(1, sizeof(*observation));
    observation->turn = turn;
    observation->client = client;
    observation->callbacks = *callbacks;
    observation->arg = arg;
    observation->from = from;
    observation->is_forced = is_forced;
    observation->asked_at = loop_now(turn->loop);
    observation->waiter =
        (struct turn_waiter){.granted = on_turn, .has_moved = has_moved, .arg = observation};
    turn_ask(turn, &observation->waiter);
    return observation;
}

static void on_turn(void *arg)
{
    struct observation *observation = arg;
    int64_t waited = loop_now(observation->turn->loop) - observation->asked_at;
    if (waited < WAITED_LONG_MS || observation->is_forced)
        begin(observation);
    else
        observation->call = gateway_ready(observation->client, on_ready, observation);
}

static void on_ready(void *arg, const struct gateway_answer *answer)
{
    struct observation *observation = arg;
    observation->call = NULL;
    /* 404: a gateway too old to know /ready. */
    if (!answer->err || answer->status == 404)
        begin(observation);
    else
        finish(observation, answer);
}

static void begin(struct observation *observation)
{
    observation->has_oas = false;
    observation->form = observation->from;
    observation->callbacks.begin(observation->arg);
    send_list(observation);
}

static void send_list(struct observation *observation)
{
    observation->call =
        gateway_list(observation->client, observation->form, on_item, on_list, observation);
}

static void on_item(void *arg, struct span item)
{
    struct observation *observation = arg;
    struct definition definition;
    definition_read(item, observation->form, &definition);
    observation->has_oas |= definition.is_oas;
    observation->callbacks.definition(observation->arg, observation->form, &definition);
}

static void on_list(void *arg, const struct gateway_answer *answer)
{
    struct observation *observation = arg;
    observation->call = NULL;
    if (!answer->err && observation->form == API_CLASSIC && observation->has_oas) {
        observation->form = API_OAS;
        send_list(observation);
        return;
    }
    /* Broken off within the list; a deadline or a refusal is not worth a second try at once. */
    bool broke_off = answer->err && answer->err->class == ERR_TRANSIENT && !answer->status &&
                     answer->err->code != 28 && answer->err->code != 7;
    broke_off |= answer->err && answer->err->class == ERR_TRANSIENT && answer->status / 100 == 2;
    if (broke_off && !observation->was_repeated) {
        /* The gateway may have been restarted. */
        observation->was_repeated = true;
        if (observation->is_forced)
            begin(observation);
        else
            observation->call = gateway_ready(observation->client, on_ready, observation);
        return;
    }
    finish(observation, answer);
}

static void finish(struct observation *observation, const struct gateway_answer *answer)
{
    void (*done)(void *, const struct gateway_answer *) = observation->callbacks.done;
    void *arg = observation->arg;
    turn_leave(observation->turn, &observation->waiter);
    free(observation);
    done(arg, answer);
}

void observation_cancel(struct observation *observation)
{
    if (!observation)
        return;
    turn_leave(observation->turn, &observation->waiter);
    gateway_call_cancel(observation->call);
    free(observation);
}
