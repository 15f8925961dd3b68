/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* An event that the gateway knows. */
struct event {
    const char *name;
    bool in_oas;       /* a trigger that the schema of OAS documents takes */
    bool never_fires;  /* not at the handlers of an API */
    const char *since; /* release of the gateway; NULL: older than what is supported */
};

/* NULL when there is no such event: a custom one, in a Classic API. */
const struct event *event_find(const char *name);

/* The event that was probably meant by a name that is none; NULL: none is near. `in_oas`: only what
 * the schema of OAS documents takes. */
const char *event_nearest(const char *name, bool in_oas);

/* Is it the text of a version, such as 5.8, v5.8.3-rc1 or 5? */
bool event_is_version(const char *text);

/* Is gateway release `version` ("v5.8.3", "5.8", …) older than `since` ("5.10")? False when it is
 * unknown or no version. */
bool event_version_is_older(const char *version, const char *since);
