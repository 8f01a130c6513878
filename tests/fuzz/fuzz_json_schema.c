/* Goal: whatever schema and value come in, compiling and checking end, refusals name a place and a reason in UTF-8, and the verdict is
 * the same again.
 * Method: the first line is the schema, the rest the value; few steps, so that costly pairs end soon; `not` of the schema must turn the
 * verdict round. */
#include "fuzz.h"

#include "schema/json_schema.h"

enum { SIZE_MAX_BYTES = 1 << 16, STEPS = 20000 };

static void check_text(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t length = json_utf8_size(text + i, size - i);
        FUZZ_CHECK(length > 0);
        i += length;
    }
}

/* The verdict: NULL when it matches, else the keyword. */
static const char *judge(struct slice text, const struct json_value *values, bool *is_schema)
{
    struct json_schema *schema = NULL;
    struct json_schema_checker *checker = NULL;
    struct problem problem = {0};
    const char *keyword = NULL, *again = NULL;
    enum status status = json_schema_compile(&schema, text, NULL, 0, &problem);
    *is_schema = status == STATUS_OK;
    if (status != STATUS_OK) {
        FUZZ_CHECK(problem.status == status && problem.detail[0] != 0);
        return NULL;
    }
    FUZZ_CHECK(json_schema_checker_create(&checker, schema, STEPS) == STATUS_OK);
    status = json_schema_check(checker, values, 0, &keyword, &problem);
    FUZZ_CHECK((status == STATUS_OK) == (keyword == NULL));
    FUZZ_CHECK(keyword == NULL || (problem.status == STATUS_BAD_EVENT && problem.detail[0] != 0));
    FUZZ_CHECK(json_schema_check(checker, values, 0, &again, NULL) == status && again == keyword);
    check_text(problem.detail);
    check_text(problem.fix);
    check_text(problem.pointer);
    json_schema_checker_destroy(checker);
    json_schema_destroy(schema);
    return keyword;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    static char turned[SIZE_MAX_BYTES];
    const struct json_value *values;
    const char *all = (const char *)data, *line = size > 0 ? memchr(all, '\n', size) : NULL;
    uint32_t count;
    bool is_schema, is_turned;

    if (parser == NULL)
        FUZZ_CHECK(json_parser_create(&parser, SIZE_MAX_BYTES) == STATUS_OK);
    if (line == NULL || size > SIZE_MAX_BYTES / 2)
        return 0;
    struct slice schema = slice_make(all, (size_t)(line - all)), value = slice_make(line + 1, size - schema.size - 1);
    if (json_parse(parser, value, &values, &count, NULL) != STATUS_OK)
        return 0;
    const char *keyword = judge(schema, values, &is_schema);
    bool is_rooted = memmem(all, schema.size, "$", 1) != NULL || memmem(all, schema.size, "\\", 1) != NULL;
    if (!is_schema || is_rooted || (keyword != NULL && strcmp(keyword, "steps") == 0))
        return 0; /* a $ref or $id means something else one level deeper */
    int length = snprintf(turned, sizeof turned, "{\"not\":%.*s}", SLICE_ARG(schema));
    const char *other = judge(slice_make(turned, (size_t)length), values, &is_turned);
    FUZZ_CHECK(!is_turned || (other != NULL && strcmp(other, "steps") == 0) || (other == NULL) == (keyword != NULL));
    return 0;
}
