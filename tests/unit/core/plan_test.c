/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static enum plan_found whose(const char *text)
{
    struct marker marker = {0};
    enum plan_found found = plan_whose(span_of(text), "grapnel", "c-1", &marker);
    marker_fini(&marker);
    return found;
}

static void only_our_owner_in_our_cluster_is_ours(void **state)
{
    (void)state;
    static const char rest[] =
        "\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\",\"hash\":\"h\",\"n\":0}";
    CLEANUP(freep)
    char *ours = xasprintf("{\"v\":1,\"owner\":\"grapnel\",\"cluster\":\"c-1\",%s", rest);
    CLEANUP(freep)
    char *owner = xasprintf("{\"v\":1,\"owner\":\"other\",\"cluster\":\"c-1\",%s", rest);
    CLEANUP(freep)
    char *cluster = xasprintf("{\"v\":1,\"owner\":\"grapnel\",\"cluster\":\"c-2\",%s", rest);
    CLEANUP(freep)
    char *version = xasprintf("{\"v\":2,\"owner\":\"grapnel\",\"cluster\":\"c-1\",%s", rest);
    assert_int_equal(whose(ours), PLAN_OURS);
    assert_int_equal(whose(owner), PLAN_OTHERS);
    assert_int_equal(whose(cluster), PLAN_OTHERS);
    assert_int_equal(whose(version), PLAN_OTHERS);
    assert_int_equal(whose("null"), PLAN_OTHERS);
    assert_int_equal(whose("{}"), PLAN_OTHERS);
    assert_int_equal(whose(""), PLAN_UNMARKED);
}

static enum plan_form form(const char *path, const char *target)
{
    CLEANUP(freep)
    char *text =
        xasprintf("{\"api_id\":\"id\",\"proxy\":{\"listen_path\":\"%s\",\"target_url\":\"%s\"}}",
                  path, target);
    struct definition definition;
    definition_read(span_of(text), API_CLASSIC, &definition);
    return plan_compare(&definition, "id", "/p/", "http://u/");
}

static void a_definition_that_lost_its_path_or_target_is_broken(void **state)
{
    (void)state;
    assert_int_equal(form("/p/", "http://u/"), PLAN_FORM_GOOD);
    assert_int_equal(form("/p/-id", "http://u/"), PLAN_FORM_RENAMED);
    assert_int_equal(form("", "http://u/"), PLAN_FORM_BROKEN);
    assert_int_equal(form("/p/", ""), PLAN_FORM_BROKEN);
    assert_int_equal(form("/p/-id", ""), PLAN_FORM_BROKEN);

    struct definition truncated;
    definition_read(span_of("{\"x-tyk-api-gateway\":{\"info\":{\"id\":\"id\"},\"server\":{}}}"),
                    API_OAS, &truncated);
    assert_int_equal(plan_compare(&truncated, "id", "/p/", "http://u/"), PLAN_FORM_BROKEN);
    assert_int_equal(plan_compare(&truncated, "id", "/p/", ""), PLAN_FORM_BROKEN);
}

struct row {
    struct plan_case plan_case;
    enum plan_step step;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (plan_decide(&rows[i].plan_case) != rows[i].step)
            fail_msg("row %zu", i);
    }
}

static void what_is_wanted_is_pushed_unless_it_is_there(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{.wish = PLAN_WANTED, .found = PLAN_ABSENT}, PLAN_POST},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .same = true}, PLAN_LEAVE},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS}, PLAN_POST},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .form = PLAN_FORM_RENAMED}, PLAN_POST},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .same = true, .form = PLAN_FORM_RENAMED},
         PLAN_POST_RAISED},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .same = true, .form = PLAN_FORM_BROKEN},
         PLAN_POST},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void foreign_definitions_are_never_pushed_over_without_both_consents(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{.wish = PLAN_WANTED, .found = PLAN_UNMARKED}, PLAN_FOREIGN},
        {{.wish = PLAN_WANTED, .found = PLAN_OTHERS}, PLAN_FOREIGN},
        {{.wish = PLAN_WANTED, .found = PLAN_UNMARKED, .may_adopt = true}, PLAN_POST},
        {{.wish = PLAN_WANTED, .found = PLAN_OTHERS, .may_adopt = true}, PLAN_FOREIGN},
        {{.wish = PLAN_UNWANTED, .found = PLAN_UNMARKED}, PLAN_FORGET},
        {{.wish = PLAN_UNWANTED, .found = PLAN_OTHERS}, PLAN_FORGET},
        {{.wish = PLAN_UNACCOUNTED, .found = PLAN_UNMARKED}, PLAN_FORGET},
        {{.wish = PLAN_UNACCOUNTED, .found = PLAN_OTHERS, .may_adopt = true}, PLAN_FORGET},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void
