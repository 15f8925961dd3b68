/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "dir/dir_state.h"
#include "dir/dir_store.h"
#include "support/fake_loop.h"
#include "support/log_capture.h"
#include "support/temp_folder.h"

#define NOW 1767225600

struct fixture {
    struct temp_folder folder;
    struct loop *loop;
    struct dir_state *state;
    struct object_store *store;
    struct buf told; /* a line an answer */
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    temp_folder_make(&fixture->folder);
    fixture->loop = fake_loop_new(1);
    buf_init(&fixture->told, BUF_UNLIMITED);
    log_setup(LOG_LEVEL_ERROR + 1, true);
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    if (fixture->store)
        fixture->store->ops->free(fixture->store);
    fixture->store = NULL;
    dir_state_free(fixture->state);
    fixture->state = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    stop(fixture);
    fake_loop_free(fixture->loop);
    buf_fini(&fixture->told);
    temp_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static int open_state(struct fixture *fixture, struct err *err)
{
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "deep/state");
    return dir_state_open(path, &fixture->state, err);
}

static void start(struct fixture *fixture)
{
    struct err err;
    if (open_state(fixture, &err) < 0)
        fail_msg("%s", err.msg);
    fixture->store = dir_store_new(fixture->loop, fixture->state);
}

/* Borrowed. */
static const struct object *put(struct fixture *fixture, enum object_kind kind, const char *text)
{
    struct object *object = NULL;
    assert_int_equal(object_new(kind, (struct span){text, strlen(text)}, NULL, &object, NULL), 0);
    const struct object *joined = dir_state_put(fixture->state, object, NOW);
    object_unref(object);
    return joined;
}

static const struct object *put_hook(struct fixture *fixture, const char *name)
{
    CLEANUP(freep)
    char *text = xasprintf(
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\"},\"spec\":{\"url\":\"http://a/\"}}",
        name);
    return put(fixture, OBJECT_WEBHOOK, text);
}

static void on_done(void *arg, const struct object *object, const struct err *err)
{
    struct fixture *fixture = arg;
    if (err) {
        assert_null(object);
        buf_add_format(&fixture->told, "%s\n", err_class_name(err->class));
        return;
    }
    if (!object)
        fail_msg("neither an object nor an error");
    CLEANUP(freep)
    char *id = json_text_string(json_text_get(object_text(object), "status", "id", NULL));
    buf_add_format(&fixture->told, "%s %s\n", object->key, id ? id : "-");
}

static struct store_call *write_status(struct fixture *fixture, const struct object *object,
                                       const char *status)
{
    return fixture->store->ops->write_status(
        fixture->store, object, (struct span){status, strlen(status)}, on_done, fixture);
}

static void check_told(struct fixture *fixture, const char *want)
{
    assert_string_equal(buf_text(&fixture->told), want);
    buf_clear(&fixture->told);
}

/* ---- the folder ---- */

static void the_state_folder_is_made_once(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    CLEANUP(freep) char *id = xstrdup(dir_state_id(fixture->state));
    struct seal_key key = *dir_state_seal_key(fixture->state);
    assert_int_equal(strlen(id), 32);
    assert_true(temp_exists(&fixture->folder, "deep/state/status"));
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "deep/state/seal.key");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    stop(fixture);
    /* It may lie in a working copy: git takes nothing of it. What somebody wrote there stays. */
    CLEANUP(freep) char *ignored = temp_read(&fixture->folder, "deep/state/.gitignore");
    assert_string_equal(ignored, "*\n");
    temp_unlink(&fixture->folder, "deep/state/.gitignore");
    start(fixture);
    assert_true(temp_exists(&fixture->folder, "deep/state/.gitignore"));
    stop(fixture);
    temp_write(&fixture->folder, "deep/state/.gitignore", "seal.key\n");
    /* Too open a key is closed again. */
    assert_int_equal(chmod(path, 0644), 0);
    start(fixture);
    assert_string_equal(dir_state_id(fixture->state), id);
    assert_memory_equal(dir_state_seal_key(fixture->state)->bytes, key.bytes, sizeof(key.bytes));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(dir_state_is(fixture->state, dir_state_path(fixture->state)));
    assert_false(dir_state_is(fixture->state, fixture->folder.path));
    CLEANUP(freep) char *own = temp_read(&fixture->folder, "deep/state/.gitignore");
    assert_string_equal(own, "seal.key\n");
}

