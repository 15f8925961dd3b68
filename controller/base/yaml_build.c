/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml_build.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml_scalar.h"

/* Maps with more keys than this look them up in a set. */
#define FEW_KEYS 12

static void free_anchor(void *value)
{
    struct yaml_anchor *anchor = value;
    free(anchor->json);
    free(anchor);
}

void yaml_build_init(struct yaml_build *build, const struct yaml_limits *limits, size_t bytes)
{
    *build = (struct yaml_build){.limits = limits, .anchors = strmap_new(free_anchor)};
    /* Escapes make JSON at most six times as long as YAML; aliases may add a mebibyte to that. */
    buf_init(&build->out, bytes * 6 + (1U << 20));
}

static void drop_frames(struct yaml_build *build)
{
    while (build->depth) {
        struct yaml_frame *frame = &build->frames[--build->depth];
        strmap_free(frame->seen);
        free(frame->anchor);
    }
}

void yaml_build_reset(struct yaml_build *build)
{
    drop_frames(build);
    buf_clear(&build->out);
    strmap_clear(build->anchors);
    build->place_count = 0;
    build->key_count = 0;
    build->anchor_bytes = 0;
    build->nodes = 0;
    build->done = false;
}

void yaml_build_fini(struct yaml_build *build)
{
    drop_frames(build);
    buf_fini(&build->out);
    strmap_free(build->anchors);
    free(build->places);
    free(build->frames);
    free(build->keys);
    *build = (struct yaml_build){0};
}

static struct yaml_frame *top(const struct yaml_build *build)
{
    return build->depth ? &build->frames[build->depth - 1] : NULL;
}

/* The same for callers that stand inside one. */
static struct yaml_frame *innermost(const struct yaml_build *build)
{
    return &build->frames[build->depth - 1];
}

bool yaml_build_wants_key(const struct yaml_build *build)
{
    const struct yaml_frame *frame = top(build);
    return frame && frame->is_map && !frame->wants_value;
}

static void add_place(struct yaml_build *build, unsigned line)
{
    build->places =
        xgrow(build->places, build->place_count, &build->place_capacity, sizeof(*build->places));
    build->places[build->place_count++] = (struct yaml_place){build->out.length, line};
}

static int check_size(const struct yaml_build *build, struct err *err)
{
    if (build->out.overflowed || build->anchor_bytes > build->out.limit)
        return err_set(err, ERR_INVALID, 0, "too large once its aliases are written out");
    if (build->nodes > build->limits->nodes)
        return err_set(err, ERR_INVALID, 0, "more than %zu values in one document",
                       build->limits->nodes);
    return 0;
}

/* A value begins: separators, place, count. */
static int begin_value(struct yaml_build *build, unsigned line, size_t nodes, struct err *err)
{
    struct yaml_frame *frame = top(build);
    if (frame && !frame->is_map) {
        if (build->out.length > frame->start + 1)
            buf_add_char(&build->out, ',');
    }
    if (frame) {
        frame->value_start = build->out.length;
        frame->through_alias = false;
    }
    build->nodes += nodes;
    add_place(build, line);
    return check_size(build, err);
}

/* A value of this height stands in the container at hand; a scalar has none. */
static void note_height(struct yaml_build *build, unsigned height)
{
    struct yaml_frame *frame = top(build);
    if (frame && frame->height < height)
        frame->height = height;
}

/* An anchor whose value begins now. */
static struct yaml_anchor *begin_anchor(struct yaml_build *build, const char *name)
{
    struct yaml_anchor *anchor = xcalloc(1, sizeof(*anchor));
    anchor->serial = ++build->anchor_serial;
    strmap_set(build->anchors, name, anchor);
    return anchor;
}

static void end_anchor(struct yaml_build *build, const struct yaml_frame *frame)
{
    struct yaml_anchor *anchor = strmap_get(build->anchors, frame->anchor);
    if (!anchor || anchor->serial != frame->anchor_serial)
        return;
    anchor->length = build->out.length - frame->start;
    anchor->json = xstrndup(buf_text(&build->out) + frame->start, anchor->length);
    anchor->nodes = build->nodes - frame->nodes + 1;
    anchor->height = frame->height + 1;
    build->anchor_bytes += anchor->length;
}

