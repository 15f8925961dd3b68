/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "gateway/endpoint.h"
#include "gateway/fleet.h"

static const struct fleet *fleet_of(const struct gateways *gateways)
{
    return (const struct fleet *)gateways;
}

static const char *name_of(const struct endpoint *endpoint)
{
    return *endpoint->pod ? endpoint->pod : endpoint->label;
}

/* How the endpoint stands by itself; GATEWAY_SYNCED: nothing is in the way. `ret_why` may be
 * borrowed from the endpoint. */
static enum gateway_state state_of_endpoint(const struct endpoint *endpoint, const char **ret_why)
{
    *ret_why = "";
    if (endpoint->is_blocked) {
        const char *why = endpoint->context_count ? endpoint->contexts[0]->blocked : NULL;
        *ret_why = why ? why : "";
        return GATEWAY_PENDING;
    }
    if (endpoint->is_balanced) {
        *ret_why = "answers alternate between several gateways";
        return GATEWAY_LOAD_BALANCED;
    }
    if (!endpoint->failures)
        return GATEWAY_SYNCED;
    *ret_why = endpoint->last_error.msg;
    return gateway_refuses_secret(&endpoint->last_error) ? GATEWAY_UNAUTHORIZED
                                                         : GATEWAY_UNREACHABLE;
}

static const char *fault_text(const struct slot *slot)
{
    switch (slot->fault) {
    case FAULT_NONE:
        return "";
    case FAULT_REFUSED:
        return "the definition is refused";
    case FAULT_SERVER:
        return "the gateway fails";
    case FAULT_WRONG_ID:
        return "written under another id";
    case FAULT_NOT_LOADED:
        return "taken, but not loaded";
    case FAULT_TRUNCATED:
        return "loaded without its listen path or target";
    case FAULT_RENAMED:
        return "another definition has its listen path";
    case FAULT_UNDELETABLE:
        return "the gateway does not delete it";
    case FAULT_DOCUMENT:
        return "config_data must be an object";
    case FAULT_FOREIGN_ID:
        if (slot->place->adopt && !slot->place->context->allow_adoption)
            return "a definition of somebody else has the id, and the context does not allow "
                   "adoption";
        return "a definition of somebody else has the id";
    case FAULT_FOREIGN_PATH:
        return "a definition of somebody else has the listen path";
    case FAULT_AHEAD:
        return "it holds a newer version than is known here yet";
    }
    return "";
}

static enum gateway_state state_of_slot(const struct slot *slot)
{
    if (slot->state == SLOT_SYNCED)
        return GATEWAY_SYNCED;
    if (slot->state == SLOT_FOREIGN)
        return slot->fault == FAULT_FOREIGN_PATH ? GATEWAY_CONFLICT : GATEWAY_FOREIGN;
    if (slot->state != SLOT_FAILED || slot->fault == FAULT_NONE)
        return GATEWAY_PENDING;
    return slot->fault == FAULT_SERVER ? GATEWAY_UNREACHABLE : GATEWAY_REJECTED;
}

/* "NAME: WHY (HTTP 500)", each part where there is one; cut where there is no room. */
static void describe(char *detail, size_t room, const struct endpoint *endpoint, const char *why,
                     unsigned status)
{
    CLEANUP(freep) char *code = status ? xasprintf(" (HTTP %u)", status) : xstrdup("");
    CLEANUP(freep)
    char *text = xasprintf("%s%s%s%s", name_of(endpoint), *why || status ? ": " : "", why, code);
    size_t length = strnlen(text, room - 1);
    memcpy(detail, text, length);
    detail[length] = '\0';
}

static void worsen(struct gateway_progress *progress, enum gateway_state state,
                   const struct endpoint *endpoint, const char *why, unsigned status)
{
    if (state <= progress->state)
        return;
    progress->state = state;
    describe(progress->detail, sizeof(progress->detail), endpoint, why, status);
}

