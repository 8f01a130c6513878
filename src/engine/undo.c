#include "engine/undo.h"

#include <stdlib.h>

#include "base/assert.h"

enum { CAPACITY_FIRST = 64 * 1024 };

/* A generation that held much more than usual does not keep its buffer for ever. */
enum { CAPACITY_KEPT = 4 * 1024 * 1024 };

struct entry_head {
    uint32_t kind, size;
    struct hash128 key;
};

void undo_fini(struct undo *undo)
{
    free(undo->buffer);
    *undo = (struct undo){0};
}

void undo_clear(struct undo *undo)
{
    undo->size = 0;
    if (undo->capacity > CAPACITY_KEPT)
        undo_fini(undo);
}

static size_t padded(uint32_t size)
{
    return ((size_t)size + 7) / 8 * 8;
}

static bool reserve(struct undo *undo, size_t more)
{
    size_t capacity = undo->capacity == 0 ? CAPACITY_FIRST : undo->capacity;

    if (undo->size + more <= undo->capacity)
        return true;
    while (capacity < undo->size + more)
        capacity *= 2;
    char *buffer = realloc(undo->buffer, capacity);
    if (buffer == NULL)
        return false;
    undo->buffer = buffer;
    undo->capacity = capacity;
    return true;
}

enum status undo_keep(struct undo *undo, enum undo_kind kind, struct hash128 key, struct slice bytes)
{
    struct entry_head head = {(uint32_t)kind, bytes.size, key};
    uint64_t whole = sizeof head + padded(bytes.size) + sizeof whole;

    if (!reserve(undo, whole))
        return STATUS_MEMORY;
    char *to = undo->buffer + undo->size;
    memcpy(to, &head, sizeof head);
    if (bytes.size > 0)
        memcpy(to + sizeof head, bytes.data, bytes.size);
    memcpy(to + whole - sizeof whole, &whole, sizeof whole);
    undo->size += whole;
    return STATUS_OK;
}

bool undo_pop(struct undo *undo, struct undo_entry *entry)
{
    struct entry_head head;
    uint64_t whole;

    if (undo->size == 0)
        return false;
    memcpy(&whole, undo->buffer + undo->size - sizeof whole, sizeof whole);
    ASSERT(whole <= undo->size);
    undo->size -= whole;
    memcpy(&head, undo->buffer + undo->size, sizeof head);
    *entry = (struct undo_entry){(enum undo_kind)head.kind, head.key, {undo->buffer + undo->size + sizeof head, head.size}};
    return true;
}
