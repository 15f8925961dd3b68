/* SPDX-License-Identifier: Apache-2.0 */
#include "definition.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct definition *definition_new(void)
{
    struct definition *definition = mem_zeroed(sizeof(*definition));
    definition->references = 1;
    return definition;
}

struct definition *definition_ref(struct definition *definition)
{
    definition->references++;
    return definition;
}

void definition_unref(struct definition *definition)
{
    if (definition == NULL || --definition->references > 0) {
        return;
    }
    free(definition->api_id);
    free(definition->name);
    free(definition->org_id);
    free(definition->listen_path);
    free(definition->target_url);
    free(definition->domain);
    text_fini(&definition->classic);
    text_fini(&definition->oas);
    free(definition->oas_groups);
    free(definition);
}

static bool same_text(const struct text *left, const struct text *right)
{
    return left->len == right->len &&
           (left->len == 0 || memcmp(left->bytes, right->bytes, left->len) == 0);
}

bool definition_same(const struct definition *left, const struct definition *right)
{
    return left == right ||
           (same_text(&left->classic, &right->classic) && same_text(&left->oas, &right->oas));
}
