/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_options.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 5000

void http_options_fini(struct http_options *options)
{
    curl_slist_free_all(options->headers);
    curl_slist_free_all(options->connect_to);
    bytes_unref(options->body);
    *options = (struct http_options){0};
}

static void add_header(struct http_options *options, const char *line)
{
    struct curl_slist *longer = curl_slist_append(options->headers, line);
    if (!longer)
        mem_exhausted();
    options->headers = longer;
}

static bool has_header(const struct http_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        if (strncasecmp(request->headers[i], name, length) == 0 &&
            request->headers[i][length] == ':')
            return true;
    }
    return false;
}

static void set_headers(const struct http_request *request, struct http_options *options)
{
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        add_header(options, request->headers[i]);
    add_header(options, "Expect:");
    /* libcurl would call any body a form. */
    if (!has_header(request, "Content-Type"))
        add_header(options, "Content-Type:");
}

static void set_method(CURL *easy, const struct http_request *request, struct http_options *options)
{
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    bool may_lack_body =
        strcmp(request->method, "GET") == 0 || strcmp(request->method, "DELETE") == 0;
    if (!request->body && may_lack_body) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else {
        options->body = request->body ? bytes_ref(request->body) : bytes_copy((struct span){"", 0});
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body->length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, options->body->data);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
    /* Copied: a transfer that is cancelled from within libcurl lives on for a moment. */
    struct curl_blob blob = {(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
}

/* The parts of a URL that the change of a server's name needs. */
struct url_parts {
    CURLU *url;
    char *host;
    char *port;
    char *written_port; /* NULL: the scheme's */
    char *renamed;
};

static void url_parts_fini(struct url_parts *parts)
{
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->written_port);
    curl_free(parts->renamed);
    curl_url_cleanup(parts->url);
}

static int url_parts_read(const char *text, const char *name, struct url_parts *parts)
{
    parts->url = curl_url();
    if (!parts->url || curl_url_set(parts->url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return -1;
    if (curl_url_get(parts->url, CURLUPART_PORT, &parts->written_port, 0) != CURLUE_OK)
        parts->written_port = NULL;
    if (curl_url_set(parts->url, CURLUPART_HOST, name, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_URL, &parts->renamed, 0) != CURLUE_OK)
        return -1;
    return 0;
}

/* The server is reached where the URL says, but addressed in TLS by another name: the URL gets that
 * name, the connection goes to the old one, and Host stays as it was. */
static int set_server_name(CURL *easy, const struct http_request *request,
                           struct http_options *options)
{
    const char *name = request->tls->server_name;
    CLEANUP(url_parts_fini) struct url_parts parts = {0};
    if (url_parts_read(request->url, name, &parts) < 0)
        return -1;
    CLEANUP(freep)
    char *route = xasprintf("%s:%s:%s:%s", name, parts.port, parts.host, parts.port);
    options->connect_to = curl_slist_append(NULL, route);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, options->connect_to);
    curl_easy_setopt(easy, CURLOPT_URL, parts.renamed);
    if (!has_header(request, "Host")) {
        CLEANUP(freep)
        char *line = xasprintf("Host: %s%s%s", parts.host, parts.written_port ? ":" : "",
                               parts.written_port ? parts.written_port : "");
        add_header(options, line);
    }
    return 0;
}

static int set_tls(CURL *easy, const struct http_request *request, struct http_options *options)
{
    const struct http_tls *tls = request->tls;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!tls)
        return 0;
    if (tls->ca_pem) {
        set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca_pem);
        /* What libcurl was built with would be trusted as well. */
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (tls->client_cert_pem)
        set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->client_cert_pem);
    if (tls->client_key_pem)
        set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->client_key_pem);
    if (tls->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!str_is_empty(tls->server_name) && strncasecmp(request->url, "https:", 6) == 0)
        return set_server_name(easy, request, options);
    return 0;
}

/* Options that are refused (a socket that is no TCP, an old kernel) are done without. Programs that
 * we start must not inherit the socket. */
static int on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},          {IPPROTO_TCP, TCP_KEEPIDLE, 15},
        {IPPROTO_TCP, TCP_KEEPINTVL, 5},        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 20000},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return CURL_SOCKOPT_OK;
}

static void set_behaviour(CURL *easy, const struct http_request *request)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs must not hold us up when its call is cancelled. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (request->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(request->connect_timeout_ms ? request->connect_timeout_ms
                                                        : DEFAULT_CONNECT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
}

int http_options_set(CURL *easy, const struct http_request *request, struct http_options *options)
{
    if (strncasecmp(request->url, "http://", 7) != 0 &&
        strncasecmp(request->url, "https://", 8) != 0)
        return -1;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    set_behaviour(easy, request);
    set_headers(request, options);
    set_method(easy, request, options);
    if (set_tls(easy, request, options) < 0)
        return -1;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, options->headers);
    return 0;
}

/* A server that does not speak HTTP is one that may be mended: only what lies in the request itself
 * is INVALID. */
enum err_class http_class_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return ERR_DENIED;
    case CURLE_URL_MALFORMAT:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
        return ERR_INVALID;
    default:
        return ERR_TRANSIENT;
    }
}

int64_t http_retry_after_ms(CURL *easy)
{
    struct curl_header *header;
    int64_t seconds;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        str_to_int64(header->value, 0, INT32_MAX, &seconds, NULL) < 0)
        return -1;
    return seconds * 1000;
}
