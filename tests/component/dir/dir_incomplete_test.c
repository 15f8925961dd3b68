/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder that is not whole holds up: nothing is gone that may stand where it is not seen. */
#include "fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_text.h"

/* ---- what cannot be read ---- */

static void a_broken_file_keeps_its_last_good_objects(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "") "---\n" HOOK("b", ""));
    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", ""));
    fixture_start(fixture);
    check_told(
        fixture,
        LISTS("put Webhook default/a g1\nput Webhook default/b g1\nput Webhook default/c g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n") "---\nx: [\n");
    temp_write(&fixture->folder, "d/c.yaml", HOOK("c", "  method: GET\n"));
    fixture_settle(fixture);
    check_told(fixture,
               "put Webhook default/a g1 d/a.yaml:9: not YAML: did not find expected node content\n"
               "put Webhook default/b g1 d/a.yaml:9: not YAML: did not find expected node content\n"
               "put Webhook default/c g2\n" TROUBLE);
    const struct object *object = dir_state_get(fixture->state, OBJECT_WEBHOOK, "default/a");
    assert_true(json_text_is(json_text_get(object_text(object), "spec", "method", NULL), "POST"));
    /* While it is broken, nothing is known to be gone: it may stand in there. */
    temp_unlink(&fixture->folder, "d/c.yaml");
    fixture_settle(fixture);
    check_told(fixture, TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", "  method: GET\n") "---\n" HOOK("b", ""));
    fixture_settle(fixture);
    check_told(
        fixture,
        "put Webhook default/a g2\nput Webhook default/b g1\ngone Webhook default/c\n" RESUMED);
}

static void a_file_that_was_broken_from_the_start_holds_nothing_up_but_deletions(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", "x: [\n");
    temp_write(&fixture->folder, "d/b.yaml", HOOK("b", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/b g1\n") TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n" RESUMED);
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
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
    CLEANUP(freep) char *file = temp_path(&fixture->folder, "d/a.yaml");
    CLEANUP(freep) char *sub = temp_path(&fixture->folder, "d/sub");
    assert_int_equal(chmod(file, 0), 0);
    fixture_settle(fixture);
    check_told(
        fixture,
        "put Webhook default/a g1 d/a.yaml:1: cannot be opened: Permission denied\n" TROUBLE);
    fake_loop_advance(fixture->loop, 5000);
    check_told(fixture, TROUBLE);
    assert_int_equal(chmod(file, 0644), 0);
    fixture_settle(fixture);
    check_told(fixture, "put Webhook default/a g1\n" RESUMED);
    assert_int_equal(chmod(sub, 0), 0);
    fixture_settle(fixture);
    check_told(fixture, TROUBLE);
    assert_int_equal(chmod(sub, 0755), 0);
    fixture_settle(fixture);
    check_told(fixture, RESUMED);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static void a_folder_that_goes_leaves_the_last_good_state(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_rename(&fixture->folder, "d", "elsewhere");
    fixture_settle(fixture);
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
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_unlink(&fixture->folder, "target.yaml");
    fake_loop_advance(fixture->loop, 60000);
    check_told(fixture, "put Webhook default/a g1 d/a.yaml:1: a link that leads nowhere: No such "
                        "file or directory\n" TROUBLE);
    temp_unlink(&fixture->folder, "d/a.yaml");
    fixture_settle(fixture);
    check_told(fixture, "gone Webhook default/a\n" RESUMED);
}

/* ---- what cannot be told by its name ---- */

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
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
    for (size_t i = 0; i < ARRAY_LENGTH(nameless); i++) {
        /* The rest of its file is taken. */
        CLEANUP(freep) char *method = xasprintf("  cooldownPeriod: %zus\n", i + 1);
        CLEANUP(freep) char *text = xasprintf("%s%s---\n%s", HOOK("b", ""), method, nameless[i]);
        CLEANUP(freep) char *again = xasprintf("%s%s", HOOK("b", ""), method);
        CLEANUP(freep) char *want = xasprintf("put Webhook default/b g%zu\n" TROUBLE, i + 2);
        temp_unlink(&fixture->folder, "d/a.yaml");
        temp_write(&fixture->folder, "d/b.yaml", text);
        fixture_settle(fixture);
        if (strcmp(buf_text(&fixture->told), want) != 0)
            fail_msg("%s\n: %s", nameless[i], buf_text(&fixture->told));
        buf_clear(&fixture->told);
        temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
        temp_write(&fixture->folder, "d/b.yaml", again);
        fixture_settle(fixture);
        check_told(fixture, RESUMED);
    }
}

static void a_name_that_cannot_be_is_no_name(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    temp_write(&fixture->folder, "d/a.yaml", HOOK("A", ""));
    fixture_settle(fixture);
    check_told(fixture,
               "put Webhook default/A g1 d/a.yaml:3: metadata.name: not a valid name "
               "(lower-case letters, digits, - and ., at most 253, as in a host name)\n" TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a, namespace: Team", ""));
    fixture_settle(fixture);
    assert_null(strstr(buf_text(&fixture->told), "gone"));
    assert_non_null(strstr(buf_text(&fixture->told), "put Webhook Team/a g1 "));
    assert_non_null(strstr(buf_text(&fixture->told), TROUBLE));
    buf_clear(&fixture->told);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_settle(fixture);
    check_told(fixture, "gone Webhook Team/a\ngone Webhook default/A\n" RESUMED);
}

static void what_could_not_be_named_at_the_start_loses_no_status(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_start(fixture);
    check_told(fixture, LISTS("put Webhook default/a g1\n"));
    write_status(fixture, OBJECT_WEBHOOK, "default/a");
    temp_write(&fixture->folder, "d/a.yaml", nameless[0]);
    fixture_restart(fixture);
    check_told(fixture, LISTS("") TROUBLE);
    temp_write(&fixture->folder, "d/a.yaml", HOOK("a", ""));
    fixture_settle(fixture);
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
        fixture_restart_or_start(fixture);
        check_told(fixture, LISTS("put Webhook default/a g1\nput Webhook default/b g1\n"));
        temp_unlink(&fixture->folder, "d/a.yaml");
        fixture_settle(fixture);
        if (strcmp(buf_text(&fixture->told), "gone Webhook default/a\n") != 0)
            fail_msg("%s\n: %s", others[i], buf_text(&fixture->told));
        buf_clear(&fixture->told);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_file_keeps_its_last_good_objects),
        TEST(a_file_that_was_broken_from_the_start_holds_nothing_up_but_deletions),
        TEST(a_document_that_cannot_be_named_holds_up_what_is_gone),
        TEST(a_name_that_cannot_be_is_no_name),
        TEST(what_could_not_be_named_at_the_start_loses_no_status),
        TEST(what_is_for_others_holds_nothing_up),
        TEST(unreadable_files_and_folders_leave_the_last_good_state),
        TEST(a_folder_that_goes_leaves_the_last_good_state),
        TEST(links_that_lead_nowhere_are_like_unreadable_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
