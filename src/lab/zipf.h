/* zipf.h - draws ranks with probability proportional to 1 / (rank + 1)^exponent.
 *
 * The alias method (Vose, "A linear algorithm for generating random numbers with a given
 * distribution", IEEE TSE 1991): one random number and one cache line a draw.
 *
 * Threads: read-only after create; one rng per thread.
 * Memory:  8 bytes a rank, taken at create; 24 while creating.
 * Failure: create returns NULL without memory.
 */
#ifndef LAB_ZIPF_H
#define LAB_ZIPF_H

#include <stdint.h>

#include "base/rng.h"

struct zipf;

/* count >= 1; exponent >= 0 (0: uniform). */
struct zipf *zipf_create(uint32_t count, double exponent);
void zipf_destroy(struct zipf *zipf);
/* 0 is the most frequent. */
uint32_t zipf_draw(const struct zipf *zipf, struct rng *rng);

#endif
