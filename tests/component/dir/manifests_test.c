/* SPDX-License-Identifier: Apache-2.0 */
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
#include "base/str.h"
#include "dir/file.h"
#include "dir/manifests.h"
#include "support/temp_folder.h"

struct fixture {
    struct temp_folder folder;
    struct manifests manifests;
    struct err err;
    int result;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    temp_folder_make(&fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    manifests_fini(&fixture->manifests);
    temp_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* Loads the folder, or (name not NULL) one path in it. */
static void load(struct fixture *fixture, const char *name)
{
    manifests_fini(&fixture->manifests);
    CLEANUP(freep)
    char *path = name ? temp_path(&fixture->folder, name) : xstrdup(fixture->folder.path);
    const char *paths[] = {path};
    fixture->result = manifests_load(paths, 1, &fixture->manifests, &fixture->err);
}

/* All problems, a line each, without the path of the test's folder. Returns owned. */
static char *told(const struct fixture *fixture)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    const struct manifests *manifests = &fixture->manifests;
    for (size_t i = 0; i <= manifests->count; i++) {
        const struct manifest *manifest = i < manifests->count ? &manifests->items[i] : NULL;
        size_t count = manifest ? manifest->problem_count : manifests->problem_count;
        for (size_t j = 0; j < count; j++) {
            const struct manifest_problem *problem =
                manifest ? &manifest->problems[j] : &manifests->problems[j];
            struct buf line;
            buf_init(&line, BUF_UNLIMITED);
            manifest_problem_print(problem, &line);
            const char *text = buf_text(&line);
            size_t prefix = strlen(fixture->folder.path) + 1;
            if (strncmp(text, fixture->folder.path, prefix - 1) == 0)
                text += prefix;
            buf_add_format(&out, "%s%s\n", problem->severity == PROBLEM_ERROR ? "" : "?", text);
            buf_fini(&line);
        }
    }
    return buf_take(&out);
}

static void check_told(const struct fixture *fixture, const char *want)
{
    CLEANUP(freep) char *lines = told(fixture);
    assert_string_equal(lines, want);
}

#define HOOK(name, rest)                                                                           \
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata:\n  name: " name                     \
    "\nspec:\n  url: https://a.example/\n" rest

static const struct object *only_object(const struct fixture *fixture)
{
    assert_int_equal(fixture->manifests.count, 1);
    return fixture->manifests.items[0].object;
}

static void a_manifest_is_completed_as_the_api_server_would(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("pager", ""));
    load(fixture, NULL);
    assert_int_equal(fixture->result, 0);
    check_told(fixture, "");
    const struct object *object = only_object(fixture);
    assert_int_equal(object->kind, OBJECT_WEBHOOK);
    assert_string_equal(object->key, "default/pager");
    assert_null(object->problem);
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    assert_true(
        json_text_is(json_text_get(object_text(object), "metadata", "namespace", NULL), "default"));
    assert_int_equal(fixture->manifests.file_count, 1);
    assert_false(manifests_have_errors(&fixture->manifests));
}

static void an_empty_namespace_is_the_default_one_and_a_namespace_has_none(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: ''}\n---\n"
               "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, namespace: x}\n");
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.count, 2);
    assert_string_equal(fixture->manifests.items[0].object->key, "default/c");
    assert_string_equal(fixture->manifests.items[1].object->key, "team");
}

