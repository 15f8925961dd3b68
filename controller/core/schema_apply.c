/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over value and schema prunes, defaults, writes and checks. Problems are found on the
 * value as it will be stored, and point to the text as it came in. */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/nearest.h"
#include "core/schema_walk.h"

static void apply(struct schema_walk *walk, const struct schema *schema, struct span value,
                  struct span old);

/* ---- objects ---- */

static const struct schema *schema_of_member(const struct schema *schema, const char *name)
{
    const struct schema *property =
        schema->properties ? strmap_get(schema->properties, name) : NULL;
    return property ? property : schema->additional;
}

static char *nearest_hint(const struct schema *schema, const char *name)
{
    const char *best = NULL;
    unsigned least = NEAREST_FAR;
    for (struct strmap_entry *entry = schema->properties ? strmap_first(schema->properties) : NULL;
         entry; entry = strmap_next(entry)) {
        const char *known = strmap_entry_key(entry);
        unsigned apart = nearest_distance(known, name);
        if (apart < least) {
            least = apart;
            best = known;
        }
    }
    return best ? xasprintf("did you mean %s?", best) : NULL;
}

/* The walk stands on the member. */
static void tell_pruned(struct schema_walk *walk, const struct schema *schema, struct span key)
{
    schema_problems_add(walk->problems, true, walk->at ? walk->at : key.ptr, schema_path(walk),
                        xstrdup("unknown field, it is left out"),
                        nearest_hint(schema, walk->here->name));
}

/* A value of which the schema does not know more. */
static void copy_value(struct schema_walk *walk, struct span value)
{
    buf_add(walk->out, value.ptr, value.length);
}

/* The status of a manifest: what does not fit is left out as a whole. False: nothing was written.
 */
static bool apply_status(struct schema_walk *walk, const struct schema *schema, struct span value)
{
    struct schema_problems problems = {0};
    struct schema_walk inner = {.out = walk->out, .here = walk->here, .problems = &problems};
    size_t start = walk->out->length;
    apply(&inner, schema, value, (struct span){NULL, 0});
    bool fits = problems.errors == 0;
    if (!fits) {
        walk->out->length = start;
        schema_problems_add(
            walk->problems, true, value.ptr, xstrdup("status"),
            xasprintf("left out: %s: %s", problems.items[0].field, problems.items[0].message),
            xstrdup("leave the status to the operator"));
    }
    schema_problems_fini(&problems);
    return fits;
}

static void write_default(struct schema_walk *walk, const struct schema *schema, const char *at)
{
    const char *before = walk->at;
    walk->at = before ? before : at;
    apply(walk, schema, schema->default_value, (struct span){NULL, 0});
    walk->at = before;
}

/* What every object has is not the schema's business (schema_meta.c). */
static bool is_head(const char *name)
{
    return (strcmp(name, "apiVersion") == 0 || strcmp(name, "kind") == 0 ||
            strcmp(name, "metadata") == 0);
}

/* The value of a member, on which the walk stands; false: it is left out. */
static bool write_value(struct schema_walk *walk, const struct schema *member, struct span value,
                        struct span old)
{
    const struct schema_step *here = walk->here;
    if (!member)
        copy_value(walk, value);
    else if (json_text_type(value) == JSON_TEXT_NULL && !member->nullable)
        write_default(walk, member, value.ptr);
    else if (!here->above && strcmp(here->name, "status") == 0)
        return apply_status(walk, member, value);
    else
        apply(walk, member, value, old);
    return true;
}

/* One member, key and value; false when it is not in the object that is stored. */
static bool write_member(struct schema_walk *walk, const struct schema *schema, struct span key,
                         struct span value, struct span old)
{
    CLEANUP(freep) char *name = json_text_string(key);
    const struct schema_step step = {.above = walk->here, .name = name};
    bool head = !walk->here && is_head(name);
    const struct schema *member = head ? NULL : schema_of_member(schema, name);
    bool is_known = member || schema->preserves || head;
    bool is_absent = member && json_text_type(value) == JSON_TEXT_NULL && !member->nullable &&
                     !member->default_value.ptr;
    bool written = false;
    walk->here = &step;
    if (!is_known) {
        tell_pruned(walk, schema, key);
    } else if (!is_absent) {
        size_t start = walk->out->length;
        buf_add(walk->out, key.ptr, key.length);
        buf_add_char(walk->out, ':');
        written = write_value(walk, member, value, json_text_member(old, name));
        if (!written)
            walk->out->length = start;
    }
    walk->here = step.above;
    return written;
}

