/* Goal: json_parse takes JSON and nothing else, and its flat list says what the text says.
 * Method: tables of good and bad documents with the byte that is named; a walk that writes
 * the list again; random documents and random damage, held against a small recursive
 * checker of RFC 8259 below; numbers against strtod. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "wire/json.h"
#include "wire/json_writer.h"

static const uint64_t SEED = 7;
enum { SIZE_MAX_TEST = 1 << 20, ROUNDS = 20000 };

static struct json_parser *parser;

static enum status parse(struct slice text, const struct json_value **values, uint32_t *count, struct problem *problem)
{
    return json_parse(parser, text, values, count, problem);
}

/* ---- the second opinion: a recursive checker, obvious and slow ---- */

static const char *skip_space(const char *c)
{
    while (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\r')
        c++;
    return c;
}

static const char *check_string(const char *c)
{
    if (*c++ != '"')
        return NULL;
    while (*c != '"') {
        if ((unsigned char)*c < 0x20)
            return NULL;
        if (*c != '\\') {
            size_t size = json_utf8_size(c, strlen(c));
            if (size == 0)
                return NULL;
            c += size;
            continue;
        }
        c++;
        if (*c != '\0' && strchr("\"\\/bfnrt", *c) != NULL) {
            c++;
            continue;
        }
        unsigned code, low;
        if (*c != 'u' || strspn(c + 1, "0123456789abcdefABCDEF") < 4 || sscanf(c + 1, "%4x", &code) != 1)
            return NULL;
        c += 5;
        if (code >= 0xdc00 && code < 0xe000)
            return NULL;
        if (code >= 0xd800 && code < 0xdc00) {
            if (c[0] != '\\' || c[1] != 'u' || strspn(c + 2, "0123456789abcdefABCDEF") < 4 ||
                sscanf(c + 2, "%4x", &low) != 1 || low < 0xdc00 || low >= 0xe000)
                return NULL;
            c += 6;
        }
    }
    return c + 1;
}

static const char *check_digits(const char *c)
{
    size_t count = strspn(c, "0123456789");
    return count > 0 ? c + count : NULL;
}

static const char *check_number(const char *start)
{
    const char *c = start + (*start == '-');
    const char *integer = c;
    if ((c = check_digits(c)) == NULL || (*integer == '0' && c > integer + 1))
        return NULL;
    if (*c == '.' && (c = check_digits(c + 1)) == NULL)
        return NULL;
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '+' || *c == '-';
        c = check_digits(c);
    }
    return c != NULL && isfinite(strtod(start, NULL)) ? c : NULL;
}

static const char *check_value(const char *c, int depth);

static const char *check_container(const char *c, int depth)
{
    char close = *c == '{' ? '}' : ']';
    if (depth == 64)
        return NULL;
    c = skip_space(c + 1);
    if (*c == close)
        return c + 1;
    for (;;) {
        if (close == '}') {
            if ((c = check_string(c)) == NULL || *(c = skip_space(c)) != ':')
                return NULL;
            c = skip_space(c + 1);
        }
        if ((c = check_value(c, depth + 1)) == NULL)
            return NULL;
        c = skip_space(c);
        if (*c == close)
            return c + 1;
        if (*c != ',')
            return NULL;
        c = skip_space(c + 1);
    }
}

static const char *check_value(const char *c, int depth)
{
    if (*c == '{' || *c == '[')
        return check_container(c, depth);
    if (*c == '"')
        return check_string(c);
    if (strncmp(c, "true", 4) == 0 || strncmp(c, "null", 4) == 0)
        return c + 4;
    if (strncmp(c, "false", 5) == 0)
        return c + 5;
    return check_number(c);
}

static bool is_json(const char *text)
{
    const char *end = check_value(skip_space(text), 0);
    return end != NULL && *skip_space(end) == '\0';
}

/* ---- tests ---- */

