/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/object.h"

/*
 * The pods behind a Service, as its EndpointSlices name them: each is a gateway of its own. A pod
 * in several slices (IPv4 and IPv6, or while slices are rebalanced) counts once; one that is
 * terminating does not count at all; one that is not ready does, marked so.
 */
struct service_endpoint {
    char *id;  /* the pod's uid, scheme and port; without one, address and port */
    char *url; /* "http://10.1.2.3:8080", "https://[fd00::1]:8080" */
    char *pod; /* its name, "" when it is not known */
    bool ready;
};

struct service_endpoints {
    struct service_endpoint *items; /* by id in bytes */
    size_t count;
    size_t capacity;
    /* Why there are none although slices are there: "the Service has no port x"; NULL: no reason.
     */
    char *problem;
};

struct service_target {
    const struct object *service; /* NULL: not known yet */
    const char *port;             /* name or number; NULL: the Service's only one */
    bool https;                   /* else the port's appProtocol decides */
};

/* `slices` are those that bear the label kubernetes.io/service-name of the Service. */
void service_endpoints_read(const struct service_target *target, const struct object *const *slices,
                            size_t slice_count, struct service_endpoints *ret_endpoints);
void service_endpoints_fini(struct service_endpoints *endpoints);
