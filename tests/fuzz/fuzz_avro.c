/* Goal: no bytes of a log lead a decoder astray, and what it reads can be written and read again.
 * Method: the first byte chooses event, content or learning record; what decodes is encoded,
 * decoded and encoded once more: both encodings are equal byte for byte. */
#include "fuzz.h"

#include "schema/content.h"
#include "schema/event.h"
#include "schema/learning.h"

static struct event_types types;

/* A pass: decodes and encodes; NULL when it is no record.  The result is malloc'ed. */
static char *pass_event(struct slice bytes, uint32_t *size)
{
    struct event event;
    if (event_decode(bytes, &types, &event) != STATUS_OK || event.type == EVENT_TYPE_UNKNOWN)
        return NULL;
    FUZZ_CHECK(event_owner(&event).size > 0 && event.category_count <= EVENT_CATEGORY_MAX);
    FUZZ_CHECK(event.hour_of_day < 24 || event.hour_of_day == 255);
    uint32_t size_max = event_encoded_max(&event);
    char *out = malloc(size_max);
    *size = event_encode(&event, &types, out);
    FUZZ_CHECK(*size <= size_max);
    return out;
}

static char *pass_content(struct slice bytes, uint32_t *size)
{
    struct content content;
    if (content_decode(bytes, &content) != STATUS_OK)
        return NULL;
    uint32_t size_max = content_encoded_max(&content);
    char *out = malloc(size_max);
    *size = content_encode(&content, out);
    FUZZ_CHECK(*size <= size_max);
    return out;
}

static char *pass_learning(struct slice bytes, uint32_t *size)
{
    struct learning record;
    if (learning_decode(bytes, &types, &record) != STATUS_OK)
        return NULL;
    uint32_t size_max = learning_encoded_max(&record);
    char *out = malloc(size_max);
    *size = learning_encode(&record, &types, out);
    FUZZ_CHECK(*size <= size_max);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *(*const passes[])(struct slice, uint32_t *) = {pass_event, pass_content, pass_learning};
    struct fuzz_input input = {data, size};
    uint32_t once_size = 0, twice_size = 0;

    if (types.count == 0)
        event_types_init(&types);
    char *(*pass)(struct slice, uint32_t *) = passes[fuzz_byte(&input) % 3];
    char *once = pass(fuzz_rest(&input), &once_size);
    if (once == NULL)
        return 0;
    char *twice = pass(slice_make(once, once_size), &twice_size);
    FUZZ_CHECK(twice != NULL && twice_size == once_size && memcmp(once, twice, once_size) == 0);
    free(once);
    free(twice);
    return 0;
}
