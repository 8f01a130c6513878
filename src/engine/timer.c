#include "engine/timer.h"

#include <stdlib.h>

#include "base/shared.h"

enum { CAPACITY_FIRST = 64 };

void timer_init(struct timer_heap *heap)
{
    *heap = (struct timer_heap){0};
}

void timer_fini(struct timer_heap *heap)
{
    free(heap->entries);
    *heap = (struct timer_heap){0};
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    if (a->deadline_ms != b->deadline_ms)
        return a->deadline_ms < b->deadline_ms;
    if (a->key.high != b->key.high)
        return a->key.high < b->key.high;
    return a->key.low < b->key.low;
}

static void publish_next(struct timer_heap *heap)
{
    SHARED_STORE(heap->next_ms, heap->count > 0 ? heap->entries[0].deadline_ms : 0);
}

enum status timer_add(struct timer_heap *heap, int64_t deadline_ms, struct hash128 key)
{
    if (heap->count == heap->capacity) {
        uint32_t capacity = heap->capacity == 0 ? CAPACITY_FIRST : heap->capacity * 2;
        struct timer *entries = realloc(heap->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return STATUS_MEMORY;
        heap->entries = entries;
        heap->capacity = capacity;
    }
    struct timer timer = {deadline_ms, key};
    uint32_t i = heap->count++;
    for (; i > 0 && is_before(&timer, &heap->entries[(i - 1) / 2]); i = (i - 1) / 2)
        heap->entries[i] = heap->entries[(i - 1) / 2];
    heap->entries[i] = timer;
    publish_next(heap);
    return STATUS_OK;
}

bool timer_take(struct timer_heap *heap, int64_t now_ms, struct timer *timer)
{
    if (heap->count == 0 || heap->entries[0].deadline_ms > now_ms)
        return false;
    *timer = heap->entries[0];
    struct timer last = heap->entries[--heap->count];
    uint32_t i = 0;
    for (uint32_t child; (child = 2 * i + 1) < heap->count; i = child) {
        if (child + 1 < heap->count && is_before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_before(&heap->entries[child], &last))
            break;
        heap->entries[i] = heap->entries[child];
    }
    heap->entries[i] = last;
    publish_next(heap);
    return true;
}

int64_t timer_next_ms(const struct timer_heap *heap)
{
    return SHARED_LOAD(heap->next_ms);
}