static void test_flat_list(void **state)
{
    (void)state;
    const struct json_value *v;
    uint32_t count;
    struct slice text = slice_of(" {\"a\" : 1 , \"b\\n\":[true,false,null , \"x\\u00e9\\\"\", -2.5e1], \"c\":{} ,\"a\":9}\n");
    assert_int_equal(parse(text, &v, &count, NULL), STATUS_OK);
    assert_int_equal(count, 10);
    assert_true(v[0].kind == JSON_OBJECT && v[0].count == 4 && v[0].next == 10 && v[0].key.data == NULL);
    assert_true(v[0].text.size == text.size - 2);
    assert_true(slice_is(v[1].key, "a") && v[1].kind == JSON_INTEGER && v[1].integer == 1 && v[1].number == 1);
    assert_true(slice_is(v[1].text, "1"));
    assert_true(slice_is(v[2].key, "b\n") && v[2].kind == JSON_ARRAY && v[2].count == 5 && v[2].next == 8);
    assert_true(slice_is(v[2].text, "[true,false,null , \"x\\u00e9\\\"\", -2.5e1]"));
    assert_true(v[3].kind == JSON_TRUE && v[4].kind == JSON_FALSE && v[5].kind == JSON_NULL);
    assert_true(v[3].key.data == NULL && v[3].next == 4);
    assert_true(v[6].kind == JSON_STRING && slice_is(v[6].text, "x\xc3\xa9\""));
    assert_true(v[7].kind == JSON_NUMBER && v[7].number == -25 && slice_is(v[7].text, "-2.5e1"));
    assert_true(v[8].kind == JSON_OBJECT && v[8].count == 0 && slice_is(v[8].text, "{}"));
    assert_ptr_equal(json_find(v, 0, "a"), &v[1]);
    assert_ptr_equal(json_find(v, 0, "c"), &v[8]);
    assert_null(json_find(v, 0, "b"));
    assert_null(json_find(v, 2, "a"));
    assert_null(json_find(v, 8, "a"));
}

