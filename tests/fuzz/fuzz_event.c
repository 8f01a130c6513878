/* Goal: an event that is taken keeps every limit of the header, and what the log gives back is
 * what was taken.
 * Method: JSON, event_parse, then event_encode and event_decode; all fields are compared. */
#include "fuzz.h"

#include "schema/event.h"

enum { SIZE_MAX_BYTES = 1 << 16 };

static const int64_t NOW_MS = 1795000000000;

static void check_text(struct slice text, uint32_t size_max)
{
    FUZZ_CHECK(text.data == NULL || (text.size > 0 && text.size <= size_max));
    for (uint32_t i = 0; i < text.size; i++)
        FUZZ_CHECK((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
}

static void check_limits(const struct event *event, const struct event_types *types, bool is_ahead)
{
    FUZZ_CHECK(event_owner(event).size > 0);
    check_text(event->event_id, EVENT_ID_MAX);
    check_text(event->user_id, EVENT_USER_MAX);
    check_text(event->anonymous_id, EVENT_USER_MAX);
    check_text(event->session_id, EVENT_USER_MAX);
    check_text(event->content_id, EVENT_CONTENT_MAX);
    check_text(event->request_id, EVENT_ID_MAX);
    check_text(event->placement, EVENT_PLACEMENT_MAX);
    check_text(event->region, EVENT_REGION_MAX);
    check_text(event->city, EVENT_REGION_MAX);
    FUZZ_CHECK(event->country.data == NULL || event->country.size == 2);
    FUZZ_CHECK(event->category_count <= EVENT_CATEGORY_MAX);
    for (uint32_t i = 0; i < event->category_count; i++)
        check_text(event->categories[i], EVENT_CATEGORY_SIZE_MAX);
    FUZZ_CHECK(event->type < types->count && event->device < DEVICE_COUNT);
    FUZZ_CHECK(!types->rows[event->type].has_content || event->content_id.data != NULL);
    FUZZ_CHECK(event->position >= -1 && event->position <= EVENT_POSITION_MAX && event->dwell_ms >= -1);
    FUZZ_CHECK(isnan(event->value) || isfinite(event->value));
    FUZZ_CHECK(event->hour_of_day < 24 && event->day_of_week < 7);
    FUZZ_CHECK(event->timestamp_ms == EVENT_TIME_ABSENT || (!is_ahead && event->timestamp_ms <= NOW_MS + 300000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    static struct event_types types;
    const struct json_value *values;
    uint32_t count;
    struct event event, again;
    bool is_ahead;
    struct problem problem = {0};

    if (parser == NULL) {
        FUZZ_CHECK(json_parser_create(&parser, SIZE_MAX_BYTES) == STATUS_OK);
        event_types_init(&types);
    }
    if (json_parse(parser, slice_make((const char *)data, size), &values, &count, NULL) != STATUS_OK)
        return 0;
    struct event_rules rules = {.types = &types, .zone_minutes = size % 2 ? 330 : -600, .now_ms = NOW_MS};
    enum status status = event_parse(values, 0, &rules, &event, &is_ahead, &problem);
    if (status != STATUS_OK) {
        FUZZ_CHECK(status == STATUS_BAD_EVENT && problem.detail[0] != 0 && problem.fix[0] != 0);
        return 0;
    }
    check_limits(&event, &types, is_ahead);
    uint32_t size_max = event_encoded_max(&event);
    char *bytes = malloc(size_max);
    uint32_t bytes_size = event_encode(&event, &types, bytes);
    FUZZ_CHECK(bytes_size <= size_max);
    FUZZ_CHECK(event_decode(slice_make(bytes, bytes_size), &types, &again) == STATUS_OK);
    FUZZ_CHECK(fuzz_same_event(&event, &again));
    free(bytes);
    return 0;
}
