/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_scene.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_act.h"
#include "sim/sim_oracle.h"
#include "sim/sim_plan.h"
#include "sim/sim_truth.h"

#define QUIET_MS 65000
#define STEP_MS 1000
#define PATIENCE_MS 700000

void scene_api(struct sim *sim, const char *key, unsigned version, bool oas, const char *ref)
{
    CLEANUP(freep) char *ns = xstrndup(key, strcspn(key, "/"));
    const char *name = strchr(key, '/') + 1;
    json_t *api = sim_json_format(
        "{'kind':'ApiDefinition','metadata':{'namespace':'%s','name':'%s','annotations':"
        "{'sim/version':'%u','sim/invalid':null}}}",
        ns, name, version);
    json_t *spec;
    if (oas)
        spec = sim_json_format(
            "{'oas':{'openapi':'3.0.3','info':{'title':'%s','version':'%u'},'paths':{},"
            "'x-tyk-api-gateway':{'info':{'name':'%s','state':{'active':true}},'upstream':{'url':"
            "'http://up/'},'server':{'listenPath':{'value':'/%s-%s/'},'eventHandlers':[]}}}}",
            key, version, key, ns, name);
    else
        spec =
            sim_json_format("{'name':'%s %u','use_keyless':true,'proxy':{'listen_path':'/%s-%s/',"
                            "'target_url':'http://up/'},'event_handlers':{'events':{}}}",
                            key, version, ns, name);
    if (ref && oas)
        json_array_append_new(
            sim_json_get(spec, "oas", "x-tyk-api-gateway", "server", "eventHandlers", NULL),
            sim_json_format("{'enabled':true,'trigger':'AuthFailure','type':'webhook',"
                            "'cooldownPeriod':'15s','id':'%s'}",
                            ref));
    else if (ref)
        json_object_set_new(sim_json_get(spec, "event_handlers", "events", NULL), "AuthFailure",
                            sim_json_format("[{'handler_name':'eh_web_hook_handler','handler_meta':"
                                            "{'disabled':false,'event_timeout':15,'id':'%s'}}]",
                                            ref));
    json_object_set_new(api, "spec", spec);
    sim_apply_tree(sim, api);
}

void scene_webhook(struct sim *sim, const char *key, unsigned version, const char *secret)
{
    CLEANUP(freep) char *ns = xstrndup(key, strcspn(key, "/"));
    json_t *webhook = sim_json_format(
        "{'kind':'Webhook','metadata':{'namespace':'%s','name':'%s'},'spec':{'url':"
        "'https://hook.example/%u','allowedNamespaces':{'from':'All'},'headers':[{'name':"
        "'X-Version','value':'%u'}]}}",
        ns, strchr(key, '/') + 1, version, version);
    if (secret)
        json_array_append_new(
            sim_json_get(webhook, "spec", "headers", NULL),
            sim_json_format("{'name':'Authorization','valueFrom':{'secretKeyRef':{'name':'%s',"
                            "'key':'token'}}}",
                            secret));
    sim_apply_tree(sim, webhook);
}

void scene_secret(struct sim *sim, const char *key, unsigned version)
{
    CLEANUP(freep) char *ns = xstrndup(key, strcspn(key, "/"));
    CLEANUP(freep) char *value = xasprintf("sk-%u", version);
    CLEANUP(buf_fini) struct buf coded;
    buf_init(&coded, BUF_UNLIMITED);
    str_base64(&coded, value, strlen(value));
    sim_apply_tree(sim,
                   sim_json_format("{'kind':'Secret','metadata':{'namespace':'%s','name':'%s'},"
                                   "'data':{'token':'%s'}}",
                                   ns, strchr(key, '/') + 1, buf_text(&coded)));
}

void scene_vanish(struct sim *sim, unsigned kind, const char *key)
{
    struct sim_result result;
    sim_store_patch(sim->store, SIM_USER, kind, key,
                    sim_json_of("{'metadata':{'finalizers':null}}"), SIM_MERGE_PATCH, false,
                    &result);
    sim_delete(sim, kind, key);
}

void scene_objects(struct sim *sim)
{
    scene_secret(sim, "a/s0", 1);
    scene_webhook(sim, "a/w0", 1, "s0");
    scene_webhook(sim, "b/w1", 1, NULL);
    scene_api(sim, "a/p0", 1, true, "w0");
    scene_api(sim, "a/p1", 1, false, "b/w1");
    scene_api(sim, "b/p0", 1, true, NULL);
}

struct sim *scene_new(const struct scene_options *options)
{
    struct sim_options made = options->sim;
    made.story = true;
    if (!made.pods[SIM_DEFAULT]) {
        made.pods[SIM_DEFAULT] = 2;
        made.pods[SIM_EDGE] = 1;
    }
    struct sim *sim = sim_new(&made);
    if (options->bare)
        return sim;
    scene_objects(sim);
    sim_start(sim, 0);
    (void)scene_rest(sim);
    /* What has been started anew is no excuse any more. */
    sim_run(sim, 70000);
    return sim;
}

static void print_story(const struct sim *sim, const char *why)
{
    printf("%s%s: %s\nnot at rest: %s\n", buf_text(&sim->story), sim->oracle_name, sim->failure,
           why);
    fflush(stdout);
}

int64_t scene_rest(struct sim *sim)
{
    int64_t began = sim_now_ms(sim->time);
    CLEANUP(buf_fini) struct buf why;
    buf_init(&why, BUF_UNLIMITED);
    while (!sim->failed && !sim_oracle_at_rest(sim->oracle, &why)) {
        if (sim_now_ms(sim->time) - began > PATIENCE_MS) {
            print_story(sim, buf_text(&why));
            return -1;
        }
        sim_run(sim, STEP_MS);
        buf_clear(&why);
    }
    if (sim->failed)
        print_story(sim, "");
    return sim->failed ? -1 : sim_now_ms(sim->time) - began;
}

bool scene_end(struct sim *sim)
{
    sim_heal(sim);
    sim_await_rest(sim);
    sim_check_quiet(sim, QUIET_MS);
    bool fine = !sim->failed;
    if (!fine)
        printf("%s%s: %s\n", buf_text(&sim->story), sim->oracle_name, sim->failure);
    sim_free(sim);
    return fine;
}

struct sim_host *scene_api_host(struct sim *sim)
{
    return sim_net_host(sim->net, SIM_API_HOST);
}

struct sim_host *scene_gateway_host(struct sim *sim, unsigned number)
{
    return sim_gateway_net(sim_pod_of(sim, SIM_DEFAULT, number)->gateway);
}

size_t scene_posts(struct sim *sim)
{
    size_t posts = 0;
    for (size_t i = 0; i < sim->pod_count; i++)
        posts += sim_gateway_counts(sim->pods[i].gateway)->posts;
    return posts;
}

int64_t scene_version_on(struct sim *sim, unsigned gateway, const char *key)
{
    CLEANUP(buf_fini) struct buf id;
    buf_init(&id, BUF_UNLIMITED);
    str_base64url(&id, key, strlen(key));
    struct sim_definition definition;
    if (!sim_gateway_loaded(sim_pod_of(sim, SIM_DEFAULT, gateway)->gateway, buf_text(&id),
                            &definition))
        return -1;
    return sim_document_version(definition.document, definition.oas);
}
