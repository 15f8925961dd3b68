/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/claims_private.h"
#include "core/path.h"

/*
 * What can be contested: an id, a path on a domain, and a path on any domain by the id of another
 * (the gateway serves each API at /<api_id>/ too). APIs that contest something are neighbours; a
 * change is decided anew for all that can be reached from the changed API over neighbours.
 */
LIST_HEAD(chain, node);

struct claims {
    struct strmap *entries;   /* api key → struct entry */
    struct strmap *conflicts; /* api key → struct claims_conflict */
    struct chain *chains;     /* by hash */
    size_t chain_count;       /* a power of two, or 0 */
    size_t node_count;
    struct entry **unsettled; /* NULL: was taken out */
    size_t unsettled_count;
    size_t unsettled_capacity;
    claims_changed_fn *changed; /* NULL: nobody asks */
    void *arg;
};

static void entry_free(void *value)
{
    struct entry *entry = value;
    object_unref(entry->api);
    if (entry->held != &entry->want)
        free(entry->held);
    free(entry->with);
    free(entry->over);
    free(entry);
}

static void entry_freep(struct entry **entry)
{
    if (*entry)
        entry_free(*entry);
}

struct claims *claims_new(claims_changed_fn *changed, void *arg)
{
    struct claims *claims = xcalloc(1, sizeof(*claims));
    claims->entries = strmap_new(entry_free);
    claims->conflicts = strmap_new(free);
    claims->changed = changed;
    claims->arg = arg;
    return claims;
}

void claims_free(struct claims *claims)
{
    if (!claims)
        return;
    strmap_free(claims->conflicts);
    strmap_free(claims->entries);
    free(claims->unsettled);
    free(claims->chains);
    free(claims);
}

/* ---- what an API claims ---- */

static const char *unless_empty(const char *text)
{
    return str_is_empty(text) ? NULL : text;
}

/* The room that a text takes behind what it belongs to; and puts it there. */
static size_t room_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *put(char **at, const char *text)
{
    size_t room = room_of(text);
    char *place = *at;
    *at += room;
    return text ? memcpy(place, text, room) : NULL;
}

static size_t room_of_claim(const struct claim *claim)
{
    return room_of(claim->context) + room_of(claim->id) + room_of(claim->path);
}

static struct claim put_claim(char **at, const struct claim *claim)
{
    return (struct claim){put(at, claim->context), put(at, claim->id), put(at, claim->path)};
}

char *claims_held_in(const struct object *api)
{
    struct span status = object_status(api);
    struct span ref = json_text_member(status, "contextRef");
    CLEANUP(freep) char *ns = json_text_string(json_text_member(ref, "namespace"));
    CLEANUP(freep) char *name = json_text_string(json_text_member(ref, "name"));
    return ns && name ? object_key_of(ns, name) : NULL;
}

static bool same_claim(const struct claim *a, const struct claim *b)
{
    return str_equal(a->context, b->context) && str_equal(a->id, b->id) &&
           str_equal(a->path, b->path);
}

/* Which hashes an entry is found by, or which it finds its neighbours by. */
struct hashes {
    uint32_t items[9];
    uint32_t count;
};

enum contested { CONTESTED_ID = 'i', CONTESTED_PATH = 'p', CONTESTED_ROUTE = 'r' };

static void add_hash(struct hashes *hashes, enum contested what, const char *const texts[3])
{
    uint64_t hash = (14695981039346656037U ^ what) * 1099511628211U;
    for (size_t i = 0; i < 3; i++) {
        for (const unsigned char *at = (const unsigned char *)(texts[i] ? texts[i] : ""); *at; at++)
            hash = (hash ^ *at) * 1099511628211U;
        hash *= 1099511628211U; /* as of a NUL */
    }
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    for (uint32_t i = 0; i < hashes->count; i++) {
        if (hashes->items[i] == folded)
            return;
    }
    hashes->items[hashes->count++] = folded;
}

/* A route is what a path is found by where only an id may contest it: paths on many domains are not
 * each other's neighbours. */
static void add_claim(struct hashes *hashes, const struct claim *claim, const char *domain,
                      bool finds)
{
    const char *context = claim->context;
    CLEANUP(freep) char *clean = claim->path ? path_clean(claim->path) : NULL;
    if (claim->id)
        add_hash(hashes, CONTESTED_ID, (const char *const[]){context, claim->id, NULL});
    if (claim->id && finds)
        add_hash(hashes, CONTESTED_ROUTE, (const char *const[]){context, claim->id, NULL});
    if (clean)
        add_hash(hashes, CONTESTED_PATH, (const char *const[]){context, clean, domain});
    if (clean && *clean == '/')
        add_hash(hashes, finds ? CONTESTED_ID : CONTESTED_ROUTE,
                 (const char *const[]){context, clean + 1, NULL});
}

