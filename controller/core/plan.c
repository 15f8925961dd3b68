/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"

/* A user's edit waits at most so long for its reload, and anything so long. */
#define BATCH_USER_MS 5000
#define BATCH_MS 30000
/* Wants that belong together come one by one, each behind a write of its status: a batch stays open
 * so long after the last one, and longer when more are announced. */
#define BATCH_LINGER_MS 50
#define BATCH_EXPECT_MS 300

/* Reading so few one by one is never dearer than a list. */
#define FEW 4

enum plan_found plan_whose(struct span marker, const char *owner, const char *cluster,
                           struct marker *ret_marker)
{
    if (json_text_type(marker) == JSON_TEXT_NONE)
        return PLAN_UNMARKED;
    struct marker read;
    if (!marker_read(marker, &read))
        return PLAN_OTHERS;
    if (strcmp(read.owner, owner) != 0 || strcmp(read.cluster, cluster) != 0) {
        marker_fini(&read);
        return PLAN_OTHERS;
    }
    *ret_marker = read;
    return PLAN_OURS;
}

enum plan_form plan_compare(const struct definition *definition, const char *api_id,
                            const char *listen_path, const char *target)
{
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *url = json_text_string(definition->target);
    enum listen_path_match match = listen_path_compare(listen_path, path ? path : "", api_id);
    if (match == LISTEN_PATH_OTHER || !target_is(target, url ? url : ""))
        return PLAN_FORM_BROKEN;
    return match == LISTEN_PATH_RENAMED ? PLAN_FORM_RENAMED : PLAN_FORM_GOOD;
}

static enum plan_step decide_wanted(const struct plan_case *plan_case)
{
    bool foreign = plan_case->found == PLAN_OTHERS ||
                   (plan_case->found == PLAN_UNMARKED && !plan_case->may_adopt);
    if (foreign)
        return PLAN_FOREIGN;
    bool there = plan_case->found == PLAN_OURS && plan_case->same;
    if (there && plan_case->form == PLAN_FORM_GOOD)
        return PLAN_LEAVE;
    if (plan_case->is_behind && !there)
        return PLAN_AWAIT;
    if (plan_case->path_is_taken)
        return PLAN_PATH_TAKEN;
    return there && plan_case->form == PLAN_FORM_RENAMED ? PLAN_POST_RAISED : PLAN_POST;
}

enum plan_step plan_decide(const struct plan_case *plan_case)
{
    if (plan_case->wish == PLAN_WANTED)
        return decide_wanted(plan_case);
    if (plan_case->found != PLAN_OURS)
        return PLAN_FORGET;
    switch (plan_case->wish) {
    case PLAN_WANTED:
    case PLAN_KEPT:
    case PLAN_LEAVING:
        break;
    case PLAN_UNWANTED:
        return plan_case->is_behind ? PLAN_AWAIT : PLAN_DELETE;
    case PLAN_UNACCOUNTED:
        return PLAN_ORPHAN;
    }
    return PLAN_HOLD;
}

bool plan_reads_all(size_t changed, size_t total)
{
    return changed > FEW && changed > total / 4;
}

bool plan_is_mass_deletion(size_t orphans, size_t ours)
{
    size_t fifth = ours / 5;
    return orphans > (fifth > 5 ? fifth : 5);
}

bool plan_is_mass_deletion_in_folder(size_t gone, size_t all)
{
    return plan_is_mass_deletion(gone, all) || (gone && gone == all);
}

static int64_t linger(const struct plan_batch *batch)
{
    return batch->expects_more ? BATCH_EXPECT_MS : BATCH_LINGER_MS;
}

bool plan_batch_closes(const struct plan_batch *batch)
{
    if (batch->age_ms >= BATCH_MS)
        return true;
    if (batch->age_ms >= BATCH_USER_MS && batch->user_waits && !batch->user_queued)
        return true;
    return batch->queue_is_empty && batch->quiet_ms >= linger(batch);
}

int64_t plan_batch_closes_in(const struct plan_batch *batch)
{
    int64_t in = BATCH_MS - batch->age_ms;
    int64_t user = BATCH_USER_MS - batch->age_ms;
    int64_t quiet = linger(batch) - batch->quiet_ms;
    if (batch->user_waits && !batch->user_queued && user < in)
        in = user;
    if (batch->queue_is_empty && quiet < in)
        in = quiet;
    return in > 0 ? in : 0;
}
