/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a call:
 *   waiting   configured; added to the multi handle at the end of the round
 *   running   libcurl has it
 *   finished  taken back from libcurl; the answer is delivered from the deferred list
 *   abandoned cancelled from within a callback of libcurl's, where handles may not be removed:
 *             removed as soon as libcurl has returned
 */
#include "net/http_curl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_options.h"
#include "net/loop_base.h"

#define DEFAULT_LIMIT (1U << 20)
#define IDLE_HANDLES_MAX 32
#define IDLE_CONNECTIONS_MAX 64L
#define POOL_IDLE_MS 30000
#define HOUSEKEEPING_MS 15000
/* How often in a row, and for how long, libcurl may ask to be called again at once, before I/O has
 * its turn: one call hands out up to a hundred buffers of a stream that never runs dry. */
#define SPINS_MAX 8
#define SPINS_US 5000

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_FINISHED, CALL_ABANDONED };

struct http_call {
    /* set by http_start(), not changed after */
    struct pool *pool;
    http_done_fn *done;
    void *arg;
    bool (*on_bytes)(void *arg, const char *bytes, size_t length);
    void (*on_open)(void *arg);
    const struct leadership *leadership; /* NULL: anybody may ask this */
    CURL *easy;                          /* NULL once finished */
    struct http_options options;
    /* progress */
    enum call_state state;
    bool head_is_complete;
    bool opened;  /* on_open() has been called */
    bool refused; /* by on_bytes() */
    bool revoked; /* leadership is lost */
    struct buf body;
    char *content_type;
    struct http_response response;
    bool failed;
    struct err err;
    char error_text[CURL_ERROR_SIZE];
    struct http_call *next; /* in the pool's list of the state */
    struct http_call **link;
};

struct pool {
    struct http *http;
    char *name;
    CURLM *multi;
    struct loop_timer *timer;
    struct http_call *waiting;
    struct http_call **waiting_end;
    struct http_call *running;
    struct http_call *finished;
    struct http_call *abandoned;
    struct sock *socks;
    bool in_libcurl;
    bool call_again; /* libcurl asked for it with a timeout of 0 */
    int64_t idle_since;
    struct pool *next;
};

/* A socket that libcurl wants watched. */
struct sock {
    struct pool *pool;
    curl_socket_t fd;
    struct event *event;
    int ready; /* CURL_CSELECT_*, while it is told */
    struct sock *next;
    struct sock **link;
};

struct http {
    struct http *base; /* of a client of the leader's: the one that does the work, else NULL */
    const struct leadership *leadership;
    struct loop *loop;
    char *user_agent;
    struct pool *pools;
    struct loop_timer *housekeeping;
    CURL *idle[IDLE_HANDLES_MAX];
    size_t idle_count;
};

static void pool_start(void *arg);
static void deliver(void *arg);

static void call_link(struct http_call *call, struct http_call **list)
{
    call->link = list;
    call->next = *list;
    if (call->next)
        call->next->link = &call->next;
    *list = call;
}

static void call_unlink(struct http_call *call)
{
    if (call->pool->waiting_end == &call->next)
        call->pool->waiting_end = call->link;
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
}

/* The only way from one state to another. */
static void call_move(struct http_call *call, enum call_state state)
{
    struct pool *pool = call->pool;
    call_unlink(call);
    call->state = state;
    switch (state) {
    case CALL_WAITING:
        break; /* only at the start */
    case CALL_RUNNING:
        call_link(call, &pool->running);
        break;
    case CALL_FINISHED:
        call_link(call, &pool->finished);
        break;
    case CALL_ABANDONED:
        call_link(call, &pool->abandoned);
        break;
    }
}

/* Waiting calls start in the order in which they came. */
static void call_queue(struct http_call *call)
{
    struct pool *pool = call->pool;
    call->state = CALL_WAITING;
    call->link = pool->waiting_end;
    *pool->waiting_end = call;
    pool->waiting_end = &call->next;
}

static CURL *take_easy(struct http *http)
{
    if (http->idle_count)
        return http->idle[--http->idle_count];
    CURL *easy = curl_easy_init();
    if (!easy)
        mem_exhausted();
    return easy;
}

static void release_easy(struct http_call *call)
{
    struct http *http = call->pool->http;
    CURL *easy = TAKE(call->easy);
    if (easy) {
        curl_easy_reset(easy);
        if (http->idle_count < IDLE_HANDLES_MAX)
            http->idle[http->idle_count++] = easy;
        else
            curl_easy_cleanup(easy);
    }
    http_options_fini(&call->options);
}

static bool pool_is_idle(const struct pool *pool)
{
    return !pool->waiting && !pool->running && !pool->finished && !pool->abandoned;
}

