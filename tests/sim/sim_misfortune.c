/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong, for a while. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_act_private.h"
#include "sim/sim_make.h"
#include "sim/sim_oracle.h"

static struct sim_host *api_host(struct sim *sim)
{
    return sim_net_host(sim->net, SIM_API_HOST);
}

/* One or two things that go wrong now and then. */
static struct sim_chaos make_chaos(uint64_t salt)
{
    struct sim_random random = sim_random_of(salt, 20);
    struct sim_chaos chaos = {0};
    uint16_t *const kinds[] = {&chaos.refuse,      &chaos.hang,        &chaos.reset,
                               &chaos.lose_answer, &chaos.hang_answer, &chaos.break_answer,
                               &chaos.cut,         &chaos.html,        &chaos.busy,
                               &chaos.broken,      &chaos.slow};
    for (int i = 0; i < 2; i++)
        *kinds[sim_random_below(&random, ARRAY_LENGTH(kinds))] =
            (uint16_t)sim_random_between(&random, 30, 400);
    return chaos;
}

/* ---- the API servers ---- */

static void deny(struct sim *sim, const struct sim_step *step, bool denied)
{
    static const unsigned kinds[] = {OBJECT_WEBHOOK,       OBJECT_API,       OBJECT_CONTEXT,
                                     OBJECT_SECRET,        OBJECT_NAMESPACE, OBJECT_SERVICE,
                                     OBJECT_ENDPOINTSLICE, OBJECT_CONFIGMAP, OBJECT_CRD};
    static const unsigned verbs[] = {SIM_LIST | SIM_WATCH, SIM_WATCH, SIM_WRITE, SIM_ALL_VERBS,
                                     SIM_GET};
    unsigned kind = kinds[(step->salt >> 8) % ARRAY_LENGTH(kinds)];
    sim_api_deny(sim->api, kind, denied ? verbs[(step->salt >> 16) % ARRAY_LENGTH(verbs)] : 0);
    if (denied && (step->salt >> 24) % 5 == 0)
        sim_api_deny_events(sim->api, true);
    if (!denied)
        sim_api_deny_events(sim->api, false);
}

static void end_watches(struct sim *sim, const struct sim_step *step)
{
    static const struct {
        long code;
        const char *reason;
    } ends[] = {
        {410, "Expired"}, {410, "Gone"}, {500, "InternalError"}, {429, "TooManyRequests"}, {0, ""}};
    static const unsigned kinds[] = {OBJECT_WEBHOOK, OBJECT_API, OBJECT_CONTEXT, OBJECT_NAMESPACE,
                                     OBJECT_ENDPOINTSLICE};
    size_t which = (step->salt >> 8) % ARRAY_LENGTH(ends);
    sim_api_end_watches(sim->api, kinds[(step->salt >> 16) % ARRAY_LENGTH(kinds)], ends[which].code,
                        ends[which].reason);
}

static void api_begin(struct sim *sim, const struct sim_step *step)
{
    struct sim_chaos chaos = make_chaos(step->salt);
    unsigned instance = (unsigned)(step->salt >> 8) % SIM_API_INSTANCES;
    sim_oracle_disturb(sim->oracle, NULL);
    switch ((int)step->action) {
    case SIM_API_DOWN:
        sim_host_set_state(api_host(sim), SIM_REFUSE);
        sim_host_break_all(api_host(sim));
        break;
    case SIM_API_HANGS:
        sim_host_set_state(api_host(sim), SIM_HANG);
        break;
    case SIM_API_CHAOS:
        sim_host_set_chaos(api_host(sim), &chaos);
        break;
    case SIM_API_FREEZE:
        sim_api_freeze(sim->api, instance, true);
        sim_api_use(sim->api, instance);
        break;
    case SIM_API_SWITCH:
        sim_api_use(sim->api, instance);
        sim_host_break_all(api_host(sim));
        break;
    case SIM_API_RESTART:
        sim_api_restart(sim->api, instance);
        break;
    case SIM_API_COMPACT:
        sim_api_compact(sim->api);
        break;
    case SIM_API_END_WATCHES:
        end_watches(sim, step);
        break;
    case SIM_API_DENY:
        deny(sim, step, true);
        break;
    case SIM_API_LAG:
        sim_api_set_lag(sim->api, instance, 4000000);
        sim_api_set_doubles(sim->api, 100);
        break;
    case SIM_TOKEN_EXPIRES:
        sim_api_set_token(sim->api, "another-token");
        break;
    default:
        break;
    }
}

