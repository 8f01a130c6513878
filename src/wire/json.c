/* Reading is two passes.  simdjson's scan finds where tokens begin and proves that the text is
 * UTF-8 and its strings are closed; the walk here checks the grammar and writes the list.  It
 * uses the scan's offsets twice: a token ends where the next one begins, less the white space
 * between, so neither strings nor numbers are searched for their end.
 *
 * Strings without a backslash stay where they are in the parser's copy of the text; the others
 * are unescaped into a buffer of their own, because the raw text of an enclosing object must
 * stay as it was. */
#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/json_shim.h"
#include "wire/json_writer.h"

enum {
    DEPTH_MAX = 64,
    TEXT_FIRST = 64 * 1024,
    VALUES_FIRST = 1024,
    BYTES_A_VALUE = 8, /* at least, on average, in a document of size_max */
    VALUES_SPARE = 64,
    DIGITS_EXACT = 15, /* digits that a double holds exactly */
    POWERS_EXACT = 22  /* powers of ten that a double holds exactly */
};

struct json_parser {
    struct json_shim *shim;
    char *text;    /* copy of the document, padded */
    char *strings; /* unescaped strings, padded */
    size_t capacity;
    size_t size_max;
    struct json_value *values;
    uint32_t values_capacity;
};

/* One walk over the tokens of one document. */
struct walk {
    const struct json_shim *shim;
    const char *text;
    uint32_t size;
    const uint32_t *tokens;
    uint32_t token_count;
    uint32_t at; /* token to look at */
    struct json_value *values;
    uint32_t count;
    uint32_t count_max;
    const char *backslash; /* the first one not before the last string looked at, or the text's end */
    char *strings;         /* where the next unescaped string goes */
    uint32_t depth;
    uint32_t parents[DEPTH_MAX];
    struct problem *problem;
};

