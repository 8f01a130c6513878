/* Goal: a body of events gives its items once each, in order, whatever its form.
 * Method: the first byte chooses the Content-Type.  Items of an array are as many as it has
 * members; an object must give the same event alone, as the only member of an array and, where
 * it has no line end, as a line. */
#include "fuzz.h"

#include "collect/payload.h"
#include "wire/json.h"

enum { SIZE_MAX_BYTES = 1 << 16 };

static struct json_parser *parser;
static struct event_types types;

static const char *const TYPES[] = {NULL, "application/json", "application/x-ndjson; charset=utf-8", "text/plain",
                                    "application/vnd.x+json", "application/x-www-form-urlencoded"};

/* The encoded event of the item, malloc'ed; NULL when it is none. */
static char *encode_item(const struct payload *payload, uint32_t *size)
{
    struct event event;
    bool is_ahead;
    struct event_rules rules = {.types = &types, .now_ms = 1795000000000};
    if (event_parse(payload->values, payload->at, &rules, &event, &is_ahead, NULL) != STATUS_OK)
        return NULL;
    char *bytes = malloc(event_encoded_max(&event));
    *size = event_encode(&event, &types, bytes);
    return bytes;
}

/* Reads a body; the last event of it is kept. */
static enum status read_body(struct slice body, struct slice type, uint32_t *items, uint32_t *objects, char **last,
                             uint32_t *last_size)
{
    struct payload payload;
    struct problem problem = {0};
    enum status status = payload_open(&payload, parser, body, type, &problem), item;

    *items = *objects = 0;
    *last = NULL;
    if (status != STATUS_OK) {
        FUZZ_CHECK(problem.detail[0] != 0);
        return status;
    }
    uint32_t expected = payload.is_lines ? UINT32_MAX : payload.left;
    while (payload_next(&payload, &item, &problem)) {
        FUZZ_CHECK(payload.index == (*items)++ && *items <= body.size + 1);
        FUZZ_CHECK(item == STATUS_OK || problem.detail[0] != 0);
        if (item != STATUS_OK)
            continue;
        FUZZ_CHECK(payload.values[payload.at].kind == JSON_OBJECT);
        ++*objects;
        free(*last);
        *last = encode_item(&payload, last_size);
    }
    FUZZ_CHECK(expected == UINT32_MAX || expected == *items);
    return STATUS_OK;
}

static void check_same(struct slice object, const char *before, const char *behind, const char *type, const char *bytes,
                       uint32_t bytes_size)
{
    uint32_t items, objects, last_size;
    char *last;
    size_t size = strlen(before) + object.size + strlen(behind);
    char *body = malloc(size + 1);
    snprintf(body, size + 1, "%s%.*s%s", before, SLICE_ARG(object), behind);
    FUZZ_CHECK(read_body(slice_make(body, size), slice_of(type), &items, &objects, &last, &last_size) == STATUS_OK);
    FUZZ_CHECK(items == 1 && objects == 1 && (last == NULL) == (bytes == NULL));
    FUZZ_CHECK(bytes == NULL || (last_size == bytes_size && memcmp(last, bytes, bytes_size) == 0));
    free(last);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint32_t items, objects, bytes_size = 0;
    char *bytes;

    if (parser == NULL) {
        FUZZ_CHECK(json_parser_create(&parser, SIZE_MAX_BYTES) == STATUS_OK);
        event_types_init(&types);
    }
    (void)payload_is_read(fuzz_rest(&input));
    struct slice type = slice_of(TYPES[fuzz_byte(&input) % (sizeof TYPES / sizeof TYPES[0])]);
    struct slice body = fuzz_rest(&input);
    FUZZ_CHECK(payload_is_read(type));
    if (read_body(body, type, &items, &objects, &bytes, &bytes_size) != STATUS_OK)
        return 0;
    bool is_object = items == 1 && objects == 1 && memchr(body.data, 0, body.size) == NULL;
    uint32_t at = 0;
    while (is_object && strchr(" \t\r\n", body.data[at]) != NULL)
        at++;
    if (is_object && body.data[at] == '{') {
        check_same(body, "[", "]", "application/json", bytes, bytes_size);
        if (memchr(body.data, '\n', body.size) == NULL)
            check_same(body, "\n\n", "\r\n\n", "application/x-ndjson", bytes, bytes_size);
    }
    free(bytes);
    return 0;
}
