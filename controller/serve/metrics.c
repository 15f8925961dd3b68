/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/metrics.h"

#define SAMPLES_MAX 64

void metrics_add_text(const struct metric *metrics, size_t count, void *arg, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &metrics[i];
        struct metric_sample samples[SAMPLES_MAX];
        size_t used = metric->read(arg, samples, SAMPLES_MAX);
        buf_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                       metric->name, metric->type == METRIC_COUNTER ? "counter" : "gauge");
        for (size_t j = 0; j < used; j++) {
            const char *labels = samples[j].labels;
            buf_add_format(out, "%s%s%s%s %.17g\n", metric->name, *labels ? "{" : "", labels,
                           *labels ? "}" : "", samples[j].value);
        }
    }
}