static void call_free(struct http_call *call)
{
    struct pool *pool = call->pool;
    call_unlink(call);
    release_easy(call);
    buf_fini(&call->body);
    free(call->content_type);
    free(call);
    if (pool_is_idle(pool)) {
        pool->idle_since = loop_now(pool->http->loop);
        if (*pool->name && !loop_timer_is_armed(pool->http->housekeeping))
            loop_timer_arm(pool->http->housekeeping, HOUSEKEEPING_MS);
    }
}

static void set_failure(struct http_call *call, CURLcode code)
{
    call->failed = true;
    if (call->revoked) {
        err_set(&call->err, ERR_CANCELED, code, "only the leader may ask this");
        return;
    }
    if (call->refused) {
        err_set(&call->err, ERR_INVALID, code, "the answer was refused while it came");
        return;
    }
    if (call->body.overflowed || code == CURLE_FILESIZE_EXCEEDED) {
        err_set(&call->err, ERR_INVALID, code, "the answer is longer than %zu bytes",
                call->body.limit);
        return;
    }
    char *text = call->error_text;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    err_set(&call->err, http_class_of(code), code, "%s", *text ? text : curl_easy_strerror(code));
}

static void set_response(struct http_call *call)
{
    CURL *easy = call->easy;
    long status = 0;
    long connects = 0;
    char *content_type = NULL;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    if (content_type)
        call->content_type = xstrdup(content_type);
    call->response = (struct http_response){
        .status = status,
        .body = {buf_text(&call->body), call->body.length},
        .content_type = call->content_type,
        .retry_after_ms = http_retry_after_ms(easy),
        .connection_was_reused = connects == 0,
    };
}

/* Takes the call back from libcurl. Not from within a callback of libcurl's. */
static void remove_handle(struct http_call *call)
{
    struct pool *pool = call->pool;
    pool->in_libcurl = true;
    curl_multi_remove_handle(pool->multi, call->easy);
    pool->in_libcurl = false;
}

static void call_finish(struct http_call *call, CURLcode code)
{
    /* libcurl takes a connection that closes in the middle of the head for the end of an answer. */
    if (code == CURLE_OK && !call->head_is_complete) {
        snprintf(call->error_text, sizeof(call->error_text), "the answer breaks off in its head");
        code = CURLE_PARTIAL_FILE;
    }
    if (code == CURLE_OK)
        set_response(call);
    else
        set_failure(call, code);
    if (call->state == CALL_RUNNING)
        remove_handle(call);
    release_easy(call);
    call_move(call, CALL_FINISHED);
    loop_defer(call->pool->http->loop, deliver, call);
}

static void deliver(void *arg)
{
    struct http_call *call = arg;
    struct http_call held = *call;
    call->body = (struct buf){.limit = 0};
    call->content_type = NULL;
    call_free(call);
    held.done(held.arg, held.failed ? NULL : &held.response, held.failed ? &held.err : NULL);
    buf_fini(&held.body);
    free(held.content_type);
}

static size_t on_write(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t length = size * count;
    if (call->state == CALL_ABANDONED)
        return CURL_WRITEFUNC_ERROR;
    if (call->on_bytes) {
        long status = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status / 100 == 2) {
            bool wanted = call->on_bytes(call->arg, bytes, length);
            if (call->state == CALL_ABANDONED)
                return CURL_WRITEFUNC_ERROR;
            call->refused = !wanted;
            return wanted ? length : CURL_WRITEFUNC_ERROR;
        }
    }
    buf_add(&call->body, bytes, length);
    return call->body.overflowed ? CURL_WRITEFUNC_ERROR : length;
}

