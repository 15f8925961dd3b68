/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"
#include "core/object.h"

/*
 * From an item of a list or an event of a watch to an object. Pure.
 *
 * An object whose text cannot be used as a whole (a string with U+0000, nested without measure) is
 * still an object that exists: it is made from what can be read of its metadata, with `problem`
 * set. Items of built-in lists come without apiVersion and kind; they are put in, so that an object
 * has the same text whichever way it came.
 *
 * -1, ERR_INVALID: it is of another kind, has no name that could be read, or breaks off.
 */
int kube_object_decode(enum object_kind kind, struct span text, struct object **ret_object,
                       struct err *err) MUST_CHECK;
