/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "core/document.h"
#include "core/guards.h"
#include "core/lint.h"
#include "core/resolve.h"

static struct handler_outcome *choose_outcomes(const struct handler_scope *scope,
                                               const struct handlers *handlers,
                                               const struct accepted *accepted)
{
    struct handler_outcome *outcomes = xcalloc(handlers->count + 1, sizeof(*outcomes));
    for (size_t i = 0; i < handlers->count; i++) {
        const struct handler *handler = &handlers->items[i];
        outcomes[i].source = REF_LOCAL;
        if (!handler->ref)
            continue;
        const struct resolved_ref *ref = accepted_get(accepted, handler->ref);
        if (ref && !guards_copy_fault(ref->copy, scope->abilities, NULL)) {
            outcomes[i] = (struct handler_outcome){ref->source, ref->copy, false};
        } else if (handler->has_local && !accepted_is_refused(accepted, handler->ref)) {
            handler_check_local(scope, handler);
        } else {
            outcomes[i].source = REF_MISSING;
        }
    }
    return outcomes;
}

static int refuse_document(const struct problems *problems, struct err *err)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity == PROBLEM_ERROR)
            return err_set(err, ERR_INVALID, 0, "%s: %s", problem->field ? problem->field : "spec",
                           problem->message);
    }
    return err_set(err, ERR_INVALID, 0, "the definition is not valid");
}

/* NOLINTNEXTLINE(readability-function-size): pure: what it reads it is given */
int document_build(const struct object *api, const struct object *config_map,
                   const struct accepted *accepted, const struct resolve_settings *settings,
                   const struct gateway_abilities *abilities, struct buf *out, struct err *err)
{
    if (api->problem || !abilities)
        return err_set(err, ERR_INVALID, 0, "%s",
                       api->problem ? api->problem : "the context is not known");
    struct api_view view;
    struct problems problems = {.count = 0};
    struct handlers handlers;
    struct api_facts facts;
    struct handler_scope scope = {&view, abilities, &problems, false};
    api_view_read(api, config_map, &view, &problems);
    api_facts_from_view(&view, &facts);
    if (view.is_whole)
        lint_api(&view, abilities, &problems);
    handlers_read(&scope, &handlers);
    struct handler_outcome *outcomes = choose_outcomes(&scope, &handlers, accepted);
    struct handler_settings writing = {settings->default_cooldown, settings->placeholders};
    int result = 0;
    if (problems_have_error(&problems, NULL)) {
        result = refuse_document(&problems, err);
    } else {
        struct document document = {&view,    &handlers,    outcomes,
                                    &writing, facts.api_id, abilities->org_id};
        document_write(&document, out);
    }
    free(outcomes);
    api_facts_fini(&facts);
    handlers_fini(&handlers);
    problems_fini(&problems);
    api_view_fini(&view);
    return result;
}
