/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ports/gateways.h"
#include "ports/loop.h"

/*
 * ports/gateways.h without gateways: remembers what is wanted, fetches the documents as a push
 * would, and stands as the test says. By default every API is synced on two endpoints at the end of
 * the round.
 */
struct fake_gateways;

struct fake_gateways *fake_gateways_new(struct loop *loop,
                                        const struct gateways_callbacks *callbacks, void *arg);
void fake_gateways_free(struct fake_gateways *gateways);
struct gateways *fake_gateways_port(struct fake_gateways *gateways);

/* Pushes and removals wait until this is false again (the APIs are pending, or leaving). */
void fake_gateways_hold(struct fake_gateways *gateways, bool hold);
/* From now on this API stands so, with `synced` of two endpoints; told. */
void fake_gateways_set_state(struct fake_gateways *gateways, const char *api,
                             enum gateway_state state, size_t synced, const char *detail);
/* The same with any number of endpoints. */
void fake_gateways_set(struct fake_gateways *gateways, const char *api, enum gateway_state state,
                       size_t total, size_t synced);
/* After one of these: it stands besides on so many where it is no longer wanted; told. */
void fake_gateways_set_leaving(struct fake_gateways *gateways, const char *api, size_t leaving);
/* From now on every context stands so, with one of two endpoints synced; told of `context`. */
void fake_gateways_set_summary(struct fake_gateways *gateways, const char *context,
                               enum gateway_state state, const char *detail);
/* One of the two endpoints does not answer when something is removed. */
void fake_gateways_set_unreachable(struct fake_gateways *gateways, bool unreachable);

/* The document that was pushed last for an API (without marker), borrowed; NULL: none is there. */
const char *fake_gateways_document(const struct fake_gateways *gateways, const char *api);
const char *fake_gateways_api_id(const struct fake_gateways *gateways, const char *api);
unsigned fake_gateways_pushes(const struct fake_gateways *gateways);
/* How often an API was wanted, pushed or not: about as often as it was looked at. */
unsigned fake_gateways_wants(const struct fake_gateways *gateways);
unsigned fake_gateways_removals(const struct fake_gateways *gateways);
/* Borrowed: what stands of an API that is forgotten, with the mark that it stays; NULL: nothing. */
const char *fake_gateways_left(const struct fake_gateways *gateways, const char *api);
bool fake_gateways_is_kept(const struct fake_gateways *gateways, const char *api);
/* In which context; borrowed, NULL when it is not. */
/* Borrowed: the context that its removal named; NULL: it was never removed. */
const char *fake_gateways_removed_from(const struct fake_gateways *gateways, const char *api);
const char *fake_gateways_kept_in(const struct fake_gateways *gateways, const char *api);
bool fake_gateways_expects_more(const struct fake_gateways *gateways);
bool fake_gateways_is_complete(const struct fake_gateways *gateways);
bool fake_gateways_unsettled(const struct fake_gateways *gateways);
/* The URLs of a context's endpoints with blanks between, "" when there is none; borrowed. */
const char *fake_gateways_urls(const struct fake_gateways *gateways, const char *context);
bool fake_gateways_has_context(const struct fake_gateways *gateways, const char *context);
/* Refills: asks for the API's document again, as for an emptied gateway; false: it is not given. */
bool fake_gateways_refill(struct fake_gateways *gateways, const char *api);