static const double powers_of_ten[POWERS_EXACT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum status json_parser_create(struct json_parser **parser, size_t size_max)
{
    ASSERT(size_max > 0 && size_max <= UINT32_MAX / 2);
    struct json_parser *made = calloc(1, sizeof *made);
    *parser = NULL;
    if (made == NULL)
        return STATUS_MEMORY;
    made->size_max = size_max;
    made->shim = json_shim_create();
    if (made->shim == NULL) {
        json_parser_destroy(made);
        return STATUS_MEMORY;
    }
    *parser = made;
    return STATUS_OK;
}

void json_parser_destroy(struct json_parser *parser)
{
    if (parser == NULL)
        return;
    json_shim_destroy(parser->shim);
    free(parser->text);
    free(parser->strings);
    free(parser->values);
    free(parser);
}

static bool grow_text(struct json_parser *parser, size_t size)
{
    if (size <= parser->capacity && parser->text != NULL)
        return true;
    size_t capacity = TEXT_FIRST;
    while (capacity < size)
        capacity *= 2;
    free(parser->text);
    free(parser->strings);
    parser->capacity = capacity;
    parser->text = malloc(capacity + JSON_SHIM_PADDING);
    parser->strings = malloc(capacity + JSON_SHIM_PADDING);
    if (parser->text != NULL && parser->strings != NULL)
        return true;
    free(parser->text);
    free(parser->strings);
    parser->text = parser->strings = NULL;
    return false;
}

static bool grow_values(struct json_parser *parser, uint32_t count)
{
    if (count <= parser->values_capacity)
        return true;
    uint32_t capacity = VALUES_FIRST;
    while (capacity < count)
        capacity *= 2;
    free(parser->values);
    parser->values = malloc(capacity * sizeof *parser->values);
    parser->values_capacity = parser->values != NULL ? capacity : 0;
    return parser->values != NULL;
}

/* ---- the walk ---- */

static enum status wrong_at(struct walk *walk, const char *where, const char *reason)
{
    unsigned long byte = (unsigned long)(where - walk->text);
    return problem_set(walk->problem, STATUS_BAD_REQUEST, "not JSON at byte %lu: %s", byte, reason);
}

static uint32_t token_start(const struct walk *walk, uint32_t token)
{
    return token < walk->token_count ? walk->tokens[token] : walk->size;
}

/* The byte that opens the token to look at; 0 at the end. */
static char token_byte(const struct walk *walk)
{
    return walk->at < walk->token_count ? walk->text[walk->tokens[walk->at]] : '\0';
}

static enum status wrong_here(struct walk *walk, const char *reason)
{
    const char *where = walk->text + token_start(walk, walk->at);
    return wrong_at(walk, where, walk->at < walk->token_count ? reason : "it ends too early");
}

/* The whole token. */
static struct slice token_text(const struct walk *walk)
{
    const char *start = walk->text + token_start(walk, walk->at);
    const char *end = walk->text + token_start(walk, walk->at + 1);
    while (end > start && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
        end--;
    return slice_make(start, (size_t)(end - start));
}

static enum status read_string(struct walk *walk, struct slice *string)
{
    struct slice token = token_text(walk);
    if (token.size < 2 || token.data[token.size - 1] != '"')
        return wrong_here(walk, "a string has no end");
    *string = slice_make(token.data + 1, token.size - 2);
    walk->at++;
    if (walk->backslash < string->data) {
        const char *end = walk->text + walk->size;
        const char *found = memchr(string->data, '\\', (size_t)(end - string->data));
        walk->backslash = found != NULL ? found : end;
    }
    if (walk->backslash >= string->data + string->size)
        return STATUS_OK;
    char *end = json_shim_unescape(walk->shim, string->data, walk->strings);
    if (end == NULL)
        return wrong_at(walk, walk->backslash, "an escape sequence is not valid");
    *string = slice_make(walk->strings, (size_t)(end - walk->strings));
    walk->strings = end;
    /* simdjson 3.0 lets a lone low surrogate pass. */
    for (const char *c = string->data; c < end; c++)
        if ((unsigned char)*c >= 0x80 && json_utf8_size(c, (size_t)(end - c)) == 0)
            return wrong_at(walk, walk->backslash, "an escape sequence is half a surrogate pair");
        else if ((unsigned char)*c >= 0x80)
            c += json_utf8_size(c, (size_t)(end - c)) - 1;
    return STATUS_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, point and exponent of a number in one pass. */
struct decimal {
    uint64_t digits; /* of integer and fraction, wrong when there are more than 19 */
    uint32_t digit_count;
    int64_t exponent;
    bool is_integer;
};

/* The grammar of RFC 8259, section 6, behind the sign.  Returns the end, NULL when it is broken. */
static const char *scan_number(const char *c, const char *end, struct decimal *decimal)
{
    *decimal = (struct decimal){.is_integer = true};
    const char *first = c;
    for (; c < end && is_digit(*c); c++)
        decimal->digits = decimal->digits * 10 + (uint64_t)(*c - '0');
    decimal->digit_count = (uint32_t)(c - first);
    if (c == first || (*first == '0' && c - first > 1))
        return NULL;
    if (c < end && *c == '.') {
        const char *point = c++;
        for (; c < end && is_digit(*c); c++)
            decimal->digits = decimal->digits * 10 + (uint64_t)(*c - '0');
        if (c == point + 1)
            return NULL;
        decimal->exponent = -(c - point - 1);
        decimal->digit_count += (uint32_t)(c - point - 1);
        decimal->is_integer = false;
    }
    if (c < end && (*c == 'e' || *c == 'E')) {
        c++;
        bool is_negative = c < end && *c == '-';
        if (c < end && (*c == '-' || *c == '+'))
            c++;
        const char *power = c;
        int32_t value = 0;
        for (; c < end && is_digit(*c); c++)
            value = value < 100000 ? value * 10 + (*c - '0') : value;
        if (c == power)
            return NULL;
        decimal->exponent += is_negative ? -value : value;
        decimal->is_integer = false;
    }
    return c;
}

static enum status read_number(struct walk *walk, struct json_value *value)
{
    struct slice token = token_text(walk);
    const char *end = token.data + token.size;
    bool is_negative = token.data[0] == '-';
    struct decimal decimal;
    if (scan_number(token.data + is_negative, end, &decimal) != end)
        return wrong_here(walk, "a number is not well formed");
    walk->at++;
    value->text = token;
    if (decimal.is_integer && decimal.digit_count < 20 &&
        (decimal.digit_count < 19 || decimal.digits <= (uint64_t)INT64_MAX + is_negative)) {
        value->kind = JSON_INTEGER;
        value->integer = (int64_t)(is_negative ? -decimal.digits : decimal.digits);
        value->number = (double)value->integer;
        return STATUS_OK;
    }
    value->kind = JSON_NUMBER;
    if (decimal.digit_count <= DIGITS_EXACT && decimal.exponent >= -POWERS_EXACT && decimal.exponent <= POWERS_EXACT) {
        /* Both operands are exact, so one correctly rounded operation is the nearest double (Clinger, 1990). */
        double digits = (double)decimal.digits;
        double number = decimal.exponent < 0 ? digits / powers_of_ten[-decimal.exponent]
                                             : digits * powers_of_ten[decimal.exponent];
        value->number = is_negative ? -number : number;
        return STATUS_OK;
    }
    value->number = json_shim_number(token.data, end);
    return isfinite(value->number) ? STATUS_OK : wrong_at(walk, token.data, "a number is out of range");
}

static enum status read_word(struct walk *walk, struct json_value *value)
{
    struct slice token = token_text(walk);
    if (slice_is(token, "true"))
        value->kind = JSON_TRUE;
    else if (slice_is(token, "false"))
        value->kind = JSON_FALSE;
    else if (slice_is(token, "null"))
        value->kind = JSON_NULL;
    else
        return wrong_here(walk, "a value was expected");
    walk->at++;
    return STATUS_OK;
}

/* Key and colon of a member. */
static enum status read_key(struct walk *walk, struct slice *key)
{
    if (token_byte(walk) != '"')
        return wrong_here(walk, "a name in quotes was expected");
    enum status status = read_string(walk, key);
    if (status != STATUS_OK)
        return status;
    if (token_byte(walk) != ':')
        return wrong_here(walk, "a colon was expected");
    walk->at++;
    return STATUS_OK;
}

/* Reads a value; of a container only its opening. */
static enum status read_value(struct walk *walk, struct slice key)
{
    if (walk->count == walk->count_max)
        return problem_set(walk->problem, STATUS_TOO_LARGE, "the document has more than %u values", walk->count_max);
    uint32_t index = walk->count++;
    struct json_value *value = &walk->values[index];
    *value = (struct json_value){.next = index + 1, .key = key};
    char byte = token_byte(walk);
    if (byte == '"') {
        value->kind = JSON_STRING;
        return read_string(walk, &value->text);
    }
    if (byte == '-' || is_digit(byte))
        return read_number(walk, value);
    if (byte != '{' && byte != '[')
        return read_word(walk, value);
    if (walk->depth == DEPTH_MAX)
        return wrong_here(walk, "it is nested more than 64 deep");
    value->kind = byte == '{' ? JSON_OBJECT : JSON_ARRAY;
    value->text.data = walk->text + walk->tokens[walk->at];
    walk->parents[walk->depth++] = index;
    walk->at++;
    return STATUS_OK;
}

static void close_container(struct walk *walk)
{
    struct json_value *container = &walk->values[walk->parents[--walk->depth]];
    const char *end = walk->text + walk->tokens[walk->at] + 1;
    container->text.size = (uint32_t)(end - container->text.data);
    container->next = walk->count;
    walk->at++;
}

static enum status walk_document(struct walk *walk)
{
    enum status status = read_value(walk, (struct slice){NULL, 0});
    /* Each turn reads one member or closes one container. */
    while (status == STATUS_OK && walk->depth > 0) {
        struct json_value *container = &walk->values[walk->parents[walk->depth - 1]];
        bool is_object = container->kind == JSON_OBJECT;
        if (token_byte(walk) == (is_object ? '}' : ']')) {
            close_container(walk);
            continue;
        }
        if (container->count > 0) {
            if (token_byte(walk) != ',')
                return wrong_here(walk, is_object ? "a comma or } was expected" : "a comma or ] was expected");
            walk->at++;
        }
        container->count++;
        struct slice key = {NULL, 0};
        if (is_object)
            status = read_key(walk, &key);
        if (status == STATUS_OK)
            status = read_value(walk, key);
    }
    if (status == STATUS_OK && walk->at < walk->token_count)
        status = wrong_here(walk, "bytes follow the document");
    return status;
}

/* Why the scan refused, with the byte: a slow second look at what is refused anyway. */
static enum status explain_scan(enum json_shim_result result, struct slice text, struct problem *problem)
{
    struct walk walk = {.text = text.data, .size = text.size, .problem = problem};
    bool is_string = false;
    const char *opened = text.data, *end = text.data + text.size;
    for (const char *c = text.data; c < end; c++) {
        size_t size = json_utf8_size(c, (size_t)(end - c));
        if (size == 0)
            return wrong_at(&walk, c, "the text is not UTF-8");
        if (is_string && (unsigned char)*c < ' ' && result == JSON_SHIM_CONTROL)
            return wrong_at(&walk, c, "a control character in a string must be escaped");
        if (is_string && *c == '\\' && c + 1 < end && (unsigned char)c[1] < 0x80)
            size = 2;
        else if (*c == '"') {
            is_string = !is_string;
            opened = c;
        }
        c += size - 1;
    }
    if (result == JSON_SHIM_EMPTY)
        return problem_set(problem, STATUS_BAD_REQUEST, "the text is empty");
    return wrong_at(&walk, opened, result == JSON_SHIM_UNCLOSED ? "a string has no end" : "the text cannot be read");
}

enum status json_parse(struct json_parser *parser, struct slice text, const struct json_value **values,
                       uint32_t *count, struct problem *problem)
{
    *values = NULL;
    *count = 0;
    if (text.size > parser->size_max)
        return problem_set(problem, STATUS_TOO_LARGE, "the document has %u bytes, the limit is %zu", text.size,
                           parser->size_max);
    if (!grow_text(parser, text.size))
        return problem_set(problem, STATUS_MEMORY, "no memory for a document of %u bytes", text.size);
    /* A byte order mark says nothing in UTF-8; RFC 8259 lets a reader skip it. */
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = slice_make(text.data + 3, text.size - 3);
    if (text.size > 0)
        memcpy(parser->text, text.data, text.size);
    memset(parser->text + text.size, ' ', JSON_SHIM_PADDING);
    struct walk walk = {.shim = parser->shim, .text = parser->text, .size = text.size, .problem = problem};
    enum json_shim_result result =
        json_shim_scan(parser->shim, parser->text, text.size, &walk.tokens, &walk.token_count);
    if (result == JSON_SHIM_MEMORY)
        return problem_set(problem, STATUS_MEMORY, "no memory for a document of %u bytes", text.size);
    if (result != JSON_SHIM_OK)
        return explain_scan(result, slice_make(parser->text, text.size), problem);
    /* A value is followed by a comma or the end of its container, so there are about half as
     * many as tokens; a document of size_max may hold one for eight bytes. */
    uint32_t values_max = (uint32_t)(parser->size_max / BYTES_A_VALUE) + VALUES_SPARE;
    uint32_t values_wanted = walk.token_count / 2 + DEPTH_MAX + 2;
    walk.count_max = values_wanted < values_max ? values_wanted : values_max;
    if (!grow_values(parser, walk.count_max))
        return problem_set(problem, STATUS_MEMORY, "no memory for %u values", walk.count_max);
    walk.values = parser->values;
    walk.strings = parser->strings;
    enum status status = walk_document(&walk);
    if (status != STATUS_OK)
        return status;
    *values = walk.values;
    *count = walk.count;
    return STATUS_OK;
}

const struct json_value *json_find(const struct json_value *values, uint32_t index, const char *name)
{
    const struct json_value *object = &values[index];
    if (object->kind != JSON_OBJECT)
        return NULL;
    struct slice wanted = slice_of(name);
    for (uint32_t i = index + 1; i < object->next; i = values[i].next)
        if (slice_equal(values[i].key, wanted))
            return &values[i];
    return NULL;
}

size_t json_utf8_size(const char *text, size_t size)
{
    const unsigned char *c = (const unsigned char *)text;
    if (size == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    size_t wanted = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    if (c[0] < 0xc2 || c[0] > 0xf4 || size < wanted)
        return 0;
    for (size_t i = 1; i < wanted; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, above U+10FFFF. */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return wanted;
}

/* ---- the writer ---- */

void json_writer_init(struct json_writer *w, size_t size_max)
{
    *w = (struct json_writer){.size_max = size_max};
}

void json_writer_fini(struct json_writer *w)
{
    free(w->data);
    *w = (struct json_writer){0};
}

void json_writer_reset(struct json_writer *w)
{
    w->size = 0;
    w->is_overflown = false;
    w->needs_comma = false;
}

/* A place for size more bytes; the caller moves w->size. NULL once overflown. */
static inline char *room_for(struct json_writer *w, size_t size)
{
    if (!w->is_overflown && size <= w->capacity - w->size)
        return w->data + w->size;
    const size_t first = 1024;
    if (w->is_overflown || size > w->size_max - w->size) {
        w->is_overflown = true;
        return NULL;
    }
    size_t capacity = w->capacity < first ? first : w->capacity;
    while (capacity < w->size + size)
        capacity *= 2;
    if (capacity > w->size_max)
        capacity = w->size_max;
    char *data = realloc(w->data, capacity);
    if (data == NULL) {
        w->is_overflown = true;
        return NULL;
    }
    w->data = data;
    w->capacity = capacity;
    return data + w->size;
}

static void put(struct json_writer *w, const char *bytes, size_t size)
{
    char *place = room_for(w, size);
    if (place == NULL || size == 0)
        return;
    memcpy(place, bytes, size);
    w->size += size;
}

static void put_byte(struct json_writer *w, char byte)
{
    char *place = room_for(w, 1);
    if (place == NULL)
        return;
    *place = byte;
    w->size++;
}

/* What stands before a value or a name. */
static void begin_value(struct json_writer *w)
{
    if (w->needs_comma)
        put_byte(w, ',');
    w->needs_comma = true;
}

void json_object_begin(struct json_writer *w)
{
    begin_value(w);
    put_byte(w, '{');
    w->needs_comma = false;
}

void json_object_end(struct json_writer *w)
{
    put_byte(w, '}');
    w->needs_comma = true;
}

void json_array_begin(struct json_writer *w)
{
    begin_value(w);
    put_byte(w, '[');
    w->needs_comma = false;
}

void json_array_end(struct json_writer *w)
{
    put_byte(w, ']');
    w->needs_comma = true;
}

/* One byte that cannot stand as it is; returns how many bytes of text it took. */
static size_t put_special(struct json_writer *w, const char *text, size_t size)
{
    unsigned char c = (unsigned char)*text;
    if (c >= 0x80) {
        size_t whole = json_utf8_size(text, size);
        if (whole > 0)
            put(w, text, whole);
        else
            put(w, "\xef\xbf\xbd", 3);
        return whole > 0 ? whole : 1;
    }
    static const char names[] = "btn?fr";
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\')
        put(w, (char[]){'\\', (char)c}, 2);
    else if (c >= '\b' && c <= '\r' && c != '\v')
        put(w, (char[]){'\\', names[c - '\b']}, 2);
    else
        put(w, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    return 1;
}

/* Where the first byte that cannot stand as it is stands, from `at` on. */
static uint32_t plain_end(struct slice text, uint32_t at)
{
    const uint64_t each = 0x0101010101010101;
    for (; text.size - at >= sizeof each; at += (uint32_t)sizeof each) {
        /* A byte less than what is taken from it borrows, which sets its top bit; a false one needs a true one below. */
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        uint64_t low = word - each * ' ', quote = (word ^ each * '"') - each, slash = (word ^ each * '\\') - each;
        uint64_t last = (word ^ each * 0x7f) - each;
        if (((word | low | quote | slash | last) & each * 0x80) != 0)
            break;
    }
    for (; at < text.size; at++) {
        unsigned char c = (unsigned char)text.data[at];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
            break;
    }
    return at;
}

static void put_quoted(struct json_writer *w, struct slice text)
{
    uint32_t at = plain_end(text, 0);
    char *place = at == text.size ? room_for(w, (size_t)text.size + 2) : NULL;
    if (place != NULL) {
        *place++ = '"';
        if (text.size > 0)
            memcpy(place, text.data, text.size);
        place[text.size] = '"';
        w->size += (size_t)text.size + 2;
        return;
    }
    put_byte(w, '"');
    at = 0;
    while (at < text.size) {
        uint32_t plain = plain_end(text, at);
        put(w, text.data + at, plain - at);
        at = plain;
        if (at < text.size)
            at += (uint32_t)put_special(w, text.data + at, text.size - at);
    }
    put_byte(w, '"');
}

void json_key_slice(struct json_writer *w, struct slice name)
{
    begin_value(w);
    put_quoted(w, name);
    put_byte(w, ':');
    w->needs_comma = false;
}

void json_key(struct json_writer *w, const char *name)
{
    json_key_slice(w, slice_of(name));
}

void json_string(struct json_writer *w, struct slice text)
{
    begin_value(w);
    put_quoted(w, text);
}

void json_text(struct json_writer *w, const char *text)
{
    json_string(w, slice_of(text));
}

enum { DIGITS_MAX = 20 };

/* Decimal digits of value, ending at end; returns their start. */
static char *digits_before(char *end, uint64_t value)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return end;
}

void json_unsigned(struct json_writer *w, uint64_t value)
{
    char text[DIGITS_MAX];
    char *start = digits_before(text + DIGITS_MAX, value);
    begin_value(w);
    put(w, start, (size_t)(text + DIGITS_MAX - start));
}

void json_integer(struct json_writer *w, int64_t value)
{
    char text[DIGITS_MAX + 1];
    char *end = text + sizeof text;
    char *start = digits_before(end, value < 0 ? -(uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--start = '-';
    begin_value(w);
    put(w, start, (size_t)(end - start));
}

/* Six significant digits of 1e-5 <= value < 1e6 by integer arithmetic: printf costs a
 * quarter of a microsecond, and an answer has a hundred numbers. */
static size_t number_text(char *text, double value)
{
    enum { SIGNIFICANT = 6, DECIMALS_MAX = 10 };
    int decimals = SIGNIFICANT - 1;
    for (double bound = 10; value >= bound && decimals > 0; bound *= 10)
        decimals--;
    for (double bound = 1; value < bound && decimals < DECIMALS_MAX; bound /= 10)
        decimals++;
    uint64_t scaled = (uint64_t)(value * powers_of_ten[decimals] + 0.5);
    for (; decimals > 0 && scaled % 10 == 0; decimals--)
        scaled /= 10;
    char digits[DIGITS_MAX];
    char *end = digits + DIGITS_MAX;
    char *start = digits_before(end, scaled);
    while (end - start <= decimals)
        *--start = '0';
    size_t whole = (size_t)(end - start) - (size_t)decimals;
    memcpy(text, start, whole);
    if (decimals == 0)
        return whole;
    text[whole] = '.';
    memcpy(text + whole + 1, start + whole, (size_t)decimals);
    return whole + 1 + (size_t)decimals;
}

void json_number(struct json_writer *w, double value)
{
    const double whole_max = 9007199254740992.0; /* 2^53 */
    const double fixed_min = 1e-5, fixed_max = 1e6;
    double size = fabs(value);
    if (!isfinite(value)) {
        json_null(w);
    } else if (size < whole_max && size == (double)(uint64_t)size) {
        json_integer(w, (int64_t)value);
    } else if (size >= fixed_min && size < fixed_max) {
        char text[32] = "-";
        bool is_negative = value < 0;
        size_t length = number_text(text + is_negative, size) + is_negative;
        json_raw(w, slice_make(text, length));
    } else {
        char text[32];
        int length = snprintf(text, sizeof text, "%.6g", value);
        ASSERT(length > 0 && (size_t)length < sizeof text);
        json_raw(w, slice_make(text, (size_t)length));
    }
}

void json_bool(struct json_writer *w, bool value)
{
    json_raw(w, slice_of(value ? "true" : "false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, slice_of("null"));
}

void json_raw(struct json_writer *w, struct slice json)
{
    begin_value(w);
    put(w, json.data, json.size);
}

static char *put_digits(char *place, uint32_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        place[i] = (char)('0' + value % 10);
    return place + width;
}

/* Days to date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
void json_time(struct json_writer *w, int64_t time_ms)
{
    const int64_t day_ms = 86400000, first_ms = -62135596800000, last_ms = 253402300799999; /* years 1 to 9999 */
    if (time_ms < first_ms || time_ms > last_ms) {
        json_null(w);
        return;
    }
    uint32_t in_day = (uint32_t)((time_ms % day_ms + day_ms) % day_ms);
    uint32_t days = (uint32_t)((time_ms - (int64_t)in_day) / day_ms + 719468); /* since 0000-03-01 of an era */
    uint32_t era = days / 146097, of_era = days % 146097;
    uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    char text[sizeof "\"2026-11-24T10:00:00.123Z\""];
    char *place = text;
    *place++ = '"';
    place = put_digits(place, era * 400 + year_of_era + (month <= 2), 4);
    *place++ = '-';
    place = put_digits(place, month, 2);
    *place++ = '-';
    place = put_digits(place, day_of_year - (153 * march_month + 2) / 5 + 1, 2);
    *place++ = 'T';
    place = put_digits(place, in_day / 3600000, 2);
    *place++ = ':';
    place = put_digits(place, in_day / 60000 % 60, 2);
    *place++ = ':';
    place = put_digits(place, in_day / 1000 % 60, 2);
    *place++ = '.';
    place = put_digits(place, in_day % 1000, 3);
    *place++ = 'Z';
    *place++ = '"';
    json_raw(w, slice_make(text, (size_t)(place - text)));
}
