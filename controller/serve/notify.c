/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

int notify_send(const char *socket_path, const char *state, struct err *err)
{
    if (str_is_empty(socket_path))
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_path);
    /* An abstract name needs no NUL at its end, a path gets one. */
    if ((*socket_path != '/' && *socket_path != '@') || length >= sizeof(address.sun_path))
        return err_set(err, ERR_INVALID, 0, "$NOTIFY_SOCKET: neither a path nor an abstract name");
    memcpy(address.sun_path, socket_path, length);
    if (*socket_path == '@')
        address.sun_path[0] = '\0';

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, ERR_TRANSIENT, errno, "socket: %s", strerror(errno));
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    int error = errno;
    close(fd);
    if (sent < 0)
        return err_set(err, ERR_TRANSIENT, error, "$NOTIFY_SOCKET: %s", strerror(error));
    return 0;
}
