/* SPDX-License-Identifier: Apache-2.0 */
/* What a run would do with one gateway: the decisions are core/plan's. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/diff.h"
#include "core/definition.h"
#include "gateway/foreign.h"

static struct diff_entry *add_entry(struct diff_gateway *gateway, enum diff_kind kind,
                                    const struct diff_want *want, const struct diff_found *found,
                                    char *why)
{
    gateway->entries = xgrow(gateway->entries, gateway->entry_count, &gateway->entry_capacity,
                             sizeof(*gateway->entries));
    struct diff_entry *entry = &gateway->entries[gateway->entry_count++];
    *entry = (struct diff_entry){.kind = kind, .want = want, .found = found, .why = why};
    return entry;
}

static uint64_t claim_of(const struct diff_want *want)
{
    const struct api_facts *facts = &want->api->resolution.facts;
    return listen_path_claim(facts->listen_path ? facts->listen_path : "", facts->domain);
}

static char *why_changed(const struct diff_want *want, const struct diff_found *found)
{
    bool wants_oas = want->api->resolution.facts.form == API_FORM_OAS;
    if (found->whose != PLAN_OURS)
        return xstrdup("adopted");
    if (wants_oas != found->is_oas)
        return xstrdup(wants_oas ? "from Classic to OAS" : "from OAS to Classic");
    if (found->is_same)
        return xstrdup(found->form == PLAN_FORM_RENAMED
                           ? "the gateway has renamed its listen path"
                           : "its listen path or target is not what was pushed");
    return strcmp(found->marker.hash, want->hash) == 0 ? xstrdup("only Grapnel's marker")
                                                       : xstrdup("the definition");
}

static void plan_want(struct diff_gateway *gateway, const struct diff_want *want,
                      const struct diff_found *found, const struct foreign *foreign)
{
    const char *api_id = want->api->resolution.facts.api_id;
    struct plan_case plan_case = {
        .wish = PLAN_WANTED,
        .found = found ? found->whose : PLAN_ABSENT,
        .same = found && found->is_same,
        .form = found ? found->form : PLAN_FORM_GOOD,
        .may_adopt = want->adopt && want->context->allow_adoption,
        .path_is_taken = foreign_claims(foreign, claim_of(want), api_id),
    };
    switch (plan_decide(&plan_case)) {
    case PLAN_LEAVE:
        gateway->unchanged++;
        break;
    case PLAN_POST:
    case PLAN_POST_RAISED:
        if (found) {
            struct diff_entry *entry =
                add_entry(gateway, DIFF_CHANGED, want, found, why_changed(want, found));
            entry->compares = (want->api->resolution.facts.form == API_FORM_OAS) == found->is_oas;
        } else {
            add_entry(gateway, DIFF_ADDED, want, NULL, NULL);
        }
        break;
    case PLAN_FOREIGN:
        /* NOLINTBEGIN(clang-analyzer-core.NullDereference): it is foreign, so it is there */
        add_entry(gateway, DIFF_BLOCKED, want, found,
                  xstrdup(found->whose == PLAN_OTHERS
                              ? "another Grapnel's definition has the id"
                              : "a definition of somebody else has the id"));
        /* NOLINTEND(clang-analyzer-core.NullDereference) */
        break;
    case PLAN_PATH_TAKEN:
        add_entry(gateway, DIFF_BLOCKED, want, found,
                  xstrdup("a definition of somebody else has the listen path"));
        break;
    case PLAN_DELETE:
    case PLAN_HOLD:
    case PLAN_AWAIT:
    case PLAN_ORPHAN:
    case PLAN_FORGET:
        break; /* not for what is wanted by who is not behind */
    }
}

static bool has_context(const struct diff_gateway *gateway, const char *name)
{
    for (size_t i = 0; i < gateway->context_count; i++) {
        if (strcmp(gateway->contexts[i]->name, name) == 0)
            return true;
    }
    return false;
}

static bool is_watched(const struct diff_gateway *gateway, const char *key)
{
    const struct option_texts *namespaces = &gateway->diff->options->namespaces;
    CLEANUP(freep) char *ns = object_key_ns(key);
    for (size_t i = 0; i < namespaces->count; i++) {
        if (strcmp(namespaces->items[i], ns) == 0)
            return true;
    }
    return !namespaces->count;
}

/* Ours, and nothing wants it under this id here: true when it goes because nobody names its object
 * (an orphan). */
