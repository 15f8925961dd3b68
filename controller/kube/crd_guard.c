/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/crd_guard.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_path.h"
#include "kube/reflector.h"

struct crd_guard {
    enum object_kind kind;
    struct reflector *reflector;
    crd_guard_fn *changed;
    void *arg;
    bool leaving;
    bool listed; /* stood in the list that is being read */
    bool denied; /* said */
};

static void tell(struct crd_guard *guard, bool leaving)
{
    if (guard->leaving == leaving)
        return;
    guard->leaving = leaving;
    guard->changed(guard->arg, !leaving);
}

static void on_begin(void *arg)
{
    struct crd_guard *guard = arg;
    guard->listed = false;
}

static void on_put(void *arg, const struct object *object)
{
    struct crd_guard *guard = arg;
    guard->listed = true;
    tell(guard, object->deleting);
}

static void on_gone(void *arg, const char *key, const char *uid)
{
    (void)key;
    (void)uid;
    tell(arg, true);
}

static void on_end(void *arg)
{
    struct crd_guard *guard = arg;
    if (!guard->listed)
        tell(guard, true);
}

static void on_trouble(void *arg, const struct err *err)
{
    struct crd_guard *guard = arg;
    if (err->class != ERR_DENIED || guard->denied)
        return;
    guard->denied = true;
    log_warn("the CRD may not be read: its deletion cannot be told from that of its objects",
             .name = kube_resource_of(guard->kind)->crd, .err = err);
}

static void on_resumed(void *arg)
{
    (void)arg;
}

struct crd_guard *crd_guard_new(struct loop *loop, struct kube_client *client,
                                enum object_kind kind, crd_guard_fn *changed, void *arg)
{
    static const struct reflector_callbacks callbacks = {.begin = on_begin,
                                                         .put = on_put,
                                                         .gone = on_gone,
                                                         .end = on_end,
                                                         .trouble = on_trouble,
                                                         .resumed = on_resumed};
    struct crd_guard *guard = xcalloc(1, sizeof(*guard));
    *guard = (struct crd_guard){.kind = kind, .changed = changed, .arg = arg};
    CLEANUP(freep)
    char *selector = xasprintf("metadata.name=%s", kube_resource_of(kind)->crd);
    const struct reflector_options options = {
        .loop = loop,
        .client = client,
        .scope = {.kind = OBJECT_CRD, .field_selector = selector},
    };
    guard->reflector = reflector_new(&options, &callbacks, guard);
    return guard;
}

void crd_guard_free(struct crd_guard *guard)
{
    if (!guard)
        return;
    reflector_free(guard->reflector);
    free(guard);
}

void crd_guard_relist(struct crd_guard *guard)
{
    reflector_relist(guard->reflector);
}

void crd_guard_describe(enum object_kind kind, struct err *err)
{
    err_set(err, ERR_NOT_FOUND, 404, "the CRD %s is being deleted or gone",
            kube_resource_of(kind)->crd);
}
