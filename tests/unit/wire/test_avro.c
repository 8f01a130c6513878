/* Goal: Avro primitives code and decode all values, and never leave their buffer.
 * Method: bytes of the specification's examples; edges and random values there and back; every
 * record cut at every length must set the flag; buffers are exact, so that the address
 * sanitizer sees a byte too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "wire/avro.h"

static const uint64_t SEED = 13;

static void test_specification(void **state)
{
    (void)state;
    const struct { int64_t value; const char *bytes; uint32_t size; } rows[] = {
        {0, "\x00", 1}, {-1, "\x01", 1}, {1, "\x02", 1}, {-2, "\x03", 1}, {2, "\x04", 1}, {-64, "\x7f", 1},
        {64, "\x80\x01", 2}, {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}};
    char buffer[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct avro_out out = {.data = buffer, .capacity = sizeof buffer};
        avro_put_long(&out, rows[i].value);
        assert_int_equal(out.size, rows[i].size);
        assert_memory_equal(buffer, rows[i].bytes, rows[i].size);
        struct avro_in in = {.data = rows[i].bytes, .size = rows[i].size};
        assert_int_equal(avro_get_long(&in), rows[i].value);
        assert_true(!in.is_bad && in.at == in.size);
    }
    struct avro_out out = {.data = buffer, .capacity = sizeof buffer};
    avro_put_string(&out, slice_of("foo"));
    avro_put_frame(&out, 0x01020304);
    avro_put_boolean(&out, true);
    avro_put_boolean(&out, false);
    assert_int_equal(out.size, 11);
    assert_memory_equal(buffer, "\x06" "foo\0\1\2\3\4\1\0", 11);
}

static void put_all(struct avro_out *out, int64_t number, double real, const struct slice *texts)
{
    avro_put_frame(out, 77);
    avro_put_long(out, number);
    avro_put_double(out, real);
    avro_put_float(out, (float)real);
    avro_put_boolean(out, number & 1);
    avro_put_string(out, texts[0]);
    avro_put_optional_string(out, texts[1]);
    avro_put_optional_string(out, (struct slice){NULL, 0});
    avro_put_strings(out, texts, 3);
    avro_put_fixed(out, "12345678", 8);
}

static bool get_all(struct avro_in *in, int64_t number, double real, const struct slice *texts)
{
    struct slice back[3];
    bool is_same = avro_get_frame(in) == 77;
    is_same &= avro_get_long(in) == number;
    is_same &= avro_get_double(in) == real;
    is_same &= avro_get_float(in) == (float)real;
    is_same &= avro_get_boolean(in) == (number & 1);
    is_same &= slice_equal(avro_get_string(in), texts[0]);
    is_same &= slice_equal(avro_get_optional_string(in), texts[1]);
    is_same &= avro_get_optional_string(in).data == NULL;
    is_same &= avro_get_strings(in, back, 3) == 3;
    is_same = is_same && slice_equal(back[0], texts[0]) && slice_equal(back[2], texts[2]);
    is_same &= slice_is(avro_get_fixed(in, 8), "12345678");
    return is_same && !in->is_bad && in->at == in->size;
}

static void test_round_trip_and_cuts(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (int round = 0; round < 2000; round++) {
        char text[200], buffer[1024];
        memset(text, 'x', sizeof text);
        struct slice texts[3];
        for (int i = 0; i < 3; i++)
            texts[i] = slice_make(text, rng_below(&rng, sizeof text));
        int64_t number = (int64_t)rng_next(&rng) >> rng_below(&rng, 64);
        double real = rng_normal(&rng);
        struct avro_out out = {.data = buffer, .capacity = sizeof buffer};
        put_all(&out, number, real, texts);
        assert_false(out.is_overflown);
        struct avro_in in = {.data = buffer, .size = out.size};
        assert_true(get_all(&in, number, real, texts));
        uint32_t cut = (uint32_t)rng_below(&rng, out.size);
        char *exact = malloc(cut + 1);
        memcpy(exact + 1, buffer, cut);
        in = (struct avro_in){.data = exact + 1, .size = cut};
        assert_false(get_all(&in, number, real, texts));
        assert_true(in.is_bad);
        struct avro_out small = {.data = exact + 1, .capacity = cut};
        put_all(&small, number, real, texts);
        assert_true(small.is_overflown && small.size <= cut);
        free(exact);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    const struct slice bad[] = {
        slice_make("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10),         /* 65 bits */
        slice_make("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11)};     /* eleven bytes */
    for (size_t i = 0; i < 2; i++) {
        struct avro_in in = {.data = bad[i].data, .size = bad[i].size};
        assert_int_equal(avro_get_long(&in), 0);
        assert_true(in.is_bad);
    }
    struct avro_in in = {.data = "\x01", .size = 1}; /* a string of -1 bytes */
    assert_null(avro_get_string(&in).data);
    assert_true(in.is_bad);
    in = (struct avro_in){.data = "\x04", .size = 1}; /* branch 2 of two */
    assert_null(avro_get_optional_string(&in).data);
    assert_true(in.is_bad);
    in = (struct avro_in){.data = "\x02", .size = 1};
    assert_false(avro_get_boolean(&in));
    assert_true(in.is_bad);
    in = (struct avro_in){.data = "\1\0\0\0\1", .size = 5};
    assert_int_equal(avro_get_frame(&in), 0);
    assert_true(in.is_bad);
    struct slice texts[2];
    /* Two blocks, the second with its size: allowed. */
    in = (struct avro_in){.data = "\x02\x02" "a" "\x01\x04\x02" "b" "\x00", .size = 8};
    assert_int_equal(avro_get_strings(&in, texts, 2), 2);
    assert_true(!in.is_bad && slice_is(texts[1], "b") && in.at == 8);
    in = (struct avro_in){.data = "\x06\x00\x00\x00\x00", .size = 5}; /* three where two fit */
    assert_int_equal(avro_get_strings(&in, texts, 2), 0);
    assert_true(in.is_bad);
    in = (struct avro_in){.data = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", .size = 12}; /* -2^63 items */
    assert_int_equal(avro_get_strings(&in, texts, 2), 0);
    assert_true(in.is_bad);
    struct rng rng;
    rng_init(&rng, SEED, 2);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(rng_next(&rng) >> rng_below(&rng, 64));
        in = (struct avro_in){.data = bytes, .size = (uint32_t)rng_below(&rng, sizeof bytes)};
        assert_true(avro_get_strings(&in, texts, 2) <= 2);
        avro_get_optional_string(&in);
        avro_get_double(&in);
        assert_true(in.at <= in.size);
    }
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification), cmocka_unit_test(test_round_trip_and_cuts), cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
