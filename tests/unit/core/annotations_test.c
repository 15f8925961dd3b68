/* SPDX-License-Identifier: Apache-2.0 */
#include "core/annotations.h"

#include "make.h"

#include "base/mem.h"

static struct object *annotated(enum object_kind kind, const char *annotations)
{
    CLEANUP(freep)
    char *yaml = xasprintf("{metadata: {name: a, namespace: b, annotations: {%s}}}", annotations);
    return make_object(kind, yaml);
}

static bool retains(const char *annotations)
{
    struct object *api = annotated(OBJECT_API, annotations);
    bool result = annotations_retain(api);
    object_unref(api);
    return result;
}

static void what_cannot_be_read_as_delete_is_retained(void **state)
{
    (void)state;
    static const char *const kept[] = {"Retain", "retain", "RETAIN", "Keep", "true", "Retain "};
    static const char *const gone[] = {"''", "Delete", "delete"};
    assert_false(retains(""));
    assert_false(retains("grapnel.dev/deletionPolicy: Retain"));
    for (size_t i = 0; i < ARRAY_LENGTH(kept); i++) {
        CLEANUP(freep) char *text = xasprintf("grapnel.dev/deletion-policy: '%s'", kept[i]);
        if (!retains(text))
            fail_msg("%s was not retained", kept[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(gone); i++) {
        CLEANUP(freep) char *text = xasprintf("grapnel.dev/deletion-policy: %s", gone[i]);
        if (retains(text))
            fail_msg("%s was retained", gone[i]);
    }
}

/* Returns owned: what is said, "field|hint" a line. */
static char *said(enum object_kind kind, const char *annotations)
{
    struct object *object = annotated(kind, annotations);
    struct problems problems = {.count = 0};
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    annotations_lint(object, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        const struct problem *problem = &problems.items[i];
        assert_int_equal(problem->severity, PROBLEM_WARNING);
        assert_string_equal(problem->reason, "UnknownAnnotation");
        buf_add_format(&out, "%s%s|%s|%s", i ? "\n" : "",
                       problem->field + strlen("metadata.annotations.grapnel.dev/"),
                       problem->message, problem->hint ? problem->hint : "");
    }
    problems_fini(&problems);
    object_unref(object);
    return buf_take(&out);
}

static void what_has_no_effect_is_told(void **state)
{
    (void)state;
    static const struct {
        enum object_kind kind;
        const char *annotations;
        const char *said;
    } table[] = {
        {OBJECT_API, "", ""},
        {OBJECT_API, "team: a, example.com/adopt: maybe", ""},
        {OBJECT_API, "grapnel.dev/adopt: 'true', grapnel.dev/deletion-policy: retain", ""},
        {OBJECT_API, "grapnel.dev/adopt: 'false', grapnel.dev/deletion-policy: Delete", ""},
        {OBJECT_API, "grapnel.dev/converted-webhooks: '[]'", ""},
        {OBJECT_CONTEXT, "grapnel.dev/confirm-prune: 'true'", ""},
        {OBJECT_API, "grapnel.dev/adopt: 'yes'",
         "adopt|it has no effect with the value yes|\"true\" is what counts"},
        {OBJECT_API, "grapnel.dev/deletion-policy: Keep",
         "deletion-policy|it counts as Retain, as nobody knows what is meant by Keep|"
         "Retain or Delete"},
        {OBJECT_API, "grapnel.dev/deletionPolicy: Retain",
         "deletionPolicy|unknown annotation, it has no effect|"
         "did you mean grapnel.dev/deletion-policy?"},
        {OBJECT_API, "grapnel.dev/adpot: 'true', grapnel.dev/rest: '1'",
         "adpot|unknown annotation, it has no effect|did you mean grapnel.dev/adopt?\n"
         "rest|unknown annotation, it has no effect|"},
        {OBJECT_API, "grapnel.dev/confirm-prune: 'true'",
         "confirm-prune|unknown annotation, it has no effect|"},
        {OBJECT_CONTEXT, "grapnel.dev/confirm-prune: 'yes'",
         "confirm-prune|it has no effect with the value yes|\"true\" is what counts"},
        {OBJECT_CONTEXT,
         "grapnel.dev/confirm-prune: '12345678901234567890123456789012345678901234567890"
         "123456789012345678901234567890'",
         "confirm-prune|it has no effect with the value 12345678901234567890123456789012345678901"
         "23456789012345678901234…|\"true\" is what counts"},
        {OBJECT_WEBHOOK, "grapnel.dev/deletion-policy: Retain",
         "deletion-policy|unknown annotation, it has no effect|"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep) char *text = said(table[i].kind, table[i].annotations);
        assert_string_equal(text, table[i].said);
    }
}

static void adoption_and_pruning_need_true(void **state)
{
    (void)state;
    struct object *api = annotated(OBJECT_API, "grapnel.dev/adopt: 'true'");
    struct object *other = annotated(OBJECT_API, "grapnel.dev/adopt: 'yes'");
    struct object *context = annotated(OBJECT_CONTEXT, "grapnel.dev/confirm-prune: 'true'");
    assert_true(annotations_adopt(api));
    assert_false(annotations_adopt(other));
    assert_true(annotations_confirm_prune(context));
    assert_false(annotations_confirm_prune(api));
    object_unref(api);
    object_unref(other);
    object_unref(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_as_delete_is_retained),
        cmocka_unit_test(what_has_no_effect_is_told),
        cmocka_unit_test(adoption_and_pruning_need_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
