/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions of many, or of the last, wait until somebody confirms them. */
#include "fixture.h"

#include <string.h>

static void an_emptied_folder_is_a_mass_deletion(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 10);
    temp_write(&fixture->folder, "d/hook.yaml", HOOK("a", ""));
    fixture_start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 10);
    temp_unlink(&fixture->folder, "d/hook.yaml");
    fixture_settle(fixture);
    check_told(fixture, TROUBLE);
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, TROUBLE);
    /* Most are back: those that are not are gone. */
    write_apis(fixture, 8);
    fixture_settle(fixture);
    CLEANUP(freep) char *lines = xstrdup(buf_text(&fixture->told));
    buf_clear(&fixture->told);
    assert_non_null(strstr(lines, "gone ApiDefinition default/api8\n"));
    assert_non_null(strstr(lines, "gone ApiDefinition default/api9\n"));
    assert_non_null(strstr(lines, "gone Webhook default/a\n"));
    assert_non_null(strstr(lines, RESUMED));
    assert_null(strstr(lines, "put"));
}

static void up_to_five_may_go_at_once(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 6);
    fixture_start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 5);
    fixture_settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "trouble"));
    assert_non_null(strstr(buf_text(&fixture->told), "gone ApiDefinition default/api4\n"));
}

static void the_last_apis_wait_for_a_confirmation_however_few_they_are(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 2);
    temp_write(&fixture->folder, "d/hook.yaml", HOOK("a", ""));
    fixture_start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 2);
    fixture_settle(fixture);
    check_told(fixture, TROUBLE);
    write_apis(fixture, 1);
    fixture_settle(fixture);
    check_told(fixture, "gone ApiDefinition default/api1\n" RESUMED);
    unlink_apis(fixture, 0, 1);
    fixture_settle(fixture);
    check_told(fixture, TROUBLE);
}

static void a_mass_deletion_that_is_confirmed_is_told(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 10);
    fixture_open(fixture, true);
    fixture_begin(fixture);
    fake_loop_run(fixture->loop);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 10);
    fixture_settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "trouble"));
    assert_non_null(strstr(buf_text(&fixture->told), "gone ApiDefinition default/api9\n"));
}

static void statuses_are_kept_when_most_objects_went_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 8);
    fixture_start(fixture);
    for (int i = 0; i < 8; i++) {
        CLEANUP(freep) char *key = xasprintf("default/api%d", i);
        write_status(fixture, OBJECT_API, key);
    }
    fixture_stop(fixture);
    unlink_apis(fixture, 0, 8);
    fixture_restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    assert_true(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api7.yaml"));
    /* Most are back: what is not is forgotten. */
    write_apis(fixture, 7);
    fixture_settle(fixture);
    assert_non_null(strstr(buf_text(&fixture->told), RESUMED));
    assert_true(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api6.yaml"));
    assert_false(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api7.yaml"));
}

/* The gateways' own guard counts what they hold, and would let five go. */
static void
a_folder_that_was_emptied_meanwhile_is_a_mass_deletion_however_few_there_were(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 2);
    fixture_start(fixture);
    write_status(fixture, OBJECT_API, "default/api0");
    write_status(fixture, OBJECT_API, "default/api1");
    fixture_stop(fixture);
    unlink_apis(fixture, 0, 2);
    fixture_restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    fixture_restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    fixture_stop(fixture);
    fixture_open(fixture, true);
    fixture_begin(fixture);
    fake_loop_run(fixture->loop);
    check_told(fixture, LISTS(""));
    assert_false(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api0.yaml"));
    fixture_restart(fixture);
    check_told(fixture, LISTS(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_emptied_folder_is_a_mass_deletion),
        TEST(up_to_five_may_go_at_once),
        TEST(the_last_apis_wait_for_a_confirmation_however_few_they_are),
        TEST(a_folder_that_was_emptied_meanwhile_is_a_mass_deletion_however_few_there_were),
        TEST(a_mass_deletion_that_is_confirmed_is_told),
        TEST(statuses_are_kept_when_most_objects_went_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