static void two_processes_do_not_share_a_state_folder(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct err err;
    struct dir_state *other = NULL;
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "deep/state");
    assert_int_equal(dir_state_open(path, &other, &err), -1);
    assert_null(other);
    assert_int_equal(err.class, ERR_CONFLICT);
    CLEANUP(freep)
    char *text = xasprintf("is in use by another grapnel, process %ld (stop it, or give this one a "
                           "folder of its own with --state-dir)",
                           (long)getpid());
    assert_non_null(strstr(err.msg, text));
    /* It is free again when the first is done. */
    stop(fixture);
    start(fixture);
}

static void a_damaged_key_is_not_replaced(void **state)
{
    struct fixture *fixture = *state;
    static const char *const damaged[] = {"", "xyz\n", "0123456789abcdef"};
    start(fixture);
    stop(fixture);
    for (size_t i = 0; i < ARRAY_LENGTH(damaged); i++) {
        temp_write(&fixture->folder, "deep/state/seal.key", damaged[i]);
        struct err err;
        assert_int_equal(open_state(fixture, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
        assert_non_null(strstr(err.msg, "seal.key is damaged (restore it; or remove it"));
    }
    temp_unlink(&fixture->folder, "deep/state/seal.key");
    start(fixture);
}

static void a_folder_that_cannot_be_made_is_told_with_the_remedy(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "deep", "a file");
    struct err err;
    assert_int_equal(open_state(fixture, &err), -1);
    assert_non_null(strstr(err.msg, "give a writable one with --state-dir"));
    assert_non_null(strstr(err.msg, "cannot be made: Not a directory"));
}

/* ---- statuses ---- */

static void a_status_is_written_and_joined(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    const struct object *object = put_hook(fixture, "a");
    assert_int_equal(object->generation, 1);
    assert_int_equal(object->created, NOW);
    int64_t observed = 0;
    assert_true(json_text_int64(
        json_text_get(object_text(object), "status", "observedGeneration", NULL), &observed));
    assert_int_equal(observed, -1);
    CLEANUP(freep) char *version = xstrdup(object->version);

    write_status(fixture, object,
                 "{\"id\": \"x\", \"conditions\": [{\"type\":\"Ready\",\"status\":\"True\"}]}");
    check_told(fixture, "");
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/a x\n");
    CLEANUP(freep) char *text = temp_read(&fixture->folder, "deep/state/status/Webhook.n.a.yaml");
    const char *line = strstr(text, "apiVersion");
    assert_non_null(line);
    static const char head[] = "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata:\n  name: "
                               "a\n  namespace: \"n\"\n  generation: 1\n"
                               "  creationTimestamp: \"2026-01-01T00:00:00Z\"\n";
    assert_memory_equal(line, head, sizeof(head) - 1);
    static const char tail[] =
        "status:\n  id: x\n  conditions:\n    - type: Ready\n      status: \"True\"\n";
    assert_string_equal(strstr(text, "status:"), tail);
    assert_false(temp_exists(&fixture->folder, "deep/state/status/Webhook.n.a.yaml.1.new"));

    object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "n/a");
    assert_string_not_equal(object->version, version);
    assert_int_equal(object->generation, 1);
    /* The manifest read again is the same version, status and all. */
    free(version);
    version = xstrdup(object->version);
    object = put_hook(fixture, "a");
    assert_string_equal(object->version, version);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
}

static void writes_on_a_stale_object_are_conflicts(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct object *stale = object_ref(put_hook(fixture, "a"));
    write_status(fixture, stale, "{\"id\":\"1\"}");
    write_status(fixture, stale, "{\"id\":\"2\"}");
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/a 1\nconflict\n");
    CLEANUP(freep) char *text = temp_read(&fixture->folder, "deep/state/status/Webhook.n.a.yaml");
    assert_non_null(strstr(text, "id: \"1\""));
    dir_state_remove(fixture->state, OBJECT_WEBHOOK, "n/a");
    write_status(fixture, stale, "{\"id\":\"3\"}");
    fake_loop_run(fixture->loop);
    check_told(fixture, "not-found\n");
    assert_false(temp_exists(&fixture->folder, "deep/state/status/Webhook.n.a.yaml"));
    object_unref(stale);
}

static void a_status_that_is_no_object_is_invalid(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    write_status(fixture, put_hook(fixture, "a"), "[]");
    write_status(fixture, put_hook(fixture, "a"), "");
    fake_loop_run(fixture->loop);
    check_told(fixture, "invalid\ninvalid\n");
}

static void a_disk_that_refuses_is_transient(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    const struct object *object = put_hook(fixture, "a");
    /* A folder in the way of the file: also root cannot write there. */
    temp_mkdir(&fixture->folder, "deep/state/status/Webhook.n.a.yaml");
    write_status(fixture, object, "{\"id\":\"1\"}");
    fake_loop_run(fixture->loop);
    check_told(fixture, "transient\n");
    object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "n/a");
    assert_null(json_text_get(object_text(object), "status", "id", NULL).ptr);
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "deep/state/status/Webhook.n.a.yaml");
    assert_int_equal(rmdir(path), 0);
    write_status(fixture, object, "{\"id\":\"1\"}");
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/a 1\n");
}

