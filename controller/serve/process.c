/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat behind the name in brackets, which may hold anything (proc(5)). */
#define FIELD_UTIME 11
#define FIELD_STIME 12
#define FIELD_START 19
#define FIELD_VSIZE 20
#define FIELD_RSS 21
#define FIELD_COUNT 22

static size_t read_fields(double fields[FIELD_COUNT])
{
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    char text[1024];
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    /* The first is a letter, the state. */
    at = at && at[1] == ' ' && at[2] ? at + 3 : "";
    size_t count = 1;
    fields[0] = 0;
    char *end = NULL;
    while (count < FIELD_COUNT) {
        fields[count] = strtod(at, &end);
        if (end == at)
            break;
        at = end;
        count++;
    }
    return count;
}

static size_t count_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    size_t count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    /* ".", ".." and the folder itself. */
    return count > 3 ? count - 3 : 0;
}

void process_read(struct process_figures *ret_figures)
{
    *ret_figures = (struct process_figures){.open_files = count_files()};
    double fields[FIELD_COUNT];
    if (read_fields(fields) == FIELD_COUNT) {
        long ticks = sysconf(_SC_CLK_TCK);
        long page = sysconf(_SC_PAGESIZE);
        double tick = (double)ticks;
        struct timespec wall;
        struct timespec since_boot;
        clock_gettime(CLOCK_REALTIME, &wall);
        clock_gettime(CLOCK_BOOTTIME, &since_boot);
        ret_figures->cpu_seconds = (fields[FIELD_UTIME] + fields[FIELD_STIME]) / tick;
        ret_figures->start_time =
            (double)(wall.tv_sec - since_boot.tv_sec) + fields[FIELD_START] / tick;
        ret_figures->virtual_bytes = fields[FIELD_VSIZE];
        ret_figures->resident_bytes = fields[FIELD_RSS] * (double)page;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ret_figures->max_files = limit.rlim_cur;
}
