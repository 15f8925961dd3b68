/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grapnel-webhook-receiver: takes webhooks. Each request becomes a JSON line in a file or on
 * stdout; GET /__received returns them all, POST /__clear forgets them.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "doc.h"
#include "exchange.h"
#include "gojson.h"
#include "http_server.h"
#include "journal.h"
#include "mem.h"
#include "text.h"

struct receiver {
    struct event_base *base;
    struct http_server *server;
    struct exchange_list exchanges;
    FILE *log;            /* NULL: none */
    struct text received; /* the requests so far, without the brackets of a list */
};

static void describe(const struct exchange *exchange, struct text *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    text_printf(out, "{\"time\":%lld.%06ld,\"method\":\"%s\",\"path\":", (long long)now.tv_sec,
                now.tv_nsec / 1000, exchange->method);
    gojson_puts(out, exchange->target);
    text_puts(out, ",\"headers\":{");
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(exchange->request);
    const struct evkeyval *header = NULL;
    bool some = false;
    for (header = headers->tqh_first; header != NULL; header = header->next.tqe_next) {
        text_puts(out, some ? "," : "");
        gojson_puts(out, header->key);
        text_putc(out, ':');
        gojson_puts(out, header->value);
        some = true;
    }
    text_puts(out, "},\"body\":");
    gojson_string(out, exchange->body, exchange->body_len);
    text_putc(out, '}');
}

static void take(struct receiver *receiver, struct exchange *exchange)
{
    struct text line = {0};
    describe(exchange, &line);
    text_puts(&receiver->received, receiver->received.len > 0 ? "," : "");
    text_add(&receiver->received, line.bytes, line.len);
    if (receiver->log != NULL) {
        fprintf(receiver->log, "%s\n", line.bytes);
        fflush(receiver->log);
    }
    text_fini(&line);
    exchange_reply_text(exchange, 200, TYPE_TEXT, "ok\n");
}

static void on_request(void *arg, struct evhttp_request *request)
{
    struct receiver *receiver = arg;
    struct exchange *exchange = exchange_new(&receiver->exchanges, request);
    exchange->logged = false;
    if (strcmp(exchange->target, "/__received") == 0) {
        struct text body = {0};
        text_printf(&body, "[%s]\n", text_string(&receiver->received));
        exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
        text_fini(&body);
    } else if (strcmp(exchange->target, "/__clear") == 0) {
        text_clear(&receiver->received);
        exchange_reply_text(exchange, 200, TYPE_JSON, "{}\n");
    } else {
        take(receiver, exchange);
    }
}

static bool wants_body(void *arg, const char *method, const char *target, const char *secret)
{
    (void)arg;
    (void)method;
    (void)target;
    (void)secret;
    return true;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    event_base_loopbreak(arg);
}

static int run(struct receiver *receiver, const char *listen)
{
    receiver->server = http_server_new(receiver->base, listen,
                                       &(struct http_server_events){
                                           .on_request = on_request,
                                           .wants_body = wants_body,
                                           .arg = receiver,
                                       });
    if (receiver->server == NULL) {
        fprintf(stderr, "cannot listen on %s\n", listen);
        return 1;
    }
    struct event *terminate = evsignal_new(receiver->base, SIGTERM, on_signal, receiver->base);
    struct event *interrupt = evsignal_new(receiver->base, SIGINT, on_signal, receiver->base);
    event_add(terminate, NULL);
    event_add(interrupt, NULL);
    printf("{\"port\":%d,\"pid\":%ld}\n", http_server_port(receiver->server), (long)getpid());
    fflush(stdout);
    event_base_dispatch(receiver->base);
    event_free(terminate);
    event_free(interrupt);
    http_server_free(receiver->server);
    exchange_list_fini(&receiver->exchanges);
    return 0;
}

static bool read_options(int argc, char **argv, const char **ret_listen, const char **ret_output)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--listen") == 0) {
            *ret_listen = argv[i + 1];
        } else if (strcmp(argv[i], "--output") == 0) {
            *ret_output = argv[i + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    const char *listen = "127.0.0.1:9000";
    const char *output = NULL;
    if (!read_options(argc, argv, &listen, &output)) {
        fprintf(stderr, "usage: grapnel-webhook-receiver [--listen ADDR:PORT] [--output FILE|-]\n");
        return 1;
    }
    struct receiver receiver = {.base = event_base_new()};
    receiver.exchanges.base = receiver.base;
    if (output != NULL) {
        receiver.log = strcmp(output, "-") == 0 ? stdout : fopen(output, "ae");
        if (receiver.log == NULL) {
            fprintf(stderr, "cannot write %s\n", output);
            event_base_free(receiver.base);
            return 1;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    int code = run(&receiver, listen);
    if (receiver.log != NULL && receiver.log != stdout) {
        fclose(receiver.log);
    }
    event_base_free(receiver.base);
    text_fini(&receiver.received);
    return code;
}
