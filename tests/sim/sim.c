/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_oracle.h"

const char *const sim_group_names[SIM_GROUPS] = {"gateway", "edge"};
const char *const sim_secrets[SIM_GROUPS] = {"gw-secret-0", "gw-secret-1"};

#define EVENTS_AT_ONCE 20000

/* Failures and the story. */

void sim_say(struct sim *sim, const char *format, ...)
{
    if (!sim->options.story)
        return;
    if (sim->oracle)
        sim_oracle_read_log(sim->oracle);
    int64_t now = sim_now(sim->time);
    va_list args;
    va_start(args, format);
    char *line = NULL;
    if (vasprintf(&line, format, args) < 0)
        abort();
    va_end(args);
    buf_add_format(&sim->story, "%9.3f  %s\n", (double)now / 1000000, line);
    free(line);
}

void sim_fail(struct sim *sim, const char *oracle, const char *format, ...)
{
    va_list args;
    if (sim->failed)
        return;
    sim->failed = true;
    snprintf(sim->oracle_name, sizeof(sim->oracle_name), "%s", oracle);
    va_start(args, format);
    vsnprintf(sim->failure, sizeof(sim->failure), format, args);
    va_end(args);
    sim_say(sim, "FAILED %s: %s", oracle, sim->failure);
}

/* Users. */

long sim_apply_tree(struct sim *sim, json_t *tree)
{
    const char *kind_name = sim_json_text(tree, "kind", NULL);
    const char *ns = sim_json_text(tree, "metadata", "namespace", NULL);
    const char *name = sim_json_text(tree, "metadata", "name", NULL);
    unsigned kind = 0;
    while (kind < SIM_KIND_COUNT && strcmp(sim_resource_of(kind)->kind, kind_name) != 0)
        kind++;
    if (kind == SIM_KIND_COUNT)
        abort();
    CLEANUP(freep)
    char *key = sim_resource_of(kind)->namespaced ? xasprintf("%s/%s", ns, name) : xstrdup(name);
    struct sim_result result;
    const struct sim_object *now = sim_store_get(sim->store, kind, key);
    if (!now) {
        /* null is nothing. */
        json_t *metadata = json_object();
        sim_merge_patch(metadata, json_object_get(tree, "metadata"));
        json_object_set_new(tree, "metadata", metadata);
        sim_store_create(sim->store, SIM_USER, kind, NULL, tree, &result);
        return result.status;
    }
    /* Labels, annotations and finalizers are merged, all else is what is given. */
    json_t *next = json_copy(now->tree);
    const char *member;
    json_t *value;
    json_object_foreach(tree, member, value)
    {
        if (strcmp(member, "metadata") == 0)
            json_object_set_new(next, member, sim_merged(json_object_get(next, member), value));
        else
            json_object_set(next, member, value);
    }
    json_decref(tree);
    sim_store_update(sim->store, SIM_USER, kind, key, next, false, &result);
    return result.status;
}

long sim_apply(struct sim *sim, const char *text)
{
    return sim_apply_tree(sim, sim_json_of(text));
}

long sim_delete(struct sim *sim, unsigned kind, const char *key)
{
    struct sim_result result;
    sim_store_delete(sim->store, SIM_USER, kind, key, NULL, &result);
    return result.status;
}

const json_t *sim_get(const struct sim *sim, unsigned kind, const char *key)
{
    const struct sim_object *object = sim_store_get(sim->store, kind, key);
    return object ? object->tree : NULL;
}

static const json_t *find_condition(const struct sim *sim, unsigned kind, const char *key,
                                    const char *type)
{
    const json_t *conditions = sim_json_get(sim_get(sim, kind, key), "status", "conditions", NULL);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (strcmp(sim_json_text(condition, "type", NULL), type) == 0)
            return condition;
    }
    return NULL;
}

const char *sim_reason(const struct sim *sim, unsigned kind, const char *key, const char *condition)
{
    return sim_json_text(find_condition(sim, kind, key, condition), "reason", NULL);
}

const char *sim_condition(const struct sim *sim, unsigned kind, const char *key,
                          const char *condition)
{
    return sim_json_text(find_condition(sim, kind, key, condition), "status", NULL);
}

/* Pods. */

static void add_endpoint(json_t *endpoints, const struct sim_pod *pod)
{
    json_array_append_new(
        endpoints,
        sim_json_format("{'addresses':['%s'],'conditions':{'ready':%s,'serving':%s,'terminating':"
                        "%s},'targetRef':{'kind':'Pod','namespace':'tyk','name':'%s','uid':'%s'}}",
                        pod->ip, pod->ready && !pod->terminating ? "true" : "false",
                        pod->ready ? "true" : "false", pod->terminating ? "true" : "false",
                        pod->name, pod->uid));
}

