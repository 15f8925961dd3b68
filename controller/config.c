/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/gateway_options.h"
#include "core/context_place.h"
#include "core/cooldown.h"
#include "core/event.h"

#define AT(field) offsetof(struct config, field)

static const struct option_spec options[] = {
    {"source", OPTION_TEXT, AT(source), "kube", "kube|dir:PATH",
     "where objects come from: the Kubernetes API, or a folder of manifests", false},
    {"state-dir", OPTION_TEXT, AT(state_dir), NULL, "PATH",
     "folder source: where status and memory are kept [PATH/.grapnel]", false},
    {"kubeconfig", OPTION_TEXT, AT(kubeconfig), NULL, "FILE",
     "how to reach the cluster [in-cluster, else $KUBECONFIG, else ~/.kube/config]", false},
    {"context", OPTION_TEXT, AT(kube_context), NULL, "NAME", "context of the kubeconfig [current]",
     false},
    {"namespace", OPTION_TEXTS, AT(namespaces), NULL, "NS", "namespace to watch [all]", false},
    {"owner", OPTION_TEXT, AT(owner), "grapnel", "NAME",
     "tells two installations on one gateway apart", false},
    {"gateway-service", OPTION_TEXT, AT(gateway_service), NULL, "NS/NAME:PORT",
     "default context: each pod behind a Service", false},
    GATEWAY_OPTIONS(struct config),
    {"id-namespaces", OPTION_TEXTS, AT(id_namespaces), NULL, "NS",
     "namespaces whose Webhooks are found by spec.id from everywhere [the operator's own]", false},
    {"default-cooldown", OPTION_TEXT, AT(default_cooldown), "10s", "DURATION",
     "cooldown of handlers that neither set one nor get one from their Webhook", false},
    {"conversion-grace", OPTION_DURATION, AT(conversion_grace_ms), "5s", "DURATION",
     "how long a global must be gone before its copies are converted", false},
    {"reference-grace", OPTION_DURATION, AT(reference_grace_ms), "10s", "DURATION",
     "how long a new API waits for a missing Webhook before it goes live without it", false},
    {"rewrite-delay", OPTION_DURATION, AT(rewrite_delay_ms), "30s", "DURATION",
     "how long after a conversion the spec is rewritten", false},
    {"finalizer-timeout", OPTION_DURATION, AT(finalizer_timeout_ms), "60s", "DURATION",
     "how long an unreachable gateway holds up a deletion", false},
    {"drift-interval", OPTION_INTERVAL, AT(drift_interval_ms), "10s", "DURATION",
     "how often one definition of each gateway is read back", false},
    {"secret-poll", OPTION_INTERVAL, AT(secret_poll_ms), "30s", "DURATION",
     "how often Secrets and ConfigMaps in use are read", false},
    {"confirm-prune", OPTION_BOOL, AT(confirm_prune), "false", NULL,
     "delete orphans on gateways however many there are", false},
    {"once", OPTION_BOOL, AT(once), "false", NULL, "converge, print a summary, exit", false},
    {"leader-elect", OPTION_BOOL, AT(leader_elect), NULL, NULL,
     "only one of several replicas acts [true in a cluster]", false},
    {"lease-name", OPTION_TEXT, AT(lease_name), "grapnel", "NAME", "name of the Lease", false},
    {"lease-namespace", OPTION_TEXT, AT(lease_namespace), NULL, "NS",
     "namespace of the Lease [the operator's own]", false},
    {"listen", OPTION_TEXT, AT(listen), ":8080", "ADDR:PORT",
     "where /healthz, /readyz and /metrics are served; \"\" for nowhere", false},
    {"log-level", OPTION_TEXT, AT(log_level_name), "info", "LEVEL", "debug, info, warn or error",
     false},
    {"log-format", OPTION_TEXT, AT(log_format), NULL, "json|text",
     "form of log lines [text on a terminal, else json]", false},
};

const struct command_spec config_command = {
    .name = "run",
    .arguments = "",
    .summary = "Reconciles ApiDefinitions and Webhooks with Tyk gateways, for ever or --once.",
    .options = options,
    .option_count = ARRAY_LENGTH(options),
    .given_offset = AT(given),
};
_Static_assert(ARRAY_LENGTH(options) <= CONFIG_OPTIONS_MAX, "there is a place for each option");

static int wrong(struct err *err, const char *flag, const char *remedy)
{
    return err_set(err, ERR_INVALID, 0, "--%s: %s", flag, remedy);
}

/* What only one of the two sources has a use for. Durations are not among them: one of what never
 * happens contradicts nothing. */
#define NO_CLUSTER                                                                                 \
    "a folder needs no cluster: leave the flag out, or take objects from one with --source kube"
#define NO_LEASE "a folder needs no Lease, its state folder is locked: leave the flag out"
static const struct {
    const char *flag;
    bool of_folders; /* else of clusters */
    const char *remedy;
} of_one_source[] = {
    {"kubeconfig", false, NO_CLUSTER},
    {"context", false, NO_CLUSTER},
    {"namespace", false,
     "a folder is watched whole: leave the flag out, and name a folder that holds no more than is "
     "wanted"},
    {"leader-elect", false, NO_LEASE},
    {"lease-name", false, NO_LEASE},
    {"lease-namespace", false, NO_LEASE},
    {"state-dir", true,
     "only a folder source keeps its state in a folder: leave the flag out, or name the folder "
     "with --source dir:PATH"},
};

