/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conflict means that news are on their way. When they do not come, and the next write meets the
 * same conflict, the watch has missed something that it will never tell: etcd was restored from a
 * backup, and its versions have caught up with what was known before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "reconcile/state.h"

/* News take this long at the most. */
#define NEWS_MS 5000

static struct conflict *conflict_new(const struct object *object, int64_t now)
{
    size_t length = strlen(object->version) + 1;
    struct conflict *conflict = xmalloc(sizeof(*conflict) + length);
    conflict->since_ms = now;
    memcpy(conflict->version, object->version, length);
    return conflict;
}

void conflict_note(struct reconciler *reconciler, struct conflict **conflict, enum object_kind kind,
                   const char *key, const struct err *err)
{
    int64_t now = loop_now(reconciler->loop);
    const struct object *object = cache_get(reconciler_cache(reconciler), kind, key);
    bool is_stale = err && (err->class == ERR_CONFLICT || err->class == ERR_NOT_FOUND) && object;
    if (!is_stale || !*conflict || strcmp((*conflict)->version, object->version) != 0) {
        free(*conflict);
        *conflict = is_stale ? conflict_new(object, now) : NULL;
    } else if (now - (*conflict)->since_ms >= NEWS_MS) {
        (*conflict)->since_ms = now;
        informer_suspect(reconciler->informer, kind);
    }
}
