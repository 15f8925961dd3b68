/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Since when things have been absent, without a break: what a grace period is measured by. Who
 * looks asks for all that is absent, and then sweeps: what was not asked for is there (again).
 * Pure.
 */
struct absence_log;

struct absence_log *absence_log_new(void);
void absence_log_free(struct absence_log *log);

/* The time since which `key` has been absent: now_ms if this is the first that is heard of it. */
int64_t absence_since(struct absence_log *log, const char *key, int64_t now_ms);
/* Forgets what has not been asked for since the last sweep; returns how many are left. */
size_t absence_sweep(struct absence_log *log);
