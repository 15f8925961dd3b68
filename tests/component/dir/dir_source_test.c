/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json_text.h"
#include "support/log_capture.h"

/* ---- the first list ---- */

static void the_first_pass_is_a_complete_list(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("pager", ""));
    temp_write(&fixture->folder, "d/sub/b.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\napiVersion: v1\nkind: "
               "Service\nmetadata: {name: s}\n");
    fixture_start(fixture);
    /* Secrets only when they are asked for, other kinds only when they are wanted. */
    check_told(fixture, LISTS("put Webhook default/pager g1\n"));
    assert_true(fixture->source->ops->watches(fixture->source, "anything"));
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buf_fini) struct buf expected;
    buf_init(&expected, BUF_UNLIMITED);
    for (int i = 0; i < 40; i++) {
        char path[32];
        char text[128];
        int number = 10 + i * 17 % 40;
        snprintf(path, sizeof(path), "d/%d.yaml", number);
        snprintf(text, sizeof(text),
                 "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: h%d}\nspec: "
                 "{url: https://h}\n",
                 number);
        temp_write(&fixture->folder, path, text);
        buf_add_format(&expected, "put Webhook default/h%d g1\n", 10 + i);
    }
    fixture_start(fixture);
    assert_non_null(strstr(buf_text(&fixture->told), buf_text(&expected)));
}

static void an_empty_folder_is_an_empty_list(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    check_told(fixture, LISTS(""));
    fake_loop_advance(fixture->loop, 200000);
    check_told(fixture, "");
}

static void a_path_that_is_no_folder_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    CLEANUP(freep) char *state_path = temp_path(&fixture->folder, "s");
    assert_int_equal(dir_state_open(state_path, &fixture->state, &err), 0);
    CLEANUP(freep) char *nowhere = temp_path(&fixture->folder, "nowhere");
    struct dir_source_options options = {.path = nowhere};
    assert_int_equal(
        dir_source_new(fixture->loop, fixture->state, &options, &fixture->source, &err), -1);
    assert_int_equal(err.class, ERR_NOT_FOUND);
    temp_write(&fixture->folder, "file", "");
    CLEANUP(freep) char *file = temp_path(&fixture->folder, "file");
    options.path = file;
    assert_int_equal(
        dir_source_new(fixture->loop, fixture->state, &options, &fixture->source, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

/* ---- following ---- */

static void changes_are_told_once_they_have_settled(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "") "---\n" HOOK("b", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));

    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "") "---\n" HOOK("b", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/b g2\n");

    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/c g1\n");

    temp_write(&fixture->folder, "d/a.yaml", HOOK("b", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture, "gone Webhook default/a\n");

    temp_unlink(&fixture->folder, "d/c.yaml");
    fixture_settle(fixture);
    check_told(fixture, "gone Webhook default/c\n");
}

static void each_change_moves_the_settling_but_not_for_ever(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    check_told(fixture, LISTS(""));
    for (int i = 0; i < 5; i++) {
        temp_write(&fixture->folder, "d/a.yaml", i % 2 ? HOOK("a", "") : "a: [");
        fake_loop_readable(fixture->loop, inotify_descriptor());
        fake_loop_advance(fixture->loop, 900);
        check_told(fixture, "");
    }
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fake_loop_readable(fixture->loop, inotify_descriptor());
    fake_loop_advance(fixture->loop, 499);
    check_told(fixture, "");
    fake_loop_advance(fixture->loop, 1);
    check_told(fixture, "put Webhook default/a g1\n");
}

static void only_content_makes_a_generation(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    /* Comments and blanks are no change at all. */
    temp_write(&fixture->folder, "d/a.yaml", "# comment\n" HOOK("a", ""));
    fixture_settle(fixture);
    check_told(fixture, "");
    /* A label is one, but no generation; a status in a manifest is none. */
    temp_write(
        &fixture->folder, "d/a.yaml",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a, labels: {x: z}}\n"
        "spec:\n  url: https://a.example/\nstatus: {id: forged}\n");
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n");
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_null(json_text_get(object_text(object), "status", "id", NULL).ptr);
    assert_string_equal(object->uid, "default/a");
    assert_int_equal(object->created, 1767225600);
    temp_write(
        &fixture->folder, "d/a.yaml",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a, labels: {x: z}}\n"
        "spec:\n  url: https://a.example/\nstatus: {id: another}\n");
    fixture_settle(fixture);
    check_told(fixture, "");
}

