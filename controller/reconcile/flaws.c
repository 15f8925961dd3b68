/* SPDX-License-Identifier: Apache-2.0 */
/* What is not wrong enough to refuse an object, and nowhere in its status. Whoever edits the object
 * need not be who reads the log: each edit has its events too, however often we start. A folder's
 * are log lines. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/annotations.h"
#include "reconcile/state.h"

#define WARNING_EVENTS_MAX 4 /* of one edit; the log has all */
#define NO_FLAWS 1           /* the sum of an object that has none; 0 is that of an unknown one */

/* Returns owned. */
static char *note_of(const struct problem *problem)
{
    return xasprintf("%s%s%s", problem->field ? problem->field : "", problem->field ? ": " : "",
                     problem->message);
}

/* Stands for a generation and its warnings; annotations change without a new generation. */
static uint64_t sum_of(const struct object *object, const struct problems *problems)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    for (size_t i = 0; i < problems->count; i++) {
        CLEANUP(freep) char *note = NULL;
        if (problems->items[i].severity == PROBLEM_WARNING)
            note = note_of(&problems->items[i]);
        if (note)
            buf_add_format(&text, "%s\n", note);
    }
    if (!text.length)
        return NO_FLAWS;
    buf_add_format(&text, "%" PRId64, object->generation);
    struct digest digest = digest_of(buf_text(&text), text.length);
    uint64_t sum;
    memcpy(&sum, digest.bytes, sizeof(sum));
    return sum;
}

void flaws_tell(struct reconciler *reconciler, uint64_t *told, const struct object *object,
                const struct problems *problems)
{
    struct object_store *store = reconciler->store;
    uint64_t sum = sum_of(object, problems);
    bool is_edit = *told || api_reported_generation(object) != object->generation;
    size_t left = is_edit && store->ops->can_change(store) ? WARNING_EVENTS_MAX : 0;
    bool is_news = sum != *told;
    *told = sum;
    for (size_t i = 0; is_news && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity != PROBLEM_WARNING)
            continue;
        CLEANUP(freep) char *note = note_of(problem);
        log_warn("definition has a flaw", .kind = object_kind_name(object->kind),
                 .key = object->key, .reason = problem->reason, .detail = note);
        if (!left)
            continue;
        left--;
        store->ops->event(store, object, EVENT_WARNING, "ValidationWarning", note);
    }
}

void flaws_tell_annotations(struct reconciler *reconciler, uint64_t *told,
                            const struct object *object)
{
    struct problems problems = {.count = 0};
    annotations_lint(object, &problems);
    flaws_tell(reconciler, told, object, &problems);
    problems_fini(&problems);
}
