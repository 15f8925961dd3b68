/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"
#include "base/span.h"

/*
 * Texts packed small, against a dictionary of what such texts hold: a single object of a few
 * kilobytes has little in itself to refer back to. (zstd: some 20 µs to pack, 4 µs to open.)
 */
struct packer;

/* Returns owned. `dictionary` is copied. */
struct packer *packer_new(struct span dictionary);
void packer_free(struct packer *packer);

/* The packed text, borrowed until the next call; ptr NULL when that would not save at least an
 * eighth. */
struct span packer_pack(struct packer *packer, struct span text);
/* Writes the text of `length` bytes that was packed; anything else is a damaged memory and ends the
 * process. */
void packer_open(struct packer *packer, struct span packed, char *text, size_t length);
