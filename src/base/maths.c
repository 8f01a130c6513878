#include "base/maths.h"

#include <stdint.h>
#include <string.h>

#include "base/assert.h"

static const double LN_2 = 0.693147180559945309417232;
static const double LOG2_E = 1.442695040888963407359925;
static const double SQRT_2 = 1.414213562373095048801689;

static double scale_of(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

/* 2^x = 2^k * e^t with k = round(x), t = (x - k) ln 2, |t| <= 0.347: Taylor to t^10, whose rest is
 * 0.347^11 / 11! = 2e-13. */
double maths_exp2(double x)
{
    ASSERT(x == x);
    double clamped = x < -1000 ? -1000 : x > 1000 ? 1000 : x;
    int k = (int)(clamped < 0 ? clamped - 0.5 : clamped + 0.5);
    double t = (clamped - k) * LN_2;
    double sum = 1.0 / 3628800;
    sum = sum * t + 1.0 / 362880;
    sum = sum * t + 1.0 / 40320;
    sum = sum * t + 1.0 / 5040;
    sum = sum * t + 1.0 / 720;
    sum = sum * t + 1.0 / 120;
    sum = sum * t + 1.0 / 24;
    sum = sum * t + 1.0 / 6;
    sum = sum * t + 0.5;
    sum = sum * t + 1;
    sum = sum * t + 1;
    return sum * scale_of(k);
}

/* ln(m) for x = m * 2^e, m in [sqrt(1/2), sqrt(2)): 2 atanh(s), s = (m - 1)/(m + 1), |s| <= 0.172;
 * the series to s^13 leaves 2 * 0.172^15 / 15 = 5e-13. */
static double split(double x, int *exponent)
{
    ASSERT(x > 0);
    *exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        *exponent = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    *exponent += (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > SQRT_2) {
        m *= 0.5;
        *exponent += 1;
    }
    double s = (m - 1) / (m + 1);
    double q = s * s;
    double sum = 1.0 / 13;
    sum = sum * q + 1.0 / 11;
    sum = sum * q + 1.0 / 9;
    sum = sum * q + 1.0 / 7;
    sum = sum * q + 1.0 / 5;
    sum = sum * q + 1.0 / 3;
    sum = sum * q + 1;
    return 2 * s * sum;
}

double maths_log2(double x)
{
    int exponent;
    double ln_m = split(x, &exponent);
    return ln_m * LOG2_E + exponent;
}

double maths_ln(double x)
{
    int exponent;
    double ln_m = split(x, &exponent);
    return ln_m + exponent * LN_2;
}
