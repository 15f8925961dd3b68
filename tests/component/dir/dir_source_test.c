/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
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
#include "base/strmap.h"
#include "core/packing.h"
#include "dir/dir_source.h"
#include "dir/dir_state.h"
#include "support/fake_loop.h"
#include "support/log_capture.h"
#include "support/temp_folder.h"

static const enum object_kind kinds[] = {OBJECT_API, OBJECT_WEBHOOK};

struct fixture {
    struct temp_folder folder; /* d/ holds the manifests, s the state */
    struct loop *loop;
    struct packing *packing;
    struct dir_state *state;
    struct object_source *source;
    struct buf told;         /* a line a call of the sink */
    struct strmap *versions; /* "KIND KEY" → version told last */
};

/* ---- the sink ---- */

static void on_begin(void *arg, enum object_kind kind)
{
    struct fixture *fixture = arg;
    buf_add_format(&fixture->told, "begin %s\n", object_kind_name(kind));
}

/* As an informer does: what it has in this version already is no news. */
static void on_put(void *arg, const struct object *object)
{
    struct fixture *fixture = arg;
    CLEANUP(freep)
    char *name = xasprintf("%s %s", object_kind_name(object->kind), object->key);
    if (str_equal(strmap_get(fixture->versions, name), object->version))
        return;
    strmap_set(fixture->versions, name, xstrdup(object->version));
    buf_add_format(&fixture->told, "put %s g%d", name, (int)object->generation);
    if (object->problem) {
        /* Paths differ from run to run. */
        const char *problem = object->problem;
        const char *place;
        buf_add_text(&fixture->told, " ");
        while ((place = strstr(problem, fixture->folder.path))) {
            buf_add(&fixture->told, problem, (size_t)(place - problem));
            problem = place + strlen(fixture->folder.path) + 1;
        }
        buf_add_text(&fixture->told, problem);
    }
    buf_add_char(&fixture->told, '\n');
}

static void on_gone(void *arg, enum object_kind kind, const char *key, const char *uid)
{
    struct fixture *fixture = arg;
    assert_null(uid);
    CLEANUP(freep) char *name = xasprintf("%s %s", object_kind_name(kind), key);
    strmap_remove(fixture->versions, name);
    buf_add_format(&fixture->told, "gone %s\n", name);
}

static void on_end(void *arg, enum object_kind kind)
{
    struct fixture *fixture = arg;
    buf_add_format(&fixture->told, "end %s\n", object_kind_name(kind));
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct fixture *fixture = arg;
    assert_int_equal(err->class, ERR_TRANSIENT);
    buf_add_format(&fixture->told, "trouble %s\n", object_kind_name(kind));
}

static void on_resumed(void *arg, enum object_kind kind)
{
    struct fixture *fixture = arg;
    buf_add_format(&fixture->told, "resumed %s\n", object_kind_name(kind));
}

static void on_missing(void *arg, enum object_kind kind, const char *key, const struct err *err)
{
    struct fixture *fixture = arg;
    assert_int_equal(err->class, ERR_NOT_FOUND);
    buf_add_format(&fixture->told, "missing %s %s\n", object_kind_name(kind), key);
}

static const struct object_sink sink = {
    .begin = on_begin,
    .put = on_put,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
    .missing = on_missing,
};

/* ---- the fixture ---- */

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    temp_folder_make(&fixture->folder);
    temp_mkdir(&fixture->folder, "d");
    fixture->loop = fake_loop_new(1);
    fixture->packing = packing_new(0, 0);
    fake_loop_after_callbacks(fixture->loop, packing_rest, fixture->packing);
    buf_init(&fixture->told, BUF_UNLIMITED);
    fixture->versions = strmap_new(free);
    log_setup(LOG_LEVEL_ERROR + 1, true);
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    if (fixture->source)
        fixture->source->ops->free(fixture->source);
    fixture->source = NULL;
    dir_state_free(fixture->state);
    fixture->state = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    stop(fixture);
    packing_free(fixture->packing);
    fake_loop_free(fixture->loop);
    buf_fini(&fixture->told);
    strmap_free(fixture->versions);
    temp_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static void open_source(struct fixture *fixture, bool confirm_prune)
{
    struct err err;
    CLEANUP(freep) char *state_path = temp_path(&fixture->folder, "s");
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "d");
    if (dir_state_open(state_path, &fixture->state, &err) < 0)
        fail_msg("%s", err.msg);
    struct dir_source_options options = {
        .path = path, .confirm_prune = confirm_prune, .packing = fixture->packing};
    if (dir_source_new(fixture->loop, fixture->state, &options, &fixture->source, &err) < 0)
        fail_msg("%s", err.msg);
}

