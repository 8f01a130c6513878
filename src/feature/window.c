#include "feature/window.h"

#include <stdbool.h>

#include "base/assert.h"
#include "base/shared.h"

/* Far beyond any clock, and small enough that 60 times it fits. */
#define TIME_MS_MAX ((int64_t)1 << 56)

int64_t window_bucket(uint64_t window_ms, int64_t time_ms)
{
    ASSERT(window_ms >= WINDOW_MS_MIN);
    if (time_ms <= 0)
        return 0;
    if (time_ms > TIME_MS_MAX)
        time_ms = TIME_MS_MAX;
    return (int64_t)((uint64_t)time_ms * WINDOW_BUCKETS / window_ms);
}

/* How many slots an advance to bucket passes; they must be zeroed. */
static int64_t passed(int64_t newest, int64_t bucket)
{
    int64_t count = bucket - newest;
    return count > WINDOW_SLOTS ? WINDOW_SLOTS : count;
}

static uint32_t slot_of(int64_t bucket)
{
    return (uint32_t)((uint64_t)bucket % WINDOW_SLOTS);
}

static bool is_too_old(int64_t newest, int64_t bucket)
{
    return bucket + WINDOW_SLOTS <= newest;
}

/* First bucket to be summed; more than newest when there is none. */
static int64_t first_bucket(int64_t newest, uint64_t window_ms, int64_t now_ms)
{
    /* (b+1)*W/60 > now - W  <=>  b >= floor(60 now / W) - 60. */
    int64_t first = window_bucket(window_ms, now_ms) - WINDOW_BUCKETS;
    int64_t kept = newest - WINDOW_SLOTS + 1;
    return first < kept ? kept : first;
}

void window_counts_add(struct window_counts *ring, uint64_t window_ms, int64_t time_ms, uint32_t amount)
{
    int64_t bucket = window_bucket(window_ms, time_ms);
    int64_t newest = SHARED_LOAD(ring->newest);
    if (is_too_old(newest, bucket))
        return;
    if (bucket > newest) {
        for (int64_t i = passed(newest, bucket); i > 0; i--)
            SHARED_STORE(ring->slots[slot_of(bucket - i + 1)], 0);
        SHARED_STORE(ring->newest, bucket);
    }
    uint32_t *slot = &ring->slots[slot_of(bucket)];
    uint32_t before = SHARED_LOAD(*slot);
    SHARED_STORE(*slot, amount > UINT32_MAX - before ? UINT32_MAX : before + amount);
}

uint64_t window_counts_read(const struct window_counts *ring, uint64_t window_ms, int64_t now_ms)
{
    int64_t newest = SHARED_LOAD(ring->newest);
    uint64_t sum = 0;
    for (int64_t b = first_bucket(newest, window_ms, now_ms); b <= newest; b++)
        sum += SHARED_LOAD(ring->slots[slot_of(b)]);
    return sum;
}

void window_sums_add(struct window_sums *ring, uint64_t window_ms, int64_t time_ms, int64_t amount)
{
    int64_t bucket = window_bucket(window_ms, time_ms);
    int64_t newest = SHARED_LOAD(ring->newest);
    if (is_too_old(newest, bucket))
        return;
    if (bucket > newest) {
        for (int64_t i = passed(newest, bucket); i > 0; i--)
            SHARED_STORE(ring->slots[slot_of(bucket - i + 1)], 0);
        SHARED_STORE(ring->newest, bucket);
    }
    int64_t *slot = &ring->slots[slot_of(bucket)];
    SHARED_STORE(*slot, window_add_saturating(SHARED_LOAD(*slot), amount));
}

int64_t window_sums_read(const struct window_sums *ring, uint64_t window_ms, int64_t now_ms)
{
    int64_t newest = SHARED_LOAD(ring->newest);
    int64_t sum = 0;
    for (int64_t b = first_bucket(newest, window_ms, now_ms); b <= newest; b++)
        sum = window_add_saturating(sum, SHARED_LOAD(ring->slots[slot_of(b)]));
    return sum;
}