static void write_defaults(struct schema_walk *walk, const struct schema *schema, struct span value,
                           size_t start)
{
    for (struct strmap_entry *entry = schema->properties ? strmap_first(schema->properties) : NULL;
         entry; entry = strmap_next(entry)) {
        const struct schema *property = strmap_entry_value(entry);
        struct span so_far = {buf_text(walk->out) + start, walk->out->length - start};
        if (!property->default_value.ptr || json_text_member(so_far, strmap_entry_key(entry)).ptr)
            continue;
        if (walk->out->length > start + 1)
            buf_add_char(walk->out, ',');
        const struct schema_step step = {.above = walk->here, .name = strmap_entry_key(entry)};
        walk->here = &step;
        json_text_add_string(walk->out, step.name);
        buf_add_char(walk->out, ':');
        write_default(walk, property, value.ptr);
        walk->here = step.above;
    }
}

static void check_object(struct schema_walk *walk, const struct schema *schema, struct span value,
                         struct span stored, int64_t count)
{
    if (schema->max_properties >= 0 && count > schema->max_properties) {
        schema_complain(walk, value.ptr, "",
                        xasprintf("more than %lld keys (%lld)", (long long)schema->max_properties,
                                  (long long)count),
                        schema_hint(schema));
        walk->blocking++;
    }
    for (size_t i = 0; schema->required && schema->required[i]; i++) {
        if (json_text_member(stored, schema->required[i]).ptr)
            continue;
        CLEANUP(freep) char *suffix = xasprintf(".%s", schema->required[i]);
        schema_complain(walk, value.ptr, suffix, xstrdup("missing"),
                        schema_hint(schema_of_member(schema, schema->required[i])));
        walk->blocking++;
    }
}

static void apply_object(struct schema_walk *walk, const struct schema *schema, struct span value,
                         struct span old)
{
    size_t start = walk->out->length;
    int64_t count = 0;
    buf_add_char(walk->out, '{');
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        size_t before = walk->out->length;
        if (count)
            buf_add_char(walk->out, ',');
        if (write_member(walk, schema, iter.key, iter.value, old))
            count++;
        else
            walk->out->length = before;
    }
    walk->out->data[walk->out->length] = '\0';
    write_defaults(walk, schema, value, start);
    buf_add_char(walk->out, '}');
    check_object(walk, schema, value,
                 (struct span){buf_text(walk->out) + start, walk->out->length - start}, count);
}

/* ---- arrays ---- */

/* The keys of an element of a list that is a map, in one text. */
static char *element_key(const struct schema *schema, struct span element)
{
    CLEANUP(buf_fini) struct buf key;
    buf_init(&key, BUF_UNLIMITED);
    for (size_t i = 0; schema->list_keys[i]; i++) {
        CLEANUP(freep)
        char *text = json_text_string(json_text_member(element, schema->list_keys[i]));
        buf_add_format(&key, "%s%s %s", i ? ", " : "", schema->list_keys[i], text ? text : "");
    }
    return buf_take(&key);
}

static void check_list_keys(struct schema_walk *walk, const struct schema *schema,
                            struct span value, size_t start)
{
    struct strmap *seen = strset_new();
    struct span stored = {buf_text(walk->out) + start, walk->out->length - start};
    struct json_text_iter iter = json_text_iterate(stored);
    struct json_text_iter source = json_text_iterate(value);
    while (json_text_next(&iter) && json_text_next(&source)) {
        CLEANUP(freep) char *key = element_key(schema, iter.value);
        if (strmap_has(seen, key)) {
            CLEANUP(freep) char *suffix = xasprintf("[%zu]", iter.index);
            schema_complain(walk, source.value.ptr, suffix,
                            xasprintf("an element with %s stands before it", key), NULL);
        }
        strset_add(seen, key);
    }
    strmap_free(seen);
}