void sim_write_slices(struct sim *sim, enum sim_group group)
{
    const char *name = sim_group_names[group];
    json_t *slice = sim_json_format(
        "{'kind':'EndpointSlice','metadata':{'namespace':'tyk','name':'%s-x','labels':{"
        "'kubernetes.io/service-name':'%s'}},'addressType':'IPv4','ports':[{'name':'control',"
        "'port':8080}],'endpoints':[]}",
        name, name);
    for (size_t i = 0; i < sim->pod_count; i++) {
        if (sim->pods[i].group == group && !sim->pods[i].gone)
            add_endpoint(json_object_get(slice, "endpoints"), &sim->pods[i]);
    }
    sim_apply_tree(sim, slice);
}

struct sim_pod *sim_add_pod(struct sim *sim, enum sim_group group)
{
    if (sim->pod_count == SIM_PODS_MAX)
        return NULL;
    struct sim_pod *pod = &sim->pods[sim->pod_count++];
    unsigned number = sim->next_pod++;
    *pod = (struct sim_pod){.group = group, .ready = true};
    pod->name = xasprintf("%s-%u", sim_group_names[group], number);
    pod->uid = xasprintf("pod-%u", number);
    pod->ip = xasprintf("10.0.0.%u", number + 1);
    CLEANUP(freep) char *host = xasprintf("%s:8080", pod->ip);
    struct sim_gateway_options options = {
        .time = sim->time,
        .net = sim->net,
        .seed = sim->options.seed + number,
        .name = pod->name,
        .host = host,
        .secret = sim_secrets[group],
    };
    pod->gateway = sim_gateway_new(&options);
    if (sim->oracle)
        sim_oracle_add_gateway(sim->oracle, pod);
    return pod;
}

void sim_remove_pod(struct sim *sim, struct sim_pod *pod)
{
    if (pod->gone)
        return;
    pod->gone = true;
    sim_host_set_state(sim_gateway_net(pod->gateway), SIM_REFUSE);
    sim_host_break_all(sim_gateway_net(pod->gateway));
    sim_write_slices(sim, pod->group);
}

struct sim_pod *sim_pod_of(struct sim *sim, enum sim_group group, unsigned number)
{
    struct sim_pod *found[SIM_PODS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < sim->pod_count; i++) {
        if (sim->pods[i].group == group && !sim->pods[i].gone)
            found[count++] = &sim->pods[i];
    }
    return count ? found[number % count] : NULL;
}

/* Processes. */

unsigned sim_number_of(const char *operator_name)
{
    return operator_name[strlen(operator_name) - 1] == '1';
}

unsigned sim_leader(const struct sim *sim)
{
    return sim->leads_since[1] > sim->leads_since[0];
}

static void on_leading(void *arg, const char *name, bool leads)
{
    struct sim *sim = arg;
    sim->leads_since[sim_number_of(name)] = leads ? sim_now(sim->time) : -1;
    if (sim->options.elect)
        sim_say(sim, "%s %s", name, leads ? "leads" : "does not lead any more");
}

void sim_start_all(struct sim *sim)
{
    for (unsigned i = 0; i < (sim->options.elect ? SIM_OPERATORS_MAX : 1); i++)
        sim_start(sim, i);
}

static void add_operator(struct sim *sim, unsigned number)
{
    static const char *const watched[] = {"a", "b", "grapnel", "tyk", NULL};
    static const char *const names[SIM_OPERATORS_MAX] = {"grapnel-0", "grapnel-1"};
    const struct sim_options *options = &sim->options;
    struct sim_operator_options made = {
        .time = sim->time,
        .net = sim->net,
        .seed = options->seed + number,
        .name = names[number],
        .token = SIM_TOKEN,
        .namespaces = options->namespaced ? watched : NULL,
        .service = options->fixed ? NULL : "tyk/gateway",
        .port = options->fixed ? NULL : "control",
        .urls = options->fixed ? (const char *const *)sim->urls : NULL,
        .gateway_secret = sim_secrets[SIM_DEFAULT],
        .wall_start = SIM_WALL_START,
        .rewrite_delay_ms = options->rewrite_delay_ms,
        .slow_permille = options->slow_permille,
        .open_max = options->open_max,
        .clock_rate = number ? options->clock_rate : 0,
        .leader_elect = options->elect,
        .on_leading = on_leading,
        .arg = sim,
    };
    sim->operators[number] = sim_operator_new(&made);
}

void sim_start(struct sim *sim, unsigned number)
{
    if (!sim->operators[number])
        add_operator(sim, number);
    if (sim_operator_is_running(sim->operators[number]))
        return;
    sim_say(sim, "%s starts", sim_operator_name(sim->operators[number]));
    sim_operator_start(sim->operators[number]);
}

void sim_kill(struct sim *sim, unsigned number)
{
    struct sim_operator *operator_ = sim->operators[number];
    if (!operator_ || !sim_operator_is_running(operator_))
        return;
    sim_say(sim, "%s is killed", sim_operator_name(operator_));
    if (sim->oracle)
        sim_oracle_killed(sim->oracle, operator_);
    sim->leads_since[number] = -1;
    size_t left = sim_operator_kill(operator_);
    if (left)
        sim_fail(sim, "leak", "%zu timers, watches, deferred calls or requests were left", left);
}

