/* The bounded queue of Dmitry Vyukov (1024cores.net): each cell carries the turn it waits for.
 * A cell's sequence is its index when it is free for that turn, index + 1 when it is filled. */
#include "base/ring.h"

#include <stdlib.h>

#include "base/assert.h"

struct ring_cell {
    uint64_t sequence;
    void *item;
};

enum status ring_init(struct ring *ring, uint32_t capacity)
{
    ASSERT(capacity >= 2 && (capacity & (capacity - 1)) == 0);
    *ring = (struct ring){.capacity = capacity};
    ring->cells = malloc(capacity * sizeof *ring->cells);
    if (ring->cells == NULL)
        return STATUS_MEMORY;
    for (uint64_t i = 0; i < capacity; i++)
        ring->cells[i] = (struct ring_cell){i, NULL};
    return STATUS_OK;
}

void ring_fini(struct ring *ring)
{
    free(ring->cells);
    *ring = (struct ring){0};
}

bool ring_push(struct ring *ring, void *item)
{
    ASSERT(item != NULL);
    uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);
    /* A turn is repeated only because another producer advanced. */
    for (;;) {
        struct ring_cell *cell = &ring->cells[tail & (ring->capacity - 1)];
        uint64_t sequence = __atomic_load_n(&cell->sequence, __ATOMIC_ACQUIRE);
        if (sequence == tail) {
            if (__atomic_compare_exchange_n(&ring->tail, &tail, tail + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
                cell->item = item;
                /* Pairs with the acquire in ring_pop. */
                __atomic_store_n(&cell->sequence, tail + 1, __ATOMIC_RELEASE);
                return true;
            }
        } else if (sequence < tail) {
            return false;
        } else {
            tail = __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);
        }
    }
}

void *ring_pop(struct ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
    struct ring_cell *cell = &ring->cells[head & (ring->capacity - 1)];
    if (__atomic_load_n(&cell->sequence, __ATOMIC_ACQUIRE) != head + 1)
        return NULL;
    void *item = cell->item;
    __atomic_store_n(&ring->head, head + 1, __ATOMIC_RELAXED);
    /* Free for the producer of the next lap; pairs with the acquire in ring_push. */
    __atomic_store_n(&cell->sequence, head + ring->capacity, __ATOMIC_RELEASE);
    return item;
}

uint64_t ring_length(const struct ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
    uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);
    /* Two looks at moving ends: a moment's estimate. */
    return tail > head ? tail - head : 0;
}
