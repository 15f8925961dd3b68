/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The marker that every pushed definition carries: who put it there, for which object, and what it
 * is. What a gateway's GET shows is normalised, so definitions are compared by their markers, never
 * as text. It stands at the root of an OAS document as `x-grapnel` (root extensions survive POST,
 * reload and truncation; keys inside the Tyk extension do not) and in a Classic definition as
 * `config_data.grapnel` (a map that the gateway keeps as it is; unknown root keys are dropped).
 */
enum api_family { API_OAS, API_CLASSIC };

struct marker {
    char *owner;   /* tells two installations on one gateway apart */
    char *cluster; /* and two clusters */
    char *context; /* "ns/name", "" is the default context */
    char *api;     /* "ns/name" */
    char *uid;
    char *hash;  /* SHA-256 of the document without marker, in hex */
    unsigned n;  /* raised to make a gateway take an unchanged document anew */
    bool retain; /* the definition stays when its object goes */
    /* resourceVersion of the object that it was made of, which orders all that was pushed for one
     * object: what goes into a definition is in its status before. 0: not known. */
    uint64_t object_version;
};

/* Appends the document with the marker in it, everything else byte for byte as it was; a marker
 * that is there already is replaced. -1, ERR_INVALID, when the document has no place for it (it is
 * no object, or `config_data` is neither object nor null). */
int marker_add(struct span document, enum api_family family, const struct marker *marker,
               struct buf *out, struct err *err) MUST_CHECK;

/* Reads the value of `x-grapnel` or `config_data.grapnel`. False when it is none that we can have
 * written (another version, missing or mistyped fields). `ret_marker` is owned: marker_fini(). */
bool marker_read(struct span value, struct marker *ret_marker);
void marker_fini(struct marker *marker);

/* All fields but n and the version, in 64 bits: equal means that nothing needs to be pushed. Never
 * 0. */
uint64_t marker_fingerprint(const struct marker *marker);
