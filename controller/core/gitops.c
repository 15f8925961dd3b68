/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gitops.h"

#include "base/mem.h"
#include "base/str.h"

bool gitops_owns(const struct object *object)
{
    static const struct {
        bool annotation;
        const char *name;
        const char *value; /* NULL: any */
    } marks[] = {
        {true, "argocd.argoproj.io/tracking-id", NULL},
        {false, "argocd.argoproj.io/instance", NULL},
        {false, "app.kubernetes.io/instance", NULL},
        {false, "kustomize.toolkit.fluxcd.io/name", NULL},
        {false, "helm.toolkit.fluxcd.io/name", NULL},
        {true, "meta.helm.sh/release-name", NULL},
        {false, "app.kubernetes.io/managed-by", "Helm"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
        CLEANUP(freep)
        char *value = marks[i].annotation ? object_annotation(object, marks[i].name)
                                          : object_label(object, marks[i].name);
        if (value && (!marks[i].value || str_equal(value, marks[i].value)))
            return true;
    }
    return false;
}
