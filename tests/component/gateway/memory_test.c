/* SPDX-License-Identifier: Apache-2.0 */
/* Of pods and APIs that have come and gone nothing is left. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "support/heap_use.h"

#define APIS 10
#define PODS 3
#define CYCLES 12
#define SETTLED 5 /* tables of maps have grown by then */

/* Pods of this cycle: other uids behind the same addresses. */
static void pods(struct world *world, const char *context, unsigned cycle, size_t count)
{
    struct gateway_endpoint endpoints[PODS];
    char texts[PODS][2][48];
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i][0], sizeof(texts[i][0]), "uid-%03u-%zu", cycle, i);
        snprintf(texts[i][1], sizeof(texts[i][1]), "http://gw-%zu:8080", i);
        endpoints[i] = (struct gateway_endpoint){
            .id = texts[i][0], .url = texts[i][1], .pod = texts[i][0], .ready = true};
    }
    const struct gateway_context config = {
        .endpoints = endpoints, .endpoint_count = count, .secret = "s3cret"};
    world->ops->set_context(world->gateways, context, &config);
}

static void forget(struct world *world, const char *name)
{
    CLEANUP(freep) char *key = xasprintf("ns/%s", name);
    world->ops->forget(world->gateways, key);
    strmap_remove(world->documents, key);
}

static void play(struct world *world, unsigned cycle)
{
    CLEANUP(freep) char *context = xasprintf("ns/c%03u", cycle);
    char name[32];
    pods(world, context, cycle, PODS);
    for (unsigned version = 1; version < 3; version++) {
        for (unsigned i = 0; i < APIS; i++) {
            snprintf(name, sizeof(name), "a%03u-%u", cycle, i);
            world_want(world, &(struct world_api){.name = name,
                                                  .context = context,
                                                  .version = version,
                                                  .oas = i % 2,
                                                  .by_user = i % 3});
        }
        /* One pod goes down with a failure, and comes back as another one. */
        if (version == 1)
            fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
        else
            fake_gateway_heal(world->gateway[1]);
        world_run(world, 40000);
        pods(world, context, cycle + 500 * version, PODS);
        world_run(world, 20000);
    }
    for (unsigned i = 0; i < APIS; i++) {
        snprintf(name, sizeof(name), "a%03u-%u", cycle, i);
        world_remove(world, name);
    }
    world_run(world, 30000);
    for (unsigned i = 0; i < APIS; i++) {
        snprintf(name, sizeof(name), "a%03u-%u", cycle, i);
        forget(world, name);
    }
    world->ops->remove_context(world->gateways, context);
    world_run(world, 60000);
}

static void nothing_is_left_of_pods_and_apis(void **state)
{
    (void)state;
    struct world *world = world_new(PODS);
    world->ops->set_complete(world->gateways, true);
    size_t settled = 0;
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
        play(world, cycle);
        for (size_t i = 0; i < PODS; i++)
            assert_int_equal(fake_gateway_loaded_count(world->gateway[i]), 0);
        size_t use = heap_use();
        if (cycle == SETTLED)
            settled = use;
        if (cycle > SETTLED && use > settled + heap_use_slack())
            fail_msg("%zu bytes more than after cycle %d, after cycle %u", use - settled, SETTLED,
                     cycle);
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_pods_and_apis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