static struct hashes hashes_of(const struct claim *want, const struct claim *held,
                               const char *domain, const char *derived, bool finds)
{
    struct hashes hashes = {.count = 0};
    add_claim(&hashes, want, domain, finds);
    if (held != want)
        add_claim(&hashes, held, domain, finds);
    if (derived)
        add_hash(&hashes, CONTESTED_ID, (const char *const[]){want->context, derived, NULL});
    return hashes;
}

static struct claim *make_held(struct entry *entry, const struct claim *held)
{
    if (same_claim(held, &entry->want))
        return &entry->want;
    if (!held->id && !held->path)
        return NULL;
    struct claim *made = xmalloc(sizeof(*made) + room_of_claim(held));
    char *at = (char *)(made + 1);
    *made = put_claim(&at, held);
    return made;
}

static struct entry *make_entry(const struct object *api, const struct api_facts *facts, bool valid)
{
    CLEANUP(freep) char *own_id = valid ? api_derived_id(api->key, facts->form) : NULL;
    bool is_other = valid && facts->api_id_is_explicit && strcmp(own_id, facts->api_id) != 0;
    const char *derived = is_other ? own_id : NULL;
    const char *domain = unless_empty(facts->domain);
    struct claim want = {.id = NULL};
    if (valid)
        want = (struct claim){unless_empty(facts->context), unless_empty(facts->api_id),
                              unless_empty(facts->listen_path)};
    struct span status = object_status(api);
    CLEANUP(freep) char *id = json_text_string(json_text_member(status, "apiId"));
    CLEANUP(freep) char *path = json_text_string(json_text_member(status, "listenPath"));
    CLEANUP(freep) char *context = claims_held_in(api);
    const struct claim held = {context, unless_empty(id), unless_empty(path)};
    const struct hashes hashes = hashes_of(&want, &held, domain, derived, false);

    size_t nodes = hashes.count * sizeof(struct node);
    struct entry *entry = xcalloc(1, sizeof(*entry) + nodes + room_of_claim(&want) +
                                         room_of(domain) + room_of(derived));
    char *at = (char *)entry + sizeof(*entry) + nodes;
    entry->api = object_ref(api);
    entry->want = put_claim(&at, &want);
    entry->held = make_held(entry, &held);
    entry->domain = put(&at, domain);
    entry->derived = put(&at, derived);
    entry->is_explicit = facts->api_id_is_explicit;
    entry->is_reserved = valid && facts->clean_path && path_is_below(facts->clean_path, "/tyk");
    entry->node_count = hashes.count;
    for (uint32_t i = 0; i < hashes.count; i++)
        entry->nodes[i] = (struct node){.hash = hashes.items[i], .index = i};
    return entry;
}

/* Is the second what the first is, as far as decisions go? */
static bool same_entry(const struct entry *a, const struct entry *b)
{
    const struct claim none = {.id = NULL};
    return same_claim(&a->want, &b->want) &&
           same_claim(a->held ? a->held : &none, b->held ? b->held : &none) &&
           str_equal(a->domain, b->domain) && str_equal(a->derived, b->derived) &&
           a->is_explicit == b->is_explicit && a->is_reserved == b->is_reserved &&
           a->api->created == b->api->created;
}

/* ---- neighbours ---- */

static struct entry *owner_of(struct node *node)
{
    return (struct entry *)(void *)((char *)(node - node->index) - offsetof(struct entry, nodes));
}

static struct chain *chain_of(const struct claims *claims, uint32_t hash)
{
    return &claims->chains[hash & (claims->chain_count - 1)];
}

static void put_nodes(struct claims *claims, struct entry *entry)
{
    for (uint32_t i = 0; i < entry->node_count; i++)
        LIST_INSERT_HEAD(chain_of(claims, entry->nodes[i].hash), &entry->nodes[i], chain);
}

static void add_nodes(struct claims *claims, struct entry *entry)
{
    claims->node_count += entry->node_count;
    if (claims->node_count <= claims->chain_count) {
        put_nodes(claims, entry);
        return;
    }
    while (claims->chain_count < claims->node_count)
        claims->chain_count = claims->chain_count ? claims->chain_count * 2 : 64;
    free(claims->chains);
    claims->chains = xcalloc(claims->chain_count, sizeof(*claims->chains));
    for (const struct strmap_entry *each = strmap_first(claims->entries); each;
         each = strmap_next(each))
        put_nodes(claims, strmap_entry_value(each));
}

static void remove_nodes(struct claims *claims, struct entry *entry)
{
    for (uint32_t i = 0; i < entry->node_count; i++)
        LIST_REMOVE(&entry->nodes[i], chain);
    claims->node_count -= entry->node_count;
}

typedef void neighbour_fn(void *arg, struct entry *neighbour);

