/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* What the kernel says of this process. */
struct process_figures {
    double cpu_seconds;
    double start_time; /* seconds since 1970 */
    double resident_bytes;
    double virtual_bytes;
    size_t open_files;
    size_t max_files;
};

/* What cannot be read is 0. */
void process_read(struct process_figures *ret_figures);
