/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered for a while only:
 * - Secrets and ConfigMaps that nothing refers to any more are followed a little longer: who
 *   referred to them may be replaced (deleted and created again, moved) within a moment;
 * - Webhooks that were deleted: many at once look like an accident.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "reconcile/state.h"

#define IDLE_MS 30000
#define MASS_DELETION_SLACK_MS 1000

static const struct {
    const char *prefix; /* of the index's tokens */
    enum object_kind kind;
} followed[] = {{"secret ", OBJECT_SECRET}, {"configmap ", OBJECT_CONFIGMAP}};

static void remember(struct reconciler *reconciler, struct strmap *map, const char *key,
                     int64_t when_ms)
{
    int64_t *when = xmalloc(sizeof(*when));
    *when = when_ms;
    strmap_set(map, key, when);
    if (!loop_timer_is_armed(reconciler->tidy))
        loop_timer_arm(reconciler->tidy, IDLE_MS);
}

/* Secrets and ConfigMaps. */

void follows_idle(void *arg, const char *token)
{
    struct reconciler *reconciler = arg;
    for (size_t i = 0; i < ARRAY_LENGTH(followed); i++) {
        if (str_starts(token, followed[i].prefix))
            remember(reconciler, reconciler->idle, token, loop_now(reconciler->loop));
    }
}

static void let_go(struct reconciler *reconciler, const char *token)
{
    for (size_t i = 0; i < ARRAY_LENGTH(followed); i++) {
        if (str_starts(token, followed[i].prefix))
            informer_unfollow(reconciler->informer, followed[i].kind,
                              token + strlen(followed[i].prefix));
    }
}

static void let_go_of_idle(struct reconciler *reconciler)
{
    int64_t now = loop_now(reconciler->loop);
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(reconciler->idle); e; e = next) {
        next = strmap_next(e);
        const int64_t *since = strmap_entry_value(e);
        const char *token = strmap_entry_key(e);
        bool is_needed = index_count(reconciler->index, token) > 0;
        if (!is_needed && now - *since < IDLE_MS)
            continue;
        if (!is_needed)
            let_go(reconciler, token);
        strmap_remove(reconciler->idle, token);
    }
}

/* Webhooks. */

void deletions_note(struct reconciler *reconciler, const char *webhook, int64_t when_ms)
{
    remember(reconciler, reconciler->deletions, webhook, when_ms);
}

int64_t deletions_since(struct reconciler *reconciler, const char *webhook, int64_t seen_ms)
{
    const int64_t *when = strmap_get(reconciler->deletions, webhook);
    if (!when)
        deletions_note(reconciler, webhook, seen_ms);
    return when && *when > seen_ms ? *when : seen_ms;
}

/* Who is judged now went grace and delay ago; those who went within the delay before or after went
 * with it. */
static void forget_old_deletions(struct reconciler *reconciler)
{
    int64_t window = reconciler->options.conversion_grace_ms +
                     2 * reconciler->options.rewrite_delay_ms + MASS_DELETION_SLACK_MS;
    int64_t now = loop_now(reconciler->loop);
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(reconciler->deletions); e; e = next) {
        next = strmap_next(e);
        const int64_t *when = strmap_entry_value(e);
        if (now - *when > window)
            strmap_remove(reconciler->deletions, strmap_entry_key(e));
    }
}

size_t deletions_lately(struct reconciler *reconciler)
{
    forget_old_deletions(reconciler);
    return strmap_count(reconciler->deletions);
}

void lately_tidy(void *arg)
{
    struct reconciler *reconciler = arg;
    let_go_of_idle(reconciler);
    forget_old_deletions(reconciler);
    if (strmap_count(reconciler->idle) || strmap_count(reconciler->deletions))
        loop_timer_arm(reconciler->tidy, IDLE_MS);
}
