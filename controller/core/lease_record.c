/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease_record.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"

int lease_record_read(struct span object, struct lease_record *ret_record, struct err *err)
{
    static const struct json_text_limits limits = {.depth = 64};
    if (json_text_check(object, &limits, NULL, err) < 0)
        return err_wrap(err, "lease");
    if (json_text_type(object) != JSON_TEXT_OBJECT ||
        !json_text_get(object, "metadata", "name", NULL).ptr)
        return err_set(err, ERR_INVALID, 0, "lease: not an object of the API server's");
    struct span spec = json_text_member(object, "spec");
    int64_t seconds = 0;
    int64_t transitions = 0;
    json_text_int64(json_text_member(spec, "leaseDurationSeconds"), &seconds);
    json_text_int64(json_text_member(spec, "leaseTransitions"), &transitions);
    if (seconds > INT32_MAX) /* more than the API has room for */
        seconds = INT32_MAX;
    if (transitions > INT32_MAX)
        transitions = INT32_MAX;
    char *holder = json_text_string(json_text_member(spec, "holderIdentity"));
    *ret_record = (struct lease_record){
        .spec = spec,
        .holder = holder ? holder : xstrdup(""),
        .duration_ms = seconds > 0 ? seconds * 1000 : 0,
        .transitions = transitions,
    };
    return 0;
}

void lease_record_fini(struct lease_record *record)
{
    free(record->holder);
    *record = (struct lease_record){.holder = NULL};
}

static void set(struct json_edit *edit, struct span spec, const char *key, const struct buf *value)
{
    json_edit_set(edit, spec, key, buf_text(value), value->length);
}

static void set_text(struct json_edit *edit, struct span spec, const char *key, const char *text)
{
    CLEANUP(buf_fini) struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    json_text_add_string(&value, text);
    set(edit, spec, key, &value);
}

static void set_number(struct json_edit *edit, struct span spec, const char *key, int64_t number)
{
    CLEANUP(buf_fini) struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    buf_add_format(&value, "%" PRId64, number);
    set(edit, spec, key, &value);
}

/* Kubernetes' MicroTime: RFC 3339 with six digits. */
static void set_time(struct json_edit *edit, struct span spec, const char *key, int64_t wall_us)
{
    char seconds[21];
    str_format_time(seconds, wall_us / 1000000);
    seconds[19] = '\0'; /* without the Z */
    CLEANUP(freep) char *text = xasprintf("%s.%06" PRId64 "Z", seconds, wall_us % 1000000);
    set_text(edit, spec, key, text);
}

static void set_spec(struct json_edit *edit, struct span spec, enum lease_claim claim,
                     const struct lease_author *author)
{
    int64_t transitions = 0;
    /* One that the API has no room for (an int32) is a count of nothing. */
    bool counted = json_text_int64(json_text_member(spec, "leaseTransitions"), &transitions) &&
                   transitions >= 0 && transitions < INT32_MAX;
    if (!counted)
        transitions = 0;
    bool keeps = claim == LEASE_CLAIM_KEEP;
    bool releases = claim == LEASE_CLAIM_RELEASE;
    set_text(edit, spec, "holderIdentity", releases ? "" : author->identity);
    /* 0 is not allowed. */
    set_number(edit, spec, "leaseDurationSeconds", releases ? 1 : author->duration_ms / 1000);
    if (!keeps || json_text_type(json_text_member(spec, "acquireTime")) != JSON_TEXT_STRING)
        set_time(edit, spec, "acquireTime", author->wall_us);
    set_time(edit, spec, "renewTime", author->wall_us);
    if (claim == LEASE_CLAIM_TAKE)
        set_number(edit, spec, "leaseTransitions", transitions + 1);
    else if (!counted)
        set_number(edit, spec, "leaseTransitions", 0);
}

void lease_record_write(struct span object, enum lease_claim claim,
                        const struct lease_author *author, struct buf *out)
{
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(object);
    struct span spec = json_text_member(object, "spec");
    if (json_text_type(spec) == JSON_TEXT_OBJECT) {
        set_spec(edit, spec, claim, author);
    } else { /* made by hand */
        static const struct span empty = {"{}", 2};
        CLEANUP(json_edit_freep) struct json_edit *fresh = json_edit_new(empty);
        CLEANUP(buf_fini) struct buf text;
        buf_init(&text, BUF_UNLIMITED);
        set_spec(fresh, empty, claim, author);
        json_edit_apply(fresh, &text);
        json_edit_set(edit, object, "spec", buf_text(&text), text.length);
    }
    json_edit_apply(edit, out);
}

void lease_record_create(const char *ns, const char *name, const struct lease_author *author,
                         struct buf *out)
{
    CLEANUP(buf_fini) struct buf bare;
    buf_init(&bare, BUF_UNLIMITED);
    buf_add_text(&bare, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                        "\"metadata\":{\"name\":");
    json_text_add_string(&bare, name);
    buf_add_text(&bare, ",\"namespace\":");
    json_text_add_string(&bare, ns);
    buf_add_text(&bare, "},\"spec\":{\"acquireTime\":null}}");
    lease_record_write((struct span){bare.data, bare.length}, LEASE_CLAIM_KEEP, author, out);
}
