/* Goal: windows, decays and packing are exactly what the design says.
 * Method: random histories against the obvious second implementation - a list of all that
 * happened, summed by the formula of the design at every question - and edge cases by hand. */
#include "feature/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "feature/decay.h"
#include "feature/words.h"

enum { STEPS = 100000, LIST_MAX = 400 };

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

struct happened {
    int64_t time_ms;
    int64_t amount;
};

/* Sum over the buckets b with (b+1)*W/60 > now - W, multiplied out so that it is exact. */
static int64_t sum_of_list(const struct happened *list, uint32_t count, int64_t window_ms, int64_t now_ms)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t bucket = list[i].time_ms * 60 / window_ms;
        if ((bucket + 1) * window_ms > 60 * (now_ms - window_ms))
            sum += list[i].amount;
    }
    return sum;
}

/* Mostly steps of a bucket or less, sometimes jumps beyond the window. */
static int64_t random_step(struct rng *rng, int64_t window_ms)
{
    if (rng_below(rng, 200) == 0)
        return (int64_t)rng_below(rng, 3 * (uint64_t)window_ms);
    return (int64_t)rng_below(rng, (uint64_t)window_ms / 40);
}

static void random_windows(void **state)
{
    (void)state;
    static const int64_t WINDOWS_MS[] = {60, 61, 1000, 86399999, 600000, 3600000};
    struct rng rng;
    rng_init(&rng, seed, 1);
    struct window_counts counts = {0};
    struct window_sums sums = {0};
    struct happened list[LIST_MAX];
    uint32_t count = 0, compared = 0;
    int64_t window_ms = 60, now_ms = 0;
    for (int step = 0; step < STEPS; step++) {
        if (count == LIST_MAX || step == 0) {
            window_ms = WINDOWS_MS[rng_below(&rng, 6)];
            now_ms = 1700000000000 + (int64_t)rng_below(&rng, 1000000);
            memset(&counts, 0, sizeof counts);
            memset(&sums, 0, sizeof sums);
            count = 0;
        }
        now_ms += random_step(&rng, window_ms);
        /* At the reader's now or before it, up to two windows. */
        int64_t time_ms = now_ms - (int64_t)rng_below(&rng, rng_below(&rng, 3) == 0 ? 2 * (uint64_t)window_ms : 2);
        int64_t amount = (int64_t)rng_below(&rng, 1000);
        list[count++] = (struct happened){time_ms, amount};
        window_counts_add(&counts, (uint64_t)window_ms, time_ms, (uint32_t)amount);
        window_sums_add(&sums, (uint64_t)window_ms, time_ms, amount);
        int64_t asked_ms = now_ms + (int64_t)rng_below(&rng, 2) * random_step(&rng, window_ms);
        int64_t expected = sum_of_list(list, count, window_ms, asked_ms);
        assert_int_equal(window_counts_read(&counts, (uint64_t)window_ms, asked_ms), expected);
        assert_int_equal(window_sums_read(&sums, (uint64_t)window_ms, asked_ms), expected);
        compared += expected != 0;
    }
    assert_true(compared > STEPS / 2);
}

static void a_reader_behind_by_three_buckets_misses_nothing(void **state)
{
    (void)state;
    struct window_counts ring = {0};
    uint64_t window_ms = 600000;
    for (int64_t bucket = 0; bucket <= 63; bucket++)
        window_counts_add(&ring, window_ms, bucket * 10000, 1);
    assert_int_equal(window_counts_read(&ring, window_ms, 600000), 64);
    assert_int_equal(window_counts_read(&ring, window_ms, 610000 - 1), 64);
    assert_int_equal(window_counts_read(&ring, window_ms, 610000), 63);
    assert_int_equal(window_counts_read(&ring, window_ms, 639999), 61);
    window_counts_add(&ring, window_ms, 640000, 1);
    assert_int_equal(window_counts_read(&ring, window_ms, 600000), 64);
}

static void window_edges(void **state)
{
    (void)state;
    struct window_counts ring = {0};
    struct window_sums sums = {0};
    assert_int_equal(window_counts_read(&ring, 600000, 1700000000000), 0);
    window_counts_add(&ring, 600000, 1700000000000, UINT32_MAX);
    window_counts_add(&ring, 600000, 1700000000000, 7);
    assert_int_equal(window_counts_read(&ring, 600000, 1700000000000), UINT32_MAX);
    window_counts_add(&ring, 600000, 1700000000000 - 700000, 5);
    window_counts_add(&ring, 600000, -5, 5);
    assert_int_equal(window_counts_read(&ring, 600000, 1700000000000), UINT32_MAX);
    assert_int_equal(window_counts_read(&ring, 600000, INT64_MAX), 0);
    window_counts_add(&ring, 600000, INT64_MAX, 1);
    assert_int_equal(window_counts_read(&ring, 600000, INT64_MAX), 1);
    window_sums_add(&sums, 600000, 1000, INT64_MAX);
    window_sums_add(&sums, 600000, 1000, 1);
    window_sums_add(&sums, 600000, 20000, INT64_MAX);
    assert_int_equal(window_sums_read(&sums, 600000, 1000), INT64_MAX);
    window_sums_add(&sums, 600000, 30000, INT64_MIN);
    window_sums_add(&sums, 600000, 30000, -1);
    assert_int_equal(window_sums_read(&sums, 600000, 30000), -1);
}