static void bury(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_OPERATORS_MAX; i++) {
        if (!sim->operators[i] || !sim_operator_is_killed(sim->operators[i]))
            continue;
        if (sim_loop_spins(sim_operator_loop(sim->operators[i])))
            sim_fail(sim, "spins", "%s defers calls for ever",
                     sim_operator_name(sim->operators[i]));
        sim_kill(sim, i);
    }
    if (sim_time_at_once(sim->time) > EVENTS_AT_ONCE)
        sim_fail(sim, "spins", "events for ever, and time stands still");
}

void sim_run(struct sim *sim, int64_t ms)
{
    int64_t until = sim_now(sim->time) + ms * 1000;
    while (!sim->failed && sim_time_step(sim->time, until))
        bury(sim);
}

/* The cluster as it is at first. */

static void make_objects(struct sim *sim)
{
    static const char *const namespaces[] = {"kube-system", "grapnel", "tyk", "a", "b"};
    static const char *const plurals[] = {"apidefinitions", "webhooks", "operatorcontexts"};
    struct sim_result result;
    for (size_t i = 0; i < ARRAY_LENGTH(plurals); i++)
        sim_store_create(sim->store, SIM_CLUSTER, OBJECT_CRD, NULL,
                         sim_json_format("{'kind':'CustomResourceDefinition','metadata':{'name':"
                                         "'%s.tyk.tyk.io','finalizers':['sim/cluster']},'spec':{}}",
                                         plurals[i]),
                         &result);
    for (size_t i = 0; i < ARRAY_LENGTH(namespaces); i++)
        sim_store_create(
            sim->store, SIM_CLUSTER, OBJECT_NAMESPACE, NULL,
            sim_json_format(
                "{'kind':'Namespace','metadata':{'name':'%s','finalizers':['sim/cluster']}}",
                namespaces[i]),
            &result);
    sim_apply(sim, "{'kind':'Secret','metadata':{'namespace':'grapnel','name':'grapnel-seal'},"
                   "'data':{'key':'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='}}");
    sim_apply(sim, "{'kind':'Secret','metadata':{'namespace':'tyk','name':'edge-conf'},"
                   "'data':{'TYK_AUTH':'Z3ctc2VjcmV0LTE='}}");
    for (size_t i = 0; i < SIM_GROUPS; i++)
        sim_apply_tree(
            sim, sim_json_format("{'kind':'Service','metadata':{'namespace':'tyk','name':'%s'},"
                                 "'spec':{'ports':[{'name':'control','port':8080}]}}",
                                 sim_group_names[i]));
}

/* They are the same in every schedule: made once, and never changed, as no object is. */
static const struct sim_backup *first_objects(const struct sim *sim)
{
    static struct sim_backup *made;
    if (!made) {
        struct sim first = {.time = sim->time, .store = sim_store_new(sim->time, SIM_WALL_START)};
        make_objects(&first);
        made = sim_store_back_up(first.store);
        sim_store_free(first.store);
    }
    return made;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = xcalloc(1, sizeof(*sim));
    sim->options = *options;
    buf_init(&sim->story, BUF_UNLIMITED);
    sim->leads_since[0] = sim->leads_since[1] = -1;
    sim->time = sim_time_new();
    sim->net = sim_net_new(sim->time, options->seed);
    sim_net_set_splits(sim->net, options->splits);
    sim->store = sim_store_new(sim->time, SIM_WALL_START);
    sim_store_begin_with(sim->store, first_objects(sim));
    struct sim_api_options api = {
        .time = sim->time,
        .net = sim->net,
        .store = sim->store,
        .seed = options->seed,
        .token = SIM_TOKEN,
        .page_max = options->page_max,
    };
    sim->api = sim_api_new(&api);
    if (!options->without_oracle)
        sim->oracle = sim_oracle_new(sim);
    for (unsigned group = 0; group < SIM_GROUPS; group++) {
        for (unsigned i = 0; i < options->pods[group]; i++)
            sim_add_pod(sim, (enum sim_group)group);
        sim_write_slices(sim, (enum sim_group)group);
    }
    for (size_t i = 0; options->fixed && i < options->pods[SIM_DEFAULT]; i++)
        sim->urls[i] = xasprintf("http://%s:8080", sim->pods[i].ip);
    return sim;
}

void sim_free(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_OPERATORS_MAX; i++) {
        if (sim->operators[i]) {
            sim_kill(sim, i);
            sim_operator_free(sim->operators[i]);
        }
    }
    for (size_t i = 0; i < sim->pod_count; i++) {
        sim_gateway_free(sim->pods[i].gateway);
        free(sim->pods[i].name);
        free(sim->pods[i].uid);
        free(sim->pods[i].ip);
        free(sim->urls[i]);
    }
    sim_api_free(sim->api);
    sim_time_free(sim->time);
    sim_net_free(sim->net);
    sim_backup_free(sim->backup);
    sim_store_free(sim->store);
    sim_oracle_free(sim->oracle);
    buf_fini(&sim->story);
    free(sim);
}
