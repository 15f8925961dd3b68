/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a leader election, and what a candidate does next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/lease_decision.h"
#include "core/lease_record.h"

#define HEAD "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"grapnel\",\"resourceVersion\":\"7\"}"

static const struct lease_author author = {
    .identity = "pod-1_u", .duration_ms = 15000, .wall_us = INT64_C(1767323045000042)};

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* The record. */

static void expect_written(const char *before, enum lease_claim claim, const char *after)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    lease_record_write(span_of(before), claim, &author, &out);
    assert_string_equal(buf_text(&out), after);
}

static void a_new_record_is_as_client_go_writes_it(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    lease_record_create("tyk", "grapnel", &author, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
        "\"metadata\":{\"name\":\"grapnel\",\"namespace\":\"tyk\"},"
        "\"spec\":{\"acquireTime\":\"2026-01-02T03:04:05.000042Z\",\"holderIdentity\":\"pod-1_u\","
        "\"leaseDurationSeconds\":15,\"renewTime\":\"2026-01-02T03:04:05.000042Z\","
        "\"leaseTransitions\":0}}");
}

static void a_renewal_keeps_who_took_it_when_and_all_it_does_not_know(void **state)
{
    (void)state;
    expect_written(HEAD ",\"spec\":{\"holderIdentity\":\"pod-1_u\",\"leaseDurationSeconds\":99,"
                        "\"acquireTime\":\"2026-01-01T00:00:00.000001Z\",\"renewTime\":\"x\","
                        "\"leaseTransitions\":4,\"strategy\":\"OldestEmulationVersion\","
                        "\"preferredHolder\":\"pod-2\",\"new\":{\"a\":1.50}},\"more\":[1]}",
                   LEASE_CLAIM_KEEP,
                   HEAD ",\"spec\":{\"holderIdentity\":\"pod-1_u\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"2026-01-01T00:00:00.000001Z\","
                        "\"renewTime\":\"2026-01-02T03:04:05.000042Z\","
                        "\"leaseTransitions\":4,\"strategy\":\"OldestEmulationVersion\","
                        "\"preferredHolder\":\"pod-2\",\"new\":{\"a\":1.50}},\"more\":[1]}");
}

static void a_new_holder_counts_a_transition(void **state)
{
    (void)state;
    expect_written(HEAD ",\"spec\":{\"holderIdentity\":\"pod-2\",\"leaseDurationSeconds\":1,"
                        "\"acquireTime\":\"2026-01-01T00:00:00.000001Z\",\"renewTime\":\"x\","
                        "\"leaseTransitions\":4,\"preferredHolder\":\"pod-2\"}}",
                   LEASE_CLAIM_TAKE,
                   HEAD ",\"spec\":{\"holderIdentity\":\"pod-1_u\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"2026-01-02T03:04:05.000042Z\","
                        "\"renewTime\":\"2026-01-02T03:04:05.000042Z\",\"leaseTransitions\":5,"
                        "\"preferredHolder\":\"pod-2\"}}");
}

static void a_release_leaves_no_holder_and_the_shortest_duration(void **state)
{
    (void)state;
    expect_written(HEAD ",\"spec\":{\"holderIdentity\":\"pod-1_u\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"a\",\"renewTime\":\"x\",\"leaseTransitions\":4}}",
                   LEASE_CLAIM_RELEASE,
                   HEAD ",\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
                        "\"acquireTime\":\"2026-01-02T03:04:05.000042Z\","
                        "\"renewTime\":\"2026-01-02T03:04:05.000042Z\",\"leaseTransitions\":4}}");
}

static void a_lease_made_by_hand_is_filled_in(void **state)
{
    (void)state;
    static const char filled[] =
        HEAD ",\"spec\":{\"holderIdentity\":\"pod-1_u\",\"leaseDurationSeconds\":15,"
             "\"acquireTime\":\"2026-01-02T03:04:05.000042Z\","
             "\"renewTime\":\"2026-01-02T03:04:05.000042Z\",\"leaseTransitions\":1}}";
    expect_written(HEAD "}", LEASE_CLAIM_TAKE, filled);
    expect_written(HEAD ",\"spec\":{}}", LEASE_CLAIM_TAKE, filled);
    expect_written(HEAD ",\"spec\":null}", LEASE_CLAIM_TAKE, filled);
}

