/* SPDX-License-Identifier: Apache-2.0 */
#include "oas_schema.h"

#include <ctype.h>
#include <string.h>

#include "schema.h"

static bool is_cooldown(const char *value)
{
    for (const char *unit = "hms"; *unit != '\0'; unit++) {
        size_t digits = strspn(value, "0123456789");
        if (digits > 0 && value[digits] == *unit) {
            value += digits + 1;
        }
    }
    return *value == '\0';
}

static bool has_text(const char *value)
{
    return value[strspn(value, " \t\n\r\f\v")] != '\0';
}

static bool is_version_3(const char *value, char minor)
{
    if (strncmp(value, "3.", 2) != 0 || value[2] != minor || value[3] != '.' ||
        !isdigit((unsigned char)value[4])) {
        return false;
    }
    return value[5] == '\0' || (value[5] == '-' && value[6] != '\0');
}

static bool is_version_30(const char *value)
{
    return is_version_3(value, '0');
}

static bool is_version_31(const char *value)
{
    return is_version_3(value, '1');
}

static const struct schema_pattern cooldown_pattern = {"^(\\d+h)?(\\d+m)?(\\d+s)?$", is_cooldown};
static const struct schema_pattern text_pattern = {"\\S+", has_text};
static const struct schema_pattern version_30_pattern = {"^3\\.0\\.\\d(-.+)?$", is_version_30};
static const struct schema_pattern version_31_pattern = {"^3\\.1\\.\\d(-.+)?$", is_version_31};

static const struct schema any = {.type = SCHEMA_ANY};
static const struct schema object = {.type = SCHEMA_OBJECT};
static const struct schema array = {.type = SCHEMA_ARRAY};
static const struct schema string = {.type = SCHEMA_STRING};
static const struct schema boolean = {.type = SCHEMA_BOOLEAN};
static const struct schema integer = {.type = SCHEMA_INTEGER};
static const struct schema text = {.type = SCHEMA_STRING, .pattern = &text_pattern};
static const struct schema cooldown = {.type = SCHEMA_STRING, .pattern = &cooldown_pattern};

static const struct schema trigger = {
    .type = SCHEMA_STRING,
    .values = (const char *const[]){"QuotaExceeded",
                                    "RatelimitExceeded",
                                    "RateLimitSmoothingUp",
                                    "RateLimitSmoothingDown",
                                    "AuthFailure",
                                    "UpstreamOAuthError",
                                    "KeyExpired",
                                    "VersionFailure",
                                    "OrgQuotaExceeded",
                                    "OrgRateLimitExceeded",
                                    "TriggerExceeded",
                                    "BreakerTriggered",
                                    "BreakerTripped",
                                    "BreakerReset",
                                    "HostDown",
                                    "HostUp",
                                    "TokenCreated",
                                    "TokenUpdated",
                                    "TokenDeleted",
                                    "CertificateExpiringSoon",
                                    "CertificateExpired",
                                    NULL},
};
static const struct schema handler_type = {
    .type = SCHEMA_STRING,
    .values = (const char *const[]){"webhook", "custom", "log", NULL},
};
static const struct schema method = {
    .type = SCHEMA_STRING,
    .values = (const char *const[]){"GET", "PUT", "POST", "DELETE", "PATCH", NULL},
};
static const struct schema header = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"name", "value", NULL},
    .properties = (const struct schema_property[]){{.name = "name", .schema = &string},
                                                   {.name = "value", .schema = &string},
                                                   {0}},
};
static const struct schema headers = {.type = SCHEMA_ARRAY, .first_item = &header};

