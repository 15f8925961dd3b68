/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/accepted.h"
#include "core/api.h"
#include "core/context.h"
#include "core/copy.h"
#include "core/problem.h"

/*
 * The event handlers of an API: read, checked, and written anew with what their references became.
 * Both forms share the struct; handler_oas.c and handler_classic.c know the keys.
 */
struct handler {
    char *trigger; /* "" when it cannot be told */
    size_t index;
    struct span text;
    bool is_webhook;
    char *ref;          /* NULL: none */
    bool has_local;     /* URL and method are there */
    bool has_overruled; /* fields stand beside the reference that a global would overrule */
    bool enabled;
    char *name;          /* its own, not empty; NULL */
    int64_t cooldown;    /* seconds; -1: it sets none */
    char *cooldown_text; /* OAS: as written */
};

/* A list of handlers: the only one (OAS), or that of an event (Classic). */
struct handler_list {
    char *event; /* Classic; NULL: OAS */
    struct span text;
    size_t first; /* of its handlers */
    size_t count;
    bool has_webhooks;
};

struct handlers {
    struct handler *items; /* OAS: document order; Classic: by event in bytes, then index */
    size_t count;
    size_t capacity;
    struct handler_list *lists; /* in the order of their handlers */
    size_t list_count;
};

/* What the checks need to know and where they report. */
struct handler_scope {
    const struct api_view *view;
    const struct gateway_abilities *abilities;
    struct problems *problems;
    bool is_advised; /* misspelt fields are told too */
};

/* Reads and checks all handlers but for the local fields of those with a reference. */
void handlers_read(const struct handler_scope *scope, struct handlers *ret_handlers);
void handlers_fini(struct handlers *handlers);

/* Checks the local fields of a webhook handler that stays, or becomes, a local one. */
void handler_check_local(const struct handler_scope *scope, const struct handler *handler);

/* What a handler becomes in the document. */
struct handler_outcome {
    enum ref_source source;
    const struct copy *copy; /* of GLOBAL and CONVERTED */
    bool as_it_is;           /* stays byte for byte, whatever it is */
};

struct handler_settings {
    const char *default_cooldown;
    bool placeholders;
};

/* Seconds between two deliveries, before zero is raised. */
int64_t handler_cooldown(const struct handler *handler, const struct copy *copy,
                         const char *default_cooldown);
/* Appends one webhook handler (of source GLOBAL, CONVERTED or LOCAL). */
void handler_write(enum api_form form, const struct handler *handler,
                   const struct handler_outcome *outcome, const struct handler_settings *settings,
                   struct buf *out);
/* Appends the new text of the view's handlers; outcomes[i] is that of items[i]. Handlers with
 * source MISSING are left out, others than webhooks stay as they are. */
void handlers_write(const struct api_view *view, const struct handlers *handlers,
                    const struct handler_outcome *outcomes, const struct handler_settings *settings,
                    struct buf *out);

/* Adds a problem about a handler; `member` is the field below it, "" for the handler itself. */
void handler_refuse(const struct handler_scope *scope, const struct handler *handler,
                    const char *member, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void handler_report(const struct handler_scope *scope, const struct handler *handler,
                    const struct problem_about *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
