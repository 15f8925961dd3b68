/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api_status.h"

/*
 * How fast an API's status follows its gateways, once it has said all else that there is to say.
 * Pods come and go, and each of thousands of APIs would be written for each of them: what is only
 * that is told when it has stood for a while. As many more or fewer as a rolling update makes, or
 * being busy, have to stand the longer the more often they were told lately, so that an update
 * costs a write or two however long it takes. That everything is in place (again) is told at once,
 * and so is the first trouble of an API that never was.
 */
struct pace {
    int64_t differs_ms; /* since when the status is not what the gateways say */
    int64_t stands_ms;  /* since when they have said the same */
    int64_t told_ms;    /* when they were followed last */
    uint32_t total;
    uint32_t synced;
    unsigned told; /* how often lately */
    enum programmed programmed : 8;
    bool differs;
};

/* What the gateways say, and what the status says. */
struct pace_case {
    enum programmed programmed;
    size_t total;
    size_t synced;
    size_t told_total;   /* how many gateways the status names */
    bool was_programmed; /* the status says Programmed */
    bool same_reason;    /* the reason of Programmed is the status' own: just counts differ */
};

/* How long to wait before the status is written; 0: write it now. */
int64_t pace_delay(struct pace *pace, const struct pace_case *now_case, int64_t now_ms);
/* It has been written because of the gateways alone. */
void pace_followed(struct pace *pace, int64_t now_ms);
/* It says what they say. */
void pace_settled(struct pace *pace);
