/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * What the commands say to people. Names, values, paths and messages come from outside: whatever
 * stands in them, it is one line, and a terminal shows it and does not obey it.
 */

/* Writes JSON: what it says is the same, but a terminal obeys nothing of it either. */
void line_print_json(FILE *out, const char *json, size_t length);
/* Writes the text and a line feed; "…" stands where it is cut. */
void line_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
