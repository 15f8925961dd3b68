/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Is this a URL that the gateway can call: absolute, http or https, with a host, and such that
 * Go's url.Parse takes it? Returns NULL when it is, else what is wrong (a constant).
 * `ret_user_info` (may be NULL) says whether a name or password stands in it. */
const char *url_fault(const char *url, bool *ret_user_info);
