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
    struct crd_guard_callbacks callbacks;
    void *arg;
    bool leaving;
    bool listed;  /* stood in the list that is being read */
    bool was_let; /* has been listed */
    bool denied;  /* said */
};

static void tell(struct crd_guard *guard, bool leaving)
{
    if (guard->leaving == leaving)
        return;
    guard->leaving = leaving;
    guard->callbacks.changed(guard->arg, !leaving);
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
    guard->was_let = true;
    if (!guard->listed)
        tell(guard, true);
    guard->callbacks.sight(guard->arg, NULL);
}

static void on_trouble(void *arg, const struct err *err)
{
    struct crd_guard *guard = arg;
    /* 401 is another thing: a token that is read anew. */
    bool denied = err->class == ERR_DENIED && err->code == 403 && !guard->was_let;
    if (!denied) {
        guard->callbacks.sight(guard->arg, err);
        return;
    }
    guard->callbacks.sight(guard->arg, NULL);
    if (guard->denied)
        return;
    guard->denied = true;
    log_warn("the CRD may not be read: its deletion cannot be told from that of its objects",
             .name = kube_resource_of(guard->kind)->crd, .err = err);
}

static void on_resumed(void *arg)
{
    struct crd_guard *guard = arg;
    guard->callbacks.sight(guard->arg, NULL);
}

struct crd_guard *crd_guard_new(struct loop *loop, struct kube_client *client,
                                enum object_kind kind, const struct crd_guard_callbacks *callbacks,
                                void *arg)
{
    static const struct reflector_callbacks followed = {.begin = on_begin,
                                                        .put = on_put,
                                                        .gone = on_gone,
                                                        .end = on_end,
                                                        .trouble = on_trouble,
                                                        .resumed = on_resumed};
    struct crd_guard *guard = xcalloc(1, sizeof(*guard));
    *guard = (struct crd_guard){.kind = kind, .callbacks = *callbacks, .arg = arg};
    CLEANUP(freep)
    char *selector = xasprintf("metadata.name=%s", kube_resource_of(kind)->crd);
    const struct reflector_options options = {
        .loop = loop,
        .client = client,
        .scope = {.kind = OBJECT_CRD, .field_selector = selector},
    };
    guard->reflector = reflector_new(&options, &followed, guard);
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

bool crd_guard_stands(struct crd_guard *guard, int64_t since)
{
    if (guard->denied)
        return true;
    if (guard->leaving)
        return false;
    if (reflector_listed_at(guard->reflector) > since)
        return true;
    reflector_relist_now(guard->reflector);
    return false;
}

void crd_guard_describe(enum object_kind kind, struct err *err)
{
    err_set(err, ERR_NOT_FOUND, 404, "the CRD %s is being deleted or gone",
            kube_resource_of(kind)->crd);
}