a_listen_path_that_somebody_else_holds_stops_a_push_but_not_what_is_settled(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{.wish = PLAN_WANTED, .found = PLAN_ABSENT, .path_is_taken = true}, PLAN_PATH_TAKEN},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .path_is_taken = true}, PLAN_PATH_TAKEN},
        {{.wish = PLAN_WANTED,
          .found = PLAN_OURS,
          .same = true,
          .form = PLAN_FORM_RENAMED,
          .path_is_taken = true},
         PLAN_PATH_TAKEN},
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .same = true, .path_is_taken = true},
         PLAN_LEAVE},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void only_what_is_ours_and_unwanted_is_deleted(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{.wish = PLAN_UNWANTED, .found = PLAN_OURS}, PLAN_DELETE},
        {{.wish = PLAN_UNWANTED, .found = PLAN_ABSENT}, PLAN_FORGET},
        {{.wish = PLAN_LEAVING, .found = PLAN_OURS}, PLAN_HOLD},
        {{.wish = PLAN_KEPT, .found = PLAN_OURS}, PLAN_HOLD},
        {{.wish = PLAN_KEPT, .found = PLAN_ABSENT}, PLAN_FORGET},
        {{.wish = PLAN_UNACCOUNTED, .found = PLAN_OURS}, PLAN_ORPHAN},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void what_is_newer_than_what_is_known_is_left_for_now(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .is_behind = true}, PLAN_AWAIT},
        {{.wish = PLAN_WANTED, .found = PLAN_ABSENT, .is_behind = true}, PLAN_AWAIT},
        {{.wish = PLAN_UNWANTED, .found = PLAN_OURS, .is_behind = true}, PLAN_AWAIT},
        {{.wish = PLAN_LEAVING, .found = PLAN_OURS, .is_behind = true}, PLAN_HOLD},
        /* The same content: newer is only what was said of it. */
        {{.wish = PLAN_WANTED, .found = PLAN_OURS, .same = true, .is_behind = true}, PLAN_LEAVE},
        {{.wish = PLAN_WANTED,
          .found = PLAN_OURS,
          .same = true,
          .form = PLAN_FORM_BROKEN,
          .is_behind = true},
         PLAN_POST},
        {{.wish = PLAN_WANTED, .found = PLAN_OTHERS, .is_behind = true}, PLAN_FOREIGN},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void everything_is_read_when_more_than_a_quarter_changed(void **state)
{
    (void)state;
    assert_false(plan_reads_all(0, 0));
    assert_false(plan_reads_all(1, 1));
    assert_false(plan_reads_all(4, 4));
    assert_true(plan_reads_all(5, 5));
    assert_false(plan_reads_all(125, 500));
    assert_true(plan_reads_all(126, 500));
}

static void more_than_five_and_a_fifth_is_a_mass_deletion(void **state)
{
    (void)state;
    assert_false(plan_is_mass_deletion(5, 5));
    assert_true(plan_is_mass_deletion(6, 10));
    assert_false(plan_is_mass_deletion(100, 500));
    assert_true(plan_is_mass_deletion(101, 500));
    /* Of a folder, all of them too, however few. */
    assert_false(plan_is_mass_deletion_in_folder(0, 0));
    assert_true(plan_is_mass_deletion_in_folder(1, 1));
    assert_true(plan_is_mass_deletion_in_folder(5, 5));
    assert_false(plan_is_mass_deletion_in_folder(5, 6));
    assert_true(plan_is_mass_deletion_in_folder(6, 10));
}

static void a_batch_closes_when_the_queue_is_empty(void **state)
{
    (void)state;
    struct plan_batch batch = {.age_ms = 10, .quiet_ms = 50, .queue_is_empty = true};
    assert_true(plan_batch_closes(&batch));
    batch.queue_is_empty = false;
    assert_false(plan_batch_closes(&batch));
}

static void a_users_edit_waits_five_seconds_at_most(void **state)
{
    (void)state;
    struct plan_batch batch = {.age_ms = 4999, .user_waits = true};
    assert_false(plan_batch_closes(&batch));
    assert_int_equal(plan_batch_closes_in(&batch), 1);
    batch.age_ms = 5000;
    assert_true(plan_batch_closes(&batch));
    batch.user_queued = true;
    assert_false(plan_batch_closes(&batch));
    batch.user_queued = false;
    batch.user_waits = false;
    assert_false(plan_batch_closes(&batch));
}

static void a_batch_never_stays_open_for_more_than_thirty_seconds(void **state)
{
    (void)state;
    struct plan_batch batch = {.age_ms = 29999, .user_queued = true, .expects_more = true};
    assert_false(plan_batch_closes(&batch));
    assert_int_equal(plan_batch_closes_in(&batch), 1);
    batch.age_ms = 30000;
    assert_true(plan_batch_closes(&batch));
}

static void a_batch_stays_open_a_little_for_what_is_expected(void **state)
{
    (void)state;
    struct plan_batch batch = {
        .age_ms = 1000, .quiet_ms = 299, .queue_is_empty = true, .expects_more = true};
    assert_false(plan_batch_closes(&batch));
    assert_int_equal(plan_batch_closes_in(&batch), 1);
    batch.quiet_ms = 300;
    assert_true(plan_batch_closes(&batch));
    batch = (struct plan_batch){.age_ms = 1000, .quiet_ms = 49, .queue_is_empty = true};
    assert_false(plan_batch_closes(&batch));
    assert_int_equal(plan_batch_closes_in(&batch), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_owner_in_our_cluster_is_ours),
        cmocka_unit_test(a_definition_that_lost_its_path_or_target_is_broken),
        cmocka_unit_test(what_is_wanted_is_pushed_unless_it_is_there),
        cmocka_unit_test(foreign_definitions_are_never_pushed_over_without_both_consents),
        cmocka_unit_test(
            a_listen_path_that_somebody_else_holds_stops_a_push_but_not_what_is_settled),
        cmocka_unit_test(only_what_is_ours_and_unwanted_is_deleted),
        cmocka_unit_test(what_is_newer_than_what_is_known_is_left_for_now),
        cmocka_unit_test(everything_is_read_when_more_than_a_quarter_changed),
        cmocka_unit_test(more_than_five_and_a_fifth_is_a_mass_deletion),
        cmocka_unit_test(a_batch_closes_when_the_queue_is_empty),
        cmocka_unit_test(a_users_edit_waits_five_seconds_at_most),
        cmocka_unit_test(a_batch_never_stays_open_for_more_than_thirty_seconds),
        cmocka_unit_test(a_batch_stays_open_a_little_for_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
