/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/schema_node.h"

static int compile(struct span openapi, struct schema **ret_schema, struct err *err);

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static void free_property(void *value)
{
    schema_free(value);
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    free(schema->description);
    strmap_free(schema->properties);
    schema_free(schema->additional);
    schema_free(schema->items);
    free_list(schema->required);
    free_list(schema->list_keys);
    if (schema->pattern)
        regfree(&schema->regex);
    free(schema->pattern);
    for (size_t i = 0; i < schema->rule_count; i++) {
        free(schema->rules[i].message);
        free(schema->rules[i].field_path);
    }
    free(schema->rules);
    free(schema);
}

void schema_freep(struct schema **schema)
{
    schema_free(*schema);
}

/* ---- one function a keyword ---- */

static int read_type(struct schema *schema, struct span value, struct err *err)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } types[] = {{"object", SCHEMA_OBJECT}, {"array", SCHEMA_ARRAY},
                 {"string", SCHEMA_STRING}, {"integer", SCHEMA_INTEGER},
                 {"number", SCHEMA_NUMBER}, {"boolean", SCHEMA_BOOLEAN}};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (json_text_is(value, types[i].name)) {
            schema->type = types[i].type;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, 0, "unknown type");
}

static int read_description(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->description = json_text_string(value);
    return 0;
}

static int read_nullable(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->nullable = json_text_bool(value, false);
    return 0;
}

static int read_preserves(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->preserves = json_text_bool(value, false);
    return 0;
}

static int read_int_or_string(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    if (json_text_bool(value, false))
        schema->type = SCHEMA_INT_OR_STRING;
    return 0;
}

static int read_default(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->default_value = value;
    return 0;
}

static int read_choices(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->choices = value;
    return 0;
}

static int read_properties(struct schema *schema, struct span value, struct err *err)
{
    schema->properties = strmap_new(free_property);
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *name = json_text_string(iter.key);
        struct schema *property = NULL;
        if (compile(iter.value, &property, err) < 0)
            return err_wrap(err, "%s", name);
        strmap_set(schema->properties, name, property);
    }
    return 0;
}

static int read_additional(struct schema *schema, struct span value, struct err *err)
{
    if (json_text_type(value) == JSON_TEXT_TRUE) {
        schema->preserves = true;
        return 0;
    }
    return compile(value, &schema->additional, err);
}

static int read_items(struct schema *schema, struct span value, struct err *err)
{
    return compile(value, &schema->items, err);
}

static char **read_list(struct span value)
{
    char **list = xcalloc(1, sizeof(*list));
    size_t count = 0;
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        list = xrealloc(list, (count + 2) * sizeof(*list));
        list[count++] = json_text_string(iter.value);
        list[count] = NULL;
    }
    return list;
}

static int read_required(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->required = read_list(value);
    return 0;
}

static int read_list_keys(struct schema *schema, struct span value, struct err *err)
{
    (void)err;
    schema->list_keys = read_list(value);
    return 0;
}

static int read_list_type(struct schema *schema, struct span value, struct err *err)
{
    (void)schema;
    if (json_text_is(value, "atomic") || json_text_is(value, "map"))
        return 0;
    return err_set(err, ERR_INVALID, 0, "a list type other than atomic and map is not known");
}

