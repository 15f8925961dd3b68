/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/list_items.h"

#define ITEM_LIMIT (8U << 20)

void list_items_init(struct list_items *items, void (*fn)(void *arg, struct span item), void *arg)
{
    *items = (struct list_items){.fn = fn, .arg = arg};
    buf_init(&items->item, ITEM_LIMIT);
}

void list_items_fini(struct list_items *items)
{
    buf_fini(&items->item);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool feed_outside(struct list_items *items, char byte)
{
    if (is_blank(byte))
        return true;
    if (items->ended)
        return false;
    if (!items->begun) {
        items->begun = byte == '[';
        return items->begun;
    }
    if (byte == ']') {
        items->ended = true;
        return true;
    }
    if (byte == '{') {
        items->depth = 1;
        buf_add_char(&items->item, byte);
        return true;
    }
    return byte == ',';
}

static void feed_inside(struct list_items *items, char byte)
{
    buf_add_char(&items->item, byte);
    if (items->in_string) {
        if (items->escaped)
            items->escaped = false;
        else if (byte == '\\')
            items->escaped = true;
        else if (byte == '"')
            items->in_string = false;
        return;
    }
    if (byte == '"')
        items->in_string = true;
    else if (byte == '{' || byte == '[')
        items->depth++;
    else if ((byte == '}' || byte == ']') && --items->depth == 0) {
        items->fn(items->arg, (struct span){items->item.data, items->item.length});
        buf_clear(&items->item);
    }
}

bool list_items_feed(struct list_items *items, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!items->depth) {
            if (!feed_outside(items, bytes[i]))
                return false;
        } else {
            feed_inside(items, bytes[i]);
        }
    }
    return !items->item.overflowed;
}

bool list_items_done(const struct list_items *items)
{
    return items->ended;
}
