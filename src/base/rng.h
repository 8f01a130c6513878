/* rng.h - random numbers from a key, never from a clock.
 *
 * SplitMix64: the i-th number of a stream is a function of its seed.  A decision seeds its
 * stream with (request, slot), so that it can be drawn again when it is replayed.
 *
 * Threads: one per struct rng.
 * Memory:  inline.
 * Failure: cannot fail.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* uniform in [0, bound), bound > 0 */
double rng_unit(struct rng *rng);                    /* uniform in [0, 1) */
double rng_normal(struct rng *rng);
double rng_exponential(struct rng *rng);             /* mean 1 */

#endif
