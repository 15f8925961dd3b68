/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

struct metric_writer {
    const char *name;
    struct buf *out;
};

static void add_label(struct buf *out, bool first, const char *name, const char *value)
{
    buf_add_format(out, "%s%s=\"", first ? "" : ",", name);
    for (; *value; value++) {
        if (*value == '\n')
            buf_add_text(out, "\\n");
        else if (*value == '"' || *value == '\\')
            buf_add_format(out, "\\%c", *value);
        else
            buf_add_char(out, *value);
    }
    buf_add_char(out, '"');
}

/* `bound` NULL: no label `le`. */
static void add_head(const struct metric_writer *writer, const char *suffix,
                     const char *const *labels, const char *bound)
{
    struct buf *out = writer->out;
    buf_add_format(out, "%s%s", writer->name, suffix);
    bool first = true;
    for (; labels && labels[0]; labels += 2) {
        buf_add_text(out, first ? "{" : "");
        add_label(out, first, labels[0], labels[1]);
        first = false;
    }
    if (bound) {
        buf_add_text(out, first ? "{" : "");
        add_label(out, first, "le", bound);
        first = false;
    }
    buf_add_text(out, first ? " " : "} ");
}

void metric_add(struct metric_writer *writer, const char *const *labels, double value)
{
    add_head(writer, "", labels, NULL);
    buf_add_format(writer->out, "%.17g\n", value);
}

void metric_add_histogram(struct metric_writer *writer, const char *const *labels,
                          const struct histogram *histogram)
{
    const struct histogram_bounds *bounds = histogram->bounds;
    uint64_t count = 0;
    for (size_t i = 0; i <= bounds->count; i++) {
        char bound[32] = "+Inf";
        if (i < bounds->count)
            snprintf(bound, sizeof(bound), "%g", bounds->bounds[i]);
        count += histogram->counts[i];
        add_head(writer, "_bucket", labels, bound);
        buf_add_format(writer->out, "%" PRIu64 "\n", count);
    }
    add_head(writer, "_sum", labels, NULL);
    buf_add_format(writer->out, "%.9g\n", histogram->sum);
    add_head(writer, "_count", labels, NULL);
    buf_add_format(writer->out, "%" PRIu64 "\n", count);
}

void metrics_add_text(const struct metric *metrics, size_t count, const void *arg, struct buf *out)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &metrics[i];
        struct metric_writer writer = {.name = metric->name, .out = out};
        buf_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                       metric->name, types[metric->type]);
        metric->write(arg, &writer);
    }
}