static bool plan_stray(struct diff_gateway *gateway, const struct diff_found *found)
{
    const struct diff_want *want = strmap_get(gateway->diff->wanted, found->marker.api);
    if (!want) {
        bool stays = gateway->diff->not_whole || !has_context(gateway, found->marker.context) ||
                     found->marker.retain || !is_watched(gateway, found->marker.api);
        gateway->kept += stays;
        if (!stays)
            add_entry(gateway, DIFF_DELETED, NULL, found,
                      xstrdup("there is no such ApiDefinition"));
        return !stays;
    }
    if (!want->has_document)
        gateway->kept++;
    else
        add_entry(
            gateway, DIFF_DELETED, want, found,
            str_equal(want->context->name, found->marker.context)
                ? xasprintf("it has another id now, %s", want->api->resolution.facts.api_id)
                : xasprintf("it moves to %s%s", *want->context->name ? "context " : "",
                            *want->context->name ? want->context->name : "the default context"));
    return false;
}

static void plan_foreign(struct diff_gateway *gateway, const struct diff_found *found)
{
    if (strmap_has(gateway->ids, found->api_id))
        return; /* told with the API that wants its id */
    char *why = found->whose == PLAN_UNMARKED ? xstrdup("no marker")
                : found->marker.owner ? xasprintf("of Grapnel %s, cluster %s", found->marker.owner,
                                                  found->marker.cluster)
                                      : xstrdup("an unknown marker");
    add_entry(gateway, DIFF_FOREIGN, NULL, found, why);
}

static bool prune_is_confirmed(const struct diff_gateway *gateway)
{
    for (size_t i = 0; i < gateway->context_count; i++) {
        if (gateway->contexts[i]->confirm_prune)
            return true;
    }
    return false;
}

static const char *entry_key(const struct diff_entry *entry)
{
    if (entry->want)
        return entry->want->api->object->key;
    return entry->found->whose == PLAN_OURS ? entry->found->marker.api : entry->found->api_id;
}

static int by_kind_and_key(const void *a, const void *b)
{
    const struct diff_entry *left = a;
    const struct diff_entry *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return strcmp(entry_key(left), entry_key(right));
}

static void plan_wants(struct diff_gateway *gateway, struct strmap *found_by_id,
                       const struct foreign *foreign)
{
    const struct diff *diff = gateway->diff;
    for (size_t i = 0; i < diff->offline->api_count; i++) {
        const struct diff_want *want = &diff->wants[i];
        if (!want->has_document || !want->context || !has_context(gateway, want->context->name))
            continue;
        const char *api_id = want->api->resolution.facts.api_id;
        const struct diff_found *found = strmap_get(found_by_id, api_id);
        if (strmap_get(gateway->ids, api_id) == want)
            plan_want(gateway, want, found, foreign);
        else
            add_entry(gateway, DIFF_BLOCKED, want, found,
                      xstrdup("another ApiDefinition has the id there"));
    }
}

/* In a folder the last APIs are too many, however few; in a cluster they are seen to go. */
static bool is_mass_deletion(const struct diff *diff, size_t orphans, size_t ours)
{
    bool is_emptied = !diff->options->cluster && !diff->offline->api_count && orphans;
    return is_emptied || plan_is_mass_deletion(orphans, ours);
}

void diff_plan(struct diff_gateway *gateway)
{
    struct foreign foreign = {0};
    struct strmap *found_by_id = strmap_new(NULL);
    for (size_t i = 0; i < gateway->found_count; i++) {
        struct diff_found *found = &gateway->found[i];
        strmap_set(found_by_id, found->api_id, found);
        for (size_t j = 0; j < ARRAY_LENGTH(found->claims); j++) {
            if (found->claims[j])
                foreign_add_claim(&foreign, found->api_id, found->claims[j]);
        }
    }
    foreign_sort(&foreign);
    plan_wants(gateway, found_by_id, &foreign);
    size_t orphans = 0;
    size_t ours = strmap_count(gateway->ids);
    for (size_t i = 0; i < gateway->found_count; i++) {
        const struct diff_found *found = &gateway->found[i];
        if (found->whose != PLAN_OURS) {
            plan_foreign(gateway, found);
        } else if (!strmap_has(gateway->ids, found->api_id)) {
            ours++;
            orphans += plan_stray(gateway, found);
        }
    }
    gateway->holds_orphans =
        is_mass_deletion(gateway->diff, orphans, ours) && !prune_is_confirmed(gateway);
    if (gateway->entry_count)
        qsort(gateway->entries, gateway->entry_count, sizeof(*gateway->entries), by_kind_and_key);
    strmap_free(found_by_id);
    foreign_fini(&foreign);
}
