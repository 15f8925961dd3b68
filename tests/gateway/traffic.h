/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct exchange;
struct gateway;

/* Answers a request of a user of an API, and fires the event that it causes. */
void traffic_handle(struct gateway *gateway, struct exchange *exchange);
