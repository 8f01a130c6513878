#include "base/arena.h"

#include <stdlib.h>

enum { ARENA_ALIGNMENT = 16 };

enum status arena_init(struct arena *arena, size_t size)
{
    size_t whole = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    *arena = (struct arena){0};
    if (whole == 0 || whole < size)
        return STATUS_MEMORY;
    arena->base = aligned_alloc(ARENA_ALIGNMENT, whole);
    if (arena->base == NULL)
        return STATUS_MEMORY;
    /* Touched here, so that no request pays for first pages. */
    memset(arena->base, 0, whole);
    arena->size = whole;
    return STATUS_OK;
}

void arena_fini(struct arena *arena)
{
    free(arena->base);
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    arena->is_overflown = false;
}

void *arena_take(struct arena *arena, size_t size)
{
    ASSERT(arena->used <= arena->size);
    size_t whole = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    if (arena->is_overflown || whole < size || whole > arena->size - arena->used) {
        arena->is_overflown = true;
        return NULL;
    }
    void *place = arena->base + arena->used;
    arena->used += whole;
    return place;
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    if (s.data == NULL)
        return s;
    char *copy = arena_take(arena, s.size);
    if (copy == NULL)
        return (struct slice){NULL, 0};
    memcpy(copy, s.data, s.size);
    return (struct slice){copy, s.size};
}
