/* SPDX-License-Identifier: Apache-2.0 */
/* What has come and gone leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"
#include "support/heap_use.h"

#define OBJECTS 20
#define CYCLES 12
/* Tables of maps have grown by then. */
#define SETTLED 5
/* After that everything that is remembered for a while only is forgotten. */
#define FORGET_MS 600000

/* Bytes: the versions of what stays have a digit more now and then. */
#define DIGITS 16

/* What one cycle does; objects are named by it. */
typedef void cycle_fn(struct rig *rig, unsigned cycle);

static void names_of(unsigned cycle, unsigned number, char *name, char *webhook, char *secret)
{
    snprintf(name, 32, "a%03u-%02u", cycle, number);
    snprintf(webhook, 32, "w%03u-%02u", cycle, number);
    snprintf(secret, 32, "s%03u-%02u", cycle, number);
}

static void create(struct rig *rig, unsigned cycle)
{
    char name[32];
    char webhook[32];
    char secret[32];
    for (unsigned i = 0; i < OBJECTS; i++) {
        names_of(cycle, i, name, webhook, secret);
        rig_secret(rig, secret);
        rig_webhook_of_secret(rig, webhook, i % 2 ? secret : NULL);
        rig_api(rig, name, webhook, "");
    }
    fake_loop_advance(rig->loop, 20000);
}

static void delete (struct rig *rig, enum object_kind kind, const char *name)
{
    CLEANUP(freep) char *key = xasprintf("default/%s", name);
    fake_world_delete(rig->world, kind, key);
}

static void delete_all(struct rig *rig, unsigned cycle)
{
    char name[32];
    char webhook[32];
    char secret[32];
    for (unsigned i = 0; i < OBJECTS; i++) {
        names_of(cycle, i, name, webhook, secret);
        delete (rig, OBJECT_API, name);
        CLEANUP(freep) char *key = xasprintf("default/%s", webhook);
        if (fake_world_get(rig->world, OBJECT_WEBHOOK, key))
            delete (rig, OBJECT_WEBHOOK, webhook);
        delete (rig, OBJECT_SECRET, secret);
    }
}

static void come_and_go(struct rig *rig, unsigned cycle)
{
    create(rig, cycle);
    delete_all(rig, cycle);
}

/* Webhooks go first: copies are converted, specs rewritten. */
static void convert(struct rig *rig, unsigned cycle)
{
    char name[32];
    char webhook[32];
    char secret[32];
    create(rig, cycle);
    for (unsigned i = 0; i < OBJECTS; i++) {
        names_of(cycle, i, name, webhook, secret);
        delete (rig, OBJECT_WEBHOOK, webhook);
        fake_loop_advance(rig->loop, i % 7 ? 0 : 50000);
    }
    fake_loop_advance(rig->loop, 60000);
    delete_all(rig, cycle);
}

/* All writes fail for a while, in each of the ways that there are. */
static void fail_writes(struct rig *rig, unsigned cycle)
{
    static const enum err_class classes[] = {ERR_TRANSIENT, ERR_CONFLICT, ERR_NOT_FOUND,
                                             ERR_INVALID};
    fake_world_fail_writes(rig->world, classes[cycle % ARRAY_LENGTH(classes)], true);
    create(rig, cycle);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
    fake_loop_advance(rig->loop, 5000);
    fake_world_fail_writes(rig->world, ERR_NOT_FOUND, true);
    delete_all(rig, cycle);
    fake_loop_advance(rig->loop, 5000);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
    char name[32];
    char webhook[32];
    char secret[32];
    for (unsigned i = 0; i < OBJECTS; i++) {
        names_of(cycle, i, name, webhook, secret);
        CLEANUP(freep) char *key = xasprintf("default/%s", name);
        if (fake_world_get(rig->world, OBJECT_API, key))
            fake_world_strip(rig->world, OBJECT_API, key);
    }
}

/* Gateways, and what is read by name for them. */
static void contexts(struct rig *rig, unsigned cycle)
{
    CLEANUP(freep) char *secret = xasprintf("s%03u", cycle);
    CLEANUP(freep) char *context = xasprintf("c%03u", cycle);
    CLEANUP(freep) char *service = xasprintf("g%03u", cycle);
    CLEANUP(freep) char *slice = xasprintf("g%03u-1", cycle);
    CLEANUP(freep) char *api = xasprintf("a%03u", cycle);
    rig_secret(rig, secret);
    const char *const texts[] = {
        xasprintf("{'kind':'Service','metadata':{'name':'%s'},'spec':{'ports':[{'name':'control',"
                  "'port':8080,'targetPort':8080}]}}",
                  service),
        xasprintf("{'kind':'EndpointSlice','metadata':{'name':'%s','labels':{"
                  "'kubernetes.io/service-name':'%s'}},'addressType':'IPv4','ports':[{'name':"
                  "'control','port':8080}],'endpoints':[{'addresses':['10.0.0.1'],'conditions':{"
                  "'ready':true},'targetRef':{'kind':'Pod','name':'p','uid':'u-%s'}}]}",
                  slice, service, service),
        xasprintf("{'kind':'OperatorContext','metadata':{'name':'%s'},'spec':{'serviceRef':{"
                  "'name':'%s','port':'control'},'secretRef':{'name':'%s'}}}",
                  context, service, secret),
        xasprintf("{'kind':'ApiDefinition','metadata':{'name':'%s'},'spec':{'contextRef':{'name':"
                  "'%s'},'name':'a','use_keyless':true,'proxy':{'listen_path':'/%s/','target_url':"
                  "'http://up/'}}}",
                  api, context, api),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        fake_world_apply(rig->world, texts[i]);
        free((char *)(uintptr_t)texts[i]);
    }
    fake_loop_advance(rig->loop, 20000);
    delete (rig, OBJECT_API, api);
    delete (rig, OBJECT_CONTEXT, context);
    delete (rig, OBJECT_ENDPOINTSLICE, slice);
    delete (rig, OBJECT_SERVICE, service);
    delete (rig, OBJECT_SECRET, secret);
}

static void expect_nothing_left(struct rig *rig, cycle_fn *play)
{
    size_t settled = 0;
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
        play(rig, cycle);
        fake_loop_advance(rig->loop, FORGET_MS);
        fake_world_forget_events(rig->world);
        size_t use = heap_use();
        if (cycle == SETTLED)
            settled = use;
        if (cycle > SETTLED && use > settled + DIGITS + heap_use_slack())
            fail_msg("%zu bytes more than after cycle %d, after cycle %u", use - settled, SETTLED,
                     cycle);
    }
}

static void nothing_is_left_of_what_has_come_and_gone(void **state)
{
    expect_nothing_left(*state, come_and_go);
}

static void nothing_is_left_of_conversions(void **state)
{
    expect_nothing_left(*state, convert);
}

static void nothing_is_left_of_writes_that_failed(void **state)
{
    expect_nothing_left(*state, fail_writes);
}

static void nothing_is_left_of_contexts(void **state)
{
    expect_nothing_left(*state, contexts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_leading, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_left_of_what_has_come_and_gone),
        TEST(nothing_is_left_of_conversions),
        TEST(nothing_is_left_of_writes_that_failed),
        TEST(nothing_is_left_of_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