static void start(struct fixture *fixture)
{
    open_source(fixture, false);
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_run(fixture->loop);
}

/* A new process over the same folders. */
static void restart(struct fixture *fixture)
{
    stop(fixture);
    strmap_clear(fixture->versions);
    buf_clear(&fixture->told);
    start(fixture);
}

static void restart_or_start(struct fixture *fixture)
{
    if (fixture->source)
        restart(fixture);
    else
        start(fixture);
}

static void check_told(struct fixture *fixture, const char *want)
{
    assert_string_equal(buf_text(&fixture->told), want);
    buf_clear(&fixture->told);
}

/* The descriptor of inotify: the source has the only one of the process. */
static int inotify_descriptor(void)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    int found = -1;
    while ((entry = readdir(dir))) {
        CLEANUP(freep) char *path = xasprintf("/proc/self/fd/%s", entry->d_name);
        char target[64] = "";
        if (readlink(path, target, sizeof(target) - 1) > 0 &&
            strcmp(target, "anon_inode:inotify") == 0)
            found = (int)strtoll(entry->d_name, NULL, 10);
    }
    closedir(dir);
    assert_true(found >= 0);
    return found;
}

/* What the kernel has seen reaches the source, and settles. */
static void settle(struct fixture *fixture)
{
    fake_loop_readable(fixture->loop, inotify_descriptor());
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_advance(fixture->loop, 999);
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_advance(fixture->loop, 1);
}

#define HOOK(name, rest)                                                                           \
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: " name                       \
    "}\nspec:\n  url: https://a.example/\n" rest
#define LISTS(puts) "begin ApiDefinition\nbegin Webhook\n" puts "end ApiDefinition\nend Webhook\n"
#define TROUBLE "trouble ApiDefinition\ntrouble Webhook\n"
#define RESUMED "resumed ApiDefinition\nresumed Webhook\n"

/* ---- the first list ---- */

static void the_first_pass_is_a_complete_list(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("pager", ""));
    temp_write(&fixture->folder, "d/sub/b.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\napiVersion: v1\nkind: "
               "Service\nmetadata: {name: s}\n");
    start(fixture);
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
    start(fixture);
    assert_non_null(strstr(buf_text(&fixture->told), buf_text(&expected)));
}

static void an_empty_folder_is_an_empty_list(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
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
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));

    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "") "---\n" HOOK("b", "  method: GET\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/b g2\n");

    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/c g1\n");

    temp_write(&fixture->folder, "d/a.yaml", HOOK("b", "  method: GET\n"));
    settle(fixture);
    check_told(fixture, "gone Webhook default/a\n");

    temp_unlink(&fixture->folder, "d/c.yaml");
    settle(fixture);
    check_told(fixture, "gone Webhook default/c\n");
}

static void each_change_moves_the_settling_but_not_for_ever(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
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
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    /* Comments and blanks are no change at all. */
    temp_write(&fixture->folder, "d/a.yaml", "# comment\n" HOOK("a", ""));
    settle(fixture);
    check_told(fixture, "");
    /* A label is one, but no generation; a status in a manifest is none. */
    temp_write(
        &fixture->folder, "d/a.yaml",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a, labels: {x: z}}\n"
        "spec:\n  url: https://a.example/\nstatus: {id: forged}\n");
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n");
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_null(json_text_get(object_text(object), "status", "id", NULL).ptr);
    assert_string_equal(object->uid, "default/a");
    assert_int_equal(object->created, 1767225600);
    temp_write(
        &fixture->folder, "d/a.yaml",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a, labels: {x: z}}\n"
        "spec:\n  url: https://a.example/\nstatus: {id: another}\n");
    settle(fixture);
    check_told(fixture, "");
}

