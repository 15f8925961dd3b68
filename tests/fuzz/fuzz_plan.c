/* SPDX-License-Identifier: Apache-2.0 */
/* Any case as what a gateway holds and what is wanted there: what is not ours is never written
 * over or deleted; a batch closes when its time is over, not before its work is; the status follows
 * its gateways within two minutes. */
#include "core/pace.h"
#include "core/plan.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decide(struct choices *choices)
{
    unsigned bits = choose(choices, 256);
    unsigned wish = choose(choices, 5);
    unsigned found = choose(choices, 4);
    unsigned form = choose(choices, 3);
    struct plan_case one = {.wish = (enum plan_wish)wish,
                            .found = (enum plan_found)found,
                            .form = (enum plan_form)form,
                            .same = bits & 1,
                            .may_adopt = bits & 2,
                            .path_is_taken = bits & 4};
    enum plan_step step = plan_decide(&one);
    bool writes = step == PLAN_POST || step == PLAN_POST_RAISED;
    bool deletes = step == PLAN_DELETE || step == PLAN_ORPHAN;
    if (one.found == PLAN_OTHERS || (one.found == PLAN_UNMARKED && !one.may_adopt))
        expect(!writes && !deletes, "what is another's stays");
    if (deletes)
        expect(one.found == PLAN_OURS, "only what is ours is deleted");
    if (writes)
        expect(one.wish == PLAN_WANTED && !one.path_is_taken, "only what is wanted is written");
    if (one.wish == PLAN_KEPT || one.wish == PLAN_LEAVING)
        expect(!writes && !deletes, "what is held is left alone");
    if (one.wish == PLAN_WANTED && one.found == PLAN_OURS && one.same && one.form == PLAN_FORM_GOOD)
        expect(step == PLAN_LEAVE, "what is as it should be is not written again");
    if (step == PLAN_LEAVE)
        expect(one.same && one.form == PLAN_FORM_GOOD, "what is not as it should be is written");
}

static void close_batch(struct choices *choices)
{
    unsigned bits = choose(choices, 256);
    struct plan_batch batch = {.age_ms = choose_number(choices),
                               .quiet_ms = choose_number(choices),
                               .user_waits = bits & 1,
                               .user_queued = bits & 2,
                               .queue_is_empty = bits & 4,
                               .expects_more = bits & 8};
    bool closes = plan_batch_closes(&batch);
    int64_t in = plan_batch_closes_in(&batch);
    expect(in >= 0 && closes == (in == 0), "both say when it closes");
    expect(!closes || batch.queue_is_empty || batch.age_ms >= 5000, "its work is done first");
    expect(closes || batch.age_ms < 30000, "it closes at last");
    if (!closes && in < 60000) {
        batch.age_ms += in;
        batch.quiet_ms += in;
        expect(plan_batch_closes(&batch), "it closes when it says");
    }
}

static void count(struct choices *choices)
{
    size_t few = choose_number(choices);
    size_t all = choose_number(choices);
    expect(!plan_is_mass_deletion(few, all) || few > 5, "five may always go");
    expect(plan_is_mass_deletion(few, all) || few <= 5 || few <= all / 5, "more than a fifth asks");
    expect(!plan_reads_all(few, all) || few * 4 > all, "a list only where many have changed");
}

static void follow(struct choices *choices)
{
    struct pace pace = {.differs = false};
    int64_t now = 10000000;
    int64_t since = -1;
    for (int i = 0; i < 40; i++) {
        unsigned bits = choose(choices, 256);
        unsigned programmed = choose(choices, 9);
        const struct pace_case one = {.programmed = (enum programmed)programmed,
                                      .total = choose(choices, 8),
                                      .synced = choose(choices, 8),
                                      .told_total = choose(choices, 8),
                                      .was_programmed = bits & 1,
                                      .same_reason = bits & 2};
        int64_t delay = pace_delay(&pace, &one, now);
        since = since < 0 ? now : since;
        expect(delay >= 0 && now + delay <= since + 120000 + (now > since + 120000 ? now : 0),
               "it is told within two minutes");
        if (one.programmed == PROGRAMMED_TRUE && !one.was_programmed)
            expect(delay == 0, "good news is told at once");
        if (bits & 4) {
            pace_settled(&pace);
            since = -1;
        } else if (!delay) {
            pace_followed(&pace, now);
            since = -1;
        }
        now += (int64_t)(bits >> 3) * 1000;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + size};
    decide(&choices);
    close_batch(&choices);
    count(&choices);
    follow(&choices);
    return 0;
}
