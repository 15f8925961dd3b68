/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/options.h"
#include "core/cache.h"
#include "core/claims.h"
#include "core/resolve.h"
#include "dir/dir_peek.h"
#include "dir/manifests.h"

/*
 * What `render`, `materialize` and `diff` have in common: manifests loaded, every ApiDefinition
 * among them resolved, without a cluster and without a gateway.
 */
struct offline_options {
    struct option_texts id_namespaces;
    char *default_cooldown;
    /* For commands that know more; NULL: render's way. */
    const struct gateway_abilities *abilities; /* of APIs without contextRef */
    const struct dir_peek *peek;               /* what is remembered of the manifests */
    bool unopened_copies;    /* placeholders do for sealed values, whatever the key */
    bool contexts_elsewhere; /* one that is not among the manifests may be somewhere else */
};

/* The rows of these options for a command's table. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a member cannot stand in them */
#define OFFLINE_OPTIONS(values, member)                                                            \
    {"id-namespaces",                                                                              \
     OPTION_TEXTS,                                                                                 \
     offsetof(values, member.id_namespaces),                                                       \
     NULL,                                                                                         \
     "NS",                                                                                         \
     "namespaces whose Webhooks are found by spec.id from everywhere [all]",                       \
     false},                                                                                       \
    {                                                                                              \
        "default-cooldown", OPTION_TEXT, offsetof(values, member.default_cooldown), "10s",         \
            "DURATION",                                                                            \
            "cooldown of handlers that neither set one nor get one from their Webhook", false      \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

struct offline_api {
    const struct object *object;
    const struct object *config_map; /* NULL: none */
    struct context context;
    struct gateway_abilities abilities;
    bool has_context;          /* one that is there and permits the API, or none is wanted */
    bool context_is_elsewhere; /* maybe: it is not among the manifests */
    struct accepted *accepted; /* what the resolution says */
    struct resolution resolution;
};

struct offline {
    struct manifests manifests;
    struct cache *cache;
    struct claims *claims;
    struct resolve_settings settings;
    bool unopened_copies;
    struct offline_api *apis; /* by key in bytes */
    size_t api_count;
};

/* Returns owned; NULL with *err set when something named cannot be read. `options` is borrowed
 * until offline_freep(). */
struct offline *offline_new(const char *const *paths, size_t count,
                            const struct offline_options *options, bool placeholders,
                            struct err *err);
void offline_freep(struct offline **offline);

/* Resolves an API whose manifest the schema refuses as if it did not, to see what else is wrong
 * with it. False when there is nothing that could be looked at. */
bool offline_resolve_anyway(const struct offline *offline, const struct offline_api *api,
                            struct resolution *ret_resolution);

/* Appends the document to push, with placeholders for values of Secrets or without; false when the
 * API cannot be pushed. */
bool offline_document(const struct offline *offline, const struct offline_api *api,
                      bool placeholders, struct buf *out);
/* Appends the JSON of one API as `render` prints it. */
void offline_add_element(const struct offline *offline, const struct offline_api *api,
                         struct buf *out);

/* "FILE:LINE: field: error: message (hint)" (or warning), one line. */
void offline_print_problem(const struct manifest_problem *problem, FILE *out);
/* The problems of one API, one line each, as above. */
void offline_print_problems(const struct offline *offline, const struct offline_api *api,
                            FILE *out);

/* What is wrong with manifests and files, one line each, as above. */
void offline_print_notes(const struct offline *offline, FILE *out);
/* The Webhook that holds the id that `webhook` claims; NULL: it has the id itself, or none. */
const struct object *offline_id_rival(const struct offline *offline, const struct object *webhook);
/* Is a manifest refused, or an id of Webhooks claimed twice? */
bool offline_input_has_errors(const struct offline *offline);
/* The same, or is an API not without errors? */
bool offline_has_errors(const struct offline *offline);
