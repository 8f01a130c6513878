/* schemas/learn.avsc is the order of the calls of learning_encode and learning_decode. */
#include "schema/learning.h"

#include <math.h>

#include "wire/avro.h"

enum { OVERHEAD_BYTES = 224, CATEGORY_OVERHEAD_BYTES = 5, HASH_BYTES = 8 };

uint32_t learning_encoded_max(const struct learning *record)
{
    uint32_t size = OVERHEAD_BYTES + EVENT_TYPE_NAME_MAX + record->content_id.size + record->country.size;
    for (uint32_t i = 0; i < record->category_count; i++)
        size += record->categories[i].size + CATEGORY_OVERHEAD_BYTES;
    return size;
}

/* A hash is 8 bytes, low byte first; 0 is null. */
static void put_hash(struct avro_out *out, uint64_t hash)
{
    char bytes[HASH_BYTES];
    for (uint32_t i = 0; i < HASH_BYTES; i++)
        bytes[i] = (char)(hash >> (8 * i));
    avro_put_branch(out, hash != 0);
    if (hash != 0)
        avro_put_fixed(out, bytes, HASH_BYTES);
}

static void put_optional_long(struct avro_out *out, bool is_present, int64_t value)
{
    avro_put_branch(out, is_present);
    if (is_present)
        avro_put_long(out, value);
}

uint32_t learning_encode(const struct learning *record, const struct event_types *types, char *out)
{
    ASSERT(record->kind < LEARNING_KIND_COUNT && record->category_count <= EVENT_CATEGORY_MAX);
    ASSERT(record->device < DEVICE_COUNT);
    struct avro_out avro = {.data = out, .capacity = learning_encoded_max(record)};
    const bool is_content = record->kind == LEARNING_CONTENT;
    struct slice type = {NULL, 0};
    if (record->kind == LEARNING_EVENT && record->type < types->count)
        type = slice_make(types->rows[record->type].name, types->rows[record->type].name_size);
    avro_put_frame(&avro, LEARNING_SCHEMA_ID);
    avro_put_long(&avro, record->kind);
    avro_put_long(&avro, record->source_partition);
    avro_put_long(&avro, (int64_t)record->source_offset);
    avro_put_long(&avro, record->source_index);
    put_hash(&avro, record->user);
    put_hash(&avro, record->session);
    avro_put_long(&avro, record->step);
    avro_put_optional_string(&avro, type);
    avro_put_optional_string(&avro, record->content_id);
    avro_put_long(&avro, record->timestamp_ms);
    avro_put_long(&avro, record->received_at_ms);
    avro_put_boolean(&avro, record->is_late);
    avro_put_boolean(&avro, record->is_trend);
    avro_put_boolean(&avro, record->is_step);
    avro_put_strings(&avro, record->categories, record->category_count);
    put_optional_long(&avro, record->dwell_ms >= 0, record->dwell_ms);
    avro_put_branch(&avro, !isnan(record->value));
    if (!isnan(record->value))
        avro_put_double(&avro, record->value);
    put_optional_long(&avro, record->device != DEVICE_NONE, record->device - DEVICE_DESKTOP);
    avro_put_optional_string(&avro, record->country);
    put_optional_long(&avro, is_content && record->published_at_ms != EVENT_TIME_ABSENT, record->published_at_ms);
    put_optional_long(&avro, is_content && record->expires_at_ms != EVENT_TIME_ABSENT, record->expires_at_ms);
    avro_put_boolean(&avro, record->is_hidden);
    avro_put_boolean(&avro, record->is_deleted);
    ASSERT(!avro.is_overflown);
    return avro.size;
}

static uint64_t get_hash(struct avro_in *in)
{
    if (!avro_get_branch(in))
        return 0;
    struct slice bytes = avro_get_fixed(in, HASH_BYTES);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
        hash |= (uint64_t)(unsigned char)bytes.data[i] << (8 * i);
    return hash;
}

/* A number of [0, max]. */
static int64_t get_bounded(struct avro_in *in, int64_t max)
{
    int64_t value = avro_get_long(in);
    if (value < 0 || value > max)
        avro_get_fails(in);
    return value;
}

enum status learning_decode(struct slice bytes, const struct event_types *types, struct learning *record)
{
    struct avro_in in = {.data = bytes.data, .size = bytes.size};
    if (avro_get_frame(&in) != LEARNING_SCHEMA_ID || in.is_bad)
        return STATUS_CORRUPT;
    record->kind = (uint8_t)get_bounded(&in, LEARNING_KIND_COUNT - 1);
    record->source_partition = (uint16_t)get_bounded(&in, UINT16_MAX);
    record->source_offset = (uint64_t)avro_get_long(&in);
    record->source_index = (uint32_t)get_bounded(&in, UINT32_MAX);
    record->user = get_hash(&in);
    record->session = get_hash(&in);
    record->step = (uint32_t)get_bounded(&in, UINT32_MAX);
    struct slice type = avro_get_optional_string(&in);
    record->type = type.data != NULL ? event_types_find(types, type) : (uint8_t)EVENT_TYPE_UNKNOWN;
    record->content_id = avro_get_optional_string(&in);
    record->timestamp_ms = avro_get_long(&in);
    record->received_at_ms = avro_get_long(&in);
    record->is_late = avro_get_boolean(&in);
    record->is_trend = avro_get_boolean(&in);
    record->is_step = avro_get_boolean(&in);
    record->category_count = (uint8_t)avro_get_strings(&in, record->categories, EVENT_CATEGORY_MAX);
    record->dwell_ms = avro_get_branch(&in) ? get_bounded(&in, INT64_MAX) : -1;
    record->value = avro_get_branch(&in) ? avro_get_double(&in) : NAN;
    record->device = avro_get_branch(&in) ? (uint8_t)(1 + get_bounded(&in, DEVICE_OTHER - DEVICE_DESKTOP)) : (uint8_t)DEVICE_NONE;
    record->country = avro_get_optional_string(&in);
    record->published_at_ms = avro_get_branch(&in) ? avro_get_long(&in) : EVENT_TIME_ABSENT;
    record->expires_at_ms = avro_get_branch(&in) ? avro_get_long(&in) : EVENT_TIME_ABSENT;
    record->is_hidden = avro_get_boolean(&in);
    record->is_deleted = avro_get_boolean(&in);
    return in.is_bad || in.at != in.size ? STATUS_CORRUPT : STATUS_OK;
}
