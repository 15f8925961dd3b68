/* SPDX-License-Identifier: Apache-2.0 */
#include "oas_extension.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "apiid.h"
#include "duration.h"
#include "gojson.h"
#include "mem.h"

/* Members of server that come before and behind eventHandlers in the order of the keys. */
static const char *const server_before[] = {
    "authentication", "batchProcessing",      "clientCertificates", "contextVariables",
    "customDomain",   "detailedActivityLogs", "detailedTracing",    NULL,
};
static const char *const server_behind[] = {"gatewayTags", "ipAccessControl", "port", "protocol",
                                            NULL};
static const char *const upstream_members[] = {
    "serviceDiscovery",
    "test",
    "mutualTLS",
    "certificatePinning",
    "rateLimit",
    "authentication",
    "loadBalancing",
    "preserveHostHeader",
    "preserveTrailingSlash",
    "tlsTransport",
    "proxy",
    NULL,
};
static const char *const middleware_members[] = {"global", "operations", NULL};

static bool is_object_id(const struct doc *doc, uint32_t node)
{
    if (doc_is_null(doc, node) || doc_string_is(doc, node, "")) {
        return true;
    }
    char *id = doc_string_copy(doc, node);
    bool good = strlen(id) == 24;
    for (const char *at = id; *at != '\0' && good; at++) {
        good = isxdigit((unsigned char)*at);
    }
    free(id);
    return good;
}

void oas_extension_read(struct oas_extension *extension, const struct doc *doc, uint32_t node)
{
    *extension = (struct oas_extension){.doc = doc,
                                        .info = DOC_NONE,
                                        .upstream = DOC_NONE,
                                        .server = DOC_NONE,
                                        .middleware = DOC_NONE};
    uint32_t info = doc_member(doc, node, "info");
    if (is_object_id(doc, doc_member(doc, info, "dbId"))) {
        extension->info = info;
        extension->middleware = doc_member(doc, node, "middleware");
        extension->server = doc_member(doc, node, "server");
        oas_handlers_read(&extension->handlers, doc,
                          doc_member(doc, extension->server, "eventHandlers"));
        if (!extension->handlers.broken) {
            extension->upstream = doc_member(doc, node, "upstream");
        }
    }
    extension->id = doc_string_copy(doc, doc_member(doc, extension->info, "id"));
    if (*extension->id == '\0') {
        free(extension->id);
        extension->id = apiid_random();
    }
}

void oas_extension_fini(struct oas_extension *extension)
{
    free(extension->id);
    oas_handlers_fini(&extension->handlers);
}

/* A member of server that is lost when a handler is broken. */
static uint32_t behind_handlers(const struct oas_extension *extension, const char *name)
{
    return extension->handlers.broken ? DOC_NONE
                                      : doc_member(extension->doc, extension->server, name);
}

char *oas_extension_listen_path(const struct oas_extension *extension)
{
    uint32_t listen = behind_handlers(extension, "listenPath");
    return doc_string_copy(extension->doc, doc_member(extension->doc, listen, "value"));
}

char *oas_extension_domain(const struct oas_extension *extension)
{
    const struct doc *doc = extension->doc;
    uint32_t domain = doc_member(doc, extension->server, "customDomain");
    bool enabled = doc_bool(doc, doc_member(doc, domain, "enabled"));
    return doc_string_copy(doc, enabled ? doc_member(doc, domain, "name") : DOC_NONE);
}

static void put_key(struct text *out, const char *key)
{
    char last = out->bytes[out->len - 1];
    text_printf(out, "%s\"%s\":", last == '{' ? "" : ",", key);
}

/* A member as it is, unless everything in it is zero: the gateway leaves such ones out. */
static void put_member(struct text *out, const struct doc *doc, uint32_t object, const char *name)
{
    uint32_t node = doc_member(doc, object, name);
    if (!doc_is_zero(doc, node)) {
        put_key(out, name);
        gojson_value(out, doc, node);
    }
}

static void put_members(struct text *out, const struct doc *doc, uint32_t object,
                        const char *const *names)
{
    for (; *names != NULL; names++) {
        put_member(out, doc, object, *names);
    }
}

/* A string that is always there. */
static void put_string(struct text *out, const struct doc *doc, uint32_t object, const char *name)
{
    put_key(out, name);
    char *value = doc_string_copy(doc, doc_member(doc, object, name));
    gojson_puts(out, value);
    free(value);
}