/* ---- merge keys ---- */

/* Appends the members of an object to the map that is open, each replacing an earlier one in the
 * end (settle_merge). */
static void add_members(struct yaml_build *build, struct span object, size_t map_start,
                        unsigned line)
{
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        if (build->out.length > map_start + 1)
            buf_add_char(&build->out, ',');
        add_place(build, line);
        buf_add(&build->out, iter.key.ptr,
                (size_t)(iter.value.ptr + iter.value.length - iter.key.ptr));
    }
}

/* The value of a merge key is complete: its members take its place. */
static int merge_value(struct yaml_build *build, struct yaml_frame *frame, struct err *err)
{
    static const char wrong[] = "a merge key (<<) needs a map or a list of maps";
    CLEANUP(freep)
    char *copy = xstrndup(buf_text(&build->out) + frame->value_start,
                          build->out.length - frame->value_start);
    struct span value = {copy, build->out.length - frame->value_start};
    unsigned line = build->places[frame->item_places].line;
    build->out.length = frame->item_start;
    if (build->out.data)
        build->out.data[build->out.length] = '\0';
    build->place_count = frame->item_places;
    frame->has_merged = true;
    frame->merges = false;

    if (json_text_type(value) == JSON_TEXT_OBJECT) {
        add_members(build, value, frame->start, line);
        return check_size(build, err);
    }
    if (json_text_type(value) != JSON_TEXT_ARRAY || frame->through_alias)
        return err_set(err, ERR_INVALID, 0, wrong);
    /* The first map of a list wins: it comes last. */
    struct span *maps = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool good = true;
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        good = good && json_text_type(iter.value) == JSON_TEXT_OBJECT;
        maps = xgrow(maps, count, &capacity, sizeof(*maps));
        maps[count++] = iter.value;
    }
    while (good && count)
        add_members(build, maps[--count], frame->start, line);
    free(maps);
    return good ? check_size(build, err) : err_set(err, ERR_INVALID, 0, wrong);
}

/* A member of an object. */
struct member {
    struct span key;
    struct span whole; /* key and value */
    bool stays;
};

/* Returns owned array: the members of an object; of those with one key only the last stays. */
static struct member *read_members(struct span object, size_t *ret_count)
{
    struct member *members = NULL;
    size_t count = 0;
    size_t capacity = 0;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        const char *end = iter.value.ptr + iter.value.length;
        members = xgrow(members, count, &capacity, sizeof(*members));
        members[count++] =
            (struct member){.key = iter.key, .whole = {iter.key.ptr, (size_t)(end - iter.key.ptr)}};
    }
    struct strmap *seen = strset_new();
    for (size_t i = count; i-- > 0;) {
        CLEANUP(freep) char *key = json_text_string(members[i].key);
        members[i].stays = !strmap_has(seen, key);
        strset_add(seen, key);
    }
    strmap_free(seen);
    *ret_count = count;
    return members;
}

/* A map with merged members is complete: of members with one key only the last stays. */
static void settle_merge(struct yaml_build *build, const struct yaml_frame *frame)
{
    CLEANUP(freep)
    char *copy = xstrndup(buf_text(&build->out) + frame->start, build->out.length - frame->start);
    size_t count = 0;
    CLEANUP(freep)
    struct member *members =
        read_members((struct span){copy, build->out.length - frame->start}, &count);

    size_t from = build->place_count;
    while (from && build->places[from - 1].offset > frame->start)
        from--;
    size_t kept = from;
    build->out.length = frame->start;
    buf_add_char(&build->out, '{');
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &members[i];
        size_t start = frame->start + (size_t)(member->whole.ptr - copy);
        if (member->stays && build->out.length > frame->start + 1)
            buf_add_char(&build->out, ',');
        for (;
             from < build->place_count && build->places[from].offset < start + member->whole.length;
             from++) {
            struct yaml_place place = build->places[from];
            place.offset = place.offset - start + build->out.length;
            if (member->stays)
                build->places[kept++] = place;
        }
        if (member->stays)
            buf_add(&build->out, member->whole.ptr, member->whole.length);
    }
    build->place_count = kept;
    buf_add_char(&build->out, '}');
}

