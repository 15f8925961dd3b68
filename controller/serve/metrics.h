/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/histogram.h"

/*
 * Metrics in Prometheus' text format, from one table: each row says what it is called and which
 * labels it has, and adds its samples when asked. Labels are bounded: states, kinds and results,
 * never names of users' objects.
 */
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_writer;

struct metric {
    const char *name;
    const char *help;
    enum metric_type type;
    void (*write)(const void *arg, struct metric_writer *writer);
};

/* Adds one sample. `labels`: names and values in turn, NULL behind the last; NULL: none. */
void metric_add(struct metric_writer *writer, const char *const *labels, double value);
void metric_add_histogram(struct metric_writer *writer, const char *const *labels,
                          const struct histogram *histogram);

void metrics_add_text(const struct metric *metrics, size_t count, const void *arg, struct buf *out);
