/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "core/object.h"

/*
 * What is remembered of one object, and its form in status/KIND.NAMESPACE.NAME.yaml. Private to
 * dir/dir_state*.c.
 */
#define DIR_ENTRY_BASE 20
struct dir_entry {
    const char *key; /* borrowed */
    int64_t generation;
    int64_t created;
    struct digest content;         /* of all but metadata and status */
    char base[DIR_ENTRY_BASE + 1]; /* of all but the status: the beginning of its digest */
    enum object_kind kind : 8;
    bool has_status : 1;     /* one was written */
    char *remembered;        /* as the file has it, until `current` holds it; NULL otherwise */
    struct object *current;  /* NULL: read from the disk, not seen in a manifest yet */
    struct object *accepted; /* the last version without a problem */
};

void dir_entry_free(void *value);

/* Is the status of such objects kept on the disk? */
bool dir_entry_is_kept(enum object_kind kind);
/* Returns owned: the name of its file, safe whatever the object is called. */
char *dir_entry_file_name(enum object_kind kind, const char *key);

/* Appends the YAML of the file, with this status (JSON text). */
void dir_entry_print(const struct dir_entry *entry, struct span status, struct buf *out);
/* Returns owned: the entry that a file holds, and its key. -1, ERR_INVALID, when it is none. */
int dir_entry_parse(struct span yaml, struct dir_entry **ret_entry, char **ret_key,
                    struct err *err) MUST_CHECK;

/* Makes `current` of a manifest and what is remembered; `problem` may be NULL. */
int dir_entry_join(struct dir_entry *entry, struct span manifest, const char *problem,
                   struct err *err) MUST_CHECK;
/* The same with the entry's status changed. */
void dir_entry_set_status(struct dir_entry *entry, struct span status);
/* The digest of what makes a generation. */
struct digest dir_content_digest(struct span object);
