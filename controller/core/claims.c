/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/ids.h"
#include "core/path.h"

/*
 * What can be contested, as text: "i CONTEXT ID", "p CONTEXT DOMAIN PATH", "r CONTEXT /ID" (the
 * gateway serves each API at /<api_id>/ too). APIs that have a text in common are neighbours; a
 * change is decided anew for all that can be reached from the changed API over neighbours, in one
 * go: first what is recorded, then the rest from the oldest on, all or nothing.
 */
enum { WANT_ID, WANT_PATH, WANT_ROUTE, WANT_OWN_PATH, WANT_COUNT };

/* One set of things of one API: what it wants, or what is recorded of it. */
struct claim {
    char *texts[WANT_COUNT]; /* NULL: none; OWN_PATH: its listen path, as a route of another */
    char *id;
    char *path; /* as written, for messages */
};

struct entry {
    struct object *api; /* a reference */
    struct claim want;  /* empty when it is refused */
    struct claim held;  /* as its status says */
    char *derived;      /* "i CONTEXT ID" of its derived id, where it gives another one; NULL */
    bool is_explicit;
    bool is_reserved; /* wants a path of the gateway's own */
    /* The decision; `with` NULL and `over` set: the gateway itself. */
    char *with;
    char *over;
    bool seen; /* while neighbours are collected */
};

struct neighbours {
    struct entry **entries;
    size_t count;
    size_t capacity;
};

struct claims {
    struct strmap *entries;   /* api key → struct entry */
    struct strmap *texts;     /* text → struct neighbours */
    struct strmap *conflicts; /* api key → struct claims_conflict */
};

static void claim_fini(struct claim *claim)
{
    for (size_t i = 0; i < WANT_COUNT; i++)
        free(claim->texts[i]);
    free(claim->id);
    free(claim->path);
    *claim = (struct claim){.id = NULL};
}

static void entry_free(void *value)
{
    struct entry *entry = value;
    object_unref(entry->api);
    claim_fini(&entry->want);
    claim_fini(&entry->held);
    free(entry->derived);
    free(entry->with);
    free(entry->over);
    free(entry);
}

static void neighbours_free(void *value)
{
    struct neighbours *neighbours = value;
    free(neighbours->entries);
    free(neighbours);
}

struct claims *claims_new(void)
{
    struct claims *claims = xcalloc(1, sizeof(*claims));
    claims->entries = strmap_new(entry_free);
    claims->texts = strmap_new(neighbours_free);
    claims->conflicts = strmap_new(free);
    return claims;
}

void claims_free(struct claims *claims)
{
    if (!claims)
        return;
    strmap_free(claims->texts);
    strmap_free(claims->conflicts);
    strmap_free(claims->entries);
    free(claims);
}

/* ---- what an API claims ---- */

static char *id_text(const char *context, const char *id)
{
    return xasprintf("i %s %s", context, id);
}

static void fill_claim(struct claim *claim, const char *context, const char *id, const char *path,
                       const char *domain)
{
    if (!str_is_empty(id)) {
        claim->id = xstrdup(id);
        claim->texts[WANT_ID] = id_text(context, id);
        claim->texts[WANT_ROUTE] = xasprintf("r %s /%s", context, id);
    }
    if (!str_is_empty(path)) {
        CLEANUP(freep) char *clean = path_clean(path);
        claim->path = xstrdup(path);
        claim->texts[WANT_PATH] = xasprintf("p %s %s %s", context, domain, clean);
        claim->texts[WANT_OWN_PATH] = xasprintf("r %s %s", context, clean);
    }
}

/* Returns owned: the context that the status names, "" for the default one. */
static char *recorded_context(struct span status)
{
    struct span ref = json_text_member(status, "contextRef");
    CLEANUP(freep) char *ns = json_text_string(json_text_member(ref, "namespace"));
    CLEANUP(freep) char *name = json_text_string(json_text_member(ref, "name"));
    return ns && name ? object_key_of(ns, name) : xstrdup("");
}

static struct entry *make_entry(const struct object *api, const struct api_facts *facts, bool valid)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    entry->api = object_ref(api);
    entry->is_explicit = facts->api_id_is_explicit;
    const char *context = facts->context ? facts->context : "";
    if (valid) {
        fill_claim(&entry->want, context, facts->api_id, facts->listen_path, facts->domain);
        entry->is_reserved = facts->clean_path && path_is_below(facts->clean_path, "/tyk");
        CLEANUP(freep) char *derived = api_derived_id(api->key, facts->form);
        if (facts->api_id_is_explicit && strcmp(derived, facts->api_id) != 0)
            entry->derived = id_text(context, derived);
    }
    struct span status = api->status;
    CLEANUP(freep) char *id = json_text_string(json_text_member(status, "apiId"));
    CLEANUP(freep) char *path = json_text_string(json_text_member(status, "listenPath"));
    CLEANUP(freep) char *held_context = recorded_context(status);
    fill_claim(&entry->held, held_context, id, path, facts->domain);
    return entry;
}

/* ---- neighbours ---- */

typedef void text_visit_fn(struct claims *claims, struct entry *entry, const char *text);

static void visit_texts(struct claims *claims, struct entry *entry, text_visit_fn *fn)
{
    for (size_t i = 0; i < WANT_COUNT; i++) {
        if (entry->want.texts[i])
            fn(claims, entry, entry->want.texts[i]);
        if (entry->held.texts[i] && !str_equal(entry->held.texts[i], entry->want.texts[i]))
            fn(claims, entry, entry->held.texts[i]);
    }
    if (entry->derived)
        fn(claims, entry, entry->derived);
}

