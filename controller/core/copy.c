/* SPDX-License-Identifier: Apache-2.0 */
#include "core/copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/cooldown.h"
#include "core/members.h"
#include "core/method.h"
#include "core/secret.h"
#include "core/url.h"

struct copy *copy_new(void)
{
    struct copy *copy = xcalloc(1, sizeof(*copy));
    copy->refs = 1;
    return copy;
}

struct copy *copy_ref(const struct copy *copy)
{
    struct copy *counted = (struct copy *)(uintptr_t)copy;
    counted->refs++;
    return counted;
}

/* Values of Secrets do not stay behind in freed memory. */
static void wipe_and_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void copy_unref(struct copy *copy)
{
    if (!copy || --copy->refs)
        return;
    free(copy->name);
    wipe_and_free(copy->url);
    free(copy->url_secret);
    free(copy->method);
    free(copy->body_template);
    free(copy->cooldown);
    for (size_t i = 0; i < copy->header_count; i++) {
        free(copy->headers[i].name);
        wipe_and_free(copy->headers[i].value);
        free(copy->headers[i].secret);
    }
    free(copy->headers);
    free(copy);
}

void copy_unrefp(struct copy **copy)
{
    copy_unref(*copy);
}

void copy_add_header(struct copy *copy, char *name, char *value, char *secret)
{
    copy->headers = xrealloc(copy->headers, (copy->header_count + 1) * sizeof(*copy->headers));
    copy->headers[copy->header_count++] = (struct copy_header){name, value, secret};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct copy_header *)a)->name, ((const struct copy_header *)b)->name);
}

void copy_sort_headers(struct copy *copy)
{
    if (copy->header_count)
        qsort(copy->headers, copy->header_count, sizeof(*copy->headers), by_name);
}

bool copy_equal(const struct copy *a, const struct copy *b)
{
    if (a == b)
        return true;
    if (!str_equal(a->name, b->name) || !str_equal(a->url, b->url) ||
        !a->url_secret != !b->url_secret || !str_equal(a->method, b->method) ||
        !str_equal(a->body_template, b->body_template) || !str_equal(a->cooldown, b->cooldown) ||
        a->suspend != b->suspend || a->header_count != b->header_count)
        return false;
    for (size_t i = 0; i < a->header_count; i++) {
        if (!str_equal(a->headers[i].name, b->headers[i].name) ||
            !str_equal(a->headers[i].value, b->headers[i].value) ||
            !a->headers[i].secret != !b->headers[i].secret)
            return false;
    }
    return true;
}

bool copy_has_secrets(const struct copy *copy)
{
    bool found = copy->url_secret != NULL;
    for (size_t i = 0; i < copy->header_count; i++)
        found = found || copy->headers[i].secret;
    return found;
}

/* How the value of one field is written where it is a Secret's. */
struct writer {
    enum { WRITE_CANONICAL, WRITE_SEALED, WRITE_SOURCES } form;
    const struct seal_key *key;
    const char *api_key;
    const char *ref;
    const struct copy *copy;
};

static void write_copy(const struct writer *writer, struct buf *out);

/* What a seal authenticates: whose copy it is, which field, and all other fields. */
static void add_context(const struct writer *writer, const char *field, struct buf *out)
{
    struct writer canonical = {.form = WRITE_CANONICAL, .copy = writer->copy};
    buf_add_char(out, '[');
    json_text_add_string(out, writer->api_key);
    buf_add_char(out, ',');
    json_text_add_string(out, writer->ref);
    buf_add_char(out, ',');
    json_text_add_string(out, field);
    buf_add_char(out, ',');
    write_copy(&canonical, out);
    buf_add_char(out, ']');
}

static void add_sealed(const struct writer *writer, const char *field, const char *value,
                       struct buf *out)
{
    CLEANUP(buf_fini) struct buf context;
    buf_init(&context, BUF_UNLIMITED);
    add_context(writer, field, &context);
    CLEANUP(freep)
    char *sealed = seal(writer->key, buf_text(&context), context.length, value, strlen(value));
    json_text_add_string(out, sealed);
}

