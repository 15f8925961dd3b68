/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "definition.h"
#include "doc.h"
#include "text.h"

struct event_base;
struct journal;

/* The webhooks of event handlers: their requests, their cooldowns, their delivery. */
struct fire;

/* What an event tells. All are strings, "" where there is nothing to tell. */
struct fire_event {
    const char *name;
    const char *message;
    const char *path;
    const char *origin;
    const char *key;
};

struct fire *fire_new(struct event_base *base, struct journal *journal);
void fire_free(struct fire *fire);

/*
 * Runs the handlers that a definition has for an event. What is sent arrives later; report, which
 * may be NULL, gets a JSON array with one object for each handler: what became of it, and why.
 */
void fire_run(struct fire *fire, struct doc *doc, const struct definition *definition,
              const struct fire_event *event, struct text *report);

/* The gateway's message for an event, for those who fire it by hand. */
const char *fire_message(const char *event);
