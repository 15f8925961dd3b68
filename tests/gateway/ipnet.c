/* SPDX-License-Identifier: Apache-2.0 */
#include "ipnet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct ipnet {
    int family;
    unsigned char bytes[16];
    long prefix;
};

static bool read_net(const char *text, struct ipnet *ret_net)
{
    char host[64];
    size_t len = strcspn(text, "/");
    if (len == 0 || len >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    struct ipnet net = {.family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET};
    if (inet_pton(net.family, host, net.bytes) != 1) {
        return false;
    }
    long full = net.family == AF_INET ? 32 : 128;
    net.prefix = full;
    if (text[len] == '/') {
        char *end = NULL;
        net.prefix = strtol(text + len + 1, &end, 10);
        if (text[len + 1] == '\0' || *end != '\0' || net.prefix < 0 || net.prefix > full) {
            return false;
        }
    }
    *ret_net = net;
    return true;
}

bool ipnet_is_valid(const char *text)
{
    struct ipnet net;
    return read_net(text, &net);
}

bool ipnet_has(const char *net, const char *address)
{
    struct ipnet left;
    struct ipnet right;
    if (!read_net(net, &left) || !read_net(address, &right) || left.family != right.family) {
        return false;
    }
    for (long bit = 0; bit < left.prefix; bit++) {
        int mask = 0x80 >> (bit % 8);
        if ((left.bytes[bit / 8] & mask) != (right.bytes[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}
