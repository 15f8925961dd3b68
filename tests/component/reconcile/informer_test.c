/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/packing.h"
#include "reconcile/informer.h"
#include "support/fake_loop.h"

/* A source that the test itself plays. */
struct rig {
    struct object_source source; /* first: the source is the rig */
    struct loop *loop;
    struct packing *packing;
    const struct object_sink *sink;
    void *arg;
    struct informer *informer;
    int relists;
    struct buf heard; /* a sign for each change, then the name */
};

static void start(struct object_source *source, const enum object_kind *kinds, size_t count,
                  const struct object_sink *sink, void *arg)
{
    struct rig *rig = (struct rig *)source;
    (void)kinds;
    (void)count;
    rig->sink = sink;
    rig->arg = arg;
}

static void ignore(struct object_source *source, enum object_kind kind, const char *key)
{
    (void)source;
    (void)kind;
    (void)key;
}

static void count_relist(struct object_source *source, enum object_kind kind)
{
    (void)kind;
    ((struct rig *)source)->relists++;
}

static const struct object_source_ops ops = {
    .start = start, .follow = ignore, .unfollow = ignore, .relist = count_relist};

static void on_changed(void *arg, const struct object *before, const struct object *after)
{
    struct rig *rig = arg;
    buf_add_format(&rig->heard, "%c%s ",
                   !before  ? '+'
                   : !after ? '-'
                            : '~',
                   (after ? after : before)->name);
}

static void on_listed(void *arg, enum object_kind kind)
{
    struct rig *rig = arg;
    (void)kind;
    buf_add_text(&rig->heard, "listed ");
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct rig *rig = arg;
    (void)kind;
    buf_add_format(&rig->heard, "trouble(%s) ", err->msg);
}

static void on_missing(void *arg, enum object_kind kind, const char *key)
{
    struct rig *rig = arg;
    (void)kind;
    buf_add_format(&rig->heard, "missing(%s) ", key);
}

static int set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    rig->loop = fake_loop_new(1);
    rig->packing = packing_new(0, 0);
    fake_loop_after_callbacks(rig->loop, packing_rest, rig->packing);
    rig->source.ops = &ops;
    buf_init(&rig->heard, BUF_UNLIMITED);
    const struct informer_callbacks callbacks = {on_changed, on_listed, on_trouble, on_missing};
    rig->informer = informer_new(rig->loop, &rig->source, rig->packing, &callbacks, rig);
    const enum object_kind kinds[] = {OBJECT_WEBHOOK};
    informer_start(rig->informer, kinds, 1);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    informer_free(rig->informer);
    packing_free(rig->packing);
    fake_loop_free(rig->loop);
    buf_fini(&rig->heard);
    free(rig);
    return 0;
}

static struct object *webhook(const char *name, const char *uid, int version)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"namespace\":\"d\",\"name\":\"%s\",\"uid\":\"%s\","
             "\"resourceVersion\":\"%d\"}}",
             name, uid, version);
    struct object *object = NULL;
    struct span span = {text, strlen(text)};
    assert_int_equal(object_new(OBJECT_WEBHOOK, span, NULL, &object, NULL), 0);
    return object;
}

static void put(struct rig *rig, const char *name, const char *uid, int version)
{
    struct object *object = webhook(name, uid, version);
    rig->sink->put(rig->arg, object);
    object_unref(object);
}

static void expect(struct rig *rig, const char *heard)
{
    fake_loop_run(rig->loop);
    assert_string_equal(buf_text(&rig->heard), heard);
    buf_clear(&rig->heard);
}

static void list_ab(struct rig *rig)
{
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    put(rig, "a", "1", 10);
    put(rig, "b", "2", 11);
    rig->sink->end(rig->arg, OBJECT_WEBHOOK);
    expect(rig, "+a +b listed ");
}

static void nothing_of_a_list_counts_before_its_end(void **state)
{
    struct rig *rig = *state;
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    put(rig, "a", "1", 10);
    expect(rig, "");
    assert_false(informer_is_complete(rig->informer, OBJECT_WEBHOOK));
    rig->sink->end(rig->arg, OBJECT_WEBHOOK);
    expect(rig, "+a listed ");
    assert_true(informer_is_complete(rig->informer, OBJECT_WEBHOOK));
    assert_true(informer_proves_absence(rig->informer, OBJECT_WEBHOOK));
}

