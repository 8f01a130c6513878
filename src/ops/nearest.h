/* nearest.h - which known name was meant.
 *
 * Threads: pure.
 * Memory:  none.
 * Failure: cannot fail; names over NEAREST_SIZE are never near.
 */
#ifndef OPS_NEAREST_H
#define OPS_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

enum { NEAREST_SIZE = 96 };

/* Letters to insert, delete, change or swap with the next (optimal string alignment). */
uint32_t nearest_distance(const char *a, const char *b);

/* Collects candidates; best is NULL until one is near: a third of the letters at most. */
struct nearest {
    const char *wanted;
    const char *best;
    uint32_t distance;
};

void nearest_init(struct nearest *nearest, const char *wanted);
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