static void random_decays(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed, 2);
    struct happened list[LIST_MAX];
    uint32_t count = LIST_MAX;
    double weight = 0;
    int64_t last_ms = 0, now_ms = 0;
    uint64_t half_life_ms = 1;
    for (int step = 0; step < STEPS / 4; step++) {
        if (count == LIST_MAX) {
            half_life_ms = 1000 + rng_below(&rng, 100000000);
            now_ms = 1700000000000;
            count = 0;
            weight = 0;
            last_ms = 0;
        }
        now_ms += (int64_t)rng_below(&rng, half_life_ms / 10);
        int64_t time_ms = now_ms - (int64_t)rng_below(&rng, half_life_ms * 3);
        int64_t amount = (int64_t)rng_below(&rng, 13) - 4;
        list[count++] = (struct happened){time_ms, amount};
        decay_add(&weight, &last_ms, (double)amount, time_ms, half_life_ms);
        double expected = 0, size = 0;
        int64_t asked_ms = now_ms + 5;
        for (uint32_t i = 0; i < count; i++) {
            double share = (double)list[i].amount * decay_factor(asked_ms - list[i].time_ms, half_life_ms);
            expected += share;
            size += share < 0 ? -share : share;
        }
        double got = decay_read(weight, last_ms, asked_ms, half_life_ms);
        double wrong = got > expected ? got - expected : expected - got;
        assert_true(wrong <= 1e-7 * size);
    }
    assert_true(decay_read(8, 1000, 1000 + 3 * 3600000, 3600000) - 1 < 1e-9);
    assert_true(decay_read(8, 1000, 500, 3600000) == 8);
}

static void random_words(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed, 3);
    uint64_t words[300], back[300];
    char packed[8 * 320], again[8 * 320];
    for (int step = 0; step < 5000; step++) {
        uint32_t count = (uint32_t)rng_below(&rng, 300), set = 0;
        uint64_t density = rng_below(&rng, 5);
        for (uint32_t i = 0; i < count; i++) {
            words[i] = rng_below(&rng, 4) < density ? rng_next(&rng) | 1 : 0;
            set += words[i] != 0;
        }
        assert_true(words_packed_max(count) <= sizeof packed);
        memset(packed, 0xAA, sizeof packed);
        uint32_t size = words_pack(words, count, 77, packed);
        assert_int_equal(size, 8 + 8 * ((count + 63) / 64) + 8 * set);
        memset(back, 0x55, sizeof back);
        assert_true(words_unpack(packed, size, 77, back, count));
        assert_memory_equal(words, back, 8 * count);
        assert_int_equal(words_pack(back, count, 77, again), size);
        assert_memory_equal(packed, again, size);
        assert_false(words_unpack(packed, size, 78, back, count));
        assert_false(words_unpack(packed, size, 77, back, count + 1));
        assert_false(words_unpack(packed, size - 1, 77, back, count));
        assert_false(words_unpack(packed, 4, 77, back, count));
        assert_false(words_unpack(packed, size + 8, 77, back, count));
    }
}

static void a_bit_beyond_the_record_is_no_packed_record(void **state)
{
    (void)state;
    uint64_t words[3] = {1, 0, 2}, back[3];
    char packed[64] = {0};
    uint32_t size = words_pack(words, 3, 1, packed);
    assert_int_equal(size, 8 + 8 + 16);
    packed[8] = 0x0B; /* bit 3 of 3 words, instead of bit 2 */
    packed[8] = (char)(packed[8] & ~2);
    assert_false(words_unpack(packed, size, 1, back, 3));
}

/* Whatever the bytes, a refusal or a record, and no touch beyond either (the sanitizers look). */
static void random_bytes_are_refused_or_read(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed, 4);
    int refused = 0;
    for (int step = 0; step < 20000; step++) {
        uint64_t words[100] = {0};
        for (int i = 0; i < 10; i++)
            words[rng_below(&rng, 100)] = rng_next(&rng);
        char *packed = malloc(words_packed_max(100));
        assert_non_null(packed);
        uint32_t size = words_pack(words, 100, 9, packed);
        char *exact = malloc(size);
        assert_non_null(exact);
        memcpy(exact, packed, size);
        uint32_t at = (uint32_t)rng_below(&rng, size);
        exact[at] = (char)(exact[at] ^ (1 << rng_below(&rng, 8)));
        bool is_read = words_unpack(exact, size, 9, words, 100);
        assert_true(is_read == (at >= 8 + 16));
        refused += !is_read;
        free(exact);
        free(packed);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_windows),
        cmocka_unit_test(a_reader_behind_by_three_buckets_misses_nothing),
        cmocka_unit_test(window_edges),
        cmocka_unit_test(random_decays),
        cmocka_unit_test(random_words),
        cmocka_unit_test(random_bytes_are_refused_or_read),
        cmocka_unit_test(a_bit_beyond_the_record_is_no_packed_record),
    };
    return cmocka_run_group_tests(tests, take_seed, NULL);
}
