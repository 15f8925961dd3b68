/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Errors and the score: every check that was made counts 1, every error -2 (net -1). */
struct result {
    struct text errors;
    int score;
    bool failed;
};

struct context {
    const struct doc *doc;
    const char *name; /* where we are, "" at the root */
    struct result *result;
};

static void check(const struct context *context, const struct schema *schema, uint32_t node);

static void add_line(struct result *result, const char *line)
{
    if (result->errors.len > 0) {
        text_putc(&result->errors, '\n');
    }
    text_puts(&result->errors, line);
    result->failed = true;
}

static void fail(const struct context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(const struct context *context, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct text line = {0};
    text_printf(&line, "%s: %s", *context->name != '\0' ? context->name : "(root)", message);
    add_line(context->result, line.bytes);
    text_fini(&line);
    context->result->score -= 2;
}

static enum schema_type type_of(const struct doc *doc, uint32_t node)
{
    if (node == DOC_NONE) {
        return SCHEMA_ANY;
    }
    switch (doc->nodes[node].kind) {
    case DOC_NULL:
        return SCHEMA_ANY;
    case DOC_FALSE:
    case DOC_TRUE:
        return SCHEMA_BOOLEAN;
    case DOC_NUMBER: {
        bool whole = fpclassify(fmod(doc_number(doc, node), 1)) == FP_ZERO;
        return whole ? SCHEMA_INTEGER : SCHEMA_NUMBER;
    }
    case DOC_STRING:
        return SCHEMA_STRING;
    case DOC_ARRAY:
        return SCHEMA_ARRAY;
    case DOC_OBJECT:
        return SCHEMA_OBJECT;
    }
    return SCHEMA_ANY;
}

static const char *type_name(enum schema_type type)
{
    switch (type) {
    case SCHEMA_ANY:
        return "null";
    case SCHEMA_OBJECT:
        return "object";
    case SCHEMA_ARRAY:
        return "array";
    case SCHEMA_STRING:
        return "string";
    case SCHEMA_BOOLEAN:
        return "boolean";
    case SCHEMA_INTEGER:
        return "integer";
    case SCHEMA_NUMBER:
        return "number";
    }
    return "null";
}

static void check_required(const struct context *context, const struct schema *schema,
                           uint32_t node)
{
    for (const char *const *name = schema->required; name != NULL && *name != NULL; name++) {
        if (doc_member(context->doc, node, *name) == DOC_NONE) {
            fail(context, "%s is required", *name);
        } else {
            context->result->score++;
        }
    }
}

/* The schema of a member by its name, or NULL if it may not be there or is not described. */
static const struct schema *member_schema(const struct schema *schema, const char *key,
                                          bool *ret_known)
{
    *ret_known = true;
    for (const struct schema_property *it = schema->properties; it != NULL && it->name != NULL;
         it++) {
        if (strcmp(it->name, key) == 0) {
            return it->schema;
        }
    }
    for (const struct schema_property *it = schema->prefixed; it != NULL && it->name != NULL;
         it++) {
        if (strncmp(it->name, key, strlen(it->name)) == 0) {
            return it->schema;
        }
    }
    *ret_known = false;
    return NULL;
}

static void check_member(const struct context *context, const struct schema *schema,
                         const char *key, uint32_t node)
{
    struct text name = {0};
    text_printf(&name, "%s%s%s", context->name, *context->name != '\0' ? "." : "", key);
    struct context inner = {context->doc, name.bytes, context->result};
    check(&inner, schema, node);
    text_fini(&name);
}

static void check_object(const struct context *context, const struct schema *schema, uint32_t node)
{
    check_required(context, schema, node);
    size_t count = 0;
    struct doc_member *members = doc_members(context->doc, node, &count);
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        const struct schema *inner = member_schema(schema, members[i].key, &known);
        if (inner != NULL) {
            check_member(context, inner, members[i].key, members[i].value);
        } else if (!known && schema->closed) {
            fail(context, "Additional property %s is not allowed", members[i].key);
        }
    }
    doc_members_free(members, count);
    for (const struct schema_property *it = schema->properties; it != NULL && it->name != NULL;
         it++) {
        if (it->null_if_absent && doc_member(context->doc, node, it->name) == DOC_NONE) {
            check_member(context, it->schema, it->name, DOC_NONE);
        }
    }
    context->result->score++;
}

static void check_array(const struct context *context, const struct schema *schema, uint32_t node)
{
    if (schema->first_item != NULL && context->doc->nodes[node].next > node + 1) {
        check_member(context, schema->first_item, "0", node + 1);
    }
    context->result->score++;
}

static void check_string(const struct context *context, const struct schema *schema, uint32_t node)
{
    if (schema->pattern != NULL) {
        char *value = doc_string_copy(context->doc, node);
        if (!schema->pattern->matches(value)) {
            fail(context, "Does not match pattern '%s'", schema->pattern->text);
        }
        free(value);
    }
    context->result->score++;
}

static void check_values(const struct context *context, const struct schema *schema, uint32_t node)
{
    struct text list = {0};
    for (const char *const *value = schema->values; value != NULL && *value != NULL; value++) {
        if (doc_string_is(context->doc, node, *value)) {
            text_clear(&list);
            break;
        }
        text_printf(&list, "%s\"%s\"", list.len > 0 ? ", " : "", *value);
    }
    if (list.len > 0) {
        fail(context, "%s must be one of the following: %s", context->name, list.bytes);
    }
    text_fini(&list);
    context->result->score++;
}

/* Of the alternatives that fail, the first one with the highest score is the one that was meant. */
static void check_any_of(const struct context *context, const struct schema *schema, uint32_t node)
{
    struct result best = {0};
    for (const struct schema *const *it = schema->any_of; it != NULL && *it != NULL; it++) {
        struct result result = {0};
        struct context inner = {context->doc, context->name, &result};
        check(&inner, *it, node);
        if (!result.failed) {
            text_fini(&result.errors);
            text_fini(&best.errors);
            context->result->score++;
            return;
        }
        if (!best.failed || result.score > best.score) {
            text_fini(&best.errors);
            best = result;
        } else {
            text_fini(&result.errors);
        }
    }
    if (best.failed) {
        fail(context, "Must validate at least one schema (anyOf)");
        add_line(context->result, best.errors.bytes);
        context->result->score += best.score;
    }
    text_fini(&best.errors);
    context->result->score++;
}

static void check(const struct context *context, const struct schema *schema, uint32_t node)
{
    enum schema_type type = type_of(context->doc, node);
    bool fits = schema->type == SCHEMA_ANY || (type & schema->type) != 0 ||
                (type == SCHEMA_INTEGER && (schema->type & SCHEMA_NUMBER) != 0);
    if (!fits) {
        fail(context, "Invalid type. Expected: %s, given: %s", type_name(schema->type),
             type_name(type));
        return;
    }
    check_any_of(context, schema, node);
    if (type == SCHEMA_OBJECT) {
        check_object(context, schema, node);
    } else if (type == SCHEMA_ARRAY) {
        check_array(context, schema, node);
    } else if (type == SCHEMA_STRING) {
        check_string(context, schema, node);
    }
    check_values(context, schema, node);
    context->result->score++;
}

bool schema_check(const struct schema *schema, const struct doc *doc, uint32_t node,
                  const char *name, struct text *errors)
{
    struct result result = {0};
    struct context context = {doc, name, &result};
    check(&context, schema, node);
    if (result.failed) {
        text_puts(errors, result.errors.bytes);
    }
    text_fini(&result.errors);
    return !result.failed;
}
