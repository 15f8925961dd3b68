/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"

char *secret_value(const struct object *object, const char *key, size_t *ret_length)
{
    if (!object)
        return NULL;
    struct span plain = json_text_get(object->text, "stringData", key, NULL);
    struct span data = json_text_get(object->text, "data", key, NULL);
    bool encoded = object->kind == OBJECT_SECRET && !plain.ptr;
    char *text = json_text_string(plain.ptr ? plain : data);
    if (!text || !encoded) {
        if (text && ret_length)
            *ret_length = strlen(text);
        return text;
    }
    struct buf value;
    buf_init(&value, 4U << 20);
    int result = str_base64_decode(&value, text, strlen(text), NULL);
    free(text);
    if (result < 0) {
        buf_fini(&value);
        return NULL;
    }
    if (ret_length)
        *ret_length = value.length;
    return buf_take(&value);
}
