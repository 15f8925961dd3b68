/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "definition.h"

/* One API that the gateway serves. It outlives reloads for as long as its definition stays the
 * same. */
struct api {
    unsigned references;
    struct definition *definition;
    char *listen_path; /* the definition's, or renamed because another API has it */
    bool renamed;
    struct policy *policy; /* what traffic is checked against; made at the first request */
};

/* The set of APIs that one reload has brought; never changed after that. */
struct loaded;

/* Why a reload kills the gateway. */
enum loaded_death { LOADED_ALIVE, LOADED_NO_JSVM, LOADED_NO_JS_PATH };

/* A set without any API. */
struct loaded *loaded_empty(void);

/*
 * Builds the set that these definitions make after `before`. Returns it with one reference; NULL
 * and *ret_death if loading one of them kills the process.
 */
struct loaded *loaded_build(const struct loaded *before, struct definition *const *definitions,
                            size_t count, bool jsvm, enum loaded_death *ret_death);

struct loaded *loaded_ref(struct loaded *loaded);
void loaded_unref(struct loaded *loaded);

size_t loaded_count(const struct loaded *loaded);

/* The API at a position, in the order of file names. Borrowed. */
struct api *loaded_at(const struct loaded *loaded, size_t index);

/* The API of an id, NULL if it is not loaded. Borrowed. */
struct api *loaded_get(const struct loaded *loaded, const char *api_id);

/* The API that takes a path, NULL if none does. Borrowed. */
struct api *loaded_route(const struct loaded *loaded, const char *host, const char *path);
