/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/manifest_head.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/problem.h"
#include "dir/manifest_meant.h"

#define GROUP "tyk.tyk.io/"
#define GROUP_VERSION GROUP "v1alpha1"
#define LISTS_WITHIN_LISTS 4

/* What a list says about those of its elements that do not say it themselves. */
struct inherited {
    const char *api_version;
    const char *kind;
    unsigned depth;
};

static void read_one(struct span item, const struct inherited *inherited,
                     struct manifest_heads *heads);

static struct manifest_head *add_head(struct manifest_heads *heads, struct span item)
{
    heads->items = xgrow(heads->items, heads->count, &heads->capacity, sizeof(*heads->items));
    struct manifest_head *head = &heads->items[heads->count++];
    *head = (struct manifest_head){.item = item, .at = item.ptr, .field = ""};
    return head;
}

void manifest_heads_fini(struct manifest_heads *heads)
{
    for (size_t i = 0; i < heads->count; i++) {
        free(heads->items[i].api_version);
        free(heads->items[i].message);
        free(heads->items[i].hint);
    }
    free(heads->items);
    *heads = (struct manifest_heads){0};
}

/* Takes the message; the hint is copied. */
static void judge(struct manifest_head *head, enum manifest_verdict verdict, const char *field,
                  char *message, const char *hint)
{
    struct span value = json_text_member(head->item, field);
    head->verdict = verdict;
    head->field = field;
    head->at = value.ptr ? value.ptr : head->item.ptr;
    head->message = message;
    head->hint = hint ? xstrdup(hint) : NULL;
}

/* Returns owned: apiVersion or kind; NULL when it is absent or (judged) no text. */
static char *head_text(struct manifest_head *head, const char *field, const char *otherwise)
{
    struct span value = json_text_member(head->item, field);
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL || json_text_is(value, ""))
        return otherwise ? xstrdup(otherwise) : NULL;
    if (type != JSON_TEXT_STRING && !head->message)
        judge(head, MANIFEST_WRONG, field,
              xasprintf("a text is expected, not %s", problem_found(value)), "put it in quotes");
    return json_text_string(value);
}

static void judge_incomplete(struct manifest_head *head, const char *api_version, const char *kind)
{
    bool is_manifest =
        json_text_member(head->item, "metadata").ptr || json_text_member(head->item, "spec").ptr;
    head->hides = manifest_is_meant(head->item, api_version, kind);
    if (!api_version && !kind && !is_manifest)
        judge(head, MANIFEST_FOREIGN, "",
              xstrdup("no manifest of Kubernetes (apiVersion and kind are missing), passed over"),
              NULL);
    else if (!kind)
        judge(head, MANIFEST_WRONG, "kind", xstrdup("missing"),
              "ApiDefinition, Webhook, OperatorContext, or a kind of Kubernetes");
    else
        judge(head, MANIFEST_WRONG, "apiVersion", xstrdup("missing"),
              "of Grapnel's own kinds it is " GROUP_VERSION);
}

/* Not one of our kinds: another one, or a mistake? */
static void judge_unknown(struct manifest_head *head, const char *api_version, const char *kind)
{
    enum object_kind ignored;
    bool our_kind = object_kind_from_name(GROUP_VERSION, kind, &ignored);
    bool our_group = str_starts(api_version, GROUP);
    head->hides = manifest_is_meant(head->item, api_version, kind);
    if (!head->hides)
        judge(head, MANIFEST_FOREIGN, "kind",
              xasprintf("%s of %s is none of Grapnel's kinds, passed over", kind, api_version),
              our_kind ? "if it is meant for Grapnel, its apiVersion is " GROUP_VERSION : NULL);
    else if (our_kind && our_group)
        judge(head, MANIFEST_WRONG, "apiVersion",
              xasprintf("there is no version %s of %s", api_version + strlen(GROUP), kind),
              "it is " GROUP_VERSION);
    else if (our_kind)
        judge(head, MANIFEST_WRONG, "apiVersion",
              xasprintf("there is no %s in %s", kind, api_version), "it is " GROUP_VERSION);
    else
        judge(head, MANIFEST_WRONG, "kind",
              xasprintf("there is no kind %s in %s", kind, api_version),
              our_group ? "the kinds are ApiDefinition, Webhook and OperatorContext"
                        : "Grapnel's kinds are ApiDefinition, Webhook and OperatorContext "
                          "of " GROUP_VERSION);
}