static void add_endpoint(struct gateway_progress *progress, const struct endpoint *endpoint,
                         const struct place *place)
{
    progress->total++;
    const struct slot *slot = slots_find(&endpoint->slots, place->api_id);
    if (slot && slot->place == place && slot->state == SLOT_SYNCED && !endpoint->is_balanced) {
        progress->synced++;
        return;
    }
    if (slot && slot->place != place) {
        worsen(progress, GATEWAY_FOREIGN, endpoint, "another ApiDefinition has the id there", 0);
        return;
    }
    const char *why;
    enum gateway_state state = state_of_endpoint(endpoint, &why);
    if (state != GATEWAY_SYNCED) {
        worsen(progress, state, endpoint, why, 0);
        return;
    }
    if (slot)
        worsen(progress, state_of_slot(slot), endpoint, fault_text(slot),
               slot->fault == FAULT_REFUSED || slot->fault == FAULT_SERVER ? slot->status : 0);
    else
        worsen(progress, GATEWAY_PENDING, endpoint, "", 0);
}

static void add_context(struct gateway_progress *progress, const struct fleet_context *context,
                        const struct place *place)
{
    for (size_t i = 0; i < context->endpoint_count; i++) {
        if (context->endpoints[i].ready)
            add_endpoint(progress, context->endpoints[i].endpoint, place);
    }
    if (progress->total)
        return;
    progress->state = GATEWAY_NONE;
    snprintf(progress->detail, sizeof(progress->detail), "%s",
             context->endpoint_count ? "none is ready" : "");
}

/* Does anything of the API that is not wanted there still stand on the endpoint, or may it? Of an
 * endpoint of another context, which may be out of reach for ever, only what was seen there. */
static bool may_hold(const struct endpoint *endpoint, const struct api *api)
{
    for (const struct place *place = api->places; place; place = place->next) {
        const struct slot *slot = slots_find(&endpoint->slots, place->api_id);
        if (slot && slot->place == place && place != api->current)
            return true;
    }
    return api->mode == API_REMOVED && !endpoint->was_observed &&
           (endpoint_is_reachable(endpoint) || endpoint_has_context(endpoint, api->stands_in));
}

static void add_leaving(const struct fleet *fleet, const struct api *api,
                        struct gateway_progress *progress)
{
    bool may_leave = api->mode == API_REMOVED || (api->places && api->places->next);
    if (!may_leave)
        return;
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry;
         entry = strmap_next(entry)) {
        const struct endpoint *endpoint = strmap_entry_value(entry);
        if (!may_hold(endpoint, api))
            continue;
        if (endpoint_is_reachable(endpoint)) {
            progress->leaving++;
            continue;
        }
        progress->leaving_unreachable++;
        if (endpoint->down_since > progress->unreachable_since)
            progress->unreachable_since = endpoint->down_since;
    }
}

static void add_kept(const struct fleet *fleet, const struct api *api,
                     struct gateway_progress *progress)
{
    const struct fleet_context *context = strmap_get(fleet->contexts, api->stands_in);
    progress->state = GATEWAY_PENDING;
    for (size_t i = 0; context && i < context->endpoint_count; i++) {
        if (!context->endpoints[i].ready)
            continue;
        progress->total++;
        for (const struct place *place = api->places; place; place = place->next) {
            const struct slot *slot =
                slots_find(&context->endpoints[i].endpoint->slots, place->api_id);
            if (slot && slot->place == place) {
                progress->synced++;
                break;
            }
        }
    }
}

bool fleet_progress(const struct gateways *gateways, const char *api_key,
                    struct gateway_progress *ret_progress)
{
    const struct fleet *fleet = fleet_of(gateways);
    const struct api *api = strmap_get(fleet->apis, api_key);
    if (!api || api->mode == API_UNKNOWN || api->is_forgotten)
        return false;
    struct gateway_progress progress = {.state = GATEWAY_SYNCED};
    if (api->mode == API_WANTED)
        add_context(&progress, api->current->context, api->current);
    else if (api->mode == API_KEPT)
        add_kept(fleet, api, &progress);
    add_leaving(fleet, api, &progress);
    *ret_progress = progress;
    return true;
}

static size_t count_of(const struct endpoint *endpoint, enum slot_state state)
{
    return endpoint->slots.lists[state].count;
}

/* Holds exactly what it should, as far as is known. */
static bool is_exact(const struct endpoint *endpoint)
{
    const char *why;
    return state_of_endpoint(endpoint, &why) == GATEWAY_SYNCED && endpoint->is_observed &&
           !endpoint->wants_reload && !count_of(endpoint, SLOT_UNKNOWN) &&
           !slots_on_their_way(&endpoint->slots) && !count_of(endpoint, SLOT_FAILED) &&
           !count_of(endpoint, SLOT_FOREIGN) && !count_of(endpoint, SLOT_LEAVING) &&
           !count_of(endpoint, SLOT_ORPHAN) && !count_of(endpoint, SLOT_AHEAD) &&
           !endpoint->is_contended;
}

