/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"
#include "cli/diff.h"
#include "cli/line.h"
#include "core/line_diff.h"
#include "core/normalise.h"

#define CONTEXT_LINES 3
#define LINE_LIMIT 2000

static char *yaml_of(json_t *tree)
{
    struct buf yaml;
    buf_init(&yaml, BUF_UNLIMITED);
    /* 0.1 shall not become 0.10000000000000001. */
    char *json = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    if (json)
        yaml_add_json(&yaml, (struct span){json, strlen(json)});
    free(json);
    json_decref(tree);
    return buf_take(&yaml);
}

/* Calls fn for each line of what differs; nothing where the texts say the same. */
static void each_line(const struct diff *diff, const struct diff_entry *entry, line_diff_fn *fn,
                      void *arg)
{
    CLEANUP(buf_fini) struct buf wanted;
    CLEANUP(buf_fini) struct buf shown;
    buf_init(&wanted, BUF_UNLIMITED);
    buf_init(&shown, BUF_UNLIMITED);
    if (!entry->compares || !entry->found->text ||
        !diff_document(diff, entry->want, false, &wanted) ||
        !diff_document(diff, entry->want, true, &shown))
        return;
    struct normalise_sides sides = {
        .wanted = {buf_text(&wanted), wanted.length},
        .found = {entry->found->text, strlen(entry->found->text)},
        .family = entry->want->api->resolution.facts.form == API_FORM_OAS ? API_OAS : API_CLASSIC,
    };
    if (!diff->options->show_secrets)
        sides.shown = (struct span){buf_text(&shown), shown.length};
    json_t *after;
    json_t *before;
    struct err err;
    if (normalise(&sides, &after, &before, &err) < 0)
        return;
    CLEANUP(freep) char *before_text = yaml_of(before);
    CLEANUP(freep) char *after_text = yaml_of(after);
    line_diff(before_text, after_text, CONTEXT_LINES, fn, arg);
}

static const char *const kind_names[DIFF_KIND_COUNT] = {"added", "changed", "deleted", "blocked",
                                                        "foreign"};

static const char *api_of(const struct diff_entry *entry)
{
    if (entry->want)
        return entry->want->api->object->key;
    return entry->kind == DIFF_DELETED ? entry->found->marker.api : NULL;
}

static const char *id_of(const struct diff_entry *entry)
{
    return entry->found ? entry->found->api_id : entry->want->api->resolution.facts.api_id;
}

/* Text. */

static void print_part(const char *text, size_t length, FILE *out)
{
    CLEANUP(buf_fini) struct buf shown;
    buf_init(&shown, BUF_UNLIMITED);
    str_add_printable(&shown, text, length, LINE_LIMIT);
    fwrite(buf_text(&shown), 1, shown.length, out);
}

static void print_text(const char *text, FILE *out)
{
    print_part(text, strlen(text), out);
}

static void print_line(void *arg, char sign, const char *line, size_t length)
{
    FILE *out = arg;
    fprintf(out, "    %s", sign == '@' ? "@@ " : (char[]){sign, ' ', '\0'});
    print_part(line, length, out);
    fputs(sign == '@' && length ? " @@\n" : sign == '@' ? "@@\n" : "\n", out);
}

static void print_entry(const struct diff *diff, const struct diff_entry *entry, FILE *out)
{
    const char *api = api_of(entry);
    fprintf(out, "%-9s ", kind_names[entry->kind]);
    print_text(api ? api : id_of(entry), out);
    if (api) {
        fputs(" (", out);
        print_text(id_of(entry), out);
        fputc(')', out);
    } else if (!str_is_empty(entry->found->name)) {
        fputs(" (", out);
        print_text(entry->found->name, out);
        fputc(')', out);
    }
    if (entry->why) {
        fputs(": ", out);
        print_text(entry->why, out);
    }
    fputc('\n', out);
    if (entry->kind == DIFF_CHANGED)
        each_line(diff, entry, print_line, out);
}

static void print_contexts(const struct diff_gateway *gateway, FILE *out)
{
    for (size_t i = 0; i < gateway->context_count; i++) {
        const char *name = gateway->contexts[i]->name;
        fputs(i ? ", " : " (", out);
        print_text(*name ? name : "default context", out);
    }
    if (*gateway->pod) {
        fputs(", pod ", out);
        print_text(gateway->pod, out);
    }
    fputs(")\n", out);
}

