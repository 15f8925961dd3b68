/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "core/api.h"

/*
 * What Tyk Operator's admission webhook fills into a Classic definition, so that its manifests mean
 * the same here. Both return owned JSON text, or NULL when nothing is to be changed.
 */

/* version_data, replaced whole when it has no versions: without one the gateway answers every
 * request 403. */
char *defaults_version_data(struct span version_data);

/* auth_configs with authToken on the header Authorization, for use_standard_auth without one;
 * a header that is named in `auth` stands. */
char *defaults_auth_configs(const struct api_view *view);
