/* schemas/event.avsc is the order of the calls of event_encode and event_decode. */
#include "schema/event.h"

#include <math.h>

#include "wire/avro.h"

enum {
    OVERHEAD_BYTES = 256, /* frame, unions, sizes and numbers: 21 fields of at most 11 bytes, and the frame */
    CATEGORY_OVERHEAD_BYTES = 5
};

struct slice event_owner(const struct event *event)
{
    return event->user_id.size > 0 ? event->user_id : event->anonymous_id;
}

uint32_t event_encoded_max(const struct event *event)
{
    uint32_t size = OVERHEAD_BYTES + EVENT_TYPE_NAME_MAX;
    size += event->event_id.size + event->user_id.size + event->anonymous_id.size + event->session_id.size;
    size += event->content_id.size + event->request_id.size + event->placement.size + event->context.size;
    size += event->country.size + event->region.size + event->city.size;
    for (uint32_t i = 0; i < event->category_count; i++)
        size += event->categories[i].size + CATEGORY_OVERHEAD_BYTES;
    return size;
}

static void put_optional_long(struct avro_out *out, bool is_present, int64_t value)
{
    avro_put_branch(out, is_present);
    if (is_present)
        avro_put_long(out, value);
}

static void put_location(struct avro_out *out, const struct event *event)
{
    bool is_present = event->country.data != NULL || event->region.data != NULL || event->city.data != NULL;
    avro_put_branch(out, is_present);
    if (!is_present)
        return;
    avro_put_optional_string(out, event->country);
    avro_put_optional_string(out, event->region);
    avro_put_optional_string(out, event->city);
}

uint32_t event_encode(const struct event *event, const struct event_types *types, char *out)
{
    ASSERT(event->type < types->count && event->category_count <= EVENT_CATEGORY_MAX && event->device < DEVICE_COUNT);
    const struct event_type *type = &types->rows[event->type];
    struct avro_out avro = {.data = out, .capacity = event_encoded_max(event)};
    avro_put_frame(&avro, EVENT_SCHEMA_ID);
    avro_put_optional_string(&avro, event->event_id);
    avro_put_optional_string(&avro, event->user_id);
    avro_put_optional_string(&avro, event->anonymous_id);
    avro_put_optional_string(&avro, event->session_id);
    put_optional_long(&avro, event->timestamp_ms != EVENT_TIME_ABSENT, event->timestamp_ms);
    avro_put_string(&avro, slice_make(type->name, type->name_size));
    avro_put_optional_string(&avro, event->content_id);
    put_optional_long(&avro, event->device != DEVICE_NONE, event->device - DEVICE_DESKTOP);
    put_optional_long(&avro, event->hour_of_day != 255, event->hour_of_day);
    put_optional_long(&avro, event->day_of_week != 255, event->day_of_week);
    put_location(&avro, event);
    avro_put_strings(&avro, event->categories, event->category_count);
    put_optional_long(&avro, event->dwell_ms >= 0, event->dwell_ms);
    avro_put_branch(&avro, !isnan(event->value));
    if (!isnan(event->value))
        avro_put_double(&avro, event->value);
    avro_put_optional_string(&avro, event->request_id);
    put_optional_long(&avro, event->position >= 0, event->position);
    avro_put_optional_string(&avro, event->placement);
    avro_put_optional_string(&avro, event->context);
    ASSERT(!avro.is_overflown);
    return avro.size;
}

/* A nullable number of [0, max]; absent is what null gives. */
static int64_t get_optional_long(struct avro_in *in, int64_t max, int64_t absent)
{
    if (!avro_get_branch(in))
        return absent;
    int64_t value = avro_get_long(in);
    if (value < 0 || value > max)
        avro_get_fails(in);
    return value;
}

static void get_location(struct avro_in *in, struct event *event)
{
    event->country = event->region = event->city = (struct slice){NULL, 0};
    if (!avro_get_branch(in))
        return;
    event->country = avro_get_optional_string(in);
    event->region = avro_get_optional_string(in);
    event->city = avro_get_optional_string(in);
}

enum status event_decode(struct slice bytes, const struct event_types *types, struct event *event)
{
    struct avro_in in = {.data = bytes.data, .size = bytes.size};
    if (avro_get_frame(&in) != EVENT_SCHEMA_ID || in.is_bad)
        return STATUS_CORRUPT;
    event->event_id = avro_get_optional_string(&in);
    event->user_id = avro_get_optional_string(&in);
    event->anonymous_id = avro_get_optional_string(&in);
    event->session_id = avro_get_optional_string(&in);
    event->timestamp_ms = avro_get_branch(&in) ? avro_get_long(&in) : EVENT_TIME_ABSENT;
    event->type = event_types_find(types, avro_get_string(&in));
    event->content_id = avro_get_optional_string(&in);
    event->device = (uint8_t)(1 + get_optional_long(&in, DEVICE_OTHER - DEVICE_DESKTOP, -1));
    event->hour_of_day = (uint8_t)get_optional_long(&in, 23, 255);
    event->day_of_week = (uint8_t)get_optional_long(&in, 6, 255);
    get_location(&in, event);
    event->category_count = (uint8_t)avro_get_strings(&in, event->categories, EVENT_CATEGORY_MAX);
    event->dwell_ms = get_optional_long(&in, INT64_MAX, -1);
    event->value = avro_get_branch(&in) ? avro_get_double(&in) : NAN;
    event->request_id = avro_get_optional_string(&in);
    event->position = (int32_t)get_optional_long(&in, INT32_MAX, -1);
    event->placement = avro_get_optional_string(&in);
    event->context = avro_get_optional_string(&in);
    bool has_owner = event->user_id.size > 0 || event->anonymous_id.size > 0;
    return in.is_bad || in.at != in.size || !has_owner ? STATUS_CORRUPT : STATUS_OK;
}