static void api_end(struct sim *sim, const struct sim_step *step)
{
    unsigned instance = (unsigned)(step->salt >> 8) % SIM_API_INSTANCES;
    sim_oracle_disturb(sim->oracle, NULL);
    switch ((int)step->action) {
    case SIM_API_DOWN:
    case SIM_API_HANGS:
        sim_host_set_state(api_host(sim), SIM_FINE);
        break;
    case SIM_API_CHAOS:
        sim_host_set_chaos(api_host(sim), NULL);
        break;
    case SIM_API_FREEZE:
        sim_api_freeze(sim->api, instance, false);
        break;
    case SIM_API_DENY:
        deny(sim, step, false);
        break;
    case SIM_API_LAG:
        sim_api_set_lag(sim->api, instance, 2000);
        sim_api_set_doubles(sim->api, 0);
        break;
    case SIM_TOKEN_EXPIRES:
        sim_api_set_token(sim->api, SIM_TOKEN);
        break;
    default:
        break;
    }
}

/* ---- gateways ---- */

static void gateway_begin(struct sim *sim, const struct sim_step *step, struct sim_pod *pod)
{
    struct sim_gateway *gateway = pod->gateway;
    struct sim_host *host = sim_gateway_net(gateway);
    struct sim_chaos chaos = make_chaos(step->salt);
    sim_oracle_disturb(sim->oracle, pod);
    switch ((int)step->action) {
    case SIM_GATEWAY_DOWN:
        sim_host_set_state(host, SIM_REFUSE);
        sim_host_break_all(host);
        break;
    case SIM_GATEWAY_HANGS:
        sim_host_set_state(host, SIM_HANG);
        break;
    case SIM_GATEWAY_CHAOS:
        sim_host_set_chaos(host, &chaos);
        break;
    case SIM_GATEWAY_RESTART:
    case SIM_GATEWAY_EMPTY:
        if (step->action == SIM_GATEWAY_EMPTY)
            sim_oracle_emptied(sim->oracle, pod);
        sim_gateway_restart(gateway, step->action == SIM_GATEWAY_EMPTY,
                            100 + (int64_t)(step->salt >> 16) % 20000);
        break;
    case SIM_GATEWAY_RESTORE:
        sim_oracle_emptied(sim->oracle, pod);
        sim_gateway_restore(gateway);
        break;
    case SIM_GATEWAY_NEVER_READY:
        sim_gateway_set_never_ready(gateway, true);
        break;
    case SIM_GATEWAY_DEAF:
        sim_gateway_set_deaf(gateway, true);
        break;
    case SIM_GATEWAY_SECRET:
        sim_gateway_set_secret(gateway, "another");
        break;
    default:
        break;
    }
}

static void gateway_end(struct sim *sim, struct sim_pod *pod)
{
    struct sim_host *host = sim_gateway_net(pod->gateway);
    sim_oracle_disturb(sim->oracle, pod);
    sim_host_set_state(host, pod->gone ? SIM_REFUSE : SIM_FINE);
    sim_host_set_chaos(host, NULL);
    sim_gateway_set_never_ready(pod->gateway, false);
    sim_gateway_set_deaf(pod->gateway, false);
    sim_gateway_set_secret(pod->gateway, sim_secrets[pod->group]);
}

/* ---- the process ---- */

static void on_restart(void *arg)
{
    sim_start_all(arg);
}

static void on_crash_at_write(void *arg, const char *client)
{
    struct sim *sim = arg;
    sim_operator_mark_killed(sim->operators[sim_number_of(client)]);
    sim_after(sim->time, sim->restart_ms * 1000, on_restart, NULL, sim);
}

/* Whom it strikes: mostly the one that leads. */
static struct sim_operator *struck(struct sim *sim, const struct sim_step *step)
{
    unsigned number = sim_leader(sim);
    if (sim->options.elect && (step->salt >> 32) % 4 == 0)
        number = !number;
    struct sim_operator *operator_ = sim->operators[number];
    return operator_ && sim_operator_is_running(operator_) ? operator_ : NULL;
}