static void test_bad_documents(void **state)
{
    (void)state;
    const struct { const char *text; const char *byte; } rows[] = {
        {"", "empty"}, {"   ", "empty"}, {"{", "byte 1:"}, {"[1,]", "byte 3:"}, {"[1 2]", "byte 3:"}, {"{\"a\"}", "byte 4:"},
        {"{\"a\":}", "byte 5:"}, {"{\"a\":1,}", "byte 7:"}, {"{a:1}", "byte 1:"}, {"[\"a]", "byte 1:"},
        {"[\"a\nb\"]", "byte 3:"}, {"[\"\\x\"]", "byte 2:"}, {"[\"\\ud800\"]", "byte 2:"}, {"[\"\\udc00\"]", "byte 2:"},
        {"[\"\xff\"]", "byte 2:"}, {"[\"\xc0\x80\"]", "byte 2:"}, {"[01]", "byte 1:"}, {"[1.]", "byte 1:"},
        {"[.5]", "byte 1:"}, {"[+1]", "byte 1:"}, {"[-]", "byte 1:"}, {"[1e]", "byte 1:"}, {"[1e999]", "byte 1:"},
        {"[NaN]", "byte 1:"}, {"[tru]", "byte 1:"}, {"[truex]", "byte 1:"}, {"[1]]", "byte 3:"}, {"{} {}", "byte 3:"},
        {"[1}", "byte 2:"}, {"{\"a\":1]", "byte 6:"}, {"[,1]", "byte 1:"}, {"[\"a\"\"b\"]", "byte 4:"}, {"[\"a\"b]", "byte 4:"},
        {"[1\"a\"]", "byte 1:"}, {"[1\x0c]", "byte 2:"}, {"[\"a\"\x0c\"b\"]", "byte 4:"}, {"{\"a\"\x1a" "1}", "byte 4:"},
        {"/**/1", "byte 0:"}, {"'a'", "byte 0:"}, {"{\"a\":1,\"b\"", "byte 10:"}, {"]", "byte 0:"}, {":", "byte 0:"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct json_value *values;
        uint32_t count;
        struct problem problem;
        if (parse(slice_of(rows[i].text), &values, &count, &problem) != STATUS_BAD_REQUEST)
            fail_msg("taken: %s", rows[i].text);
        if (strstr(problem.detail, rows[i].byte) == NULL)
            fail_msg("%s: said \"%s\", not %s", rows[i].text, problem.detail, rows[i].byte);
        assert_null(values);
        assert_false(is_json(rows[i].text));
    }
}

static void test_depth(void **state)
{
    (void)state;
    char text[200];
    const struct json_value *values;
    uint32_t count;
    struct problem problem;
    for (int depth = 60; depth < 70; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        enum status status = parse(slice_make(text, 2 * (size_t)depth), &values, &count, &problem);
        assert_int_equal(status, depth <= 64 ? STATUS_OK : STATUS_BAD_REQUEST);
        /* Closed too rarely: never a deeper look than the table of parents. */
        assert_int_equal(parse(slice_make(text, (size_t)depth), &values, &count, &problem), STATUS_BAD_REQUEST);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct json_parser *small;
    const struct json_value *values;
    uint32_t count;
    struct problem problem;
    assert_int_equal(json_parser_create(&small, 4096), STATUS_OK);
    char text[5000];
    memset(text, ' ', sizeof text);
    text[0] = '1';
    assert_int_equal(json_parse(small, slice_make(text, 4096), &values, &count, &problem), STATUS_OK);
    assert_int_equal(json_parse(small, slice_make(text, 4097), &values, &count, &problem), STATUS_TOO_LARGE);
    /* Values are bounded too: 2,047 numbers in 4,095 bytes are more than one for eight bytes. */
    for (int i = 0; i < 2048; i++)
        memcpy(text + 2 * i, i == 0 ? "[" : ",", 1), text[2 * i + 1] = i == 2047 ? ']' : '1';
    text[4094] = ' ';
    assert_int_equal(json_parse(small, slice_make(text, 4096), &values, &count, &problem), STATUS_TOO_LARGE);
    assert_non_null(strstr(problem.detail, "values"));
    assert_int_equal(json_parse(small, slice_of("\xef\xbb\xbf[1]"), &values, &count, &problem), STATUS_OK);
    assert_int_equal(count, 2);
    json_parser_destroy(small);
    json_parser_destroy(NULL);
}

static void test_numbers(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED, 1);
    const struct json_value *v;
    uint32_t count;
    const struct { const char *text; int64_t value; } integers[] = {
        {"0", 0}, {"-0", 0}, {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}, {"1764000000000", 1764000000000}};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        assert_int_equal(parse(slice_of(integers[i].text), &v, &count, NULL), STATUS_OK);
        assert_true(v->kind == JSON_INTEGER && v->integer == integers[i].value);
    }
    const char *const doubles[] = {"9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e22", "1e23", "1e-400",
        "0.1", "123456789012345678", "5e-324", "1.7976931348623157e308", "0.000000000000000000000000000001", "1.0",
        "2.2250738585072011e-308", "9007199254740993.0", "100000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        assert_int_equal(parse(slice_of(doubles[i]), &v, &count, NULL), STATUS_OK);
        assert_true(v->number == strtod(doubles[i], NULL));
    }
    for (int i = 0; i < ROUNDS; i++) {
        char text[64];
        uint64_t bits = rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, "%.*g", (int)rng_below(&rng, 20) + 1, i & 1 ? value : ldexp(value, -ilogb(value) + (int)rng_below(&rng, 60)));
        if (!isfinite(strtod(text, NULL)))
            continue;
        assert_int_equal(parse(slice_of(text), &v, &count, NULL), STATUS_OK);
        if (v->number != strtod(text, NULL))
            fail_msg("%s read as %.17g", text, v->number);
    }
}