/* ---- values ---- */

/* A value is complete in the output. */
static int end_value(struct yaml_build *build, unsigned height, struct err *err)
{
    struct yaml_frame *frame = top(build);
    note_height(build, height);
    if (!frame) {
        build->done = true;
        return 0;
    }
    frame->wants_value = false;
    return frame->merges ? merge_value(build, frame, err) : 0;
}

/* ---- keys ---- */

static bool same_key(struct span a, struct span b)
{
    if (!memchr(a.ptr, '\\', a.length) && !memchr(b.ptr, '\\', b.length))
        return a.length == b.length && memcmp(a.ptr, b.ptr, a.length) == 0;
    CLEANUP(freep) char *left = json_text_string(a);
    CLEANUP(freep) char *right = json_text_string(b);
    return str_equal(left, right);
}

static struct span known_key(const struct yaml_build *build, const struct yaml_frame *frame,
                             size_t i)
{
    const struct yaml_key *key = &build->keys[frame->first_key + i];
    return (struct span){buf_text(&build->out) + key->offset, key->length};
}

static void remember_many(struct yaml_build *build, struct yaml_frame *frame)
{
    frame->seen = strset_new();
    for (size_t i = 0; i < frame->key_count; i++) {
        struct span key = known_key(build, frame, i);
        CLEANUP(freep) char *name = json_text_string(key);
        strset_add(frame->seen, name);
    }
}

/* Remembers the key that stands in the output at `start`; true when the map had it already. */
static bool repeats(struct yaml_build *build, struct yaml_frame *frame, size_t start)
{
    struct span key = {buf_text(&build->out) + start, build->out.length - start};
    if (frame->key_count == FEW_KEYS && !frame->seen)
        remember_many(build, frame);
    if (frame->seen) {
        CLEANUP(freep) char *name = json_text_string(key);
        bool seen = strmap_has(frame->seen, name);
        strset_add(frame->seen, name);
        return seen;
    }
    for (size_t i = 0; i < frame->key_count; i++) {
        if (same_key(known_key(build, frame, i), key))
            return true;
    }
    build->keys = xgrow(build->keys, build->key_count, &build->key_capacity, sizeof(*build->keys));
    build->keys[build->key_count++] = (struct yaml_key){start, key.length};
    frame->key_count++;
    return false;
}

static int add_key(struct yaml_build *build, struct span json, unsigned line, struct err *err)
{
    struct yaml_frame *frame = innermost(build);
    frame->item_places = build->place_count;
    frame->item_start = build->out.length;
    if (build->out.length > frame->start + 1)
        buf_add_char(&build->out, ',');
    size_t start = build->out.length;
    add_place(build, line);
    if (yaml_scalar_add_key(&build->out, json, err) < 0)
        return -1;
    if (check_size(build, err) < 0)
        return -1;
    if (repeats(build, frame, start)) {
        CLEANUP(buf_fini) struct buf shown;
        buf_init(&shown, BUF_UNLIMITED);
        str_add_printable(&shown, buf_text(&build->out) + start, build->out.length - start, 80);
        return err_set(err, ERR_INVALID, 0, "key %s stands twice in one map", buf_text(&shown));
    }
    buf_add_char(&build->out, ':');
    frame->wants_value = true;
    return 0;
}

int yaml_build_merge_key(struct yaml_build *build, unsigned line, struct err *err)
{
    struct yaml_frame *frame = innermost(build);
    frame->item_places = build->place_count;
    frame->item_start = build->out.length;
    if (build->out.length > frame->start + 1)
        buf_add_char(&build->out, ',');
    add_place(build, line);
    frame->wants_value = true;
    frame->merges = true;
    return check_size(build, err);
}

