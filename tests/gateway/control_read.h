/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct exchange;
struct gateway;

/* What is loaded, as the gateway shows it. The exchange has the id, where the path has one. */
void control_list(struct gateway *gateway, struct exchange *exchange);
void control_get(struct gateway *gateway, struct exchange *exchange);
void control_versions(struct gateway *gateway, struct exchange *exchange);

/* An OAS document, or without an id all of them. While the fault oas-race is on, a second one that
 * comes while one is on its way is dropped. */
void control_read_oas(struct gateway *gateway, struct exchange *exchange);

/* The same as a file to download. */
void control_export(struct gateway *gateway, struct exchange *exchange);
