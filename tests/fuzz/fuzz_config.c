/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as the command line of `run` (those with `=` and no dash before it: as its environment).
 * What is taken is within its limits; what is not is told with the name of a flag or variable. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config.h"
#include "core/url.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARGUMENTS_MAX 24
#define HOUR_MS INT64_C(3600000)

static void check(const struct config *config)
{
    const int64_t delays[] = {config->conversion_grace_ms, config->reference_grace_ms,
                              config->rewrite_delay_ms, config->finalizer_timeout_ms};
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++)
        expect(delays[i] >= 0 && delays[i] <= 720 * HOUR_MS, "a delay has its range");
    const int64_t intervals[] = {config->drift_interval_ms, config->secret_poll_ms};
    for (size_t i = 0; i < ARRAY_LENGTH(intervals); i++)
        expect(intervals[i] >= 1000 && intervals[i] <= 24 * HOUR_MS, "an interval has its range");
    expect(!str_is_empty(config->owner) && strlen(config->owner) <= 63, "an owner has a name");
    expect(config->source_path ? *config->source_path : strcmp(config->source, "kube") == 0,
           "there is a source");
    expect(!config->gateway_urls.count || !config->gateway_service, "one default context");
    for (size_t i = 0; i < config->gateway_urls.count; i++)
        expect(!url_fault(config->gateway_urls.items[i], NULL), "gateways can be called");
    expect(config->log_level_name && config->default_cooldown && config->listen, "defaults stand");
}

static void read_config(int argc, char **argv)
{
    struct config config = {.owner = NULL};
    bool help = false;
    struct err err;
    if (config_read(argc, argv, &config, &help, &err) < 0) {
        expect(err.class == ERR_INVALID && *err.msg, "a refusal has words");
        return;
    }
    if (!help)
        check(&config);
    config_fini(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char program[] = "run";
    char *argv[ARGUMENTS_MAX + 2] = {program};
    int argc = 1;
    clearenv();
    CLEANUP(freep) char *text = xstrndup((const char *)data, size);
    char *rest = text;
    for (char *line; argc <= ARGUMENTS_MAX && (line = strsep(&rest, "\n"));) {
        char *equals = strchr(line, '=');
        if (!equals || equals == line || *line == '-') {
            argv[argc++] = line;
            continue;
        }
        *equals = '\0';
        setenv(line, equals + 1, 1);
    }
    read_config(argc, argv);
    return 0;
}