static void problems_have_file_line_field_and_hint(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "sub/a.yaml",
               "# comment\n---\n" HOOK("pager", "  method: get\n"
                                                "  suspend: 'no'\n"
                                                "  headers:\n"
                                                "    - name: A\n"
                                                "      value: b\n"
                                                "    - value: 5\n"
                                                "  hedaers: []\n"));
    load(fixture, NULL);
    check_told(
        fixture,
        "sub/a.yaml:9: spec.method: \"get\" is not one of GET, PUT, POST, PATCH, DELETE (did you "
        "mean GET?)\n"
        "sub/a.yaml:10: spec.suspend: true or false is expected, not a text (write it without "
        "quotes)\n"
        "sub/a.yaml:14: spec.headers[1].value: a text is expected, not a number (put it in "
        "quotes)\n"
        "sub/a.yaml:14: spec.headers[1].name: missing (The header's name)\n"
        "?sub/a.yaml:15: spec.hedaers: unknown field, it is left out (did you mean headers?)\n");
    const struct object *object = only_object(fixture);
    assert_non_null(strstr(object->problem, "sub/a.yaml:9: spec.method: \"get\" is not one of"));
    assert_true(manifests_have_errors(&fixture->manifests));

    const struct manifest *manifest = &fixture->manifests.items[0];
    assert_int_equal(manifest->line, 3);
    assert_int_equal(manifest_line(manifest, ""), 3);
    assert_int_equal(manifest_line(manifest, NULL), 3);
    assert_int_equal(manifest_line(manifest, "metadata.name"), 6);
    assert_int_equal(manifest_line(manifest, "spec.headers[1].value"), 14);
    assert_int_equal(manifest_line(manifest, "spec.headers[1].name"), 14);
    assert_int_equal(manifest_line(manifest, "spec.headers[7]"), 11);
    assert_int_equal(manifest_line(manifest, "spec.conversionPolicy"), 7);
    assert_int_equal(manifest_line(manifest, "spec.headers[x"), 11);
}

static void base64_of_several_lines_is_joined(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a: |\n    aGVs\n    "
               "bG8=\n  b: aGk=\n");
    load(fixture, NULL);
    check_told(fixture, "");
    const struct object *object = only_object(fixture);
    assert_true(json_text_is(json_text_get(object_text(object), "data", "a", NULL), "aGVsbG8="));
    assert_true(json_text_is(json_text_get(object_text(object), "data", "b", NULL), "aGk="));
}

static void lines_of_keys_with_dots_are_found(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: x\n  a.b: y\n  "
               "a.b.c:\n    z\n");
    load(fixture, NULL);
    const struct manifest *manifest = &fixture->manifests.items[0];
    assert_int_equal(manifest_line(manifest, "data.a"), 6);
    assert_int_equal(manifest_line(manifest, "data.a.b"), 7);
    assert_int_equal(manifest_line(manifest, "data.a.b.c"), 9);
}

static void lists_of_any_kind_are_taken_apart(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: v1\nkind: List\nitems:\n"
               "- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n"
               "- apiVersion: tyk.tyk.io/v1alpha1\n  kind: WebhookList\n  items:\n"
               "  - metadata: {name: one}\n    spec: {url: 'http://a/'}\n"
               "  - metadata: {name: two}\n    spec: {}\n");
    temp_write(
        &fixture->folder, "b.json",
        "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Namespace\","
        "\"apiVersion\":\"v1\","
        "\"metadata\":{\"name\":\"n\"}}]}\n{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[]}");
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.count, 4);
    assert_string_equal(fixture->manifests.items[0].object->key, "default/s");
    assert_string_equal(fixture->manifests.items[1].object->key, "default/one");
    assert_true(json_text_is(
        json_text_member(object_text(fixture->manifests.items[1].object), "kind"), "Webhook"));
    assert_string_equal(fixture->manifests.items[3].object->key, "n");
    check_told(fixture, "a.yaml:13: spec: give exactly one of spec.url and spec.urlFrom\n");
}

static void foreign_kinds_are_passed_over_with_a_note(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n"
               "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: "
               "{name: d}\n---\n"
               "apiVersion: tyk.tyk.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: d}\n---\n"
               "apiVersion: example.org/v1\nkind: Webhook\nmetadata: {name: d}\n---\n"
               "services: {}\n");
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.count, 0);
    assert_int_equal(fixture->manifests.foreign_count, 5);
    assert_false(manifests_have_errors(&fixture->manifests));
    check_told(
        fixture,
        "?a.yaml:2: kind: Deployment of apps/v1 is none of Grapnel's kinds, passed over\n"
        "?a.yaml:6: kind: CustomResourceDefinition of apiextensions.k8s.io/v1 is none of Grapnel's "
        "kinds, passed over\n"
        "?a.yaml:10: kind: SecurityPolicy of tyk.tyk.io/v1alpha1 is none of Grapnel's kinds, "
        "passed over\n"
        "?a.yaml:14: kind: Webhook of example.org/v1 is none of Grapnel's kinds, passed over (if "
        "it is meant for Grapnel, "
        "its apiVersion is tyk.tyk.io/v1alpha1)\n"
        "?a.yaml:17: no manifest of Kubernetes (apiVersion and kind are missing), passed over\n");
}

