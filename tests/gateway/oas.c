/* SPDX-License-Identifier: Apache-2.0 */
#include "oas.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "apiid.h"
#include "classic.h"
#include "gojson.h"
#include "mem.h"
#include "oas_extension.h"
#include "oas_schema.h"
#include "path.h"

static const char extension_key[] = "x-tyk-api-gateway";

/* The root members whose JSON type the decoder insists on. */
static const struct {
    const char *name;
    enum doc_kind kind;
} root_types[] = {
    {"openapi", DOC_STRING},    {"info", DOC_OBJECT},         {"paths", DOC_OBJECT},
    {"components", DOC_OBJECT}, {"servers", DOC_ARRAY},       {"tags", DOC_ARRAY},
    {"security", DOC_ARRAY},    {"externalDocs", DOC_OBJECT},
};

/* Follows "#/a/b" through the document. */
static bool reference_resolves(const struct doc *doc, const char *reference)
{
    if (strncmp(reference, "#/", 2) != 0) {
        return false;
    }
    uint32_t node = 0;
    for (const char *at = reference + 2; node != DOC_NONE;) {
        size_t len = strcspn(at, "/");
        struct text name = {0};
        text_puts(&name, "");
        for (size_t i = 0; i < len; i++) {
            if (at[i] == '~' && i + 1 < len && (at[i + 1] == '0' || at[i + 1] == '1')) {
                text_putc(&name, at[++i] == '0' ? '~' : '/');
            } else {
                text_putc(&name, at[i]);
            }
        }
        node = doc_member(doc, node, name.bytes);
        text_fini(&name);
        if (at[len] == '\0') {
            break;
        }
        at += len + 1;
    }
    return node != DOC_NONE;
}

