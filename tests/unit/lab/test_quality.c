/* Goal: HR, MRR and NDCG are what their definitions say, and intervals behave as intervals.
 * Method: a handful of ranks worked out by hand; an interval holds its value, is a point when all users agree,
 * and narrows with more users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "lab/quality.h"

static void near(double value, double expected)
{
    if (fabs(value - expected) > 1e-6)
        fail_msg("%.9f is not %.9f", value, expected);
}

static struct quality_summary summarize(const uint32_t *ranks, uint32_t count, uint32_t times)
{
    struct quality *quality = NULL;
    struct quality_summary summary;

    assert_int_equal(quality_create(&quality), STATUS_OK);
    for (uint32_t t = 0; t < times; t++)
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(quality_add(quality, (uint64_t)t * count + i, ranks[i]), STATUS_OK);
    assert_int_equal(quality_summarize(quality, 1, &summary), STATUS_OK);
    quality_destroy(quality);
    return summary;
}

static void test_by_hand(void **state)
{
    static const uint32_t ranks[] = {1, 3, 0, 15};
    struct quality_summary s = summarize(ranks, 4, 1);

    (void)state;
    assert_int_equal(s.predictions, 4);
    assert_int_equal(s.users, 4);
    near(s.cuts[0].hit_rate.value, 2.0 / 4);
    near(s.cuts[0].mrr.value, (1 + 1.0 / 3) / 4);
    near(s.cuts[0].ndcg.value, (1 + 0.5) / 4);
    near(s.cuts[1].hit_rate.value, 3.0 / 4);
    near(s.cuts[1].mrr.value, (1 + 1.0 / 3 + 1.0 / 15) / 4);
    near(s.cuts[1].ndcg.value, (1 + 0.5 + 0.25) / 4);
}

static void test_intervals(void **state)
{
    static const uint32_t mixed[] = {1, 0};
    static const uint32_t same[] = {2, 2, 2};
    struct quality_summary few = summarize(mixed, 2, 20), many = summarize(mixed, 2, 500), all = summarize(same, 3, 5);

    (void)state;
    assert_true(few.cuts[1].hit_rate.low < 0.5 && few.cuts[1].hit_rate.high > 0.5);
    assert_true(many.cuts[1].hit_rate.high - many.cuts[1].hit_rate.low < few.cuts[1].hit_rate.high - few.cuts[1].hit_rate.low);
    near(all.cuts[1].mrr.low, 0.5);
    near(all.cuts[1].mrr.high, 0.5);
}

static void test_nothing(void **state)
{
    struct quality_summary s = summarize(NULL, 0, 1);

    (void)state;
    assert_int_equal(s.predictions, 0);
    near(s.cuts[1].hit_rate.value, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_intervals), cmocka_unit_test(test_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