static void link_text(struct claims *claims, struct entry *entry, const char *text)
{
    struct neighbours *neighbours = strmap_get(claims->texts, text);
    if (!neighbours) {
        neighbours = xcalloc(1, sizeof(*neighbours));
        strmap_set(claims->texts, text, neighbours);
    }
    neighbours->entries = xgrow(neighbours->entries, neighbours->count, &neighbours->capacity,
                                sizeof(*neighbours->entries));
    neighbours->entries[neighbours->count++] = entry;
}

/* A text may stand for one entry twice ("/x" as its id's route and as its path). */
static void unlink_text(struct claims *claims, struct entry *entry, const char *text)
{
    struct neighbours *neighbours = strmap_get(claims->texts, text);
    size_t kept = 0;
    for (size_t i = 0; neighbours && i < neighbours->count; i++) {
        if (neighbours->entries[i] != entry)
            neighbours->entries[kept++] = neighbours->entries[i];
    }
    if (neighbours)
        neighbours->count = kept;
    if (neighbours && !kept)
        strmap_remove(claims->texts, text);
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

static void add_neighbours(const struct claims *claims, struct group *group, const char *text)
{
    const struct neighbours *neighbours = text ? strmap_get(claims->texts, text) : NULL;
    for (size_t i = 0; neighbours && i < neighbours->count; i++)
        add_to_group(group, neighbours->entries[i]);
}

/* Adds all that can be reached from the entries of the group. */
static void close_group(const struct claims *claims, struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct entry *entry = group->entries[i];
        for (size_t j = 0; j < WANT_COUNT; j++) {
            add_neighbours(claims, group, entry->want.texts[j]);
            add_neighbours(claims, group, entry->held.texts[j]);
        }
        add_neighbours(claims, group, entry->derived);
    }
    for (size_t i = 0; i < group->count; i++)
        group->entries[i]->seen = false;
}

/* ---- deciding a group ---- */

/* Who holds what so far: text → entry. A route may be the id of one API or the path of several (on
 * different domains); of the paths the first two are enough to find one of another API. */
struct holders {
    struct strmap *ids;
    struct strmap *paths;
    struct strmap *routes;     /* by id */
    struct strmap *own_paths;  /* by path */
    struct strmap *more_paths; /* the second */
};

static void hold(struct strmap *map, const char *text, struct entry *entry)
{
    if (text && !strmap_has(map, text))
        strmap_set(map, text, entry);
}

static void hold_claim(struct holders *holders, struct entry *entry, const struct claim *claim)
{
    hold(holders->ids, claim->texts[WANT_ID], entry);
    hold(holders->paths, claim->texts[WANT_PATH], entry);
    hold(holders->routes, claim->texts[WANT_ROUTE], entry);
    const char *path = claim->texts[WANT_OWN_PATH];
    if (path && strmap_get(holders->own_paths, path) != entry)
        hold(strmap_has(holders->own_paths, path) ? holders->more_paths : holders->own_paths, path,
             entry);
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

/* An explicit id that is the derived id of an older API, which has given itself another one. */
static struct entry *derived_owner(const struct claims *claims, const struct entry *entry)
{
    const char *text = entry->want.texts[WANT_ID];
    const struct neighbours *neighbours =
        entry->is_explicit && text ? strmap_get(claims->texts, text) : NULL;
    for (size_t i = 0; neighbours && i < neighbours->count; i++) {
        struct entry *other = neighbours->entries[i];
        if (other != entry && str_equal(other->derived, text) &&
            ids_is_older(other->api, entry->api) && !str_equal(entry->held.texts[WANT_ID], text))
            return other;
    }
    return NULL;
}

static void decide(const struct claims *claims, struct holders *holders, struct entry *entry)
{
    const struct claim *want = &entry->want;
    struct entry *holder;
    if (entry->is_reserved) {
        lose(entry, NULL, xasprintf("listen path %s", want->path));
        return;
    }
    if ((holder = other_holder(holders->ids, want->texts[WANT_ID], entry)) ||
        (holder = derived_owner(claims, entry))) {
        lose(entry, holder, xasprintf("api_id %s", want->id));
        return;
    }
    const char *route = want->texts[WANT_ROUTE];
    if ((holder = other_holder(holders->own_paths, route, entry)) ||
        (holder = other_holder(holders->more_paths, route, entry))) {
        lose(entry, holder, xasprintf("path /%s/ of api_id %s", want->id, want->id));
        return;
    }
    if ((holder = other_holder(holders->paths, want->texts[WANT_PATH], entry)) ||
        (holder = other_holder(holders->routes, want->texts[WANT_OWN_PATH], entry))) {
        lose(entry, holder, xasprintf("listen path %s", want->path));
        return;
    }
    hold_claim(holders, entry, want);
}

static int by_age(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a;
    const struct entry *right = *(struct entry *const *)b;
    return ids_is_older(left->api, right->api) ? -1 : 1;
}

static void decide_group(const struct claims *claims, struct group *group)
{
    struct holders holders = {strmap_new(NULL), strmap_new(NULL), strmap_new(NULL),
                              strmap_new(NULL), strmap_new(NULL)};
    if (group->count > 1)
        qsort(group->entries, group->count, sizeof(*group->entries), by_age);
    for (size_t i = 0; i < group->count; i++)
        hold_claim(&holders, group->entries[i], &group->entries[i]->held);
    for (size_t i = 0; i < group->count; i++)
        decide(claims, &holders, group->entries[i]);
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
    decide_group(claims, group);
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
    visit_texts(claims, entry, unlink_text);
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
    visit_texts(claims, entry, link_text);
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