static void a_record_is_read(void **state)
{
    (void)state;
    struct lease_record record;
    assert_int_equal(
        lease_record_read(span_of(HEAD ",\"spec\":{\"holderIdentity\":\"a\\u0062\","
                                       "\"leaseDurationSeconds\":15,\"leaseTransitions\":3}}"),
                          &record, NULL),
        0);
    assert_string_equal(record.holder, "ab");
    assert_int_equal(record.duration_ms, 15000);
    assert_int_equal(record.transitions, 3);
    lease_record_fini(&record);
    assert_int_equal(lease_record_read(span_of(HEAD "}"), &record, NULL), 0);
    assert_string_equal(record.holder, "");
    assert_int_equal(record.duration_ms, 0);
    lease_record_fini(&record);
}

static void what_is_no_lease_is_not_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "<html>", "[]", "{\"spec\":{}}", "{\"metadata\":{}}"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct lease_record record;
        struct err err;
        assert_int_equal(lease_record_read(span_of(texts[i]), &record, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
    }
}

/* Decisions. */

#define T0 1000000

static void expect_step(const struct lease_view *view, int64_t now, enum lease_step step,
                        int64_t until)
{
    struct lease_decision decision = lease_decide(view, &lease_timing_default, now);
    assert_int_equal(decision.step, step);
    if (step == LEASE_WAIT)
        assert_int_equal(decision.until_ms, until);
}

static struct lease_view candidate(void)
{
    return (struct lease_view){
        .is_known = true, .duration_ms = 15000, .observed_ms = T0, .tried_ms = T0};
}

static struct lease_view holder(void)
{
    return (struct lease_view){.is_known = true,
                               .is_ours = true,
                               .duration_ms = 15000,
                               .observed_ms = T0 + 5,
                               .leads = true,
                               .renewed_ms = T0,
                               .tried_ms = T0};
}

static void a_candidate_tries_every_2_to_2_4_seconds(void **state)
{
    (void)state;
    struct lease_view view = candidate();
    expect_step(&view, T0, LEASE_WAIT, T0 + 2000);
    expect_step(&view, T0 + 1999, LEASE_WAIT, T0 + 2000);
    expect_step(&view, T0 + 2000, LEASE_READ, 0);
    view.random = UINT32_MAX;
    expect_step(&view, T0 + 2398, LEASE_WAIT, T0 + 2399);
    expect_step(&view, T0 + 2399, LEASE_READ, 0);
}

static void a_candidate_leaves_a_lease_alone_that_somebody_renews(void **state)
{
    (void)state;
    struct lease_view view = candidate();
    view.is_fresh = true;
    expect_step(&view, T0 + 14999, LEASE_WAIT, T0 + 2000);
    expect_step(&view, T0 + 15000, LEASE_TAKE, 0);
    view.duration_ms = 1000; /* as the record says, not as we would have it */
    expect_step(&view, T0 + 999, LEASE_WAIT, T0 + 2000);
    expect_step(&view, T0 + 1000, LEASE_TAKE, 0);
    view.duration_ms = 0;
    expect_step(&view, T0, LEASE_TAKE, 0);
}

static void a_lease_that_nobody_holds_is_taken_at_once(void **state)
{
    (void)state;
    struct lease_view view = candidate();
    view.is_fresh = true;
    view.is_free = true;
    expect_step(&view, T0, LEASE_TAKE, 0);
    view.is_fresh = false; /* but not by what was read before */
    expect_step(&view, T0, LEASE_WAIT, T0 + 2000);
}

static void a_lease_that_is_ours_already_is_renewed_to_lead(void **state)
{
    (void)state;
    struct lease_view view = candidate();
    view.is_fresh = true;
    view.is_ours = true;
    expect_step(&view, T0, LEASE_RENEW, 0);
    view.is_fresh = false;
    expect_step(&view, T0 + 5000, LEASE_READ, 0);
}

static void the_holder_renews_every_2_seconds_without_reading_first(void **state)
{
    (void)state;
    struct lease_view view = holder();
    expect_step(&view, T0 + 1, LEASE_WAIT, T0 + 2000);
    view.random = UINT32_MAX; /* no jitter here */
    expect_step(&view, T0 + 2000, LEASE_RENEW, 0);
}

static void a_failing_holder_tries_until_shortly_before_the_deadline(void **state)
{
    (void)state;
    struct lease_view view = holder();
    static const int64_t tries[] = {2000, 4000, 6000, 8000, 9500};
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        expect_step(&view, T0 + tries[i] - 1, LEASE_WAIT, T0 + tries[i]);
        expect_step(&view, T0 + tries[i], LEASE_RENEW, 0);
        view.tried_ms = T0 + tries[i];
    }
    expect_step(&view, T0 + 9999, LEASE_WAIT, T0 + 10000);
    expect_step(&view, T0 + 10000, LEASE_LOSE, 0);
}