static void new_folders_renames_and_removals_are_seen(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/new/deep/b.yaml", HOOK("b", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/b g1\n");
    temp_write(&fixture->folder, "d/new/deep/c.yaml", HOOK("c", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/c g1\n");
    /* A moved file or folder changes nothing. */
    temp_rename(&fixture->folder, "d/a.yaml", "d/z.yaml");
    fixture_settle(fixture);
    check_told(fixture, "");
    temp_rename(&fixture->folder, "d/new/deep", "d/moved");
    fixture_settle(fixture);
    check_told(fixture, "");
    temp_write(&fixture->folder, "d/moved/b.yaml", HOOK("b", "  method: PUT\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/b g2\n");
    /* Out of the tree: gone. */
    temp_rename(&fixture->folder, "d/moved", "elsewhere");
    fixture_settle(fixture);
    check_told(fixture, "gone Webhook default/b\ngone Webhook default/c\n");
    temp_write(&fixture->folder, "elsewhere/b.yaml", HOOK("b", ""));
    fake_loop_readable(fixture->loop, inotify_descriptor());
    fake_loop_advance(fixture->loop, 2000);
    check_told(fixture, "");
}

static void the_ways_of_editors_to_save_are_seen(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    /* vim: a backup, then a new file of the old name. */
    temp_write(&fixture->folder, "d/.a.yaml.swp", "swap");
    temp_rename(&fixture->folder, "d/a.yaml", "d/a.yaml~");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    temp_unlink(&fixture->folder, "d/a.yaml~");
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
    /* In capitals, as on systems that do not tell them apart. */
    temp_write(&fixture->folder, "d/B.YAML", HOOK("b", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/b g1\n");
    /* A temporary file, renamed into place. */
    temp_write(&fixture->folder, "d/.tmp123", HOOK("a", "  method: PUT\n"));
    temp_rename(&fixture->folder, "d/.tmp123", "d/a.yaml");
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
    /* Emptied, then written. */
    temp_write(&fixture->folder, "d/a.yaml", "");
    fake_loop_readable(fixture->loop, inotify_descriptor());
    fake_loop_advance(fixture->loop, 500);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: PATCH\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g4\n");
}

static void a_mounted_config_map_is_followed(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/..1/a.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "..1", "d/..data");
    temp_link(&fixture->folder, "..data/a.yaml", "d/a.yaml");
    temp_write(&fixture->folder, "d/..2/a.yaml", HOOK("a", "  method: GET\n"));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_link(&fixture->folder, "..2", "d/..data_tmp");
    temp_rename(&fixture->folder, "d/..data_tmp", "d/..data");
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
}

static void another_folder_in_its_place_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    /* As git-sync turns a link round, outside the folder that is watched. */
    temp_rename(&fixture->folder, "d", "one");
    temp_write(&fixture->folder, "one/a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "two/a.yaml", HOOK("a", "  method: GET\n"));
    temp_link(&fixture->folder, "one", "d");
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_link(&fixture->folder, "two", "link");
    temp_rename(&fixture->folder, "link", "d");
    fake_loop_advance(fixture->loop, 5000);
    check_told(fixture, "put Webhook default/a g2\n");
    /* And the new one is watched. */
    temp_write(&fixture->folder, "two/a.yaml", HOOK("a", "  method: PUT\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
}

static void what_inotify_does_not_tell_is_seen_within_a_minute(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "target.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "../target.yaml", "d/a.yaml");
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "target.yaml", HOOK("a", "  method: GET\n"));
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, "put Webhook default/a g2\n");
}

static void lost_events_lead_to_a_look_at_everything(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    check_told(fixture, LISTS(""));
    /* More events than the kernel's queue holds. */
    for (int i = 0; i < 20000; i++) {
        CLEANUP(freep) char *name = xasprintf("d/f%d", i % 4);
        temp_write(&fixture->folder, name, "");
    }
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    for (int i = 0; i < 1000; i++)
        fake_loop_readable(fixture->loop, inotify_descriptor());
    fake_loop_advance(fixture->loop, 1000);
    check_told(fixture, "put Webhook default/a g1\n");
}

/* ---- bad input ---- */

static void a_refused_manifest_is_told_with_its_problem(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: get\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g2 d/a.yaml:6: spec.method: \"get\" is not one of "
                        "GET, PUT, POST, PATCH, DELETE "
                        "(did you mean GET?)\n");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
}

static void rules_of_change_compare_with_what_was_accepted(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: one\n"));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    static const char refused[] = " d/a.yaml:6: spec.id: spec.id does not change once it is set; "
                                  "make a new Webhook for another id\n";
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: two\n"));
    fixture_settle(fixture);
    CLEANUP(freep) char *first = xasprintf("put Webhook default/a g2%s", refused);
    check_told(fixture, first);
    /* That it is there now does not make it accepted. */
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: two\n  method: GET\n"));
    fixture_settle(fixture);
    CLEANUP(freep) char *second = xasprintf("put Webhook default/a g3%s", refused);
    check_told(fixture, second);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: one\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g4\n");
}

static void objects_that_stand_twice_are_refused_until_one_goes(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/b.yaml", "# second\n" HOOK("a", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g1 d/a.yaml:1: metadata.name: Webhook default/a "
                        "stands twice, also at "
                        "d/b.yaml:2 (remove or rename one of them)\n");
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    /* The first goes: the second counts now. */
    temp_unlink(&fixture->folder, "d/a.yaml");
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
    /* Within one file, and from the start. */
    temp_write(&fixture->folder, "d/b.yaml", HOOK("a", "") "---\n" HOOK("a", ""));
    fixture_restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1 d/b.yaml:1: metadata.name: Webhook "
                              "default/a stands twice, also at "
                              "d/b.yaml:7 (remove or rename one of them)\n"));
    temp_write(&fixture->folder, "d/b.yaml", HOOK("a", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n");
}

static void pipes_devices_and_links_to_folders_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *pipe = temp_path(&fixture->folder, "d/pipe.yaml");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    temp_link(&fixture->folder, "/dev/zero", "d/zero.yaml");
    temp_link(&fixture->folder, ".", "d/loop");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
}

