/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is logged meanwhile, in place of stderr.
 */
struct log_capture {
    int before; /* stderr as it was */
    int file;
};

/* From now on lines of level info and up are caught, as JSON. */
void log_capture_start(struct log_capture *capture);
/* Returns owned: what was caught. The level is that of errors afterwards. */
char *log_capture_end(struct log_capture *capture);
