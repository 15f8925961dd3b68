/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a gateway's definition: reading stays within them; and what a strict check accepts
 * takes a marker that reads back equal, beside which nothing has changed. The first byte says of
 * which family it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/definition.h"
#include "core/marker.h"
#include "core/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_within(struct span part, struct span text)
{
    if (part.ptr)
        require(part.ptr >= text.ptr && part.ptr + part.length <= text.ptr + text.length);
}

static void read_paths(const struct definition *definition)
{
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *id = json_text_string(definition->api_id);
    if (!path)
        return;
    CLEANUP(freep) char *clean = listen_path_clean(path);
    CLEANUP(freep) char *again = listen_path_clean(clean);
    require(strcmp(clean, again) == 0);
    require(listen_path_compare(path, path, id ? id : "") == LISTEN_PATH_SAME);
    require(listen_path_compare(path, clean, id ? id : "") == LISTEN_PATH_SAME);
    require(listen_path_claim(path, "") == listen_path_claim(clean, ""));
    CLEANUP(freep) char *before = listen_path_before_rename(path, id ? id : "");
    require(!before || strlen(before) < strlen(path));
}

static void read_any(struct span text, enum api_family family)
{
    struct definition definition;
    definition_read(text, family, &definition);
    require_within(definition.api_id, text);
    require_within(definition.listen_path, text);
    require_within(definition.domain, text);
    require_within(definition.target, text);
    require_within(definition.marker, text);
    read_paths(&definition);
    (void)plan_compare(&definition, "id", "/path/", "http://u/");
    struct marker marker = {0};
    if (plan_whose(definition.marker, "grapnel", "c-1", &marker) == PLAN_OURS)
        require(marker_fingerprint(&marker) != 0);
    marker_fini(&marker);
}

/* All members but the one that bears the marker are byte for byte as they were. */
static void require_same_rest(struct span before, struct span after, const char *bearer)
{
    struct json_text_iter old = json_text_iterate(before);
    struct json_text_iter new = json_text_iterate(after);
    while (json_text_next(&old)) {
        require(json_text_next(&new));
        require(old.key.length ==
                new.key.length &&memcmp(old.key.ptr, new.key.ptr, old.key.length) == 0);
        if (!json_text_is(old.key, bearer))
            require(old.value.length ==
                    new.value.length &&memcmp(old.value.ptr, new.value.ptr, old.value.length) == 0);
    }
    if (json_text_next(&new))
        require(json_text_is(new.key, bearer) && !json_text_next(&new));
}

static void mark(struct span text, enum api_family family)
{
    char owner[] = "o\"w";
    char other[] = "c";
    struct marker marker = {owner, other, other, other, other, other, 7, true, UINT64_MAX};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    if (marker_add(text, family, &marker, &out, NULL) < 0)
        return;
    struct span marked = {buf_text(&out), out.length};
    static const struct json_text_limits limits = {.depth = 110, .unique_keys = true};
    require(json_text_check(marked, &limits, NULL, NULL) == 0);
    struct definition definition;
    definition_read(marked, family, &definition);
    struct marker read;
    require(marker_read(definition.marker, &read));
    require(read.n == 7 && read.retain && marker_fingerprint(&read) == marker_fingerprint(&marker));
    marker_fini(&read);
    require_same_rest(text, marked, family == API_OAS ? "x-grapnel" : "config_data");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    enum api_family family = data[0] % 2 ? API_OAS : API_CLASSIC;
    CLEANUP(freep) char *copy = xstrndup((const char *)data + 1, size - 1);
    struct span text = {copy, size - 1};
    read_any(text, family);
    static const struct json_text_limits limits = {.depth = 100, .unique_keys = true};
    if (json_text_check(text, &limits, NULL, NULL) == 0 && json_text_type(text) == JSON_TEXT_OBJECT)
        mark(text, family);
    return 0;
}