/* Writes a random value; returns how many values it holds. */
static uint32_t write_random(struct json_writer *w, struct rng *rng, int depth)
{
    static const char alphabet[] = "ab\"\\/\n\t\x01 {}[]:,\xc3\xa9";
    uint64_t kind = rng_below(rng, depth < 5 ? 9 : 7);
    uint32_t count = 1;
    char text[40];
    uint32_t size = (uint32_t)rng_below(rng, 30);
    for (uint32_t i = 0; i < size; i++)
        text[i] = alphabet[rng_below(rng, sizeof alphabet - 1)];
    switch (kind) {
    case 0: json_null(w); break;
    case 1: json_bool(w, rng_next(rng) & 1); break;
    case 2: json_integer(w, (int64_t)rng_next(rng) >> rng_below(rng, 64)); break;
    case 3: json_number(w, rng_normal(rng) * 1000); break;
    case 4: case 5: case 6: json_string(w, slice_make(text, size)); break;
    case 7:
        json_array_begin(w);
        for (uint64_t i = rng_below(rng, 6); i > 0; i--)
            count += write_random(w, rng, depth + 1);
        json_array_end(w);
        break;
    default:
        json_object_begin(w);
        for (uint64_t i = rng_below(rng, 6); i > 0; i--) {
            json_key_slice(w, slice_make(text, size / 2));
            count += write_random(w, rng, depth + 1);
        }
        json_object_end(w);
    }
    return count;
}

/* Every `next`, `count` and `text` of the list is consistent; returns the index behind. */
static uint32_t check_list(const struct json_value *v, uint32_t index)
{
    uint32_t i = index + 1, members = 0;
    bool is_container = v[index].kind == JSON_OBJECT || v[index].kind == JSON_ARRAY;
    while (i < v[index].next) {
        assert_true(is_container);
        assert_true((v[i].key.data != NULL) == (v[index].kind == JSON_OBJECT));
        assert_true(v[i].kind == JSON_STRING || v[i].text.data == NULL ||
                    (v[i].text.data > v[index].text.data && v[i].text.data + v[i].text.size < v[index].text.data + v[index].text.size));
        i = check_list(v, i);
        members++;
    }
    assert_int_equal(i, v[index].next);
    assert_int_equal(members, v[index].count);
    return i;
}

static void test_random(void **state)
{
    (void)state;
    struct rng rng;
    struct json_writer w;
    rng_init(&rng, SEED, 2);
    json_writer_init(&w, SIZE_MAX_TEST);
    int taken = 0, refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const struct json_value *v;
        uint32_t count;
        json_writer_reset(&w);
        uint32_t wanted = write_random(&w, &rng, 0);
        assert_int_equal(parse(slice_make(w.data, w.size), &v, &count, NULL), STATUS_OK);
        assert_int_equal(count, wanted);
        assert_int_equal(check_list(v, 0), count);
        /* Damage: one to three bytes changed, removed or added. */
        char text[65536];
        if (w.size >= sizeof text - 8)
            continue;
        memcpy(text, w.data, w.size);
        size_t size = w.size;
        for (uint64_t i = rng_below(&rng, 3) + 1; i > 0 && size > 0; i--) {
            static const char bytes[] = "\"\\{}[]:,0123456789eE+-.tfnu \n\x0c\x1a\x7f\xc3\xa9\xff";
            size_t at = rng_below(&rng, size);
            switch (rng_below(&rng, 3)) {
            case 0: text[at] = bytes[rng_below(&rng, sizeof bytes - 1)]; break;
            case 1: memmove(text + at, text + at + 1, --size - at); break;
            default:
                memmove(text + at + 1, text + at, size++ - at);
                text[at] = bytes[rng_below(&rng, sizeof bytes - 1)];
            }
        }
        text[size] = '\0';
        enum status status = parse(slice_make(text, size), &v, &count, NULL);
        if ((status == STATUS_OK) != is_json(text))
            fail_msg("%s, but the checker says %d: %s", status_row(status)->name, is_json(text), text);
        taken += status == STATUS_OK;
        refused += status != STATUS_OK;
        if (status == STATUS_OK)
            assert_int_equal(check_list(v, 0), count);
    }
    assert_true(taken > 100 && refused > 100);
    json_writer_fini(&w);
}

static int create(void **state)
{
    (void)state;
    return json_parser_create(&parser, SIZE_MAX_TEST) != STATUS_OK;
}

static int destroy(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_list), cmocka_unit_test(test_bad_documents), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_numbers),       cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, create, destroy);
}
