/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "serve/metrics.h"
#include "serve/process.h"

static void write_gauge(const void *arg, struct metric_writer *writer)
{
    metric_add(writer, NULL, *(const double *)arg);
    metric_add(writer, (const char *const[]){"name", "a\"b\\c\nd", "other", "", NULL}, 0.1);
}

static void labels_are_escaped_and_values_exact(void **state)
{
    (void)state;
    const double value = 1e15 + 1;
    const struct metric metrics[] = {{"some_gauge", "What it is.", METRIC_GAUGE, write_gauge}};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    metrics_add_text(metrics, 1, &value, &out);
    assert_string_equal(buf_text(&out),
                        "# HELP some_gauge What it is.\n# TYPE some_gauge gauge\n"
                        "some_gauge 1000000000000001\n"
                        "some_gauge{name=\"a\\\"b\\\\c\\nd\",other=\"\"} 0.10000000000000001\n");
}

static void write_histogram(const void *arg, struct metric_writer *writer)
{
    metric_add_histogram(writer, (const char *const[]){"kind", "a", NULL}, arg);
    metric_add_histogram(writer, NULL, arg);
}

static void buckets_add_up(void **state)
{
    (void)state;
    static const struct histogram_bounds bounds = {.count = 2, .bounds = {0.5, 1}};
    struct histogram histogram = {.bounds = &bounds};
    histogram_observe(&histogram, 0.5); /* at most: in */
    histogram_observe(&histogram, 0.75);
    histogram_observe(&histogram, 0.75);
    histogram_observe(&histogram, 8);
    const struct metric metrics[] = {{"some_seconds", "It.", METRIC_HISTOGRAM, write_histogram}};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    metrics_add_text(metrics, 1, &histogram, &out);
    assert_string_equal(buf_text(&out), "# HELP some_seconds It.\n# TYPE some_seconds histogram\n"
                                        "some_seconds_bucket{kind=\"a\",le=\"0.5\"} 1\n"
                                        "some_seconds_bucket{kind=\"a\",le=\"1\"} 3\n"
                                        "some_seconds_bucket{kind=\"a\",le=\"+Inf\"} 4\n"
                                        "some_seconds_sum{kind=\"a\"} 10\n"
                                        "some_seconds_count{kind=\"a\"} 4\n"
                                        "some_seconds_bucket{le=\"0.5\"} 1\n"
                                        "some_seconds_bucket{le=\"1\"} 3\n"
                                        "some_seconds_bucket{le=\"+Inf\"} 4\n"
                                        "some_seconds_sum 10\n"
                                        "some_seconds_count 4\n");
}

static void the_process_is_known(void **state)
{
    (void)state;
    struct process_figures figures;
    process_read(&figures);
    assert_true(figures.resident_bytes > 1e5 && figures.virtual_bytes > figures.resident_bytes);
    assert_true(figures.open_files >= 1 && figures.max_files >= figures.open_files);
    assert_true(figures.start_time > 1.6e9 && figures.cpu_seconds >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped_and_values_exact),
        cmocka_unit_test(buckets_add_up),
        cmocka_unit_test(the_process_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
