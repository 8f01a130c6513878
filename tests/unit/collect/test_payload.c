/* Goal: a body is cut into its items whatever its form, and what cannot be read says so in the right place.
 * Method: bodies of each form and each way of being broken, with and without a Content-Type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "collect/payload.h"

enum { BODY_MAX = 1 << 20, ITEMS_MAX = 1000 };

static struct json_parser *parser;

static int setup(void **state)
{
    (void)state;
    return json_parser_create(&parser, BODY_MAX) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

/* "g0 b1 g2": good and bad items with their indexes; "open:<code>" where nothing can be read. */
static void expect(const char *body, const char *type, const char *expected)
{
    struct payload payload;
    struct problem problem = {0};
    char seen[512] = "";
    size_t used = 0;
    enum status status = payload_open(&payload, parser, slice_of(body), slice_of(type), &problem);

    if (status != STATUS_OK) {
        assert_true(problem.detail[0] != '\0');
        snprintf(seen, sizeof seen, "open:%s", status_row(status)->code);
    }
    for (int i = 0; status == STATUS_OK && i < ITEMS_MAX; i++) {
        enum status item = STATUS_OK;
        if (!payload_next(&payload, &item, &problem))
            break;
        if (item == STATUS_OK)
            assert_int_equal(payload.values[payload.at].kind, JSON_OBJECT);
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%c%u", used ? " " : "", item == STATUS_OK ? 'g' : 'b', payload.index);
    }
    assert_string_equal(seen, expected);
}

static void objects_and_arrays(void **state)
{
    (void)state;
    expect("{\"a\":1}", "application/json", "g0");
    expect("  [{\"a\":1},{\"b\":[1,{\"c\":2}]},{}]\n", "application/json; charset=utf-8", "g0 g1 g2");
    expect("[]", "application/json", "");
    expect("[{\"a\":1},7,\"x\",[{}],null,{}]", NULL, "g0 b1 b2 b3 b4 g5");
    expect("{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", "text/plain", "g0");
}

static void lines(void **state)
{
    (void)state;
    expect("{\"a\":1}\n{\"a\":2}\n", "application/x-ndjson", "g0 g1");
    expect("{\"a\":1}\r\n\r\n  {\"a\":2}", "application/json", "g0 g1");
    expect("{\"a\":1}\n{broken\n{\"a\":3}", "application/x-ndjson", "g0 b1 g2");
    expect("{\"a\":1}\n7\n", "application/x-ndjson", "g0 b1");
    expect("nonsense\n{\"a\":1}\n", "application/jsonl", "b0 g1");
    expect("{\"a\":1}", "application/x-ndjson", "g0");
}

static void broken(void **state)
{
    (void)state;
    expect("", "application/json", "open:bad_request");
    expect(" \n\t", "application/x-ndjson", "open:bad_request");
    expect("[{\"a\":1},{\"a\":", "application/json", "open:bad_request");
    expect("[{\"a\":1}] x", "application/json", "open:bad_request");
    expect("42", "application/json", "open:bad_request");
    expect("\"text\"", NULL, "open:bad_request");
    expect("{\"a\":1}{\"a\":2}", "application/json", "open:bad_request");
    expect("{\"a\":\"\xff\"}", "application/json", "open:bad_request");
}

static void a_large_item_is_refused_alone(void **state)
{
    (void)state;
    enum { LARGE = PAYLOAD_ITEM_SIZE_MAX + 100 };
    static char body[LARGE + 100];
    struct payload payload;
    struct problem problem = {0};
    enum status item = STATUS_OK;
    size_t used = (size_t)snprintf(body, sizeof body, "[{\"a\":\"");

    memset(body + used, 'x', LARGE - used);
    snprintf(body + LARGE, sizeof body - LARGE, "\"},{\"a\":1}]");
    assert_int_equal(payload_open(&payload, parser, slice_of(body), (struct slice){0}, &problem), STATUS_OK);
    assert_true(payload_next(&payload, &item, &problem));
    assert_int_equal(item, STATUS_TOO_LARGE);
    assert_true(payload_next(&payload, &item, &problem));
    assert_int_equal(item, STATUS_OK);
    assert_false(payload_next(&payload, &item, &problem));
}

static void types(void **state)
{
    (void)state;
    static const char *const read[] = {"application/json", "Application/JSON; charset=UTF-8", "text/plain;charset=utf-8",
                                       "application/x-www-form-urlencoded", "application/x-ndjson", "application/cloudevents+json"};
    static const char *const other[] = {"multipart/form-data; boundary=x", "application/avro", "text/html", "application/jsonx", "+json"};

    assert_true(payload_is_read((struct slice){0}));
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        assert_true(payload_is_read(slice_of(read[i])));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(payload_is_read(slice_of(other[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays), cmocka_unit_test(lines), cmocka_unit_test(broken),
        cmocka_unit_test(a_large_item_is_refused_alone), cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
