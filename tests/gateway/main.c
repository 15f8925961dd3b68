/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "gateway.h"
#include "options.h"

int main(int argc, char **argv)
{
    struct options options;
    switch (options_read(&options, argc, argv)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_WRONG:
        return 1;
    case OPTIONS_RUN:
        break;
    }
    signal(SIGPIPE, SIG_IGN);
    struct gateway *gateway = gateway_new(&options);
    if (gateway == NULL) {
        return 1;
    }
    int code = gateway_run(gateway);
    gateway_free(gateway);
    return code;
}
