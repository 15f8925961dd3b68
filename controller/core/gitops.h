/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/object.h"

/* Does a GitOps tool or a package manager own this object (and would fight over its spec)? Known by
 * the tracking labels and annotations of Argo CD (annotation and both label modes), Flux
 * (kustomize- and helm-controller) and Helm. */
bool gitops_owns(const struct object *object);
