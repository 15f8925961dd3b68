/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Which API server, and as whom: from the files that a pod is given, or from kubeconfig files as
 * kubectl reads them. What is said here does not change; what the named files hold is read again
 * and again by kube_auth.
 *
 * Where to look, first that applies: `kubeconfig` (that file alone); in a cluster; the files of
 * $KUBECONFIG, of which missing ones are passed over and the first that has an entry wins; and
 * ~/.kube/config. Naming a context leaves the cluster out of it.
 */
struct kube_config_source {
    const char *kubeconfig; /* --kubeconfig, NULL: none */
    const char *context;    /* --context, NULL: the current one */
    /* What the environment says; NULL: nothing. */
    const char *kubeconfig_list; /* $KUBECONFIG */
    const char *home;
    const char *service_host; /* $KUBERNETES_SERVICE_HOST */
    const char *service_port;
    const char *service_account; /* folder of token, ca.crt and namespace */
};
/* Fills what the environment says; borrowed from it. */
void kube_config_read_environment(struct kube_config_source *source);

/* A program that gives credentials (client.authentication.k8s.io). */
struct kube_exec {
    char *command;
    char **args; /* NULL behind the last */
    char **env;  /* "NAME=value" */
    char *api_version;
    char *install_hint; /* NULL: none */
    /* The value of KUBERNETES_EXEC_INFO. */
    char *info;
};

void kube_exec_free(struct kube_exec *exec);

/* Impersonate-Extra-KEY. */
struct kube_extra {
    char *key;
    char **values;
};

struct kube_config {
    char *server; /* "https://host:port", perhaps a path, no slash at the end */
    char *ns;     /* our own: the service account's, the context's, "default" */
    char *proxy;  /* NULL: what the environment says */
    char *server_name;
    bool insecure;
    /* PEM texts; of each pair at most one is set, text wins over file. */
    char *ca_pem;
    char *ca_file;
    char *cert_pem;
    char *cert_file;
    char *key_pem;
    char *key_file;
    /* A token that was read from the file wins over the one that is written here. */
    char *token;
    char *token_file;
    char *username;
    char *password;
    char *as;
    char *as_uid;
    char **as_groups;            /* NULL behind the last; NULL: none */
    struct kube_extra *as_extra; /* key NULL behind the last; NULL: none */
    struct kube_exec *exec;
};

/* -1: NOT_FOUND (no configuration, or no such context, cluster or user), DENIED, INVALID; the
 * message names the file and the field, and the remedy where there is one. */
int kube_config_load(const struct kube_config_source *source, struct kube_config *ret_config,
                     struct err *err) MUST_CHECK;
void kube_config_fini(struct kube_config *config);