static size_t times_passed_over(struct fixture *fixture)
{
    struct log_capture capture;
    log_capture_start(&capture);
    fake_loop_advance(fixture->loop, 61000); /* a look at everything */
    CLEANUP(freep) char *lines = log_capture_end(&capture);
    size_t count = 0;
    for (const char *at = lines; (at = strstr(at, "passed over\",")); at++)
        count++;
    return count;
}

/* Names that come and go are not remembered for ever: one that comes again is told again. */
static void what_is_passed_over_is_told_once_while_it_is_there(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *pipe = temp_path(&fixture->folder, "d/pipe.yaml");
    fixture_start(fixture);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mkfifo(pipe, 0600), 0);
        assert_int_equal(times_passed_over(fixture), 1);
        assert_int_equal(times_passed_over(fixture), 0);
        temp_unlink(&fixture->folder, "d/pipe.yaml");
        assert_int_equal(times_passed_over(fixture), 0);
    }
}

/* ---- Secrets and ConfigMaps ---- */

static void secrets_are_told_to_who_follows_them(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}\n");
    fixture_open(fixture, false);
    fixture_begin(fixture);
    fixture->source->ops->follow(fixture->source, OBJECT_SECRET, "default/s");
    fake_loop_run(fixture->loop);
    check_told(fixture, LISTS("put Secret default/s g1\n"));
    fixture->source->ops->follow(fixture->source, OBJECT_CONFIGMAP, "default/c");
    fixture->source->ops->follow(fixture->source, OBJECT_SECRET, "default/s");
    check_told(fixture, "");
    fake_loop_run(fixture->loop);
    check_told(fixture, "missing ConfigMap default/c\n");
    temp_write(&fixture->folder, "d/b.yaml",
               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    fixture_settle(fixture);
    check_told(fixture, "put ConfigMap default/c g1\n");
    temp_unlink(&fixture->folder, "d/b.yaml");
    fixture_settle(fixture);
    check_told(fixture, "missing ConfigMap default/c\n");
    fixture->source->ops->unfollow(fixture->source, OBJECT_SECRET, "default/s");
    temp_unlink(&fixture->folder, "d/a.yaml");
    fixture_settle(fixture);
    check_told(fixture, "");
}

