/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_path.h"

#include <string.h>

#define TYK_ROOT "/apis/tyk.tyk.io/v1alpha1"
#define TYK_VERSION "tyk.tyk.io/v1alpha1"

static const struct kube_resource resources[OBJECT_KIND_COUNT] = {
    [OBJECT_API] = {TYK_ROOT, "apidefinitions", TYK_VERSION, "ApiDefinition", true,
                    "apidefinitions.tyk.tyk.io"},
    [OBJECT_WEBHOOK] = {TYK_ROOT, "webhooks", TYK_VERSION, "Webhook", true, "webhooks.tyk.tyk.io"},
    [OBJECT_CONTEXT] = {TYK_ROOT, "operatorcontexts", TYK_VERSION, "OperatorContext", true,
                        "operatorcontexts.tyk.tyk.io"},
    [OBJECT_SECRET] = {"/api/v1", "secrets", "v1", "Secret", true, NULL},
    [OBJECT_CONFIGMAP] = {"/api/v1", "configmaps", "v1", "ConfigMap", true, NULL},
    [OBJECT_NAMESPACE] = {"/api/v1", "namespaces", "v1", "Namespace", false, NULL},
    [OBJECT_SERVICE] = {"/api/v1", "services", "v1", "Service", true, NULL},
    [OBJECT_ENDPOINTSLICE] = {"/apis/discovery.k8s.io/v1", "endpointslices", "discovery.k8s.io/v1",
                              "EndpointSlice", true, NULL},
    [OBJECT_CRD] = {"/apis/apiextensions.k8s.io/v1", "customresourcedefinitions",
                    "apiextensions.k8s.io/v1", "CustomResourceDefinition", false, NULL},
    [OBJECT_LEASE] = {"/apis/coordination.k8s.io/v1", "leases", "coordination.k8s.io/v1", "Lease",
                      true, NULL},
};

const struct kube_resource *kube_resource_of(enum object_kind kind)
{
    return &resources[kind];
}

void kube_path_add_escaped(struct buf *out, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            buf_add_char(out, *text);
        else
            buf_add_format(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void kube_path_collection(struct buf *out, const struct kube_resource *resource, const char *ns)
{
    buf_add_text(out, resource->root);
    if (resource->namespaced && ns) {
        buf_add_text(out, "/namespaces/");
        kube_path_add_escaped(out, ns);
    }
    buf_add_char(out, '/');
    buf_add_text(out, resource->plural);
}

void kube_path_object(struct buf *out, const struct kube_resource *resource, const char *ns,
                      const char *name, const char *subresource)
{
    kube_path_collection(out, resource, ns);
    buf_add_char(out, '/');
    kube_path_add_escaped(out, name);
    if (subresource) {
        buf_add_char(out, '/');
        buf_add_text(out, subresource);
    }
}

void kube_path_add_query(struct buf *out, const char *name, const char *value)
{
    buf_add_char(out, memchr(buf_text(out), '?', out->length) ? '&' : '?');
    kube_path_add_escaped(out, name);
    buf_add_char(out, '=');
    kube_path_add_escaped(out, value);
}

bool kube_name_is_valid(const char *name)
{
    static const char edge[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t length = strlen(name);
    if (length == 0 || length > 253 || !strchr(edge, name[0]) || !strchr(edge, name[length - 1]))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length && !strstr(name, "..");
}
