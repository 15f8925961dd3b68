/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload makes of the disk. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_gateway_private.h"
#include "sim/sim_json.h"

void sim_file_free(void *value)
{
    struct sim_file *file = value;
    json_decref(file->classic);
    json_decref(file->oas);
    free(file);
}

struct sim_file *sim_file_copy(const struct sim_file *file)
{
    if (!file)
        return NULL;
    struct sim_file *copy = xcalloc(1, sizeof(*copy));
    copy->classic = json_incref(file->classic);
    copy->oas = json_incref(file->oas);
    return copy;
}

void sim_loaded_free(void *value)
{
    struct sim_loaded *loaded = value;
    json_decref(loaded->source);
    json_decref(loaded->shown);
    free(loaded->shown_text);
    free(loaded->listen_path);
    free(loaded);
}

const char *sim_loaded_text(struct sim_loaded *loaded)
{
    if (!loaded->shown_text)
        loaded->shown_text = sim_json_dump_sorted(loaded->shown);
    return loaded->shown_text;
}

const char *sim_listen_path(const json_t *document, bool oas)
{
    return oas ? sim_json_text(document, "x-tyk-api-gateway", "server", "listenPath", "value", NULL)
               : sim_json_text(document, "proxy", "listen_path", NULL);
}

static const char *domain_of(const json_t *document, bool oas)
{
    return oas ? sim_json_text(document, "x-tyk-api-gateway", "server", "customDomain", "name",
                               NULL)
               : sim_json_text(document, "domain", NULL);
}

/* A handler behind the first of a wrong type cuts off all that the extension holds behind it; a map
 * of headers does so at any place. */
static bool is_mistyped(const json_t *handler, bool is_first)
{
    static const char *const texts[] = {"type", "trigger", "id",           "name",
                                        "url",  "method",  "bodyTemplate", "cooldownPeriod"};
    const json_t *headers = json_object_get(handler, "headers");
    if (is_first || !json_is_object(handler))
        return is_first ? json_is_object(headers) : !json_is_null(handler);
    const json_t *enabled = json_object_get(handler, "enabled");
    bool wrong = (headers && !json_is_array(headers)) || (enabled && !json_is_boolean(enabled));
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *value = json_object_get(json_array_get(headers, i), "value");
        wrong |= value && !json_is_string(value);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const json_t *text = json_object_get(handler, texts[i]);
        wrong |= text && !json_is_string(text);
    }
    return wrong;
}

static const json_t *handlers_of(const json_t *document)
{
    return sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
}

/* How many handlers survive; all of them when nothing is wrong. */
static size_t sound_handlers(const json_t *document)
{
    const json_t *handlers = handlers_of(document);
    size_t i = 0;
    while (i < json_array_size(handlers) && !is_mistyped(json_array_get(handlers, i), i == 0))
        i++;
    return i;
}

static bool oas_kills(const json_t *document)
{
    const json_t *handlers =
        sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const json_t *handler = json_array_get(handlers, i);
        if (strcmp(sim_json_text(handler, "type", NULL), "custom") == 0 &&
            json_is_true(json_object_get(handler, "enabled")))
            return true;
    }
    return false;
}

static bool classic_kills(const json_t *document)
{
    const char *name;
    json_t *handlers;
    json_t *events = sim_json_get(document, "event_handlers", "events", NULL);
    json_object_foreach(events, name, handlers)
    {
        for (size_t i = 0; i < json_array_size(handlers); i++) {
            const json_t *handler = json_array_get(handlers, i);
            if (strcmp(sim_json_text(handler, "handler_name", NULL), "eh_dynamic_handler") == 0 &&
                !json_is_true(sim_json_get(handler, "handler_meta", "disabled", NULL)))
                return true;
        }
    }
    return false;
}

/* Everything behind the bad handler, by name, is lost; its place in the document too. */
static void truncate(json_t *extension, size_t sound)
{
    json_t *server = sim_json_object(extension, "server");
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(server, next, name, value)
    {
        if (strcmp(name, "eventHandlers") > 0)
            json_object_del(server, name);
    }
    json_t *handlers = json_object_get(server, "eventHandlers");
    while (json_array_size(handlers) > sound)
        json_array_remove(handlers, json_array_size(handlers) - 1);
    if (!sound)
        json_object_del(server, "eventHandlers");
    json_object_set_new(server, "listenPath", json_pack("{s:s}", "value", ""));
    json_object_set_new(extension, "upstream", json_pack("{s:s}", "url", ""));
}

/* Handlers lose what is empty. */
static void show_handlers(const json_t *handlers)
{
    static const char *const names[] = {"bodyTemplate", "id", "name", "headers"};
    for (size_t i = 0; i < json_array_size(handlers); i++) {
        json_t *handler = json_array_get(handlers, i);
        for (size_t j = 0; j < ARRAY_LENGTH(names); j++) {
            const json_t *value = json_object_get(handler, names[j]);
            if (json_is_array(value) ? !json_array_size(value) : !json_string_length(value))
                json_object_del(handler, names[j]);
        }
    }
}

/* As GET shows it: keys in another order, empty values left out (OAS) or put in (Classic, of which
 * two count here), a duplicate's path changed. */