static void new_folders_renames_and_removals_are_seen(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/new/deep/b.yaml", HOOK("b", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/b g1\n");
    temp_write(&fixture->folder, "d/new/deep/c.yaml", HOOK("c", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/c g1\n");
    /* A moved file or folder changes nothing. */
    temp_rename(&fixture->folder, "d/a.yaml", "d/z.yaml");
    settle(fixture);
    check_told(fixture, "");
    temp_rename(&fixture->folder, "d/new/deep", "d/moved");
    settle(fixture);
    check_told(fixture, "");
    temp_write(&fixture->folder, "d/moved/b.yaml", HOOK("b", "  method: PUT\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/b g2\n");
    /* Out of the tree: gone. */
    temp_rename(&fixture->folder, "d/moved", "elsewhere");
    settle(fixture);
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
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    /* vim: a backup, then a new file of the old name. */
    temp_write(&fixture->folder, "d/.a.yaml.swp", "swap");
    temp_rename(&fixture->folder, "d/a.yaml", "d/a.yaml~");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    temp_unlink(&fixture->folder, "d/a.yaml~");
    settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
    /* In capitals, as on systems that do not tell them apart. */
    temp_write(&fixture->folder, "d/B.YAML", HOOK("b", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/b g1\n");
    /* A temporary file, renamed into place. */
    temp_write(&fixture->folder, "d/.tmp123", HOOK("a", "  method: PUT\n"));
    temp_rename(&fixture->folder, "d/.tmp123", "d/a.yaml");
    settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
    /* Emptied, then written. */
    temp_write(&fixture->folder, "d/a.yaml", "");
    fake_loop_readable(fixture->loop, inotify_descriptor());
    fake_loop_advance(fixture->loop, 500);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: PATCH\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g4\n");
}

static void a_mounted_config_map_is_followed(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/..1/a.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "..1", "d/..data");
    temp_link(&fixture->folder, "..data/a.yaml", "d/a.yaml");
    temp_write(&fixture->folder, "d/..2/a.yaml", HOOK("a", "  method: GET\n"));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_link(&fixture->folder, "..2", "d/..data_tmp");
    temp_rename(&fixture->folder, "d/..data_tmp", "d/..data");
    settle(fixture);
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
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_link(&fixture->folder, "two", "link");
    temp_rename(&fixture->folder, "link", "d");
    fake_loop_advance(fixture->loop, 5000);
    check_told(fixture, "put Webhook default/a g2\n");
    /* And the new one is watched. */
    temp_write(&fixture->folder, "two/a.yaml", HOOK("a", "  method: PUT\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
}

static void what_inotify_does_not_tell_is_seen_within_a_minute(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "target.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "../target.yaml", "d/a.yaml");
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "target.yaml", HOOK("a", "  method: GET\n"));
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, "put Webhook default/a g2\n");
}

static void lost_events_lead_to_a_look_at_everything(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
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

static void a_broken_file_keeps_its_last_good_objects(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "") "---\n" HOOK("b", ""));
    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", ""));
    start(fixture);
    check_told(
        fixture,
        LISTS("put Webhook default/a g1\nput Webhook default/b g1\nput Webhook default/c g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n") "---\nx: [\n");
    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", "  method: GET\n"));
    settle(fixture);
    check_told(fixture,
               "put Webhook default/a g1 d/a.yaml:9: not YAML: did not find expected node content\n"
               "put Webhook default/b g1 d/a.yaml:9: not YAML: did not find expected node content\n"
               "put Webhook default/c g2\n" TROUBLE);
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    /* While it is broken, nothing is known to be gone: it may stand in there. */
    temp_unlink(&fixture->folder, "d/c.yaml");
    settle(fixture);
    check_told(fixture, TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n") "---\n" HOOK("b", ""));
    settle(fixture);
    check_told(
        fixture,
        "put Webhook default/a g2\nput Webhook default/b g1\ngone Webhook default/c\n" RESUMED);
}

static void a_file_that_was_broken_from_the_start_holds_nothing_up_but_deletions(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", "x: [\n");
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/b g1\n") TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n" RESUMED);
}

static void a_refused_manifest_is_told_with_its_problem(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: get\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g2 d/a.yaml:6: spec.method: \"get\" is not one of "
                        "GET, PUT, POST, PATCH, DELETE "
                        "(did you mean GET?)\n");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g3\n");
}

static void rules_of_change_compare_with_what_was_accepted(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: one\n"));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    static const char refused[] = " d/a.yaml:6: spec.id: spec.id does not change once it is set; "
                                  "make a new Webhook for another id\n";
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: two\n"));
    settle(fixture);
    CLEANUP(freep) char *first = xasprintf("put Webhook default/a g2%s", refused);
    check_told(fixture, first);
    /* That it is there now does not make it accepted. */
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: two\n  method: GET\n"));
    settle(fixture);
    CLEANUP(freep) char *second = xasprintf("put Webhook default/a g3%s", refused);
    check_told(fixture, second);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  id: one\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g4\n");
}

static void write_status(struct fixture *fixture, enum object_kind kind, const char *key)
{
    struct err err;
    static const char status[] = "{\"id\":\"x\"}";
    struct dir_write *write =
        dir_write_begin(fixture->state, dir_state_get(fixture->state, kind, key),
                        (struct span){status, strlen(status)}, &err);
    assert_non_null(write);
    assert_non_null(dir_write_finish(write, &err));
}

/* What was meant for Grapnel and cannot be told by its name may be any object that is absent. */
static const char *const nameless[] = {
    /* the kind */
    ("apiVersion: tyk.tyk.io/v1alpha1\nkind: WebHook\nmetadata: {name: a}\nspec: {url: "
     "https://a/}\n"),
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhok\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Gateway\nmetadata: {name: a}\n",
    "apiVersion: v1\nkind: Webhok\nmetadata: {name: a}\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: 5\nmetadata: {name: a}\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nknd: Webhook\nmetadata: {name: a}\n",
    /* the version and the group */
    "apiVersion: tyk.tyk.io/v1beta1\nkind: Webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: tky.tyk.io/v1alpha1\nkind: ApiDefintion\nmetadata: {name: a}\n",
    "apiVersion: tyk.tyk.io\nkind: Webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: v1alpha1\nkind: Webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiVersion: v1\nkind: webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    ("apiVersion: example.com/v1\nkind: Webhook\nmetadata: {name: a}\n"
     "spec: {url: https://a/, conversionPolicy: Retain}\n"),
    "kind: Webhook\nmetadata: {name: a}\nspec: {url: https://a/}\n",
    "apiversion: tyk.tyk.io/v1alpha1\nkind: apidefinition\nmetadata: {name: a}\n",
    "apiVersion: 1\nkind: Webhook\nmetadata: {name: a}\n",
    "metadata: {name: a}\nspec: {url: https://a/}\n",
    "spec: {proxy: {listen_path: /a/}}\n",
    /* the name */
    ("apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {nmae: a}\nspec: {url: "
     "https://a/}\n"),
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nspec: {url: https://a/}\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: [a]\nspec: {url: https://a/}\n",
    ("apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: 7}\nspec: {url: "
     "https://a/}\n"),
    "apiVersion: v1\nkind: Namespace\nmetadata: {nmae: default}\n",
    /* not a map; cut off */
    "- apiVersion: tyk.tyk.io/v1alpha1\n  kind: Webhook\n  metadata: {name: a}\n",
    "apiVersi",
    "apiVersion: ty\n",
    /* lists */
    "apiVersion: v1\nkind: List\nitmes: []\n",
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: WebhookList\n",
    "apiVersion: v1\nkind: List\nitems: [text]\n",
    "apiVersion: v1\nkind: List\nitems: [{kind: Webhook, metadata: {name: a}}]\n",
};

static void a_document_that_cannot_be_named_holds_up_what_is_gone(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
    for (size_t i = 0; i < ARRAY_LENGTH(nameless); i++) {
        /* The rest of its file is taken. */
        CLEANUP(freep) char *method = xasprintf("  cooldownPeriod: %zus\n", i + 1);
        CLEANUP(freep) char *text = xasprintf("%s%s---\n%s", HOOK("b", ""), method, nameless[i]);
        CLEANUP(freep) char *again = xasprintf("%s%s", HOOK("b", ""), method);
        CLEANUP(freep) char *want = xasprintf("put Webhook default/b g%zu\n" TROUBLE, i + 2);
        temp_unlink(&fixture->folder, "d/a.yaml");
        temp_write(&fixture->folder, "d/b.yaml", text);
        settle(fixture);
        if (strcmp(buf_text(&fixture->told), want) != 0)
            fail_msg("%s\n: %s", nameless[i], buf_text(&fixture->told));
        buf_clear(&fixture->told);
        temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
        temp_write(&fixture->folder, "d/b.yaml", again);
        settle(fixture);
        check_told(fixture, RESUMED);
    }
}

static void a_name_that_cannot_be_is_no_name(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("A", ""));
    settle(fixture);
    check_told(fixture,
               "put Webhook default/A g1 d/a.yaml:3: metadata.name: not a valid name "
               "(lower-case letters, digits, - and ., at most 253, as in a host name)\n" TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a, namespace: Team", ""));
    settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "gone"));
    assert_non_null(strstr(buf_text(&fixture->told), "put Webhook Team/a g1 "));
    assert_non_null(strstr(buf_text(&fixture->told), TROUBLE));
    buf_clear(&fixture->told);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    settle(fixture);
    check_told(fixture, "gone Webhook Team/a\ngone Webhook default/A\n" RESUMED);
}

