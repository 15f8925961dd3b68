/* SPDX-License-Identifier: Apache-2.0 */
#include "core/misspelt.h"

#include <stdbool.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/event.h"
#include "core/members.h"
#include "core/nearest.h"

#define NAMES_MAX 16
#define EXTENSION "x-tyk-api-gateway"

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, names[i]))
            return true;
    }
    return false;
}

/* Borrowed; NULL: nothing that is known. */
static const char *meaning(const char *key, const struct misspelt_names *names,
                           const char *const *absent, size_t count)
{
    const char *meant = nearest_name(key, absent, count);
    for (size_t i = 0; i < names->other_count && !meant; i++) {
        if (nearest_distance(key, names->others[i][0]) == 0 &&
            is_among(names->others[i][1], absent, count))
            meant = names->others[i][1];
    }
    return meant;
}

/* How many letters count in comparisons. */
static size_t letters_of(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text[i] != '-' && text[i] != '_' && text[i] != '"';
    return count;
}

/* Could the key, as it is written, be meant for one of them? Most are too long or too short. */
static bool may_be_meant(struct span key, const struct misspelt_names *names)
{
    size_t letters = letters_of(key.ptr, key.length);
    for (size_t i = 0; i < names->count; i++) {
        size_t meant = letters_of(names->names[i], strlen(names->names[i]));
        if (letters < meant + NEAREST_FAR && meant < letters + NEAREST_FAR)
            return true;
    }
    for (size_t i = 0; i < names->other_count; i++) {
        if (letters == letters_of(names->others[i][0], strlen(names->others[i][0])))
            return true;
    }
    return false;
}

static int find_name(struct span key, const struct misspelt_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        bool may_be = key.ptr && (key.ptr[1] == names->names[i][0] || key.ptr[1] == '\\');
        if (may_be && json_text_is(key, names->names[i]))
            return (int)i;
    }
    return -1;
}

/* The names that the object does not have; how many: none either when no other key may be meant for
 * one of them. */
static size_t find_absent(struct span object, const struct misspelt_names *names,
                          const char *absent[NAMES_MAX])
{
    bool present[NAMES_MAX] = {false};
    bool may_be = false;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        int name = find_name(iter.key, names);
        if (name >= 0)
            present[name] = true;
        else
            may_be = may_be || may_be_meant(iter.key, names);
    }
    size_t count = 0;
    for (size_t i = 0; i < names->count && may_be; i++) {
        if (!present[i])
            absent[count++] = names->names[i];
    }
    return count;
}

void misspelt_find(struct span object, const struct misspelt_names *names, misspelt_fn *tell,
                   void *arg)
{
    const char *absent[NAMES_MAX];
    size_t count = json_text_type(object) == JSON_TEXT_OBJECT && names->count <= NAMES_MAX
                       ? find_absent(object, names, absent)
                       : 0;
    if (!count)
        return;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        /* A name that is there is known, also as null; one that differs by case is refused. */
        if (find_name(iter.key, names) >= 0 || !may_be_meant(iter.key, names))
            continue;
        CLEANUP(freep) char *key = json_text_string(iter.key);
        const char *meant = key ? meaning(key, names, absent, count) : NULL;
        if (meant && !members_key_matches(iter.key, meant))
            tell(arg, key, meant);
    }
}

struct lint {
    struct problems *problems;
    const char *prefix; /* of the object's fields */
};

static void warn(void *arg, const char *key, const char *meant)
{
    const struct lint *lint = arg;
    CLEANUP(freep) char *field = xasprintf("%s.%s", lint->prefix, key);
    CLEANUP(freep) char *hint = xasprintf("did you mean %s?", meant);
    problems_add(
        lint->problems,
        &(struct problem_about){
            .severity = PROBLEM_WARNING, .reason = "UnknownField", .field = field, .hint = hint},
        MISSPELT_MESSAGE);
}

static void check(const struct api_view *view, struct problems *problems, struct span object,
                  const char *place, const struct misspelt_names *names)
{
    CLEANUP(freep) char *prefix = xasprintf("%s%s", view->prefix, place);
    misspelt_find(object, names, warn, &(struct lint){problems, prefix});
}

/* Handlers that stand one level too high are as lost as misspelt ones. */
static void warn_of_place(const char *prefix, const char *key, const char *holder,
                          struct problems *problems)
{
    CLEANUP(freep) char *meant = xasprintf("%s.%s", holder, key);
    warn(&(struct lint){problems, prefix}, key, meant);
}

static void check_oas_place(const struct api_view *view, struct problems *problems)
{
    CLEANUP(freep) char *prefix = xasprintf("%s." EXTENSION, view->prefix);
    if (json_text_member(view->extension, "eventHandlers").ptr)
        warn_of_place(prefix, "eventHandlers", "server", problems);
}

static void check_classic_place(const struct api_view *view, struct problems *problems)
{
    CLEANUP(freep) char *prefix = xasprintf("%s.event_handlers", view->prefix);
    if (json_text_type(view->handlers) != JSON_TEXT_OBJECT)
        return;
    struct json_text_iter iter = json_text_iterate(view->handlers);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *key = json_text_string(iter.key);
        if (key && event_find(key))
            warn_of_place(prefix, key, "events", problems);
    }
}

static void check_oas(const struct api_view *view, struct problems *problems)
{
    static const char *const extension[] = {"info", "server", "upstream"};
    static const char *const info[] = {"id", "orgId", "name", "state"};
    static const char *const server[] = {"listenPath", "customDomain", "eventHandlers"};
    static const char *const path[] = {"value"};
    check(view, problems, view->extension, "." EXTENSION,
          &(struct misspelt_names){extension, 3, NULL, 0});
    check(view, problems, view->info, "." EXTENSION ".info",
          &(struct misspelt_names){info, 4, NULL, 0});
    check(view, problems, view->server, "." EXTENSION ".server",
          &(struct misspelt_names){server, 3, NULL, 0});
    check(view, problems, json_text_member(view->server, "listenPath"),
          "." EXTENSION ".server.listenPath", &(struct misspelt_names){path, 1, NULL, 0});
    check_oas_place(view, problems);
}

static void check_classic(const struct api_view *view, struct problems *problems)
{
    static const char *const spec[] = {"api_id",       "org_id",      "proxy",     "event_handlers",
                                       "version_data", "config_data", "contextRef"};
    static const char *const proxy[] = {"listen_path", "target_url"};
    static const char *const handlers[] = {"events"};
    check(view, problems, view->document, "", &(struct misspelt_names){spec, 7, NULL, 0});
    check(view, problems, view->proxy, ".proxy", &(struct misspelt_names){proxy, 2, NULL, 0});
    check(view, problems, view->handlers, ".event_handlers",
          &(struct misspelt_names){handlers, 1, NULL, 0});
    check_classic_place(view, problems);
}

void misspelt_lint(const struct api_view *view, struct problems *problems)
{
    if (view->form == API_FORM_OAS)
        check_oas(view, problems);
    else
        check_classic(view, problems);
}