static void what_is_asked_for_anew_is_read_anew(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    buf_clear(&fixture->told);
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    fake_loop_advance(fixture->loop, 2000);
    check_told(fixture, "");
    fixture->source->ops->relist(fixture->source, OBJECT_WEBHOOK);
    fake_loop_advance(fixture->loop, 2000);
    check_told(fixture, "put Webhook default/b g1\n");
}

/* ---- across restarts ---- */

static void generation_and_age_outlive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
    struct err err;
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    static const char status[] = "{\"id\":\"x\"}";
    struct dir_write *write =
        dir_write_begin(fixture->state, object, (struct span){status, strlen(status)}, &err);
    assert_non_null(write);
    object = dir_write_finish(write, &err);
    assert_non_null(object);
    CLEANUP(freep) char *version = xstrdup(object->version);
    int64_t created = object->created;
    /* The same pass over again tells the same version. */
    fake_loop_advance(fixture->loop, 3600000);
    fixture_restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g2\n"));
    object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_string_equal(object->version, version);
    assert_int_equal(object->created, created);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
    /* Changed while nobody looked. */
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: PUT\n"));
    fixture_restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g3\n"));
}

static void statuses_of_objects_that_went_meanwhile_are_removed(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    fixture_start(fixture);
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    write_status(fixture, OBJECT_WEBHOOK, "default/b");
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    fixture_stop(fixture);
    temp_unlink(&fixture->folder, "d/a.yaml");
    /* Not while something cannot be read. */
    temp_write(&fixture->folder, "d/c.yaml", "x: [");
    fixture_restart(fixture);
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    temp_unlink(&fixture->folder, "d/c.yaml");
    fixture_restart(fixture);
    assert_false(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.b.yaml"));
    /* A deletion that is seen removes it at once. */
    temp_unlink(&fixture->folder, "d/b.yaml");
    buf_clear(&fixture->told);
    fixture_settle(fixture);
    assert_false(temp_exists(&fixture->folder, "s/status/Webhook.default.b.yaml"));
}

static void the_state_folder_may_lie_among_the_manifests(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_mkdir(&fixture->folder, "d/state");
    temp_link(&fixture->folder, "d/state", "s");
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    assert_true(temp_exists(&fixture->folder, "d/state/status/Webhook.default.a.yaml"));
    fixture_restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
}

static void a_source_can_be_freed_at_any_time(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 3);
    fixture_open(fixture, false);
    fixture_stop(fixture);
    fixture_open(fixture, false);
    fixture_begin(fixture);
    fixture_stop(fixture);
    fake_loop_run(fixture->loop);
    check_told(fixture, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_pass_is_a_complete_list),
        TEST(files_are_read_in_the_order_of_their_names),
        TEST(an_empty_folder_is_an_empty_list),
        TEST(a_path_that_is_no_folder_is_refused),
        TEST(changes_are_told_once_they_have_settled),
        TEST(each_change_moves_the_settling_but_not_for_ever),
        TEST(only_content_makes_a_generation),
        TEST(new_folders_renames_and_removals_are_seen),
        TEST(the_ways_of_editors_to_save_are_seen),
        TEST(a_mounted_config_map_is_followed),
        TEST(another_folder_in_its_place_is_noticed),
        TEST(what_inotify_does_not_tell_is_seen_within_a_minute),
        TEST(lost_events_lead_to_a_look_at_everything),
        TEST(a_refused_manifest_is_told_with_its_problem),
        TEST(rules_of_change_compare_with_what_was_accepted),
        TEST(objects_that_stand_twice_are_refused_until_one_goes),
        TEST(pipes_devices_and_links_to_folders_are_passed_over),
        TEST(what_is_passed_over_is_told_once_while_it_is_there),
        TEST(what_is_asked_for_anew_is_read_anew),
        TEST(secrets_are_told_to_who_follows_them),
        TEST(generation_and_age_outlive_a_restart),
        TEST(statuses_of_objects_that_went_meanwhile_are_removed),
        TEST(the_state_folder_may_lie_among_the_manifests),
        TEST(a_source_can_be_freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
