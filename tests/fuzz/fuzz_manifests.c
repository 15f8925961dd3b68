/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of manifests. Problems have a place and words; an object that is accepted is
 * JSON, and as a file of its own it is the same object again, without a problem. */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "dir/manifest_file.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once, kept until the process ends. */
static const struct schemas *all_schemas(void)
{
    static struct schemas *schemas;
    if (!schemas)
        expect(schemas_new(&schemas, NULL) == 0, "the schemas are understood");
    return schemas;
}

/* Takes nothing; the bytes are copied. */
static void read_file(const char *bytes, size_t length, struct manifests *ret_manifests)
{
    const struct manifest_options options = {.schemas = all_schemas(), .keep_source = true};
    *ret_manifests = (struct manifests){.count = 0};
    struct manifest_file *file =
        manifest_file_new(&options, "some.yaml", xstrndup(bytes, length), length);
    while (manifest_file_step(file, ret_manifests))
        ;
    manifest_file_free(file);
    manifests_find_repeated(ret_manifests);
}

static void check_problem(const struct manifest_problem *problem)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    manifest_problem_print(problem, &line);
    expect(problem->reason && *problem->reason && *problem->message, "a problem has words");
    expect(strncmp(buf_text(&line), "some.yaml:", 10) == 0, "a problem has a place");
    expect(!strchr(buf_text(&line), '\n'), "a problem is one line");
}

static void read_again(const struct object *object)
{
    struct manifests again;
    struct span text = object_text(object);
    read_file(text.ptr, text.length, &again);
    expect(again.count == 1 && !manifests_have_errors(&again), "an object is a manifest");
    expect(same_bytes(object_text(again.items[0].object), text), "… of the same object");
    manifests_fini(&again);
}

static void check_manifest(const struct manifest *manifest)
{
    static const struct json_text_limits limits = {.depth = 200, .unique_keys = true};
    const struct object *object = manifest->object;
    expect(object && *object->name && manifest->line > 0, "a manifest has an object and a line");
    expect(json_text_check(object_text(object), &limits, NULL, NULL) == 0, "an object is JSON");
    bool has_error = false;
    for (size_t i = 0; i < manifest->problem_count; i++) {
        check_problem(&manifest->problems[i]);
        has_error = has_error || manifest->problems[i].severity == PROBLEM_ERROR;
    }
    expect(has_error == (object->problem != NULL) || manifest->repeated, "a bad object says so");
    expect(manifest_line(manifest, "spec.url") >= manifest->line, "a field is in its manifest");
    if (!has_error && !manifest->repeated)
        read_again(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifests manifests;
    read_file((const char *)data, size, &manifests);
    for (size_t i = 0; i < manifests.problem_count; i++)
        check_problem(&manifests.problems[i]);
    for (size_t i = 0; i < manifests.count; i++)
        check_manifest(&manifests.items[i]);
    manifests_fini(&manifests);
    return 0;
}
