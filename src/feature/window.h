/* window.h - how much happened lately: rings of buckets in event time.
 *
 * A window of W ms has 60 buckets of W/60: bucket b holds what happened at t with
 * b = floor(60 t / W).  The value at `now` is the integer sum of the buckets b with
 * (b+1)*W/60 > now - W, so of the newest 61: the oldest is only partly inside.  The ring
 * has 64 slots (bucket b in slot b mod 64) and keeps the newest 64 buckets; the 3 to spare
 * let a reader's clock be that far behind the newest event.  What is older adds nothing; no
 * upper end is looked at, so an event a little ahead of the reader counts.  A ring of zeros
 * is empty.
 *
 * Callers give times not ahead of the record's received_at: one client whose clock runs
 * ahead would else push buckets out that readers still need.
 *
 * Threads: one writer; readers see words whole and may miss the event being added.
 * Memory:  264 bytes for counts, 520 for sums, the caller's.
 * Failure: cannot fail; counts stop at 2^32-1 a bucket, sums at the ends of int64_t.
 */
#ifndef FEATURE_WINDOW_H
#define FEATURE_WINDOW_H

#include <stdint.h>

enum { WINDOW_BUCKETS = 60, WINDOW_SLOTS = 64, WINDOW_MS_MIN = 60 };

struct window_counts {
    int64_t newest; /* number of the newest bucket */
    uint32_t slots[WINDOW_SLOTS];
};

struct window_sums {
    int64_t newest;
    int64_t slots[WINDOW_SLOTS];
};

/* Number of the bucket that holds time_ms; window_ms >= WINDOW_MS_MIN. Times are clamped to
 * 0 .. 2^56. */
int64_t window_bucket(uint64_t window_ms, int64_t time_ms);

void window_counts_add(struct window_counts *ring, uint64_t window_ms, int64_t time_ms, uint32_t amount);
uint64_t window_counts_read(const struct window_counts *ring, uint64_t window_ms, int64_t now_ms);
void window_sums_add(struct window_sums *ring, uint64_t window_ms, int64_t time_ms, int64_t amount);
int64_t window_sums_read(const struct window_sums *ring, uint64_t window_ms, int64_t now_ms);

/* a + b, stopping at the ends of int64_t. */
static inline int64_t window_add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

#endif