/* Whoever gives a flag expects something of it. The environment may be set for more than this. */
static int check_given(const struct config *config, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        if (!config->given[i] ||
            (str_equal(options[i].name, "leader-elect") && !config->leader_elect))
            continue;
        for (size_t j = 0; j < ARRAY_LENGTH(of_one_source); j++) {
            if (str_equal(options[i].name, of_one_source[j].flag) &&
                of_one_source[j].of_folders != (config->source_path != NULL))
                return wrong(err, options[i].name, of_one_source[j].remedy);
        }
    }
    return 0;
}

static int check_source(struct config *config, struct err *err)
{
    if (str_starts(config->source, "dir:"))
        config->source_path = config->source + strlen("dir:");
    else if (!str_equal(config->source, "kube"))
        return wrong(err, "source", "kube or dir:PATH is expected");
    if (config->source_path && !*config->source_path)
        return wrong(err, "source", "dir: needs a path, for instance dir:./definitions");
    if (config->source_path && config->gateway_service)
        return wrong(err, "gateway-service", "a folder has no Services; use --gateway-url");
    return 0;
}

static int check_gateways(struct config *config, struct err *err)
{
    if (!config->gateway_urls.count && !config->gateway_service) {
        const char *url = getenv("TYK_URL");
        if (!str_is_empty(url))
            option_texts_add(&config->gateway_urls, url);
    }
    for (size_t i = 0; i < config->gateway_urls.count; i++) {
        char *canonical = context_canonical_url(config->gateway_urls.items[i], err);
        if (!canonical)
            return err_wrap(err, "--gateway-url %s", config->gateway_urls.items[i]);
        free(config->gateway_urls.items[i]);
        config->gateway_urls.items[i] = canonical;
    }
    if (config->gateway_service) {
        const char *slash = strchr(config->gateway_service, '/');
        const char *colon = strrchr(config->gateway_service, ':');
        if (!slash || !colon || colon < slash || slash == config->gateway_service || !colon[1])
            return wrong(err, "gateway-service", "NAMESPACE/NAME:PORT is expected");
    }
    if (!str_is_empty(config->gateway_version) && !event_is_version(config->gateway_version))
        return wrong(err, "gateway-version", "a version such as 5.8 is expected");
    if (config->gateway_urls.count && config->gateway_service)
        return wrong(err, "gateway-service", "give it or --gateway-url, not both");
    if (str_equal(getenv("TYK_TLS_INSECURE_SKIP_VERIFY"), "true"))
        config->gateway_insecure = true;
    return 0;
}

/* A name that cannot be one is a typing error, and nothing would be watched. */
static bool is_namespace(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t length = strlen(name);
    return length && length <= 63 && strspn(name, allowed) == length && *name != '-' &&
           name[length - 1] != '-';
}

static int check_namespaces(const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->namespaces.count; i++) {
        if (!is_namespace(config->namespaces.items[i]))
            return err_set(err, ERR_INVALID, 0,
                           "--namespace %s: lower-case letters, digits and - are expected",
                           config->namespaces.items[i]);
    }
    for (size_t i = 0; i < config->id_namespaces.count && config->namespaces.count; i++) {
        bool watched = false;
        for (size_t j = 0; j < config->namespaces.count; j++)
            watched =
                watched || str_equal(config->namespaces.items[j], config->id_namespaces.items[i]);
        if (!watched)
            return err_set(err, ERR_INVALID, 0,
                           "--id-namespaces: %s is not watched (add --namespace %s)",
                           config->id_namespaces.items[i], config->id_namespaces.items[i]);
    }
    return 0;
}

static int check_log(struct config *config, struct err *err)
{
    if (log_level_from_name(config->log_level_name, &config->log_level) < 0)
        return wrong(err, "log-level", "debug, info, warn or error is expected");
    if (!config->log_format)
        config->log_json = !isatty(STDERR_FILENO);
    else if (str_equal(config->log_format, "json") || str_equal(config->log_format, "text"))
        config->log_json = str_equal(config->log_format, "json");
    else
        return wrong(err, "log-format", "json or text is expected");
    return 0;
}

int config_read(int argc, char **argv, struct config *ret_config, bool *ret_help, struct err *err)
{
    struct config config = {.leader_elect = !str_is_empty(getenv("KUBERNETES_SERVICE_HOST"))};
    int rest = options_read(&config_command, argc, argv, &config, ret_help, err);
    int result = rest < 0 ? -1 : 0;
    if (result == 0 && !*ret_help) {
        if (rest < argc)
            result = err_set(err, ERR_INVALID, 0, "%s: run takes no arguments", argv[rest]);
        else if (!cooldown_read(config.default_cooldown, &(int64_t){0}))
            result = wrong(err, "default-cooldown", "hours, minutes and seconds, such as 1m30s");
        else if (str_is_empty(config.owner) || strlen(config.owner) > 63)
            result = wrong(err, "owner", "1 to 63 characters are expected");
        else if (check_source(&config, err) < 0 || check_given(&config, err) < 0 ||
                 check_gateways(&config, err) < 0 || check_namespaces(&config, err) < 0 ||
                 check_log(&config, err) < 0)
            result = -1;
    }
    if (result < 0) {
        config_fini(&config);
        return -1;
    }
    *ret_config = config;
    return 0;
}

void config_fini(struct config *config)
{
    options_free(&config_command, config);
}
