/* Goal: what the writer writes is JSON, says the value, and stays within size_max.
 * Method: expected texts; numbers read back by strtod; times against gmtime_r and strftime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "wire/json_writer.h"

static const uint64_t SEED = 11;

static bool wrote(struct json_writer *w, const char *text)
{
    bool is_same = slice_is(slice_make(w->data, w->size), text);
    if (!is_same)
        printf("# wrote %.*s\n", (int)w->size, w->data);
    json_writer_reset(w);
    return is_same;
}

static void test_structure(void **state)
{
    (void)state;
    struct json_writer w;
    json_writer_init(&w, 1 << 16);
    json_object_begin(&w);
    json_key(&w, "a");
    json_array_begin(&w);
    json_integer(&w, INT64_MIN);
    json_unsigned(&w, UINT64_MAX);
    json_bool(&w, true);
    json_null(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_array_end(&w);
    json_key_slice(&w, slice_make("b\"c", 3));
    json_text(&w, "d");
    json_key(&w, "raw");
    json_raw(&w, slice_of("[1]"));
    json_object_end(&w);
    assert_true(wrote(&w, "{\"a\":[-9223372036854775808,18446744073709551615,true,null,{},[]],\"b\\\"c\":\"d\",\"raw\":[1]}"));
    json_integer(&w, 0);
    assert_true(wrote(&w, "0"));
    json_writer_fini(&w);
}

static void test_strings(void **state)
{
    (void)state;
    const struct { struct slice in; const char *out; } rows[] = {
        {slice_of(""), "\"\""}, {slice_of("plain"), "\"plain\""}, {slice_of("\"\\/"), "\"\\\"\\\\/\""},
        {slice_of("\b\f\n\r\t\v\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\\u007f\""},
        {slice_make("a\0b", 3), "\"a\\u0000b\""}, {slice_of("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {slice_of("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""}, {slice_of("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {slice_of("\xe0\x9f\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, {slice_of("\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\"\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
        {slice_of("\xf0\x8f\xbf\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, {slice_of("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {slice_of("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\""}};
    struct json_writer w;
    json_writer_init(&w, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_string(&w, rows[i].in);
        assert_true(wrote(&w, rows[i].out));
    }
    json_writer_fini(&w);
}

/* Plain bytes are taken eight at a time, so each byte stands at each place of three words once. */
static void test_each_byte_at_each_place(void **state)
{
    (void)state;
    enum { SIZE = 24 };
    struct json_writer w;
    json_writer_init(&w, 1 << 16);
    for (unsigned c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < SIZE; at++) {
            char text[SIZE], expected[2 * SIZE + 8], escape[8];
            memset(text, 'x', SIZE);
            text[at] = (char)c;
            if (c == 0x7f || (c < ' ' && strchr("\b\t\n\f\r", (int)c + (c == 0)) == NULL))
                snprintf(escape, sizeof escape, "\\u%04x", c);
            else if (c < ' ')
                snprintf(escape, sizeof escape, "\\%c", "btn?fr"[c - '\b']);
            else
                snprintf(escape, sizeof escape, "%s%c", c == '"' || c == '\\' ? "\\" : "", (char)c);
            snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)at, text, escape, (int)(SIZE - 1 - at), text + at + 1);
            json_string(&w, slice_make(text, SIZE));
            assert_true(wrote(&w, expected));
        }
    }
    json_writer_fini(&w);
}

static void test_numbers(void **state)
{
    (void)state;
    const struct { double in; const char *out; } rows[] = {
        {0, "0"}, {-0.0, "0"}, {1, "1"}, {-17, "-17"}, {1234567, "1234567"}, {0.5, "0.5"}, {-0.25, "-0.25"}, {0.1, "0.1"},
        {3.14159265, "3.14159"}, {123456.789, "123457"}, {99999.95, "100000"}, {0.999999999, "1"}, {0.00012345678, "0.000123457"},
        {1e-5, "0.00001"}, {1.5e-7, "1.5e-07"}, {1e300, "1e+300"}, {1234567.5, "1.23457e+06"}, {NAN, "null"}, {INFINITY, "null"},
        {-INFINITY, "null"}, {9007199254740991, "9007199254740991"}};
    struct json_writer w;
    json_writer_init(&w, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_number(&w, rows[i].in);
        assert_true(wrote(&w, rows[i].out));
    }
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (int i = 0; i < 100000; i++) {
        double value = rng_normal(&rng) * pow(10, (double)rng_below(&rng, 40) - 20);
        json_number(&w, value);
        char text[64] = "";
        memcpy(text, w.data, w.size);
        json_writer_reset(&w);
        char *end;
        double back = strtod(text, &end);
        /* Half a unit of the sixth digit, and what scaling rounds. */
        if (*end != '\0' || fabs(back - value) > fabs(value) * 5.0001e-6)
            fail_msg("%.17g was written as %s", value, text);
    }
    json_writer_fini(&w);
}

static void test_times(void **state)
{
    (void)state;
    struct json_writer w;
    struct rng rng;
    rng_init(&rng, SEED, 2);
    json_writer_init(&w, 1 << 16);
    json_time(&w, 0);
    assert_true(wrote(&w, "\"1970-01-01T00:00:00.000Z\""));
    json_time(&w, -1);
    assert_true(wrote(&w, "\"1969-12-31T23:59:59.999Z\""));
    json_time(&w, -62135596800000);
    assert_true(wrote(&w, "\"0001-01-01T00:00:00.000Z\""));
    json_time(&w, 253402300799999);
    assert_true(wrote(&w, "\"9999-12-31T23:59:59.999Z\""));
    json_time(&w, 253402300800000);
    assert_true(wrote(&w, "null"));
    json_time(&w, INT64_MIN);
    assert_true(wrote(&w, "null"));
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)rng_below(&rng, 315537897600000) - 62135596800000;
        time_t s = (ms - ((ms % 1000) + 1000) % 1000) / 1000;
        struct tm parts;
        char text[64], whole[128];
        gmtime_r(&s, &parts);
        strftime(text, sizeof text, "-%m-%dT%H:%M:%S", &parts);
        snprintf(whole, sizeof whole, "\"%04d%s.%03dZ\"", parts.tm_year + 1900, text, (int)(ms - s * 1000));
        json_time(&w, ms);
        assert_true(wrote(&w, whole));
    }
    json_writer_fini(&w);
}

static void test_overflow(void **state)
{
    (void)state;
    for (size_t size_max = 0; size_max < 40; size_max++) {
        struct json_writer w;
        json_writer_init(&w, size_max);
        json_array_begin(&w);
        json_text(&w, "0123456789");
        json_number(&w, 0.5);
        json_array_end(&w);
        assert_int_equal(w.is_overflown, size_max < strlen("[\"0123456789\",0.5]"));
        assert_true(w.size <= size_max && w.capacity <= size_max);
        json_writer_reset(&w);
        assert_false(w.is_overflown);
        json_writer_fini(&w);
    }
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_each_byte_at_each_place),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),     cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
