/* SPDX-License-Identifier: Apache-2.0 */
#include "core/marker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/version.h"

#define MARKER_VERSION 1
#define MARKER_MAX_N 1000000

static void add_member(struct buf *out, const char *key, const char *text)
{
    buf_add_format(out, "\"%s\":", key);
    json_text_add_string(out, text);
    buf_add_char(out, ',');
}

static void add_json(const struct marker *marker, struct buf *out)
{
    buf_add_format(out, "{\"v\":%d,", MARKER_VERSION);
    add_member(out, "owner", marker->owner);
    add_member(out, "cluster", marker->cluster);
    add_member(out, "context", marker->context);
    add_member(out, "api", marker->api);
    add_member(out, "uid", marker->uid);
    add_member(out, "hash", marker->hash);
    if (marker->retain)
        buf_add_text(out, "\"retain\":true,");
    /* As text: the gateway keeps numbers as floating point. */
    if (marker->object_version)
        buf_add_format(out, "\"rv\":\"%" PRIu64 "\",", marker->object_version);
    buf_add_format(out, "\"n\":%u}", marker->n);
}

static int set_classic(struct json_edit *edit, struct span document, const struct buf *json,
                       struct err *err)
{
    struct span data = json_text_member(document, "config_data");
    enum json_text_type type = json_text_type(data);
    if (type == JSON_TEXT_OBJECT) {
        json_edit_set(edit, data, "grapnel", json->data, json->length);
        return 0;
    }
    if (type != JSON_TEXT_NONE && type != JSON_TEXT_NULL)
        return err_set(err, ERR_INVALID, 0, "config_data: must be an object, not %s",
                       json_text_type_name(type));
    CLEANUP(buf_fini) struct buf wrapped;
    buf_init(&wrapped, BUF_UNLIMITED);
    buf_add_format(&wrapped, "{\"grapnel\":%s}", buf_text(json));
    json_edit_set(edit, document, "config_data", wrapped.data, wrapped.length);
    return 0;
}

int marker_add(struct span document, enum api_family family, const struct marker *marker,
               struct buf *out, struct err *err)
{
    if (json_text_type(document) != JSON_TEXT_OBJECT)
        return err_set(err, ERR_INVALID, 0, "the definition must be an object, not %s",
                       json_text_type_name(json_text_type(document)));
    CLEANUP(buf_fini) struct buf json;
    buf_init(&json, BUF_UNLIMITED);
    add_json(marker, &json);

    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(document);
    if (family == API_OAS)
        json_edit_set(edit, document, "x-grapnel", json.data, json.length);
    else if (set_classic(edit, document, &json, err) < 0)
        return -1;
    json_edit_apply(edit, out);
    return 0;
}

static bool read_number(struct span value, int64_t *ret_number)
{
    /* The gateway keeps numbers of free maps as floating point: 1 may come back as 1 or 1.0. */
    return json_text_int64(value, ret_number);
}

static uint64_t read_version(struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    return text ? version_number(text) : 0;
}

bool marker_read(struct span value, struct marker *ret_marker)
{
    struct marker marker = {0};
    int64_t version = 0;
    int64_t n = -1;
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        static const char *const keys[] = {"owner", "cluster", "context", "api", "uid", "hash"};
        char **const fields[] = {&marker.owner, &marker.cluster, &marker.context,
                                 &marker.api,   &marker.uid,     &marker.hash};
        for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
            if (json_text_is(iter.key, keys[i])) {
                free(*fields[i]);
                *fields[i] = json_text_string(iter.value);
            }
        }
        if (json_text_is(iter.key, "v") && !read_number(iter.value, &version))
            version = 0;
        if (json_text_is(iter.key, "n") && !read_number(iter.value, &n))
            n = -1;
        if (json_text_is(iter.key, "retain"))
            marker.retain = json_text_bool(iter.value, false);
        if (json_text_is(iter.key, "rv"))
            marker.object_version = read_version(iter.value);
    }
    if (json_text_type(value) != JSON_TEXT_OBJECT || version != MARKER_VERSION || n < 0 ||
        n > MARKER_MAX_N || !marker.owner || !marker.cluster || !marker.context || !marker.api ||
        !marker.uid || !marker.hash) {
        marker_fini(&marker);
        return false;
    }
    marker.n = (unsigned)n;
    *ret_marker = marker;
    return true;
}

void marker_fini(struct marker *marker)
{
    free(marker->owner);
    free(marker->cluster);
    free(marker->context);
    free(marker->api);
    free(marker->uid);
    free(marker->hash);
    *marker = (struct marker){0};
}

/* FNV-1a, the closing NUL included, so that fields cannot run into one another. */
static uint64_t mix(uint64_t hash, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    do {
        hash = (hash ^ *at) * 1099511628211ULL;
    } while (*at++);
    return hash;
}

uint64_t marker_fingerprint(const struct marker *marker)
{
    uint64_t hash = 14695981039346656037ULL;
    hash = mix(hash, marker->owner);
    hash = mix(hash, marker->cluster);
    hash = mix(hash, marker->context);
    hash = mix(hash, marker->api);
    hash = mix(hash, marker->uid);
    hash = mix(hash, marker->hash);
    hash = mix(hash, marker->retain ? "retain" : "");
    return hash ? hash : 1;
}
