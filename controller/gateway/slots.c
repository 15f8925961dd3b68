/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/fleet.h"

#define FIRST_CAPACITY 16

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        hash = (hash ^ *at) * 16777619U;
    return hash;
}

void slots_fini(struct slots *slots)
{
    for (size_t i = 0; i < slots->capacity; i++)
        free(slots->table[i]);
    free(slots->table);
    free(slots->walk);
    *slots = (struct slots){0};
}

struct slot *slots_find(const struct slots *slots, const char *api_id)
{
    if (!slots->capacity)
        return NULL;
    uint32_t hash = hash_of(api_id);
    size_t mask = slots->capacity - 1;
    for (size_t i = hash & mask; slots->table[i]; i = (i + 1) & mask) {
        struct slot *slot = slots->table[i];
        if (slot->hash == hash && strcmp(slot->place->api_id, api_id) == 0)
            return slot;
    }
    return NULL;
}

static void place_in(struct slot **table, size_t capacity, struct slot *slot)
{
    size_t i = slot->hash & (capacity - 1);
    while (table[i])
        i = (i + 1) & (capacity - 1);
    table[i] = slot;
}

static void grow(struct slots *slots)
{
    size_t capacity = slots->capacity ? slots->capacity * 2 : FIRST_CAPACITY;
    struct slot **table = xcalloc(capacity, sizeof(struct slot *));
    for (size_t i = 0; i < slots->capacity; i++) {
        if (slots->table[i])
            place_in(table, capacity, slots->table[i]);
    }
    free(slots->table);
    slots->table = table;
    slots->capacity = capacity;
}

static void list_add(struct slot_list *list, struct slot *slot)
{
    slot->prev = list->last;
    slot->next = NULL;
    if (list->last)
        list->last->next = slot;
    else
        list->first = slot;
    list->last = slot;
    list->count++;
}

static void list_remove(struct slot_list *list, struct slot *slot)
{
    if (slot->prev)
        slot->prev->next = slot->next;
    else
        list->first = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
    else
        list->last = slot->prev;
    list->count--;
}

struct slot *slots_add(struct slots *slots, struct place *place)
{
    /* At most three quarters full. */
    if (slots->count + 1 > slots->capacity / 4 * 3)
        grow(slots);
    struct slot *slot = xcalloc(1, sizeof(*slot));
    slot->place = place;
    slot->hash = hash_of(place->api_id);
    place_in(slots->table, slots->capacity, slot);
    slots->count++;
    slot->state = SLOT_UNKNOWN;
    list_add(&slots->lists[SLOT_UNKNOWN], slot);
    return slot;
}

void slots_walk(struct slots *slots)
{
    slots_walk_end(slots);
    slots->walk = xcalloc(slots->count + 1, sizeof(struct slot *));
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        for (struct slot *slot = slots->lists[state].first; slot; slot = slot->next) {
            slots->walk[slots->walk_count++] = slot;
            slot->step = (uint32_t)slots->walk_count;
        }
    }
}

struct slot *slots_walk_next(struct slots *slots)
{
    struct slot *slot = NULL;
    while (!slot && slots->walk_next < slots->walk_count)
        slot = slots->walk[slots->walk_next++];
    if (slot)
        slot->step = 0;
    return slot;
}

void slots_walk_end(struct slots *slots)
{
    while (slots_walk_next(slots))
        continue;
    free(TAKE(slots->walk));
    slots->walk_count = slots->walk_next = 0;
}

void slots_move(struct slots *slots, struct slot *slot, enum slot_state state)
{
    list_remove(&slots->lists[slot->state], slot);
    slot->state = state;
    list_add(&slots->lists[state], slot);
}

void slots_remove(struct slots *slots, struct slot *slot)
{
    list_remove(&slots->lists[slot->state], slot);
    if (slot->step)
        slots->walk[slot->step - 1] = NULL;
    size_t mask = slots->capacity - 1;
    size_t hole = slot->hash & mask;
    while (slots->table[hole] != slot)
        hole = (hole + 1) & mask;
    /* Whoever was pushed on by the one that goes moves up. */
    for (size_t i = (hole + 1) & mask; slots->table[i]; i = (i + 1) & mask) {
        size_t home = slots->table[i]->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            slots->table[hole] = slots->table[i];
            hole = i;
        }
    }
    slots->table[hole] = NULL;
    slots->count--;
    free(slot);
}

struct slot *slots_next_write(const struct slots *slots, bool oas)
{
    struct slot *user = slots->lists[oas ? SLOT_USER_OAS : SLOT_USER_CLASSIC].first;
    return user ? user : slots->lists[oas ? SLOT_REFILL_OAS : SLOT_REFILL_CLASSIC].first;
}

size_t slots_queued(const struct slots *slots)
{
    return slots->lists[SLOT_USER_CLASSIC].count + slots->lists[SLOT_USER_OAS].count +
           slots->lists[SLOT_REFILL_CLASSIC].count + slots->lists[SLOT_REFILL_OAS].count;
}

bool slot_is_queued(const struct slot *slot)
{
    return slot->state >= SLOT_USER_CLASSIC && slot->state <= SLOT_REFILL_OAS;
}

size_t slots_on_their_way(const struct slots *slots)
{
    size_t count = 0;
    for (int state = SLOT_USER_CLASSIC; state <= SLOT_READING; state++)
        count += slots->lists[state].count;
    return count;
}
