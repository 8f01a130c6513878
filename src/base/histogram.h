/* histogram.h - latencies in log-linear buckets, mergeable, error <= 1/32.
 *
 * Values are nanoseconds from 0 to 2^40 (18 minutes; larger ones count in the last bucket).
 *
 * Threads: one writer; readers see relaxed counts.
 * Memory:  inline, about 10 KiB.
 * Failure: cannot fail.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB = 32, HISTOGRAM_BUCKETS = 36 * HISTOGRAM_SUB };

struct histogram {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value_ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* Smallest value that at least ratio (0..1) of the values do not exceed; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double ratio);
/* Values that do not exceed bound_ns: a Prometheus `le` bucket. */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t bound_ns);

#endif
