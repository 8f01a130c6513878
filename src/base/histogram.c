/* Bucket of v: v itself below 32; else by its highest bit e >= 5 and the five bits below it,
 * (e - 4) * 32 + (v >> (e - 5)) - 32.  2^40 - 1 falls in the last of 36 * 32. */
#include "base/histogram.h"

#include "base/assert.h"
#include "base/shared.h"

enum { SUB_BITS = 5, VALUE_BITS = 40 };
static_assert(1 << SUB_BITS == HISTOGRAM_SUB, "bits of a sub-bucket");

static uint32_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_SUB)
        return (uint32_t)value;
    if (value >> VALUE_BITS)
        return HISTOGRAM_BUCKETS - 1;
    uint32_t high = 63 - (uint32_t)__builtin_clzll(value);
    return (high - SUB_BITS + 1) * HISTOGRAM_SUB + (uint32_t)(value >> (high - SUB_BITS)) - HISTOGRAM_SUB;
}

/* Largest value of a bucket. */
static uint64_t bucket_end(uint32_t bucket)
{
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    uint32_t shift = bucket / HISTOGRAM_SUB - 1;
    return ((uint64_t)(bucket % HISTOGRAM_SUB + HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_init(struct histogram *histogram)
{
    *histogram = (struct histogram){0};
}

void histogram_add(struct histogram *histogram, uint64_t value_ns)
{
    SHARED_ADD(histogram->buckets[bucket_of(value_ns)], 1);
    SHARED_ADD(histogram->count, 1);
    SHARED_ADD(histogram->sum_ns, value_ns);
    if (value_ns > SHARED_LOAD(histogram->max_ns))
        SHARED_STORE(histogram->max_ns, value_ns);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        SHARED_ADD(into->buckets[i], SHARED_LOAD(from->buckets[i]));
    SHARED_ADD(into->count, SHARED_LOAD(from->count));
    SHARED_ADD(into->sum_ns, SHARED_LOAD(from->sum_ns));
    uint64_t max_ns = SHARED_LOAD(from->max_ns);
    if (max_ns > SHARED_LOAD(into->max_ns))
        SHARED_STORE(into->max_ns, max_ns);
}

uint64_t histogram_quantile(const struct histogram *histogram, double ratio)
{
    ASSERT(ratio >= 0 && ratio <= 1);
    uint64_t total = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += SHARED_LOAD(histogram->buckets[i]);
    if (total == 0)
        return 0;
    double wanted = ratio * (double)total;
    uint64_t seen = 0;
    uint64_t max_ns = SHARED_LOAD(histogram->max_ns);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += SHARED_LOAD(histogram->buckets[i]);
        if (seen > 0 && (double)seen >= wanted)
            return bucket_end(i) < max_ns ? bucket_end(i) : max_ns;
    }
    return max_ns;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t bound_ns)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS - 1 && bucket_end(i) <= bound_ns; i++)
        count += SHARED_LOAD(histogram->buckets[i]);
    if (bound_ns >= SHARED_LOAD(histogram->max_ns))
        count = SHARED_LOAD(histogram->count);
    return count;
}