/* The type of a webhook with an id is not checked: the gateway's schema is broken there. */
static const struct schema webhook_with_id = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"enabled", "type", "trigger", "id", "cooldownPeriod", NULL},
    .properties = (const struct schema_property[]){{.name = "enabled", .schema = &boolean},
                                                   {.name = "type", .schema = &any},
                                                   {.name = "trigger", .schema = &trigger},
                                                   {.name = "id", .schema = &string},
                                                   {.name = "cooldownPeriod", .schema = &cooldown},
                                                   {0}},
};
static const struct schema webhook_without_id = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"enabled", "type", "trigger", "url", "method",
                                      "cooldownPeriod", "bodyTemplate", NULL},
    .properties = (const struct schema_property[]){{.name = "enabled", .schema = &boolean},
                                                   {.name = "type", .schema = &handler_type},
                                                   {.name = "trigger", .schema = &trigger},
                                                   {.name = "name", .schema = &string},
                                                   {.name = "url", .schema = &string},
                                                   {.name = "method", .schema = &method},
                                                   {.name = "cooldownPeriod", .schema = &cooldown},
                                                   {.name = "bodyTemplate", .schema = &string},
                                                   {.name = "headers", .schema = &headers},
                                                   {0}},
};
static const struct schema js_handler = {
    .type = SCHEMA_OBJECT,
    .required =
        (const char *const[]){"enabled", "trigger", "type", "name", "functionName", "path", NULL},
    .properties = (const struct schema_property[]){{.name = "enabled", .schema = &boolean},
                                                   {.name = "type", .schema = &handler_type},
                                                   {.name = "trigger", .schema = &trigger},
                                                   {.name = "name", .schema = &string},
                                                   {.name = "functionName", .schema = &string},
                                                   {.name = "path", .schema = &string},
                                                   {0}},
};
static const struct schema log_handler = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"enabled", "trigger", "type", "name", "logPrefix", NULL},
    .properties = (const struct schema_property[]){{.name = "enabled", .schema = &boolean},
                                                   {.name = "type", .schema = &handler_type},
                                                   {.name = "trigger", .schema = &trigger},
                                                   {.name = "name", .schema = &string},
                                                   {.name = "logPrefix", .schema = &string},
                                                   {0}},
};
static const struct schema event_handler = {
    .type = SCHEMA_OBJECT,
    .any_of = (const struct schema *const[]){&webhook_with_id, &webhook_without_id, &js_handler,
                                             &log_handler, NULL},
};
/* A tuple of one: later elements are not looked at. */
static const struct schema event_handlers = {.type = SCHEMA_ARRAY, .first_item = &event_handler};

static const struct schema state = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"active", NULL},
    .properties = (const struct schema_property[]){{.name = "active", .schema = &boolean},
                                                   {.name = "internal", .schema = &boolean},
                                                   {0}},
};
static const struct schema extension_info = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"name", "state", NULL},
    .properties = (const struct schema_property[]){{.name = "id", .schema = &string},
                                                   {.name = "dbId", .schema = &string},
                                                   {.name = "orgId", .schema = &string},
                                                   {.name = "name", .schema = &text},
                                                   {.name = "expiration", .schema = &string},
                                                   {.name = "state", .schema = &state},
                                                   {.name = "versioning", .schema = &object},
                                                   {0}},
};
static const struct schema rate_limit = {
    .type = SCHEMA_OBJECT,
    .properties = (const struct schema_property[]){{.name = "enabled", .schema = &boolean},
                                                   {.name = "rate", .schema = &integer},
                                                   {.name = "per", .schema = &cooldown},
                                                   {0}},
};
static const struct schema with_url = {.required = (const char *const[]){"url", NULL}};
static const struct schema with_balancing = {.required =
                                                 (const char *const[]){"loadBalancing", NULL}};
static const struct schema upstream = {
    .type = SCHEMA_OBJECT,
    .any_of = (const struct schema *const[]){&with_url, &with_balancing, NULL},
    .properties = (const struct schema_property[]){{.name = "url", .schema = &string},
                                                   {.name = "rateLimit", .schema = &rate_limit},
                                                   {0}},
};
static const struct schema listen_path = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"value", NULL},
    .properties = (const struct schema_property[]){{.name = "value", .schema = &text},
                                                   {.name = "strip", .schema = &boolean},
                                                   {0}},
};
static const struct schema protocol = {
    .type = SCHEMA_STRING,
    .values = (const char *const[]){"http", "https", "h2c", NULL},
};
static const struct schema server = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"listenPath", NULL},
    .properties =
        (const struct schema_property[]){{.name = "listenPath", .schema = &listen_path},
                                         {.name = "authentication", .schema = &object},
                                         {.name = "customDomain", .schema = &object},
                                         {.name = "gatewayTags", .schema = &object},
                                         {.name = "port", .schema = &integer},
                                         {.name = "protocol", .schema = &protocol},
                                         {.name = "eventHandlers", .schema = &event_handlers},
                                         {0}},
};
static const struct schema extension = {
    .type = SCHEMA_OBJECT,
    .required = (const char *const[]){"info", "upstream", "server", NULL},
    .properties = (const struct schema_property[]){{.name = "info", .schema = &extension_info},
                                                   {.name = "upstream", .schema = &upstream},
                                                   {.name = "server", .schema = &server},
                                                   {.name = "middleware", .schema = &object},
                                                   {0}},
};

