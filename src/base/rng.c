/* SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014). */
#include "base/rng.h"

#include <math.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/maths.h"

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15ULL;

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
    rng->state = hash_mix(seed + GOLDEN) ^ hash_mix(hash_mix(stream) + seed);
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += GOLDEN;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* Lemire, "Fast Random Integer Generation in an Interval" (2019): rejects what would bias. */
uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    ASSERT(bound > 0);
    uint64_t threshold = -bound % bound;
    for (;;) {
        __extension__ unsigned __int128 product = (unsigned __int128)rng_next(rng) * bound;
        if ((uint64_t)product >= threshold)
            return (uint64_t)(product >> 64);
    }
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* Marsaglia's polar method; sqrt is exact by IEEE 754, so the number is the same everywhere. */
double rng_normal(struct rng *rng)
{
    for (;;) {
        double u = 2 * rng_unit(rng) - 1;
        double v = 2 * rng_unit(rng) - 1;
        double q = u * u + v * v;
        if (q > 0 && q < 1)
            return u * sqrt(-2 * maths_ln(q) / q);
    }
}

double rng_exponential(struct rng *rng)
{
    return -maths_ln(1 - rng_unit(rng));
}