static void a_problem_is_one_line_whatever_it_quotes(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: tyk.tyk.io/v1alpha1\nkind: \"a\\nb\\e[31m\"\nmetadata: {name: x}\n");
    load(fixture, NULL);
    check_told(fixture,
               "a.yaml:2: kind: there is no kind a?b?[31m in tyk.tyk.io/v1alpha1 (the kinds "
               "are ApiDefinition, Webhook and OperatorContext)\n");
}

static void mistakes_in_the_head_are_errors(void **state)
{
    struct fixture *fixture = *state;
    temp_write(
        &fixture->folder, "a.yaml",
        "kind: Webhook\nmetadata: {name: d}\n---\n"
        "apiVersion: v1\nmetadata: {name: d}\n---\n"
        "metadata: {name: d}\n---\n"
        "apiVersion: 1\nkind: Webhook\n---\n"
        "apiVersion: tyk.tyk.io/v1\nkind: Webhook\n---\n"
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhok\n---\n"
        "just text\n---\n- a list\n---\n"
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {}\nspec: {url: 'http://a/'}\n");
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.count, 0);
    check_told(
        fixture,
        "a.yaml:1: apiVersion: missing (of Grapnel's own kinds it is tyk.tyk.io/v1alpha1)\n"
        "a.yaml:4: kind: missing (ApiDefinition, Webhook, OperatorContext, or a kind of "
        "Kubernetes)\n"
        "a.yaml:7: kind: missing (ApiDefinition, Webhook, OperatorContext, or a kind of "
        "Kubernetes)\n"
        "a.yaml:9: apiVersion: a text is expected, not a number (put it in quotes)\n"
        "a.yaml:12: apiVersion: there is no version v1 of Webhook (it is tyk.tyk.io/v1alpha1)\n"
        "a.yaml:16: kind: there is no kind Webhok in tyk.tyk.io/v1alpha1 (the kinds are "
        "ApiDefinition, Webhook and OperatorContext)\n"
        "a.yaml:18: a manifest is a map with apiVersion, kind and metadata, not a text\n"
        "a.yaml:20: a manifest is a map with apiVersion, kind and metadata, not a list\n"
        "a.yaml:24: metadata.name: missing (give the object a name; generateName is not enough "
        "here)\n");
}

static void objects_that_stand_twice_are_both_refused(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("pager", "") "---\n" HOOK("other", ""));
    temp_write(&fixture->folder, "b.yaml",
               "\n\n" HOOK("pager", "  method: GET\n") "---\n" HOOK("pager", ""));
    /* Another kind of that name is another object. */
    temp_write(&fixture->folder, "c.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: pager}\n");
    load(fixture, NULL);
    CLEANUP(freep) char *lines = told(fixture);
    assert_non_null(
        strstr(lines, "a.yaml:1: metadata.name: Webhook default/pager stands twice, also at "));
    assert_non_null(strstr(lines, "b.yaml:3 (remove or rename one of them)\n"));
    assert_non_null(
        strstr(lines, "b.yaml:3: metadata.name: Webhook default/pager stands twice, also at "));
    assert_non_null(strstr(lines, "a.yaml:1 (remove or rename one of them)\n"));
    assert_non_null(strstr(lines, "b.yaml:11: metadata.name: Webhook default/pager stands twice"));
    assert_null(strstr(lines, "other"));

    struct cache *cache = cache_new();
    manifests_fill_cache(&fixture->manifests, cache);
    const struct object *object = cache_get(cache, OBJECT_WEBHOOK, "default/pager");
    assert_non_null(
        strstr(object->problem, "a.yaml:1: metadata.name: Webhook default/pager stands twice"));
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    assert_null(cache_get(cache, OBJECT_WEBHOOK, "default/other")->problem);
    assert_int_equal(cache_count(cache, OBJECT_WEBHOOK), 2);
    assert_int_equal(cache_count(cache, OBJECT_SECRET), 1);
    cache_free(cache);
    const struct manifest *found =
        manifests_find(&fixture->manifests, OBJECT_WEBHOOK, "default/pager");
    assert_ptr_equal(found, &fixture->manifests.items[0]);
    assert_null(manifests_find(&fixture->manifests, OBJECT_API, "default/pager"));
}

