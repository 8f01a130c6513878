/* cell_index.h - open addressing over 8-byte cells, read while it is written.
 *
 * A cell is the high half of a key and a value that is not 0; whoever looks compares the whole key
 * behind the value.  Taking a cell out closes the gap behind it, so that probes stay short
 * for good; that moves cells, so a reader who missed looks again if one was taken out
 * meanwhile.
 *
 * Threads: one writer; cell_index_first and cell_index_next any.
 * Memory:  the caller's: a power of two cells, at most half in use.
 * Failure: cannot fail.
 */
#ifndef MODEL_CELL_INDEX_H
#define MODEL_CELL_INDEX_H

#include <stdint.h>

#include "base/shared.h"

struct cell_index {
    uint64_t *cells;
    uint32_t shift;      /* home of a key: high half >> shift */
    uint32_t mask;
};

static inline uint64_t cell_index_make(uint64_t key, uint32_t value)
{
    return key >> 32 << 32 | value;
}

static inline uint32_t cell_index_home(const struct cell_index *index, uint64_t key)
{
    return (uint32_t)(key >> 32) >> index->shift;
}

/* Value of the first cell at or behind *place whose tag is the key's; 0: none. *place becomes
 * the one behind it. Start at cell_index_home. */
static inline uint32_t cell_index_next(const struct cell_index *index, uint64_t key, uint32_t *place)
{
    for (uint32_t tried = 0; tried <= index->mask; tried++) {
        uint64_t cell = SHARED_ACQUIRE(index->cells[*place]);
        if (cell == 0)
            return 0;
        *place = (*place + 1) & index->mask;
        if (cell >> 32 == key >> 32)
            return (uint32_t)cell;
    }
    return 0;
}

/* Cells for at most count entries: a power of two. */
uint64_t cell_index_capacity(uint32_t count);
void cell_index_init(struct cell_index *index, uint64_t *cells, uint64_t capacity);
void cell_index_add(struct cell_index *index, uint64_t key, uint32_t value);
/* The entry must be there. sequence: odd while cells move. */
void cell_index_remove(struct cell_index *index, uint64_t key, uint32_t value, uint32_t *sequence);

#endif
