/* candidates.h - the contents that an answer may name, with what speaks for each.
 *
 * Sources add to a candidate by its reference; a stamped open-addressing table finds it, so
 * that nothing is cleared between answers and the table stays in the second-level cache.
 * Each source keeps which of the person's contents added most.
 *
 * Threads: one.
 * Memory:  CANDIDATES_MAX rows and 64 KiB of table, inline.
 * Failure: candidates beyond CANDIDATES_MAX are left out; sources stay below it by their own bounds.
 */
#ifndef DECIDE_CANDIDATES_H
#define DECIDE_CANDIDATES_H

#include <stdint.h>
#include <string.h>

enum {
    CANDIDATES_MAX = 3584,
    CANDIDATES_TABLE_BITS = 13,
    CANDIDATES_NO_RECENT = 255
};

struct candidate {
    uint32_t reference;      /* 0: not eligible */
    float knn, knn_best;     /* session-kNN: sum, and the largest single part */
    float covisit, covisit_best;
    float trend;
    float category;
    float fresh;             /* of the newest of the catalogue */
    uint16_t category_slot;  /* that added most */
    uint8_t knn_recent;      /* which recent is behind the largest part */
    uint8_t covisit_recent;
};

struct candidates {
    uint32_t count;
    uint16_t stamp;
    struct candidate rows[CANDIDATES_MAX];
    uint64_t table[1 << CANDIDATES_TABLE_BITS]; /* reference << 32 | stamp << 16 | row */
};

static inline void candidates_clear(struct candidates *set)
{
    set->count = 0;
    set->stamp++;
    if (set->stamp == 0) {
        memset(set->table, 0, sizeof set->table);
        set->stamp = 1;
    }
}

/* The candidate of a reference that is not 0, made when it is not there; *is_new says which. NULL when full. */
static inline struct candidate *candidates_take(struct candidates *set, uint32_t reference, int *is_new)
{
    const uint32_t mask = (1U << CANDIDATES_TABLE_BITS) - 1;
    uint32_t place = (reference * 2654435769U) >> (32 - CANDIDATES_TABLE_BITS);
    for (;;) { /* less than half of the table is in use */
        uint64_t cell = set->table[place];
        if ((uint16_t)(cell >> 16) != set->stamp)
            break;
        if ((uint32_t)(cell >> 32) == reference) {
            *is_new = 0;
            return &set->rows[(uint16_t)cell];
        }
        place = (place + 1) & mask;
    }
    if (set->count == CANDIDATES_MAX)
        return NULL;
    struct candidate *row = &set->rows[set->count];
    *row = (struct candidate){.reference = reference, .knn_recent = CANDIDATES_NO_RECENT, .covisit_recent = CANDIDATES_NO_RECENT};
    set->table[place] = (uint64_t)reference << 32 | (uint64_t)set->stamp << 16 | set->count;
    set->count++;
    *is_new = 1;
    return row;
}

#endif
