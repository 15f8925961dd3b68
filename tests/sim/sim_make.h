/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

/*
 * Objects as users write them, from few names and a salt: so that references meet, miss, and meet
 * again. Each ApiDefinition says in its annotations what the watcher has to know of it:
 * `sim/version` (its number, also in the document) and `sim/invalid` when it is meant to be
 * refused.
 */
#define SIM_APIS 5
#define SIM_WEBHOOKS 5
#define SIM_SECRETS 4
#define SIM_CONTEXTS 2
#define SIM_CONFIG_MAPS 2

/* "ns/name" of the n-th. Static texts. */
const char *sim_api_key(unsigned number);
const char *sim_webhook_key(unsigned number);
const char *sim_secret_key(unsigned number);
const char *sim_context_key(unsigned number);

/* What an ApiDefinition refers to, of all that there is: */
enum {
    SIM_FEW_WEBHOOKS = 1, /* a/w0 and grapnel/w2 */
    SIM_FEW_CONTEXTS = 2  /* the default one */
};

/* What is written of an ApiDefinition. */
struct sim_recipe {
    unsigned number;
    uint64_t salt;
    unsigned version; /* a number that only grows */
    unsigned scope;   /* SIM_FEW_… */
};
/* Returns owned. *ret_config_map (owned) is the ConfigMap that the API's document is in, NULL:
 * none. */
json_t *sim_make_api(const struct sim_recipe *recipe, json_t **ret_config_map);
json_t *sim_make_webhook(unsigned number, uint64_t salt, unsigned version);
/* Another permission only; everything else stays. */
json_t *sim_make_permission(uint64_t salt);
json_t *sim_make_secret(unsigned number, uint64_t salt);
json_t *sim_make_context(unsigned number, uint64_t salt);
/* A definition that is not ours, and the id it is put under. */
json_t *sim_make_foreign(uint64_t salt, unsigned version, bool *ret_oas, const char **ret_id);

/* What every generated secret value begins with: no output may hold it. */
#define SIM_SECRET_MARK "sk!"
/* The id that Webhooks of this name have, when they have one. */
const char *sim_webhook_id(unsigned number);
