/* SPDX-License-Identifier: Apache-2.0 */
/* What is not wrong enough to refuse an object, and nowhere in its status: told in the log. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/annotations.h"
#include "reconcile/state.h"

/* Of a generation and its warnings; annotations change without a new generation. 0: none. */
static uint64_t sum_of(const struct object *object, const struct problems *problems)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].severity == PROBLEM_WARNING)
            buf_add_format(&text, "%s %s\n",
                           problems->items[i].field ? problems->items[i].field : "",
                           problems->items[i].message);
    }
    if (!text.length)
        return 0;
    buf_add_format(&text, "%" PRId64, object->generation);
    struct digest digest = digest_of(buf_text(&text), text.length);
    uint64_t sum;
    memcpy(&sum, digest.bytes, sizeof(sum));
    return sum;
}

void flaws_log(uint64_t *told, const struct object *object, const struct problems *problems)
{
    uint64_t sum = sum_of(object, problems);
    bool is_news = sum != *told;
    *told = sum;
    for (size_t i = 0; is_news && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity != PROBLEM_WARNING)
            continue;
        CLEANUP(freep)
        char *detail = xasprintf("%s%s%s", problem->field ? problem->field : "",
                                 problem->field ? ": " : "", problem->message);
        log_warn("definition has a flaw", .kind = object_kind_name(object->kind),
                 .key = object->key, .reason = problem->reason, .detail = detail);
    }
}

void flaws_log_annotations(uint64_t *told, const struct object *object)
{
    struct problems problems = {.count = 0};
    annotations_lint(object, &problems);
    flaws_log(told, object, &problems);
    problems_fini(&problems);
}
