/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* What manifests of APIs and their statuses look like, as JSON; the most frequent last. Compiled in
 * from core/packing_dictionary.txt. Packed texts live in memory only, so it may change. */
extern const struct span packing_dictionary;
