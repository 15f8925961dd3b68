/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every metric there is, in one table (README.md beside this explains them). What only a leader
 * knows has no sample on a standby: sums over replicas are right as they are.
 */
#include "app_metrics.h"

#include <stdio.h>

#include "base/mem.h"
#include "serve/metrics.h"
#include "serve/process.h"

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct figures {
    struct loop_stats loop;
    struct process_figures process;
    struct world_figures world;
    struct reconciler_counts counts;
    struct look_figures looks[LOOK_KIND_COUNT];
    bool is_there; /* counts, looks, gateways */
    bool leads;
    struct gateways_figures gateways;
    struct gateways_word words[GATEWAYS_WORD_COUNT];
};

/* The operator's own. */

static void write_build(const void *arg, struct metric_writer *writer)
{
    (void)arg;
    metric_add(writer, LABELS("version", GRAPNEL_VERSION), 1);
}

static void write_endpoints(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    for (size_t i = 0; figures->leads && i < GATEWAYS_WORD_COUNT; i++)
        metric_add(writer, LABELS("state", figures->words[i].label),
                   (double)figures->words[i].endpoints);
}

static void write_definitions(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    const struct reconciler_counts *counts = &figures->counts;
    if (!figures->leads)
        return;
    metric_add(writer, LABELS("state", "synced"), (double)counts->ready);
    metric_add(writer, LABELS("state", "stalled"), (double)counts->stalled);
    metric_add(writer, LABELS("state", "waiting"),
               (double)(counts->apis - counts->ready - counts->stalled));
}

static void write_references(const void *arg, struct metric_writer *writer)
{
    static const char *const sources[REF_SOURCE_COUNT] = {[REF_GLOBAL] = "global",
                                                          [REF_CONVERTED] = "converted",
                                                          [REF_LOCAL] = "local",
                                                          [REF_MISSING] = "missing"};
    const struct figures *figures = arg;
    for (size_t i = 0; figures->leads && i < REF_SOURCE_COUNT; i++)
        metric_add(writer, LABELS("source", sources[i]), (double)figures->counts.handlers[i]);
}

static void write_webhooks(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->leads)
        metric_add(writer, NULL, (double)figures->counts.webhooks);
}

static void write_conversions(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->counts.conversions);
}

static void write_status_writes(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->counts.status_writes);
}

static void write_repairs(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->gateways.repairs);
}

static void write_pushes(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->is_there)
        metric_add_histogram(writer, NULL, &figures->gateways.pushes);
}

static void write_reloads(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->is_there)
        metric_add_histogram(writer, NULL, &figures->gateways.reloads);
}

static void write_stalls(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->loop.slow_callbacks);
}

/* Those of controller-runtime, client-go and Prometheus' clients. */

static const char *controller_of(const struct look_figures *look)
{
    switch (look->kind) {
    case OBJECT_API:
        return "apidefinition";
    case OBJECT_WEBHOOK:
        return "webhook";
    default:
        return "operatorcontext";
    }
}

static void write_reconciles(const void *arg, struct metric_writer *writer)
{
    static const char *const results[LOOK_RESULT_COUNT] = {
        [LOOK_SUCCESS] = "success", [LOOK_ERROR] = "error", [LOOK_REQUEUE_AFTER] = "requeue_after"};
    const struct figures *figures = arg;
    for (size_t i = 0; figures->is_there && i < LOOK_KIND_COUNT; i++) {
        const struct look_figures *look = &figures->looks[i];
        for (size_t j = 0; j < LOOK_RESULT_COUNT; j++)
            metric_add(writer, LABELS("controller", controller_of(look), "result", results[j]),
                       (double)look->results[j]);
    }
}

static void write_errors(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    for (size_t i = 0; figures->is_there && i < LOOK_KIND_COUNT; i++)
        metric_add(writer, LABELS("controller", controller_of(&figures->looks[i])),
                   (double)figures->looks[i].results[LOOK_ERROR]);
}

static void write_reconcile_times(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    for (size_t i = 0; figures->is_there && i < LOOK_KIND_COUNT; i++)
        metric_add_histogram(writer, LABELS("controller", controller_of(&figures->looks[i])),
                             &figures->looks[i].seconds);
}

static void write_active(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    for (size_t i = 0; figures->is_there && i < LOOK_KIND_COUNT; i++)
        metric_add(writer, LABELS("controller", controller_of(&figures->looks[i])),
                   (double)figures->looks[i].queue.processing);
}

/* One sample for each queue. */
#define QUEUE_METRIC(FUNCTION, VALUE)                                                              \
    static void FUNCTION(const void *arg, struct metric_writer *writer)                            \
    {                                                                                              \
        const struct figures *figures = arg;                                                       \
        for (size_t i = 0; figures->is_there && i < LOOK_KIND_COUNT; i++) {                        \
            const struct workqueue_share *queue = &figures->looks[i].queue;                        \
            metric_add(writer, LABELS("name", controller_of(&figures->looks[i])),                  \
                       (double)(VALUE));                                                           \
        }                                                                                          \
    }
QUEUE_METRIC(write_depth, queue->ready)
QUEUE_METRIC(write_adds, queue->adds)
QUEUE_METRIC(write_retries, queue->retries)
QUEUE_METRIC(write_longest, (double)queue->longest_ms / 1e3)
QUEUE_METRIC(write_unfinished, (double)queue->unfinished_ms / 1e3)

