/* SPDX-License-Identifier: Apache-2.0 */
#include "support/log_capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

void log_capture_start(struct log_capture *capture)
{
    log_setup(LOG_LEVEL_INFO, true);
    fflush(stderr);
    capture->before = dup(2);
    capture->file = memfd_create("log", MFD_CLOEXEC);
    assert_true(capture->before >= 0 && capture->file >= 0 && dup2(capture->file, 2) == 2);
}

char *log_capture_end(struct log_capture *capture)
{
    fflush(stderr);
    dup2(capture->before, 2);
    close(capture->before);
    log_setup(LOG_LEVEL_ERROR, true);
    off_t length = lseek(capture->file, 0, SEEK_END);
    char *text = xcalloc(1, (size_t)length + 1);
    assert_int_equal(pread(capture->file, text, (size_t)length, 0), length);
    close(capture->file);
    return text;
}