static void a_file_that_is_named_twice_is_read_once(void **state)
{
    struct fixture *fixture = *state;
    static const char webhook[] = "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\n"
                                  "metadata: {name: pager}\nspec: {url: 'http://a/'}\n";
    temp_write(&fixture->folder, "sub/a.yaml", webhook);
    CLEANUP(freep) char *folder = xstrdup(fixture->folder.path);
    CLEANUP(freep) char *below = temp_path(&fixture->folder, "sub");
    CLEANUP(freep) char *file = temp_path(&fixture->folder, "sub/a.yaml");
    CLEANUP(freep) char *same = xasprintf("%s/./sub/a.yaml", fixture->folder.path);
    CLEANUP(freep) char *again = xstrdup(file);
    const char *paths[] = {file, again, same, below, folder};
    fixture->result = manifests_load(paths, 5, &fixture->manifests, &fixture->err);
    assert_int_equal(fixture->result, 0);
    assert_int_equal(fixture->manifests.count, 1);
    assert_int_equal(fixture->manifests.file_count, 1);
    check_told(fixture, "");
    assert_string_equal(fixture->manifests.items[0].file, file);

    /* Another name of it in the folder stands for another file, as it does for a run. */
    CLEANUP(freep) char *other = temp_path(&fixture->folder, "sub/b.yaml");
    assert_int_equal(link(file, other), 0);
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.file_count, 2);
    assert_true(fixture->manifests.items[1].repeated);
}

static void lists_without_items_are_mistakes(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: v1\nkind: List\n---\n"
               "apiVersion: v1\nkind: List\nitems:\n---\n"
               "apiVersion: v1\nkind: List\nitems: {}\n---\n"
               "apiVersion: tyk.tyk.io/v1alpha1\nkind: WebhookList\n---\n"
               "apiVersion: v1\nkind: List\nitems: []\n---\n"
               "apiVersion: example.org/v1\nkind: AllowList\nspec: {}\n");
    temp_write(&fixture->folder, "b.json",
               "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["
               "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["
               "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["
               "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["
               "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[]}]}]}]}]}");
    load(fixture, NULL);
    assert_true(manifests_have_errors(&fixture->manifests));
    check_told(fixture, "a.yaml:1: items: missing (a list without objects is items: [])\n"
                        "a.yaml:6: items: missing (a list without objects is items: [])\n"
                        "a.yaml:10: items: a list is expected, not a map\n"
                        "a.yaml:12: items: missing (a list without objects is items: [])\n"
                        "?a.yaml:20: kind: AllowList of example.org/v1 is none of Grapnel's kinds, "
                        "passed over\n"
                        "b.json:1: items: more than 4 lists within lists\n");
}

static void only_manifests_are_read_from_a_folder(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "b.yml", HOOK("b", ""));
    temp_write(&fixture->folder, "deep/er/c.json",
               "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"c\"}}");
    temp_write(&fixture->folder, "e.YAML", HOOK("e", ""));
    temp_write(&fixture->folder, "f.Yml", HOOK("f", ""));
    temp_write(&fixture->folder, "g.JSON",
               "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"g\"}}");
    temp_write(&fixture->folder, "yaml", "no: [manifest");
    temp_write(&fixture->folder, "README.md", "no: [manifest");
    temp_write(&fixture->folder, "x.yaml~", "no: [manifest");
    temp_write(&fixture->folder, ".hidden.yaml", "no: [manifest");
    temp_write(&fixture->folder, ".git/x.yaml", "no: [manifest");
    temp_write(&fixture->folder, "empty.yaml", "");
    temp_write(&fixture->folder, "comment.yaml", "# nothing\n");
    load(fixture, NULL);
    assert_int_equal(fixture->result, 0);
    check_told(fixture, "");
    static const char *const keys[] = {"default/a", "default/b", "default/c",
                                       "default/e", "default/f", "default/g"};
    assert_int_equal(fixture->manifests.count, ARRAY_LENGTH(keys));
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        assert_string_equal(fixture->manifests.items[i].object->key, keys[i]);
    assert_int_equal(fixture->manifests.file_count, 8);
}

