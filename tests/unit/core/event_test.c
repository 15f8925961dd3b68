/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include "make.h"

static void the_gateways_spelling_is_known_and_no_other(void **state)
{
    (void)state;
    assert_non_null(event_find("RatelimitExceeded"));
    assert_null(event_find("RateLimitExceeded"));
    assert_null(event_find("ratelimitexceeded"));
    assert_null(event_find(""));
    assert_true(event_find("TokenCreated")->never_fires);
    assert_true(event_find("TriggerExceeded")->never_fires);
    assert_false(event_find("AuthFailure")->never_fires);
    assert_false(event_find("OAuth2ScopeCheckFailed")->in_oas);
    assert_string_equal(event_find("CertificateExpired")->since, "5.10");
}

static void versions_are_compared_by_number(void **state)
{
    (void)state;
    assert_true(event_version_is_older("5.8", "5.10"));
    assert_true(event_version_is_older("v5.9.7", "5.10"));
    assert_true(event_version_is_older("4.99", "5.0"));
    assert_true(event_version_is_older("5", "5.4"));
    assert_false(event_version_is_older("5.10", "5.10"));
    assert_false(event_version_is_older("v5.10.0-rc1", "5.10"));
    assert_false(event_version_is_older("10.0", "5.10"));
    assert_false(event_version_is_older("", "5.10"));
    assert_false(event_version_is_older("latest", "5.10"));
    assert_false(event_version_is_older(NULL, "5.10"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gateways_spelling_is_known_and_no_other),
        cmocka_unit_test(versions_are_compared_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
