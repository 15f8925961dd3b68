/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strmap.h"
#include "cli/offline.h"
#include "cli/options.h"
#include "core/marker.h"
#include "core/plan.h"
#include "gateway/gateway_client.h"
#include "ports/loop.h"

/*
 * What the files of `grapnel diff` share: what is wanted where (diff_wants), what the gateways hold
 * (diff_look), what a run would do about it (diff_plan), and how that is told (diff_print).
 */
struct diff_options {
    char *output;
    bool show_secrets;
    char *owner;
    char *cluster;
    char *state_dir;
    struct option_texts namespaces;
    struct option_texts gateway_urls;
    char *gateway_secret_file;
    char *gateway_ca_file;
    bool gateway_insecure;
    bool gateway_jsvm;
    bool gateway_kv_references;
    char *gateway_version;
    bool gateway_allow_adoption;
    bool confirm_prune;
    struct offline_options offline;
};

/* A group of gateways. */
struct diff_context {
    char *name;    /* "" is the default one */
    char *problem; /* why its gateways cannot be asked; NULL: they can */
    bool is_used;  /* an API names it */
    bool allow_adoption;
    bool confirm_prune;
};

/* What an ApiDefinition wants of the gateways. */
struct diff_want {
    const struct offline_api *api;
    struct diff_context *context; /* NULL: unknown */
    bool has_document;            /* false: what it wants is not known, what it has stays */
    char hash[65];
    bool adopt;
    bool retain;
};

/* A definition on a gateway. */
struct diff_found {
    char *api_id;
    char *name; /* for people */
    enum plan_found whose;
    struct marker marker; /* whose == PLAN_OURS, or another Grapnel's where it can be read */
    bool is_oas;
    bool is_same;        /* the marker is the one that a run would write */
    enum plan_form form; /* where it is the same */
    uint64_t claims[2];  /* on listen paths, where it is not ours; 0: none */
    char *text;          /* of what a push would change; NULL: nothing */
};

/* What a run would do. */
enum diff_kind { DIFF_ADDED, DIFF_CHANGED, DIFF_DELETED, DIFF_BLOCKED, DIFF_FOREIGN };
#define DIFF_KIND_COUNT 5
struct diff_entry {
    enum diff_kind kind;
    const struct diff_want *want;   /* NULL: no ApiDefinition is there */
    const struct diff_found *found; /* NULL: nothing is there */
    char *why;                      /* for people; owned */
    bool compares;                  /* the texts can be compared */
};

struct diff_gateway {
    struct diff *diff;
    char *id;
    char *url;
    char *pod; /* "" for a fixed URL */
    struct diff_context **contexts;
    size_t context_count;
    struct strmap *ids; /* id → the struct diff_want that wants it here */
    struct gateway_client *client;
    struct gateway_access *access;
    /* the look */
    struct gateway_call *call;
    enum api_family form;
    bool has_oas;
    bool was_repeated;
    char *error; /* why it could not be looked at; NULL: it was */
    struct diff_found *found;
    size_t found_count;
    size_t found_capacity;
    /* the plan */
    struct diff_entry *entries;
    size_t entry_count;
    size_t entry_capacity;
    size_t unchanged;
    size_t kept;
    bool holds_orphans; /* more would be deleted than may be without a confirmation */
};

struct diff {
    const struct diff_options *options;
    const char *cluster; /* NULL: any */
    struct offline *offline;
    char *not_whole;         /* why nothing counts as gone; NULL: the manifests are whole */
    struct strmap *contexts; /* name → struct diff_context */
    struct diff_want *wants; /* as offline->apis */
    struct strmap *wanted;   /* key → struct diff_want */
    struct strmap *gateways; /* id → struct diff_gateway */
    struct loop *loop;
    struct http *http;
    size_t looking;
};

/* diff_wants.c */
/* Reads manifests, contexts and wants, and makes the gateways. -1: *err says what cannot be read.
 */
int diff_gather(struct diff *diff, const char *const *paths, size_t count, struct err *err);
void diff_fini(struct diff *diff);
/* Appends the document of a want; false when there is none. */
bool diff_document(const struct diff *diff, const struct diff_want *want, bool placeholders,
                   struct buf *out);

/* diff_look.c */
/* Looks at all gateways at the same time and returns when it is done. */
void diff_look(struct diff *diff);
void diff_found_fini(struct diff_found *found);

/* diff_plan.c */
void diff_plan(struct diff_gateway *gateway);

/* diff_print.c */
void diff_print_text(const struct diff *diff, FILE *out);
void diff_print_json(const struct diff *diff, FILE *out);
