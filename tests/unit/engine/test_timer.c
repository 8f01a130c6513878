/* Goal: timers come out by deadline, then key, whatever the order they went in.
 * Method: random entries with many equal deadlines against qsort (seed printed). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/timer.h"

enum { COUNT = 5000 };

static int compare(const void *a, const void *b)
{
    const struct timer *x = a, *y = b;
    if (x->deadline_ms != y->deadline_ms)
        return x->deadline_ms < y->deadline_ms ? -1 : 1;
    if (x->key.high != y->key.high)
        return x->key.high < y->key.high ? -1 : 1;
    return x->key.low < y->key.low ? -1 : x->key.low > y->key.low;
}

static void test_order(void **state)
{
    static struct timer expected[COUNT];
    struct timer_heap heap;
    struct timer timer;
    struct rng rng;

    (void)state;
    print_message("seed 3\n");
    rng_init(&rng, 3, 0);
    timer_init(&heap);
    assert_int_equal(timer_next_ms(&heap), 0);
    for (int i = 0; i < COUNT; i++) {
        expected[i] = (struct timer){1 + (int64_t)rng_below(&rng, 100), {rng_below(&rng, 50), rng_below(&rng, 5)}};
        assert_int_equal(timer_add(&heap, expected[i].deadline_ms, expected[i].key), STATUS_OK);
    }
    qsort(expected, COUNT, sizeof expected[0], compare);
    assert_int_equal(timer_next_ms(&heap), expected[0].deadline_ms);
    for (int i = 0; i < COUNT; i++) {
        assert_false(timer_take(&heap, expected[i].deadline_ms - 1, &timer));
        assert_true(timer_take(&heap, expected[i].deadline_ms, &timer));
        assert_int_equal(compare(&timer, &expected[i]), 0);
    }
    assert_false(timer_take(&heap, INT64_MAX, &timer));
    timer_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
