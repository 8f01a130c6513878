/* Goal: content_parse takes a row of the catalogue and refuses the rest with pointer and fix.
 * Method: tables of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "schema/content.h"

static struct json_parser *parser;
static const struct slice NONE = {NULL, 0};

static enum status parse(const char *text, struct slice content_id, struct content *content, struct problem *problem)
{
    const struct json_value *values;
    uint32_t count;
    assert_int_equal(json_parse(parser, slice_of(text), &values, &count, problem), STATUS_OK);
    return content_parse(values, 0, content_id, content, problem);
}

static void test_taken(void **state)
{
    (void)state;
    struct content c;
    assert_int_equal(parse("{\"content_id\":\"c1\",\"title\":\"T\",\"url\":\"https://example.org/1\",\"image\":\"/i.png\",\"categories\":[\"a\",\"b\"],"
                           "\"published_at\":\"2025-11-24T16:00:00Z\",\"expires_at\":1764000000001,\"hidden\":true,\"attributes\":{\"x\": 1},\"other\":1}",
                           NONE, &c, NULL), STATUS_OK);
    assert_true(slice_is(c.content_id, "c1") && slice_is(c.title, "T") && slice_is(c.url, "https://example.org/1") && slice_is(c.image, "/i.png"));
    assert_true(c.category_count == 2 && slice_is(c.categories[1], "b") && slice_is(c.attributes, "{\"x\": 1}"));
    assert_true(c.published_at_ms == 1764000000000 && c.expires_at_ms == 1764000000001 && c.is_hidden && !c.is_deleted);
    assert_int_equal(parse("{}", slice_of("from-path"), &c, NULL), STATUS_OK);
    assert_true(slice_is(c.content_id, "from-path") && c.title.data == NULL && c.published_at_ms == EVENT_TIME_ABSENT &&
                c.expires_at_ms == EVENT_TIME_ABSENT && !c.is_hidden && c.category_count == 0);
    assert_int_equal(parse("{\"content_id\":\"same\",\"title\":\"\",\"url\":null}", slice_of("same"), &c, NULL), STATUS_OK);
    assert_null(c.title.data);
}

static void test_refused(void **state)
{
    (void)state;
    const struct { const char *text; const char *path; const char *pointer; const char *reason; } rows[] = {
        {"[]", NULL, "", "object"}, {"{}", NULL, "/content_id", "required"}, {"{\"content_id\":\"\"}", NULL, "/content_id", "empty"},
        {"{\"content_id\":\"a\"}", "b", "/content_id", "differs"}, {"{\"content_id\":1}", "b", "/content_id", "string"}, {"{}", "", "/content_id", "empty"},
        {"{}", "a\nb", "/content_id", "control"}, {"{}", "a\xff", "/content_id", "UTF-8"}, {"{\"content_id\":\"a\\u0000\"}", NULL, "/content_id", "control"},
        {"{\"title\":1}", "b", "/title", "string"}, {"{\"title\":\"a\\u0001\"}", "b", "/title", "control"}, {"{\"url\":\" JavaScript:alert(1)\"}", "b", "/url", "scheme"},
        {"{\"image\":\"data:text/html,x\"}", "b", "/image", "scheme"}, {"{\"categories\":[1]}", "b", "/categories/0", "string"},
        {"{\"published_at\":\"soon\"}", "b", "/published_at", "RFC 3339"}, {"{\"expires_at\":1764000000}", "b", "/expires_at", "seconds"},
        {"{\"hidden\":1}", "b", "/hidden", "true or false"}, {"{\"attributes\":[]}", "b", "/attributes", "object"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct content c;
        struct problem problem = {.detail = ""};
        if (parse(rows[i].text, slice_of(rows[i].path), &c, &problem) != STATUS_BAD_EVENT)
            fail_msg("taken: %s", rows[i].text);
        if (strcmp(problem.pointer, rows[i].pointer) != 0 || strstr(problem.detail, rows[i].reason) == NULL)
            fail_msg("%s: %s | %s", rows[i].text, problem.pointer, problem.detail);
    }
    char text[CONTENT_TITLE_MAX + 32], name[EVENT_CONTENT_MAX + 2];
    struct content c;
    struct problem problem;
    memset(name, 'n', sizeof name);
    assert_int_equal(parse("{}", slice_make(name, EVENT_CONTENT_MAX), &c, &problem), STATUS_OK);
    assert_int_equal(parse("{}", slice_make(name, EVENT_CONTENT_MAX + 1), &c, &problem), STATUS_BAD_EVENT);
    for (int over = 0; over < 2; over++) {
        snprintf(text, sizeof text, "{\"title\":\"%0*d\"}", CONTENT_TITLE_MAX + over, 7);
        assert_int_equal(parse(text, slice_of("c"), &c, &problem), over ? STATUS_BAD_EVENT : STATUS_OK);
    }
}

static int create(void **state)
{
    (void)state;
    return json_parser_create(&parser, 1 << 20) != STATUS_OK;
}

static int destroy(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, create, destroy);
}
