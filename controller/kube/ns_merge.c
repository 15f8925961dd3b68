/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/ns_merge.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"

struct part {
    struct strmap *objects; /* as last known: key → object */
    struct strmap *list;    /* being read; NULL: none */
    bool complete;          /* has been listed */
    bool troubled;
};

struct ns_merge {
    enum object_kind kind;
    const struct object_sink *sink;
    void *arg;
    bool told; /* the sink has had a whole list */
    bool sink_is_troubled;
    size_t count;
    struct part parts[];
};

static void unref_object(void *value)
{
    object_unref(value);
}

struct ns_merge *ns_merge_new(enum object_kind kind, size_t count, const struct object_sink *sink,
                              void *arg)
{
    struct ns_merge *merge = xcalloc(1, sizeof(*merge) + count * sizeof(merge->parts[0]));
    merge->kind = kind;
    merge->sink = sink;
    merge->arg = arg;
    merge->count = count;
    for (size_t i = 0; i < count; i++)
        merge->parts[i].objects = strmap_new(unref_object);
    return merge;
}

void ns_merge_free(struct ns_merge *merge)
{
    if (!merge)
        return;
    for (size_t i = 0; i < merge->count; i++) {
        strmap_free(merge->parts[i].objects);
        strmap_free(merge->parts[i].list);
    }
    free(merge);
}

static bool all_is_well(const struct ns_merge *merge)
{
    for (size_t i = 0; i < merge->count; i++) {
        if (!merge->parts[i].complete || merge->parts[i].troubled)
            return false;
    }
    return true;
}

static void tell_whole(struct ns_merge *merge)
{
    merge->told = true;
    merge->sink_is_troubled = false;
    merge->sink->begin(merge->arg, merge->kind);
    for (size_t i = 0; i < merge->count; i++) {
        struct strmap_entry *e = strmap_first(merge->parts[i].objects);
        for (; e; e = strmap_next(e))
            merge->sink->put(merge->arg, strmap_entry_value(e));
    }
    merge->sink->end(merge->arg, merge->kind);
}

static void tell_changes(struct ns_merge *merge, const struct strmap *before,
                         const struct strmap *now)
{
    for (struct strmap_entry *e = strmap_first(now); e; e = strmap_next(e))
        merge->sink->put_listed(merge->arg, strmap_entry_value(e));
    for (struct strmap_entry *e = strmap_first(before); e; e = strmap_next(e)) {
        const struct object *object = strmap_entry_value(e);
        if (!strmap_has(now, object->key))
            merge->sink->gone(merge->arg, merge->kind, object->key, object->uid);
    }
}

void ns_merge_begin(struct ns_merge *merge, size_t index)
{
    struct part *part = &merge->parts[index];
    strmap_free(part->list);
    part->list = strmap_new(unref_object);
}

void ns_merge_put(struct ns_merge *merge, size_t index, const struct object *object)
{
    struct part *part = &merge->parts[index];
    strmap_set(part->list ? part->list : part->objects, object->key, object_ref(object));
    if (!part->list && merge->told)
        merge->sink->put(merge->arg, object);
}

void ns_merge_gone(struct ns_merge *merge, size_t index, const char *key, const char *uid)
{
    strmap_remove(merge->parts[index].objects, key);
    if (merge->told)
        merge->sink->gone(merge->arg, merge->kind, key, uid);
}

void ns_merge_end(struct ns_merge *merge, size_t index)
{
    struct part *part = &merge->parts[index];
    if (!part->list)
        return;
    struct strmap *before = part->objects;
    part->objects = TAKE(part->list);
    part->complete = true;
    part->troubled = false;
    if (all_is_well(merge))
        tell_whole(merge);
    else if (merge->told)
        tell_changes(merge, before, part->objects);
    strmap_free(before);
}

void ns_merge_trouble(struct ns_merge *merge, size_t index, const struct err *err)
{
    struct part *part = &merge->parts[index];
    strmap_free(TAKE(part->list));
    part->troubled = true;
    merge->sink_is_troubled = true;
    merge->sink->trouble(merge->arg, merge->kind, err);
}

void ns_merge_resumed(struct ns_merge *merge, size_t index)
{
    merge->parts[index].troubled = false;
    if (!all_is_well(merge))
        return;
    if (!merge->told) {
        tell_whole(merge);
    } else if (merge->sink_is_troubled) {
        merge->sink_is_troubled = false;
        merge->sink->resumed(merge->arg, merge->kind);
    }
}
