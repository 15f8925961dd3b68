/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: bytes → libyaml's events (or JSON tokens) → yaml_build. Only this file knows libyaml.
 *
 *   checked bytes ─► { or [ ─► JSON ──fault──► YAML from the start of that document
 *                 └► else ───► YAML
 */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/str.h"
#include "base/yaml_build.h"
#include "base/yaml_json.h"
#include "base/yaml_scalar.h"

#define MERGE_TAG "tag:yaml.org,2002:merge"

const struct yaml_limits yaml_default_limits = {
    .bytes = 16U << 20,
    .nodes = 2000000,
    .depth = 200,
};

enum reader_state { READER_START, READER_JSON, READER_YAML, READER_END };

struct yaml_reader {
    struct span text; /* without a byte order mark */
    const struct yaml_limits *limits;
    enum reader_state state;
    struct yaml_build build;
    struct yaml_json json;
    const char *from; /* where the document at hand (JSON) or the rest (YAML) begins */
    unsigned from_line;
    yaml_parser_t parser;
    bool has_parser;
    /* What JSON said, in case that YAML does not know better. */
    unsigned json_line;
    struct err json_err;
    struct yaml_document *documents;
    size_t count;
    size_t capacity;
};

struct yaml_reader *yaml_reader_new(struct span text, const struct yaml_limits *limits)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct yaml_reader *reader = xcalloc(1, sizeof(*reader));
    if (text.length >= 3 && memcmp(text.ptr, mark, 3) == 0)
        text = (struct span){text.ptr + 3, text.length - 3};
    reader->text = text.ptr ? text : (struct span){"", 0};
    reader->limits = limits;
    reader->from = reader->text.ptr;
    reader->from_line = 1;
    yaml_build_init(&reader->build, limits, text.length);
    return reader;
}

void yaml_reader_free(struct yaml_reader *reader)
{
    if (!reader)
        return;
    struct yaml_documents rest = {reader->documents, reader->count};
    yaml_documents_fini(&rest);
    yaml_build_fini(&reader->build);
    if (reader->has_parser)
        yaml_parser_delete(&reader->parser);
    free(reader);
}

void yaml_reader_freep(struct yaml_reader **reader)
{
    yaml_reader_free(*reader);
}

/* Every byte is text: no NUL, well-formed UTF-8. */
static int check_bytes(const struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    struct span text = reader->text;
    if (text.length > reader->limits->bytes)
        return err_set(err, ERR_INVALID, 0, "%zu bytes, more than the %zu that are allowed",
                       text.length, reader->limits->bytes);
    const char *end = text.ptr + text.length;
    unsigned line = 1;
    for (const char *at = text.ptr; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        *ret_line = line;
        if (memchr(at, '\0', length))
            return err_set(err, ERR_INVALID, 0, "a NUL byte: this is not a text file");
        if (!str_is_utf8(at, length))
            return err_set(err, ERR_INVALID, 0, "not well-formed UTF-8");
        at += length + 1;
    }
    return 0;
}

static void keep_document(struct yaml_reader *reader)
{
    struct yaml_document document;
    yaml_build_take(&reader->build, &document);
    if (strcmp(document.json, "null") == 0) {
        free(document.json);
        free(document.places);
        return;
    }
    reader->documents =
        xgrow(reader->documents, reader->count, &reader->capacity, sizeof(*reader->documents));
    reader->documents[reader->count++] = document;
}

/* ---- JSON ---- */

static void begin_yaml(struct yaml_reader *reader)
{
    size_t length = reader->text.length - (size_t)(reader->from - reader->text.ptr);
    yaml_build_reset(&reader->build);
    if (!yaml_parser_initialize(&reader->parser))
        mem_exhausted();
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->from, length);
    reader->has_parser = true;
    reader->state = READER_YAML;
}