static void add_source(const char *name, const char *secret, struct buf *out)
{
    const char *slash = strchr(secret, '/');
    const char *blank = slash ? strchr(slash, ' ') : NULL;
    if (!blank) { /* was opened from a sealed text: its source is not known any more */
        buf_add_format(out, "\"%s\":null", name);
        return;
    }
    buf_add_format(out, "\"%s\":{\"secretKeyRef\":{\"name\":", name);
    json_text_add_string_n(out, slash + 1, (size_t)(blank - slash - 1));
    buf_add_text(out, ",\"key\":");
    json_text_add_string(out, blank + 1);
    buf_add_text(out, "}}");
}

static void write_url(const struct writer *writer, struct buf *out)
{
    const struct copy *copy = writer->copy;
    if (!copy->url_secret) {
        buf_add_text(out, ",\"url\":");
        json_text_add_string(out, copy->url);
        return;
    }
    buf_add_char(out, ',');
    switch (writer->form) {
    case WRITE_CANONICAL:
        buf_add_text(out, "\"urlSealed\":true");
        break;
    case WRITE_SEALED:
        buf_add_text(out, "\"urlSealed\":");
        add_sealed(writer, "url", copy->url, out);
        break;
    case WRITE_SOURCES:
        add_source("urlFrom", copy->url_secret, out);
        break;
    }
}

static void write_header(const struct writer *writer, const struct copy_header *header,
                         struct buf *out)
{
    buf_add_text(out, "{\"name\":");
    json_text_add_string(out, header->name);
    buf_add_char(out, ',');
    if (!header->secret) {
        buf_add_text(out, "\"value\":");
        json_text_add_string(out, header->value);
        buf_add_char(out, '}');
        return;
    }
    switch (writer->form) {
    case WRITE_CANONICAL:
        buf_add_text(out, "\"sealed\":true");
        break;
    case WRITE_SEALED: {
        CLEANUP(freep) char *field = xasprintf("header %s", header->name);
        buf_add_text(out, "\"sealed\":");
        add_sealed(writer, field, header->value, out);
        break;
    }
    case WRITE_SOURCES:
        add_source("valueFrom", header->secret, out);
        break;
    }
    buf_add_char(out, '}');
}

static void write_copy(const struct writer *writer, struct buf *out)
{
    const struct copy *copy = writer->copy;
    buf_add_text(out, "{\"name\":");
    json_text_add_string(out, copy->name);
    write_url(writer, out);
    buf_add_text(out, ",\"method\":");
    json_text_add_string(out, copy->method);
    buf_add_text(out, ",\"bodyTemplate\":");
    json_text_add_string(out, copy->body_template);
    if (copy->cooldown) {
        buf_add_text(out, ",\"cooldownPeriod\":");
        json_text_add_string(out, copy->cooldown);
    }
    if (copy->suspend)
        buf_add_text(out, ",\"suspend\":true");
    buf_add_text(out, ",\"headers\":[");
    for (size_t i = 0; i < copy->header_count; i++) {
        if (i)
            buf_add_char(out, ',');
        write_header(writer, &copy->headers[i], out);
    }
    buf_add_text(out, "]}");
}

void copy_add_json(const struct copy *copy, enum copy_form form, const struct seal_key *key,
                   const char *api_key, const char *ref, struct buf *out)
{
    struct writer writer = {
        .form = form == COPY_SEALED ? WRITE_SEALED : WRITE_SOURCES,
        .key = key,
        .api_key = api_key,
        .ref = ref,
        .copy = copy,
    };
    write_copy(&writer, out);
}

static int refuse(struct err *err, const char *field)
{
    return err_set(err, ERR_INVALID, 0, "the copy's %s is malformed", field);
}

/* A sealed field's value holds the sealed text until open_sealed() has been there. */
static int read_header(struct copy *copy, struct span text, struct err *err)
{
    static const char *const names[] = {"name", "value", "sealed"};
    struct span values[3];
    members_read(text, names, 3, values, NULL, NULL);
    CLEANUP(freep) char *name = json_text_string(values[0]);
    CLEANUP(freep) char *value = json_text_string(values[values[2].ptr ? 2 : 1]);
    if (!name || !value || (values[1].ptr && values[2].ptr))
        return refuse(err, "headers");
    copy_add_header(copy, TAKE(name), TAKE(value), values[2].ptr ? xstrdup("") : NULL);
    return 0;
}

