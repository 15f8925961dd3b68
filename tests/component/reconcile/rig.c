/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

static const struct seal_key seal_key = {"0123456789abcdef0123456789abcde"};
static const char *const id_namespaces[] = {"grapnel", NULL};

static void lead(struct rig *rig)
{
    rig->gateways = fake_gateways_new(rig->loop, &reconciler_gateway_callbacks, rig->reconciler);
    reconciler_lead(rig->reconciler, fake_world_store(rig->world),
                    fake_gateways_port(rig->gateways));
}

void rig_lead(struct rig *rig)
{
    lead(rig);
    fake_loop_advance(rig->loop, 1000);
}

void rig_start(struct rig *rig)
{
    struct reconciler_options options = {
        .resolve = {.default_cooldown = "10s",
                    .id_namespaces = id_namespaces,
                    .seal_key = &seal_key},
        .conversion_grace_ms = RIG_GRACE_MS,
        .reference_grace_ms = RIG_REFERENCE_GRACE_MS,
        .rewrite_delay_ms = RIG_REWRITE_MS,
        .finalizer_timeout_ms = RIG_FINALIZER_MS,
        .packing = rig->packing,
    };
    rig->reconciler = reconciler_new(rig->loop, fake_world_source(rig->world), &options);
    reconciler_set_default_context(rig->reconciler,
                                   &(struct default_context){.abilities = {.version = ""}});
    reconciler_start(rig->reconciler);
    lead(rig);
    fake_loop_run(rig->loop);
}

void rig_stop(struct rig *rig)
{
    fake_world_source(rig->world)->ops->free(fake_world_source(rig->world));
    reconciler_free(rig->reconciler);
    fake_gateways_free(rig->gateways);
}

int rig_set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    log_setup(LOG_LEVEL_ERROR, true);
    rig->loop = fake_loop_new(7);
    rig->packing = packing_new(0, 0);
    fake_loop_after_callbacks(rig->loop, packing_rest, rig->packing);
    rig->world = fake_world_new(rig->loop);
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'default'}}");
    *state = rig;
    return 0;
}

int rig_set_up_leading(void **state)
{
    rig_set_up(state);
    rig_start(*state);
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;
    rig_stop(rig);
    fake_world_free(rig->world);
    packing_free(rig->packing);
    fake_loop_free(rig->loop);
    free(rig);
    return 0;
}

/* Objects. */

void rig_secret(struct rig *rig, const char *name)
{
    CLEANUP(freep)
    char *json =
        xasprintf("{'kind':'Secret','metadata':{'name':'%s'},'data':{'t':'VE9LRU4='}}", name);
    fake_world_apply(rig->world, json);
}

void rig_webhook(struct rig *rig, const char *name, const char *rest)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'%s'},'spec':{'url':'https://%s/"
                           "hook','method':'POST','bodyTemplate':'','conversionPolicy':'Auto'%s}}",
                           name, name, rest);
    fake_world_apply(rig->world, json);
}

void rig_webhook_of_secret(struct rig *rig, const char *name, const char *secret)
{
    CLEANUP(freep)
    char *header = xasprintf(
        ",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'%s','key':'t'}}}]", secret);
    rig_webhook(rig, name, header);
}

void rig_api(struct rig *rig, const char *name, const char *ref, const char *metadata)
{
    CLEANUP(freep)
    char *handler = ref ? xasprintf("{'enabled':true,'trigger':'AuthFailure','type':'webhook',"
                                    "'cooldownPeriod':'10s','id':'%s'}",
                                    ref)
                        : xstrdup("");
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'ApiDefinition','metadata':{'name':'%s'%s},'spec':{'oas':{'openapi':'3.0.3','info'"
        ":"
        "{'title':'%s','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'%s','state':"
        "{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':'/%s/',"
        "'strip':true},'eventHandlers':[%s]}}}}}",
        name, metadata, name, name, name, handler);
    fake_world_apply(rig->world, json);
}

/* Expectations. */

void rig_expect_in_document(const struct rig *rig, const char *key, const char *text, bool there)
{
    const char *document = fake_gateways_document(rig->gateways, key);
    assert_non_null(document);
    if ((strstr(document, text) != NULL) != there)
        fail_msg("%s: %s%s in %s", key, text, there ? " is missing" : " stands", document);
}

void rig_expect_api(const struct rig *rig, const char *key, const char *path, const char *json)
{
    fake_world_expect(rig->world, OBJECT_API, key, path, json);
}

void rig_expect_reason(const struct rig *rig, const char *key, const char *condition,
                       const char *reason)
{
    fake_world_expect_reason(rig->world, OBJECT_API, key, condition, reason);
}
