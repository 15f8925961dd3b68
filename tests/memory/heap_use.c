/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be loaded before others: writes the bytes that a program has taken from the heap and
 * not given back into the file HEAP_USE names, every half a second. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *report(void *arg)
{
    const char *path = arg;
    for (;;) {
        struct mallinfo2 use = mallinfo2();
        FILE *file = fopen(path, "w");
        if (file) {
            fprintf(file, "%zu\n", use.uordblks + use.hblkhd);
            fclose(file);
        }
        usleep(500000);
    }
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    char *path = getenv("HEAP_USE");
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    if (!path)
        return;
    /* Signals are the program's own. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, report, path) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
