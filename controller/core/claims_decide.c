/* SPDX-License-Identifier: Apache-2.0 */
/* Who of some APIs that contest things has them: first what is recorded, then the rest from the
 * oldest on, all or nothing. Incumbents that wait for nothing but each other's listen paths have
 * them: none of them could ever be the first to move. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/claims_private.h"
#include "core/ids.h"
#include "core/path.h"

/* So many may change places in a ring. */
#define RING_MAX 8

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
    struct strmap *derived;    /* of those that have given themselves another id */
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
    struct claim held = *entry->held;
    if (entry->is_in_ring)
        held.path = NULL;
    CLEANUP(texts_fini) struct texts texts = texts_of(&held, entry->domain);
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
    entry->with = holder ? xstrdup(holder->api->key) : NULL;
    entry->over = over;
}

static bool holds_its_id(const struct entry *entry)
{
    return entry->held && str_equal(entry->held->context, entry->want.context) &&
           str_equal(entry->held->id, entry->want.id);
}

static void hold_derived(struct holders *holders, struct entry *entry)
{
    if (!entry->derived)
        return;
    const struct claim claim = {entry->want.context, entry->derived, NULL};
    CLEANUP(texts_fini) struct texts texts = texts_of(&claim, NULL);
    hold(holders->derived, texts.id, entry);
}

/* An explicit id that is the derived id of an older API, which has given itself another one. */
static struct entry *derived_owner(const struct holders *holders, const struct entry *entry,
                                   const char *id)
{
    if (!entry->is_explicit || !id || holds_its_id(entry))
        return NULL;
    struct entry *owner = other_holder(holders->derived, id, entry);
    return owner && ids_is_older(owner->api, entry->api) ? owner : NULL;
}

static void decide(struct holders *holders, struct entry *entry)
{
    const struct claim *want = &entry->want;
    struct entry *holder;
    free(TAKE(entry->with));
    free(TAKE(entry->over));
    if (entry->is_reserved) {
        lose(entry, NULL, xasprintf("listen path %s", want->path));
        return;
    }
    CLEANUP(texts_fini) struct texts texts = texts_of(want, entry->domain);
    if ((holder = other_holder(holders->ids, texts.id, entry)) ||
        (holder = derived_owner(holders, entry, texts.id))) {
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

/* Has another of its ring arrived where it still is? Then its turn is before who wants what it was
 * promised. */
static bool is_displaced(const struct holders *holders, const struct entry *entry)
{
    if (!entry->held || entry->held == &entry->want)
        return false;
    CLEANUP(texts_fini) struct texts texts = texts_of(entry->held, entry->domain);
    return other_holder(holders->paths, texts.path, entry) != NULL;
}

static void decide_all(struct entry **entries, size_t count)
{
    struct holders holders = {strmap_new(NULL), strmap_new(NULL), strmap_new(NULL),
                              strmap_new(NULL), strmap_new(NULL), strmap_new(NULL)};
    for (size_t i = 0; i < count; i++)
        hold_derived(&holders, entries[i]);
    /* Who has arrived first: another of its ring may still be recorded there. */
    for (size_t i = 0; i < 2 * count; i++) {
        struct entry *entry = entries[i % count];
        if ((entry->held == &entry->want) == (i < count))
            hold_recorded(&holders, entry);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        struct entry *entry = entries[i % count];
        if ((entry->is_in_ring || is_displaced(&holders, entry)) == (i < count))
            decide(&holders, entry);
    }
    strmap_free(holders.ids);
    strmap_free(holders.paths);
    strmap_free(holders.routes);
    strmap_free(holders.own_paths);
    strmap_free(holders.more_paths);
    strmap_free(holders.derived);
}

/* Does who waits for another wait, over that one, for itself? */
static bool closes_ring(const struct strmap *waiting, const struct entry *entry)
{
    const struct entry *at = entry;
    for (int i = 0; i < RING_MAX && at && at->with; i++) {
        at = strmap_get(waiting, at->with);
        if (at == entry)
            return true;
    }
    return false;
}

static bool find_rings(struct entry **entries, size_t count)
{
    bool found = false;
    struct strmap *waiting = strmap_new(NULL);
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->with)
            strmap_set(waiting, entries[i]->api->key, entries[i]);
    }
    for (size_t i = 0; i < count && strmap_count(waiting) > 1; i++) {
        entries[i]->is_in_ring = closes_ring(waiting, entries[i]);
        found |= entries[i]->is_in_ring;
    }
    strmap_free(waiting);
    return found;
}

/* One that cannot have all that it wants stays where it is, and who waits for it as well. */
static bool open_rings(struct entry **entries, size_t count)
{
    bool opened = false;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i]->is_in_ring || !entries[i]->over)
            continue;
        entries[i]->is_in_ring = false;
        opened = true;
    }
    return opened;
}

void claims_decide(struct entry **entries, size_t count)
{
    /* Nobody to contest with: most are alone. */
    if (count == 1 && !entries[0]->is_reserved)
        return;
    qsort(entries, count, sizeof(struct entry *), by_age);
    decide_all(entries, count);
    if (!find_rings(entries, count))
        return;
    do
        decide_all(entries, count);
    while (open_rings(entries, count));
    for (size_t i = 0; i < count; i++)
        entries[i]->is_in_ring = false;
}
