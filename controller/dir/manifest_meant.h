/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/*
 * Is a document that is none of our kinds meant for Grapnel all the same, with a mistake in its
 * head? Then an object may stand in it that is known by its name, and what is absent is not gone.
 *
 * It is when
 * - the group of its apiVersion has "tyk" in it, or is tyk.tyk.io but for two letters or the end
 *   (unless the kind is one that others have in that group);
 * - its kind is one of ours but for case or two letters, and apiVersion is absent or names no
 *   group; where it names somebody else's, spec must look like ours too;
 * - it lacks kind and group, and spec looks like ours (a field that no other kind has), or it
 *   lacks both apiVersion and kind and has a name.
 * All else is somebody else's: Deployments, Kustomizations, values of charts.
 */

/* `api_version` and `kind` are NULL where they are absent or no text. */
bool manifest_is_meant(struct span item, const char *api_version, const char *kind);
/* The same for a document that is no map: a list in which something is meant, or a text (a file
 * that was cut off). */
bool manifest_is_meant_text(struct span item);

/* Is it of a kind of the group tyk.tyk.io that other tools have? */
bool manifest_kind_is_known_elsewhere(const char *kind);
