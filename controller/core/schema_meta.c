/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schema_meta.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/schema_walk.h"

#define ANNOTATIONS_LIMIT (256 << 10)

struct check {
    struct schema_problems *problems;
    struct span metadata;
    const char *nearest; /* where to point when something is missing */
};

/* Adds an error; takes `field` and `message`. */
static void complain(struct check *check, const char *at, char *field, char *message,
                     const char *hint)
{
    schema_problems_add(check->problems, false, at, field, message, hint ? xstrdup(hint) : NULL);
}

static bool is_lower_alnum(char byte)
{
    return islower((unsigned char)byte) || isdigit((unsigned char)byte);
}

/* One label of a DNS name: RFC 1123 in lower case. */
static bool is_dns_label(const char *text, size_t length)
{
    if (length < 1 || length > 63 || !is_lower_alnum(text[0]) || !is_lower_alnum(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_lower_alnum(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

/* Labels of any length up to 253 bytes in all, as Kubernetes has it. */
static bool is_dns_subdomain(const char *text, size_t length)
{
    if (length < 1 || length > 253)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool edge = i == 0 || i == length - 1 || text[i - 1] == '.' || text[i + 1] == '.';
        if (!is_lower_alnum(text[i]) &&
            (edge ? text[i] != '.' || i == 0 || i == length - 1 || text[i - 1] == '.'
                  : text[i] != '-' && text[i] != '.'))
            return false;
    }
    return true;
}

/* Up to 63 letters, digits, and - _ . between them. */
static bool is_label_text(const char *text)
{
    size_t length = strlen(text);
    if (length > 63 ||
        (length && (!isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[length - 1]))))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    }
    return true;
}

/* [prefix/]name */
static bool is_qualified_name(const char *key)
{
    const char *slash = strchr(key, '/');
    if (slash && !is_dns_subdomain(key, (size_t)(slash - key)))
        return false;
    const char *name = slash ? slash + 1 : key;
    return *name && is_label_text(name);
}

/* Returns owned: a text member; NULL when it is absent, null or (told) of another type. */
static char *text_member(struct check *check, const char *name)
{
    struct span value = json_text_member(check->metadata, name);
    enum json_text_type type = json_text_type(value);
    if (type != JSON_TEXT_NONE && type != JSON_TEXT_NULL && type != JSON_TEXT_STRING)
        complain(check, value.ptr, xasprintf("metadata.%s", name),
                 xasprintf("a text is expected, not %s", schema_found(type)),
                 type == JSON_TEXT_OBJECT || type == JSON_TEXT_ARRAY ? NULL : "put it in quotes");
    return json_text_string(value);
}

static void check_name(struct check *check, enum object_kind kind)
{
    struct span value = json_text_member(check->metadata, "name");
    CLEANUP(freep) char *name = text_member(check, "name");
    if (str_is_empty(name)) {
        if (name || json_text_type(value) == JSON_TEXT_NONE ||
            json_text_type(value) == JSON_TEXT_NULL)
            complain(check, check->nearest, xstrdup("metadata.name"), xstrdup("missing"),
                     "give the object a name; generateName is not enough here");
        return;
    }
    bool valid = kind == OBJECT_NAMESPACE ? is_dns_label(name, strlen(name))
                                          : is_dns_subdomain(name, strlen(name));
    if (!valid)
        complain(check, value.ptr, xstrdup("metadata.name"), xstrdup("not a valid name"),
                 kind == OBJECT_NAMESPACE
                     ? "lower-case letters, digits and -, at most 63"
                     : "lower-case letters, digits, - and ., at most 253, as in a host name");
}

static void check_namespace(struct check *check)
{
    struct span value = json_text_member(check->metadata, "namespace");
    CLEANUP(freep) char *ns = text_member(check, "namespace");
    if (!str_is_empty(ns) && !is_dns_label(ns, strlen(ns)))
        complain(check, value.ptr, xstrdup("metadata.namespace"),
                 xstrdup("not a valid name of a namespace"),
                 "lower-case letters, digits and -, at most 63");
}

/* Annotations may have upper-case letters in their prefix. */
static void check_key(struct check *check, const char *map, const char *key, const char *at)
{
    CLEANUP(freep) char *folded = xstrdup(key);
    for (char *byte = folded; strcmp(map, "annotations") == 0 && *byte; byte++)
        *byte = (char)tolower((unsigned char)*byte);
    if (!is_qualified_name(folded))
        complain(
            check, at, xasprintf("metadata.%s", map), xasprintf("\"%s\" is not a valid key", key),
            "[prefix/]name: the prefix a host name, the name at most 63 letters, digits, - _ .");
}

static void check_map(struct check *check, const char *map)
{
    struct span value = json_text_member(check->metadata, map);
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL)
        return;
    if (type != JSON_TEXT_OBJECT) {
        complain(check, value.ptr, xasprintf("metadata.%s", map),
                 xasprintf("a map of texts is expected, not %s", schema_found(type)), NULL);
        return;
    }
    bool labels = strcmp(map, "labels") == 0;
    size_t total = 0;
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *key = json_text_string(iter.key);
        CLEANUP(freep) char *text = json_text_string(iter.value);
        check_key(check, map, key, iter.key.ptr);
        if (!text && json_text_type(iter.value) != JSON_TEXT_NULL)
            complain(check, iter.value.ptr, xasprintf("metadata.%s", map),
                     xasprintf("a text is expected at %s, not %s", key,
                               schema_found(json_text_type(iter.value))),
                     "put it in quotes");
        if (text && labels && !is_label_text(text))
            complain(check, iter.value.ptr, xasprintf("metadata.%s", map),
                     xasprintf("the value of %s is not valid", key),
                     "at most 63 letters, digits, and - _ . between them");
        total += strlen(key) + (text ? strlen(text) : 0);
    }
    if (!labels && total > ANNOTATIONS_LIMIT)
        complain(check, value.ptr, xasprintf("metadata.%s", map),
                 xasprintf("%zu bytes, more than 256 KiB", total), NULL);
}

static void check_finalizers(struct check *check)
{
    struct span value = json_text_member(check->metadata, "finalizers");
    enum json_text_type type = json_text_type(value);
    bool good = type == JSON_TEXT_NONE || type == JSON_TEXT_NULL || type == JSON_TEXT_ARRAY;
    struct json_text_iter iter = json_text_iterate(value);
    while (good && json_text_next(&iter))
        good = json_text_type(iter.value) == JSON_TEXT_STRING;
    if (!good)
        complain(check, value.ptr, xstrdup("metadata.finalizers"),
                 xstrdup("a list of texts is expected"), NULL);
}

void schema_meta_check(enum object_kind kind, struct span object, struct schema_problems *problems)
{
    struct check check = {.problems = problems,
                          .metadata = json_text_member(object, "metadata"),
                          .nearest = object.ptr};
    enum json_text_type type = json_text_type(check.metadata);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL) {
        complain(&check, object.ptr, xstrdup("metadata.name"), xstrdup("missing"),
                 "give the object a name");
        return;
    }
    check.nearest = check.metadata.ptr;
    if (type != JSON_TEXT_OBJECT) {
        complain(&check, check.metadata.ptr, xstrdup("metadata"),
                 xasprintf("a map is expected, not %s", schema_found(type)), NULL);
        return;
    }
    check_name(&check, kind);
    check_namespace(&check);
    check_map(&check, "labels");
    check_map(&check, "annotations");
    check_finalizers(&check);
    free(text_member(&check, "uid"));
    free(text_member(&check, "resourceVersion"));
}