static void process_begin(struct sim *sim, const struct sim_step *step)
{
    struct sim_operator *operator_ = struck(sim, step);
    switch ((int)step->action) {
    case SIM_CRASH:
        if (operator_ && sim->options.elect && (step->salt >> 40) % 3 == 0)
            sim_operator_terminate(operator_);
        else if (operator_)
            sim_kill(sim, sim_number_of(sim_operator_name(operator_)));
        break;
    case SIM_CRASH_AT_WRITE:
        sim->restart_ms = step->lasts_ms;
        sim_oracle_at_write(sim->oracle, 1 + (step->salt >> 8) % 12, step->salt % 2,
                            (step->salt >> 16) % 4 == 0, on_crash_at_write, sim);
        break;
    case SIM_STOP:
        if (operator_)
            sim_loop_set_stopped(sim_operator_loop(operator_), true);
        break;
    case SIM_CLOCK:
        if (operator_)
            sim_loop_jump(sim_operator_loop(operator_), step->salt % 2 ? 3600 : -3600);
        break;
    default:
        break;
    }
}

static void go_on(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_OPERATORS_MAX; i++) {
        if (sim->operators[i] && sim_operator_is_running(sim->operators[i]))
            sim_loop_set_stopped(sim_operator_loop(sim->operators[i]), false);
    }
    sim_oracle_resumed(sim->oracle);
}

static void process_end(struct sim *sim, const struct sim_step *step)
{
    if (step->action == SIM_CRASH)
        sim_start_all(sim);
    else if (step->action == SIM_STOP)
        go_on(sim);
    sim_oracle_disturb(sim->oracle, NULL);
    for (size_t i = 0; i < sim->pod_count; i++)
        sim_oracle_disturb(sim->oracle, &sim->pods[i]);
}

/* ---- steps ---- */

struct sim_pod *sim_step_begin(struct sim *sim, const struct sim_step *step)
{
    if (sim->options.story) {
        CLEANUP(buf_fini) struct buf text;
        buf_init(&text, BUF_UNLIMITED);
        sim_step_describe(step, &text);
        sim_say(sim, "* %s", buf_text(&text));
    }
    struct sim_pod *pod = sim_step_pod(sim, step);
    if (step->action <= SIM_LAST_CLUSTER_ACTION)
        sim_act_begin(sim, step);
    else if (step->action < SIM_GATEWAY_DOWN)
        api_begin(sim, step);
    else if (step->action < SIM_CRASH && pod)
        gateway_begin(sim, step, pod);
    else if (step->action >= SIM_CRASH)
        process_begin(sim, step);
    return pod;
}

void sim_step_end(struct sim *sim, const struct sim_step *step, struct sim_pod *pod)
{
    sim_say(sim, "* end of that");
    if (step->action <= SIM_LAST_CLUSTER_ACTION)
        sim_act_end(sim, step, pod);
    else if (step->action < SIM_GATEWAY_DOWN)
        api_end(sim, step);
    else if (step->action < SIM_CRASH && pod)
        gateway_end(sim, pod);
    else if (step->action >= SIM_CRASH)
        process_end(sim, step);
}

/* A step that is still underway ends for it. */
static void heal_pod(struct sim *sim, struct sim_pod *pod)
{
    gateway_end(sim, pod);
    if (pod->gone || pod->ready)
        return;
    pod->ready = true;
    sim_write_slices(sim, pod->group);
}

void sim_heal(struct sim *sim)
{
    static const struct sim_step none = {.action = SIM_CRASH};
    sim_host_clear_rules(api_host(sim));
    sim_host_set_state(api_host(sim), SIM_FINE);
    sim_host_set_chaos(api_host(sim), NULL);
    for (unsigned i = 0; i < SIM_API_INSTANCES; i++) {
        sim_api_freeze(sim->api, i, false);
        sim_api_set_lag(sim->api, i, 2000);
    }
    for (unsigned kind = 0; kind < SIM_KIND_COUNT; kind++)
        sim_api_deny(sim->api, kind, 0);
    sim_api_deny_events(sim->api, false);
    sim_api_set_doubles(sim->api, 0);
    sim_api_set_token(sim->api, SIM_TOKEN);
    for (size_t i = 0; i < sim->pod_count; i++)
        heal_pod(sim, &sim->pods[i]);
    /* A backup may be of a time when it was not there, and when these were. */
    sim_install_crd(sim);
    sim_let_go(sim);
    go_on(sim);
    process_end(sim, &none);
}