static void what_could_not_be_named_at_the_start_loses_no_status(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    temp_write(&fixture->folder, "d/a.yaml", nameless[0]);
    restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n" RESUMED);
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
}

static void what_is_for_others_holds_nothing_up(void **state)
{
    static const char *const others[] = {
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {}}\n",
        "kind: Deployment\nmetadata: {name: d}\nspec: {template: {}}\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: p}\n",
        "apiVersion: hooks.example/v1\nkind: Webhook\nmetadata: {name: w}\nspec: {url: x}\n",
        ("apiVersion: gravitee.io/v1alpha1\nkind: ApiDefinition\nmetadata: {name: a}\n"
         "spec: {name: a, proxy: {virtual_hosts: [{path: /a}]}}\n"),
        ("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"
         "metadata: {name: w}\n"),
        "replicaCount: 1\nimage: {tag: x}\n",
        "services: {web: {image: x}}\n",
        "openapi: 3.0.3\ninfo: {title: x, version: '1'}\npaths: {}\n",
        "- {op: replace, path: /spec/url, value: x}\n",
        "- hosts: all\n  tasks: []\n",
        "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "# nothing but a comment\n",
        "",
        "---\n---\n",
    };
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        CLEANUP(freep) char *name = xasprintf("d/other%zu.yaml", i);
        temp_write(&fixture->folder, name, others[i]);
        temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
        restart_or_start(fixture);
        check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
        temp_unlink(&fixture->folder, "d/a.yaml");
        settle(fixture);
        if (strcmp(buf_text(&fixture->told), "gone Webhook default/a\n") != 0)
            fail_msg("%s\n: %s", others[i], buf_text(&fixture->told));
        buf_clear(&fixture->told);
    }
}