static void many_writes_are_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct buf want;
    buf_init(&want, BUF_UNLIMITED);
    for (int i = 0; i < 100; i++) {
        CLEANUP(freep) char *name = xasprintf("h%d", i);
        write_status(fixture, put_hook(fixture, name), "{\"id\":\"x\"}");
        buf_add_format(&want, "n/h%d x\n", i);
    }
    fake_loop_run(fixture->loop);
    check_told(fixture, buf_text(&want));
    buf_fini(&want);
}

static void a_cancelled_write_is_never_answered(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    write_status(fixture, put_hook(fixture, "a"), "{\"id\":\"x\"}");
    struct store_call *call = write_status(fixture, put_hook(fixture, "b"), "{\"id\":\"x\"}");
    fixture->store->ops->cancel(fixture->store, call);
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/a x\n");
    assert_false(temp_exists(&fixture->folder, "deep/state/status/Webhook.n.b.yaml"));
}

struct canceller {
    struct fixture *fixture;
    struct store_call *victim;
};

static void cancel_other(void *arg, const struct object *object, const struct err *err)
{
    struct canceller *canceller = arg;
    on_done(canceller->fixture, object, err);
    canceller->fixture->store->ops->cancel(canceller->fixture->store, canceller->victim);
}

static void a_write_can_be_cancelled_while_others_are_answered(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct canceller canceller = {.fixture = fixture};
    static const char status[] = "{\"id\":\"x\"}";
    fixture->store->ops->write_status(fixture->store, put_hook(fixture, "a"),
                                      (struct span){status, strlen(status)}, cancel_other,
                                      &canceller);
    canceller.victim = write_status(fixture, put_hook(fixture, "b"), status);
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/a x\n");
    /* And the list is whole after that. */
    write_status(fixture, put_hook(fixture, "c"), status);
    write_status(fixture, put_hook(fixture, "d"), status);
    fake_loop_run(fixture->loop);
    check_told(fixture, "n/c x\nn/d x\n");
}

static void what_waits_is_dropped_with_the_store(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    write_status(fixture, put_hook(fixture, "a"), "{\"id\":\"x\"}");
    fixture->store->ops->free(fixture->store);
    fixture->store = NULL;
    fake_loop_run(fixture->loop);
    check_told(fixture, "");
}

static void manifests_are_never_changed(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_false(fixture->store->ops->can_change(fixture->store));
    struct object_change change = {.add_finalizer = "x/y"};
    fixture->store->ops->change(fixture->store, put_hook(fixture, "a"), &change, on_done, fixture);
    fake_loop_run(fixture->loop);
    check_told(fixture, "invalid\n");
}

static void problems_do_not_make_generations_nor_lose_the_status(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    write_status(fixture, put_hook(fixture, "a"), "{\"id\":\"x\"}");
    fake_loop_run(fixture->loop);
    CLEANUP(freep)
    char *version = xstrdup(dir_state_get(fixture->state, OBJECT_WEBHOOK, "n/a")->version);
    const struct object *object =
        dir_state_set_problem(fixture->state, OBJECT_WEBHOOK, "n/a", "broken");
    assert_string_equal(object->problem, "broken");
    assert_string_not_equal(object->version, version);
    assert_int_equal(object->generation, 1);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
    assert_null(dir_state_accepted(fixture->state, OBJECT_WEBHOOK, "n/a")->problem);
    object = dir_state_set_problem(fixture->state, OBJECT_WEBHOOK, "n/a", NULL);
    assert_null(object->problem);
    assert_string_equal(object->version, version);
    assert_null(dir_state_set_problem(fixture->state, OBJECT_WEBHOOK, "n/z", NULL));
}

static void names_cannot_lead_out_of_the_folder(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    static const char *const names[] = {"../../../etc/x", "a/b", ".", "..", "A_B", "é"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        write_status(fixture, put_hook(fixture, names[i]), "{\"id\":\"x\"}");
    char longest[254];
    memset(longest, 'a', 253);
    longest[253] = '\0';
    write_status(fixture, put_hook(fixture, longest), "{\"id\":\"x\"}");
    longest[252] = 'b';
    write_status(fixture, put_hook(fixture, longest), "{\"id\":\"y\"}");
    fake_loop_run(fixture->loop);
    CLEANUP(freep) char *told = xstrdup(buf_text(&fixture->told));
    buf_clear(&fixture->told);
    assert_null(strstr(told, "transient"));
    assert_null(strstr(told, "conflict"));
    stop(fixture);
    start(fixture);
    /* Each is found again, also those that differ only behind what a file name holds. */
    const struct object *object = put_hook(fixture, longest);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "y"));
    longest[252] = 'a';
    object = put_hook(fixture, longest);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
    object = put_hook(fixture, "../../../etc/x");
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
}

