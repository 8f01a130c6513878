#include "feature/decay.h"

#include "base/assert.h"
#include "base/maths.h"

double decay_factor(int64_t elapsed_ms, uint64_t half_life_ms)
{
    ASSERT(half_life_ms > 0);
    if (elapsed_ms <= 0)
        return 1;
    return maths_exp2(-(double)elapsed_ms / (double)half_life_ms);
}

double decay_read(double weight, int64_t last_ms, int64_t now_ms, uint64_t half_life_ms)
{
    return weight * decay_factor(now_ms - last_ms, half_life_ms);
}

void decay_add(double *weight, int64_t *last_ms, double v, int64_t time_ms, uint64_t half_life_ms)
{
    if (*last_ms == 0) {
        *weight = v;
        *last_ms = time_ms;
    } else if (time_ms >= *last_ms) {
        *weight = *weight * decay_factor(time_ms - *last_ms, half_life_ms) + v;
        *last_ms = time_ms;
    } else {
        *weight += v * decay_factor(*last_ms - time_ms, half_life_ms);
    }
}