static void a_list_that_breaks_off_deletes_nothing(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    put(rig, "a", "1", 12);
    struct err err;
    err_set(&err, ERR_TRANSIENT, 0, "cut");
    rig->sink->trouble(rig->arg, OBJECT_WEBHOOK, &err);
    expect(rig, "trouble(cut) ");
    assert_false(informer_proves_absence(rig->informer, OBJECT_WEBHOOK));
    assert_non_null(cache_get(informer_cache(rig->informer), OBJECT_WEBHOOK, "d/b"));
}

static void a_complete_list_deletes_what_it_does_not_hold(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    put(rig, "b", "2", 11);
    rig->sink->end(rig->arg, OBJECT_WEBHOOK);
    expect(rig, "-a listed ");
}

static void absence_proves_something_again_after_a_resumed_watch(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    struct err err;
    err_set(&err, ERR_TRANSIENT, 0, "cut");
    rig->sink->trouble(rig->arg, OBJECT_WEBHOOK, &err);
    rig->sink->trouble(rig->arg, OBJECT_WEBHOOK, &err);
    expect(rig, "trouble(cut) ");
    rig->sink->resumed(rig->arg, OBJECT_WEBHOOK);
    fake_loop_run(rig->loop);
    assert_true(informer_proves_absence(rig->informer, OBJECT_WEBHOOK));
}

static void an_older_version_never_replaces_a_newer_one(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    put(rig, "a", "1", 9);
    put(rig, "a", "1", 10);
    expect(rig, "");
    put(rig, "a", "1", 100);
    expect(rig, "~a ");
}

static void a_complete_list_is_the_truth_even_if_it_looks_older(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    put(rig, "a", "1", 5);
    put(rig, "b", "2", 11);
    rig->sink->end(rig->arg, OBJECT_WEBHOOK);
    expect(rig, "~a listed ");
    put(rig, "a", "1", 6);
    expect(rig, "~a ");
}

/* Of one namespace, while the list of another is still to come: a backup may have been restored. */
static void a_complete_list_of_a_part_is_the_truth_too(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    struct object *older = webhook("a", "1", 5);
    rig->sink->put_listed(rig->arg, older);
    object_unref(older);
    expect(rig, "~a ");
    put(rig, "a", "1", 6);
    expect(rig, "~a ");
}

static void another_uid_is_a_deletion_and_a_creation(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    put(rig, "a", "99", 12);
    expect(rig, "-a +a ");
}

static void the_deletion_of_an_earlier_incarnation_is_ignored(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    put(rig, "a", "99", 12);
    rig->sink->gone(rig->arg, OBJECT_WEBHOOK, "d/a", "1");
    expect(rig, "-a +a ");
    rig->sink->gone(rig->arg, OBJECT_WEBHOOK, "d/a", "99");
    expect(rig, "-a ");
}

static void a_write_of_ours_is_seen_at_once_and_not_undone(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    struct object *ours = webhook("a", "1", 20);
    informer_put(rig->informer, ours);
    object_unref(ours);
    put(rig, "a", "1", 15);
    put(rig, "a", "1", 20);
    expect(rig, "~a ");
}

/* The answer to the PATCH that takes off the last finalizer may come after the watch has told the
 * deletion that it caused. */
static void a_write_of_ours_brings_nothing_back(void **state)
{
    struct rig *rig = *state;
    list_ab(rig);
    rig->sink->gone(rig->arg, OBJECT_WEBHOOK, "d/a", "1");
    rig->sink->gone(rig->arg, OBJECT_WEBHOOK, "d/b", "2");
    put(rig, "b", "3", 30);
    expect(rig, "-a -b +b ");
    CLEANUP(object_unrefp) struct object *gone = webhook("a", "1", 40);
    informer_put(rig->informer, gone);
    CLEANUP(object_unrefp) struct object *earlier = webhook("b", "2", 41);
    informer_put(rig->informer, earlier);
    expect(rig, "");
}

static void a_followed_secret_is_known_only_when_told(void **state)
{
    struct rig *rig = *state;
    informer_follow(rig->informer, OBJECT_SECRET, "d/s");
    assert_false(informer_is_known(rig->informer, OBJECT_SECRET, "d/s"));
    struct err err;
    err_set(&err, ERR_NOT_FOUND, 404, "no such Secret");
    rig->sink->missing(rig->arg, OBJECT_SECRET, "d/s", &err);
    expect(rig, "missing(d/s) ");
    assert_true(informer_is_known(rig->informer, OBJECT_SECRET, "d/s"));
    const struct err *why = informer_missing(rig->informer, OBJECT_SECRET, "d/s");
    assert_string_equal(why->msg, "no such Secret");
    /* Nobody asked for this one. */
    rig->sink->missing(rig->arg, OBJECT_SECRET, "d/other", &err);
    expect(rig, "");
}

