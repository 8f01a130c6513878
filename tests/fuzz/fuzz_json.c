/* Goal: whatever JSON text comes in, the values are well nested and inside their document, and
 * nothing is read as JSON that is none.
 * Method: an accepted text must also pass a second, slow recognizer of RFC 8259; each value's
 * raw text must parse again, alone, to the same kind and count. */
#include "fuzz.h"

#include "wire/json.h"

enum { SIZE_MAX_BYTES = 1 << 16, DEPTH_MAX = 64, ALONE_MAX = 64 };

/* ---- the recognizer: each takes its part off [*c, end), false when it is not there ---- */

static void skip_blanks(const char **c, const char *end)
{
    while (*c < end && (**c == ' ' || **c == '\t' || **c == '\n' || **c == '\r'))
        ++*c;
}

static bool take_word(const char **c, const char *end, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(end - *c) < size || memcmp(*c, word, size) != 0)
        return false;
    *c += size;
    return true;
}

static bool take_digits(const char **c, const char *end)
{
    const char *from = *c;
    while (*c < end && **c >= '0' && **c <= '9')
        ++*c;
    return *c > from;
}

static bool take_number(const char **c, const char *end)
{
    (void)take_word(c, end, "-");
    if (!take_word(c, end, "0") && !take_digits(c, end))
        return false;
    if (take_word(c, end, ".") && !take_digits(c, end))
        return false;
    if (!take_word(c, end, "e") && !take_word(c, end, "E"))
        return true;
    if (!take_word(c, end, "+"))
        (void)take_word(c, end, "-");
    return take_digits(c, end);
}

static bool take_string(const char **c, const char *end)
{
    if (!take_word(c, end, "\""))
        return false;
    while (*c < end && **c != '"') {
        if ((unsigned char)**c < 0x20)
            return false;
        if (**c != '\\') {
            size_t size = json_utf8_size(*c, (size_t)(end - *c));
            if (size == 0)
                return false;
            *c += size;
            continue;
        }
        if (++*c == end || strchr("\"\\/bfnrtu", **c) == NULL || **c == 0)
            return false;
        if (*(*c)++ != 'u')
            continue;
        for (int i = 0; i < 4; i++, ++*c)
            if (*c == end || strchr("0123456789abcdefABCDEF", **c) == NULL || **c == 0)
                return false;
    }
    return take_word(c, end, "\"");
}

static bool take_value(const char **c, const char *end, int depth);

static bool take_members(const char **c, const char *end, int depth, bool is_object)
{
    const char *close = is_object ? "}" : "]";
    skip_blanks(c, end);
    if (take_word(c, end, close))
        return true;
    for (;;) {
        skip_blanks(c, end);
        if (is_object) {
            if (!take_string(c, end))
                return false;
            skip_blanks(c, end);
            if (!take_word(c, end, ":"))
                return false;
        }
        if (!take_value(c, end, depth + 1))
            return false;
        if (take_word(c, end, close))
            return true;
        if (!take_word(c, end, ","))
            return false;
    }
}

static bool take_value(const char **c, const char *end, int depth)
{
    bool holds;
    skip_blanks(c, end);
    if (*c == end || depth > DEPTH_MAX)
        return false;
    if (**c == '{' || **c == '[') {
        bool is_object = *(*c)++ == '{';
        holds = take_members(c, end, depth, is_object);
    } else if (**c == '"') {
        holds = take_string(c, end);
    } else {
        holds = take_word(c, end, "true") || take_word(c, end, "false") || take_word(c, end, "null") ||
                take_number(c, end);
    }
    skip_blanks(c, end);
    return holds;
}

/* A byte order mark in front is passed over: RFC 8259, 8.1 allows it. */
static bool is_json(struct slice text)
{
    const char *c = text.data;
    (void)take_word(&c, text.data + text.size, "\xef\xbb\xbf");
    return take_value(&c, text.data + text.size, 0) && c == text.data + text.size;
}

/* ---- the target ---- */

static void check_utf8(struct slice text)
{
    for (uint32_t i = 0; i < text.size;) {
        size_t size = json_utf8_size(text.data + i, text.size - i);
        FUZZ_CHECK(size > 0 && size <= text.size - i);
        i += (uint32_t)size;
    }
}

/* Members of a container lie inside it and fill it. */
static void check_values(const struct json_value *values, uint32_t count)
{
    FUZZ_CHECK(count > 0 && values[0].next == count);
    for (uint32_t i = 0; i < count; i++) {
        const struct json_value *v = &values[i];
        uint32_t members = 0;
        bool is_container = v->kind == JSON_OBJECT || v->kind == JSON_ARRAY;
        FUZZ_CHECK(v->next > i && v->next <= count && (is_container || v->next == i + 1));
        for (uint32_t m = i + 1; m < v->next; m = values[m].next, members++) {
            FUZZ_CHECK((values[m].key.data != NULL) == (v->kind == JSON_OBJECT));
            FUZZ_CHECK(values[m].next <= v->next);
        }
        FUZZ_CHECK(!is_container || members == v->count);
        check_utf8(v->key);
        check_utf8(v->text);
        if (v->kind == JSON_INTEGER || v->kind == JSON_NUMBER)
            FUZZ_CHECK(isfinite(v->number));
    }
}

/* Raw text of containers and numbers, parsed alone, is the same thing. */
static void check_alone(struct json_parser *second, const struct json_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < ALONE_MAX; i++) {
        const struct json_value *v = &values[i], *again;
        uint32_t again_count;
        if (v->kind != JSON_OBJECT && v->kind != JSON_ARRAY && v->kind != JSON_INTEGER && v->kind != JSON_NUMBER)
            continue;
        FUZZ_CHECK(json_parse(second, v->text, &again, &again_count, NULL) == STATUS_OK);
        FUZZ_CHECK(again_count == v->next - i && again[0].kind == v->kind);
        FUZZ_CHECK(fuzz_same_number(again[0].number, v->number) || v->kind == JSON_OBJECT || v->kind == JSON_ARRAY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser, *second;
    const struct json_value *values;
    uint32_t count;
    struct slice text = slice_make((const char *)data, size);
    struct problem problem = {0};

    if (parser == NULL) {
        FUZZ_CHECK(json_parser_create(&parser, SIZE_MAX_BYTES) == STATUS_OK);
        FUZZ_CHECK(json_parser_create(&second, SIZE_MAX_BYTES) == STATUS_OK);
    }
    enum status status = json_parse(parser, text, &values, &count, &problem);
    if (status != STATUS_OK) {
        FUZZ_CHECK(problem.status == status && problem.detail[0] != 0);
        return 0;
    }
    FUZZ_CHECK(is_json(text));
    check_values(values, count);
    check_alone(second, values, count);
    if (values[0].kind == JSON_OBJECT && count > 1 && memchr(values[1].key.data, 0, values[1].key.size) == NULL) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", SLICE_ARG(values[1].key));
        FUZZ_CHECK(values[1].key.size >= sizeof name || json_find(values, 0, name) == &values[1]);
    }
    return 0;
}
