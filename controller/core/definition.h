/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/marker.h"

/*
 * What a gateway's answer says of one definition. Spans point into the text that was read: string
 * values with their quotes, empty when absent.
 */
struct definition {
    struct span text; /* the whole */
    struct span api_id;
    struct span listen_path;
    struct span domain; /* empty also when the custom domain is switched off */
    struct span target;
    struct span marker; /* of whatever type */
    bool is_oas;        /* a Classic form that stands for an OAS API: it never shows the marker */
};

/* `form` is what was asked for: an item of /tyk/apis is Classic, one of /tyk/apis/oas is OAS. */
void definition_read(struct span text, enum api_family form, struct definition *ret_definition);

/* Is it a value that the gateway looks up somewhere when it loads it (env://, $secret_…)? Its GET
 * shows what was found. */
bool definition_is_looked_up(const char *text);

/*
 * Listen paths. The gateway shows them as they were sent (older ones cleaned), routes them cleaned,
 * and gives a duplicate the name `<path>-<api id>`.
 */

/* Returns owned: cleaned, with a slash at the front; "" stays "". */
char *listen_path_clean(const char *path);
/* Path and domain in 64 bits, to find out who else has them. Never 0. `path` need not be clean. */
uint64_t listen_path_claim(const char *path, const char *domain);

enum listen_path_match {
    LISTEN_PATH_SAME,
    LISTEN_PATH_RENAMED, /* the gateway has found another API with it */
    LISTEN_PATH_OTHER,
};
enum listen_path_match listen_path_compare(const char *wanted, const char *shown,
                                           const char *api_id);
/* Returns owned: the path that an API was sent with, if `shown` looks renamed; NULL otherwise. */
char *listen_path_before_rename(const char *shown, const char *api_id);

/* Does the gateway show this target as the one that was sent? */
bool target_is(const char *wanted, const char *shown);