static json_t *show(const struct sim_loaded *loaded)
{
    json_t *shown = json_deep_copy(loaded->source);
    if (!loaded->oas) {
        if (loaded->is_renamed)
            json_object_set_new(sim_json_object(shown, "proxy"), "listen_path",
                                json_string(loaded->listen_path));
        if (!json_object_get(shown, "domain"))
            json_object_set_new(shown, "domain", json_string(""));
        if (!json_object_get(shown, "config_data"))
            json_object_set_new(shown, "config_data", json_null());
        return shown;
    }
    json_t *extension = sim_json_object(shown, "x-tyk-api-gateway");
    json_t *server = sim_json_object(extension, "server");
    if (loaded->is_truncated)
        truncate(extension, sound_handlers(shown));
    else if (loaded->is_renamed)
        json_object_set_new(sim_json_object(server, "listenPath"), "value",
                            json_string(loaded->listen_path));
    show_handlers(json_object_get(server, "eventHandlers"));
    return shown;
}

static bool same_place(const struct sim_file *file, const json_t *document, bool oas)
{
    const json_t *other = file->oas ? file->oas : file->classic;
    bool other_oas = file->oas != NULL;
    return strcmp(sim_listen_path(other, other_oas), sim_listen_path(document, oas)) == 0 &&
           strcmp(domain_of(other, other_oas), domain_of(document, oas)) == 0;
}

static struct sim_loaded *load_one(const struct sim_gateway *gateway, const struct strmap *files,
                                   const char *id, const struct sim_file *file)
{
    bool oas = file->oas != NULL;
    json_t *source = oas ? file->oas : file->classic;
    const char *path = sim_listen_path(source, oas);
    if ((*path && *path != '/') || str_ends(id, "-oas") || str_ends(id, "-mcp"))
        return NULL;
    struct sim_loaded *loaded = xcalloc(1, sizeof(*loaded));
    loaded->oas = oas;
    loaded->source = json_incref(source);
    const struct sim_loaded *before = strmap_get(gateway->loaded, id);
    if (before && before->oas == oas && json_equal(before->source, source)) {
        /* What is unchanged keeps what it was given. */
        loaded->shown = json_incref(before->shown);
        loaded->listen_path = xstrdup(before->listen_path);
        loaded->is_renamed = before->is_renamed;
        loaded->is_truncated = before->is_truncated;
        return loaded;
    }
    size_t rivals = 0;
    for (struct strmap_entry *e = strmap_first(files); e; e = strmap_next(e))
        rivals += same_place(strmap_entry_value(e), source, oas);
    loaded->is_truncated = oas && sound_handlers(source) < json_array_size(handlers_of(source));
    loaded->is_renamed = rivals > 1;
    loaded->listen_path = loaded->is_truncated ? xstrdup("")
                          : loaded->is_renamed ? xasprintf("%s-%s", path, id)
                                               : xstrdup(path);
    loaded->shown = show(loaded);
    return loaded;
}

/* The disk as a reload finds it. */
static struct strmap *read_disk(const struct sim_gateway *gateway, const struct strmap *meanwhile)
{
    struct strmap *files = strmap_new(sim_file_free);
    for (struct strmap_entry *e = strmap_first(gateway->disk); e; e = strmap_next(e)) {
        if (!meanwhile || !strmap_has(meanwhile, strmap_entry_key(e)))
            strmap_set(files, strmap_entry_key(e), sim_file_copy(strmap_entry_value(e)));
    }
    for (struct strmap_entry *e = meanwhile ? strmap_first(meanwhile) : NULL; e;
         e = strmap_next(e)) {
        const struct sim_file *file = strmap_entry_value(e);
        if (file->classic || file->oas)
            strmap_set(files, strmap_entry_key(e), sim_file_copy(file));
    }
    return files;
}

struct strmap *sim_gateway_load(const struct sim_gateway *gateway, const struct strmap *meanwhile,
                                const char **ret_killer)
{
    struct strmap *files = read_disk(gateway, meanwhile);
    struct strmap *fresh = strmap_new(sim_loaded_free);
    for (struct strmap_entry *e = strmap_first(files); e && fresh; e = strmap_next(e)) {
        const char *id = strmap_entry_key(e);
        const struct sim_file *file = strmap_entry_value(e);
        if (file->oas ? oas_kills(file->oas) : classic_kills(file->classic)) {
            *ret_killer = id;
            strmap_free(fresh);
            fresh = NULL;
            break;
        }
        struct sim_loaded *loaded = load_one(gateway, files, id, file);
        if (loaded)
            strmap_set(fresh, id, loaded);
    }
    strmap_free(files);
    return fresh;
}

json_t *sim_loaded_classic(const char *id, const struct sim_loaded *loaded)
{
    if (!loaded->oas)
        return json_incref(loaded->shown);
    json_t *classic = json_object();
    json_t *proxy = json_object();
    json_object_set_new(classic, "api_id", json_string(id));
    json_object_set_new(classic, "is_oas", json_true());
    json_object_set_new(
        classic, "name",
        json_string(sim_json_text(loaded->shown, "x-tyk-api-gateway", "info", "name", NULL)));
    json_object_set_new(classic, "config_data", json_null());
    json_object_set_new(classic, "domain", json_string(domain_of(loaded->shown, true)));
    json_object_set_new(proxy, "listen_path", json_string(loaded->listen_path));
    json_object_set_new(
        proxy, "target_url",
        json_string(sim_json_text(loaded->shown, "x-tyk-api-gateway", "upstream", "url", NULL)));
    json_object_set_new(classic, "proxy", proxy);
    return classic;
}
