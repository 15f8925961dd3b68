/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

/* So long has news to stand; gateways that are just busy, longer: most are done by then. */
#define STANDS_MS 10000
#define BUSY_STANDS_MS 30000
/* Each time that it was told lately doubles that, so many times; lately is this. */
#define DOUBLED_MAX 2
#define LATELY_MS 1800000
/* Where it never stands, it is told after so long all the same. */
#define DIFFERS_MAX_MS 120000

/* Is it what a rolling update does? A Deployment's has a quarter more pods, or fewer, by default.
 */
static bool may_be_rolling(const struct pace_case *now_case)
{
    if (now_case->programmed == PROGRAMMED_PENDING)
        return true;
    size_t more = now_case->total > now_case->told_total ? now_case->total - now_case->told_total
                                                         : now_case->told_total - now_case->total;
    return now_case->programmed == PROGRAMMED_TRUE && more <= now_case->told_total / 4;
}

static int64_t patience(struct pace *pace, const struct pace_case *now_case, int64_t now_ms)
{
    if (now_ms - pace->told_ms > LATELY_MS)
        pace->told = 0;
    if (!may_be_rolling(now_case))
        return STANDS_MS;
    int64_t stands = now_case->programmed == PROGRAMMED_PENDING ? BUSY_STANDS_MS : STANDS_MS;
    return stands << (pace->told < DOUBLED_MAX ? pace->told : DOUBLED_MAX);
}

int64_t pace_delay(struct pace *pace, const struct pace_case *now_case, int64_t now_ms)
{
    bool same = pace->differs && pace->programmed == now_case->programmed &&
                pace->total == (uint32_t)now_case->total &&
                pace->synced == (uint32_t)now_case->synced;
    if (!pace->differs)
        pace->differs_ms = now_ms;
    pace->differs = true;
    if (!same)
        pace->stands_ms = now_ms;
    pace->programmed = now_case->programmed;
    pace->total = (uint32_t)now_case->total;
    pace->synced = (uint32_t)now_case->synced;

    bool is_good_news = !now_case->was_programmed && now_case->programmed == PROGRAMMED_TRUE;
    bool is_first_news = !now_case->was_programmed && !now_case->same_reason && !pace->told;
    if (is_good_news || is_first_news)
        return 0;
    int64_t stood = pace->stands_ms + patience(pace, now_case, now_ms);
    int64_t at_last = pace->differs_ms + DIFFERS_MAX_MS;
    int64_t due = stood < at_last ? stood : at_last;
    return due > now_ms ? due - now_ms : 0;
}

void pace_followed(struct pace *pace, int64_t now_ms)
{
    pace->told++;
    pace->told_ms = now_ms;
    pace->differs = false;
}

void pace_settled(struct pace *pace)
{
    pace->differs = false;
}
