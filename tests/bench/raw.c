/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the same requests cost a plain libcurl multi program: a list, one POST for each document, a
 * blocking reload, a list again, at each of the gateways, side by side. Prints seconds, as a whole
 * and for each gateway, and the bytes that came.
 *
 *   raw URL[,URL…] SECRET CONNECTIONS FILE…
 *
 * A file whose name ends in .oas.json goes to /tyk/apis/oas, others to /tyk/apis. CONNECTIONS is
 * how many there are to each gateway. One that does not answer is given up when the others are
 * done.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct document {
    const char *path;
    char *text;
    long length;
};

enum phase { LISTING, POSTING, RELOADING, READING, DONE, PHASES };

struct gateway {
    const char *url;
    CURL **idle; /* connections that carry nothing now */
    int idle_count;
    int busy;
    int next; /* document */
    enum phase phase;
    bool asked; /* what this phase asks for once is on its way */
    double ended[PHASES];
};

struct run {
    struct curl_slist *headers;
    CURLM *multi;
    struct document *documents;
    int document_count;
    struct gateway *gateways;
    int gateway_count;
    int connections;
    double begin;
    size_t received;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct run *run = arg;
    (void)bytes;
    run->received += size * count;
    return size * count;
}

static struct document read_document(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    struct document document = {.length = ftell(file)};
    rewind(file);
    document.text = malloc((size_t)document.length + 1);
    if (!document.text ||
        fread(document.text, 1, (size_t)document.length, file) != (size_t)document.length)
        exit(2);
    fclose(file);
    size_t length = strlen(path);
    bool oas = length > 9 && strcmp(path + length - 9, ".oas.json") == 0;
    document.path = oas ? "/tyk/apis/oas" : "/tyk/apis";
    return document;
}

static void request(struct run *run, struct gateway *gateway, const char *path,
                    const struct document *document)
{
    CURL *easy = gateway->idle[--gateway->idle_count];
    gateway->busy++;
    char url[512];
    snprintf(url, sizeof(url), "%s%s", gateway->url, path);
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, run->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, run);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, gateway);
    if (document) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, document->text);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, document->length);
    }
    curl_multi_add_handle(run->multi, easy);
}

/* Sends what the phase has to send, and goes on to the next when all of it is answered. */
static void advance(struct run *run, struct gateway *gateway)
{
    static const char *const once[PHASES] = {
        [LISTING] = "/tyk/apis", [RELOADING] = "/tyk/reload?block=true", [READING] = "/tyk/apis"};
    while (gateway->phase != DONE) {
        if (once[gateway->phase] && !gateway->asked) {
            request(run, gateway, once[gateway->phase], NULL);
            gateway->asked = true;
        }
        while (gateway->phase == POSTING && gateway->idle_count &&
               gateway->next < run->document_count) {
            const struct document *document = &run->documents[gateway->next++];
            request(run, gateway, document->path, document);
        }
        if (gateway->busy)
            return;
        gateway->ended[gateway->phase++] = now() - run->begin;
        gateway->asked = false;
    }
}

static void finish_done(struct run *run)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(run->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        long status = 0;
        struct gateway *gateway = NULL;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &gateway);
        if (result != CURLE_OK || status != 200) {
            fprintf(stderr, "raw: %s, status %ld\n", curl_easy_strerror(result), status);
            exit(1);
        }
        curl_multi_remove_handle(run->multi, easy);
        gateway->idle[gateway->idle_count++] = easy;
        gateway->busy--;
        advance(run, gateway);
    }
}

/* Is nothing to be waited for? One that has answered nothing when others are done hangs. */
static bool is_done(const struct run *run)
{
    int done = 0;
    for (int i = 0; i < run->gateway_count; i++) {
        if (run->gateways[i].phase != DONE && run->gateways[i].phase != LISTING)
            return false;
        done += run->gateways[i].phase == DONE;
    }
    return done > 0;
}

static void add_gateways(struct run *run, char *urls)
{
    for (char *url = strtok(urls, ","); url; url = strtok(NULL, ",")) {
        size_t size = sizeof(*run->gateways) * ((size_t)run->gateway_count + 1);
        run->gateways = realloc(run->gateways, size);
        struct gateway *gateway = &run->gateways[run->gateway_count++];
        *gateway = (struct gateway){.url = url, .idle_count = run->connections};
        gateway->idle = calloc((size_t)run->connections, sizeof(*gateway->idle));
        for (int i = 0; i < run->connections; i++)
            gateway->idle[i] = curl_easy_init();
    }
}

static void print(const struct run *run)
{
    double ended[PHASES] = {0};
    for (int i = 0; i < run->gateway_count; i++) {
        for (int phase = LISTING; phase < DONE; phase++) {
            if (run->gateways[i].ended[phase] > ended[phase])
                ended[phase] = run->gateways[i].ended[phase];
        }
    }
    printf("{\"posts\":%.4f,\"reload\":%.4f,\"read\":%.4f,\"total\":%.4f,\"received\":%zu,"
           "\"totals\":[",
           ended[POSTING], ended[RELOADING] - ended[POSTING], ended[READING] - ended[RELOADING],
           ended[READING], run->received);
    for (int i = 0; i < run->gateway_count; i++)
        printf("%s%.4f", i ? "," : "", run->gateways[i].ended[READING]);
    puts("]}");
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: raw URL[,URL…] SECRET CONNECTIONS FILE…\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    char secret[256];
    snprintf(secret, sizeof(secret), "X-Tyk-Authorization: %s", argv[2]);
    struct run run = {.multi = curl_multi_init(), .connections = (int)strtol(argv[3], NULL, 10)};
    run.headers = curl_slist_append(curl_slist_append(NULL, secret), "Expect:");
    run.document_count = argc - 4;
    run.documents = calloc((size_t)argc, sizeof(*run.documents));
    for (int i = 0; i < run.document_count; i++)
        run.documents[i] = read_document(argv[4 + i]);
    add_gateways(&run, argv[1]);

    run.begin = now();
    for (int i = 0; i < run.gateway_count; i++)
        advance(&run, &run.gateways[i]);
    while (!is_done(&run)) {
        int running = 0;
        curl_multi_perform(run.multi, &running);
        finish_done(&run);
        curl_multi_poll(run.multi, NULL, 0, 100, NULL);
    }
    print(&run);
    /* What is still under way, and all memory, ends with the process. */
    return 0;
}