static void put_bool(struct text *out, const char *key, bool value)
{
    put_key(out, key);
    text_puts(out, value ? "true" : "false");
}

static void write_info(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    uint32_t state = doc_member(doc, extension->info, "state");
    text_puts(out, "\"info\":{\"id\":");
    gojson_puts(out, extension->id);
    put_member(out, doc, extension->info, "dbId");
    put_member(out, doc, extension->info, "orgId");
    put_string(out, doc, extension->info, "name");
    put_member(out, doc, extension->info, "expiration");
    text_puts(out, ",\"state\":{");
    put_bool(out, "active", doc_bool(doc, doc_member(doc, state, "active")));
    put_member(out, doc, state, "internal");
    text_putc(out, '}');
    put_member(out, doc, extension->info, "versioning");
    text_putc(out, '}');
}

static void write_server(const struct oas_extension *extension, struct definition *definition)
{
    const struct doc *doc = extension->doc;
    struct text *out = &definition->oas;
    text_puts(out, ",\"server\":{\"listenPath\":{\"value\":");
    char *listen = oas_extension_listen_path(extension);
    definition->oas_listen.start = out->len;
    gojson_puts(out, listen);
    definition->oas_listen.len = out->len - definition->oas_listen.start;
    free(listen);
    put_member(out, doc, behind_handlers(extension, "listenPath"), "strip");
    text_putc(out, '}');
    put_members(out, doc, extension->server, server_before);
    if (!extension->handlers.broken) {
        put_members(out, doc, extension->server, server_behind);
    }
    if (extension->handlers.count > 0) {
        text_puts(out, ",\"eventHandlers\":");
        oas_handlers_write(&extension->handlers, doc, out, &definition->oas_groups,
                           &definition->oas_group_count);
    }
    text_putc(out, '}');
}

void oas_extension_write(const struct oas_extension *extension, struct definition *definition)
{
    const struct doc *doc = extension->doc;
    struct text *out = &definition->oas;
    text_putc(out, '{');
    write_info(extension, out);
    text_puts(out, ",\"upstream\":{");
    put_string(out, doc, extension->upstream, "url");
    put_members(out, doc, extension->upstream, upstream_members);
    text_putc(out, '}');
    write_server(extension, definition);
    if (!doc_is_zero(doc, extension->middleware)) {
        text_puts(out, ",\"middleware\":{");
        put_members(out, doc, extension->middleware, middleware_members);
        text_putc(out, '}');
    }
    text_putc(out, '}');
}

/* What an OAS API has in its projection beside what its document says. */
static const char projected_constants[] =
    "\"version_data\":{\"not_versioned\":true,\"versions\":{\"\":{\"use_extended_paths\":true,"
    "\"global_headers\":{},\"global_response_headers\":{},\"global_headers_disabled\":true,"
    "\"global_response_headers_disabled\":true,\"global_size_limit_disabled\":true,"
    "\"global_enforce_timeout_disabled\":true}}},"
    "\"uptime_tests\":{\"disabled\":true,\"config\":{\"service_discovery\":{\"cache_disabled\":"
    "true}}},"
    "\"custom_middleware\":{\"auth_check\":{\"disabled\":true},\"id_extractor\":{\"disabled\":"
    "true}},"
    "\"auth_configs\":{},\"is_oas\":true,\"custom_middleware_bundle_disabled\":true,"
    "\"error_overrides_disabled\":true";

static void project_rate_limit(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    uint32_t limit = doc_member(doc, extension->upstream, "rateLimit");
    int64_t per_ns = 0;
    char *per = doc_string_copy(doc, doc_member(doc, limit, "per"));
    if (!duration_read(per, &per_ns)) {
        per_ns = 0;
    }
    free(per);
    put_key(out, "global_rate_limit");
    text_putc(out, '{');
    put_bool(out, "disabled", !doc_bool(doc, doc_member(doc, limit, "enabled")));
    put_member(out, doc, limit, "rate");
    text_printf(out, ",\"per\":%lld}", (long long)(per_ns / 1000000000));
}

