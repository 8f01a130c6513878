#include "model/cell_index.h"

#include "base/assert.h"

enum { CELLS_MIN = 16 };

uint64_t cell_index_capacity(uint32_t count)
{
    uint64_t capacity = CELLS_MIN;
    while (capacity < 2 * (uint64_t)count)
        capacity *= 2;
    return capacity;
}

void cell_index_init(struct cell_index *index, uint64_t *cells, uint64_t capacity)
{
    uint32_t bits = (uint32_t)__builtin_ctzll(capacity);
    ASSERT((capacity & (capacity - 1)) == 0 && bits >= 1 && bits <= 32);
    *index = (struct cell_index){cells, 32 - bits, (uint32_t)(capacity - 1)};
}

void cell_index_add(struct cell_index *index, uint64_t key, uint32_t value)
{
    ASSERT(value != 0);
    uint32_t place = cell_index_home(index, key);
    for (uint32_t tried = 0; index->cells[place] != 0; tried++) {
        ASSERT(tried < index->mask);
        place = (place + 1) & index->mask;
    }
    SHARED_RELEASE(index->cells[place], cell_index_make(key, value));
}

/* Knuth, 6.4 algorithm R: a later cell may fill the gap if its home is not between the two. */
static void close_gap(struct cell_index *index, uint32_t gap)
{
    uint32_t place = gap;
    for (uint32_t tried = 0; tried <= index->mask; tried++) {
        place = (place + 1) & index->mask;
        uint64_t cell = index->cells[place];
        if (cell == 0)
            break;
        uint32_t from_home = (place - cell_index_home(index, cell)) & index->mask;
        if (from_home >= ((place - gap) & index->mask)) {
            SHARED_RELEASE(index->cells[gap], cell);
            gap = place;
        }
    }
    SHARED_RELEASE(index->cells[gap], 0);
}

void cell_index_remove(struct cell_index *index, uint64_t key, uint32_t value, uint32_t *sequence)
{
    uint64_t wanted = cell_index_make(key, value);
    uint32_t place = cell_index_home(index, key);
    for (uint32_t tried = 0; index->cells[place] != wanted; tried++) {
        ASSERT(tried < index->mask && index->cells[place] != 0);
        place = (place + 1) & index->mask;
    }
    shared_begin(sequence);
    close_gap(index, place);
    shared_end(sequence);
}
