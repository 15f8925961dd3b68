/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/object.h"
#include "kube/kube_client.h"

/*
 * Lists one kind: consistent (no resourceVersion is asked for), in pages of 500 that are split into
 * objects while they arrive. When a page has expired (410), once more as a whole without pages.
 */
struct kube_list;

/* What is listed and watched; borrowed by those who are given one. */
struct kube_scope {
    enum object_kind kind;
    const char *ns;             /* NULL: all */
    const char *field_selector; /* NULL: none */
    const char *label_selector; /* NULL: none */
};
/* Appends the path of the scope, with the selector. */
void kube_scope_add_path(const struct kube_scope *scope, struct buf *path);

struct kube_list_callbacks {
    /* The first answer has begun; when the list is begun anew, again. */
    void (*begin)(void *arg);
    void (*put)(void *arg, const struct object *object);
    /* Once, unless cancelled. `version` is where a watch begins; NULL when err is set. A list that
     * was not whole, or held something that is no such object, is an error whatever was put. */
    void (*done)(void *arg, const char *version, const struct kube_answer *answer,
                 const struct err *err);
};

/* None of the callbacks may cancel it, but done() may start another. Never calls back before it
 * returns. */
struct kube_list *kube_list_start(struct kube_client *client, const struct kube_scope *scope,
                                  const struct kube_list_callbacks *callbacks, void *arg);
/* NULL is fine. */
void kube_list_cancel(struct kube_list *list);
