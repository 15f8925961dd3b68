/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first bytes are what a candidate for the lead knows, the rest is the Lease that it read. What
 * must hold: nobody leads on past its deadline, nobody takes a lease that another still holds, a
 * wait ends in the future; what is written reads back as what was meant, and all that is not ours
 * in the object stays.
 */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/lease_decision.h"
#include "core/lease_record.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VIEW_BYTES 11
#define NOW INT64_C(1000000)

/* Up to 25.5 s ago, in steps that meet every limit exactly. */
static int64_t some_time_ago(struct choices *choices)
{
    return NOW - (int64_t)choose(choices, 256) * 100;
}

static void decide(struct choices *choices)
{
    const struct lease_timing *timing = &lease_timing_default;
    unsigned bits = choose(choices, 256);
    struct lease_view view = {.is_known = bits & 1,
                              .is_fresh = (bits & 3) == 3,
                              .is_free = (bits & 5) == 5,
                              .is_ours = (bits & 13) == 9,
                              .leads = bits & 16};
    view.duration_ms = (int64_t)choose(choices, 64) * 500;
    view.observed_ms = some_time_ago(choices);
    view.renewed_ms = some_time_ago(choices);
    view.tried_ms = some_time_ago(choices);
    view.random = choose_number(choices) << 16 | choose_number(choices);

    struct lease_decision decision = lease_decide(&view, timing, NOW);
    bool in_time = NOW - view.renewed_ms < timing->renew_deadline_ms;
    bool is_others = view.is_known && !view.is_free && !view.is_ours;
    bool is_valid = NOW - view.observed_ms < view.duration_ms;
    expect(lease_still_holds(&view, timing, NOW) == (view.leads && in_time), "who holds it");
    expect((decision.step == LEASE_LOSE) == (view.leads && (!in_time || is_others)),
           "it is lost at its deadline and when another holds it, and only then");
    if (decision.step == LEASE_TAKE)
        expect(view.is_fresh && (view.is_free || !is_valid),
               "only a lease that is free or over is taken, and only after a look");
    if (decision.step == LEASE_RENEW)
        expect(view.is_ours, "only the holder renews");
    if (decision.step == LEASE_WAIT) {
        expect(decision.until_ms > NOW || view.is_fresh, "a wait ends later");
        expect(!view.leads || decision.until_ms <= view.renewed_ms + timing->renew_deadline_ms,
               "no wait beyond the deadline");
    }
}

/* All members of one object but those named stand unchanged in the other, in the same order. */
static void expect_same_rest(struct span before, struct span after, const char *const *ours)
{
    struct json_text_iter old = json_text_iterate(before);
    struct json_text_iter new = json_text_iterate(after);
    while (json_text_next(&old)) {
        expect(json_text_next(&new), "no member is lost");
        expect(same_bytes(old.key, new.key), "members keep their order");
        bool is_ours = false;
        for (size_t i = 0; ours[i]; i++)
            is_ours = is_ours || json_text_is(old.key, ours[i]);
        expect(is_ours || same_bytes(old.value, new.value), "members of others stay");
    }
}

static void write(struct span object, const struct lease_record *was, enum lease_claim claim)
{
    static const char *const ours[] = {"holderIdentity", "leaseDurationSeconds", "acquireTime",
                                       "renewTime",      "leaseTransitions",     NULL};
    static const char *const spec_only[] = {"spec", NULL};
    const struct lease_author author = {"me \"1\"", 15000, INT64_C(1767225600123456)};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    lease_record_write(object, claim, &author, &out);
    struct span written = {buf_text(&out), out.length};
    struct lease_record record;
    expect(lease_record_read(written, &record, NULL) == 0, "what is written is a lease");
    bool releases = claim == LEASE_CLAIM_RELEASE;
    expect(strcmp(record.holder, releases ? "" : author.identity) == 0, "the holder is written");
    expect(record.duration_ms == (releases ? 1000 : author.duration_ms), "so is the duration");
    if (claim == LEASE_CLAIM_TAKE)
        expect(record.transitions > was->transitions || was->transitions == INT32_MAX,
               "a new holder is counted");
    expect_same_rest(object, written, spec_only);
    if (json_text_type(was->spec) == JSON_TEXT_OBJECT)
        expect_same_rest(was->spec, record.spec, ours);
    lease_record_fini(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + (size < VIEW_BYTES ? size : VIEW_BYTES)};
    decide(&choices);
    if (size <= VIEW_BYTES)
        return 0;
    CLEANUP(freep) char *copy = xstrndup((const char *)data + VIEW_BYTES, size - VIEW_BYTES);
    struct span object = {copy, size - VIEW_BYTES};
    struct lease_record record;
    struct err err;
    if (lease_record_read(object, &record, &err) < 0) {
        expect(*err.msg, "a refusal says why");
        return 0;
    }
    expect(record.duration_ms >= 0, "a duration is never negative");
    write(object, &record, LEASE_CLAIM_TAKE);
    write(object, &record, LEASE_CLAIM_KEEP);
    write(object, &record, LEASE_CLAIM_RELEASE);
    lease_record_fini(&record);
    return 0;
}
