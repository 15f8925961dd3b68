/* SPDX-License-Identifier: Apache-2.0 */
#include "core/accepted.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "core/members.h"

/* The annotation is written by users too: it is checked before it is read. */
#define ANNOTATION_DEPTH 16

struct accepted {
    struct strmap *refs; /* ref → struct resolved_ref; without a copy: it was refused */
};

const char *ref_source_name(enum ref_source source)
{
    switch (source) {
    case REF_GLOBAL:
        return "Global";
    case REF_CONVERTED:
        return "Converted";
    case REF_LOCAL:
        return "Local";
    case REF_MISSING:
        break;
    }
    return "Missing";
}

static const char *const policy_names[] = {"Auto", "Rewrite", "Retain"};

const char *conversion_policy_name(enum conversion_policy policy)
{
    return policy_names[policy];
}

enum conversion_policy conversion_policy_read(struct span value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(policy_names); i++) {
        if (json_text_is(value, policy_names[i]))
            return (enum conversion_policy)i;
    }
    return CONVERSION_AUTO;
}

void resolved_ref_fini(struct resolved_ref *ref)
{
    free(ref->ref);
    free(ref->webhook_ns);
    free(ref->webhook_name);
    free(ref->webhook_uid);
    copy_unref(ref->copy);
    *ref = (struct resolved_ref){.ref = NULL};
}

static void free_ref(void *value)
{
    resolved_ref_fini(value);
    free(value);
}

struct accepted *accepted_new(void)
{
    struct accepted *accepted = xcalloc(1, sizeof(*accepted));
    accepted->refs = strmap_new(free_ref);
    return accepted;
}

void accepted_free(struct accepted *accepted)
{
    if (!accepted)
        return;
    strmap_free(accepted->refs);
    free(accepted);
}

void accepted_freep(struct accepted **accepted)
{
    accepted_free(*accepted);
}

static char *text_or_empty(struct span value)
{
    char *text = json_text_string(value);
    return text ? text : xstrdup("");
}

static void read_webhook(struct span webhook, struct resolved_ref *ref)
{
    static const char *const names[] = {"namespace", "name", "uid", "generation",
                                        "conversionPolicy"};
    struct span values[5];
    members_read(webhook, names, 5, values, NULL, NULL);
    ref->webhook_ns = text_or_empty(values[0]);
    ref->webhook_name = text_or_empty(values[1]);
    ref->webhook_uid = text_or_empty(values[2]);
    if (!json_text_int64(values[3], &ref->webhook_generation))
        ref->webhook_generation = 0;
    ref->policy = conversion_policy_read(values[4]);
}

struct reader {
    struct accepted *accepted;
    const char *api_key;
    const struct seal_key *key;
    bool unopened;
};

static struct copy *read_copy(const struct reader *reader, struct span copy, const char *ref)
{
    return reader->unopened ? copy_from_json_unopened(copy, NULL)
                            : copy_from_json(copy, reader->key, reader->api_key, ref, NULL);
}

/* One element of status.webhooks or of the annotation. */
static void read_element(const struct reader *reader, struct span element)
{
    struct accepted *accepted = reader->accepted;
    static const char *const names[] = {"ref", "source", "webhook", "copy"};
    struct span values[4];
    members_read(element, names, 4, values, NULL, NULL);
    CLEANUP(freep) char *ref = json_text_string(values[0]);
    bool converted = json_text_is(values[1], "Converted");
    if (!ref || !*ref || strmap_has(accepted->refs, ref) ||
        (!converted && !json_text_is(values[1], "Global")))
        return;
    struct copy *copy = read_copy(reader, values[3], ref);
    if (!copy)
        return;
    struct resolved_ref *entry = xcalloc(1, sizeof(*entry));
    entry->source = converted ? REF_CONVERTED : REF_GLOBAL;
    entry->copy = copy;
    read_webhook(values[2], entry);
    entry->ref = TAKE(ref);
    strmap_set(accepted->refs, entry->ref, entry);
}

static void read_list(const struct reader *reader, struct span list, bool converted_only)
{
    if (json_text_type(list) != JSON_TEXT_ARRAY)
        return;
    struct json_text_iter iter = json_text_iterate(list);
    while (json_text_next(&iter)) {
        if (!converted_only || json_text_is(json_text_member(iter.value, "source"), "Converted"))
            read_element(reader, iter.value);
    }
}

static void read_all(const struct reader *reader, const struct object *api)
{
    read_list(reader, json_text_get(object_status(api), "webhooks", NULL), false);
    CLEANUP(freep) char *annotation = object_annotation(api, CONVERTED_ANNOTATION);
    struct json_text_limits limits = {.depth = ANNOTATION_DEPTH};
    if (annotation) {
        struct span text = {annotation, strlen(annotation)};
        size_t blank = strspn(annotation, " \t\r\n");
        struct span list = {annotation + blank, text.length - blank};
        if (json_text_check(text, &limits, NULL, NULL) == 0)
            read_list(reader, list, true);
    }
}

struct accepted *accepted_read(const struct object *api, const struct seal_key *key)
{
    struct accepted *accepted = accepted_new();
    read_all(&(struct reader){accepted, api->key, key, false}, api);
    return accepted;
}

struct accepted *accepted_read_unopened(const struct object *api)
{
    struct accepted *accepted = accepted_new();
    read_all(&(struct reader){accepted, api->key, NULL, true}, api);
    return accepted;
}

void accepted_set(struct accepted *accepted, const struct resolved_ref *ref)
{
    if (!ref->copy && !ref->is_refused) {
        strmap_remove(accepted->refs, ref->ref);
        return;
    }
    struct resolved_ref *entry = xcalloc(1, sizeof(*entry));
    *entry = (struct resolved_ref){
        .ref = xstrdup(ref->ref),
        .source = ref->source,
        .webhook_ns = xstrdup(ref->webhook_ns ? ref->webhook_ns : ""),
        .webhook_name = xstrdup(ref->webhook_name ? ref->webhook_name : ""),
        .webhook_uid = xstrdup(ref->webhook_uid ? ref->webhook_uid : ""),
        .webhook_generation = ref->webhook_generation,
        .policy = ref->policy,
        .copy = ref->copy ? copy_ref(ref->copy) : NULL,
        .is_refused = !ref->copy,
    };
    strmap_set(accepted->refs, entry->ref, entry);
}

bool accepted_is_refused(const struct accepted *accepted, const char *ref)
{
    const struct resolved_ref *entry = accepted ? strmap_get(accepted->refs, ref) : NULL;
    return entry && entry->is_refused;
}

const struct resolved_ref *accepted_get(const struct accepted *accepted, const char *ref)
{
    const struct resolved_ref *entry = accepted ? strmap_get(accepted->refs, ref) : NULL;
    return entry && !entry->is_refused ? entry : NULL;
}

size_t accepted_count(const struct accepted *accepted)
{
    return accepted ? strmap_count(accepted->refs) : 0;
}

bool accepted_equal(const struct accepted *a, const struct accepted *b)
{
    if (!a || !b)
        return accepted_count(a) == accepted_count(b);
    if (accepted_count(a) != accepted_count(b))
        return false;
    for (const struct strmap_entry *entry = strmap_first(a->refs); entry;
         entry = strmap_next(entry)) {
        const struct resolved_ref *left = strmap_entry_value(entry);
        const struct resolved_ref *right = strmap_get(b->refs, strmap_entry_key(entry));
        if (!right || left->source != right->source || left->is_refused != right->is_refused ||
            (left->copy && !copy_equal(left->copy, right->copy)))
            return false;
    }
    return true;
}