/* Patterns are RE2; what POSIX extended expressions read otherwise is refused. */
static int read_pattern(struct schema *schema, struct span value, struct err *err)
{
    char *pattern = json_text_string(value);
    int result = REG_BADPAT;
    if (!strchr(pattern, '\\') && !strstr(pattern, "(?"))
        result = regcomp(&schema->regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (result == REG_ESPACE)
        mem_exhausted();
    if (result != 0) {
        free(pattern);
        return err_set(err, ERR_INVALID, 0, "a pattern that is no POSIX extended expression");
    }
    schema->pattern = pattern;
    return 0;
}

static int read_limit(int64_t *limit, struct span value, struct err *err)
{
    if (json_text_int64(value, limit) && *limit >= 0)
        return 0;
    return err_set(err, ERR_INVALID, 0, "not a limit");
}

static int read_min_length(struct schema *schema, struct span value, struct err *err)
{
    return read_limit(&schema->min_length, value, err);
}

static int read_max_length(struct schema *schema, struct span value, struct err *err)
{
    return read_limit(&schema->max_length, value, err);
}

static int read_min_items(struct schema *schema, struct span value, struct err *err)
{
    return read_limit(&schema->min_items, value, err);
}

static int read_max_items(struct schema *schema, struct span value, struct err *err)
{
    return read_limit(&schema->max_items, value, err);
}

static int read_max_properties(struct schema *schema, struct span value, struct err *err)
{
    return read_limit(&schema->max_properties, value, err);
}

static int read_bound(double *bound, bool *is_set, struct span value, struct err *err)
{
    if (json_text_type(value) != JSON_TEXT_NUMBER)
        return err_set(err, ERR_INVALID, 0, "not a number");
    CLEANUP(freep) char *number = xstrndup(value.ptr, value.length);
    *bound = strtod(number, NULL);
    *is_set = true;
    return 0;
}

static int read_minimum(struct schema *schema, struct span value, struct err *err)
{
    return read_bound(&schema->minimum, &schema->has_minimum, value, err);
}

static int read_maximum(struct schema *schema, struct span value, struct err *err)
{
    return read_bound(&schema->maximum, &schema->has_maximum, value, err);
}

static int read_rule(struct schema *schema, struct span value, struct err *err)
{
    CLEANUP(freep) char *text = json_text_string(json_text_member(value, "rule"));
    const struct schema_rule *rule = text ? schema_rule_find(text) : NULL;
    if (!rule)
        return err_set(err, ERR_INVALID, 0, "the rule %s has no twin", text ? text : "null");
    schema->rules = xrealloc(schema->rules, (schema->rule_count + 1) * sizeof(*schema->rules));
    char *message = json_text_string(json_text_member(value, "message"));
    char *field_path = json_text_string(json_text_member(value, "fieldPath"));
    schema->rules[schema->rule_count++] = (struct schema_rule_use){
        rule, message ? message : xstrdup(text), field_path ? field_path : xstrdup("")};
    return 0;
}

static int read_rules(struct schema *schema, struct span value, struct err *err)
{
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        if (read_rule(schema, iter.value, err) < 0)
            return -1;
    }
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct schema *schema, struct span value, struct err *err);
} keywords[] = {
    {"type", read_type},
    {"description", read_description},
    {"nullable", read_nullable},
    {"default", read_default},
    {"enum", read_choices},
    {"pattern", read_pattern},
    {"minLength", read_min_length},
    {"maxLength", read_max_length},
    {"minItems", read_min_items},
    {"maxItems", read_max_items},
    {"maxProperties", read_max_properties},
    {"minimum", read_minimum},
    {"maximum", read_maximum},
    {"properties", read_properties},
    {"additionalProperties", read_additional},
    {"items", read_items},
    {"required", read_required},
    {"x-kubernetes-preserve-unknown-fields", read_preserves},
    {"x-kubernetes-int-or-string", read_int_or_string},
    {"x-kubernetes-list-type", read_list_type},
    {"x-kubernetes-list-map-keys", read_list_keys},
    {"x-kubernetes-validations", read_rules},
};

static int read_keyword(struct schema *schema, const char *name, struct span value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++) {
        if (strcmp(keywords[i].name, name) == 0)
            return keywords[i].read(schema, value, err) < 0 ? err_wrap(err, "%s", name) : 0;
    }
    return err_set(err, ERR_INVALID, 0, "%s: unknown keyword", name);
}

static int compile(struct span openapi, struct schema **ret_schema, struct err *err)
{
    if (json_text_type(openapi) != JSON_TEXT_OBJECT)
        return err_set(err, ERR_INVALID, 0, "a schema is an object");
    CLEANUP(schema_freep) struct schema *schema = xcalloc(1, sizeof(*schema));
    schema->min_length = -1;
    schema->max_length = -1;
    schema->min_items = -1;
    schema->max_items = -1;
    schema->max_properties = -1;
    struct json_text_iter iter = json_text_iterate(openapi);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *name = json_text_string(iter.key);
        if (read_keyword(schema, name, iter.value, err) < 0)
            return -1;
    }
    *ret_schema = TAKE(schema);
    return 0;
}

int schema_compile(struct span openapi, struct schema **ret_schema, struct err *err)
{
    return compile(openapi, ret_schema, err);
}