/* A JSON document begins behind the blanks, or the rest, with the blanks, is YAML. */
static void begin_json(struct yaml_reader *reader)
{
    reader->from = reader->json.at;
    reader->from_line = reader->json.line;
    reader->json.state = YAML_JSON_VALUE;
    yaml_json_skip_blanks(&reader->json);
    if (reader->json.at >= reader->json.end)
        reader->state = READER_END;
    else if (*reader->json.at == '{' || *reader->json.at == '[')
        reader->state = READER_JSON;
    else
        begin_yaml(reader);
}

/* Both readings failed: the one that came further knows better what the text is meant to be. */
static int choose_fault(const struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    bool at_end = reader->json.at >= reader->json.end;
    if (reader->json_line && (at_end || reader->json_line >= *ret_line)) {
        *ret_line = reader->json_line;
        if (err)
            *err = reader->json_err;
    }
    return -1;
}

static int step_json(struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    if (yaml_json_step(&reader->json, &reader->build, &reader->json_err) < 0) {
        reader->json_line = reader->json.line;
        if (!reader->json.is_not_json)
            return choose_fault(reader, ret_line, err);
        begin_yaml(reader);
    } else if (reader->build.done) {
        keep_document(reader);
        begin_json(reader);
    }
    return 0;
}

/* ---- YAML ---- */

static const char *line_start(const struct yaml_reader *reader, size_t line)
{
    const char *end = reader->text.ptr + reader->text.length;
    const char *at = reader->from;
    while (line-- && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        at = stop ? stop + 1 : end;
    }
    return at;
}

/* Is there a tab among the blanks that a line begins with? */
static bool tab_indents(const struct yaml_reader *reader, size_t line)
{
    const char *end = reader->text.ptr + reader->text.length;
    for (const char *at = line_start(reader, line); at < end; at++) {
        if (*at == '\t')
            return true;
        if (*at != ' ')
            break;
    }
    return false;
}

/* libyaml's words, where they leave a reader alone, in plainer ones. */
static const char *plain_words(const char *problem)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } words[] = {
        {"did not find expected <document start>",
         "text behind the end of the document; is the line indented too little?"},
        {"mapping values are not allowed in this context",
         "a colon where no key can stand; is the line indented too far, or a text not in quotes?"},
        {"found character that cannot start any token",
         "a text that begins with this character has to stand in quotes"},
        {"could not find expected ':'", "a line without a colon, where a key is expected"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (str_equal(problem, words[i].theirs))
            return words[i].ours;
    }
    return problem ? problem : "cannot be read";
}

static int parser_fault(const struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        mem_exhausted(); /* else it would pass for a file that is not YAML */
    const char *problem = plain_words(parser->problem);
    if (parser->error == YAML_READER_ERROR) {
        unsigned line = reader->from_line;
        const char *at = reader->from;
        for (size_t i = 0; i < parser->problem_offset; i++)
            line += at[i] == '\n';
        *ret_line = line;
        return err_set(err, ERR_INVALID, 0, "not YAML: %s (U+%04X)", problem,
                       (unsigned)parser->problem_value);
    }
    *ret_line = reader->from_line + (unsigned)parser->problem_mark.line;
    if (tab_indents(reader, parser->problem_mark.line))
        return err_set(err, ERR_INVALID, 0,
                       "not YAML: a tab indents the line; YAML wants spaces there");
    if (parser->context && parser->context_mark.line != parser->problem_mark.line)
        return err_set(err, ERR_INVALID, 0, "not YAML: %s (%s that begins in line %u)", problem,
                       parser->context, reader->from_line + (unsigned)parser->context_mark.line);
    return err_set(err, ERR_INVALID, 0, "not YAML: %s", problem);
}