/* Sees each line of the head, of 1xx answers before it, and of trailers. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t length = size * count;
    if (call->state == CALL_ABANDONED)
        return 0;
    if (length && (bytes[0] == '\r' || bytes[0] == '\n'))
        call->head_is_complete = true;
    else if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        call->head_is_complete = false;
    if (!call->on_open || call->opened || !call->head_is_complete)
        return length;
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2) {
        call->opened = true;
        call->on_open(call->arg);
    }
    return call->state == CALL_ABANDONED ? 0 : length;
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct pool *pool = arg;
    pool->call_again = false;
    if (timeout_ms < 0)
        loop_timer_disarm(pool->timer);
    else if (timeout_ms == 0 && pool->in_libcurl)
        pool->call_again = true;
    else
        loop_timer_arm(pool->timer, timeout_ms);
    return 0;
}

static void sock_free(struct sock *sock)
{
    *sock->link = sock->next;
    if (sock->next)
        sock->next->link = sock->link;
    event_free(sock->event);
    free(sock);
}

static void on_ready(evutil_socket_t fd, short what, void *arg);

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    (void)easy;
    struct pool *pool = arg;
    struct sock *sock = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (sock)
            sock_free(sock);
        curl_multi_assign(pool->multi, fd, NULL);
        return 0;
    }
    short events = EV_PERSIST;
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    struct event_base *base = loop_event_base(pool->http->loop);
    if (!sock) {
        sock = xcalloc(1, sizeof(*sock));
        *sock = (struct sock){.pool = pool, .fd = fd, .next = pool->socks, .link = &pool->socks};
        if (sock->next)
            sock->next->link = &sock->next;
        pool->socks = sock;
        sock->event = event_new(base, fd, events, on_ready, sock);
        if (!sock->event)
            abort();
        curl_multi_assign(pool->multi, fd, sock);
    } else {
        event_del(sock->event);
        event_assign(sock->event, base, fd, events, on_ready, sock);
    }
    event_add(sock->event, NULL);
    return 0;
}

static void pool_open(struct pool *pool)
{
    pool->multi = curl_multi_init();
    if (!pool->multi)
        abort();
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
}

static void pool_close(struct pool *pool)
{
    pool->in_libcurl = true;
    curl_multi_cleanup(pool->multi);
    pool->in_libcurl = false;
    while (pool->socks)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): sock_free() unlinks it */
        sock_free(pool->socks);
    loop_timer_disarm(pool->timer);
}

static void free_abandoned(struct pool *pool)
{
    while (pool->abandoned) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): call_free() unlinks it */
        remove_handle(pool->abandoned);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
        call_free(pool->abandoned);
    }
}

/* After an error of the multi interface nothing is certain about any transfer: all fail, and the
 * next call begins with a new multi handle. */
static void pool_rebuild(struct pool *pool, CURLMcode why)
{
    free_abandoned(pool);
    while (pool->running) {
        struct http_call *call = pool->running;
        snprintf(call->error_text, sizeof(call->error_text), "%s", curl_multi_strerror(why));
        call_finish(call, CURLE_RECV_ERROR);
    }
    pool_close(pool);
    pool_open(pool);
}

static void pool_reap(struct pool *pool)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        /* The message goes with the handle. */
        CURLcode code = message->data.result;
        struct http_call *call = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        if (call->state == CALL_RUNNING)
            call_finish(call, code);
    }
    free_abandoned(pool);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The one place where bytes go out: what only the leader may ask ends here when that is not us. */
static CURLMcode pool_act(struct pool *pool, curl_socket_t fd, int ready)
{
    struct http_call *next = NULL;
    for (struct http_call *call = pool->running; call; call = next) {
        next = call->next;
        if (leadership_is_held(call->leadership))
            continue;
        call->revoked = true;
        call_finish(call, CURLE_ABORTED_BY_CALLBACK);
    }
    int running;
    pool->in_libcurl = true;
    CURLMcode code = curl_multi_socket_action(pool->multi, fd, ready, &running);
    pool->in_libcurl = false;
    return code;
}

static void pool_drive(struct pool *pool, curl_socket_t fd, int ready)
{
    int64_t began = now_us();
    CURLMcode code = pool_act(pool, fd, ready);
    for (int spins = 0;
         code == CURLM_OK && pool->call_again && spins < SPINS_MAX && now_us() - began < SPINS_US;
         spins++) {
        pool->call_again = false;
        code = pool_act(pool, CURL_SOCKET_TIMEOUT, 0);
    }
    if (code != CURLM_OK)
        pool_rebuild(pool, code);
    pool_reap(pool);
    if (pool->call_again) {
        pool->call_again = false;
        loop_timer_arm(pool->timer, 0);
    }
}

static void drive_socket(void *arg)
{
    struct sock *sock = arg; /* may be gone when libcurl returns */
    pool_drive(sock->pool, sock->fd, sock->ready);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct sock *sock = arg;
    sock->ready = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    loop_call(sock->pool->http->loop, drive_socket, sock);
}

