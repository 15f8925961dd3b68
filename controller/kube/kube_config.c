/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "kube/kube_file.h"
#include "kube/kubeconfig.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define WORD_LIMIT 65536

static void texts_free(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

void kube_exec_free(struct kube_exec *exec)
{
    if (!exec)
        return;
    free(exec->command);
    texts_free(exec->args);
    texts_free(exec->env);
    free(exec->api_version);
    free(exec->install_hint);
    free(exec->info);
    free(exec);
}

void kube_config_fini(struct kube_config *config)
{
    char *texts[] = {config->server,   config->ns,       config->proxy,    config->server_name,
                     config->ca_pem,   config->ca_file,  config->cert_pem, config->cert_file,
                     config->key_pem,  config->key_file, config->token,    config->token_file,
                     config->username, config->password, config->as,       config->as_uid};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        free(texts[i]);
    texts_free(config->as_groups);
    for (size_t i = 0; config->as_extra && config->as_extra[i].key; i++) {
        free(config->as_extra[i].key);
        texts_free(config->as_extra[i].values);
    }
    free(config->as_extra);
    kube_exec_free(config->exec);
    *config = (struct kube_config){0};
}

void kube_config_read_environment(struct kube_config_source *source)
{
    source->kubeconfig_list = getenv("KUBECONFIG");
    source->home = getenv("HOME");
    source->service_host = getenv("KUBERNETES_SERVICE_HOST");
    source->service_port = getenv("KUBERNETES_SERVICE_PORT");
    source->service_account = SERVICE_ACCOUNT;
}

/* In a pod: where the API server is says the environment, who we are say the files. */
static int load_in_cluster(const struct kube_config_source *source, struct kube_config *config,
                           struct err *err)
{
    const char *folder = source->service_account;
    config->token_file = xasprintf("%s/token", folder);
    CLEANUP(freep) char *token = NULL;
    if (kube_file_read_word(config->token_file, WORD_LIMIT, &token, err) < 0)
        return -1;
    bool is_ipv6 = strchr(source->service_host, ':') != NULL;
    config->server = xasprintf("https://%s%s%s:%s", is_ipv6 ? "[" : "", source->service_host,
                               is_ipv6 ? "]" : "", source->service_port);
    config->ca_file = xasprintf("%s/ca.crt", folder);
    CLEANUP(freep) char *ns_file = xasprintf("%s/namespace", folder);
    if (kube_file_read_word(ns_file, WORD_LIMIT, &config->ns, err) < 0)
        return -1;
    return 0;
}

static int load_files(const struct kube_config_source *source, struct kube_config *config,
                      struct err *err)
{
    struct kubeconfig *files = kubeconfig_new();
    int result;
    if (source->kubeconfig) {
        result = kubeconfig_add_file(files, source->kubeconfig, err);
    } else if (!str_is_empty(source->kubeconfig_list)) {
        result = kubeconfig_add_list(files, source->kubeconfig_list, err);
    } else {
        CLEANUP(freep)
        char *usual = xasprintf("%s/.kube/config", source->home ? source->home : "");
        result = kubeconfig_add_list(files, usual, err);
    }
    if (result == 0)
        result = kubeconfig_select(files, source->context, config, err);
    kubeconfig_free(files);
    return result;
}

static bool says_in_cluster(const struct kube_config_source *source)
{
    return !source->kubeconfig && !source->context && !str_is_empty(source->service_host) &&
           !str_is_empty(source->service_port);
}

int kube_config_load(const struct kube_config_source *source, struct kube_config *ret_config,
                     struct err *err)
{
    struct kube_config config = {0};
    struct err why;
    int result = -1;
    if (says_in_cluster(source)) {
        result = load_in_cluster(source, &config, &why);
        if (result < 0)
            kube_config_fini(&config);
        /* A pod without a service account may have been given a kubeconfig instead. */
        if (result < 0 && why.class != ERR_NOT_FOUND) {
            if (err)
                *err = why;
            return -1;
        }
    }
    if (result < 0)
        result = load_files(source, &config, err);
    if (result < 0)
        kube_config_fini(&config);
    else
        *ret_config = config;
    return result;
}
