/* SPDX-License-Identifier: Apache-2.0 */
#include "core/allowed.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/members.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

struct rule {
    struct span from;
    struct span selector;
    struct span match_labels;
    struct span match_expressions;
};

static struct rule read_rule(struct span allowed)
{
    static const char *const names[] = {"from", "selector"};
    static const char *const selector_names[] = {"matchLabels", "matchExpressions"};
    struct span values[2];
    struct span selector[2];
    members_read(allowed, names, 2, values, NULL, NULL);
    members_read(values[1], selector_names, 2, selector, NULL, NULL);
    return (struct rule){values[0], values[1], selector[0], selector[1]};
}

struct expression {
    struct span key;
    struct span operator;
    struct span values;
};

static struct expression read_expression(struct span text)
{
    static const char *const names[] = {"key", "operator", "values"};
    struct span values[3];
    members_read(text, names, 3, values, NULL, NULL);
    return (struct expression){values[0], values[1], values[2]};
}

/* What is wrong with an expression, or NULL. */
static const char *expression_fault(const struct expression *expression)
{
    if (json_text_type(expression->key) != JSON_TEXT_STRING || expression->key.length < 3)
        return "key is not a label";
    bool sets =
        json_text_is(expression->operator, "In") || json_text_is(expression->operator, "NotIn");
    if (!sets && !json_text_is(expression->operator, "Exists") &&
        !json_text_is(expression->operator, "DoesNotExist"))
        return "operator is none of In, NotIn, Exists and DoesNotExist";
    enum json_text_type type = json_text_type(expression->values);
    if (type != JSON_TEXT_ARRAY && type != JSON_TEXT_NONE)
        return "values is not a list";
    struct json_text_iter iter = json_text_iterate(expression->values);
    size_t count = 0;
    for (; json_text_next(&iter); count++) {
        if (json_text_type(iter.value) != JSON_TEXT_STRING)
            return "values holds something that is not a string";
    }
    if (sets != (count > 0))
        return "In and NotIn need values, Exists and DoesNotExist have none";
    return NULL;
}

static const char *selector_fault(const struct rule *rule)
{
    if (json_text_type(rule->selector) != JSON_TEXT_OBJECT)
        return "selector is not an object";
    enum json_text_type labels = json_text_type(rule->match_labels);
    if (labels != JSON_TEXT_OBJECT && labels != JSON_TEXT_NONE)
        return "matchLabels is not an object";
    struct json_text_iter iter = json_text_iterate(rule->match_labels);
    while (json_text_next(&iter)) {
        if (json_text_type(iter.value) != JSON_TEXT_STRING)
            return "matchLabels holds a value that is not a string";
    }
    enum json_text_type expressions = json_text_type(rule->match_expressions);
    if (expressions != JSON_TEXT_ARRAY && expressions != JSON_TEXT_NONE)
        return "matchExpressions is not a list";
    iter = json_text_iterate(rule->match_expressions);
    while (json_text_next(&iter)) {
        struct expression expression = read_expression(iter.value);
        const char *fault = expression_fault(&expression);
        if (fault)
            return fault;
    }
    return NULL;
}

/* What is wrong with a rule, or NULL. */
static const char *rule_fault(struct span allowed, const struct rule *rule)
{
    enum json_text_type type = json_text_type(allowed);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL)
        return NULL;
    if (type != JSON_TEXT_OBJECT)
        return "an object with from is expected";
    if (rule->from.ptr && !json_text_is(rule->from, "Same") && !json_text_is(rule->from, "All") &&
        !json_text_is(rule->from, "Selector"))
        return "from is none of Same, All and Selector";
    if (rule->selector.ptr)
        return selector_fault(rule);
    return json_text_is(rule->from, "Selector") ? "from Selector needs a selector" : NULL;
}

void allowed_check(struct span allowed, const char *field, struct problems *problems)
{
    struct rule rule = read_rule(allowed);
    const char *fault = rule_fault(allowed, &rule);
    if (fault)
        problems_refuse(problems, field, "see label selectors of Kubernetes", "%s", fault);
    else if (rule.selector.ptr && !json_text_is(rule.from, "Selector"))
        problems_add(problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "SelectorIgnored",
                                             .field = field,
                                             .hint = "write from: Selector, or leave it out"},
                     "the selector has no effect: it counts with from: Selector alone");
}

/* Returns owned: the value of a label of a namespace, NULL when it has none. */
static char *label_of(const struct object *namespace, const char *ns, const char *label)
{
    if (strcmp(label, NAME_LABEL) == 0)
        return xstrdup(ns);
    return namespace ? object_label(namespace, label) : NULL;
}

static bool is_among(struct span values, const char *text)
{
    struct json_text_iter iter = json_text_iterate(values);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.value, text))
            return true;
    }
    return false;
}

static bool expression_matches(const struct expression *expression, const struct object *namespace,
                               const char *ns)
{
    CLEANUP(freep) char *key = json_text_string(expression->key);
    CLEANUP(freep) char *value = label_of(namespace, ns, key);
    if (json_text_is(expression->operator, "In"))
        return value && is_among(expression->values, value);
    if (json_text_is(expression->operator, "NotIn"))
        return !value || !is_among(expression->values, value);
    return json_text_is(expression->operator, "Exists") == (value != NULL);
}

static bool selector_matches(const struct rule *rule, const char *ns, const struct cache *cache)
{
    const struct object *namespace = cache_get(cache, OBJECT_NAMESPACE, ns);
    struct json_text_iter iter = json_text_iterate(rule->match_labels);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *label = json_text_string(iter.key);
        CLEANUP(freep) char *value = label_of(namespace, ns, label);
        if (!value || !json_text_is(iter.value, value))
            return false;
    }
    iter = json_text_iterate(rule->match_expressions);
    while (json_text_next(&iter)) {
        struct expression expression = read_expression(iter.value);
        if (!expression_matches(&expression, namespace, ns))
            return false;
    }
    return true;
}

bool allowed_permits(struct span allowed, const char *owner, const char *ns,
                     const struct cache *cache)
{
    if (strcmp(owner, ns) == 0)
        return true;
    struct rule rule = read_rule(allowed);
    if (!rule.from.ptr || rule_fault(allowed, &rule))
        return false;
    if (json_text_is(rule.from, "All"))
        return true;
    return json_text_is(rule.from, "Selector") && selector_matches(&rule, ns, cache);
}
