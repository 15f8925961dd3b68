/* SPDX-License-Identifier: Apache-2.0 */
#include "core/absence.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"

struct absence_log {
    struct strmap *since; /* key → int64_t */
};

struct absence_log *absence_log_new(void)
{
    struct absence_log *log = xcalloc(1, sizeof(*log));
    log->since = strmap_new(free);
    return log;
}

void absence_log_free(struct absence_log *log)
{
    if (!log)
        return;
    strmap_free(log->since);
    free(log);
}

int64_t absence_since(struct absence_log *log, const char *key, int64_t now_ms)
{
    int64_t *since = strmap_get(log->since, key);
    if (!since) {
        since = xmalloc(sizeof(*since));
        *since = now_ms;
        strmap_set(log->since, key, since);
    }
    return *since;
}

void absence_end(struct absence_log *log, const char *key)
{
    strmap_remove(log->since, key);
}
