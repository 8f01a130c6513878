/* Goal: a top list keeps the heaviest, decays as it should and is found by any reader.
 * Method: random streams against an obvious second implementation in doubles with one exact
 * decay per entry; edges of epochs by hand. */
#include "model/toplist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/maths.h"
#include "base/rng.h"

enum { K = 32, STEPS = 200000, HALF_LIFE_MS = 1000, NAMES = 20 };

static uint64_t seed;

/* A different history each run; PENCHANT_SEED repeats one. */
static int take_seed(void **state)
{
    (void)state;
    const char *given = getenv("PENCHANT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

/* Fewer names than places: nothing is forgotten, so every weight is known. */
static void weights_decay_exactly(void **state)
{
    (void)state;
    uint32_t references[K] = {0}, epoch = 0, list_epoch = 0;
    float weights[K] = {0};
    double expected[NAMES + 1] = {0};
    int64_t now_ms = 1600000000000;
    struct rng rng;
    rng_init(&rng, seed, 0);
    for (uint32_t step = 0; step < STEPS; step++) {
        int64_t elapsed_ms = (int64_t)rng_below(&rng, rng_below(&rng, 1000) == 0 ? 40 * HALF_LIFE_MS : HALF_LIFE_MS / 10);
        uint32_t reference = 1 + (uint32_t)rng_below(&rng, NAMES);
        now_ms += elapsed_ms;
        for (uint32_t i = 1; i <= NAMES; i++)
            expected[i] *= maths_exp2(-(double)elapsed_ms / HALF_LIFE_MS);
        expected[reference] += 1;
        float inflation = toplist_inflation(&epoch, now_ms, HALF_LIFE_MS);
        toplist_settle(&list_epoch, epoch, weights, K);
        uint32_t place = toplist_add(references, weights, K, reference, inflation);
        assert_int_equal(references[place], reference);
        double found = weights[place] / inflation;
        if (found < expected[reference] * 0.999 - 1e-6 || found > expected[reference] * 1.001 + 1e-6)
            fail_msg("step %u: weight %g instead of %g", step, found, expected[reference]);
    }
}

static void the_lightest_gives_way(void **state)
{
    (void)state;
    uint32_t references[K] = {0};
    float weights[K] = {0};
    for (uint32_t i = 0; i < K; i++)
        assert_int_equal(toplist_add(references, weights, K, i + 1, (float)(K - i)), i);
    assert_int_equal(toplist_lightest(weights, K), K - 1);
    /* A newcomer starts at its own weight, lighter or not. */
    assert_int_equal(toplist_add(references, weights, K, 100, 0.25F), K - 1);
    assert_true(weights[K - 1] == 0.25F);
    assert_int_equal(toplist_find(references, K, K), K);
    assert_int_equal(toplist_find(references, K, 100), K - 1);
    assert_int_equal(toplist_add(references, weights, K, 1, 1), 0);
    assert_true(weights[0] == (float)K + 1);
}

static void search_finds_every_place(void **state)
{
    (void)state;
    for (uint32_t k = 4; k <= 64; k += 4) {
        uint32_t references[64];
        float weights[64];
        for (uint32_t i = 0; i < k; i++) {
            references[i] = 1000 + i;
            weights[i] = 5;
        }
        for (uint32_t i = 0; i < k; i++) {
            assert_int_equal(toplist_find(references, k, 1000 + i), i);
            weights[i] = 1;
            assert_int_equal(toplist_lightest(weights, k), i);
            weights[i] = 5;
        }
        assert_int_equal(toplist_find(references, k, 7), k);
        assert_int_equal(toplist_lightest(weights, k), 0);
    }
}

static void epochs_move_only_forward(void **state)
{
    (void)state;
    uint32_t epoch = 0;
    const int64_t span_ms = (int64_t)HALF_LIFE_MS * TOPLIST_EPOCH_HALF_LIVES;
    assert_true(toplist_inflation(&epoch, 5 * span_ms, HALF_LIFE_MS) == 1);
    assert_int_equal(epoch, 5);
    float late = toplist_inflation(&epoch, 5 * span_ms - HALF_LIFE_MS, HALF_LIFE_MS);
    assert_true(late > 0.4999F && late < 0.5001F);
    assert_int_equal(epoch, 5);
    assert_true(toplist_inflation(&epoch, -1, HALF_LIFE_MS) >= 0);
    assert_true(toplist_inflation(&epoch, 0, HALF_LIFE_MS) >= 0);
    assert_true(toplist_scale(5, 5) == 1);
    assert_true(toplist_scale(4, 5) == 0x1p-64F);
    assert_true(toplist_scale(3, 5) == 0);
    assert_true(toplist_scale(6, 5) == 0x1p64F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_decay_exactly),
        cmocka_unit_test(the_lightest_gives_way),
        cmocka_unit_test(search_finds_every_place),
        cmocka_unit_test(epochs_move_only_forward),
    };
    return cmocka_run_group_tests(tests, take_seed, NULL);
}
