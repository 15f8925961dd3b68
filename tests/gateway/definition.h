/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/* A part of a text. */
struct span {
    size_t start;
    size_t len;
};

/*
 * One API as it is on disk, in the form in which the gateway writes it. Never changed once made:
 * the store and the sets that are loaded share it by reference.
 */
struct definition {
    unsigned references;
    char *api_id;
    char *name;
    char *org_id;
    char *listen_path; /* as it was sent, not cleaned */
    char *target_url;
    char *domain; /* "" when it is disabled */
    bool is_oas;
    bool internal;
    bool js_handler;         /* has an enabled JS handler: kills a gateway without jsvm at load */
    bool js_handler_no_path; /* and one without a path: kills any gateway */

    struct text classic;        /* content of <id>.json, and what GET /tyk/apis/<id> shows */
    struct span classic_listen; /* the value of proxy.listen_path in it */

    /* Only of an OAS API. */
    struct text oas;         /* content of <id>-oas.json */
    struct span oas_listen;  /* the value of listenPath.value in it */
    struct span *oas_groups; /* its event handlers, one span for each trigger */
    size_t oas_group_count;
};

/* A new, empty one with one reference. */
struct definition *definition_new(void);

struct definition *definition_ref(struct definition *definition);

/* Gives one reference back; the last one frees it. NULL is fine. */
void definition_unref(struct definition *definition);

/* True if a gateway would not see a change between the two. */
bool definition_same(const struct definition *left, const struct definition *right);