static void on_timer(void *arg)
{
    pool_drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void pool_start(void *arg)
{
    struct pool *pool = arg;
    while (pool->waiting) {
        struct http_call *call = pool->waiting;
        call_move(call, CALL_RUNNING);
        pool->in_libcurl = true;
        CURLMcode code = curl_multi_add_handle(pool->multi, call->easy);
        pool->in_libcurl = false;
        if (code != CURLM_OK) {
            snprintf(call->error_text, sizeof(call->error_text), "%s", curl_multi_strerror(code));
            call_finish(call, CURLE_FAILED_INIT);
        }
    }
    pool_drive(pool, CURL_SOCKET_TIMEOUT, 0);
}

static struct pool *pool_get(struct http *http, const char *name)
{
    for (struct pool *pool = http->pools; pool; pool = pool->next) {
        if (strcmp(pool->name, name) == 0)
            return pool;
    }
    struct pool *pool = xcalloc(1, sizeof(*pool));
    *pool = (struct pool){.http = http, .name = xstrdup(name), .next = http->pools};
    pool->waiting_end = &pool->waiting;
    pool->timer = loop_timer_new(http->loop, on_timer, pool);
    pool_open(pool);
    http->pools = pool;
    return pool;
}

static void pool_free(struct pool *pool)
{
    loop_defer_cancel(pool->http->loop, pool_start, pool);
    pool_close(pool);
    loop_timer_free(pool->timer);
    free(pool->name);
    free(pool);
}

static void keep_house(void *arg)
{
    struct http *http = arg;
    bool any = false;
    struct pool **link = &http->pools;
    while (*link) {
        struct pool *pool = *link;
        bool idle = *pool->name && pool_is_idle(pool);
        if (idle && loop_now(http->loop) - pool->idle_since >= POOL_IDLE_MS) {
            *link = pool->next;
            pool_free(pool);
            continue;
        }
        any = any || idle;
        link = &pool->next;
    }
    if (any)
        loop_timer_arm(http->housekeeping, HOUSEKEEPING_MS);
}

/* "linux/amd64", as Kubernetes' own clients name it. */
static const char *machine(const struct utsname *names)
{
    if (strcmp(names->machine, "x86_64") == 0)
        return "amd64";
    if (strcmp(names->machine, "aarch64") == 0)
        return "arm64";
    return names->machine;
}

struct http *http_curl_new(struct loop *loop, const char *version)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup, xcalloc) != 0)
        mem_exhausted();
    struct http *http = xcalloc(1, sizeof(*http));
    http->loop = loop;
    struct utsname names;
    uname(&names);
    http->user_agent = xasprintf("grapnel/%s (linux/%s)", version, machine(&names));
    http->housekeeping = loop_timer_new(loop, keep_house, http);
    return http;
}

struct http *http_led_new(struct http *http, const struct leadership *leadership)
{
    struct http *led = xcalloc(1, sizeof(*led));
    led->base = http;
    led->leadership = leadership;
    return led;
}

void http_led_free(struct http *led)
{
    free(led);
}

static void cancel_all(struct http_call *calls)
{
    struct http_call *next;
    for (; calls; calls = next) {
        next = calls->next;
        http_cancel(calls);
    }
}

void http_curl_free(struct http *http)
{
    if (!http)
        return;
    while (http->pools) {
        struct pool *pool = http->pools;
        http->pools = pool->next;
        cancel_all(pool->waiting);
        cancel_all(pool->running);
        cancel_all(pool->finished);
        pool_free(pool);
    }
    while (http->idle_count)
        curl_easy_cleanup(http->idle[--http->idle_count]);
    loop_timer_free(http->housekeeping);
    free(http->user_agent);
    free(http);
    curl_global_cleanup();
}

static int configure(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error_text);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, call->pool->http->user_agent);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (!request->on_bytes)
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->body.limit);
    return http_options_set(easy, request, &call->options);
}

struct http_call *http_start(struct http *http, const struct http_request *request,
                             http_done_fn *done, void *arg)
{
    struct http_call *call = xcalloc(1, sizeof(*call));
    call->leadership = http->leadership;
    http = http->base ? http->base : http;
    call->pool = pool_get(http, request->pool ? request->pool : "");
    call->done = done;
    call->arg = arg;
    call->on_bytes = request->on_bytes;
    call->on_open = request->on_open;
    buf_init(&call->body, request->limit ? request->limit : DEFAULT_LIMIT);
    call->easy = take_easy(http);
    call_queue(call);
    if (configure(call, request) < 0) {
        snprintf(call->error_text, sizeof(call->error_text), "not an http or https URL");
        call_finish(call, CURLE_URL_MALFORMAT);
    } else {
        loop_defer(http->loop, pool_start, call->pool);
    }
    return call;
}

void http_cancel(struct http_call *call)
{
    if (!call)
        return;
    if (call->state == CALL_FINISHED)
        loop_defer_cancel(call->pool->http->loop, deliver, call);
    if (call->state == CALL_RUNNING && call->pool->in_libcurl) {
        call_move(call, CALL_ABANDONED);
        return;
    }
    if (call->state == CALL_RUNNING)
        remove_handle(call);
    call_free(call);
}
