/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "core/accepted.h"
#include "core/object.h"

/*
 * Copies written out: the user's own text with references replaced by local handlers, ready to be
 * committed.
 */
struct materialize_request {
    const struct accepted *accepted; /* whose copies are written out */
    const char *default_cooldown;
    bool placeholders; /* values of Secrets are not written but `<secret ns/name key>` */
};

/* Appends the whole object's text with its handlers written out, all else byte for byte. False, and
 * nothing appended, when there is nothing to write out (or the document is in a ConfigMap). */
bool materialize_api(const struct object *api, const struct materialize_request *request,
                     struct buf *out);

/* The same for an API whose document is in a ConfigMap: appends the document alone, as JSON. */
bool materialize_config_map(const struct object *api, const struct object *config_map,
                            const struct materialize_request *request, struct buf *out);