static const char *const names[SIM_ACTION_COUNT] = {
    [SIM_PUT_API] = "API is written",
    [SIM_DELETE_API] = "API is deleted",
    [SIM_BREAK_API] = "API is broken",
    [SIM_PUT_WEBHOOK] = "Webhook is written",
    [SIM_DELETE_WEBHOOK] = "Webhook is deleted",
    [SIM_REPLACE_WEBHOOK] = "Webhook is deleted and created again",
    [SIM_PERMIT] = "permission of a Webhook changes",
    [SIM_PUT_SECRET] = "Secret is written",
    [SIM_DELETE_SECRET] = "Secret is deleted",
    [SIM_PUT_CONTEXT] = "context is written",
    [SIM_DELETE_CONTEXT] = "context is deleted",
    [SIM_LABEL_NAMESPACE] = "labels of a namespace change",
    [SIM_STRIP_FINALIZERS] = "finalizers are taken off by hand",
    [SIM_HOLD_API] = "somebody else's finalizer",
    [SIM_RECREATE_API] = "API is restored from its manifest",
    [SIM_FOREIGN] = "foreign definition on a gateway",
    [SIM_EDIT_DEFINITION] = "definition is edited on a gateway",
    [SIM_DROP_DEFINITION] = "definition is deleted on a gateway",
    [SIM_ADD_POD] = "pod is added",
    [SIM_REMOVE_POD] = "pod is removed",
    [SIM_FLIP_POD] = "pod is not ready",
    [SIM_DELETE_NAMESPACE] = "namespace b is deleted",
    [SIM_CYCLE_CRD] = "CRD of Webhooks is deleted",
    [SIM_BACK_UP] = "backup",
    [SIM_RESTORE] = "etcd is restored",
    [SIM_API_DOWN] = "API server is down",
    [SIM_API_HANGS] = "API server hangs",
    [SIM_API_CHAOS] = "API server is not well",
    [SIM_API_FREEZE] = "watch cache stands still",
    [SIM_API_SWITCH] = "another API server answers",
    [SIM_API_RESTART] = "API server restarts",
    [SIM_API_COMPACT] = "compaction",
    [SIM_API_END_WATCHES] = "watches end",
    [SIM_API_DENY] = "permissions are missing",
    [SIM_API_LAG] = "watches lag",
    [SIM_TOKEN_EXPIRES] = "token is refused",
    [SIM_GATEWAY_DOWN] = "gateway is down",
    [SIM_GATEWAY_HANGS] = "gateway hangs",
    [SIM_GATEWAY_CHAOS] = "gateway is not well",
    [SIM_GATEWAY_RESTART] = "gateway restarts",
    [SIM_GATEWAY_EMPTY] = "gateway restarts empty",
    [SIM_GATEWAY_RESTORE] = "gateway goes back to its backup",
    [SIM_GATEWAY_NEVER_READY] = "gateway is never ready",
    [SIM_GATEWAY_DEAF] = "gateway takes writes and does nothing",
    [SIM_GATEWAY_SECRET] = "gateway has another secret",
    [SIM_CRASH] = "operator is killed",
    [SIM_CRASH_AT_WRITE] = "operator is to be killed at a write",
    [SIM_STOP] = "operator is stopped",
    [SIM_CLOCK] = "wall clock jumps",
};

const char *sim_step_key(const struct sim_step *step)
{
    unsigned number = (unsigned)(step->salt >> 20);
    switch ((int)step->action) {
    case SIM_PUT_API:
    case SIM_DELETE_API:
    case SIM_BREAK_API:
    case SIM_STRIP_FINALIZERS:
    case SIM_HOLD_API:
    case SIM_RECREATE_API:
        return sim_api_key((unsigned)(step->salt % SIM_APIS));
    case SIM_PUT_WEBHOOK:
    case SIM_DELETE_WEBHOOK:
    case SIM_REPLACE_WEBHOOK:
    case SIM_PERMIT:
        return sim_webhook_key((unsigned)(step->salt % SIM_WEBHOOKS));
    case SIM_PUT_SECRET:
    case SIM_DELETE_SECRET:
        return sim_secret_key(number);
    case SIM_PUT_CONTEXT:
    case SIM_DELETE_CONTEXT:
        return sim_context_key(number);
    default:
        return NULL;
    }
}

void sim_step_describe(const struct sim_step *step, struct buf *out)
{
    const char *key = sim_step_key(step);
    buf_add_text(out, names[step->action]);
    if (key)
        buf_add_format(out, ": %s", key);
    buf_add_format(out, " (version %u", step->version);
    if (step->lasts_ms)
        buf_add_format(out, ", for %" PRId64 " ms", step->lasts_ms);
    buf_add_char(out, ')');
}
