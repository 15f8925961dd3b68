/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/handler.h"
#include "core/misspelt.h"

/*
 * What handler.c and the two forms of handlers have in common: not for others.
 */

/* Appends an empty handler to the list that is being read. */
struct handler *handlers_add(struct handlers *handlers, struct span text, size_t index);
/* Starts a list; takes `event`. */
struct handler_list *handlers_add_list(struct handlers *handlers, char *event, struct span text);

/* The keys of an object in a handler. */
struct handler_keys {
    const char *prefix; /* of fields: "" or "handler_meta." */
    const char *const *names;
    size_t count;
};

/* members_read() that refuses keys which only the gateway would take for ours. */
void handler_read_members(const struct handler_scope *scope, const struct handler *handler,
                          struct span object, const struct handler_keys *keys, struct span *values);

/* Warns of keys that stand for one of ours which is not there. */
void handler_check_spelling(const struct handler_scope *scope, const struct handler *handler,
                            struct span object, const char *prefix,
                            const struct misspelt_names *names);

/* A member that is a string or absent; false and a problem when it is of another type. */
bool handler_want_text(const struct handler_scope *scope, const struct handler *handler,
                       struct span value, const char *member);
/* The reference, `id`: empty is none; false and a problem when it is not a string. */
bool handler_read_ref(const struct handler_scope *scope, struct handler *handler, struct span id,
                      const char *member);
/* Warns of events that never fire here, or that the gateways do not know yet. */
void handler_check_event(const struct handler_scope *scope, const struct handler *handler);
/* The value of a header, or a URL, that secret_is_placeholder(). */
void handler_refuse_placeholder(const struct handler_scope *scope, const struct handler *handler,
                                const char *member);
/* A JavaScript handler that is enabled kills a gateway that is not made for it. */
void handler_check_jsvm(const struct handler_scope *scope, const struct handler *handler,
                        struct span path, const char *member);
/* A local handler's URL, method and template. */
void handler_check_target(const struct handler_scope *scope, const struct handler *handler,
                          const struct span target[3], const char *const members[3]);

/* Returns owned: a text as JSON. */
char *handler_quote(const char *text);
/* The value of a header as it is pushed. */
void handler_add_value(const struct copy_header *header, bool placeholders, struct buf *out);
void handler_add_url(const struct copy *copy, bool placeholders, struct buf *out);

void handlers_read_oas(const struct handler_scope *scope, struct handlers *handlers);
void handlers_read_classic(const struct handler_scope *scope, struct handlers *handlers);
void handler_check_local_oas(const struct handler_scope *scope, const struct handler *handler);
void handler_check_local_classic(const struct handler_scope *scope, const struct handler *handler);
void handler_write_oas(const struct handler *handler, const struct handler_outcome *outcome,
                       const struct handler_settings *settings, struct buf *out);
void handler_write_classic(const struct handler *handler, const struct handler_outcome *outcome,
                           const struct handler_settings *settings, struct buf *out);
