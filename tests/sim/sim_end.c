/* SPDX-License-Identifier: Apache-2.0 */
/* The end state in one text, a line for each thing, without what differs from run to run. */
#include "sim/sim_end.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_truth.h"

/* Times, versions, and what is sealed anew each time. */
static bool is_masked(const char *name)
{
    static const char *const names[] = {"resourceVersion",
                                        "lastTransitionTime",
                                        "creationTimestamp",
                                        "sealed",
                                        "urlSealed",
                                        "latestTransaction",
                                        "grapnel.dev/converted-webhooks"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void mask(json_t *tree)
{
    const char *name;
    json_t *value;
    void *next;
    size_t i;
    json_object_foreach_safe(tree, next, name, value)
    {
        if (is_masked(name))
            json_object_set_new(tree, name, json_string("*"));
        else
            mask(value);
    }
    json_array_foreach(tree, i, value)
    {
        mask(value);
    }
}

static void add_line(struct buf *out, const char *kind, const char *name, const json_t *tree)
{
    json_t *copy = json_deep_copy(tree);
    mask(copy);
    char *text = sim_json_dump_sorted(copy);
    buf_add_format(out, "%s %s ", kind, name);
    buf_add_text(out, text);
    buf_add_char(out, '\n');
    free(text);
    json_decref(copy);
}

/* What stands of it, and what it says of that, depends on what has been: it cannot be pushed. */
static bool is_held_back(const struct sim *sim, const struct sim_object *object)
{
    return object->kind == OBJECT_API &&
           (strcmp(sim_reason(sim, OBJECT_API, object->key, "ResolvedRefs"), "ContextNotFound") ==
                0 ||
            strcmp(sim_reason(sim, OBJECT_API, object->key, "ResolvedRefs"), "ConfigMapNotFound") ==
                0 ||
            *sim_condition(sim, OBJECT_API, object->key, "Stalled"));
}

struct definitions {
    const struct sim *sim;
    json_t *by_id;
};

static void add_definition(void *arg, const struct sim_definition *definition)
{
    struct definitions *definitions = arg;
    json_t *document = json_deep_copy(definition->document);
    const json_t *marker = sim_marker(document, definition->oas);
    const struct sim_object *api =
        sim_store_get(definitions->sim->store, OBJECT_API, sim_json_text(marker, "api", NULL));
    if (api && is_held_back(definitions->sim, api)) {
        json_decref(document);
        return;
    }
    /* How it came about shows in these. */
    if (marker) {
        json_object_set_new((json_t *)(uintptr_t)marker, "n", json_integer(0));
        json_object_del((json_t *)(uintptr_t)marker, "rv");
    }
    json_object_set_new(definitions->by_id, definition->id, document);
}

static void add_object(const struct sim *sim, const struct sim_object *object, struct buf *out)
{
    json_t *tree = json_deep_copy(object->tree);
    if (is_held_back(sim, object))
        json_object_del(tree, "status");
    add_line(out, sim_resource_of(object->kind)->kind, object->key, tree);
    json_decref(tree);
}

void sim_end_state(const struct sim *sim, struct buf *out)
{
    static const unsigned kinds[] = {OBJECT_API, OBJECT_WEBHOOK, OBJECT_CONTEXT};
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        size_t count;
        CLEANUP(freep)
        const struct sim_object **all = sim_store_all(sim->store, kinds[k], &count);
        for (size_t i = 0; i < count; i++)
            add_object(sim, all[i], out);
    }
    for (size_t i = 0; i < sim->pod_count; i++) {
        if (sim->pods[i].gone)
            continue;
        json_t *all = json_object();
        sim_gateway_each(sim->pods[i].gateway, true, add_definition,
                         &(struct definitions){sim, all});
        const char *id;
        json_t *document;
        void *next;
        json_object_foreach_safe(all, next, id, document)
        {
            CLEANUP(freep) char *name = xasprintf("%s %s", sim->pods[i].name, id);
            add_line(out, "definition", name, document);
        }
        json_decref(all);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Splits into lines, sorted. Returns owned array of pointers into `text`. */
static char **split(char *text, size_t *ret_count)
{
    size_t count = 0;
    size_t capacity = 0;
    char **lines = NULL;
    char *rest = text;
    char *line;
    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        lines = xgrow(lines, count, &capacity, sizeof(*lines));
        lines[count++] = line;
    }
    if (count)
        qsort(lines, count, sizeof(*lines), by_text);
    *ret_count = count;
    return lines;
}

bool sim_end_equal(const char *wanted, const char *found, struct buf *ret_difference)
{
    CLEANUP(freep) char *left = xstrdup(wanted);
    CLEANUP(freep) char *right = xstrdup(found);
    size_t left_count;
    size_t right_count;
    CLEANUP(freep) char **lefts = split(left, &left_count);
    CLEANUP(freep) char **rights = split(right, &right_count);
    for (size_t i = 0; i < left_count || i < right_count; i++) {
        const char *a = i < left_count ? lefts[i] : "nothing";
        const char *b = i < right_count ? rights[i] : "nothing";
        if (strcmp(a, b) == 0)
            continue;
        size_t same = 0;
        while (a[same] && a[same] == b[same])
            same++;
        size_t from = same > 60 ? same - 60 : 0;
        buf_add_format(ret_difference, "%.60s: …%.300s… should be …%.300s…", a, b + from, a + from);
        return false;
    }
    return true;
}
