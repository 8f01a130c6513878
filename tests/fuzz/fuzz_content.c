/* Goal: a row of the catalogue that is taken keeps every limit, links to no script, and comes
 * back from the log as it was.
 * Method: the first byte is the size of an id as the path gives it (0: none), that id follows,
 * the rest is JSON; content_parse, content_encode, content_decode; all fields are compared. */
#include "fuzz.h"

#include <strings.h>

#include "schema/content.h"

enum { SIZE_MAX_BYTES = 1 << 16 };

static bool begins_with(struct slice text, const char *word)
{
    size_t at = 0, size = strlen(word);
    while (at < text.size && text.data[at] == ' ')
        at++;
    return text.size - at >= size && strncasecmp(text.data + at, word, size) == 0;
}

static void check_limits(const struct content *content)
{
    FUZZ_CHECK(content->content_id.size > 0 && content->content_id.size <= EVENT_CONTENT_MAX);
    FUZZ_CHECK(content->title.size <= CONTENT_TITLE_MAX && content->url.size <= CONTENT_URL_MAX);
    FUZZ_CHECK(content->image.size <= CONTENT_URL_MAX && content->category_count <= EVENT_CATEGORY_MAX);
    FUZZ_CHECK(!begins_with(content->url, "javascript:") && !begins_with(content->image, "javascript:"));
    FUZZ_CHECK(!begins_with(content->url, "data:") && !begins_with(content->image, "vbscript:"));
    FUZZ_CHECK(!content->is_deleted);
    for (uint32_t i = 0; i < content->content_id.size; i++)
        FUZZ_CHECK((unsigned char)content->content_id.data[i] >= 0x20);
}

static bool is_same(const struct content *a, const struct content *b)
{
    return fuzz_same_text(a->content_id, b->content_id) && fuzz_same_text(a->title, b->title) &&
           fuzz_same_text(a->url, b->url) && fuzz_same_text(a->image, b->image) &&
           fuzz_same_text(a->attributes, b->attributes) && a->category_count == b->category_count &&
           fuzz_same_texts(a->categories, b->categories, a->category_count) &&
           a->published_at_ms == b->published_at_ms && a->expires_at_ms == b->expires_at_ms &&
           a->is_hidden == b->is_hidden && a->is_deleted == b->is_deleted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    const struct json_value *values;
    uint32_t count;
    struct content content, again;
    struct fuzz_input input = {data, size};
    struct problem problem = {0};

    if (parser == NULL)
        FUZZ_CHECK(json_parser_create(&parser, SIZE_MAX_BYTES) == STATUS_OK);
    uint32_t id_size = fuzz_byte(&input);
    struct slice id = {NULL, 0};
    if (id_size > 0 && id_size <= input.size) {
        id = slice_make((const char *)input.data, id_size);
        input.data += id_size;
        input.size -= id_size;
    }
    if (json_parse(parser, fuzz_rest(&input), &values, &count, NULL) != STATUS_OK)
        return 0;
    if (content_parse(values, 0, id, &content, &problem) != STATUS_OK) {
        FUZZ_CHECK(problem.status == STATUS_BAD_EVENT && problem.detail[0] != 0);
        return 0;
    }
    check_limits(&content);
    uint32_t size_max = content_encoded_max(&content);
    char *bytes = malloc(size_max);
    uint32_t bytes_size = content_encode(&content, bytes);
    FUZZ_CHECK(bytes_size <= size_max);
    FUZZ_CHECK(content_decode(slice_make(bytes, bytes_size), &again) == STATUS_OK && is_same(&content, &again));
    free(bytes);
    return 0;
}