static void objects_that_stand_twice_are_refused_until_one_goes(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/b.yaml", "# second\n" HOOK("a", "  method: GET\n"));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1 d/a.yaml:1: metadata.name: Webhook default/a "
                        "stands twice, also at "
                        "d/b.yaml:2 (remove or rename one of them)\n");
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    /* The first goes: the second counts now. */
    temp_unlink(&fixture->folder, "d/a.yaml");
    settle(fixture);
    check_told(fixture, "put Webhook default/a g2\n");
    /* Within one file, and from the start. */
    temp_write(&fixture->folder, "d/b.yaml", HOOK("a", "") "---\n" HOOK("a", ""));
    restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1 d/b.yaml:1: metadata.name: Webhook "
                              "default/a stands twice, also at "
                              "d/b.yaml:7 (remove or rename one of them)\n"));
    temp_write(&fixture->folder, "d/b.yaml", HOOK("a", ""));
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n");
}

static void unreadable_files_and_folders_leave_the_last_good_state(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() == 0) {
        /* Root reads everything: another user does the work. */
        CLEANUP(freep) char *path = temp_path(&fixture->folder, "d");
        assert_int_equal(chmod(fixture->folder.path, 0777), 0);
        assert_int_equal(chmod(path, 0777), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "d/sub/b.yaml", HOOK("b", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
    CLEANUP(freep) char *file = temp_path(&fixture->folder, "d/a.yaml");
    CLEANUP(freep) char *sub = temp_path(&fixture->folder, "d/sub");
    assert_int_equal(chmod(file, 0), 0);
    settle(fixture);
    check_told(
        fixture,
        "put Webhook default/a g1 d/a.yaml:1: cannot be opened: Permission denied\n" TROUBLE);
    fake_loop_advance(fixture->loop, 5000);
    check_told(fixture, TROUBLE);
    assert_int_equal(chmod(file, 0644), 0);
    settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n" RESUMED);
    assert_int_equal(chmod(sub, 0), 0);
    settle(fixture);
    check_told(fixture, TROUBLE);
    assert_int_equal(chmod(sub, 0755), 0);
    settle(fixture);
    check_told(fixture, RESUMED);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static void a_folder_that_goes_leaves_the_last_good_state(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_rename(&fixture->folder, "d", "elsewhere");
    settle(fixture);
    check_told(fixture, TROUBLE);
    temp_rename(&fixture->folder, "elsewhere", "d");
    fake_loop_advance(fixture->loop, 5000);
    check_told(fixture, RESUMED);
}

static void links_that_lead_nowhere_are_like_unreadable_files(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "target.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "../target.yaml", "d/a.yaml");
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_unlink(&fixture->folder, "target.yaml");
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, "put Webhook default/a g1 d/a.yaml:1: a link that leads nowhere: No such "
                        "file or directory\n" TROUBLE);
    temp_unlink(&fixture->folder, "d/a.yaml");
    settle(fixture);
    check_told(fixture, "gone Webhook default/a\n" RESUMED);
}

static void pipes_devices_and_links_to_folders_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *pipe = temp_path(&fixture->folder, "d/pipe.yaml");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    temp_link(&fixture->folder, "/dev/zero", "d/zero.yaml");
    temp_link(&fixture->folder, ".", "d/loop");
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
}

/* ---- deletion ---- */

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
    start(fixture);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mkfifo(pipe, 0600), 0);
        assert_int_equal(times_passed_over(fixture), 1);
        assert_int_equal(times_passed_over(fixture), 0);
        temp_unlink(&fixture->folder, "d/pipe.yaml");
        assert_int_equal(times_passed_over(fixture), 0);
    }
}

