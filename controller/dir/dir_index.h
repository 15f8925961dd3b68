/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/strmap.h"
#include "core/object.h"
#include "dir/manifests.h"

/*
 * Which object stands in which file: what the folder source knows of files between two looks.
 * Objects whose places have changed are marked, until somebody has taken the mark off.
 */
struct dir_file;
struct dir_holder;

/* There is one of each of these for every object: their members are ordered for size. */
struct dir_place {
    struct dir_file *file;
    struct dir_holder *holder; /* of the object */
    struct dir_place *next;    /* of the holder */
    char *problem;             /* of the manifest itself; NULL: none */
    struct object *fresh;      /* as it was read, until it is taken over; NULL then */
    uint32_t line;
    bool is_taken; /* the object is as it stands here */
};

/* Enough of a stat to see that a file is another one or was written to. */
struct dir_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t modified_ns;
    int64_t changed_ns;
};

struct dir_file {
    const char *path; /* the index's */
    struct dir_identity identity;
    char *broken; /* "FILE:LINE: cause": its objects are the last good ones; NULL: none */
    char *hidden; /* "FILE:LINE: cause": an object may stand there that cannot be named; NULL: no */
    struct dir_place *places;
    uint32_t place_count : 31;
    bool is_known : 1; /* `identity` is that of what was read */
    unsigned pass;     /* the last one in which it was seen */
};

/* An object of the folder. */
struct dir_holder {
    const char *key;          /* the index's */
    struct dir_place *places; /* where it stands now */
    uint32_t place_count;
    enum object_kind kind : 8;
    bool is_marked : 1;
    bool is_told : 1;      /* the sink has it */
    struct digest content; /* of the manifest that was taken over */
};

struct dir_index {
    struct strmap *files;       /* path → struct dir_file */
    size_t broken_count;        /* of files */
    size_t hiding_count;        /* of files with something hidden */
    struct strmap *holders;     /* "KIND KEY" → struct dir_holder */
    struct dir_holder **marked; /* in the order of their marking, from marked_next on */
    size_t marked_next;
    size_t marked_count;
    size_t marked_capacity;
};

void dir_index_init(struct dir_index *index);
void dir_index_fini(struct dir_index *index);

bool dir_identity_equal(const struct dir_identity *a, const struct dir_identity *b);
struct dir_identity dir_identity_of(const struct stat *status);

/* The file, made when it is not known. */
struct dir_file *dir_index_file(struct dir_index *index, const char *path);
/* The file was read: these are its objects now (taken over from the manifests), and its first
 * problem that hides objects is remembered. */
void dir_index_set(struct dir_index *index, struct dir_file *file, struct manifests *manifests);
/* The file cannot be read: its objects stay. Takes `cause`. */
void dir_index_break(struct dir_index *index, struct dir_file *file, char *cause);
/* The file is gone, and with it its objects. */
void dir_index_remove(struct dir_index *index, struct dir_file *file);

/* Returns owned: "KIND KEY", what objects are called in maps. */
char *dir_index_name(enum object_kind kind, const char *key);
struct dir_holder *dir_index_find(const struct dir_index *index, enum object_kind kind,
                                  const char *key);
void dir_index_mark(struct dir_index *index, struct dir_holder *holder);
/* Takes the mark off one holder and returns it; NULL when none is marked. */
struct dir_holder *dir_index_next(struct dir_index *index);
/* Forgets an object that stands nowhere. */
void dir_index_drop(struct dir_index *index, struct dir_holder *holder);
/* Is any file broken, or does one hide something? The cause of one, borrowed; NULL: none. */
const char *dir_index_broken(const struct dir_index *index);
/* How many objects of a kind the sink has. */
size_t dir_index_told(const struct dir_index *index, enum object_kind kind);
