/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Metrics in Prometheus' text format, from one table: each row says what it is called, and reads
 * its value when asked. Labels are bounded: states, kinds and results, never names of objects.
 */
enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_sample {
    const char *labels; /* `state="synced"`, "" when there are none */
    double value;
};

struct metric {
    const char *name;
    const char *help;
    enum metric_type type;
    /* Fills at most `room` samples and returns how many. */
    size_t (*read)(void *arg, struct metric_sample *samples, size_t room);
};

void metrics_add_text(const struct metric *metrics, size_t count, void *arg, struct buf *out);
