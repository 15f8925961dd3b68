/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Since when something has been absent, without a break: what a grace period is measured by. Pure.
 */
struct absence_log;

struct absence_log *absence_log_new(void);
void absence_log_free(struct absence_log *log);

/* The time since which `key` has been absent: now_ms if this is the first that is heard of it. */
int64_t absence_since(struct absence_log *log, const char *key, int64_t now_ms);
/* It is there (again). */
void absence_end(struct absence_log *log, const char *key);
