/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/options.h"

#define CONFIG_OPTIONS_MAX 40

/*
 * The configuration of `grapnel run`: read once, checked at once, not changed after.
 */
struct config {
    char *source; /* "kube" or "dir:PATH" */
    char *state_dir;
    char *kubeconfig;
    char *kube_context;
    struct option_texts namespaces;
    char *owner;
    struct option_texts gateway_urls;
    char *gateway_service;
    char *gateway_secret_file;
    char *gateway_ca_file;
    bool gateway_insecure;
    bool gateway_jsvm;
    bool gateway_kv_references;
    char *gateway_version;
    bool gateway_allow_adoption;
    struct option_texts id_namespaces;
    char *default_cooldown;
    int64_t conversion_grace_ms;
    int64_t reference_grace_ms;
    int64_t rewrite_delay_ms;
    int64_t finalizer_timeout_ms;
    int64_t drift_interval_ms;
    int64_t secret_poll_ms;
    bool confirm_prune;
    bool once;
    bool leader_elect;
    char *lease_name;
    char *lease_namespace;
    char *listen;
    char *log_level_name;
    char *log_format;
    bool given[CONFIG_OPTIONS_MAX]; /* which of the table are on the command line */

    /* Made of the above. */
    const char *source_path; /* of dir:PATH; NULL: Kubernetes */
    enum log_level log_level;
    bool log_json;
};

/* The table of options of `run`. */
extern const struct command_spec config_command;

/* Reads flags and environment and checks them. -1 names the first flag that is wrong and the
 * remedy. *ret_help: --help was asked for, nothing else is set. */
int config_read(int argc, char **argv, struct config *ret_config, bool *ret_help, struct err *err);
void config_fini(struct config *config);
