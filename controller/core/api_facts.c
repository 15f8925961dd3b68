/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/path.h"

/* The gateway looks for slashes in an id after decoding it up to this often. */
#define ID_DECODINGS 3

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static void decode_percent(char *text)
{
    char *out = text;
    while (*text) {
        int high = *text == '%' ? hex_digit(text[1]) : -1;
        int low = high >= 0 ? hex_digit(text[2]) : -1;
        *out++ = low >= 0 ? (char)(high * 16 + low) : *text;
        text += low >= 0 ? 3 : 1;
    }
    *out = '\0';
}

static const char *slash_fault(const char *id)
{
    CLEANUP(freep) char *decoded = xstrdup(id);
    for (int i = 0; i <= ID_DECODINGS; i++) {
        if (strpbrk(decoded, "/\\"))
            return "it holds a slash or backslash";
        if (strstr(decoded, ".."))
            return "it holds two dots";
        if (strcmp(decoded, ".") == 0 || !*decoded)
            return "it is a lone dot";
        decode_percent(decoded);
    }
    return NULL;
}

const char *api_id_fault(const char *id, enum api_form form)
{
    /* Definitions are kept in a file <id>.json, OAS ones also in <id>-oas.json; both routes exist
     * beside /tyk/apis/<id>. */
    if (strlen(id) > (form == API_FORM_OAS ? 246 : 250))
        return form == API_FORM_OAS ? "it is longer than 246 bytes" : "it is longer than 250 bytes";
    if (str_ends(id, "-oas") || str_ends(id, "-mcp"))
        return "it ends in -oas or -mcp, such files are not loaded";
    if (strcmp(id, "oas") == 0 ||
        (form == API_FORM_OAS && (strcmp(id, "import") == 0 || strcmp(id, "export") == 0)))
        return "it is a route of the gateway's API";
    return slash_fault(id);
}

char *api_derived_id(const char *key, enum api_form form)
{
    struct buf id;
    buf_init(&id, BUF_UNLIMITED);
    str_base64url(&id, key, strlen(key));
    if (!api_id_fault(buf_text(&id), form))
        return buf_take(&id);
    buf_fini(&id);
    struct digest digest = digest_of(key, strlen(key));
    char hex[65];
    digest_hex(&digest, hex);
    return xasprintf("g-%s", hex);
}

static void add_ref(struct strmap *refs, struct span id)
{
    CLEANUP(freep) char *ref = json_text_string(id);
    if (ref && *ref)
        strset_add(refs, ref);
}

static void collect_oas(struct span handlers, struct strmap *refs)
{
    struct json_text_iter iter = json_text_iterate(handlers);
    while (json_text_next(&iter)) {
        if (json_text_is(json_text_member(iter.value, "type"), "webhook"))
            add_ref(refs, json_text_member(iter.value, "id"));
    }
}

static void collect_classic(struct span handlers, struct strmap *refs)
{
    struct json_text_iter event = json_text_iterate(json_text_member(handlers, "events"));
    while (json_text_next(&event)) {
        struct json_text_iter iter = json_text_iterate(event.value);
        while (json_text_next(&iter)) {
            if (json_text_is(json_text_member(iter.value, "handler_name"), "eh_web_hook_handler"))
                add_ref(refs, json_text_get(iter.value, "handler_meta", "id", NULL));
        }
    }
}

static char **collect_refs(const struct api_view *view)
{
    struct strmap *set = strset_new();
    if (view->form == API_FORM_OAS)
        collect_oas(view->handlers, set);
    else
        collect_classic(view->handlers, set);
    CLEANUP(freep) const char **keys = strmap_sorted_keys(set);
    char **refs = xcalloc(strmap_count(set) + 1, sizeof(*refs));
    for (size_t i = 0; keys[i]; i++)
        refs[i] = xstrdup(keys[i]);
    strmap_free(set);
    return refs;
}

static char *lower(char *text)
{
    for (char *at = text; at && *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    }
    return text;
}

static char *text_or_empty(struct span value)
{
    char *text = json_text_string(value);
    return text ? text : xstrdup("");
}

void api_facts_from_view(const struct api_view *view, struct api_facts *ret_facts)
{
    *ret_facts = (struct api_facts){
        .form = view->form,
        .context = view->context ? xstrdup(view->context) : NULL,
        .config_map = view->config_map ? xstrdup(view->config_map) : NULL,
        .config_map_entry = view->config_map_entry ? xstrdup(view->config_map_entry) : NULL,
        .domain = lower(text_or_empty(view->domain)),
        .target = text_or_empty(view->target),
        .refs = collect_refs(view),
    };
    CLEANUP(freep) char *id = json_text_string(view->id);
    if (id && *id) {
        ret_facts->api_id = TAKE(id);
        ret_facts->api_id_is_explicit = true;
    } else if (view->document.ptr) {
        ret_facts->api_id = api_derived_id(view->api->key, view->form);
    }
    CLEANUP(freep) char *path = json_text_string(view->listen_path);
    if (path && *path) {
        ret_facts->clean_path = path_clean(path);
        ret_facts->listen_path = TAKE(path);
    }
}

void api_facts_read(const struct object *api, const struct object *config_map,
                    struct api_facts *ret_facts)
{
    struct api_view view;
    api_view_read(api, config_map, &view, NULL);
    api_facts_from_view(&view, ret_facts);
    api_view_fini(&view);
}

void api_facts_fini(struct api_facts *facts)
{
    free(facts->context);
    free(facts->config_map);
    free(facts->config_map_entry);
    free(facts->api_id);
    free(facts->listen_path);
    free(facts->clean_path);
    free(facts->domain);
    free(facts->target);
    for (size_t i = 0; facts->refs && facts->refs[i]; i++)
        free(facts->refs[i]);
    free(facts->refs);
    *facts = (struct api_facts){.form = API_FORM_CLASSIC};
}