static void project_server(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    uint32_t server = extension->server;
    uint32_t authentication = doc_member(doc, server, "authentication");
    bool with_key = doc_bool(doc, doc_member(doc, authentication, "enabled"));
    put_bool(out, "use_keyless", !with_key);
    put_bool(out, "use_standard_auth", with_key);
    put_bool(out, "enable_detailed_recording",
             doc_bool(doc, doc_path(doc, server, "detailedActivityLogs", "enabled", NULL)));
    put_bool(out, "detailed_tracing",
             doc_bool(doc, doc_path(doc, server, "detailedTracing", "enabled", NULL)));
    put_bool(out, "enable_context_vars",
             doc_bool(doc, doc_path(doc, server, "contextVariables", "enabled", NULL)));

    uint32_t domain = doc_member(doc, server, "customDomain");
    put_bool(out, "domain_disabled", !doc_bool(doc, doc_member(doc, domain, "enabled")));
    put_key(out, "domain");
    gojson_value(out, doc, doc_member(doc, domain, "name"));
    put_key(out, "certificates");
    gojson_value(out, doc, doc_member(doc, domain, "certificates"));

    uint32_t tags = behind_handlers(extension, "gatewayTags");
    put_bool(out, "tags_disabled", !doc_bool(doc, doc_member(doc, tags, "enabled")));
    put_key(out, "tags");
    gojson_value(out, doc, doc_member(doc, tags, "tags"));

    uint32_t control = behind_handlers(extension, "ipAccessControl");
    put_bool(out, "ip_access_control_disabled",
             !doc_bool(doc, doc_member(doc, control, "enabled")));
    put_key(out, "allowed_ips");
    gojson_value(out, doc, doc_member(doc, control, "allow"));
    put_key(out, "blacklisted_ips");
    gojson_value(out, doc, doc_member(doc, control, "block"));
}

static void project_middleware(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    uint32_t global = doc_member(doc, extension->middleware, "global");
    uint32_t data = doc_path(doc, global, "pluginConfig", "data", NULL);
    put_key(out, "config_data");
    gojson_value(out, doc, doc_member(doc, data, "value"));
    put_bool(out, "config_data_disabled", !doc_bool(doc, doc_member(doc, data, "enabled")));
    put_bool(out, "do_not_track",
             !doc_bool(doc, doc_path(doc, global, "trafficLogs", "enabled", NULL)));
    put_bool(out, "upstream_certificates_disabled",
             !doc_bool(doc, doc_path(doc, extension->upstream, "mutualTLS", "enabled", NULL)));
    put_bool(
        out, "certificate_pinning_disabled",
        !doc_bool(doc, doc_path(doc, extension->upstream, "certificatePinning", "enabled", NULL)));
}

static void project_proxy(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    char *listen = oas_extension_listen_path(extension);
    put_key(out, "proxy");
    text_puts(out, "{\"service_discovery\":{\"cache_disabled\":true},\"listen_path\":");
    gojson_puts(out, listen);
    free(listen);
    put_bool(out, "strip_listen_path",
             doc_bool(doc, doc_member(doc, behind_handlers(extension, "listenPath"), "strip")));
    put_key(out, "target_url");
    gojson_value(out, doc, doc_member(doc, extension->upstream, "url"));
    put_bool(
        out, "preserve_host_header",
        doc_bool(doc, doc_path(doc, extension->upstream, "preserveHostHeader", "enabled", NULL)));
    text_putc(out, '}');
}

void oas_extension_project(const struct oas_extension *extension, struct text *out)
{
    const struct doc *doc = extension->doc;
    uint32_t state = doc_member(doc, extension->info, "state");
    text_puts(out, "{\"api_id\":");
    gojson_puts(out, extension->id);
    put_key(out, "id");
    gojson_value(out, doc, doc_member(doc, extension->info, "dbId"));
    put_key(out, "org_id");
    gojson_value(out, doc, doc_member(doc, extension->info, "orgId"));
    put_key(out, "expiration");
    gojson_value(out, doc, doc_member(doc, extension->info, "expiration"));
    put_string(out, doc, extension->info, "name");
    put_bool(out, "active", doc_bool(doc, doc_member(doc, state, "active")));
    put_bool(out, "internal", doc_bool(doc, doc_member(doc, state, "internal")));
    project_proxy(extension, out);
    project_rate_limit(extension, out);
    project_server(extension, out);
    project_middleware(extension, out);
    text_puts(out, ",\"event_handlers\":{\"events\":");
    oas_handlers_project(&extension->handlers, doc, out);
    text_puts(out, "},");
    text_puts(out, projected_constants);
    text_putc(out, '}');
}
