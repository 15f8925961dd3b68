/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_status.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"

#define WORDS_MAX 300

/* A resourceVersion ahead of the server's own (a restored etcd, a server that lags behind). Servers
 * up to 1.18.5 say it in words only. */
static bool is_too_large(struct span status)
{
    struct json_text_iter iter =
        json_text_iterate(json_text_get(status, "details", "causes", NULL));
    while (json_text_next(&iter)) {
        if (json_text_is(json_text_member(iter.value, "reason"), "ResourceVersionTooLarge"))
            return true;
    }
    CLEANUP(freep) char *message = json_text_string(json_text_member(status, "message"));
    return message && strstr(message, "Too large resource version");
}

/* An object that etcd does not take (1.5 MiB by default; the API server itself refuses requests
 * beyond 3 MiB with 413). It comes as 500 without a reason, in etcd's words, or in those of the
 * client in the API server, which sends nothing beyond 2 MiB (measured with 1.36). */
static bool is_object_too_large(struct span status)
{
    CLEANUP(freep) char *message = json_text_string(json_text_member(status, "message"));
    return message && (strstr(message, "etcdserver: request is too large") ||
                       strstr(message, "trying to send message larger than max"));
}

static enum err_class class_of(long code, struct span status)
{
    switch (code) {
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 410:
        return ERR_EXPIRED;
    case 408:
    case 429:
        return ERR_TRANSIENT;
    case 413:
        return ERR_TOO_LARGE;
    case 500:
        return is_object_too_large(status) ? ERR_TOO_LARGE : ERR_TRANSIENT;
    case 504:
        return is_too_large(status) ? ERR_EXPIRED : ERR_TRANSIENT;
    default:
        return code >= 500 || code < 300 ? ERR_TRANSIENT : ERR_INVALID;
    }
}

static struct span status_in(struct span body)
{
    static const struct json_text_limits limits = {.depth = 64};
    struct span none = {NULL, 0};
    if (json_text_check(body, &limits, NULL, NULL) < 0 ||
        !json_text_is(json_text_member(body, "kind"), "Status"))
        return none;
    return body;
}

void kube_status_to_err(long code, struct span body, struct kube_status *ret_status,
                        struct err *err)
{
    struct span status = status_in(body);
    CLEANUP(freep) char *reason = json_text_string(json_text_member(status, "reason"));
    CLEANUP(freep) char *message = json_text_string(json_text_member(status, "message"));
    struct kube_status result = {.code = code, .retry_after_ms = -1};
    int64_t seconds;
    if (json_text_int64(json_text_get(status, "details", "retryAfterSeconds", NULL), &seconds) &&
        seconds > 0 && seconds < INT32_MAX)
        result.retry_after_ms = seconds * 1000;

    CLEANUP(buf_fini) struct buf words;
    buf_init(&words, BUF_UNLIMITED);
    buf_add_format(&words, "HTTP %ld", code);
    if (!str_is_empty(reason)) {
        buf_add_char(&words, ' ');
        str_add_printable(&words, reason, strlen(reason), 64);
    }
    if (!str_is_empty(message)) {
        buf_add_text(&words, ": ");
        str_add_printable(&words, message, strlen(message), WORDS_MAX);
    }
    err_set(err, class_of(code, status), (int)code, "%s", buf_text(&words));
    *ret_status = result;
}

void kube_status_of_event(struct span status, struct kube_status *ret_status, struct err *err)
{
    int64_t code = 0;
    if (!json_text_int64(json_text_member(status, "code"), &code) || code < 300 || code > 599) {
        struct span reason = json_text_member(status, "reason");
        bool expired = json_text_is(reason, "Expired") || json_text_is(reason, "Gone");
        code = expired ? 410 : 500;
    }
    kube_status_to_err((long)code, status, ret_status, err);
}
