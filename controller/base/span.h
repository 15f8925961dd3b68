/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that somebody else owns. ptr is NULL when there is nothing (which is not the same as zero
 * bytes). */
struct span {
    const char *ptr;
    size_t length;
};
