/* Goal: the small parts of src/base keep what their headers promise.
 * Method: known vectors where there is a reference (Kafka's murmur2, SplitMix64, libm), bounds
 * and edges elsewhere; random values come from a printed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/maths.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/status.h"

static const uint64_t SEED = 20261124;

static void test_status_rows(void **state)
{
    (void)state;
    for (int s = 0; s < STATUS_COUNT; s++) {
        const struct status_row *row = status_row((enum status)s);
        assert_true(row->code[0] != '\0' && row->text[0] != '\0' && row->http >= 200 && row->http < 600);
        for (int other = 0; other < s; other++)
            assert_string_not_equal(row->code, status_row((enum status)other)->code);
    }
    assert_true(status_row(STATUS_OVERLOADED)->retry);
    assert_false(status_row(STATUS_BAD_EVENT)->retry);
    assert_string_equal(status_row(STATUS_LOG_FULL)->name, "LOG_FULL");
}

static void test_problem(void **state)
{
    (void)state;
    struct problem problem = {.fix = "old", .pointer = "/old"};
    assert_int_equal(problem_set(&problem, STATUS_IO, "file %s at %d", "a.log", 7), STATUS_IO);
    assert_int_equal(problem.status, STATUS_IO);
    assert_string_equal(problem.detail, "file a.log at 7");
    assert_string_equal(problem.fix, "");
    assert_string_equal(problem.pointer, "");
    assert_int_equal(problem_set(NULL, STATUS_IO, "nobody listens"), STATUS_IO);
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(problem_set(&problem, STATUS_IO, "%s", longer), STATUS_IO);
    assert_int_equal(strlen(problem.detail), sizeof problem.detail - 1);
}

static void test_arena(void **state)
{
    (void)state;
    struct arena arena;
    assert_int_equal(arena_init(&arena, 100), STATUS_OK);
    char *a = arena_take(&arena, 1), *b = arena_take(&arena, 20);
    assert_true(((uintptr_t)a & 15) == 0 && b == a + 16);
    struct slice copy = arena_copy(&arena, slice_of("hello"));
    assert_true(slice_is(copy, "hello") && copy.data != NULL);
    assert_null(arena_copy(&arena, (struct slice){NULL, 0}).data);
    assert_false(arena.is_overflown);
    assert_null(arena_take(&arena, 64));
    assert_true(arena.is_overflown);
    assert_null(arena_take(&arena, 1)); /* sticky */
    assert_null(arena_copy(&arena, slice_of("x")).data);
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 112), a);
    assert_null(arena_take(&arena, SIZE_MAX - 3));
    arena_fini(&arena);
    assert_int_equal(arena_init(&arena, 0), STATUS_MEMORY);
    assert_int_equal(arena_init(&arena, SIZE_MAX), STATUS_MEMORY);
}

/* Vectors of org.apache.kafka.common.utils.UtilsTest.testMurmur2. */
static void test_partition_is_kafkas(void **state)
{
    (void)state;
    const struct { const char *key; int32_t murmur2; } rows[] = {
        {"21", -973932308}, {"foobar", -790332482}, {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}, {"abc", 479470107}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t positive = (uint32_t)rows[i].murmur2 & 0x7fffffffU;
        const uint32_t counts[] = {1, 2, 12, 20, 4096, 0x80000000U};
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            assert_int_equal(hash_partition(rows[i].key, strlen(rows[i].key), counts[c]), positive % counts[c]);
    }
    assert_true(hash_partition("", 0, 12) < 12);
}

static void test_hash_keys(void **state)
{
    (void)state;
    struct hash_key one, two;
    unsigned char bytes[16] = {1, 2, 3};
    hash_key_init(&one, bytes);
    bytes[15] ^= 1;
    hash_key_init(&two, bytes);
    int differing = 0;
    for (size_t i = 0; i < sizeof one.secret; i++)
        differing += one.secret[i] != two.secret[i];
    assert_true(differing > 150);
    char text[600];
    memset(text, 'a', sizeof text);
    for (size_t size = 0; size < sizeof text; size++) {
        assert_true(hash_64(&one, text, size) != hash_64(&two, text, size));
        assert_true(hash_64(&one, text, size) == hash_64(&one, text, size));
        struct hash128 user = hash_user(&one, 'u', text, size), other = hash_user(&one, 'a', text, size);
        assert_true(user.low != other.low && user.high != other.high);
        /* The rule of the header: "u:" and the id. */
        char joined[sizeof text + 2] = "u:";
        memcpy(joined + 2, text, size);
        struct hash128 same = hash_128(&one, joined, size + 2);
        assert_true(same.low == user.low && same.high == user.high);
    }
}

