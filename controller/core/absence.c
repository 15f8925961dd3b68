/* SPDX-License-Identifier: Apache-2.0 */
#include "core/absence.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"

struct absence {
    int64_t since;
    bool asked; /* since the last sweep */
};

struct absence_log {
    struct strmap *absences; /* key → struct absence */
};

struct absence_log *absence_log_new(void)
{
    struct absence_log *log = xcalloc(1, sizeof(*log));
    log->absences = strmap_new(free);
    return log;
}

void absence_log_free(struct absence_log *log)
{
    if (!log)
        return;
    strmap_free(log->absences);
    free(log);
}

int64_t absence_since(struct absence_log *log, const char *key, int64_t now_ms)
{
    struct absence *absence = strmap_get(log->absences, key);
    if (!absence) {
        absence = xmalloc(sizeof(*absence));
        absence->since = now_ms;
        strmap_set(log->absences, key, absence);
    }
    absence->asked = true;
    return absence->since;
}

size_t absence_sweep(struct absence_log *log)
{
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(log->absences); e; e = next) {
        struct absence *absence = strmap_entry_value(e);
        next = strmap_next(e);
        if (!absence->asked)
            strmap_remove(log->absences, strmap_entry_key(e));
        else
            absence->asked = false;
    }
    return strmap_count(log->absences);
}
