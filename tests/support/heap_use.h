/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The bytes that have been taken from the heap and not been given back. */
size_t heap_use(void);
/* By how much that may differ without a reason: malloc keeps small blocks for itself and counts
 * them as taken. 0 with the address sanitizer. */
size_t heap_use_slack(void);
