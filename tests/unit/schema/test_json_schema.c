/* Goal: a schema is compiled to what draft-07 says; a mismatch names pointer, keyword and sentence; a broken schema names its
 * place; hostile values and schemas end within their steps.
 * Method: rows of schema, value and expected finding; the official suite (tests/real/schema) covers the keywords one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema/event.h"
#include "schema/json_schema.h"

enum { TEXT_MAX = 1 << 18 };

#define TEXT(literal) {literal, sizeof(literal) - 1}

static struct json_schema *must_compile(const char *text)
{
    struct json_schema *schema = NULL;
    struct problem problem = {0};
    enum status status = json_schema_compile(&schema, slice_of(text), NULL, 0, &problem);
    if (status != STATUS_OK)
        print_error("%s\n%s: %s\n", text, problem.pointer, problem.detail);
    assert_int_equal(status, STATUS_OK);
    return schema;
}

/* The keyword that does not match, NULL when all do. */
static const char *check_with(const struct json_schema *schema, uint64_t steps, struct slice text, struct problem *problem)
{
    struct json_schema_checker *checker = NULL;
    struct json_parser *parser = NULL;
    const struct json_value *values = NULL;
    const char *keyword = NULL;
    uint32_t count = 0;
    assert_int_equal(json_parser_create(&parser, TEXT_MAX), STATUS_OK);
    assert_int_equal(json_parse(parser, text, &values, &count, problem), STATUS_OK);
    assert_int_equal(json_schema_checker_create(&checker, schema, steps), STATUS_OK);
    enum status status = json_schema_check(checker, values, 0, &keyword, problem);
    assert_int_equal(status, keyword == NULL ? STATUS_OK : STATUS_BAD_EVENT);
    json_schema_checker_destroy(checker);
    json_parser_destroy(parser);
    return keyword;
}

struct row {
    const char *schema, *value, *keyword, *pointer, *part; /* of the detail; keyword NULL: it matches */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct problem problem = {0};
        struct json_schema *schema = must_compile(rows[i].schema);
        const char *keyword = check_with(schema, JSON_SCHEMA_STEPS, slice_of(rows[i].value), &problem);
        const char *expected = rows[i].keyword ? rows[i].keyword : "none", *found = keyword ? keyword : "none";
        if (strcmp(expected, found) != 0 || (keyword && (strcmp(problem.pointer, rows[i].pointer) != 0 || !strstr(problem.detail, rows[i].part))))
            print_error("%s\n%s\n%s %s %s\n", rows[i].schema, rows[i].value, found, problem.pointer, problem.detail);
        assert_string_equal(found, expected);
        if (keyword != NULL) {
            assert_string_equal(problem.pointer, rows[i].pointer);
            assert_non_null(strstr(problem.detail, rows[i].part));
            assert_non_null(strstr(problem.fix, "#"));
        }
        json_schema_destroy(schema);
    }
}