static void what_is_no_file_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *pipe = temp_path(&fixture->folder, "pipe.yaml");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    temp_write(&fixture->folder, "sub/a.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "sub", "link");
    temp_link(&fixture->folder, ".", "sub/loop");
    temp_link(&fixture->folder, "/dev/null", "null.yaml");
    load(fixture, NULL);
    assert_int_equal(fixture->result, 0);
    assert_int_equal(fixture->manifests.count, 1);
    CLEANUP(freep) char *lines = told(fixture);
    assert_non_null(strstr(lines, "?pipe.yaml:1: not a regular file, passed over\n"));
    assert_non_null(strstr(lines, "?null.yaml:1: not a regular file, passed over\n"));
    assert_non_null(strstr(lines, "?link:1: a link to a folder, passed over\n"));
    assert_non_null(strstr(lines, "?sub/loop:1: a link to a folder, passed over\n"));
}

static void a_pipe_that_took_the_place_of_a_file_does_not_block(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *pipe = temp_path(&fixture->folder, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, BUF_UNLIMITED);
    assert_int_equal(file_read(pipe, 100, false, &bytes, &fixture->err), -1);
    assert_int_equal(fixture->err.class, ERR_INVALID);
    assert_string_equal(fixture->err.msg, "not a regular file");
}

static void links_to_files_are_followed(void **state)
{
    struct fixture *fixture = *state;
    /* As a kubelet mounts a ConfigMap. */
    temp_write(&fixture->folder, "..2026_01_01/a.yaml", HOOK("a", ""));
    temp_link(&fixture->folder, "..2026_01_01", "..data");
    temp_link(&fixture->folder, "..data/a.yaml", "a.yaml");
    load(fixture, NULL);
    check_told(fixture, "");
    assert_string_equal(only_object(fixture)->key, "default/a");
}

static void a_path_that_is_named_and_cannot_be_read_is_a_failure(void **state)
{
    struct fixture *fixture = *state;
    load(fixture, "nowhere.yaml");
    assert_int_equal(fixture->result, -1);
    assert_int_equal(fixture->err.class, ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->err.msg, "nowhere.yaml: cannot be opened: No such file"));
}

static void links_that_lead_nowhere_are_problems_of_their_files(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("a", "  method: get\n"));
    temp_link(&fixture->folder, "nowhere", "gone.yaml");
    temp_link(&fixture->folder, "nowhere", "also.yaml");
    load(fixture, NULL);
    assert_int_equal(fixture->result, 0);
    CLEANUP(freep) char *lines = told(fixture);
    assert_non_null(strstr(lines, "gone.yaml:1: a link that leads nowhere: No such file"));
    assert_non_null(strstr(lines, "also.yaml:1: a link that leads nowhere: No such file"));
    assert_non_null(strstr(lines, "a.yaml:7: spec.method: "));
    assert_true(manifests_have_errors(&fixture->manifests));
    assert_non_null(manifests_first_hiding(&fixture->manifests));
}

static void unreadable_files_are_problems_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("a", ""));
    temp_write(&fixture->folder, "b.yaml", HOOK("b", ""));
    temp_write(&fixture->folder, "sub/c.yaml", HOOK("c", ""));
    CLEANUP(freep) char *path = temp_path(&fixture->folder, "a.yaml");
    CLEANUP(freep) char *sub = temp_path(&fixture->folder, "sub");
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(sub, 0), 0);
    assert_int_equal(chmod(fixture->folder.path, 0755), 0);
    /* Root reads everything. */
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    load(fixture, NULL);
    int result = fixture->result;
    CLEANUP(freep) char *lines = told(fixture);
    size_t count = fixture->manifests.count;
    load(fixture, "a.yaml");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(sub, 0755), 0);
    assert_int_equal(result, 0);
    assert_int_equal(count, 1);
    assert_non_null(strstr(lines, "a.yaml:1: cannot be opened: Permission denied\n"));
    assert_non_null(strstr(lines, "sub:1: the folder cannot be read: Permission denied\n"));
    /* Where it is named, it is a failure. */
    assert_int_equal(fixture->result, -1);
    assert_int_equal(fixture->err.class, ERR_DENIED);
    assert_non_null(strstr(fixture->err.msg, "a.yaml: cannot be opened: Permission denied"));
}

