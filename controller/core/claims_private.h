/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/object.h"

/* One set of things of one API: what it wants, or what is recorded of it. */
struct claim {
    const char *context; /* NULL: the default one */
    const char *id;      /* NULL: none */
    const char *path;    /* as written; NULL: none */
};

/* That an entry has a text. Texts of one hash make their entries neighbours, which costs a little
 * time and changes no decision: those compare the texts. */
struct node {
    LIST_ENTRY(node) chain;
    uint32_t hash;
    uint32_t index; /* of the entry's nodes */
};

/* In one piece of memory with its nodes, the texts of `want`, domain and derived; so is `held` with
 * its own. */
struct entry {
    struct object *api; /* a reference */
    struct claim want;  /* empty when it is refused */
    struct claim *held; /* as its status says: `want` itself when that is the same; NULL: nothing */
    const char *domain; /* NULL: none */
    const char *derived; /* its derived id, where it gives another one; NULL */
    /* The decision; `with` NULL and `over` set: the gateway itself. */
    char *with;
    char *over;
    bool is_explicit;
    bool is_reserved; /* wants a path of the gateway's own */
    bool is_new;      /* put since the last decision */
    bool is_grouped;  /* while it is decided */
    bool is_in_ring;  /* likewise: those that it waits for wait for it */
    size_t unsettled; /* one more than where it is in the list of these; 0: it is not */
    uint32_t node_count;
    struct node nodes[];
};

/* Decides for all of them what they want, may have and are refused; sorts them by age. */
void claims_decide(struct entry **entries, size_t count);
