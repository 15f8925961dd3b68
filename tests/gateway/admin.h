/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct exchange;
struct gateway;

/*
 * What a test says to the stub itself, under /__; it needs no secret and is not counted:
 *   GET  /__state          counters, what is loaded and what is on disk (?brief=1: only numbers)
 *   GET  /__requests       the log lines (?since=N: those behind number N)
 *   POST /__reset          sets the counters to zero
 *   POST /__fault {fault}  switches a fault on, see README.md; "none" switches all off
 *   POST /__fire {api, event, path, origin, key, message}  runs the loaded handlers of an API
 */
void admin_handle(struct gateway *gateway, struct exchange *exchange);