/* A data directory written today must be readable later: these numbers may never change. */
static void test_hashes_are_frozen(void **state)
{
    (void)state;
    struct hash_key key;
    const unsigned char bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    hash_key_init(&key, bytes);
    assert_int_equal(hash_64(&key, "penchant", 8), 0x3698bbce70812b3eULL);
    assert_int_equal(hash_user(&key, 'u', "ann", 3).low, 0x9d0cd50aa8691f62ULL);
    assert_int_equal(hash_user(&key, 'u', "ann", 3).high, 0x758aa2ea30413549ULL);
    assert_int_equal(hash_checksum("penchant", 8), 0xde0d26acac73ce3eULL);
}

static void test_histogram(void **state)
{
    (void)state;
    static struct histogram histogram, other;
    histogram_init(&histogram);
    histogram_init(&other);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = rng_next(&rng) >> (24 + rng_below(&rng, 40));
        struct histogram *into = i & 1 ? &histogram : &other;
        histogram_init(into);
        histogram_add(into, value);
        /* Alone in the histogram, a value is its own quantile; max_ns makes it exact. */
        assert_int_equal(histogram_quantile(into, 0.5), value);
        histogram_add(into, UINT64_C(1) << 39);
        uint64_t seen = histogram_quantile(into, 0.25);
        if (value < UINT64_C(1) << 39)
            assert_true(seen >= value && seen - value <= value / 32);
    }
    histogram_init(&histogram);
    histogram_init(&other);
    for (uint64_t v = 1; v <= 1000; v++)
        histogram_add(v & 1 ? &histogram : &other, v * 1000);
    histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 1000);
    assert_int_equal(histogram.max_ns, 1000000);
    assert_int_equal(histogram.sum_ns, 500500000);
    assert_in_range(histogram_quantile(&histogram, 0.99), 990000, 990000 * 33 / 32);
    assert_int_equal(histogram_quantile(&histogram, 1), 1000000);
    assert_in_range(histogram_count_to(&histogram, 500000), 500 * 31 / 32, 500);
    assert_int_equal(histogram_count_to(&histogram, 1000000), 1000);
    assert_int_equal(histogram_count_to(&histogram, 0), 0);
    histogram_add(&histogram, UINT64_MAX / 2);
    assert_int_equal(histogram_quantile(&histogram, 1), UINT64_MAX / 2);
    assert_int_equal(histogram_count_to(&histogram, UINT64_C(1) << 41), 1000);
}

static void test_maths_against_libm(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED, 2);
    for (int i = 0; i < 200000; i++) {
        double x = (rng_unit(&rng) - 0.5) * (i & 1 ? 1990 : 4);
        assert_true(fabs(maths_exp2(x) / exp2(x) - 1) < 1e-9);
        double y = exp2((rng_unit(&rng) - 0.5) * (i & 1 ? 2000 : 4));
        assert_true(fabs(maths_log2(y) - log2(y)) < 1e-9);
        assert_true(fabs(maths_ln(y) - log(y)) < 1e-9);
    }
    assert_true(maths_exp2(0) == 1 && maths_exp2(10) == 1024 && maths_exp2(-3) == 0.125);
    assert_true(maths_log2(1) == 0 && maths_log2(1024) == 10 && maths_ln(1) == 0);
    assert_true(maths_exp2(5000) == maths_exp2(1000) && maths_exp2(-5000) > 0);
    assert_true(fabs(maths_log2(5e-324) + 1074) < 1e-9);
}

