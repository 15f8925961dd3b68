/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_fault(struct err *err, int number, const char *what)
{
    char text[128];
    enum err_class class = number == ENOENT || number == ENOTDIR ? ERR_NOT_FOUND
                           : number == EACCES || number == EPERM ? ERR_DENIED
                                                                 : ERR_TRANSIENT;
    return err_set(err, class, number, "%s: %s", what, strerror_r(number, text, sizeof(text)));
}

static int read_all(int fd, size_t limit, struct buf *out, struct err *err)
{
    char chunk[65536];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_fault(err, errno, "cannot be read");
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > limit)
            return err_set(err, ERR_INVALID, 0,
                           "larger than %zu MiB, which is the most that is read", limit >> 20);
        buf_add(out, chunk, (size_t)got);
    }
}

int file_read(const char *path, size_t limit, bool any_type, struct buf *out, struct err *err)
{
    /* Without O_NONBLOCK, a pipe that nobody writes to would block the open. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | (any_type ? 0 : O_NONBLOCK));
    if (fd < 0)
        return file_fault(err, errno, "cannot be opened");
    struct stat status;
    int result;
    if (fstat(fd, &status) < 0)
        result = file_fault(err, errno, "cannot be read");
    else if (S_ISDIR(status.st_mode))
        result = err_set(err, ERR_INVALID, EISDIR, "a folder, a file is expected");
    else if (!any_type && !S_ISREG(status.st_mode))
        result = err_set(err, ERR_INVALID, 0, "not a regular file");
    else
        result = read_all(fd, limit, out, err);
    close(fd);
    return result;
}

static int write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length) {
        ssize_t put = write(fd, at, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        at += put;
        length -= (size_t)put;
    }
    return 0;
}

/* A rename is on the disk once its folder is. Some file systems cannot do that; the data are safe
 * there all the same. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(freep) char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
    CLEANUP(freep) char *temporary = xasprintf("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return file_fault(err, errno, "cannot be written");
    int failed = fchmod(fd, mode) < 0 || write_all(fd, bytes, length) < 0 || fsync(fd) < 0;
    int number = errno;
    if (close(fd) < 0 && !failed) {
        failed = 1;
        number = errno;
    }
    if (!failed && rename(temporary, path) < 0) {
        failed = 1;
        number = errno;
    }
    if (failed) {
        (void)unlink(temporary);
        return file_fault(err, number, "cannot be written");
    }
    sync_folder(path);
    return 0;
}
