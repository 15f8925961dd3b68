/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

const struct histogram_bounds histogram_seconds = {
    .count = 13,
    .bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
};

void histogram_observe(struct histogram *histogram, double seconds)
{
    size_t place = 0;
    while (place < histogram->bounds->count && seconds > histogram->bounds->bounds[place])
        place++;
    histogram->counts[place]++;
    histogram->sum += seconds;
}
