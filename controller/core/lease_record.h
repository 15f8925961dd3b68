/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The record of a leader election in a Lease (coordination.k8s.io/v1), as client-go keeps it, so
 * that kubectl and dashboards can read it. Whatever else stands in the object (labels, strategy and
 * preferredHolder of coordinated elections) is passed on as it is. Pure.
 */
struct lease_record {
    struct span spec; /* all of it, borrowed: another text is another record */
    char *holder;     /* owned; "": nobody */
    int64_t duration_ms;
    int64_t transitions;
};

/* Reads a Lease object, which has to outlive the record. -1: it is none. What is missing in the
 * spec is empty or 0, as client-go has it: a duration of 0 has passed. */
int lease_record_read(struct span object, struct lease_record *ret_record, struct err *err);
void lease_record_fini(struct lease_record *record);

enum lease_claim {
    LEASE_CLAIM_TAKE,    /* a new holder: acquireTime is now, one transition more */
    LEASE_CLAIM_KEEP,    /* the holder renews */
    LEASE_CLAIM_RELEASE, /* nobody holds it from now on */
};
struct lease_author {
    const char *identity;
    int64_t duration_ms;
    int64_t wall_us; /* since 1970: for people, nobody decides by it */
};
/* Appends the object to write in place of `object`, its resourceVersion included. */
void lease_record_write(struct span object, enum lease_claim claim,
                        const struct lease_author *author, struct buf *out);
/* Appends the object to create. */
void lease_record_create(const char *ns, const char *name, const struct lease_author *author,
                         struct buf *out);
