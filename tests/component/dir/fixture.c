/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

static const enum object_kind kinds[] = {OBJECT_API, OBJECT_WEBHOOK};

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

int fixture_set_up(void **state)
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

void fixture_stop(struct fixture *fixture)
{
    if (fixture->source)
        fixture->source->ops->free(fixture->source);
    fixture->source = NULL;
    dir_state_free(fixture->state);
    fixture->state = NULL;
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    packing_free(fixture->packing);
    fake_loop_free(fixture->loop);
    buf_fini(&fixture->told);
    strmap_free(fixture->versions);
    temp_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

void fixture_open(struct fixture *fixture, bool confirm_prune)
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

void fixture_begin(struct fixture *fixture)
{
    fixture->source->ops->start(fixture->source, kinds, ARRAY_LENGTH(kinds), &sink, fixture);
}

void fixture_start(struct fixture *fixture)
{
    fixture_open(fixture, false);
    fixture_begin(fixture);
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_run(fixture->loop);
}

void fixture_restart(struct fixture *fixture)
{
    fixture_stop(fixture);
    strmap_clear(fixture->versions);
    buf_clear(&fixture->told);
    fixture_start(fixture);
}

void fixture_restart_or_start(struct fixture *fixture)
{
    if (fixture->source)
        fixture_restart(fixture);
    else
        fixture_start(fixture);
}

void check_told(struct fixture *fixture, const char *want)
{
    assert_string_equal(buf_text(&fixture->told), want);
    buf_clear(&fixture->told);
}

int inotify_descriptor(void)
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

void fixture_settle(struct fixture *fixture)
{
    fake_loop_readable(fixture->loop, inotify_descriptor());
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_advance(fixture->loop, 999);
    assert_string_equal(buf_text(&fixture->told), "");
    fake_loop_advance(fixture->loop, 1);
}

void write_status(struct fixture *fixture, enum object_kind kind, const char *key)
{
    struct err err;
    static const char status[] = "{\"id\":\"x\"}";
    struct dir_write *write =
        dir_write_begin(fixture->state, dir_state_get(fixture->state, kind, key),
                        (struct span){status, strlen(status)}, &err);
    assert_non_null(write);
    assert_non_null(dir_write_finish(write, &err));
}

void write_apis(struct fixture *fixture, int count)
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

void unlink_apis(struct fixture *fixture, int from, int to)
{
    for (int i = from; i < to; i++) {
        CLEANUP(freep) char *name = xasprintf("d/api%d.yaml", i);
        temp_unlink(&fixture->folder, name);
    }
}
