/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * How often a duration fell between which bounds, as Prometheus counts. A figure: copied as it is.
 */
#define HISTOGRAM_BOUNDS_MAX 14

struct histogram_bounds {
    size_t count;
    double bounds[HISTOGRAM_BOUNDS_MAX]; /* seconds, ascending; "at most" */
};

struct histogram {
    const struct histogram_bounds *bounds;
    uint64_t
        counts[HISTOGRAM_BOUNDS_MAX + 1]; /* by the first bound that holds; the last: none does */
    double sum;
};

/* 5 ms to a minute: what a reconcile, a request, a reload take. */
extern const struct histogram_bounds histogram_seconds;

void histogram_observe(struct histogram *histogram, double seconds);
