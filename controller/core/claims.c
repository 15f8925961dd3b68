/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/ids.h"
#include "core/path.h"

/*
 * What can be contested, as text: "CONTEXT /ID" and "CONTEXT PATH" (the gateway serves each API at
 * /<api_id>/ too, so an id and a path contest the same things). APIs that have a text in common are
 * neighbours; a change is decided anew for all that can be reached from the changed API over
 * neighbours, in one go: first what is recorded, then the rest from the oldest on, all or nothing.
 */

/* One set of things of one API: what it wants, or what is recorded of it. */
struct claim {
    const char *context; /* NULL: the default one */
    const char *id;      /* NULL: none */
    const char *path;    /* as written; NULL: none */
};

/* In one piece of memory with the texts of `want`, domain and derived; so is `held` with its own.
 */
struct entry {
    struct object *api; /* a reference */
    struct claim want;  /* empty when it is refused */
    struct claim *held; /* as its status says: `want` itself when that is the same; NULL: nothing */
    const char *domain; /* NULL: none */
    const char *derived; /* its derived id, where it gives another one; NULL */
    /* The decision; `with` NULL and `over` set: the gateway itself. */
    char *with;
    char *over;
    bool is_explicit;
    bool is_reserved; /* wants a path of the gateway's own */
    bool seen;        /* while neighbours are collected */
};

/* That an entry has a text. Texts of one hash make their entries neighbours, which costs a little
 * time and changes no decision: those compare the texts. */
struct link {
    uint64_t hash;
    struct entry *entry; /* NULL: free */
};
#define LINKS_MAX 5 /* of one entry */

