/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct gateway;

/*
 * Reloads: requests wait for a tick; one reload serves all that wait, and those that come while it
 * runs wait for the next. It reads the folder when it begins and swaps the loaded set when it ends;
 * an API that is written in between is not in the new set.
 */
struct reload;

struct reload *reload_new(struct gateway *gateway);
void reload_free(struct reload *reload);

/* Loads the folder for the first time, now or after the start delay. No reload runs before. */
void reload_load_at_start(struct reload *reload);

/* Asks for a reload. The exchange, NULL for none, is answered when it is done. */
void reload_request(struct reload *reload, struct exchange *exchange);

/* Says that the files of an API are being written. */
void reload_note_write(struct reload *reload, const char *api_id);

/* How long reloads take from now on. */
void reload_set_time(struct reload *reload, int64_t ms);

/* Unloads everything at once, as a gateway that starts with an empty folder. */
void reload_unload(struct reload *reload);

/* Whether the folder was loaded at least once. */
bool reload_has_loaded(const struct reload *reload);
