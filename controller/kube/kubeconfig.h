/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "kube/kube_config.h"

/* kubeconfig files, as kubectl reads and merges them: the first file that has an entry of a name
 * wins with the whole entry. For kube_config.c. */
struct kubeconfig;

struct kubeconfig *kubeconfig_new(void);
void kubeconfig_free(struct kubeconfig *files);

/* Adds a file that has to be there. */
int kubeconfig_add_file(struct kubeconfig *files, const char *path, struct err *err) MUST_CHECK;
/* Adds the files of a list with colons; those that do not exist are passed over. */
int kubeconfig_add_list(struct kubeconfig *files, const char *list, struct err *err) MUST_CHECK;
/* Adds a file's text; `path` is what messages call it and what relative paths are relative to. */
int kubeconfig_add_text(struct kubeconfig *files, const char *path, struct span text,
                        struct err *err) MUST_CHECK;

/* Fills `config` (zeroed by the caller, who frees it in any case) from a context, its cluster and
 * its user; `context` NULL: the current one. */
int kubeconfig_select(const struct kubeconfig *files, const char *context,
                      struct kube_config *config, struct err *err) MUST_CHECK;
