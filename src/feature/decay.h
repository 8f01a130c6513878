/* decay.h - weights that halve every H.
 *
 * A weight is kept as of its newest event.  A newer event lets it decay to that event's
 * time and adds v; an older one adds v * 2^(-(last - t)/H).  So the order of arrival does
 * not matter but for rounding.
 *
 * Threads: pure.
 * Memory:  none.
 * Failure: cannot fail; half_life_ms > 0.
 */
#ifndef FEATURE_DECAY_H
#define FEATURE_DECAY_H

#include <stdint.h>

/* 2^(-elapsed/H), 1 for elapsed <= 0. */
double decay_factor(int64_t elapsed_ms, uint64_t half_life_ms);
/* The weight at now of one that was `weight` at last; unchanged where now is before last. */
double decay_read(double weight, int64_t last_ms, int64_t now_ms, uint64_t half_life_ms);
/* Adds v at time_ms; *last_ms 0 means that nothing was added yet. */
void decay_add(double *weight, int64_t *last_ms, double v, int64_t time_ms, uint64_t half_life_ms);

#endif