static enum gateway_state overall(const struct endpoint *endpoint, const char **ret_why)
{
    enum gateway_state state = state_of_endpoint(endpoint, ret_why);
    if (state != GATEWAY_SYNCED)
        return state;
    if (count_of(endpoint, SLOT_FOREIGN))
        return GATEWAY_FOREIGN;
    if (count_of(endpoint, SLOT_FAILED))
        return GATEWAY_REJECTED;
    return is_exact(endpoint) ? GATEWAY_SYNCED : GATEWAY_PENDING;
}

static void add_doubt(struct gateway_summary *summary, const struct endpoint *endpoint)
{
    const char *why;
    const struct slot *slot = endpoint->slots.lists[SLOT_FAILED].first;
    while (slot && slot->fault != FAULT_UNDELETABLE)
        slot = slot->next;
    if (state_of_endpoint(endpoint, &why) != GATEWAY_SYNCED) {
        describe(summary->doubt, sizeof(summary->doubt), endpoint, why, 0);
    } else if (slot) {
        CLEANUP(freep) char *what = xasprintf("does not delete %s", slot->place->api->key);
        describe(summary->doubt, sizeof(summary->doubt), endpoint, what, slot->status);
    }
}

bool fleet_summary(const struct gateways *gateways, const char *context_name,
                   struct gateway_summary *ret_summary)
{
    const struct fleet_context *context = strmap_get(fleet_of(gateways)->contexts, context_name);
    if (!context || !context->is_set)
        return false;
    struct gateway_summary summary = {.total = context->endpoint_count, .state = GATEWAY_SYNCED};
    for (size_t i = 0; i < context->endpoint_count; i++) {
        const struct endpoint *endpoint = context->endpoints[i].endpoint;
        summary.orphans_held += endpoint->orphans_held;
        if (!context->endpoints[i].ready)
            continue;
        const char *why;
        enum gateway_state state = overall(endpoint, &why);
        summary.ready++;
        summary.synced += state == GATEWAY_SYNCED;
        if (!*summary.doubt && state != GATEWAY_SYNCED)
            add_doubt(&summary, endpoint);
        if (state <= summary.state)
            continue;
        summary.state = state;
        describe(summary.detail, sizeof(summary.detail), endpoint, why, 0);
    }
    if (!summary.ready)
        summary.state = GATEWAY_NONE;
    *ret_summary = summary;
    return true;
}

enum word {
    WORD_SYNCED,
    WORD_SYNCING,
    WORD_STARTING,
    WORD_BLOCKED,
    WORD_LOAD_BALANCED,
    WORD_UNAUTHORIZED,
    WORD_UNREACHABLE,
    WORD_MASS_DELETION,
};
/* As in the status, and as in a label of a metric. */
static const struct {
    const char *name;
    const char *label;
} words[GATEWAYS_WORD_COUNT] = {
    [WORD_SYNCED] = {"Synced", "synced"},
    [WORD_SYNCING] = {"Syncing", "syncing"},
    [WORD_STARTING] = {"Starting", "starting"},
    [WORD_BLOCKED] = {"Blocked", "blocked"},
    [WORD_LOAD_BALANCED] = {"LoadBalanced", "load_balanced"},
    [WORD_UNAUTHORIZED] = {"Unauthorized", "unauthorized"},
    [WORD_UNREACHABLE] = {"Unreachable", "unreachable"},
    [WORD_MASS_DELETION] = {"MassDeletion", "mass_deletion"},
};

static enum word word_of(const struct endpoint *endpoint)
{
    const char *why;
    switch (state_of_endpoint(endpoint, &why)) {
    case GATEWAY_SYNCED:
        break;
    case GATEWAY_PENDING:
        return WORD_BLOCKED;
    case GATEWAY_LOAD_BALANCED:
        return WORD_LOAD_BALANCED;
    case GATEWAY_UNAUTHORIZED:
        return WORD_UNAUTHORIZED;
    case GATEWAY_UNREACHABLE:
    case GATEWAY_REJECTED:
    case GATEWAY_FOREIGN:
    case GATEWAY_CONFLICT:
    case GATEWAY_NONE:
        return WORD_UNREACHABLE;
    }
    if (endpoint->not_ready_since >= 0 && !endpoint->is_forced)
        return WORD_STARTING;
    if (endpoint->orphans_held)
        return WORD_MASS_DELETION;
    return is_exact(endpoint) ? WORD_SYNCED : WORD_SYNCING;
}

