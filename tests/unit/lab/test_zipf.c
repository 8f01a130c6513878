/* Goal: zipf draws have the distribution that is asked for.
 * Method: frequencies of a million draws against the exact probabilities, within five standard
 * deviations; a fixed seed that is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lab/zipf.h"

enum { DRAWS = 1000000, SEED = 20261124 };

static void check(uint32_t count, double exponent)
{
    uint32_t *seen = calloc(count, sizeof *seen);
    struct zipf *zipf = zipf_create(count, exponent);
    struct rng rng;
    double sum = 0;

    assert_non_null(zipf);
    print_message("seed %d, %u ranks, exponent %.2f\n", SEED, count, exponent);
    rng_init(&rng, SEED, count);
    for (uint32_t i = 0; i < count; i++)
        sum += pow(i + 1, -exponent);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t rank = zipf_draw(zipf, &rng);
        assert_true(rank < count);
        seen[rank]++;
    }
    for (uint32_t i = 0; i < count && i < 1000; i++) {
        double expected = DRAWS * pow(i + 1, -exponent) / sum;
        assert_true(fabs(seen[i] - expected) <= 5 * sqrt(expected) + 5);
    }
    zipf_destroy(zipf);
    free(seen);
}

static void frequencies_are_right(void **state)
{
    (void)state;
    check(1, 1);
    check(2, 1);
    check(10, 0);
    check(1000, 0.8);
    check(100000, 0.99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frequencies_are_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