static int read_headers(struct copy *copy, struct span headers, struct err *err)
{
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        if (read_header(copy, iter.value, err) < 0)
            return -1;
    }
    copy_sort_headers(copy);
    return 0;
}

static int read_fields(struct copy *copy, struct span json, struct err *err)
{
    static const char *const names[] = {"name",         "url",     "urlSealed", "method",
                                        "bodyTemplate", "suspend", "headers",   "cooldownPeriod"};
    struct span values[8];
    members_read(json, names, ARRAY_LENGTH(names), values, NULL, NULL);
    copy->name = json_text_string(values[0]);
    copy->url = json_text_string(values[values[2].ptr ? 2 : 1]);
    copy->url_secret = values[2].ptr ? xstrdup("") : NULL;
    copy->method = json_text_string(values[3]);
    copy->body_template = json_text_string(values[4]);
    copy->suspend = json_text_bool(values[5], false);
    copy->cooldown = json_text_string(values[7]);
    int64_t seconds;
    if (!copy->name)
        return refuse(err, "name");
    if (!copy->url || (values[1].ptr && values[2].ptr))
        return refuse(err, "url");
    if (!copy->method || !method_is_valid(copy->method))
        return refuse(err, "method");
    if (!copy->body_template)
        return refuse(err, "bodyTemplate");
    if (copy->cooldown && !cooldown_read(copy->cooldown, &seconds))
        return refuse(err, "cooldownPeriod");
    return read_headers(copy, values[6], err);
}

/* The sealed text goes nowhere else. */
static void hide_sealed(struct copy *copy)
{
    if (copy->url_secret) {
        free(copy->url);
        copy->url = secret_placeholder(copy->url_secret);
    }
    for (size_t i = 0; i < copy->header_count; i++) {
        struct copy_header *header = &copy->headers[i];
        if (!header->secret)
            continue;
        free(header->value);
        header->value = secret_placeholder(header->secret);
    }
}

static int open_value(const struct writer *writer, const char *field, char **value, struct err *err)
{
    if (!writer->key)
        return err_set(err, ERR_INVALID, 0, "sealed value cannot be opened");
    CLEANUP(buf_fini) struct buf context;
    buf_init(&context, BUF_UNLIMITED);
    add_context(writer, field, &context);
    CLEANUP(buf_fini) struct buf opened;
    buf_init(&opened, BUF_UNLIMITED);
    if (unseal(writer->key, buf_text(&context), context.length, *value, &opened, err) < 0)
        return -1;
    free(*value);
    *value = buf_take(&opened);
    return 0;
}

/* The context does not depend on the sealed values themselves, so they are opened one by one. */
static int open_sealed(struct copy *copy, const struct writer *writer, struct err *err)
{
    if (copy->url_secret && open_value(writer, "url", &copy->url, err) < 0)
        return -1;
    for (size_t i = 0; i < copy->header_count; i++) {
        struct copy_header *header = &copy->headers[i];
        CLEANUP(freep) char *field = xasprintf("header %s", header->name);
        if (header->secret && open_value(writer, field, &header->value, err) < 0)
            return -1;
    }
    return 0;
}

struct copy *copy_from_json(struct span json, const struct seal_key *key, const char *api_key,
                            const char *ref, struct err *err)
{
    CLEANUP(copy_unrefp) struct copy *copy = copy_new();
    struct writer writer = {.key = key, .api_key = api_key, .ref = ref, .copy = copy};
    if (read_fields(copy, json, err) < 0 || open_sealed(copy, &writer, err) < 0)
        return NULL;
    if (url_fault(copy->url, NULL)) {
        (void)refuse(err, "url");
        return NULL;
    }
    return TAKE(copy);
}

struct copy *copy_from_json_unopened(struct span json, struct err *err)
{
    CLEANUP(copy_unrefp) struct copy *copy = copy_new();
    if (read_fields(copy, json, err) < 0)
        return NULL;
    if (!copy->url_secret && url_fault(copy->url, NULL)) {
        (void)refuse(err, "url");
        return NULL;
    }
    hide_sealed(copy);
    return TAKE(copy);
}
