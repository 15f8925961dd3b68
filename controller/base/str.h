/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Equality; two NULLs are equal, NULL equals nothing else. */
bool str_equal(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
/* NULL and "" alike. */
bool str_is_empty(const char *text);

/* Whole text as a decimal number within [min, max]; -1 and ERR_INVALID otherwise. */
int str_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct err *err);

/* "10s", "1m30s", "2h", "500ms", "0": milliseconds, for flags. Units h, m, s, ms; each at most
 * once. */
int str_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err);

/* Base64, RFC 4648: the ordinary alphabet with padding for decoding (Kubernetes Secret data), the
 * URL alphabet without padding for encoding api ids. */
void str_base64url(struct buf *out, const void *bytes, size_t length);
void str_base64(struct buf *out, const void *bytes, size_t length);
int str_base64_decode(struct buf *out, const char *text, size_t length, struct err *err);

/* Two lower-case digits a byte. */
void str_hex(struct buf *out, const void *bytes, size_t length);

/* "2026-01-02T15:04:05Z" from and to seconds since 1970 (RFC 3339; fractions and offsets are read).
 */
void str_format_time(char out[static 21], int64_t seconds);
int str_parse_time(const char *text, int64_t *ret_seconds, struct err *err);

/* Is it well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool str_is_utf8(const char *text, size_t length);

/* The length of the character at `text` and its code where it is one, beyond ASCII, that a reader
 * does not see but obeys: a C1 control (a terminal takes it for ESC and a letter), a line or
 * paragraph separator, or what turns the direction of writing (U+061C, U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069), so that a text looks like another one. Else 0. */
size_t str_obeyed(const char *text, size_t length, unsigned *ret_code);

/* Text for a log line or an error message: printable ASCII and UTF-8 kept; control characters,
 * those of str_obeyed(), and broken UTF-8 become '?'; cut to `limit` bytes with "…" behind.
 */
void str_add_printable(struct buf *out, const char *text, size_t length, size_t limit);

/* qsort(3) and bsearch(3) order for arrays of char *: by bytes. */
int str_compare_pointers(const void *a, const void *b);

/* How many letters have to be changed, added or dropped to come from a to b, at most 3. */
unsigned str_distance(const char *a, const char *b);
