/* maths.h - the few functions of real numbers that state depends on, the same on every machine.
 *
 * libm differs between versions, so a replay on another machine would differ in the last
 * bit.  These are polynomials evaluated in a fixed order; the project builds with
 * -ffp-contract=off and without -ffast-math.
 *
 * Threads: any.
 * Memory:  constant tables.
 * Failure: cannot fail; domains are stated.
 */
#ifndef BASE_MATHS_H
#define BASE_MATHS_H

/* 2^x, relative error < 1e-9, for -1000 <= x <= 1000 (clamped). */
double maths_exp2(double x);
/* log2(x) for x > 0, absolute error < 1e-9. */
double maths_log2(double x);
double maths_ln(double x);

#endif