static void write_request(void *arg, const char *method, unsigned code, uint64_t count)
{
    char text[16] = "<error>";
    if (code)
        snprintf(text, sizeof(text), "%u", code);
    metric_add(arg, LABELS("method", method, "code", text), (double)count);
}

static void write_requests(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->world.requests)
        kube_requests_visit(figures->world.requests, write_request, writer);
}

static void write_leads(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->world.lease)
        metric_add(writer, LABELS("name", figures->world.lease), figures->world.leads);
}

static void write_slow_paths(const void *arg, struct metric_writer *writer)
{
    const struct figures *figures = arg;
    if (figures->world.lease)
        metric_add(writer, LABELS("name", figures->world.lease),
                   (double)figures->world.lease_slow_paths);
}

static void write_cpu(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, ((const struct figures *)arg)->process.cpu_seconds);
}

static void write_resident(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, ((const struct figures *)arg)->process.resident_bytes);
}

static void write_virtual(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, ((const struct figures *)arg)->process.virtual_bytes);
}

static void write_start(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, ((const struct figures *)arg)->process.start_time);
}

static void write_open_files(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->process.open_files);
}

static void write_max_files(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, (double)((const struct figures *)arg)->process.max_files);
}

static const struct metric metrics[] = {
    {"grapnel_build_info", "The version that runs.", METRIC_GAUGE, write_build},
    {"grapnel_gateway_endpoints", "Gateways that count, by state.", METRIC_GAUGE, write_endpoints},
    {"grapnel_definitions", "ApiDefinitions by state.", METRIC_GAUGE, write_definitions},
    {"grapnel_references", "Webhook handlers of ApiDefinitions by where they come from.",
     METRIC_GAUGE, write_references},
    {"grapnel_webhooks", "Webhooks known.", METRIC_GAUGE, write_webhooks},
    {"grapnel_conversions_total", "References converted to local webhooks.", METRIC_COUNTER,
     write_conversions},
    {"grapnel_drift_repaired_total", "Definitions pushed again because they had drifted.",
     METRIC_COUNTER, write_repairs},
    {"grapnel_status_writes_total", "Writes of statuses.", METRIC_COUNTER, write_status_writes},
    {"grapnel_push_duration_seconds", "Each write of a definition to a gateway, until its answer.",
     METRIC_HISTOGRAM, write_pushes},
    {"grapnel_reload_duration_seconds", "Each reload of a gateway that was waited for.",
     METRIC_HISTOGRAM, write_reloads},
    {"grapnel_loop_stalls_total", "Callbacks of the event loop that took over 100 ms.",
     METRIC_COUNTER, write_stalls},
    {"controller_runtime_reconcile_total", "Looks at objects, by how they ended.", METRIC_COUNTER,
     write_reconciles},
    {"controller_runtime_reconcile_errors_total", "Looks whose write was refused.", METRIC_COUNTER,
     write_errors},
    {"controller_runtime_reconcile_time_seconds", "Each look, until its write was answered.",
     METRIC_HISTOGRAM, write_reconcile_times},
    {"controller_runtime_active_workers", "Looks at hand.", METRIC_GAUGE, write_active},
    {"workqueue_depth", "Objects that are due to be looked at.", METRIC_GAUGE, write_depth},
    {"workqueue_adds_total", "Objects that became due.", METRIC_COUNTER, write_adds},
    {"workqueue_retries_total", "Objects that became due again after an error.", METRIC_COUNTER,
     write_retries},
    {"workqueue_longest_running_processor_seconds", "How long the oldest look at hand lasts.",
     METRIC_GAUGE, write_longest},
    {"workqueue_unfinished_work_seconds", "How long all looks at hand last together.", METRIC_GAUGE,
     write_unfinished},
    {"rest_client_requests_total", "Requests to the API server, by method and status.",
     METRIC_COUNTER, write_requests},
    {"leader_election_master_status", "1 where this replica holds the Lease.", METRIC_GAUGE,
     write_leads},
    {"leader_election_slowpath_total", "Renewals that had to read the Lease first.", METRIC_COUNTER,
     write_slow_paths},
    {"process_cpu_seconds_total", "CPU time, user and system.", METRIC_COUNTER, write_cpu},
    {"process_resident_memory_bytes", "Memory in RAM.", METRIC_GAUGE, write_resident},
    {"process_virtual_memory_bytes", "Address space.", METRIC_GAUGE, write_virtual},
    {"process_start_time_seconds", "When the process was started, since 1970.", METRIC_GAUGE,
     write_start},
    {"process_open_fds", "Open file descriptors.", METRIC_GAUGE, write_open_files},
    {"process_max_fds", "The limit of open file descriptors.", METRIC_GAUGE, write_max_files},
};

static void read_replica(const struct replica *replica, struct figures *figures)
{
    const struct reconciler *reconciler = replica_reconciler(replica);
    const struct gateways *gateways = replica_gateways(replica);
    figures->is_there = true;
    figures->gateways = *replica_figures(replica);
    reconciler_count(reconciler, &figures->counts);
    reconciler_figures(reconciler, figures->looks);
    figures->leads = gateways != NULL;
    if (gateways)
        gateways_count(gateways, figures->words);
}

void app_metrics_add(const struct loop *loop, const struct world *world,
                     const struct replica *replica, struct buf *out)
{
    struct figures figures = {.is_there = false};
    loop_stats(loop, &figures.loop);
    process_read(&figures.process);
    if (world && world->ops->figures)
        world->ops->figures(world, &figures.world);
    if (replica)
        read_replica(replica, &figures);
    metrics_add_text(metrics, ARRAY_LENGTH(metrics), &figures, out);
}
