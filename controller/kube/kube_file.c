/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

static int fail(struct err *err, const char *path)
{
    int why = errno;
    enum err_class class = why == ENOENT || why == ENOTDIR ? ERR_NOT_FOUND
                           : why == EACCES || why == EPERM ? ERR_DENIED
                                                           : ERR_TRANSIENT;
    return err_set(err, class, why, "%s: %s", path, strerror(why));
}

static int read_all(int fd, const char *path, struct buf *text, struct err *err)
{
    char piece[8192];
    ssize_t length;
    while ((length = read(fd, piece, sizeof(piece))) != 0) {
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return fail(err, path);
        buf_add(text, piece, (size_t)length);
        if (text->overflowed)
            return err_set(err, ERR_INVALID, 0, "%s: longer than %zu bytes", path, text->limit);
    }
    if (memchr(buf_text(text), '\0', text->length))
        return err_set(err, ERR_INVALID, 0, "%s: holds a NUL byte", path);
    return 0;
}

int kube_file_read(const char *path, size_t limit, char **ret_text, struct err *err)
{
    /* A pipe or device must not hold the loop up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(err, path);
    struct buf text;
    buf_init(&text, limit);
    int result = read_all(fd, path, &text, err);
    close(fd);
    if (result == 0)
        *ret_text = buf_take(&text);
    buf_fini(&text);
    return result;
}

int kube_file_read_word(const char *path, size_t limit, char **ret_text, struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    if (kube_file_read(path, limit, &text, err) < 0)
        return -1;
    const char *from = text;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): kube_file_read() gave 0 */
    while (isspace((unsigned char)*from))
        from++;
    size_t length = strlen(from);
    while (length && isspace((unsigned char)from[length - 1]))
        length--;
    if (!length)
        return err_set(err, ERR_INVALID, 0, "%s: empty", path);
    *ret_text = xstrndup(from, length);
    return 0;
}
