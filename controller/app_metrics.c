/* SPDX-License-Identifier: Apache-2.0 */
#include "app_metrics.h"

#include "base/mem.h"
#include "serve/metrics.h"

struct figures {
    struct loop_stats loop;
    struct reconciler_counts counts;
};

static size_t one(struct metric_sample *samples, double value)
{
    samples[0] = (struct metric_sample){"", value};
    return 1;
}

static size_t read_build(void *arg, struct metric_sample *samples, size_t room)
{
    (void)arg;
    (void)room;
    samples[0] = (struct metric_sample){"version=\"" GRAPNEL_VERSION "\"", 1};
    return 1;
}

static size_t read_apis(void *arg, struct metric_sample *samples, size_t room)
{
    const struct figures *figures = arg;
    const struct reconciler_counts *counts = &figures->counts;
    (void)room;
    samples[0] = (struct metric_sample){"state=\"synced\"", (double)counts->ready};
    samples[1] = (struct metric_sample){"state=\"stalled\"", (double)counts->stalled};
    samples[2] = (struct metric_sample){"state=\"waiting\"",
                                        (double)(counts->apis - counts->ready - counts->stalled)};
    return 3;
}

static size_t read_webhooks(void *arg, struct metric_sample *samples, size_t room)
{
    (void)room;
    return one(samples, (double)((const struct figures *)arg)->counts.webhooks);
}

static size_t read_conversions(void *arg, struct metric_sample *samples, size_t room)
{
    (void)room;
    return one(samples, (double)((const struct figures *)arg)->counts.conversions);
}

static size_t read_status_writes(void *arg, struct metric_sample *samples, size_t room)
{
    (void)room;
    return one(samples, (double)((const struct figures *)arg)->counts.status_writes);
}

static size_t read_stalls(void *arg, struct metric_sample *samples, size_t room)
{
    (void)room;
    return one(samples, (double)((const struct figures *)arg)->loop.slow_callbacks);
}

static const struct metric metrics[] = {
    {"grapnel_build_info", "The version that runs.", METRIC_GAUGE, read_build},
    {"grapnel_definitions", "ApiDefinitions by state.", METRIC_GAUGE, read_apis},
    {"grapnel_webhooks", "Webhooks known.", METRIC_GAUGE, read_webhooks},
    {"grapnel_conversions_total", "References converted to local webhooks.", METRIC_COUNTER,
     read_conversions},
    {"grapnel_status_writes_total", "Writes of statuses.", METRIC_COUNTER, read_status_writes},
    {"grapnel_loop_stalls_total", "Callbacks of the event loop that took over 100 ms.",
     METRIC_COUNTER, read_stalls},
};

void app_metrics_add(const struct loop *loop, const struct reconciler *reconciler, struct buf *out)
{
    struct figures figures = {.counts = {0}};
    loop_stats(loop, &figures.loop);
    if (reconciler)
        reconciler_count(reconciler, &figures.counts);
    metrics_add_text(metrics, ARRAY_LENGTH(metrics), &figures, out);
}