static void broken_files_are_told_and_others_go_on(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml", HOOK("a", "") "---\nx: [\n");
    temp_write(&fixture->folder, "b.yaml", HOOK("b", ""));
    temp_write_n(&fixture->folder, "c.yaml", "a: 1\nb: \0", 9);
    temp_write(&fixture->folder, "d.yaml", "a: \xff\n");
    temp_write(&fixture->folder, "e.json", "{\"a\": 1,\n}");
    temp_write(&fixture->folder, "f.yaml", "a: 1\na: 2\n");
    load(fixture, NULL);
    assert_int_equal(fixture->result, 0);
    check_told(
        fixture,
        "a.yaml:9: not YAML: did not find expected node content\n"
        "c.yaml:2: a NUL byte: this is not a text file\n"
        "d.yaml:1: not well-formed UTF-8\n"
        "?e.json:1: no manifest of Kubernetes (apiVersion and kind are missing), passed over\n"
        "f.yaml:2: key \"a\" stands twice in one map\n");
    assert_int_equal(fixture->manifests.count, 2);
    assert_true(manifests_have_errors(&fixture->manifests));
}

static void large_and_deep_files_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 17U << 20;
    CLEANUP(freep) char *bytes = xmalloc(length);
    memset(bytes, 'x', length);
    temp_write_n(&fixture->folder, "large.yaml", bytes, length);
    memset(bytes, '[', 100000);
    temp_write_n(&fixture->folder, "deep.yaml", bytes, 100000);
    load(fixture, NULL);
    check_told(fixture, "deep.yaml:1: nested deeper than 200 levels\n"
                        "large.yaml:1: larger than 16 MiB, which is the most that is read\n");
    load(fixture, "large.yaml");
    assert_int_equal(fixture->result, 0);
}

static void ten_megabytes_of_manifests_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    size_t count = 0;
    while (text.length < 10U << 20) {
        buf_add_format(
            &text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%zu}\ndata:\n  k: \"%0*d\"\n",
            count++, 4000, 7);
    }
    temp_write(&fixture->folder, "a.yaml", buf_text(&text));
    buf_fini(&text);
    load(fixture, NULL);
    check_told(fixture, "");
    assert_int_equal(fixture->manifests.count, count);
}

static void a_thousand_mistakes_in_one_object_are_not_all_kept(void **state)
{
    struct fixture *fixture = *state;
    struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text, HOOK("a", "  headers:\n"));
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "    - {name: 5}\n");
    temp_write(&fixture->folder, "a.yaml", buf_text(&text));
    buf_fini(&text);
    load(fixture, NULL);
    assert_int_equal(fixture->manifests.items[0].problem_count, 200);
}

static void what_a_server_says_is_kept_but_for_deletion(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "a.yaml",
               "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\n"
               "metadata: {name: a, uid: u-1, generation: 4, creationTimestamp: "
               "'2026-01-02T03:04:05Z', resourceVersion: '77', "
               "deletionTimestamp: '2026-01-02T03:04:05Z'}\n"
               "spec: {url: 'http://a/'}\nstatus: {id: x}\n");
    load(fixture, NULL);
    const struct object *object = only_object(fixture);
    assert_string_equal(object->uid, "u-1");
    assert_int_equal(object->generation, 4);
    assert_int_equal(object->created, 1767323045);
    assert_false(object->deleting);
    assert_true(json_text_is(json_text_get(object_text(object), "status", "id", NULL), "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_manifest_is_completed_as_the_api_server_would, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            an_empty_namespace_is_the_default_one_and_a_namespace_has_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_have_file_line_field_and_hint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64_of_several_lines_is_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_keys_with_dots_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_of_any_kind_are_taken_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_kinds_are_passed_over_with_a_note, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_problem_is_one_line_whatever_it_quotes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mistakes_in_the_head_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_that_stand_twice_are_both_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_named_twice_is_read_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_without_items_are_mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_manifests_are_read_from_a_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_that_took_the_place_of_a_file_does_not_block, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(links_to_files_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_that_is_named_and_cannot_be_read_is_a_failure,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_that_lead_nowhere_are_problems_of_their_files, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unreadable_files_are_problems_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_files_are_told_and_others_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_and_deep_files_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ten_megabytes_of_manifests_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thousand_mistakes_in_one_object_are_not_all_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_server_says_is_kept_but_for_deletion, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
