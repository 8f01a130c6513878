/* ring.h - a bounded queue of pointers, many producers, one consumer.
 *
 * Threads: ring_push any; ring_pop one.
 * Memory:  capacity * 16 bytes, taken at init.
 * Failure: ring_push returns false when full; ring_init STATUS_MEMORY.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct ring_cell;

struct ring {
    struct ring_cell *cells;
    uint64_t capacity; /* a power of two */
    _Alignas(64) uint64_t tail; /* producers */
    _Alignas(64) uint64_t head; /* consumer */
};

enum status ring_init(struct ring *ring, uint32_t capacity) MUST_CHECK;
void ring_fini(struct ring *ring);
bool ring_push(struct ring *ring, void *item);
void *ring_pop(struct ring *ring); /* NULL when empty */
uint64_t ring_length(const struct ring *ring);

#endif
