/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "control.h"
#include "fire.h"
#include "http_server.h"
#include "loaded.h"
#include "mem.h"
#include "path.h"
#include "reload.h"
#include "store.h"
#include "traffic.h"

#define PANIC_EXIT_CODE 2

int64_t gateway_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void gateway_panic(struct gateway *gateway, const char *message)
{
    fprintf(stderr, "panic: %s\n", message);
    gateway->exit_code = PANIC_EXIT_CODE;
    event_base_loopbreak(gateway->base);
}

static void redirect(struct exchange *exchange, const char *path)
{
    struct text location = {0};
    char *encoded = path_encode(path);
    text_printf(&location, "%s%s%s", encoded, *exchange->query != '\0' ? "?" : "", exchange->query);
    exchange_add_header(exchange, "Location", location.bytes);
    exchange_reply_text(exchange, 301, NULL, "");
    text_fini(&location);
    free(encoded);
}

/* What the front router does with a request, before anybody looks at the secret. */
static void route(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    char *clean = path_clean(exchange->path, true);
    if (strcmp(clean, exchange->path) != 0) {
        redirect(exchange, clean);
    } else if (control_takes(exchange->path)) {
        control_handle(gateway, exchange);
    } else {
        traffic_handle(gateway, exchange);
    }
    free(clean);
}

static void bad_request(struct exchange *exchange)
{
    exchange_add_header(exchange, "Connection", "close");
    exchange_reply_text(exchange, 400, TYPE_TEXT, "400 Bad Request");
}

static void on_main_request(void *arg, struct evhttp_request *request)
{
    struct gateway *gateway = arg;
    struct exchange *exchange = exchange_new(&gateway->exchanges, request);
    if (exchange->path != NULL && strncmp(exchange->path, "/__", 3) == 0) {
        admin_handle(gateway, exchange);
        return;
    }
    const char *expect = exchange_header(exchange, HTTP_HIDDEN_EXPECT);
    if (gateway->refusing) {
        exchange_drop(exchange, true);
        return;
    }
    if (expect != NULL && evutil_ascii_strcasecmp(expect, "100-continue") != 0) {
        exchange_add_header(exchange, "Connection", "close");
        exchange_reply_text(exchange, 417, NULL, "");
        return;
    }
    if (exchange->path == NULL) {
        bad_request(exchange);
        return;
    }
    exchange->kind = control_kind(exchange->method, exchange->path);
    faults_match(gateway->faults, exchange->method, exchange->target, &exchange->fault);
    if (fault_comes_first(&exchange->fault)) {
        fault_answer(exchange, 200, NULL, NULL);
    } else if (exchange->fault.kind == FAULT_DELAY) {
        exchange_delay(exchange, exchange->fault.ms, route, gateway);
    } else {
        route(gateway, exchange);
    }
}

static void on_admin_request(void *arg, struct evhttp_request *request)
{
    struct gateway *gateway = arg;
    admin_handle(gateway, exchange_new(&gateway->exchanges, request));
}

static bool wants_body(void *arg, const char *method, const char *target, const char *secret)
{
    const struct gateway *gateway = arg;
    char *raw = mem_string_of(target, strcspn(target, "?#"));
    char *path = path_decode(raw);
    bool wants =
        path != NULL && (control_takes(path) ? control_wants_body(gateway, method, path, secret)
                                             : loaded_route(gateway->loaded, "", path) != NULL);
    free(path);
    free(raw);
    return wants;
}

static bool always_wants_body(void *arg, const char *method, const char *target, const char *secret)
{
    (void)arg;
    (void)method;
    (void)target;
    (void)secret;
    return true;
}

static bool listen_on_all(struct gateway *gateway)
{
    const struct options *options = gateway->options;
    gateway->main_server = http_server_new(gateway->base, options->listen,
                                           &(struct http_server_events){
                                               .on_request = on_main_request,
                                               .wants_body = wants_body,
                                               .arg = gateway,
                                           });
    if (gateway->main_server == NULL) {
        fprintf(stderr, "cannot listen on %s\n", options->listen);
        return false;
    }
    if (options->admin == NULL) {
        return true;
    }
    gateway->admin_server = http_server_new(gateway->base, options->admin,
                                            &(struct http_server_events){
                                                .on_request = on_admin_request,
                                                .wants_body = always_wants_body,
                                                .arg = gateway,
                                            });
    if (gateway->admin_server == NULL) {
        fprintf(stderr, "cannot listen on %s\n", options->admin);
        return false;
    }
    return true;
}

static void make_base_url(struct gateway *gateway)
{
    struct text url = {0};
    const char *listen = gateway->options->listen;
    const char *colon = strrchr(listen, ':');
    size_t host_len = colon != NULL ? (size_t)(colon - listen) : strlen(listen);
    text_printf(&url, "http://%.*s:%d", (int)host_len, listen,
                http_server_port(gateway->main_server));
    gateway->base_url = url.bytes;
}

struct gateway *gateway_new(const struct options *options)
{
    struct gateway *gateway = mem_zeroed(sizeof(*gateway));
    gateway->options = options;
    gateway->base = event_base_new();
    gateway->born_ms = gateway_now_ms();
    gateway->journal = journal_new(options->log);
    if (gateway->journal == NULL) {
        fprintf(stderr, "cannot write %s\n", options->log);
        gateway_free(gateway);
        return NULL;
    }
    gateway->exchanges = (struct exchange_list){.base = gateway->base, .journal = gateway->journal};
    gateway->faults = faults_new();
    gateway->store = store_new(options->app_path);
    gateway->loaded = loaded_empty();
    gateway->fire = fire_new(gateway->base, gateway->journal);
    gateway->reload = reload_new(gateway);
    if (!listen_on_all(gateway)) {
        gateway_free(gateway);
        return NULL;
    }
    make_base_url(gateway);
    return gateway;
}

void gateway_free(struct gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    http_server_free(gateway->main_server);
    http_server_free(gateway->admin_server);
    exchange_list_fini(&gateway->exchanges);
    reload_free(gateway->reload);
    fire_free(gateway->fire);
    loaded_unref(gateway->loaded);
    store_free(gateway->store);
    faults_free(gateway->faults);
    journal_free(gateway->journal);
    if (gateway->refuse_end != NULL) {
        event_free(gateway->refuse_end);
    }
    if (gateway->not_ready_end != NULL) {
        event_free(gateway->not_ready_end);
    }
    event_base_free(gateway->base);
    doc_fini(&gateway->doc);
    free(gateway->not_ready);
    free(gateway->base_url);
    free(gateway);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    event_base_loopbreak(arg);
}

int gateway_run(struct gateway *gateway)
{
    struct event *terminate = evsignal_new(gateway->base, SIGTERM, on_signal, gateway->base);
    struct event *interrupt = evsignal_new(gateway->base, SIGINT, on_signal, gateway->base);
    event_add(terminate, NULL);
    event_add(interrupt, NULL);
    reload_load_at_start(gateway->reload);
    if (gateway->exit_code == 0) {
        int admin_port =
            gateway->admin_server != NULL ? http_server_port(gateway->admin_server) : 0;
        printf("{\"port\":%d,\"admin_port\":%d,\"pid\":%ld}\n",
               http_server_port(gateway->main_server), admin_port, (long)getpid());
        fflush(stdout);
        event_base_dispatch(gateway->base);
    }
    event_free(terminate);
    event_free(interrupt);
    return gateway->exit_code;
}
