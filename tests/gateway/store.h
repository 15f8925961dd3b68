/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "definition.h"

/*
 * The folder of definitions. The files are the truth, also ones that were put there past the
 * gateway; what was read from a file is kept until the file changes.
 */
struct store;

struct store *store_new(const char *folder);
void store_free(struct store *store);

/* Writes <id>.json, and for OAS <id>-oas.json after it. Returns false if one cannot be written. */
bool store_put(struct store *store, struct definition *definition);

/* Removes the files of an API. Returns false if one of them is not there. */
bool store_remove(struct store *store, const char *api_id, bool is_oas);

/*
 * Reads the folder: the definitions that a gateway would load, in the order of file names, in a new
 * array with a reference each, for store_release. A folder that is not there is an empty one.
 */
struct definition **store_scan(struct store *store, size_t *ret_count);
void store_release(struct definition **definitions, size_t count);

/* Removes every file. */
void store_wipe(struct store *store);

/* Number of files in the folder. */
size_t store_file_count(const struct store *store);

/* Calls with the name of each file, in no order. */
void store_each_file(const struct store *store, void (*call)(void *arg, const char *name),
                     void *arg);
