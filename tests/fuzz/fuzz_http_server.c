/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what somebody sends to the port of probes and metrics. What comes back is HTTP; a
 * page is made only for GET and HEAD; the next client is served. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "expect.h"
#include "net/http_server.h"
#include "net/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One server for all inputs, as in the program. */
struct world {
    struct loop *loop;
    struct http_server *server;
    int fd; /* the client */
    size_t pages;
    char answer[8192];
    size_t length;
};

static void fill(void *arg, struct http_reply *reply)
{
    struct world *world = arg;
    world->pages++;
    buf_add_text(&reply->body, "ok\n");
}

static struct world *the_world(void)
{
    static struct world world;
    if (world.server)
        return &world;
    world.loop = loop_new(NULL);
    const struct http_route routes[] = {{"/readyz", fill, &world}, {"/metrics", fill, &world}};
    struct err err;
    world.server = http_server_new(world.loop, "127.0.0.1:0", routes, ARRAY_LENGTH(routes), &err);
    expect(world.server, "there is a port");
    return &world;
}

static void on_readable(void *arg)
{
    struct world *world = arg;
    ssize_t got =
        read(world->fd, world->answer + world->length, sizeof(world->answer) - 1 - world->length);
    if (got > 0)
        world->length += (size_t)got;
    if (got <= 0 || world->length == sizeof(world->answer) - 1)
        loop_stop(world->loop);
}

/* Sends all, says that this was all, and reads to the end. */
static void exchange(struct world *world, const void *bytes, size_t length)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(world->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    world->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(connect(world->fd, (struct sockaddr *)&address, sizeof(address)) == 0, "it listens");
    world->length = 0;
    for (size_t sent = 0; sent < length;) {
        ssize_t now = send(world->fd, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
        if (now <= 0)
            break;
        sent += (size_t)now;
    }
    shutdown(world->fd, SHUT_WR);
    struct loop_watch *watch = loop_watch_new(world->loop, world->fd, on_readable, world);
    loop_run(world->loop);
    loop_watch_free(watch);
    close(world->fd);
    world->answer[world->length] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct world *world = the_world();
    if (size > 16384) /* what fits into a socket's buffer */
        return 0;
    world->pages = 0;
    exchange(world, data, size);
    expect(!world->length || strncmp(world->answer, "HTTP/", 5) == 0, "an answer is HTTP");
    expect(!world->pages || memmem(data, size, "GET ", 4) || memmem(data, size, "HEAD ", 5),
           "a page is for who asks for one");
    exchange(world, good, sizeof(good) - 1);
    expect(strncmp(world->answer, "HTTP/1.1 200 ", 13) == 0, "the next one is served");
    return 0;
}