/* They are read from the store, or told in the order in which they changed: a version that looks
 * older comes from a backup that was restored. */
static void what_is_followed_is_the_truth_even_if_it_looks_older(void **state)
{
    struct rig *rig = *state;
    static const enum object_kind kinds[] = {OBJECT_SECRET, OBJECT_CONFIGMAP, OBJECT_SERVICE,
                                             OBJECT_ENDPOINTSLICE};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        informer_follow(rig->informer, kinds[i], "n/f");
        static const char *const versions[] = {"9", "7"};
        for (size_t j = 0; j < ARRAY_LENGTH(versions); j++) {
            CLEANUP(freep)
            char *text =
                xasprintf("{\"metadata\":{\"name\":\"f\",\"namespace\":\"n\",\"uid\":\"u\","
                          "\"resourceVersion\":\"%s\"}}",
                          versions[j]);
            CLEANUP(object_unrefp) struct object *object = NULL;
            struct err err;
            assert_int_equal(
                object_new(kinds[i], (struct span){text, strlen(text)}, NULL, &object, &err), 0);
            rig->sink->put(rig->arg, object);
            fake_loop_run(rig->loop);
            const struct object *cached = cache_get(informer_cache(rig->informer), kinds[i], "n/f");
            assert_string_equal(cached->version, versions[j]);
        }
    }
}

/* It was on its way when it was let go: nobody would ever take it out of the cache again. */
static void what_is_told_of_a_secret_that_was_let_go_is_not_kept(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\",\"uid\":\"u\","
                               "\"resourceVersion\":\"1\"}}";
    informer_follow(rig->informer, OBJECT_SECRET, "d/s");
    CLEANUP(object_unrefp) struct object *object = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_SECRET, (struct span){text, strlen(text)}, NULL, &object, &err), 0);
    rig->sink->put(rig->arg, object);
    informer_unfollow(rig->informer, OBJECT_SECRET, "d/s");
    expect(rig, "");
    assert_int_equal(cache_count(informer_cache(rig->informer), OBJECT_SECRET), 0);
}

/* A store that was restored from a backup: of the other kinds nothing may ever show it. */
static void versions_that_have_gone_back_make_all_kinds_suspect(void **state)
{
    struct rig *rig = *state;
    for (int round = 0; round < 3; round++) {
        rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
        put(rig, "a", "1", round == 2 ? 20 : 30);
        rig->sink->end(rig->arg, OBJECT_WEBHOOK);
        fake_loop_run(rig->loop);
        assert_int_equal(rig->relists, round < 2 ? round : 2 + OBJECT_KIND_COUNT - 1);
        if (round < 2)
            informer_suspect(rig->informer, OBJECT_WEBHOOK);
    }
}

static void a_long_list_is_applied_in_slices(void **state)
{
    struct rig *rig = *state;
    rig->sink->begin(rig->arg, OBJECT_WEBHOOK);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "w%d", i);
        put(rig, name, name, 10 + i);
    }
    rig->sink->end(rig->arg, OBJECT_WEBHOOK);
    fake_loop_run(rig->loop);
    assert_int_equal(cache_count(informer_cache(rig->informer), OBJECT_WEBHOOK), 2000);
    assert_true(informer_is_complete(rig->informer, OBJECT_WEBHOOK));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_of_a_list_counts_before_its_end),
        TEST(a_list_that_breaks_off_deletes_nothing),
        TEST(a_complete_list_deletes_what_it_does_not_hold),
        TEST(absence_proves_something_again_after_a_resumed_watch),
        TEST(an_older_version_never_replaces_a_newer_one),
        TEST(a_complete_list_is_the_truth_even_if_it_looks_older),
        TEST(a_complete_list_of_a_part_is_the_truth_too),
        TEST(what_is_followed_is_the_truth_even_if_it_looks_older),
        TEST(another_uid_is_a_deletion_and_a_creation),
        TEST(the_deletion_of_an_earlier_incarnation_is_ignored),
        TEST(a_write_of_ours_is_seen_at_once_and_not_undone),
        TEST(a_write_of_ours_brings_nothing_back),
        TEST(a_followed_secret_is_known_only_when_told),
        TEST(versions_that_have_gone_back_make_all_kinds_suspect),
        TEST(what_is_told_of_a_secret_that_was_let_go_is_not_kept),
        TEST(a_long_list_is_applied_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