struct claims {
    struct strmap *entries;   /* api key → struct entry */
    struct strmap *conflicts; /* api key → struct claims_conflict */
    struct link *links;       /* open addressing */
    size_t link_count;
    size_t link_capacity; /* a power of two */
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

struct claims *claims_new(void)
{
    struct claims *claims = xcalloc(1, sizeof(*claims));
    claims->entries = strmap_new(entry_free);
    claims->conflicts = strmap_new(free);
    return claims;
}

void claims_free(struct claims *claims)
{
    if (!claims)
        return;
    strmap_free(claims->conflicts);
    strmap_free(claims->entries);
    free(claims->links);
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

static void fill_held(struct entry *entry)
{
    struct span status = object_status(entry->api);
    CLEANUP(freep) char *id = json_text_string(json_text_member(status, "apiId"));
    CLEANUP(freep) char *path = json_text_string(json_text_member(status, "listenPath"));
    CLEANUP(freep) char *context = claims_held_in(entry->api);
    const struct claim held = {context, unless_empty(id), unless_empty(path)};
    if (same_claim(&held, &entry->want)) {
        entry->held = &entry->want;
    } else if (held.id || held.path) {
        entry->held = xmalloc(sizeof(*entry->held) + room_of_claim(&held));
        char *at = (char *)(entry->held + 1);
        *entry->held = put_claim(&at, &held);
    }
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
    struct entry *entry =
        xcalloc(1, sizeof(*entry) + room_of_claim(&want) + room_of(domain) + room_of(derived));
    char *at = (char *)(entry + 1);
    entry->api = object_ref(api);
    entry->want = put_claim(&at, &want);
    entry->domain = put(&at, domain);
    entry->derived = put(&at, derived);
    entry->is_explicit = facts->api_id_is_explicit;
    entry->is_reserved = valid && facts->clean_path && path_is_below(facts->clean_path, "/tyk");
    fill_held(entry);
    return entry;
}

/* ---- neighbours ---- */

static uint64_t hash_add(uint64_t hash, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        hash = (hash ^ *at) * 1099511628211U;
    return hash;
}

/* The hash of "CONTEXT " and `more`. */
static uint64_t hash_text(const char *context, const char *slash, const char *more)
{
    uint64_t hash = hash_add(14695981039346656037U, context ? context : "");
    hash = hash_add(hash, " ");
    hash = hash_add(hash_add(hash, slash), more);
    return hash ^ (hash >> 32); /* the table uses the low bits */
}

static void add_hash(uint64_t hashes[LINKS_MAX], size_t *count, uint64_t hash)
{
    for (size_t i = 0; i < *count; i++) {
        if (hashes[i] == hash)
            return;
    }
    hashes[(*count)++] = hash;
}

static void add_claim(uint64_t hashes[LINKS_MAX], size_t *count, const struct claim *claim)
{
    if (claim->id)
        add_hash(hashes, count, hash_text(claim->context, "/", claim->id));
    if (claim->path) {
        CLEANUP(freep) char *clean = path_clean(claim->path);
        add_hash(hashes, count, hash_text(claim->context, "", clean));
    }
}

/* The hashes of an entry's texts, each once; returns their number. */
static size_t hashes_of(const struct entry *entry, uint64_t hashes[LINKS_MAX])
{
    size_t count = 0;
    add_claim(hashes, &count, &entry->want);
    if (entry->held && entry->held != &entry->want)
        add_claim(hashes, &count, entry->held);
    if (entry->derived)
        add_hash(hashes, &count, hash_text(entry->want.context, "/", entry->derived));
    return count;
}

static void put_link(struct claims *claims, struct link link)
{
    size_t mask = claims->link_capacity - 1;
    size_t i = (size_t)link.hash & mask;
    while (claims->links[i].entry)
        i = (i + 1) & mask;
    claims->links[i] = link;
}

static void add_links(struct claims *claims, struct entry *entry)
{
    uint64_t hashes[LINKS_MAX];
    size_t count = hashes_of(entry, hashes);
    if (claims->link_count + count > claims->link_capacity / 4 * 3) {
        struct link *old = claims->links;
        size_t old_capacity = claims->link_capacity;
        claims->link_capacity = old_capacity ? old_capacity * 2 : 64;
        claims->links = xcalloc(claims->link_capacity, sizeof(*claims->links));
        for (size_t i = 0; i < old_capacity; i++) {
            if (old[i].entry)
                put_link(claims, old[i]);
        }
        free(old);
    }
    for (size_t i = 0; i < count; i++)
        put_link(claims, (struct link){hashes[i], entry});
    claims->link_count += count;
}

static void remove_link(struct claims *claims, uint64_t hash, const struct entry *entry)
{
    size_t mask = claims->link_capacity - 1;
    size_t hole = (size_t)hash & mask;
    while (claims->links[hole].hash != hash || claims->links[hole].entry != entry)
        hole = (hole + 1) & mask;
    /* Whoever was pushed on by the one that goes moves up. */
    for (size_t i = (hole + 1) & mask; claims->links[i].entry; i = (i + 1) & mask) {
        size_t home = (size_t)claims->links[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            claims->links[hole] = claims->links[i];
            hole = i;
        }
    }
    claims->links[hole] = (struct link){.entry = NULL};
    claims->link_count--;
}

static void remove_links(struct claims *claims, const struct entry *entry)
{
    uint64_t hashes[LINKS_MAX];
    size_t count = hashes_of(entry, hashes);
    for (size_t i = 0; i < count; i++)
        remove_link(claims, hashes[i], entry);
}

struct group {
    struct entry **entries;
    size_t count;
    size_t capacity;
};

static void add_to_group(struct group *group, struct entry *entry)
{
    if (entry->seen)
        return;
    entry->seen = true;
    group->entries = xgrow(group->entries, group->count, &group->capacity, sizeof(*group->entries));
    group->entries[group->count++] = entry;
}

/* Adds all that can be reached from the entries of the group. */
static void close_group(const struct claims *claims, struct group *group)
{
    size_t mask = claims->link_capacity - 1;
    for (size_t i = 0; i < group->count; i++) {
        uint64_t hashes[LINKS_MAX];
        size_t count = hashes_of(group->entries[i], hashes);
        for (size_t j = 0; j < count; j++) {
            for (size_t at = (size_t)hashes[j] & mask; claims->links[at].entry;
                 at = (at + 1) & mask) {
                if (claims->links[at].hash == hashes[j])
                    add_to_group(group, claims->links[at].entry);
            }
        }
    }
    for (size_t i = 0; i < group->count; i++)
        group->entries[i]->seen = false;
}

/* ---- deciding a group ---- */

/* The texts of a claim, while it is decided. */
struct texts {
    char *id; /* NULL: none */
    char *path;
    char *route;    /* by id */
    char *own_path; /* by path */
};

static struct texts texts_of(const struct claim *claim, const char *domain)
{
    struct texts texts = {.id = NULL};
    const char *context = claim->context ? claim->context : "";
    if (claim->id) {
        texts.id = xasprintf("%s %s", context, claim->id);
        texts.route = xasprintf("%s /%s", context, claim->id);
    }
    if (claim->path) {
        CLEANUP(freep) char *clean = path_clean(claim->path);
        texts.path = xasprintf("%s %s %s", context, domain ? domain : "", clean);
        texts.own_path = xasprintf("%s %s", context, clean);
    }
    return texts;
}

static void texts_fini(struct texts *texts)
{
    free(texts->id);
    free(texts->path);
    free(texts->route);
    free(texts->own_path);
}

/* Who holds what so far: text → entry. A route may be the id of one API or the path of several (on
 * different domains); of the paths the first two are enough to find one of another API. */
struct holders {
    struct strmap *ids;
    struct strmap *paths;
    struct strmap *routes;
    struct strmap *own_paths;
    struct strmap *more_paths; /* the second */
};

static void hold(struct strmap *map, const char *text, struct entry *entry)
{
    if (text && !strmap_has(map, text))
        strmap_set(map, text, entry);
}

static void hold_texts(struct holders *holders, struct entry *entry, const struct texts *texts)
{
    hold(holders->ids, texts->id, entry);
    hold(holders->paths, texts->path, entry);
    hold(holders->routes, texts->route, entry);
    const char *path = texts->own_path;
    if (path && strmap_get(holders->own_paths, path) != entry)
        hold(strmap_has(holders->own_paths, path) ? holders->more_paths : holders->own_paths, path,
             entry);
}

static void hold_recorded(struct holders *holders, struct entry *entry)
{
    if (!entry->held)
        return;
    CLEANUP(texts_fini) struct texts texts = texts_of(entry->held, entry->domain);
    hold_texts(holders, entry, &texts);
}

static struct entry *other_holder(const struct strmap *map, const char *text,
                                  const struct entry *entry)
{
    struct entry *holder = text ? strmap_get(map, text) : NULL;
    return holder == entry ? NULL : holder;
}

static void lose(struct entry *entry, const struct entry *holder, char *over)
{
    free(entry->with);
    free(entry->over);
    entry->with = holder ? xstrdup(holder->api->key) : NULL;
    entry->over = over;
}

static bool holds_its_id(const struct entry *entry)
{
    return entry->held && str_equal(entry->held->context, entry->want.context) &&
           str_equal(entry->held->id, entry->want.id);
}

/* An explicit id that is the derived id of an older API, which has given itself another one. */
static struct entry *derived_owner(const struct group *group, const struct entry *entry)
{
    if (!entry->is_explicit || !entry->want.id || holds_its_id(entry))
        return NULL;
    for (size_t i = 0; i < group->count; i++) {
        struct entry *other = group->entries[i];
        if (other != entry && str_equal(other->derived, entry->want.id) &&
            str_equal(other->want.context, entry->want.context) &&
            ids_is_older(other->api, entry->api))
            return other;
    }
    return NULL;
}

static void decide(const struct group *group, struct holders *holders, struct entry *entry)
{
    const struct claim *want = &entry->want;
    struct entry *holder;
    if (entry->is_reserved) {
        lose(entry, NULL, xasprintf("listen path %s", want->path));
        return;
    }
    CLEANUP(texts_fini) struct texts texts = texts_of(want, entry->domain);
    if ((holder = other_holder(holders->ids, texts.id, entry)) ||
        (holder = derived_owner(group, entry))) {
        lose(entry, holder, xasprintf("api_id %s", want->id));
        return;
    }
    if ((holder = other_holder(holders->own_paths, texts.route, entry)) ||
        (holder = other_holder(holders->more_paths, texts.route, entry))) {
        lose(entry, holder, xasprintf("path /%s/ of api_id %s", want->id, want->id));
        return;
    }
    if ((holder = other_holder(holders->paths, texts.path, entry)) ||
        (holder = other_holder(holders->routes, texts.own_path, entry))) {
        lose(entry, holder, xasprintf("listen path %s", want->path));
        return;
    }
    hold_texts(holders, entry, &texts);
}

static int by_age(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a;
    const struct entry *right = *(struct entry *const *)b;
    return ids_is_older(left->api, right->api) ? -1 : 1;
}

static void decide_group(struct group *group)
{
    struct holders holders = {strmap_new(NULL), strmap_new(NULL), strmap_new(NULL),
                              strmap_new(NULL), strmap_new(NULL)};
    if (group->count > 1)
        qsort(group->entries, group->count, sizeof(*group->entries), by_age);
    for (size_t i = 0; i < group->count; i++)
        hold_recorded(&holders, group->entries[i]);
    for (size_t i = 0; i < group->count; i++)
        decide(group, &holders, group->entries[i]);
    strmap_free(holders.ids);
    strmap_free(holders.paths);
    strmap_free(holders.routes);
    strmap_free(holders.own_paths);
    strmap_free(holders.more_paths);
}

/* Decides anew and tells whose answer is another one now. */
static void settle(struct claims *claims, struct group *group, const struct entry *quiet,
                   claims_changed_fn *changed, void *arg)
{
    char **before = xcalloc(2 * group->count + 1, sizeof(*before));
    for (size_t i = 0; i < group->count; i++) {
        struct entry *entry = group->entries[i];
        strmap_remove(claims->conflicts, entry->api->key);
        entry->seen = false;
    }
    /* The texts move out, so that a decision starts from nothing; the order changes meanwhile. */
    struct strmap *old = strmap_new(NULL);
    for (size_t i = 0; i < group->count; i++) {
        before[2 * i] = TAKE(group->entries[i]->with);
        before[2 * i + 1] = TAKE(group->entries[i]->over);
        strmap_set(old, group->entries[i]->api->key, &before[2 * i]);
    }
    decide_group(group);
    for (size_t i = 0; i < group->count; i++) {
        struct entry *entry = group->entries[i];
        char **was = strmap_get(old, entry->api->key);
        if (entry->over) {
            struct claims_conflict *conflict = xcalloc(1, sizeof(*conflict));
            *conflict = (struct claims_conflict){entry->with, entry->over};
            strmap_set(claims->conflicts, entry->api->key, conflict);
        }
        if (changed && entry != quiet &&
            (!str_equal(was[0], entry->with) || !str_equal(was[1], entry->over)))
            changed(arg, entry->api->key);
    }
    for (size_t i = 0; i < 2 * group->count; i++)
        free(before[i]);
    free(before);
    strmap_free(old);
}

/* Takes an entry out and adds to the group all that it could reach: whose answers it had a part in.
 */
static void take_out(struct claims *claims, const char *api_key, struct group *group)
{
    struct entry *entry = strmap_get(claims->entries, api_key);
    if (!entry)
        return;
    struct group reached = {.count = 0};
    add_to_group(&reached, entry);
    close_group(claims, &reached);
    for (size_t i = 0; i < reached.count; i++) {
        if (reached.entries[i] != entry)
            add_to_group(group, reached.entries[i]);
    }
    free(reached.entries);
    remove_links(claims, entry);
    strmap_remove(claims->conflicts, api_key);
    strmap_remove(claims->entries, api_key);
}

void claims_put(struct claims *claims, const struct object *api, const struct api_facts *facts,
                bool valid, claims_changed_fn *changed, void *arg)
{
    struct group group = {.count = 0};
    take_out(claims, api->key, &group);
    struct entry *entry = make_entry(api, facts, valid);
    strmap_set(claims->entries, api->key, entry);
    add_links(claims, entry);
    add_to_group(&group, entry);
    close_group(claims, &group);
    settle(claims, &group, entry, changed, arg);
    free(group.entries);
}

void claims_remove(struct claims *claims, const char *api_key, claims_changed_fn *changed,
                   void *arg)
{
    struct group group = {.count = 0};
    take_out(claims, api_key, &group);
    settle(claims, &group, NULL, changed, arg);
    free(group.entries);
}

const struct claims_conflict *claims_conflict(const struct claims *claims, const char *api_key)
{
    return strmap_get(claims->conflicts, api_key);
}