void fleet_describe(const struct gateways *gateways, const char *context_name, struct buf *out)
{
    const struct fleet_context *context = strmap_get(fleet_of(gateways)->contexts, context_name);
    buf_add_char(out, '[');
    for (size_t i = 0; context && i < context->endpoint_count; i++) {
        const struct endpoint *endpoint = context->endpoints[i].endpoint;
        buf_add_text(out, i ? ",{\"url\":" : "{\"url\":");
        json_text_add_string(out, endpoint->label);
        if (*endpoint->pod) {
            buf_add_text(out, ",\"pod\":");
            json_text_add_string(out, endpoint->pod);
        }
        buf_add_format(out, ",\"state\":\"%s\",\"definitions\":%zu", words[word_of(endpoint)].name,
                       count_of(endpoint, SLOT_SYNCED) + count_of(endpoint, SLOT_KEPT) +
                           count_of(endpoint, SLOT_LEAVING) + count_of(endpoint, SLOT_ORPHAN) +
                           count_of(endpoint, SLOT_AHEAD));
        if (endpoint->failures) {
            buf_add_text(out, ",\"lastError\":");
            json_text_add_string(out, endpoint->last_error.msg);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

bool fleet_is_settled(const struct gateways *gateways)
{
    const struct fleet *fleet = fleet_of(gateways);
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry;
         entry = strmap_next(entry)) {
        const struct endpoint *endpoint = strmap_entry_value(entry);
        if (!endpoint->failures && !is_exact(endpoint))
            return false;
    }
    return true;
}

/* Those that may be deleted as things are, whatever they wait for. */
static size_t collectable_orphans(const struct endpoint *endpoint)
{
    const struct fleet *fleet = endpoint->fleet;
    size_t count = 0;
    for (const struct slot *slot = endpoint->slots.lists[SLOT_ORPHAN].first; slot;
         slot = slot->next)
        count += fleet->callbacks.may_collect(fleet->arg, slot->place->api->key);
    return count;
}

/* Is there nothing that will be done by itself soon? */
static bool is_quiet(const struct endpoint *endpoint)
{
    if (endpoint->is_blocked || endpoint->is_balanced || endpoint->failures)
        return true;
    bool works = endpoint->state != ENDPOINT_IDLE && endpoint->state != ENDPOINT_SPOTTING;
    if (works || !endpoint->is_observed || endpoint->wants_look || endpoint->wants_reload ||
        slots_on_their_way(&endpoint->slots) || count_of(endpoint, SLOT_UNKNOWN) ||
        count_of(endpoint, SLOT_AHEAD))
        return false;
    for (const struct slot *slot = endpoint->slots.lists[SLOT_FAILED].first; slot;
         slot = slot->next) {
        if (slot->fault == FAULT_NONE || slot->fault == FAULT_SERVER)
            return false;
    }
    return count_of(endpoint, SLOT_ORPHAN) == endpoint->orphans_held ||
           collectable_orphans(endpoint) <= endpoint->orphans_held;
}

bool fleet_is_quiet(const struct gateways *gateways)
{
    const struct fleet *fleet = fleet_of(gateways);
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry;
         entry = strmap_next(entry)) {
        if (!is_quiet(strmap_entry_value(entry)))
            return false;
    }
    return true;
}

/* Does any context count on it? */
static bool is_counted_on(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->context_count; i++) {
        const struct fleet_context *context = endpoint->contexts[i];
        for (size_t j = 0; j < context->endpoint_count; j++) {
            if (context->endpoints[j].endpoint == endpoint && context->endpoints[j].ready)
                return true;
        }
    }
    return false;
}

void gateways_count(const struct gateways *gateways,
                    struct gateways_word ret_words[GATEWAYS_WORD_COUNT])
{
    const struct fleet *fleet = fleet_of(gateways);
    for (size_t i = 0; i < GATEWAYS_WORD_COUNT; i++)
        ret_words[i] = (struct gateways_word){.label = words[i].label};
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry;
         entry = strmap_next(entry)) {
        const struct endpoint *endpoint = strmap_entry_value(entry);
        if (is_counted_on(endpoint))
            ret_words[word_of(endpoint)].endpoints++;
    }
}