static void damaged_statuses_are_made_anew(void **state)
{
    struct fixture *fixture = *state;
    static const char *const damaged[] = {
        "",
        "x: [",
        "[]",
        "a: 1\n---\nb: 2\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: n}\n",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a, namespace: n, "
        "generation: 7, "
        "creationTimestamp: '2020-01-01T00:00:00Z'}\nstatus: {id: x}\n",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: other, namespace: n, "
        "generation: 7, "
        "creationTimestamp: '2020-01-01T00:00:00Z', annotations: {grapnel.dev/content: "
        "0000000000000000000000000000000000000000000000000000000000000000}}\nstatus: {id: x}\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(damaged); i++) {
        temp_write(&fixture->folder, "deep/state/status/Webhook.n.a.yaml", damaged[i]);
        start(fixture);
        const struct object *object = put_hook(fixture, "a");
        assert_int_equal(object->generation, 1);
        assert_int_equal(object->created, NOW);
        assert_null(json_text_get(object_text(object), "status", "id", NULL).ptr);
        stop(fixture);
    }
}

static void count_lost(void *arg, enum object_kind kind, const char *key)
{
    buf_add_format(arg, "%s %s\n", object_kind_name(kind), key);
}

static void lost_objects_are_found(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    write_status(fixture, put_hook(fixture, "a"), "{\"id\":\"x\"}");
    write_status(fixture, put_hook(fixture, "b"), "{\"id\":\"x\"}");
    write_status(fixture, put_hook(fixture, "odd name"), "{\"id\":\"x\"}");
    fake_loop_run(fixture->loop);
    buf_clear(&fixture->told);
    stop(fixture);
    temp_write(&fixture->folder, "deep/state/status/Webhook.n.a.yaml.7.new", "cut off");
    temp_write(&fixture->folder, "deep/state/status/note.txt", "of somebody");
    temp_write(&fixture->folder, "deep/state/status/Webhook.yaml", "of nobody");
    temp_write(&fixture->folder, "deep/state/status/Webhook.n.yaml", "of nobody");
    start(fixture);
    put_hook(fixture, "b");
    put_hook(fixture, "odd name");
    dir_state_visit_lost(fixture->state, count_lost, &fixture->told);
    check_told(fixture, "Webhook n/a\n");
    assert_false(temp_exists(&fixture->folder, "deep/state/status/Webhook.n.a.yaml.7.new"));
    assert_true(temp_exists(&fixture->folder, "deep/state/status/note.txt"));
}

static void kinds_without_a_status_leave_no_files(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    const struct object *object =
        put(fixture, OBJECT_SECRET,
            "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"},\"data\":{\"a\":\"aGk=\"}}");
    assert_null(json_text_member(object_text(object), "status").ptr);
    CLEANUP(freep) char *version = xstrdup(object->version);
    object = put(fixture, OBJECT_SECRET,
                 "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"},\"data\":{\"a\":\"aG8=\"}}");
    assert_string_not_equal(object->version, version);
    assert_int_equal(object->generation, 2);
    dir_state_remove(fixture->state, OBJECT_SECRET, "n/s");
    assert_null(dir_state_get(fixture->state, OBJECT_SECRET, "n/s"));
}

static void events_are_log_lines(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    const struct object *object = put_hook(fixture, "a");
    struct log_capture capture;
    log_capture_start(&capture);
    fixture->store->ops->event(fixture->store, object, EVENT_WARNING, "GlobalDeleted",
                               "what happened");
    CLEANUP(freep) char *line = log_capture_end(&capture);
    static const char *const parts[] = {"\"warn", "GlobalDeleted", "what happened", "Webhook",
                                        "\"a\""};
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        if (!strstr(line, parts[i]))
            fail_msg("%s is not in %s", parts[i], line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_state_folder_is_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_processes_do_not_share_a_state_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_key_is_not_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_is_told_with_the_remedy,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_is_written_and_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_on_a_stale_object_are_conflicts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_that_is_no_object_is_invalid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_refuses_is_transient, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_writes_are_answered_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_write_is_never_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_can_be_cancelled_while_others_are_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_dropped_with_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(manifests_are_never_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_do_not_make_generations_nor_lose_the_status,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_cannot_lead_out_of_the_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_statuses_are_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_objects_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_without_a_status_leave_no_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_log_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
