/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "core/object.h"

/* Where the kinds live in the API server, and paths to them. Pure. */

struct kube_resource {
    const char *root; /* "/api/v1", "/apis/tyk.tyk.io/v1alpha1" */
    const char *plural;
    const char *api_version;
    const char *kind;
    bool namespaced;
    const char *crd; /* name of the CRD that has to be installed; NULL: built in */
};

/* Borrowed, static. */
const struct kube_resource *kube_resource_of(enum object_kind kind);

/* Appends the path of a collection: of one namespace, or of all (`ns` NULL). */
void kube_path_collection(struct buf *out, const struct kube_resource *resource, const char *ns);
/* Appends the path of an object; `subresource` NULL: the object itself. `ns` is not looked at where
 * the kind has none. */
void kube_path_object(struct buf *out, const struct kube_resource *resource, const char *ns,
                      const char *name, const char *subresource);
/* Appends one parameter, `?` or `&` before it; name and value are escaped. */
void kube_path_add_query(struct buf *out, const char *name, const char *value);
/* Appends text as one segment of a path or one part of a query. */
void kube_path_add_escaped(struct buf *out, const char *text);

/* Can an object have this name (DNS subdomain, RFC 1123)? What is asked for in users' manifests
 * need not: nothing else may become part of a path. */
bool kube_name_is_valid(const char *name);
