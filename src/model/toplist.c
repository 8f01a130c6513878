#include "model/toplist.h"

#include "base/assert.h"
#include "base/maths.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Weights of an epoch stay below 2^64 times what was counted; two epochs later they are
 * under 2^-100 of anything new, which is nothing. */
enum { EPOCHS_KEPT = 1 };

float toplist_inflation(uint32_t *epoch, int64_t time_ms, uint64_t half_life_ms)
{
    int64_t span_ms = (int64_t)half_life_ms * TOPLIST_EPOCH_HALF_LIVES;
    int64_t clamped_ms = time_ms < 0 ? 0 : time_ms;
    uint32_t now = (uint32_t)(clamped_ms / span_ms);
    if (now > *epoch)
        SHARED_STORE(*epoch, now);
    int64_t since_ms = clamped_ms - (int64_t)*epoch * span_ms;
    return (float)maths_exp2((double)since_ms / (double)half_life_ms);
}

float toplist_scale(uint32_t list_epoch, uint32_t epoch)
{
    if (list_epoch == epoch)
        return 1;
    if (list_epoch < epoch)
        return epoch - list_epoch <= EPOCHS_KEPT ? 0x1p-64F : 0;
    return 0x1p64F; /* the reader's epoch is older by a moment */
}

void toplist_settle(uint32_t *list_epoch, uint32_t epoch, float *weights, uint32_t k)
{
    if (*list_epoch == epoch)
        return;
    float scale = toplist_scale(*list_epoch, epoch);
    for (uint32_t i = 0; i < k; i++)
        shared_store_float(&weights[i], weights[i] * scale);
    SHARED_STORE(*list_epoch, epoch);
}

uint32_t toplist_find(const uint32_t *references, uint32_t k, uint32_t reference)
{
    ASSERT(k % 4 == 0);
#if defined(__SSE2__)
    __m128i wanted = _mm_set1_epi32((int)reference);
    for (uint32_t i = 0; i < k; i += 4) {
        __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(references + i));
        int equal = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, wanted)));
        if (equal != 0)
            return i + (uint32_t)__builtin_ctz((unsigned)equal);
    }
    return k;
#else
    uint32_t i = 0;
    while (i < k && references[i] != reference)
        i++;
    return i;
#endif
}

uint32_t toplist_lightest(const float *weights, uint32_t k)
{
    ASSERT(k % 4 == 0 && k > 0);
#if defined(__SSE2__)
    __m128 least = _mm_loadu_ps(weights);
    for (uint32_t i = 4; i < k; i += 4)
        least = _mm_min_ps(least, _mm_loadu_ps(weights + i));
    least = _mm_min_ps(least, _mm_shuffle_ps(least, least, _MM_SHUFFLE(1, 0, 3, 2)));
    least = _mm_min_ps(least, _mm_shuffle_ps(least, least, _MM_SHUFFLE(2, 3, 0, 1)));
    for (uint32_t i = 0; i < k; i += 4) {
        int equal = _mm_movemask_ps(_mm_cmpeq_ps(_mm_loadu_ps(weights + i), least));
        if (equal != 0)
            return i + (uint32_t)__builtin_ctz((unsigned)equal);
    }
    UNREACHABLE("weights are never NaN");
#else
    uint32_t place = 0;
    for (uint32_t i = 1; i < k; i++)
        if (weights[i] < weights[place])
            place = i;
    return place;
#endif
}

uint32_t toplist_add(uint32_t *references, float *weights, uint32_t k, uint32_t reference, float weight)
{
    uint32_t place = toplist_find(references, k, reference);
    if (place < k) {
        shared_store_float(&weights[place], weights[place] + weight);
        return place;
    }
    place = toplist_lightest(weights, k);
    SHARED_STORE(references[place], reference);
    shared_store_float(&weights[place], weight);
    return place;
}