static void write_apis(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        CLEANUP(freep) char *name = xasprintf("d/api%d.yaml", i);
        CLEANUP(freep)
        char *text = xasprintf(
            "apiVersion: tyk.tyk.io/v1alpha1\nkind: ApiDefinition\nmetadata: {name: api%d}\n"
            "spec: {proxy: {listen_path: /%d/}}\n",
            i, i);
        temp_write(&fixture->folder, name, text);
    }
}

static void unlink_apis(struct fixture *fixture, int from, int to)
{
    for (int i = from; i < to; i++) {
        CLEANUP(freep) char *name = xasprintf("d/api%d.yaml", i);
        temp_unlink(&fixture->folder, name);
    }
}

static void an_emptied_folder_is_a_mass_deletion(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 10);
    temp_write(&fixture->folder, "d/hook.yaml", HOOK("a", ""));
    start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 10);
    temp_unlink(&fixture->folder, "d/hook.yaml");
    settle(fixture);
    check_told(fixture, TROUBLE);
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, TROUBLE);
    /* Most are back: those that are not are gone. */
    write_apis(fixture, 8);
    settle(fixture);
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
    start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 5);
    settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "trouble"));
    assert_non_null(strstr(buf_text(&fixture->told), "gone ApiDefinition default/api4\n"));
}