/* Some of them more than once. */
static void visit_neighbours(const struct claims *claims, const struct entry *entry,
                             neighbour_fn *fn, void *arg)
{
    const struct claim *held = entry->held ? entry->held : &entry->want;
    const struct hashes hashes = hashes_of(&entry->want, held, entry->domain, entry->derived, true);
    for (uint32_t i = 0; i < hashes.count; i++) {
        struct node *node;
        LIST_FOREACH(node, chain_of(claims, hashes.items[i]), chain)
        {
            if (node->hash == hashes.items[i] && owner_of(node) != entry)
                fn(arg, owner_of(node));
        }
    }
}

/* ---- what has to be decided anew ---- */

static void unsettle(void *arg, struct entry *entry)
{
    struct claims *claims = arg;
    if (entry->unsettled)
        return;
    claims->unsettled = xgrow(claims->unsettled, claims->unsettled_count,
                              &claims->unsettled_capacity, sizeof(*claims->unsettled));
    claims->unsettled[claims->unsettled_count++] = entry;
    entry->unsettled = claims->unsettled_count;
}

/* All whose answers it had a part in can be reached from its neighbours. */
static void take_out(struct claims *claims, struct entry *entry)
{
    visit_neighbours(claims, entry, unsettle, claims);
    if (entry->unsettled)
        claims->unsettled[entry->unsettled - 1] = NULL;
    remove_nodes(claims, entry);
    strmap_remove(claims->conflicts, entry->api->key);
}

bool claims_put(struct claims *claims, const struct object *api, const struct api_facts *facts,
                bool valid)
{
    CLEANUP(entry_freep) struct entry *made = make_entry(api, facts, valid);
    struct entry *before = strmap_get(claims->entries, api->key);
    if (before && same_entry(before, made)) {
        object_unref(before->api);
        before->api = object_ref(api);
        return false;
    }
    if (before)
        take_out(claims, before);
    struct entry *entry = TAKE(made);
    strmap_set(claims->entries, api->key, entry);
    add_nodes(claims, entry);
    entry->is_new = true;
    unsettle(claims, entry);
    return true;
}

void claims_remove(struct claims *claims, const char *api_key)
{
    struct entry *entry = strmap_get(claims->entries, api_key);
    if (!entry)
        return;
    take_out(claims, entry);
    strmap_remove(claims->entries, api_key);
}

struct group {
    struct entry **entries;
    size_t count;
    size_t capacity;
};

static void add_to_group(void *arg, struct entry *entry)
{
    struct group *group = arg;
    if (entry->is_grouped)
        return;
    entry->is_grouped = true;
    entry->unsettled = 0;
    group->entries = xgrow(group->entries, group->count, &group->capacity, sizeof(*group->entries));
    group->entries[group->count++] = entry;
}

/* What an entry was told last. */
struct answer {
    struct entry *entry;
    char *with;
    char *over;
};

static void tell(struct claims *claims, struct answer *before)
{
    struct entry *entry = before->entry;
    bool same = str_equal(before->with, entry->with) && str_equal(before->over, entry->over);
    if (entry->over) {
        struct claims_conflict *conflict = xcalloc(1, sizeof(*conflict));
        *conflict = (struct claims_conflict){entry->with, entry->over};
        strmap_set(claims->conflicts, entry->api->key, conflict);
    } else if (before->over) {
        strmap_remove(claims->conflicts, entry->api->key);
    }
    if (!same && !entry->is_new && claims->changed)
        claims->changed(claims->arg, entry->api->key);
    entry->is_grouped = entry->is_new = false;
    free(before->with);
    free(before->over);
}

static void settle_group(struct claims *claims, struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        visit_neighbours(claims, group->entries[i], add_to_group, group);
    struct answer *before = xcalloc(group->count, sizeof(*before));
    for (size_t i = 0; i < group->count; i++) {
        struct entry *entry = group->entries[i];
        before[i] = (struct answer){entry, TAKE(entry->with), TAKE(entry->over)};
    }
    claims_decide(group->entries, group->count);
    for (size_t i = 0; i < group->count; i++)
        tell(claims, &before[i]);
    free(before);
}

void claims_settle(struct claims *claims)
{
    struct group group = {.count = 0};
    for (size_t i = 0; i < claims->unsettled_count; i++) {
        struct entry *entry = claims->unsettled[i];
        if (!entry || entry->unsettled != i + 1)
            continue; /* gone, or in a group that has been decided */
        group.count = 0;
        add_to_group(&group, entry);
        settle_group(claims, &group);
    }
    claims->unsettled_count = 0;
    free(group.entries);
}

const struct claims_conflict *claims_conflict(const struct claims *claims, const char *api_key)
{
    return strmap_get(claims->conflicts, api_key);
}