static int take_scalar(struct yaml_reader *reader, const yaml_event_t *event, unsigned line,
                       struct err *err)
{
    struct span text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.plain_implicit != 0;
    if (memchr(text.ptr, '\0', text.length))
        return err_set(err, ERR_INVALID, 0, "a text holds the character U+0000");
    if (yaml_build_wants_key(&reader->build) && strcmp(text.ptr, "<<") == 0 &&
        (plain || str_equal(tag, MERGE_TAG)))
        return yaml_build_merge_key(&reader->build, line, err);
    CLEANUP(buf_fini) struct buf json;
    buf_init(&json, BUF_UNLIMITED);
    if (yaml_scalar_add(&json, text, tag, plain, err) < 0)
        return -1;
    return yaml_build_scalar(&reader->build, (struct span){buf_text(&json), json.length},
                             (const char *)event->data.scalar.anchor, line, err);
}

static int take_event(struct yaml_reader *reader, const yaml_event_t *event, unsigned line,
                      struct err *err)
{
    struct yaml_build *build = &reader->build;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event, line, err);
    case YAML_ALIAS_EVENT:
        return yaml_build_alias(build, (const char *)event->data.alias.anchor, line, err);
    case YAML_MAPPING_START_EVENT:
        return yaml_build_open(build, true, (const char *)event->data.mapping_start.anchor, line,
                               err);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_build_open(build, false, (const char *)event->data.sequence_start.anchor, line,
                               err);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return yaml_build_close(build, err);
    case YAML_DOCUMENT_END_EVENT:
        keep_document(reader);
        return 0;
    case YAML_STREAM_END_EVENT:
        reader->state = READER_END;
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    }
    return 0;
}

static int step_yaml(struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    yaml_event_t event;
    if (!yaml_parser_parse(&reader->parser, &event))
        return parser_fault(reader, ret_line, err);
    *ret_line = reader->from_line + (unsigned)event.start_mark.line;
    int result = take_event(reader, &event, *ret_line, err);
    yaml_event_delete(&event);
    return result;
}

/* ---- the whole ---- */

static int step(struct yaml_reader *reader, unsigned *ret_line, struct err *err)
{
    switch (reader->state) {
    case READER_START:
        if (check_bytes(reader, ret_line, err) < 0)
            return -1;
        reader->json = (struct yaml_json){
            .at = reader->text.ptr, .end = reader->text.ptr + reader->text.length, .line = 1};
        begin_json(reader);
        return 0;
    case READER_JSON:
        return step_json(reader, ret_line, err);
    case READER_YAML:
        return step_yaml(reader, ret_line, err) < 0 ? choose_fault(reader, ret_line, err) : 0;
    case READER_END:
        break;
    }
    return 0;
}

int yaml_reader_step(struct yaml_reader *reader, size_t values, unsigned *ret_line, struct err *err)
{
    unsigned line = 0;
    for (size_t i = 0; i < values && reader->state != READER_END; i++) {
        if (step(reader, &line, err) < 0) {
            reader->state = READER_END;
            if (ret_line)
                *ret_line = line;
            return -1;
        }
    }
    return reader->state != READER_END;
}

void yaml_reader_take(struct yaml_reader *reader, struct yaml_documents *ret_documents)
{
    *ret_documents = (struct yaml_documents){reader->documents, reader->count};
    reader->documents = NULL;
    reader->count = 0;
    reader->capacity = 0;
}

int yaml_read(struct span text, const struct yaml_limits *limits,
              struct yaml_documents *ret_documents, unsigned *ret_line, struct err *err)
{
    CLEANUP(yaml_reader_freep) struct yaml_reader *reader = yaml_reader_new(text, limits);
    int more;
    do {
        more = yaml_reader_step(reader, 1000, ret_line, err);
    } while (more > 0);
    yaml_reader_take(reader, ret_documents);
    return more;
}

void yaml_documents_fini(struct yaml_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++) {
        free(documents->items[i].json);
        free(documents->items[i].places);
    }
    free(documents->items);
    *documents = (struct yaml_documents){0};
}

unsigned yaml_line_of(const struct yaml_document *document, const char *at)
{
    size_t offset = (size_t)(at - document->json);
    size_t low = 0;
    size_t high = document->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (document->places[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? document->places[low - 1].line : 0;
}
