/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the same requests cost a plain libcurl multi program: lists, one POST for each document, a
 * blocking reload, lists again. Prints seconds, and the bytes that went each way.
 *
 *   raw URL SECRET CONNECTIONS FILE…
 *
 * A file whose name ends in .oas.json goes to /tyk/apis/oas, others to /tyk/apis.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct transfer {
    CURL *easy;
    char *body;
    bool busy;
};

struct run {
    const char *url;
    struct curl_slist *headers;
    CURLM *multi;
    struct transfer *transfers;
    int count;
    size_t received;
};

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct run *run = arg;
    (void)bytes;
    run->received += size * count;
    return size * count;
}

static char *read_file(const char *path, long *ret_length)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = malloc((size_t)length + 1);
    if (!text || fread(text, 1, (size_t)length, file) != (size_t)length)
        exit(2);
    fclose(file);
    *ret_length = length;
    return text;
}

static struct transfer *free_transfer(struct run *run)
{
    for (int i = 0; i < run->count; i++) {
        if (!run->transfers[i].busy)
            return &run->transfers[i];
    }
    return NULL;
}

static void finish_done(struct run *run)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(run->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 200) {
            fprintf(stderr, "raw: %s, status %ld\n", curl_easy_strerror(message->data.result),
                    status);
            exit(1);
        }
        CURL *easy = message->easy_handle;
        curl_multi_remove_handle(run->multi, easy);
        for (int i = 0; i < run->count; i++) {
            if (run->transfers[i].easy == easy) {
                free(run->transfers[i].body);
                run->transfers[i].body = NULL;
                run->transfers[i].busy = false;
            }
        }
    }
}

static int perform(struct run *run)
{
    int running = 0;
    curl_multi_perform(run->multi, &running);
    finish_done(run);
    if (running)
        curl_multi_poll(run->multi, NULL, 0, 1000, NULL);
    return running;
}

static void start(struct run *run, const char *path, char *body, long length)
{
    struct transfer *transfer;
    while (!(transfer = free_transfer(run)))
        perform(run);
    char url[512];
    snprintf(url, sizeof(url), "%s%s", run->url, path);
    transfer->busy = true;
    transfer->body = body;
    CURL *easy = transfer->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, run->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, run);
    if (body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, length);
    }
    curl_multi_add_handle(run->multi, easy);
}

static void drain(struct run *run)
{
    while (perform(run))
        ;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: raw URL SECRET CONNECTIONS FILE…\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    char secret[256];
    snprintf(secret, sizeof(secret), "X-Tyk-Authorization: %s", argv[2]);
    struct run run = {
        .url = argv[1], .multi = curl_multi_init(), .count = (int)strtol(argv[3], NULL, 10)};
    run.headers = curl_slist_append(curl_slist_append(NULL, secret), "Expect:");
    run.transfers = calloc((size_t)run.count, sizeof(*run.transfers));
    for (int i = 0; i < run.count; i++)
        run.transfers[i].easy = curl_easy_init();

    double begin = now();
    start(&run, "/tyk/apis", NULL, 0);
    drain(&run);
    for (int i = 4; i < argc; i++) {
        long length = 0;
        char *text = read_file(argv[i], &length);
        size_t name = strlen(argv[i]);
        bool oas = name > 9 && strcmp(argv[i] + name - 9, ".oas.json") == 0;
        start(&run, oas ? "/tyk/apis/oas" : "/tyk/apis", text, length);
    }
    drain(&run);
    double posted = now();
    start(&run, "/tyk/reload?block=true", NULL, 0);
    drain(&run);
    double reloaded = now();
    start(&run, "/tyk/apis", NULL, 0);
    drain(&run);
    double end = now();
    printf("{\"posts\":%.4f,\"reload\":%.4f,\"read\":%.4f,\"total\":%.4f,\"received\":%zu}\n",
           posted - begin, reloaded - posted, end - reloaded, end - begin, run.received);
    for (int i = 0; i < run.count; i++)
        curl_easy_cleanup(run.transfers[i].easy);
    free(run.transfers);
    curl_slist_free_all(run.headers);
    curl_multi_cleanup(run.multi);
    curl_global_cleanup();
    return 0;
}