static bool references_resolve(const struct doc *doc, uint32_t part)
{
    if (part == DOC_NONE) {
        return true;
    }
    for (uint32_t i = part; i < doc->nodes[part].next; i++) {
        if (doc->nodes[i].kind != DOC_OBJECT) {
            continue;
        }
        uint32_t reference = doc_member(doc, i, "$ref");
        if (!doc_is(doc, reference, DOC_STRING)) {
            continue;
        }
        char *text = doc_string_copy(doc, reference);
        bool good = reference_resolves(doc, text);
        free(text);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool decodes(const struct doc *doc)
{
    if (!doc_numbers_fit(doc, 0)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(root_types) / sizeof(root_types[0]); i++) {
        uint32_t member = doc_member(doc, 0, root_types[i].name);
        if (!doc_is_null(doc, member) && !doc_is(doc, member, root_types[i].kind)) {
            return false;
        }
    }
    return references_resolve(doc, doc_member(doc, 0, "paths")) &&
           references_resolve(doc, doc_member(doc, 0, "components"));
}

/* What the library checks that reads the document, beside the schema. */
static bool check_info(const struct doc *doc, struct text *problem)
{
    static const char *const names[] = {"title", "version"};
    for (size_t i = 0; i < 2; i++) {
        uint32_t node = doc_path(doc, 0, "info", names[i], NULL);
        if (doc_is_zero(doc, node)) {
            text_printf(problem, "invalid info: value of %s must be a non-empty string", names[i]);
            return false;
        }
    }
    return true;
}

static enum oas_verdict refuse(struct text *problem, const char *words)
{
    text_puts(problem, words);
    return OAS_REFUSED;
}

enum oas_verdict oas_check(struct doc *doc, const char *json, size_t len, bool extension_needed,
                           struct text *problem)
{
    if (len == 0) {
        json = "{}";
        len = 2;
    }
    if (!doc_read_whole(doc, json, len) ||
        !(doc_is(doc, 0, DOC_OBJECT) || doc_is(doc, 0, DOC_NULL)) || !decodes(doc)) {
        return refuse(problem, "request malformed");
    }
    uint32_t extension = doc_member(doc, 0, extension_key);
    if (doc_is_null(doc, extension) && extension_needed) {
        return refuse(problem, "the payload should contain x-tyk-api-gateway");
    }
    if (!doc_is_null(doc, extension) && !doc_is(doc, extension, DOC_OBJECT)) {
        return OAS_PANIC;
    }
    char *version = doc_string_copy(doc, doc_member(doc, 0, "openapi"));
    enum oas_verdict verdict = OAS_GOOD;
    if (!oas_schema_exists(version)) {
        text_printf(problem, "Schema not found for version \"%s\"", version);
        verdict = OAS_REFUSED;
    } else if (!oas_schema_check(doc, version, problem) || !check_info(doc, problem)) {
        verdict = OAS_REFUSED;
    }
    free(version);
    return verdict;
}

bool oas_has_extension(struct doc *doc, const char *json, size_t len)
{
    return doc_read_whole(doc, json, len) && !doc_is_null(doc, doc_member(doc, 0, extension_key));
}

void oas_with_extension(struct doc *doc, const char *json, size_t len, const struct definition *of,
                        struct text *out)
{
    doc_read_whole(doc, of->oas.bytes, of->oas.len);
    struct text extension = {0};
    gojson_value(&extension, doc, doc_member(doc, 0, extension_key));
    doc_read_whole(doc, json, len);
    text_putc(out, '{');
    size_t count = 0;
    struct doc_member *members = doc_members(doc, 0, &count);
    for (size_t i = 0; i < count; i++) {
        gojson_string(out, members[i].key, members[i].key_len);
        text_putc(out, ':');
        gojson_value(out, doc, members[i].value);
        text_putc(out, ',');
    }
    doc_members_free(members, count);
    text_printf(out, "\"%s\":", extension_key);
    text_add(out, extension.bytes, extension.len);
    text_putc(out, '}');
    text_fini(&extension);
}

/* The URLs that the gateway serves a listen path at. */
struct own_urls {
    char *urls[2];
    size_t count;
};

static struct own_urls own_urls_of(const char *base_url, const char *domain, const char *listen)
{
    struct own_urls own = {0};
    char *path = path_clean(listen, false);
    struct text url = {0};
    if (*domain != '\0') {
        text_printf(&url, "http://%s%s", domain, path);
        own.urls[own.count++] = mem_string(url.bytes);
    } else {
        text_printf(&url, "%s%s", base_url, path);
        own.urls[own.count++] = mem_string(url.bytes);
        own.urls[own.count++] = mem_string(path);
    }
    text_fini(&url);
    free(path);
    return own;
}

static void own_urls_fini(struct own_urls *own)
{
    for (size_t i = 0; i < own->count; i++) {
        free(own->urls[i]);
    }
}

/* Equal but for a trailing slash. */
static bool same_url(const char *left, const char *right)
{
    size_t left_len = strlen(left);
    size_t right_len = strlen(right);
    left_len -= left_len > 1 && left[left_len - 1] == '/';
    right_len -= right_len > 1 && right[right_len - 1] == '/';
    return left_len == right_len && strncmp(left, right, left_len) == 0;
}

static bool is_own_url(const struct own_urls *own, const struct doc *doc, uint32_t server)
{
    char *url = doc_string_copy(doc, doc_member(doc, server, "url"));
    bool found = false;
    for (size_t i = 0; i < own->count; i++) {
        found = found || same_url(own->urls[i], url);
    }
    free(url);
    return found;
}

/* The gateway's own URLs first, then the user's, without those of a listen path of before. */
static void write_servers(const struct doc *doc, const struct oas_extension *extension,
                          const struct oas_origin *origin, struct text *out)
{
    uint32_t servers = doc_member(doc, 0, "servers");
    if (origin->from_disk) {
        gojson_value(out, doc, servers);
        return;
    }
    char *listen = oas_extension_listen_path(extension);
    char *domain = oas_extension_domain(extension);
    struct own_urls own = own_urls_of(origin->base_url, domain, listen);
    struct own_urls old = {0};
    if (origin->old_listen != NULL) {
        old = own_urls_of(origin->base_url, domain, origin->old_listen);
    }
    text_putc(out, '[');
    for (size_t i = 0; i < own.count; i++) {
        text_puts(out, i > 0 ? ",{\"url\":" : "{\"url\":");
        gojson_puts(out, own.urls[i]);
        text_putc(out, '}');
    }
    uint32_t end = doc_is(doc, servers, DOC_ARRAY) ? doc->nodes[servers].next : 0;
    for (uint32_t i = servers + 1; i < end; i = doc->nodes[i].next) {
        if (!is_own_url(&own, doc, i) && !is_own_url(&old, doc, i)) {
            text_putc(out, ',');
            gojson_value(out, doc, i);
        }
    }
    text_putc(out, ']');
    own_urls_fini(&own);
    own_urls_fini(&old);
    free(listen);
    free(domain);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The root: its keys sorted, components and paths always there, servers and extension rewritten. */
static void write_document(const struct doc *doc, const struct oas_extension *extension,
                           const struct oas_origin *origin, struct definition *definition)
{
    struct text *out = &definition->oas;
    size_t count = 0;
    struct doc_member *members = doc_members(doc, 0, &count);
    const char **names = mem_zeroed((count + 4) * sizeof(*names));
    static const char *const fixed[] = {"components", "paths", "servers", extension_key};
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        names[used++] = members[i].key;
    }
    for (size_t i = 0; i < 4; i++) {
        if (doc_member(doc, 0, fixed[i]) == DOC_NONE) {
            names[used++] = fixed[i];
        }
    }
    qsort(names, used, sizeof(*names), compare_names);
    for (size_t i = 0; i < used; i++) {
        text_putc(out, i > 0 ? ',' : '{');
        gojson_puts(out, names[i]);
        text_putc(out, ':');
        uint32_t value = doc_member(doc, 0, names[i]);
        if (strcmp(names[i], extension_key) == 0) {
            oas_extension_write(extension, definition);
        } else if (strcmp(names[i], "servers") == 0) {
            write_servers(doc, extension, origin, out);
        } else if (value == DOC_NONE) {
            text_puts(out, "{}");
        } else {
            gojson_value(out, doc, value);
        }
    }
    text_putc(out, '}');
    free(names);
    doc_members_free(members, count);
}

struct definition *oas_read(struct doc *doc, const char *json, size_t len,
                            const struct oas_origin *origin)
{
    if (!doc_read_whole(doc, json, len) || !doc_is(doc, 0, DOC_OBJECT) ||
        !doc_numbers_fit(doc, 0)) {
        return NULL;
    }
    struct oas_extension extension;
    oas_extension_read(&extension, doc, doc_member(doc, 0, extension_key));
    struct definition *document = definition_new();
    write_document(doc, &extension, origin, document);
    text_shrink(&document->oas);
    struct text projection = {0};
    oas_extension_project(&extension, &projection);
    oas_extension_fini(&extension);

    struct text problem = {0};
    struct definition *definition =
        classic_read(doc, projection.bytes, projection.len, CLASSIC_FROM_DISK, &problem);
    text_fini(&problem);
    text_fini(&projection);
    if (definition != NULL) {
        definition->oas = document->oas;
        definition->oas_listen = document->oas_listen;
        definition->oas_groups = document->oas_groups;
        definition->oas_group_count = document->oas_group_count;
        document->oas = (struct text){0};
        document->oas_groups = NULL;
    }
    definition_unref(document);
    return definition;
}