static void the_last_apis_wait_for_a_confirmation_however_few_they_are(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 2);
    temp_write(&fixture->folder, "d/hook.yaml", HOOK("a", ""));
    start(fixture);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 2);
    settle(fixture);
    check_told(fixture, TROUBLE);
    write_apis(fixture, 1);
    settle(fixture);
    check_told(fixture, "gone ApiDefinition default/api1\n" RESUMED);
    unlink_apis(fixture, 0, 1);
    settle(fixture);
    check_told(fixture, TROUBLE);
}

static void a_mass_deletion_that_is_confirmed_is_told(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 10);
    open_source(fixture, true);
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
    fake_loop_run(fixture->loop);
    buf_clear(&fixture->told);
    unlink_apis(fixture, 0, 10);
    settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "trouble"));
    assert_non_null(strstr(buf_text(&fixture->told), "gone ApiDefinition default/api9\n"));
}

/* ---- Secrets and ConfigMaps ---- */

static void secrets_are_told_to_who_follows_them(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}\n");
    open_source(fixture, false);
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
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
    settle(fixture);
    check_told(fixture, "put ConfigMap default/c g1\n");
    temp_unlink(&fixture->folder, "d/b.yaml");
    settle(fixture);
    check_told(fixture, "missing ConfigMap default/c\n");
    fixture->source->ops->unfollow(fixture->source, OBJECT_SECRET, "default/s");
    temp_unlink(&fixture->folder, "d/a.yaml");
    settle(fixture);
    check_told(fixture, "");
}

static void what_is_asked_for_anew_is_read_anew(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    start(fixture);
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
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n"));
    settle(fixture);
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
    restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g2\n"));
    object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_string_equal(object->version, version);
    assert_int_equal(object->created, created);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
    /* Changed while nobody looked. */
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: PUT\n"));
    restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g3\n"));
}

static void statuses_of_objects_that_went_meanwhile_are_removed(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    start(fixture);
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    write_status(fixture, OBJECT_WEBHOOK, "default/b");
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    stop(fixture);
    temp_unlink(&fixture->folder, "d/a.yaml");
    /* Not while something cannot be read. */
    temp_write(&fixture->folder, "d/c.yaml", "x: [");
    restart(fixture);
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    temp_unlink(&fixture->folder, "d/c.yaml");
    restart(fixture);
    assert_false(temp_exists(&fixture->folder, "s/status/Webhook.default.a.yaml"));
    assert_true(temp_exists(&fixture->folder, "s/status/Webhook.default.b.yaml"));
    /* A deletion that is seen removes it at once. */
    temp_unlink(&fixture->folder, "d/b.yaml");
    buf_clear(&fixture->told);
    settle(fixture);
    assert_false(temp_exists(&fixture->folder, "s/status/Webhook.default.b.yaml"));
}

static void statuses_are_kept_when_most_objects_went_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 8);
    start(fixture);
    for (int i = 0; i < 8; i++) {
        CLEANUP(freep) char *key = xasprintf("default/api%d", i);
        write_status(fixture, OBJECT_API, key);
    }
    stop(fixture);
    unlink_apis(fixture, 0, 8);
    restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    assert_true(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api7.yaml"));
    /* Most are back: what is not is forgotten. */
    write_apis(fixture, 7);
    settle(fixture);
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
    start(fixture);
    write_status(fixture, OBJECT_API, "default/api0");
    write_status(fixture, OBJECT_API, "default/api1");
    stop(fixture);
    unlink_apis(fixture, 0, 2);
    restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    stop(fixture);
    open_source(fixture, true);
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
    fake_loop_run(fixture->loop);
    check_told(fixture, LISTS(""));
    assert_false(temp_exists(&fixture->folder, "s/status/ApiDefinition.default.api0.yaml"));
    restart(fixture);
    check_told(fixture, LISTS(""));
}