static void test_rng(void **state)
{
    (void)state;
    /* First numbers of SplitMix64 from state 1234567 (Vigna's splitmix64.c). */
    struct rng rng = {1234567};
    assert_int_equal(rng_next(&rng), 6457827717110365317ULL);
    assert_int_equal(rng_next(&rng), 3203168211198807973ULL);
    double sum = 0, squares = 0, exponential = 0;
    uint64_t counts[7] = {0};
    const int draws = 200000;
    rng_init(&rng, SEED, 3);
    for (int i = 0; i < draws; i++) {
        double normal = rng_normal(&rng), unit = rng_unit(&rng);
        sum += normal;
        squares += normal * normal;
        exponential += rng_exponential(&rng);
        assert_true(unit >= 0 && unit < 1);
        counts[rng_below(&rng, 7)]++;
    }
    assert_true(fabs(sum / draws) < 0.02 && fabs(squares / draws - 1) < 0.02 && fabs(exponential / draws - 1) < 0.02);
    for (int i = 0; i < 7; i++)
        assert_true(fabs((double)counts[i] / draws - 1.0 / 7) < 0.005);
    assert_int_equal(rng_below(&rng, 1), 0);
    struct rng a, b;
    rng_init(&a, 1, 2);
    rng_init(&b, 2, 1);
    assert_true(rng_next(&a) != rng_next(&b));
}

static int value_calls, histogram_calls;

static void count_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value)
{
    (void)sink;
    value_calls += row->kind == METRIC_GAUGE && labels == NULL && value == 3;
}

static void count_histogram(struct metric_sink *sink, const struct metric_row *row, const char *labels,
                            const struct histogram *histogram)
{
    (void)sink;
    (void)labels;
    histogram_calls += row->kind == METRIC_HISTOGRAM && histogram->count == 0;
}

static void test_metric(void **state)
{
    (void)state;
    static struct histogram histogram;
    const struct metric_row gauge = {"a", METRIC_GAUGE, "", ""}, latency = {"b", METRIC_HISTOGRAM, "", ""};
    struct metric_sink sink = {count_value, count_histogram}, deaf = {NULL, NULL};
    metric_value(&sink, &gauge, NULL, 3);
    metric_histogram(&sink, &latency, NULL, &histogram);
    metric_value(&deaf, &gauge, NULL, 3);
    assert_int_equal(value_calls, 1);
    assert_int_equal(histogram_calls, 1);
}

/* Runs say() with stderr in a file and returns what was written. */
static char *captured(void (*say)(void), char *text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    say();
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void say_line(void)
{
    log_message(LOG_INFO, "test", "a \"quoted\" word", "file=%s offset=%d", "a\nb", 7);
    log_message(LOG_DEBUG, "test", "hidden", NULL);
}

static void say_repeats(void)
{
    for (int i = 0; i < 1000; i++)
        log_message(LOG_ERROR, "test", "over and over", "i=%d", i);
}

static void say_long(void)
{
    char field[3000];
    memset(field, 'y', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    log_message(LOG_WARNING, "test", "long", "field=%s", field);
    log_message(LOG_WARNING, "test", field, NULL);
}

static void test_log_message(void **state)
{
    (void)state;
    char text[8192];
    captured(say_line, text, sizeof text);
    assert_int_equal(memcmp(text, "ts=20", 5), 0);
    assert_string_equal(strchr(text, ' '), " level=info component=test msg=\"a 'quoted' word\" file=a?b offset=7\n");
    unsigned long before = log_count(LOG_ERROR);
    captured(say_repeats, text, sizeof text);
    assert_int_equal(log_count(LOG_ERROR) - before, 1000);
    int lines = 0;
    for (const char *c = text; (c = strchr(c, '\n')) != NULL; c++)
        lines++;
    assert_in_range(lines, 1, 3); /* a second may turn while they are said */
    captured(say_long, text, sizeof text);
    assert_true(strlen(text) <= 2000 && text[strlen(text) - 1] == '\n' && strchr(text, '\n') - text <= 1000);
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_rows),      cmocka_unit_test(test_problem),
        cmocka_unit_test(test_arena),            cmocka_unit_test(test_partition_is_kafkas),
        cmocka_unit_test(test_hash_keys),        cmocka_unit_test(test_hashes_are_frozen),
        cmocka_unit_test(test_histogram),        cmocka_unit_test(test_maths_against_libm),
        cmocka_unit_test(test_rng),              cmocka_unit_test(test_metric),
        cmocka_unit_test(test_log_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
