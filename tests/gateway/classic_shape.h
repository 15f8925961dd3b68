/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "shape.h"

/* A whole Classic definition. */
extern const struct shape classic_shape;

/* Its member proxy, for marking. */
extern const struct shape *const classic_proxy_shape;

/* Its member version_data. */
extern const struct shape classic_version_data_shape;
