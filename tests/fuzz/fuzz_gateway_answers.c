/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a gateway's answer (the first two choose the request and the status). Whoever asked
 * is answered once; failures have a class that fits and words without what the gateway said. */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cuts.h"
#include "expect.h"
#include "gateway/gateway_client.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
    struct http *http;
    struct fake_call *call;
    unsigned done;
    size_t items;
};

static void check_failure(const struct gateway_answer *answer)
{
    const struct err *err = answer->err;
    expect(*err->msg, "a failure has words");
    for (const unsigned char *at = (const unsigned char *)err->msg; *at; at++)
        expect(*at >= 0x20 && *at != 0x7f, "… that are printable");
    expect(strlen(answer->detail) <= 210 && str_is_utf8(answer->detail, strlen(answer->detail)),
           "details are bounded");
    if (answer->status == 401 || answer->status == 403)
        expect(err->class == ERR_DENIED, "who is not let in is denied");
    if (answer->status == 404)
        expect(err->class == ERR_NOT_FOUND, "what is not there is not found");
    if (answer->status >= 500)
        expect(err->class == ERR_TRANSIENT, "a gateway's fault passes");
}

static void on_done(void *arg, const struct gateway_answer *answer)
{
    struct asked *asked = arg;
    asked->done++;
    if (answer->err) {
        check_failure(answer);
        return;
    }
    expect(answer->status >= 200 && answer->status < 300, "a success is a success");
    CLEANUP(freep) char *key = gateway_answer_key(answer);
    expect(!key || gateway_answer_is_for(answer, key) || !*key, "an answer is for its own id");
    (void)gateway_answer_is_for(answer, "orders");
}

static void on_item(void *arg, struct span item)
{
    struct asked *asked = arg;
    expect(item.length > 0, "an item is something");
    asked->items++;
}

static void ask(struct gateway_client *client, unsigned what, struct asked *asked)
{
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){"{}", 2});
    switch (what) {
    case 0:
        gateway_ready(client, on_done, asked);
        break;
    case 1:
        gateway_get(client, "orders", API_OAS, false, on_done, asked);
        break;
    case 2:
        gateway_post(client, API_CLASSIC, body, on_done, asked);
        break;
    case 3:
        gateway_delete(client, "orders", on_done, asked);
        break;
    case 4:
        gateway_reload(client, 100, on_done, asked);
        break;
    default:
        gateway_list(client, API_CLASSIC, on_item, on_done, asked);
    }
}

static int feed(void *arg, const char *bytes, size_t length)
{
    struct asked *asked = arg;
    return fake_http_bytes(asked->http, asked->call, bytes, length) ? 0 : -1;
}

static void answer(struct asked *asked, long status, struct span body)
{
    struct fake_call *call = fake_http_nth(asked->http, 0);
    if (!call->is_stream || status != 200) {
        fake_http_answer_with(asked->http, call, status, body, NULL, -1);
        return;
    }
    asked->call = call;
    fake_http_open(asked->http, call);
    if (feed_in_pieces((const uint8_t *)body.ptr, body.length, (uint32_t)body.length, 100, feed,
                       asked) == 0)
        fake_http_end(asked->http, call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long codes[] = {200, 200, 400, 401, 403, 404, 409, 429, 500, 503, 302};
    if (size < 2)
        return 0;
    CLEANUP(freep) char *copy = xstrndup((const char *)data + 2, size - 2);
    struct span body = {copy, size - 2};
    struct loop *loop = fake_loop_new(1);
    struct asked asked = {.http = fake_http_new(loop)};
    struct gateway_client *client = gateway_client_new(loop, asked.http, "http://gw", "pool");
    struct gateway_access *access = gateway_access_new("secret", &(struct http_tls){0});
    gateway_client_set_access(client, access);
    gateway_access_unref(access);
    ask(client, data[0] % 6, &asked);
    for (unsigned tries = 0; !asked.done; tries++) {
        expect(fake_http_pending(asked.http) == 1 && tries < 3, "an answer is asked for");
        answer(&asked, codes[data[1] % ARRAY_LENGTH(codes)], body);
    }
    expect(asked.done == 1 && !fake_http_pending(asked.http), "who asks is answered once");
    gateway_client_free(client);
    fake_http_free(asked.http);
    fake_loop_free(loop);
    return 0;
}
