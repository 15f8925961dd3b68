/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <stdint.h>

#include "ports/http.h"

/* Between ports/http.h and libcurl's words: a request as options of an easy handle, a result code
 * as an error class. For net/http_curl.c only. */

/* What a configured easy handle points to: to be freed after the handle was reset. */
struct http_options {
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    struct bytes *body;
};
void http_options_fini(struct http_options *options);

/* Sets everything that depends on the request alone, on a handle that is new or was reset. -1: the
 * URL is none that can be asked; the handle is unchanged where it matters, and options are to be
 * freed all the same. */
int http_options_set(CURL *easy, const struct http_request *request, struct http_options *options);

/* What a failure of libcurl's means to the caller. */
enum err_class http_class_of(CURLcode code);
/* Retry-After of the answer in milliseconds; -1 when there is none in seconds. */
int64_t http_retry_after_ms(CURL *easy);
