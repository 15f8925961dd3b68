/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct exchange;
struct gateway;

/* The writes. They change the folder only; what is loaded changes with the next reload. */
void control_add(struct gateway *gateway, struct exchange *exchange);
void control_add_oas(struct gateway *gateway, struct exchange *exchange);
void control_update(struct gateway *gateway, struct exchange *exchange);
void control_update_oas(struct gateway *gateway, struct exchange *exchange, bool is_patch);
void control_delete(struct gateway *gateway, struct exchange *exchange);