static void a_mismatch_names_pointer_keyword_and_reason(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":[\"string\",\"null\"]}", "5", "type", "", "the value is a whole number, not of type \"string\", \"null\""},
        {"{\"properties\":{\"a/b\":{\"items\":{\"maxLength\":2}}}}", "{\"x\":1,\"a/b\":[\"ok\",\"long\"]}", "maxLength", "/a~1b/1",
         "the item has 4 characters; at most 2 are allowed (maxLength)"},
        {"{\"properties\":{\"a\":{\"minimum\":1.5}}}", "{\"a\":1.25}", "minimum", "/a", "\"a\" must be at least 1.5, it is 1.25"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "required", "", "lacks the member \"b\""},
        {"{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"a\":1,\"b~\":2}", "additionalProperties", "/b~0", "\"b~\" is no member"},
        {"{\"items\":false}", "[1]", "type", "/0", "is not allowed"},
        {"{\"enum\":[\"a\",2,null]}", "\"b\"", "enum", "", "none of \"a\", 2, null"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\"}]}", "{}", "anyOf", "", "none of 2"},
        {"{\"not\":{\"type\":\"object\"}}", "{}", "not", "", "must not"},
        {"{\"allOf\":[{\"properties\":{\"k\":{\"const\":[1,{}]}}}]}", "{\"k\":[1,{\"z\":0}]}", "const", "/k", "is not an array"},
        {"{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"ok\":1,\"NO\":2}", "propertyNames", "/NO", "not a name"},
        {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}", "dependencies", "", "lacks the member \"b\", which"},
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"properties\":{\"a\":{\"multipleOf\":0.01}}}}", "{\"a\":0.075}", "multipleOf", "/a", "multiple of 0.01"},
        {"{\"contains\":{\"const\":1}}", "[2,3]", "contains", "", "no item"},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2,\"a\":1.0}]", "uniqueItems", "", "twice"},
        {"{\"pattern\":\"^\\\\d+$\"}", "\"12\\n\"", "pattern", "", "does not match"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void numbers_are_compared_exactly(void **state)
{
    static const struct row rows[] = {
        {"{\"const\":9007199254740993}", "9007199254740993", NULL, "", ""},
        {"{\"const\":9007199254740993}", "9007199254740992.0", "const", "", ""},
        {"{\"maximum\":9223372036854775806}", "9223372036854775807", "maximum", "", ""},
        {"{\"maximum\":9223372036854775807}", "1e19", "maximum", "", ""},
        {"{\"type\":\"integer\"}", "1e30", NULL, "", ""},
        {"{\"type\":\"integer\"}", "1.5", "type", "", ""},
        {"{\"multipleOf\":0.0001}", "0.0075", NULL, "", ""},
        {"{\"multipleOf\":0.1}", "1000000000000.3", NULL, "", ""},
        {"{\"multipleOf\":7}", "7e300", NULL, "", ""},
        {"{\"multipleOf\":7}", "1e300", "multipleOf", "", ""},
        {"{\"enum\":[1]}", "1.0", NULL, "", ""},
        {"{\"enum\":[0]}", "-0.0", NULL, "", ""},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void patterns_are_those_of_ecma(void **state)
{
    static const struct row rows[] = {
        {"{\"pattern\":\"^\\\\d$\"}", "\"\\u0663\"", "pattern", "", ""},       /* an Arabic digit is none */
        {"{\"pattern\":\"^\\\\u00e4$\"}", "\"\\u00e4\"", NULL, "", ""},
        {"{\"pattern\":\"b\"}", "\"abc\"", NULL, "", ""},                       /* not anchored */
        {"{\"pattern\":\"^.$\"}", "\"\\ud83d\\ude00\"", NULL, "", ""},          /* a character, not bytes */
        {"{\"maxLength\":1}", "\"\\ud83d\\ude00\"", NULL, "", ""},
        {"{\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}", "{\"y\":1,\"xa\":null}", NULL, "", ""},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void a_broken_schema_names_its_place(void **state)
{
    static const struct {
        const char *schema, *pointer, *part;
    } rows[] = {
        {"5", "", "a schema is"},
        {"{\"properties\":{\"a\":{\"minLength\":-1}}}", "/properties/a/minLength", "whole number"},
        {"{\"definitions\":{\"x\":{\"type\":\"strnig\"}}}", "/definitions/x/type", "one of null"},
        {"{\"items\":[{},{\"pattern\":\"(\"}]}", "/items/1/pattern", "regular expression"},
        {"{\"patternProperties\":{\"[\":{}}}", "/patternProperties/[", "regular expression"},
        {"{\"allOf\":[]}", "/allOf", "list of schemas"},
        {"{\"allOf\":[{},3]}", "/allOf/1", "object, true or false"},
        {"{\"multipleOf\":0}", "/multipleOf", "above 0"},
        {"{\"enum\":5}", "/enum", "list of values"},
        {"{\"required\":[\"a\",5]}", "/required/1", "names in quotes"},
        {"{\"items\":{\"$ref\":\"#/definitions/none\"}}", "/items/$ref", "names nothing"},
        {"{\"items\":{\"$ref\":\"http://example.com/x.json\"}}", "/items/$ref", "nothing is fetched"},
        {"{\"type\":\"null\",\"type\":\"null\"}", "/type", "twice"},
        {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "/$schema", "draft-07"},
        {"{\"$ref\":\"#\"}", "", "comes back to itself"},
        {"{\"allOf\":[{\"$ref\":\"#/definitions/a\"}],\"definitions\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/definitions/b\"}]},"
         "\"b\":{\"not\":{\"$ref\":\"#/definitions/a\"}}}}", "/definitions/b/not", "comes back to itself"},
        {"{\"a\":}", "", "not JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_schema *schema = NULL;
        struct problem problem = {0};
        assert_int_equal(json_schema_compile(&schema, slice_of(rows[i].schema), NULL, 0, &problem), STATUS_SETTING);
        assert_null(schema);
        if (strcmp(problem.pointer, rows[i].pointer) != 0 || strstr(problem.detail, rows[i].part) == NULL)
            print_error("%s\n%s: %s\n", rows[i].schema, problem.pointer, problem.detail);
        assert_string_equal(problem.pointer, rows[i].pointer);
        assert_non_null(strstr(problem.detail, rows[i].part));
    }
}

static void recursion_and_mapped_documents(void **state)
{
    static const struct json_schema_document mapped[] = {
        {TEXT("http://x.org/a/node.json"), TEXT("{\"$ref\":\"leaf.json#/definitions/~0%25\"}")},
        {TEXT("http://x.org/a/leaf.json"), TEXT("{\"definitions\":{\"~%\":{\"$id\":\"#n\",\"type\":\"integer\"}}}")},
    };
    struct json_schema *schema = NULL;
    struct problem problem = {0};
    (void)state;
    const char *text = "{\"$id\":\"http://x.org/a/b/tree.json\",\"properties\":{\"n\":{\"$ref\":\"../node.json\"},"
                       "\"m\":{\"$ref\":\"../leaf.json#n\"},\"c\":{\"items\":{\"$ref\":\"#\"}}}}";
    enum status status = json_schema_compile(&schema, slice_of(text), mapped, 2, &problem);
    if (status != STATUS_OK)
        print_error("%s: %s\n", problem.pointer, problem.detail);
    assert_int_equal(status, STATUS_OK);
    assert_null(check_with(schema, JSON_SCHEMA_STEPS, slice_of("{\"n\":1,\"c\":[{\"c\":[{\"m\":2}]}]}"), &problem));
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_of("{\"n\":1,\"c\":[{\"c\":[{\"n\":1},{\"m\":2.5}]}]}"), &problem), "type");
    assert_string_equal(problem.pointer, "/c/0/c/1/m");
    json_schema_destroy(schema);
}

static void costly_checks_end(void **state)
{
    char *text = malloc(TEXT_MAX);
    struct problem problem = {0};
    size_t size = 0;
    (void)state;
    assert_non_null(text);
    /* A pattern that tries 2^n ways. */
    struct json_schema *schema = must_compile("{\"pattern\":\"^(a|a)*$\"}");
    size = (size_t)snprintf(text, TEXT_MAX, "\"%040d!\"", 0);
    for (size_t i = 1; i < 41; i++)
        text[i] = 'a';
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_make(text, size), &problem), "steps");
    assert_non_null(strstr(problem.detail, "1000000 steps"));
    json_schema_destroy(schema);
    /* Alternatives that multiply with each level: 8^20 nodes without a bound; `not` must not turn that into a match. */
    schema = must_compile("{\"not\":{\"$ref\":\"#/definitions/a\"},\"definitions\":{\"a\":{\"items\":{\"allOf\":["
                          "{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"},"
                          "{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"},{\"$ref\":\"#/definitions/a\"}]}}}}");
    size = (size_t)snprintf(text, TEXT_MAX, "%.*s1%.*s", 20, "[[[[[[[[[[[[[[[[[[[[", 20, "]]]]]]]]]]]]]]]]]]]]");
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_make(text, size), &problem), "steps");
    json_schema_destroy(schema);
    /* As many different items as fit are no quadratic work; one of them twice is found. */
    schema = must_compile("{\"uniqueItems\":true}");
    size = 0;
    text[size++] = '[';
    for (uint32_t i = 0; i < 20000; i++)
        size += (size_t)snprintf(text + size, TEXT_MAX - size, "%u,", i);
    size += (size_t)snprintf(text + size, TEXT_MAX - size, "20000]");
    assert_null(check_with(schema, JSON_SCHEMA_STEPS, slice_make(text, size), &problem));
    size = size - sizeof "20000]" + 1;
    size += (size_t)snprintf(text + size, TEXT_MAX - size, "777]");
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_make(text, size), &problem), "uniqueItems");
    assert_string_equal(check_with(schema, 100, slice_make(text, size), &problem), "steps");
    json_schema_destroy(schema);
    free(text);
}

