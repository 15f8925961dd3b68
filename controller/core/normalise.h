/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "core/marker.h"

/*
 * The document to push and what a gateway's GET shows under its id, in a form in which they can be
 * compared: a gateway adds every field with its zero value (Classic) or leaves such fields out
 * (OAS), cleans listen paths, sorts headers, writes durations and numbers anew, and looks some
 * values up. What still differs is what a push would change.
 *
 * One thing cannot be told everywhere: keys that the gateway does not know and drops. They are left
 * out of handlers, and of the parts of a Classic definition in which the gateway shows all that it
 * knows; elsewhere they look as if a push would add them.
 */
struct normalise_sides {
    struct span wanted; /* the document to push; a marker in it is left out */
    /* The same as people may see it: placeholders for values of Secrets. ptr NULL: everything may
     * be seen. */
    struct span shown;
    struct span found; /* the gateway's, in the form of `family` */
    enum api_family family;
};

/* Both are set, owned: json_decref(). They are equal (json_equal()) when a push would change
 * nothing but the marker. Where `shown` is given, values of the other side that may be secret are
 * replaced: those that stand for a Secret's, of headers and URLs of handlers that differ, and under
 * keys like "password". -1, ERR_INVALID, when a text is no JSON object. */
int normalise(const struct normalise_sides *sides, json_t **ret_wanted, json_t **ret_found,
              struct err *err) MUST_CHECK;