static void the_state_folder_may_lie_among_the_manifests(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    temp_mkdir(&fixture->folder, "d/state");
    temp_link(&fixture->folder, "d/state", "s");
    start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    assert_true(temp_exists(&fixture->folder, "d/state/status/Webhook.default.a.yaml"));
    restart(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
}

static void a_source_can_be_freed_at_any_time(void **state)
{
    struct fixture *fixture = *state;
    write_apis(fixture, 3);
    open_source(fixture, false);
    stop(fixture);
    open_source(fixture, false);
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
    stop(fixture);
    fake_loop_run(fixture->loop);
    check_told(fixture, "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_first_pass_is_a_complete_list, set_up, tear_down),
    cmocka_unit_test_setup_teardown(files_are_read_in_the_order_of_their_names, set_up, tear_down),
    cmocka_unit_test_setup_teardown(an_empty_folder_is_an_empty_list, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_path_that_is_no_folder_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(changes_are_told_once_they_have_settled, set_up, tear_down),
    cmocka_unit_test_setup_teardown(each_change_moves_the_settling_but_not_for_ever, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(only_content_makes_a_generation, set_up, tear_down),
    cmocka_unit_test_setup_teardown(new_folders_renames_and_removals_are_seen, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_ways_of_editors_to_save_are_seen, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_mounted_config_map_is_followed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(another_folder_in_its_place_is_noticed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(what_inotify_does_not_tell_is_seen_within_a_minute, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(lost_events_lead_to_a_look_at_everything, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_broken_file_keeps_its_last_good_objects, set_up, tear_down),
    cmocka_unit_test_setup_teardown(
        a_file_that_was_broken_from_the_start_holds_nothing_up_but_deletions, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_refused_manifest_is_told_with_its_problem, set_up, tear_down),
    cmocka_unit_test_setup_teardown(rules_of_change_compare_with_what_was_accepted, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(a_document_that_cannot_be_named_holds_up_what_is_gone, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(a_name_that_cannot_be_is_no_name, set_up, tear_down),
    cmocka_unit_test_setup_teardown(what_could_not_be_named_at_the_start_loses_no_status, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(what_is_for_others_holds_nothing_up, set_up, tear_down),
    cmocka_unit_test_setup_teardown(objects_that_stand_twice_are_refused_until_one_goes, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(unreadable_files_and_folders_leave_the_last_good_state, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(a_folder_that_goes_leaves_the_last_good_state, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(links_that_lead_nowhere_are_like_unreadable_files, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(pipes_devices_and_links_to_folders_are_passed_over, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(what_is_passed_over_is_told_once_while_it_is_there, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(an_emptied_folder_is_a_mass_deletion, set_up, tear_down),
    cmocka_unit_test_setup_teardown(up_to_five_may_go_at_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_last_apis_wait_for_a_confirmation_however_few_they_are,
                                    set_up, tear_down),
    cmocka_unit_test_setup_teardown(
        a_folder_that_was_emptied_meanwhile_is_a_mass_deletion_however_few_there_were, set_up,
        tear_down),
    cmocka_unit_test_setup_teardown(a_mass_deletion_that_is_confirmed_is_told, set_up, tear_down),
    cmocka_unit_test_setup_teardown(what_is_asked_for_anew_is_read_anew, set_up, tear_down),
    cmocka_unit_test_setup_teardown(secrets_are_told_to_who_follows_them, set_up, tear_down),
    cmocka_unit_test_setup_teardown(generation_and_age_outlive_a_restart, set_up, tear_down),
    cmocka_unit_test_setup_teardown(statuses_of_objects_that_went_meanwhile_are_removed, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(statuses_are_kept_when_most_objects_went_meanwhile, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(the_state_folder_may_lie_among_the_manifests, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(a_source_can_be_freed_at_any_time, set_up, tear_down),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