/* ---- events ---- */

int yaml_build_open(struct yaml_build *build, bool is_map, const char *anchor, unsigned line,
                    struct err *err)
{
    if (yaml_build_wants_key(build))
        return err_set(err, ERR_INVALID, 0, "a key is a map or a list; quote it if it is a text");
    if (build->depth >= build->limits->depth)
        return err_set(err, ERR_INVALID, 0, "nested deeper than %u levels", build->limits->depth);
    /* A block stands below its key; people look for the key. */
    const struct yaml_frame *parent = top(build);
    if (parent && parent->is_map)
        line = build->places[parent->item_places].line;
    if (begin_value(build, line, 1, err) < 0)
        return -1;
    build->frames =
        xgrow(build->frames, build->depth, &build->frame_capacity, sizeof(*build->frames));
    build->frames[build->depth++] = (struct yaml_frame){
        .is_map = is_map,
        .start = build->out.length,
        .first_key = build->key_count,
        .nodes = build->nodes,
        .anchor = anchor ? xstrdup(anchor) : NULL,
    };
    if (anchor)
        build->frames[build->depth - 1].anchor_serial = begin_anchor(build, anchor)->serial;
    buf_add_char(&build->out, is_map ? '{' : '[');
    return 0;
}

int yaml_build_close(struct yaml_build *build, struct err *err)
{
    struct yaml_frame frame = *innermost(build);
    buf_add_char(&build->out, frame.is_map ? '}' : ']');
    if (frame.has_merged)
        settle_merge(build, &frame);
    if (check_size(build, err) < 0)
        return -1;
    build->depth--;
    build->key_count = frame.first_key;
    if (frame.anchor)
        end_anchor(build, &frame);
    free(frame.anchor);
    strmap_free(frame.seen);
    return end_value(build, frame.height + 1, err);
}

int yaml_build_scalar(struct yaml_build *build, struct span json, const char *anchor, unsigned line,
                      struct err *err)
{
    if (anchor) {
        struct yaml_anchor *scalar = begin_anchor(build, anchor);
        scalar->json = xstrndup(json.ptr, json.length);
        scalar->length = json.length;
        scalar->nodes = 1;
        build->anchor_bytes += json.length;
    }
    if (yaml_build_wants_key(build))
        return add_key(build, json, line, err);
    if (begin_value(build, line, 1, err) < 0)
        return -1;
    buf_add(&build->out, json.ptr, json.length);
    if (check_size(build, err) < 0)
        return -1;
    return end_value(build, 0, err);
}

int yaml_build_alias(struct yaml_build *build, const char *name, unsigned line, struct err *err)
{
    const struct yaml_anchor *anchor = strmap_get(build->anchors, name);
    if (!anchor)
        return err_set(err, ERR_INVALID, 0, "no anchor &%s stands before the alias *%s", name,
                       name);
    if (!anchor->json)
        return err_set(err, ERR_INVALID, 0, "the alias *%s stands within its own anchor", name);
    struct span json = {anchor->json, anchor->length};
    if (yaml_build_wants_key(build))
        return add_key(build, json, line, err);
    if (build->depth + anchor->height > build->limits->depth)
        return err_set(err, ERR_INVALID, 0, "nested deeper than %u levels", build->limits->depth);
    if (begin_value(build, line, anchor->nodes, err) < 0)
        return -1;
    buf_add(&build->out, json.ptr, json.length);
    if (check_size(build, err) < 0)
        return -1;
    struct yaml_frame *frame = top(build);
    if (frame)
        frame->through_alias = true;
    return end_value(build, anchor->height, err);
}

void yaml_build_take(struct yaml_build *build, struct yaml_document *ret_document)
{
    ret_document->length = build->out.length;
    ret_document->json = xrealloc(buf_take(&build->out), ret_document->length + 1);
    ret_document->places = build->places;
    ret_document->place_count = build->place_count;
    build->places = NULL;
    build->place_capacity = 0;
    yaml_build_reset(build);
}
