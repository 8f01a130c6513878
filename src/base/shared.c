/* A sequence lock after Boehm, "Can Seqlocks Get Along With Programming Language Memory
 * Models?" (MSPC 2012).  Words of the record are atomics, so nothing here is a data race.
 *
 * Writer: sequence odd; release fence; words; sequence even (release).
 * Reader: sequence (acquire); words (acquire each, which orders the second look behind them);
 *         sequence again.  A reader that saw any new word sees at least the odd sequence. */
#include "base/shared.h"

#include "base/assert.h"

/* gcc's thread sanitizer does not know fences and says so (-Wtsan); it needs none, since it
 * reports data races and every word here is an atomic. */
#if defined(__SANITIZE_THREAD__)
#define FENCE_RELEASE() __atomic_signal_fence(__ATOMIC_RELEASE)
#else
#define FENCE_RELEASE() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

float shared_load_float(const float *place)
{
    float value;
    __atomic_load(place, &value, __ATOMIC_RELAXED);
    return value;
}

void shared_store_float(float *place, float value)
{
    __atomic_store(place, &value, __ATOMIC_RELAXED);
}

void shared_begin(uint32_t *sequence)
{
    uint32_t now = SHARED_LOAD(*sequence);
    ASSERT((now & 1) == 0);
    SHARED_STORE(*sequence, now + 1);
    FENCE_RELEASE();
}

void shared_end(uint32_t *sequence)
{
    uint32_t now = SHARED_LOAD(*sequence);
    ASSERT((now & 1) == 1);
    SHARED_RELEASE(*sequence, now + 1);
}

void shared_publish(uint32_t *sequence, void *destination, const void *source, size_t size)
{
    ASSERT(size % 8 == 0 && (uintptr_t)destination % 8 == 0 && (uintptr_t)source % 8 == 0);
    uint64_t *to = destination;
    const uint64_t *from = source;
    shared_begin(sequence);
    for (size_t i = 0; i < size / 8; i++)
        SHARED_STORE(to[i], from[i]);
    shared_end(sequence);
}

bool shared_try_copy(const uint32_t *sequence, void *destination, const void *source, size_t size)
{
    ASSERT(size % 8 == 0 && (uintptr_t)destination % 8 == 0 && (uintptr_t)source % 8 == 0);
    uint64_t *to = destination;
    const uint64_t *from = source;
    uint32_t before = SHARED_ACQUIRE(*sequence);
    if (before & 1)
        return false;
    for (size_t i = 0; i < size / 8; i++)
        to[i] = SHARED_ACQUIRE(from[i]);
    return SHARED_LOAD(*sequence) == before;
}
