/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of an answer that is no success (the first byte chooses its status), as an
 * ERROR event, and as what a credential plugin prints. Errors have a class that fits, and words
 * that are bounded, printable and never empty. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "expect.h"
#include "kube/kube_exec.h"
#include "kube/kube_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_words(const struct err *err)
{
    expect(*err->msg && strlen(err->msg) < sizeof(err->msg), "an error has words");
    expect(str_is_utf8(err->msg, strlen(err->msg)), "… of UTF-8");
    for (const unsigned char *at = (const unsigned char *)err->msg; *at; at++)
        expect(*at >= 0x20 && *at != 0x7f, "… that are printable");
}

static void answer(long code, struct span body)
{
    struct kube_status status;
    struct err err;
    kube_status_to_err(code, body, &status, &err);
    expect(status.code == code && err.code == code, "the status is told");
    expect(status.retry_after_ms >= -1, "a pause is none or some");
    expect_words(&err);
    if (code >= 500)
        expect(err.class == ERR_TRANSIENT || err.class == ERR_EXPIRED ||
                   err.class == ERR_TOO_LARGE, /* etcd's words, in a 500 */
               "a server's fault passes");
    if (code == 401)
        expect(err.class == ERR_DENIED, "who is not known is denied");
}

static void plugin(struct span text)
{
    struct kube_exec_result result = {0};
    struct err err;
    if (kube_exec_decode(text, "client.authentication.k8s.io/v1", &result, &err) < 0) {
        expect_words(&err);
        return;
    }
    expect(!result.cert_pem == !result.key_pem, "both halves of a certificate or none");
    expect(result.token || result.cert_pem, "a credential holds something");
    for (const unsigned char *at = (const unsigned char *)result.token; at && *at; at++)
        expect(*at >= 0x20 && *at != 0x7f, "a token cannot end its header");
    kube_exec_result_fini(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long codes[] = {400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504, 302};
    if (!size)
        return 0;
    CLEANUP(freep) char *copy = xstrndup((const char *)data + 1, size - 1);
    struct span body = {copy, size - 1};
    answer(codes[data[0] % ARRAY_LENGTH(codes)], body);
    struct kube_status status;
    struct err err;
    kube_status_of_event(body, &status, &err);
    expect_words(&err);
    plugin(body);
    return 0;
}
