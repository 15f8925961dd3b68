/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* True if the text is an IP address or a network in CIDR form. */
bool ipnet_is_valid(const char *text);

/* True if the address is the one that net names, or is in it. */
bool ipnet_has(const char *net, const char *address);
