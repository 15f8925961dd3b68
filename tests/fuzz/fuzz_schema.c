/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as an object of any kind (the first byte says which). What is stored is JSON; storing it
 * again changes nothing; problems point into the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "core/schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Made once, kept until the process ends. */
static const struct schemas *all_schemas(void)
{
    static struct schemas *schemas;
    if (!schemas)
        require(schemas_new(&schemas, NULL) == 0);
    return schemas;
}

static size_t apply(enum object_kind kind, struct span object, struct buf *out)
{
    struct schema_problems problems = {0};
    schemas_apply(all_schemas(), kind, object, object, out, &problems);
    for (size_t i = 0; i < problems.count; i++)
        require(problems.items[i].at >= object.ptr &&
                problems.items[i].at < object.ptr + object.length);
    size_t errors = problems.errors;
    schema_problems_fini(&problems);
    return errors;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_text_limits limits = {.depth = 100, .unique_keys = true};
    if (!size)
        return 0;
    enum object_kind kind = (enum object_kind)(data[0] % OBJECT_KIND_COUNT);
    /* A copy of exactly this size: a look beyond it is noticed. */
    char *copy = xstrndup((const char *)data + 1, size - 1);
    struct span text = {copy, size - 1};
    if (json_text_check(text, &limits, NULL, NULL) == 0) {
        CLEANUP(buf_fini) struct buf packed;
        CLEANUP(buf_fini) struct buf once;
        CLEANUP(buf_fini) struct buf twice;
        buf_init(&packed, BUF_UNLIMITED);
        buf_init(&once, BUF_UNLIMITED);
        buf_init(&twice, BUF_UNLIMITED);
        json_text_add_compact(&packed, text);
        size_t errors = apply(kind, (struct span){buf_text(&packed), packed.length}, &once);
        struct span stored = {buf_text(&once), once.length};
        require(json_text_check(stored, &limits, NULL, NULL) == 0);
        require(apply(kind, stored, &twice) == errors);
        require(strcmp(buf_text(&once), buf_text(&twice)) == 0);
    }
    free(copy);
    return 0;
}
