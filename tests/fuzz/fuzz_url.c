/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as what users write into small fields: URLs, paths, cooldowns, times, versions, base64.
 * Readers agree with each other, and what they write reads back as the same. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/context_place.h"
#include "core/cooldown.h"
#include "core/definition.h"
#include "core/path.h"
#include "core/url.h"
#include "core/version.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_url(const char *text)
{
    bool has_user = false;
    const char *fault = url_fault(text, &has_user);
    struct err err;
    CLEANUP(freep) char *canonical = context_canonical_url(text, &err);
    if (!canonical) {
        expect(*err.msg, "a refusal has words");
        return;
    }
    CLEANUP(freep) char *service = NULL;
    CLEANUP(freep) char *port = NULL;
    if (context_service_of_url(canonical, &service, &port))
        expect(strchr(service, '/') && *port, "a Service has a namespace, a name and a port");
    expect(!fault && !has_user, "a gateway's URL is a URL without a user");
    CLEANUP(freep) char *again = context_canonical_url(canonical, &err);
    expect(again && strcmp(again, canonical) == 0, "canonical is canonical");
}

static void read_path(const char *text)
{
    CLEANUP(freep) char *clean = path_clean(text);
    CLEANUP(freep) char *again = path_clean(clean);
    expect(*clean && strcmp(clean, again) == 0, "clean is clean");
    expect(strlen(clean) <= strlen(text) || strcmp(clean, ".") == 0, "… and no longer");
    expect(!strstr(clean, "//") && !strstr(clean, "/./"), "… without empty elements");
    if (*text == '/')
        expect(*clean == '/' && !strstr(clean, "/../"), "… and within its root");
    (void)path_is_below(clean, "/tyk");
}

static void read_times(const char *text)
{
    int64_t seconds = -1;
    int64_t ms = -1;
    bool is_cooldown = cooldown_read(text, &seconds);
    int is_duration = str_to_duration_ms(text, &ms, NULL);
    if (is_cooldown)
        expect(seconds >= 0 && seconds <= COOLDOWN_MAX, "a cooldown is within its limits");
    if (is_duration == 0)
        expect(ms >= 0, "a duration is not negative");
    if (is_cooldown && is_duration == 0)
        expect(ms == seconds * 1000, "both readers read the same time");
    int64_t when;
    /* From 1970 to 9999: nothing else is written. */
    if (str_parse_time(text, &when, NULL) == 0 && when >= 0 && when <= INT64_C(253402300799)) {
        char written[21];
        int64_t again;
        str_format_time(written, when);
        expect(str_parse_time(written, &again, NULL) == 0 && again == when, "times read back");
    }
}

static void read_base64(const char *text, size_t length)
{
    CLEANUP(buf_fini) struct buf bytes;
    CLEANUP(buf_fini) struct buf coded;
    CLEANUP(buf_fini) struct buf again;
    buf_init(&bytes, BUF_UNLIMITED);
    buf_init(&coded, BUF_UNLIMITED);
    buf_init(&again, BUF_UNLIMITED);
    if (str_base64_decode(&bytes, text, length, NULL) < 0)
        return;
    str_base64(&coded, bytes.data, bytes.length);
    expect(str_base64_decode(&again, buf_text(&coded), coded.length, NULL) == 0 &&
               again.length == bytes.length,
           "base64 decodes");
    expect(!bytes.length || memcmp(again.data, bytes.data, bytes.length) == 0, "… to the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *text = xstrndup((const char *)data, size);
    read_url(text);
    read_path(text);
    read_times(text);
    read_base64(text, strlen(text));
    char *second = strchr(text, '\n');
    if (second) {
        *second++ = '\0';
        expect(!(version_is_older(text, second) && version_is_older(second, text)),
               "of two versions one is older at most");
        expect(target_is(text, text), "a target is itself");
        (void)target_is(text, second);
    }
    expect(!version_is_older(text, text), "no version is older than itself");
    CLEANUP(buf_fini) struct buf shown;
    buf_init(&shown, BUF_UNLIMITED);
    str_add_printable(&shown, (const char *)data, size, 40);
    expect(shown.length <= 43 && str_is_utf8(buf_text(&shown), shown.length), "words are bounded");
    return 0;
}