static const struct schema info = {
    .type = SCHEMA_OBJECT,
    .properties = (const struct schema_property[]){{.name = "title", .schema = &string},
                                                   {.name = "version", .schema = &string},
                                                   {0}},
};
static const struct schema operation = {
    .type = SCHEMA_OBJECT,
    .properties =
        (const struct schema_property[]){
            {.name = "responses", .schema = &object, .null_if_absent = true}, {0}},
};
static const struct schema path_item = {
    .type = SCHEMA_OBJECT,
    .properties = (const struct schema_property[]){{.name = "get", .schema = &operation},
                                                   {.name = "put", .schema = &operation},
                                                   {.name = "post", .schema = &operation},
                                                   {.name = "delete", .schema = &operation},
                                                   {.name = "options", .schema = &operation},
                                                   {.name = "head", .schema = &operation},
                                                   {.name = "patch", .schema = &operation},
                                                   {.name = "trace", .schema = &operation},
                                                   {0}},
};
static const struct schema paths = {
    .type = SCHEMA_OBJECT,
    .prefixed = (const struct schema_property[]){{.name = "/", .schema = &path_item},
                                                 {.name = "x-", .schema = &any},
                                                 {0}},
    .closed = true,
};

static const struct schema version_30 = {.type = SCHEMA_STRING, .pattern = &version_30_pattern};
static const struct schema version_31 = {.type = SCHEMA_STRING, .pattern = &version_31_pattern};

static const struct schema_property any_extension[] = {{.name = "x-", .schema = &any}, {0}};

static const struct schema document_30 = {
    .type = SCHEMA_OBJECT,
    .properties =
        (const struct schema_property[]){
            {.name = "openapi", .schema = &version_30},
            {.name = "info", .schema = &info, .null_if_absent = true},
            {.name = "paths", .schema = &paths, .null_if_absent = true},
            {.name = "servers", .schema = &array},
            {.name = "security", .schema = &array},
            {.name = "tags", .schema = &array},
            {.name = "components", .schema = &object},
            {.name = "externalDocs", .schema = &object},
            {.name = "x-tyk-api-gateway", .schema = &extension},
            {0}},
    .prefixed = any_extension,
    .closed = true,
};
static const struct schema document_31 = {
    .type = SCHEMA_OBJECT,
    .properties =
        (const struct schema_property[]){{.name = "openapi", .schema = &version_31},
                                         {.name = "info", .schema = &info, .null_if_absent = true},
                                         {.name = "paths", .schema = &paths},
                                         {.name = "webhooks", .schema = &object},
                                         {.name = "jsonSchemaDialect", .schema = &string},
                                         {.name = "servers", .schema = &array},
                                         {.name = "security", .schema = &array},
                                         {.name = "tags", .schema = &array},
                                         {.name = "components", .schema = &object},
                                         {.name = "externalDocs", .schema = &object},
                                         {.name = "x-tyk-api-gateway", .schema = &extension},
                                         {0}},
    .prefixed = any_extension,
    .closed = true,
};

bool oas_schema_exists(const char *version)
{
    return *version == '\0' || strncmp(version, "3.0", 3) == 0 || strncmp(version, "3.1", 3) == 0;
}

bool oas_schema_check(const struct doc *doc, const char *version, struct text *errors)
{
    if (*version == '\0') {
        /* The check sees what was decoded, where an absent version is an empty one. */
        bool good = schema_check(&version_30,
                                 &(struct doc){.text = "\"\"",
                                               .nodes = (struct doc_node[]){{
                                                   .kind = DOC_STRING,
                                                   .start = 1,
                                                   .next = 1,
                                               }},
                                               .count = 1},
                                 0, "openapi", errors);
        return good;
    }
    const struct schema *document = strncmp(version, "3.1", 3) == 0 ? &document_31 : &document_30;
    return schema_check(document, doc, 0, "", errors);
}
