/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

static const struct seal_key seal_key = {"0123456789abcdef0123456789abcde"};
static const char *const id_namespaces[] = {"grapnel", NULL};

void rig_lead(struct rig *rig)
{
    rig->gateways = fake_gateways_new(rig->loop, &reconciler_gateway_callbacks, rig->reconciler);
    reconciler_lead(rig->reconciler, fake_world_store(rig->world),
                    fake_gateways_port(rig->gateways));
    fake_loop_advance(rig->loop, 1000);
}

int rig_set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    log_setup(LOG_LEVEL_ERROR, true);
    rig->loop = fake_loop_new(7);
    rig->world = fake_world_new(rig->loop);
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'default'}}");
    struct reconciler_options options = {
        .resolve = {.default_cooldown = "10s",
                    .id_namespaces = id_namespaces,
                    .seal_key = &seal_key},
        .conversion_grace_ms = 5000,
        .reference_grace_ms = 10000,
        .rewrite_delay_ms = 30000,
        .finalizer_timeout_ms = 60000,
    };
    rig->reconciler = reconciler_new(rig->loop, fake_world_source(rig->world), &options);
    reconciler_set_default_context(rig->reconciler,
                                   &(struct default_context){.abilities = {.version = ""}});
    reconciler_start(rig->reconciler);
    rig_lead(rig);
    *state = rig;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;
    fake_world_source(rig->world)->ops->free(fake_world_source(rig->world));
    reconciler_free(rig->reconciler);
    fake_gateways_free(rig->gateways);
    fake_world_free(rig->world);
    fake_loop_free(rig->loop);
    free(rig);
    return 0;
}

void rig_secret(struct rig *rig, const char *name)
{
    CLEANUP(freep)
    char *json =
        xasprintf("{'kind':'Secret','metadata':{'name':'%s'},'data':{'t':'VE9LRU4='}}", name);
    fake_world_apply(rig->world, json);
}

void rig_webhook(struct rig *rig, const char *name, const char *secret)
{
    CLEANUP(freep)
    char *headers = secret ? xasprintf(",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{"
                                       "'name':'%s','key':'t'}}}]",
                                       secret)
                           : xstrdup("");
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'%s'},'spec':{'url':'https://w/',"
                           "'method':'POST','bodyTemplate':'','conversionPolicy':'Auto'%s}}",
                           name, headers);
    fake_world_apply(rig->world, json);
}

void rig_api(struct rig *rig, const char *name, const char *ref)
{
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'ApiDefinition','metadata':{'name':'%s'},'spec':{'oas':{'openapi':'3.0.3','info':"
        "{'title':'%s','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'%s','state':"
        "{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':'/%s/'},"
        "'eventHandlers':[{'enabled':true,'trigger':'AuthFailure','type':'webhook',"
        "'cooldownPeriod':'10s','id':'%s'}]}}}}}",
        name, name, name, name, ref);
    fake_world_apply(rig->world, json);
}
