/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "definition.h"
#include "doc.h"

/* What requests to an API are checked against, as far as the stub serves traffic. */
struct policy;

enum policy_verdict {
    POLICY_PASS,
    POLICY_ADDRESS_REFUSED,
    POLICY_NO_VERSION,
    POLICY_KEY_MISSING,
    POLICY_KEY_REFUSED, /* event AuthFailure */
    POLICY_RATE_LIMIT,  /* event RatelimitExceeded */
    POLICY_NO_TARGET,
};

struct policy *policy_new(struct doc *doc, const struct definition *definition);
void policy_free(struct policy *policy);

/* Name of the header that carries the key. */
const char *policy_key_header(const struct policy *policy);

/* Judges one request from address with that key (NULL: none) and counts it. */
enum policy_verdict policy_judge(struct policy *policy, const char *address, const char *key,
                                 int64_t now_ms);