static void apply_array(struct schema_walk *walk, const struct schema *schema, struct span value)
{
    size_t start = walk->out->length;
    int64_t count = 0;
    buf_add_char(walk->out, '[');
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        if (count++)
            buf_add_char(walk->out, ',');
        const struct schema_step step = {.above = walk->here, .index = iter.index};
        walk->here = &step;
        bool is_null = json_text_type(iter.value) == JSON_TEXT_NULL;
        if (!schema->items)
            copy_value(walk, iter.value);
        else if (is_null && !schema->items->nullable && schema->items->default_value.ptr)
            write_default(walk, schema->items, iter.value.ptr);
        else
            apply(walk, schema->items, iter.value, (struct span){NULL, 0});
        walk->here = step.above;
    }
    buf_add_char(walk->out, ']');
    if (count < schema->min_items)
        schema_complain(walk, value.ptr, "",
                        xasprintf("fewer than %lld elements (%lld)", (long long)schema->min_items,
                                  (long long)count),
                        schema_hint(schema));
    if (schema->max_items >= 0 && count > schema->max_items) {
        schema_complain(walk, value.ptr, "",
                        xasprintf("more than %lld elements (%lld)", (long long)schema->max_items,
                                  (long long)count),
                        schema_hint(schema));
        walk->blocking++;
    }
    if (schema->list_keys)
        check_list_keys(walk, schema, value, start);
}

/* ---- values ---- */

static void check_rules(struct schema_walk *walk, const struct schema *schema, struct span value,
                        size_t start, struct span old)
{
    for (size_t i = 0; i < schema->rule_count; i++) {
        const struct schema_rule_use *use = &schema->rules[i];
        struct span self = {buf_text(walk->out) + start, walk->out->length - start};
        if (use->rule->is_about_change && !old.ptr)
            continue;
        if (!use->rule->complies(self, old)) {
            struct span about =
                *use->field_path ? json_text_member(value, use->field_path + 1) : value;
            schema_complain(walk, about.ptr ? about.ptr : value.ptr, use->field_path,
                            xstrdup(use->message), NULL);
        }
    }
}

/* Is nothing known of what is in the container? */
static bool is_opaque(const struct schema *schema, enum json_text_type type)
{
    if (type == JSON_TEXT_OBJECT)
        return schema->preserves && !schema->properties && !schema->additional &&
               !schema->required && schema->max_properties < 0;
    return type == JSON_TEXT_ARRAY && !schema->items && schema->min_items < 0 &&
           schema->max_items < 0;
}

static void apply(struct schema_walk *walk, const struct schema *schema, struct span value,
                  struct span old)
{
    size_t start = walk->out->length;
    size_t blocking = walk->blocking;
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NULL && schema->nullable) {
        copy_value(walk, value);
        return;
    }
    if (!schema_has_type(schema->type, value)) {
        copy_value(walk, value);
        schema_complain_of_type(walk, schema, value);
        return;
    }
    if (is_opaque(schema, type)) {
        copy_value(walk, value);
    } else if (type == JSON_TEXT_OBJECT) {
        apply_object(walk, schema, value, old);
    } else if (type == JSON_TEXT_ARRAY) {
        apply_array(walk, schema, value);
    } else {
        copy_value(walk, value);
        if (schema->choices.ptr)
            schema_check_choices(walk, schema, value);
        if (type == JSON_TEXT_STRING)
            schema_check_string(walk, schema, value);
        else if (type == JSON_TEXT_NUMBER)
            schema_check_number(walk, schema, value);
    }
    if (walk->blocking == blocking)
        check_rules(walk, schema, value, start, old);
}

void schema_apply(const struct schema *schema, struct span value, struct span old, struct buf *out,
                  struct schema_problems *problems)
{
    struct schema_walk walk = {.out = out, .problems = problems};
    apply(&walk, schema, value, old);
}
