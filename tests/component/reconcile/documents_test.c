/* SPDX-License-Identifier: Apache-2.0 */
/* Documents between the look that has built them and the push. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reconcile/documents.h"
#include "reconcile/state.h"
#include "rig.h"

#define MEGABYTE (1U << 20)

static void put(struct documents *documents, struct api_state *state, size_t length)
{
    CLEANUP(buf_fini) struct buf document;
    buf_init(&document, BUF_UNLIMITED);
    CLEANUP(freep) char *text = xmalloc(length);
    memset(text, 'x', length);
    buf_add(&document, text, length);
    documents_put(documents, state, &document);
}

static void four_megabytes_are_kept_the_first_ones(void **state)
{
    (void)state;
    struct loop *loop = fake_loop_new(1);
    struct documents documents = {.bytes = 0};
    documents_init(&documents, loop);
    struct api_state *states = xcalloc(6, sizeof(*states));
    for (size_t i = 0; i < 4; i++)
        put(&documents, &states[i], MEGABYTE);
    put(&documents, &states[4], 1);
    put(&documents, &states[5], MEGABYTE);
    for (size_t i = 0; i < 6; i++) {
        CLEANUP(bytes_unrefp) struct bytes *kept = documents_take(&documents, &states[i]);
        assert_int_equal(kept != NULL, i < 4);
        /* Once. */
        assert_null(documents_take(&documents, &states[i]));
    }
    assert_int_equal(documents.bytes, 0);
    put(&documents, &states[5], MEGABYTE);
    assert_non_null(states[5].document);
    documents_drop(&documents, &states[5]);
    documents_fini(&documents);
    free(states);
    fake_loop_free(loop);
}

static void they_are_kept_for_ten_seconds(void **state)
{
    (void)state;
    struct loop *loop = fake_loop_new(1);
    struct documents documents = {.bytes = 0};
    documents_init(&documents, loop);
    struct api_state *states = xcalloc(2, sizeof(*states));
    put(&documents, &states[0], 20);
    /* In place of the one before. */
    put(&documents, &states[0], 10);
    assert_int_equal(documents.bytes, 10);
    fake_loop_advance(loop, 4000);
    put(&documents, &states[1], 10);
    fake_loop_advance(loop, 5999);
    assert_non_null(states[0].document);
    fake_loop_advance(loop, 1);
    assert_null(states[0].document);
    assert_non_null(states[1].document);
    fake_loop_advance(loop, 4000);
    assert_null(states[1].document);
    documents_fini(&documents);
    free(states);
    fake_loop_free(loop);
}

static void apply_context(struct rig *rig, bool allows)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},"
                           "'spec':{'urls':['http://gw1'],'allowedNamespaces':{'from':'All'},"
                           "'gateway':{'kvReferences':%s}}}",
                           allows ? "true" : "false");
    fake_world_apply(rig->world, json);
}

static void what_is_not_allowed_any_more_is_not_pushed(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    fake_gateways_hold(rig->gateways, true);
    apply_context(rig, true);
    fake_world_apply(rig->world, "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':{"
                                 "'name':'orders','contextRef':{'name':'edge','namespace':'tyk'},"
                                 "'proxy':{'target_url':'env://UPSTREAM','listen_path':'/o/'}}}");
    fake_loop_advance(rig->loop, 3000);
    apply_context(rig, false);
    fake_loop_advance(rig->loop, 3000);
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 100);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    apply_context(rig, true);
    fake_loop_advance(rig->loop, 3000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_megabytes_are_kept_the_first_ones),
        cmocka_unit_test(they_are_kept_for_ten_seconds),
        cmocka_unit_test_setup_teardown(what_is_not_allowed_any_more_is_not_pushed, rig_set_up,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