/* Is it a list, and of which kind are its elements ("" when it does not say)? */
static bool is_list(struct span item, const char *kind, char **ret_element_kind)
{
    if (!str_ends(kind, "List") ||
        json_text_type(json_text_member(item, "items")) != JSON_TEXT_ARRAY)
        return false;
    *ret_element_kind = xstrndup(kind, strlen(kind) - strlen("List"));
    return true;
}

/* A list whose items are absent, null or no list, which kubectl refuses too (measured with 1.36):
 * what was meant to be in it is not. Kinds of others may end in List without being one. */
static bool judge_broken_list(struct manifest_head *head, const char *api_version, const char *kind)
{
    enum object_kind ignored;
    CLEANUP(freep) char *element_kind = NULL;
    if (str_ends(kind, "List"))
        element_kind = xstrndup(kind, strlen(kind) - strlen("List"));
    bool is_plain = strcmp(kind, "List") == 0 && strcmp(api_version, "v1") == 0;
    if (!is_plain && !(element_kind && object_kind_from_name(api_version, element_kind, &ignored)))
        return false;
    head->hides = true;
    struct span items = json_text_member(head->item, "items");
    enum json_text_type type = json_text_type(items);
    if (type == JSON_TEXT_ARRAY)
        judge(head, MANIFEST_WRONG, "items",
              xasprintf("more than %d lists within lists", LISTS_WITHIN_LISTS), NULL);
    else if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL)
        judge(head, MANIFEST_WRONG, "items", xstrdup("missing"),
              "a list without objects is items: []");
    else
        judge(head, MANIFEST_WRONG, "items",
              xasprintf("a list is expected, not %s", problem_found(items)), NULL);
    return true;
}

static void read_list(struct span item, const struct inherited *inherited,
                      struct manifest_heads *heads)
{
    struct json_text_iter iter = json_text_iterate(json_text_member(item, "items"));
    while (json_text_next(&iter))
        read_one(iter.value, inherited, heads);
}

static void read_one(struct span item, const struct inherited *inherited,
                     struct manifest_heads *heads)
{
    struct manifest_head *head = add_head(heads, item);
    enum json_text_type type = json_text_type(item);
    if (type != JSON_TEXT_OBJECT) {
        judge(head, MANIFEST_WRONG, "",
              xasprintf("a manifest is a map with apiVersion, kind and metadata, not %s",
                        problem_found(item)),
              NULL);
        head->hides = inherited->depth || manifest_is_meant_text(item);
        return;
    }
    CLEANUP(freep)
    char *api_version = head_text(head, "apiVersion", inherited->api_version);
    CLEANUP(freep) char *kind = head_text(head, "kind", inherited->kind);
    if (head->message) {
        head->hides = manifest_is_meant(item, api_version, kind);
        return;
    }
    if (!api_version || !kind) {
        judge_incomplete(head, api_version, kind);
        return;
    }
    CLEANUP(freep) char *element_kind = NULL;
    if (inherited->depth < LISTS_WITHIN_LISTS && is_list(item, kind, &element_kind)) {
        heads->count--;
        struct inherited within = {*element_kind ? api_version : NULL,
                                   *element_kind ? element_kind : NULL, inherited->depth + 1};
        read_list(item, &within, heads);
        return;
    }
    if (!object_kind_from_name(api_version, kind, &head->kind) &&
        !judge_broken_list(head, api_version, kind))
        judge_unknown(head, api_version, kind);
    head->api_version = TAKE(api_version);
}

void manifest_heads_read(struct span document, struct manifest_heads *ret_heads)
{
    static const struct inherited nothing = {NULL, NULL, 0};
    *ret_heads = (struct manifest_heads){0};
    read_one(document, &nothing, ret_heads);
}