static void print_gateway(const struct diff_gateway *gateway, FILE *out)
{
    fputs("== ", out);
    print_text(gateway->url, out);
    print_contexts(gateway, out);
    if (gateway->error) {
        line_print(out, "error     %s", gateway->error);
        return;
    }
    for (size_t i = 0; i < gateway->entry_count; i++)
        print_entry(gateway->diff, &gateway->entries[i], out);
    if (gateway->holds_orphans)
        fputs("held      more would be deleted than goes without a confirmation: a run deletes "
              "none of them (MassDeletion)\n",
              out);
    if (gateway->diff->not_whole) {
        fputs("held      the manifests are not whole, a run deletes nothing: ", out);
        print_text(gateway->diff->not_whole, out);
        fputc('\n', out);
    }
    if (gateway->kept)
        fprintf(out, "kept      %zu\n", gateway->kept);
    fprintf(out, "unchanged %zu\n", gateway->unchanged);
}

void diff_print_text(const struct diff *diff, FILE *out)
{
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e))
        print_gateway(strmap_entry_value(e), out);
}

/* JSON. */

static void add_member(struct buf *out, const char *name, const char *text)
{
    if (buf_text(out)[out->length - 1] != '{')
        buf_add_char(out, ',');
    buf_add_format(out, "\"%s\":", name);
    if (text)
        json_text_add_string(out, text);
    else
        buf_add_text(out, "null");
}

static void add_line(void *arg, char sign, const char *line, size_t length)
{
    struct buf *out = arg;
    CLEANUP(freep) char *text = xasprintf("%c%.*s", sign, (int)length, line);
    if (buf_text(out)[out->length - 1] != '[')
        buf_add_char(out, ',');
    json_text_add_string(out, text);
}

static void add_entry(const struct diff *diff, const struct diff_entry *entry, struct buf *out)
{
    buf_add_char(out, '{');
    if (api_of(entry))
        add_member(out, "api", api_of(entry));
    add_member(out, "apiId", id_of(entry));
    if (entry->kind == DIFF_FOREIGN)
        add_member(out, "name", entry->found->name);
    if (entry->why)
        add_member(out, "why", entry->why);
    if (entry->kind == DIFF_CHANGED) {
        buf_add_text(out, ",\"difference\":[");
        each_line(diff, entry, add_line, out);
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}

static void add_contexts(const struct diff_gateway *gateway, struct buf *out)
{
    buf_add_text(out, ",\"contexts\":[");
    for (size_t i = 0; i < gateway->context_count; i++) {
        if (i)
            buf_add_char(out, ',');
        json_text_add_string(out, gateway->contexts[i]->name);
    }
    buf_add_char(out, ']');
}

static void add_gateway(const struct diff_gateway *gateway, struct buf *out)
{
    buf_add_char(out, '{');
    add_member(out, "url", gateway->url);
    if (*gateway->pod)
        add_member(out, "pod", gateway->pod);
    add_contexts(gateway, out);
    add_member(out, "error", gateway->error);
    size_t at = 0;
    for (int kind = 0; kind < DIFF_KIND_COUNT; kind++) {
        buf_add_format(out, ",\"%s\":[", kind_names[kind]);
        for (bool first = true;
             at < gateway->entry_count && gateway->entries[at].kind == (enum diff_kind)kind;
             at++, first = false) {
            if (!first)
                buf_add_char(out, ',');
            add_entry(gateway->diff, &gateway->entries[at], out);
        }
        buf_add_char(out, ']');
    }
    buf_add_format(out, ",\"massDeletion\":%s", gateway->holds_orphans ? "true" : "false");
    add_member(out, "notWhole", gateway->diff->not_whole);
    buf_add_format(out, ",\"kept\":%zu,\"unchanged\":%zu}", gateway->kept, gateway->unchanged);
}

void diff_print_json(const struct diff *diff, FILE *out)
{
    fputs("[\n", out);
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e)) {
        CLEANUP(buf_fini) struct buf text;
        buf_init(&text, BUF_UNLIMITED);
        add_gateway(strmap_entry_value(e), &text);
        buf_add_text(&text, strmap_next(e) ? ",\n" : "\n");
        line_print_json(out, buf_text(&text), text.length);
    }
    fputs("]\n", out);
}
