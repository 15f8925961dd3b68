/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to an ApiDefinition: one in flight at a time, its end touches the key again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "reconcile/conversion.h"
#include "reconcile/state.h"

#define NOTE_LIMIT 1000

void api_add_event(struct api_state *state, enum event_type type, const char *reason,
                   const char *format, ...)
{
    if (state->event_count == PENDING_EVENTS_MAX)
        return;
    char raw[2 * NOTE_LIMIT];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    struct buf note;
    buf_init(&note, BUF_UNLIMITED);
    str_add_printable(&note, raw, strlen(raw), NOTE_LIMIT);
    if (!state->events)
        state->events = xcalloc(PENDING_EVENTS_MAX, sizeof(*state->events));
    state->events[state->event_count++] =
        (struct pending_event){.type = type, .reason = reason, .note = buf_take(&note)};
}

void api_drop_events(struct api_state *state)
{
    for (size_t i = 0; i < state->event_count; i++)
        free(state->events[i].note);
    free(state->events);
    state->events = NULL;
    state->event_count = 0;
}

void api_tell_events(struct api_state *state, const struct object *object)
{
    struct object_store *store = state->reconciler->store;
    for (size_t i = 0; i < state->event_count; i++) {
        const struct pending_event *event = &state->events[i];
        /* The events of a folder are log lines already. */
        if (store->ops->can_change(store))
            log_line(event->type == EVENT_WARNING ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, event->note,
                     &(struct log_fields){.kind = object_kind_name(object->kind),
                                          .ns = object->ns,
                                          .name = object->name,
                                          .reason = event->reason});
        store->ops->event(store, object, event->type, event->reason, event->note);
    }
    api_drop_events(state);
}

/* What is pinned may just as well be the version with the new status: else there are two of each
 * object while thousands of statuses are written. */
static void pin_newer(struct api_state *state, const struct object *object)
{
    if (!state->api || strcmp(state->api->uid, object->uid) != 0 ||
        !object_same_content(state->api, object))
        return;
    object_unref(state->api);
    state->api = object_ref(object);
}

/* The end of every write. */
static void on_written(void *arg, const struct object *object, const struct err *err)
{
    struct api_state *state = arg;
    struct reconciler *reconciler = state->reconciler;
    state->call = NULL;
    bool too_large = err && err->class == ERR_TOO_LARGE;
    if (state->rewriting && too_large)
        conversion_too_large(state);
    else if (too_large)
        oversize_note(state);
    if (err && state->rewriting && !too_large)
        strmap_free(TAKE(state->rewritten));
    state->rewriting = state->annotating = false;
    state->concluding &= !err;
    conflict_note(reconciler, &state->conflict, OBJECT_API, state->key, err);
    if (!err) {
        api_tell_events(state, object);
        pin_newer(state, object);
        informer_put(reconciler->informer, object);
        state->concluding = false;
    } else {
        api_drop_events(state);
        if (err->class != ERR_CONFLICT && err->class != ERR_NOT_FOUND)
            log_warn("write refused", .kind = "ApiDefinition", .key = state->key, .err = err);
    }
    reconciler_write_ended(reconciler, state->work_key, state->looked_us, err);
}

void api_write_status(struct api_state *state, const struct object *api, const struct buf *status)
{
    struct object_store *store = state->reconciler->store;
    struct span text = {buf_text(status), status->length};
    state->reconciler->counts.status_writes++;
    state->looked_us = state->reconciler->look_began_us;
    state->call = store->ops->write_status(store, api, text, on_written, state);
}

void api_change(struct api_state *state, const struct object *api,
                const struct object_change *change)
{
    struct object_store *store = state->reconciler->store;
    state->looked_us = state->reconciler->look_began_us;
    state->rewriting = change->spec_patch.ptr != NULL;
    state->annotating = change->annotation != NULL;
    state->call = store->ops->change(store, api, change, on_written, state);
}
