/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an answer of the API server: a page of a list (every way to cut it gives the same),
 * a Status, a credential. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cuts.h"
#include "kube/kube_exec.h"
#include "kube/kube_object.h"
#include "kube/kube_status.h"
#include "kube/list_splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int on_item(void *arg, struct span item, struct err *err)
{
    struct object *object;
    if (kube_object_decode(OBJECT_WEBHOOK, item, &object, err) < 0)
        return -1;
    buf_add_format(arg, "%s %s %s\n", object->key, object->version, object_text(object).ptr);
    object_unref(object);
    return 0;
}

struct run {
    struct list_splitter *splitter;
    struct err err;
};

static int feed(void *arg, const char *bytes, size_t length)
{
    struct run *run = arg;
    return list_splitter_feed(run->splitter, bytes, length, &run->err);
}

static void list(const uint8_t *data, size_t size, size_t longest, struct buf *out)
{
    CLEANUP(list_splitter_freep) struct list_splitter *splitter = list_splitter_new(on_item, out);
    struct run run = {.splitter = splitter};
    struct list_page page;
    if (feed_in_pieces(data, size, (uint32_t)size, longest, feed, &run) == 0 &&
        list_splitter_finish(splitter, &page, &run.err) == 0) {
        require(*page.version && (!page.proceed || *page.proceed));
        buf_add_format(out, "%s %s", page.version, page.proceed ? page.proceed : "-");
        list_page_fini(&page);
    } else {
        require(*run.err.msg);
        buf_add_text(out, run.err.msg);
    }
}

static void read_other_answers(struct span body)
{
    static const long codes[] = {401, 409, 410, 422, 429, 500, 504};
    struct kube_status status;
    struct err err;
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        kube_status_to_err(codes[i], body, &status, &err);
        require(*err.msg && status.retry_after_ms >= -1);
    }
    struct kube_exec_result result;
    if (kube_exec_decode(body, "client.authentication.k8s.io/v1", &result, &err) == 0) {
        require((result.token && *result.token) || (result.cert_pem && result.key_pem));
        kube_exec_result_fini(&result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_fini) struct buf whole;
    buf_init(&whole, BUF_UNLIMITED);
    list(data, size, 0, &whole);
    for (size_t longest = 1; longest <= 64; longest *= 8) {
        CLEANUP(buf_fini) struct buf pieces;
        buf_init(&pieces, BUF_UNLIMITED);
        list(data, size, longest, &pieces);
        require(strcmp(buf_text(&whole), buf_text(&pieces)) == 0);
    }
    CLEANUP(freep) char *text = xstrndup((const char *)data, size);
    read_other_answers((struct span){text, size});
    return 0;
}
