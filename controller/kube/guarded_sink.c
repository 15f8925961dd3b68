/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/guarded_sink.h"

void guarded_sink_init(struct guarded_sink *guarded, enum object_kind kind,
                       const struct object_sink *sink, void *arg)
{
    *guarded = (struct guarded_sink){.sink = sink, .arg = arg, .kind = kind};
}

static void on_begin(void *arg, enum object_kind kind)
{
    struct guarded_sink *guarded = arg;
    guarded->is_listing = true;
    guarded->sink->begin(guarded->arg, kind);
}

static void on_put(void *arg, const struct object *object)
{
    const struct guarded_sink *guarded = arg;
    guarded->sink->put(guarded->arg, object);
}

static void on_put_listed(void *arg, const struct object *object)
{
    const struct guarded_sink *guarded = arg;
    guarded->sink->put_listed(guarded->arg, object);
}

static void on_gone(void *arg, enum object_kind kind, const char *key, const char *uid)
{
    const struct guarded_sink *guarded = arg;
    guarded->sink->gone(guarded->arg, kind, key, uid);
}

static void on_end(void *arg, enum object_kind kind)
{
    struct guarded_sink *guarded = arg;
    guarded->is_listing = guarded->is_troubled = false;
    guarded->sink->end(guarded->arg, kind);
    if (guarded->is_blind)
        guarded->sink->trouble(guarded->arg, kind, &guarded->why);
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct guarded_sink *guarded = arg;
    guarded->is_listing = false;
    guarded->is_troubled = true;
    guarded->sink->trouble(guarded->arg, kind, err);
}

static void on_resumed(void *arg, enum object_kind kind)
{
    struct guarded_sink *guarded = arg;
    guarded->is_troubled = false;
    if (guarded->is_blind)
        guarded->sink->trouble(guarded->arg, kind, &guarded->why);
    else
        guarded->sink->resumed(guarded->arg, kind);
}

const struct object_sink guarded_sink_port = {
    .begin = on_begin,
    .put = on_put,
    .put_listed = on_put_listed,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
};

void guarded_sink_set_blind(struct guarded_sink *guarded, const struct err *err)
{
    bool was_blind = guarded->is_blind;
    guarded->is_blind = err != NULL;
    if (err)
        guarded->why = *err;
    if (guarded->is_listing || guarded->is_troubled || (!err && !was_blind))
        return;
    if (err)
        guarded->sink->trouble(guarded->arg, guarded->kind, err);
    else
        guarded->sink->resumed(guarded->arg, guarded->kind);
}

void guarded_sink_restart(struct guarded_sink *guarded)
{
    guarded->is_listing = false;
    guarded->is_troubled = true;
}