static void chains_and_long_lists_of_names(void **state)
{
    enum { LINKS = 1500, NAMES = 100 };
    char *text = malloc(TEXT_MAX);
    struct problem problem = {0};
    size_t size;
    (void)state;
    assert_non_null(text);
    size = (size_t)snprintf(text, TEXT_MAX, "{\"$ref\":\"#/definitions/d0\",\"definitions\":{");
    for (uint32_t i = 0; i < LINKS; i++)
        size += (size_t)snprintf(text + size, TEXT_MAX - size, "\"d%u\":{\"$ref\":\"#/definitions/d%u\"},", i, i + 1);
    snprintf(text + size, TEXT_MAX - size, "\"d%u\":{\"type\":\"null\"}}}", LINKS);
    struct json_schema *schema = must_compile(text);
    assert_null(check_with(schema, JSON_SCHEMA_STEPS, slice_of("null"), &problem));
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_of("1"), &problem), "type");
    json_schema_destroy(schema);
    size = (size_t)snprintf(text, TEXT_MAX, "{\"required\":[\"n0\"");
    for (uint32_t i = 1; i < NAMES; i++)
        size += (size_t)snprintf(text + size, TEXT_MAX - size, ",\"n%u\"", i);
    snprintf(text + size, TEXT_MAX - size, "]}");
    schema = must_compile(text);
    size = (size_t)snprintf(text, TEXT_MAX, "{\"n0\":0");
    for (uint32_t i = 1; i < NAMES - 1; i++)
        size += (size_t)snprintf(text + size, TEXT_MAX - size, ",\"n%u\":0", i);
    snprintf(text + size, TEXT_MAX - size, "}");
    assert_string_equal(check_with(schema, JSON_SCHEMA_STEPS, slice_of(text), &problem), "required");
    assert_non_null(strstr(problem.detail, "\"n99\""));
    snprintf(text + size, TEXT_MAX - size, ",\"n99\":0}");
    assert_null(check_with(schema, JSON_SCHEMA_STEPS, slice_of(text), &problem));
    json_schema_destroy(schema);
    free(text);
}