static void a_try_that_hung_is_followed_by_the_next_at_once(void **state)
{
    (void)state;
    struct lease_view view = holder();
    view.tried_ms = T0 + 2000;
    expect_step(&view, T0 + 7000, LEASE_RENEW, 0);
    view.tried_ms = T0 + 7000;
    expect_step(&view, T0 + 7000, LEASE_WAIT, T0 + 9000);
}

static void the_deadline_is_the_first_moment_that_is_too_late(void **state)
{
    (void)state;
    struct lease_view view = holder();
    assert_true(lease_still_holds(&view, &lease_timing_default, T0 + 9999));
    assert_false(lease_still_holds(&view, &lease_timing_default, T0 + 10000));
    view.leads = false;
    assert_false(lease_still_holds(&view, &lease_timing_default, T0));
}

static void a_holder_that_reads_of_another_one_stops_at_once(void **state)
{
    (void)state;
    struct lease_view view = holder();
    view.is_ours = false;
    view.is_fresh = true;
    expect_step(&view, T0 + 1, LEASE_LOSE, 0);
    view.duration_ms = 0; /* even if that one's has passed */
    expect_step(&view, T0 + 1, LEASE_LOSE, 0);
}

static void a_holder_whose_lease_was_emptied_or_deleted_takes_it_again(void **state)
{
    (void)state;
    struct lease_view view = holder();
    view.is_ours = false;
    view.is_free = true;
    view.is_fresh = true;
    expect_step(&view, T0 + 2100, LEASE_TAKE, 0);
    view.is_fresh = false;
    view.tried_ms = T0 + 2000;
    expect_step(&view, T0 + 4000, LEASE_READ, 0);
}

static void a_holder_whose_record_has_run_out_reads_before_it_writes(void **state)
{
    (void)state;
    struct lease_view view = holder();
    view.duration_ms = 1000; /* edited */
    expect_step(&view, T0 + 2000, LEASE_READ, 0);
}

/* Two clocks that go at different rates, from one moment on: does the first stop before the other
 * takes over? */
static bool is_safe(int64_t rate_percent)
{
    struct lease_view first = holder();
    struct lease_view second = candidate();
    second.is_fresh = true;
    for (int64_t real = T0; real < T0 + 20000; real++) {
        int64_t fast = T0 + (real - T0) * rate_percent / 100;
        bool holds = lease_still_holds(&first, &lease_timing_default, real);
        bool takes = lease_decide(&second, &lease_timing_default, fast).step == LEASE_TAKE;
        if (takes)
            return !holds;
    }
    return false;
}

static void clocks_may_differ_by_half_in_rate(void **state)
{
    (void)state;
    assert_true(is_safe(100));
    assert_true(is_safe(140));
    assert_true(is_safe(150));
    assert_false(is_safe(200)); /* what no such lease can do */
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_record_is_as_client_go_writes_it),
        TEST(a_renewal_keeps_who_took_it_when_and_all_it_does_not_know),
        TEST(a_new_holder_counts_a_transition),
        TEST(a_release_leaves_no_holder_and_the_shortest_duration),
        TEST(a_lease_made_by_hand_is_filled_in),
        TEST(a_record_is_read),
        TEST(what_is_no_lease_is_not_read),
        TEST(a_candidate_tries_every_2_to_2_4_seconds),
        TEST(a_candidate_leaves_a_lease_alone_that_somebody_renews),
        TEST(a_lease_that_nobody_holds_is_taken_at_once),
        TEST(a_lease_that_is_ours_already_is_renewed_to_lead),
        TEST(the_holder_renews_every_2_seconds_without_reading_first),
        TEST(a_failing_holder_tries_until_shortly_before_the_deadline),
        TEST(a_try_that_hung_is_followed_by_the_next_at_once),
        TEST(the_deadline_is_the_first_moment_that_is_too_late),
        TEST(a_holder_that_reads_of_another_one_stops_at_once),
        TEST(a_holder_whose_lease_was_emptied_or_deleted_takes_it_again),
        TEST(a_holder_whose_record_has_run_out_reads_before_it_writes),
        TEST(clocks_may_differ_by_half_in_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
