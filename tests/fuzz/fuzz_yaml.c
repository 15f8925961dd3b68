/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of YAML or JSON. What is read is strict JSON; what is written of it reads
 * back as the same; slices of any size give the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct yaml_limits limits = {.bytes = 1U << 16, .nodes = 20000, .depth = 50};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_document(const struct yaml_document *document)
{
    static const struct json_text_limits strict = {.depth = 50, .unique_keys = true};
    struct span json = {document->json, document->length};
    require(json_text_check(json, &strict, NULL, NULL) == 0);
    for (size_t i = 0; i < document->place_count; i++) {
        require(document->places[i].offset < document->length && document->places[i].line > 0);
        require(i == 0 || document->places[i].offset >= document->places[i - 1].offset);
    }
}

/* Returns owned: the JSON of the text, which must hold one document. */
static char *read_back(const struct buf *yaml)
{
    static const struct yaml_limits wide = {.bytes = 1U << 24, .nodes = 20000, .depth = 50};
    struct yaml_documents documents;
    struct span text = {buf_text(yaml), yaml->length};
    require(yaml_read(text, &wide, &documents, NULL, NULL) == 0);
    require(documents.count == 1);
    char *json = xstrdup(documents.items[0].json);
    yaml_documents_fini(&documents);
    return json;
}

/* Escapes may take another form once; after that nothing moves. */
static void check_writing(const struct yaml_document *document)
{
    CLEANUP(buf_fini) struct buf first;
    CLEANUP(buf_fini) struct buf second;
    buf_init(&first, BUF_UNLIMITED);
    buf_init(&second, BUF_UNLIMITED);
    struct span before = {document->json, document->length};
    yaml_add_json(&first, before);
    CLEANUP(freep) char *after = read_back(&first);
    yaml_add_json(&second, (struct span){after, strlen(after)});
    require(strcmp(buf_text(&first), buf_text(&second)) == 0);
    json_t *left = json_text_parse(before);
    json_t *right = json_text_parse((struct span){after, strlen(after)});
    require(!left || json_equal(left, right));
    json_decref(left);
    json_decref(right);
}

static void check_slices(struct span text, const struct yaml_documents *whole, int result)
{
    CLEANUP(yaml_reader_freep) struct yaml_reader *reader = yaml_reader_new(text, &limits);
    int more;
    while ((more = yaml_reader_step(reader, 1, NULL, NULL)) > 0)
        ;
    struct yaml_documents documents;
    yaml_reader_take(reader, &documents);
    require(more == result && documents.count == whole->count);
    for (size_t i = 0; i < documents.count; i++)
        require(strcmp(documents.items[i].json, whole->items[i].json) == 0);
    yaml_documents_fini(&documents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct yaml_documents documents;
    struct err err;
    unsigned line = 0;
    int result = yaml_read(text, &limits, &documents, &line, &err);
    for (size_t i = 0; i < documents.count; i++) {
        check_document(&documents.items[i]);
        check_writing(&documents.items[i]);
    }
    check_slices(text, &documents, result);
    yaml_documents_fini(&documents);
    return 0;
}