/* schemas/event.json takes what event_parse takes, and says which field is wrong. */
static void the_shipped_schema(void **state)
{
    static const struct {
        const char *event, *keyword, *pointer;
    } rows[] = {
        {"{\"user_id\":\"u\",\"event_type\":\"view\",\"content_id\":\"c\"}", NULL, ""},
        {"{\"user_id\":null,\"anonymous_id\":\"a\",\"event_type\":\"login\",\"content_id\":null,\"new\":[]}", NULL, ""},
        {"{\"user_id\":\"u\",\"event_type\":\"view\",\"content_id\":\"c\",\"timestamp\":1764000000000,\"device_type\":\"tv\",\"location\":{\"country\":"
         "\"de\",\"city\":\"Bonn\"},\"categories\":[\"a\",\"b\"],\"dwell_ms\":1.5,\"value\":-3,\"position\":2.0,\"context\":{\"x\":1}}", NULL, ""},
        {"{\"event_type\":\"view\",\"content_id\":\"c\"}", "anyOf", ""},
        {"{\"user_id\":\"u\",\"event_type\":\"view\"}", "required", ""},
        {"{\"user_id\":\"u\",\"event_type\":\"view\",\"content_id\":null}", "type", "/content_id"},
        {"{\"user_id\":\"u\",\"content_id\":\"c\"}", "required", ""},
        {"{\"user_id\":\"\",\"event_type\":\"identify\"}", "minLength", "/user_id"},
        {"{\"user_id\":\"u\",\"event_type\":\"identify\",\"timestamp\":1764000000}", "minimum", "/timestamp"},
        {"{\"user_id\":\"u\",\"event_type\":\"identify\",\"position\":1001}", "maximum", "/position"},
        {"{\"user_id\":\"u\",\"event_type\":\"identify\",\"device_type\":\"fridge\"}", "enum", "/device_type"},
        {"{\"user_id\":\"u\",\"event_type\":\"identify\",\"location\":{\"country\":\"DEU\"}}", "maxLength", "/location/country"},
        {"{\"user_id\":\"u\",\"event_type\":\"identify\",\"categories\":[1]}", "type", "/categories/0"},
    };
    static char text[1 << 16];
    struct event_types types;
    struct json_parser *parser = NULL;
    (void)state;
    FILE *file = fopen("schemas/event.json", "r");
    if (file == NULL) {
        print_message("schemas/event.json is not here: run this in the project's folder\n");
        skip();
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    struct json_schema *schema = must_compile(text);
    event_types_init(&types);
    struct event_type login = {.name = "login", .name_size = 5};
    assert_int_equal(event_types_add(&types, &login, NULL), STATUS_OK);
    assert_int_equal(json_parser_create(&parser, TEXT_MAX), STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {0};
        const char *keyword = check_with(schema, JSON_SCHEMA_STEPS, slice_of(rows[i].event), &problem);
        assert_string_equal(keyword ? keyword : "none", rows[i].keyword ? rows[i].keyword : "none");
        assert_string_equal(problem.pointer, rows[i].pointer);
        struct event_rules rules = {.types = &types, .now_ms = 1764000000000};
        struct event event;
        const struct json_value *values = NULL;
        uint32_t count = 0;
        bool is_ahead = false;
        assert_int_equal(json_parse(parser, slice_of(rows[i].event), &values, &count, &problem), STATUS_OK);
        assert_int_equal(event_parse(values, 0, &rules, &event, &is_ahead, &problem), keyword ? STATUS_BAD_EVENT : STATUS_OK);
    }
    json_parser_destroy(parser);
    json_schema_destroy(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mismatch_names_pointer_keyword_and_reason),
        cmocka_unit_test(numbers_are_compared_exactly),
        cmocka_unit_test(patterns_are_those_of_ecma),
        cmocka_unit_test(a_broken_schema_names_its_place),
        cmocka_unit_test(recursion_and_mapped_documents),
        cmocka_unit_test(costly_checks_end),
        cmocka_unit_test(chains_and_long_lists_of_names),
        cmocka_unit_test(the_shipped_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
