/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/packer.h"
#include "core/packing.h"
#include "make.h"

static const char manifest[] =
    "{'apiVersion':'tyk.tyk.io/v1alpha1','kind':'ApiDefinition','metadata':{'name':'orders',"
    "'namespace':'shop'},'spec':{'name':'orders','use_keyless':true,'proxy':{'listen_path':"
    "'/orders/','target_url':'http://orders.shop.svc:8080/'}},'status':{'observedGeneration':1}}";

static struct object *api(void)
{
    return make_object(OBJECT_API, manifest);
}

static void a_packed_object_reads_as_before(void **state)
{
    (void)state;
    struct packing *packing = packing_new(0, 0);
    struct object *object = api();
    struct object *same = api();
    packing_add(packing, object);
    for (int round = 0; round < 2; round++) {
        packing_rest(packing);
        assert_null(object->content);
        assert_in_range(object->packed_length, 1, object->length / 2);
        struct span text = object_text(object);
        assert_int_equal(text.length, object_text(same).length);
        assert_memory_equal(text.ptr, object_text(same).ptr, text.length + 1);
        assert_int_equal(object_spec(object).ptr - text.ptr,
                         object_spec(same).ptr - object_text(same).ptr);
        assert_true(object_same_content(object, same));
        assert_int_equal(object_status(object).length, object_status(same).length);
    }
    object_unref(object);
    object_unref(same);
    packing_free(packing);
}

static void what_was_used_last_stays_open(void **state)
{
    (void)state;
    struct object *objects[3] = {api(), api(), api()};
    struct packing *packing = packing_new(0, (size_t)2 * objects[0]->length);
    for (size_t i = 0; i < 3; i++)
        packing_add(packing, objects[i]);
    (void)object_text(objects[0]);
    packing_rest(packing);
    assert_non_null(objects[0]->content);
    assert_null(objects[1]->content);
    assert_non_null(objects[2]->content);
    /* One that goes while it is open makes room. */
    object_unref(objects[2]);
    (void)object_text(objects[1]);
    packing_rest(packing);
    assert_non_null(objects[0]->content);
    assert_non_null(objects[1]->content);
    object_unref(objects[0]);
    object_unref(objects[1]);
    packing_free(packing);
}

static void few_are_not_packed(void **state)
{
    (void)state;
    struct object *objects[3] = {api(), api(), api()};
    struct packing *packing = packing_new((size_t)2 * objects[0]->length, 0);
    packing_add(packing, objects[0]);
    packing_add(packing, objects[1]);
    packing_rest(packing);
    assert_non_null(objects[0]->content);
    assert_non_null(objects[1]->content);
    packing_add(packing, objects[2]);
    packing_rest(packing);
    for (size_t i = 0; i < 3; i++)
        assert_null(objects[i]->content);
    /* Packed ones count, too, until they go. */
    (void)object_text(objects[0]);
    packing_rest(packing);
    assert_null(objects[0]->content);
    object_unref(objects[2]);
    (void)object_text(objects[0]);
    packing_rest(packing);
    assert_non_null(objects[0]->content);
    object_unref(objects[0]);
    object_unref(objects[1]);
    packing_free(packing);
}

/* Bytes in which there is nothing to be found twice. */
static struct object *incompressible(void)
{
    struct buf json;
    buf_init(&json, BUF_UNLIMITED);
    buf_add_text(&json, "{\"metadata\":{\"name\":\"a\"},\"x\":\"");
    uint32_t random = 1;
    for (int i = 0; i < 4000; i++) {
        random = random * 1664525U + 1013904223U;
        buf_add_char(&json, (char)(0x80 + (random >> 24) % 0x80));
    }
    buf_add_text(&json, "\"}");
    struct object *object = NULL;
    assert_int_equal(
        object_new(OBJECT_CRD, (struct span){buf_text(&json), json.length}, NULL, &object, NULL),
        0);
    buf_fini(&json);
    return object;
}

static void what_cannot_be_packed_stays_as_it_is(void **state)
{
    (void)state;
    struct packing *packing = packing_new(0, 0);
    struct object *object = incompressible();
    packing_add(packing, object);
    packing_rest(packing);
    assert_non_null(object->content);
    assert_null(object->packed);
    assert_int_equal(object_text(object).ptr[0], '{');
    object_unref(object);
    packing_free(packing);
}

static void without_packing_nothing_happens(void **state)
{
    (void)state;
    struct object *object = api();
    packing_add(NULL, object);
    assert_null(object->packing);
    object_unref(object);
}

static void a_packer_takes_any_bytes(void **state)
{
    (void)state;
    struct packer *packer = packer_new((struct span){"grapnel", 7});
    static const char zeros[100000];
    static const size_t lengths[] = {8, 100, 4096, 100000};
    char *back = xmalloc(sizeof(zeros));
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        struct span packed = packer_pack(packer, (struct span){zeros, lengths[i]});
        if (!packed.ptr) {
            assert_int_equal(i, 0); /* a frame is larger */
            continue;
        }
        memset(back, 1, lengths[i]);
        packer_open(packer, packed, back, lengths[i]);
        assert_memory_equal(back, zeros, lengths[i]);
    }
    free(back);
    packer_free(packer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packed_object_reads_as_before),
        cmocka_unit_test(what_was_used_last_stays_open),
        cmocka_unit_test(few_are_not_packed),
        cmocka_unit_test(what_cannot_be_packed_stays_as_it_is),
        cmocka_unit_test(without_packing_nothing_happens),
        cmocka_unit_test(a_packer_takes_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
