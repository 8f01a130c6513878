/* event.h - what a person did: the one record that goes in.
 *
 * Three forms: JSON at the edges (event_parse), struct event in memory, Avro on the log
 * (schemas/event.avsc, Confluent framing; event_encode, event_decode).  All slices of a
 * struct event are borrowed from the text or the bytes it came from.
 *
 * Threads: any; pure.
 * Memory:  none of its own.
 * Failure: event_parse returns STATUS_BAD_EVENT with pointer ("/timestamp"), reason and fix.
 *
 * Sources: event.c (Avro), event_parse.c (JSON), event_time.c, event_device.c.
 */
#ifndef SCHEMA_EVENT_H
#define SCHEMA_EVENT_H

#include "base/slice.h"
#include "base/status.h"
#include "schema/event_type.h"
#include "wire/json.h"

enum {
    EVENT_ID_MAX = 64,
    EVENT_USER_MAX = 128,
    EVENT_CONTENT_MAX = 128,
    EVENT_CATEGORY_MAX = 8,
    EVENT_CATEGORY_SIZE_MAX = 64,
    EVENT_PLACEMENT_MAX = 64,
    EVENT_REGION_MAX = 128,
    EVENT_POSITION_MAX = 1000,
    EVENT_SIZE_MAX = 64 * 1024, /* one event as JSON */
    EVENT_SCHEMA_ID = 1
};

#define EVENT_TIME_ABSENT INT64_MIN

enum device { DEVICE_NONE, DEVICE_DESKTOP, DEVICE_MOBILE, DEVICE_TABLET, DEVICE_TV, DEVICE_CONSOLE, DEVICE_OTHER, DEVICE_COUNT };

struct event {
    struct slice event_id;     /* absent: cannot be deduplicated */
    struct slice user_id;      /* this or anonymous_id, or both */
    struct slice anonymous_id;
    struct slice session_id;
    struct slice content_id;
    struct slice request_id;
    struct slice placement;
    struct slice country;      /* ISO 3166 alpha-2, upper case */
    struct slice region;
    struct slice city;
    struct slice context;      /* raw JSON object, or absent */
    struct slice categories[EVENT_CATEGORY_MAX];
    int64_t timestamp_ms;      /* or EVENT_TIME_ABSENT */
    int64_t dwell_ms;          /* -1: absent */
    double value;              /* NaN: absent */
    int32_t position;          /* -1: absent */
    uint8_t type;              /* index into struct event_types */
    uint8_t device;            /* enum device */
    uint8_t hour_of_day;       /* 0..23, 255: absent */
    uint8_t day_of_week;       /* 0 = Monday .. 6, 255: absent */
    uint8_t category_count;
};

struct event_rules {
    const struct event_types *types;
    int32_t zone_minutes;      /* for hour_of_day where the timestamp has no offset */
    int64_t now_ms;            /* of the request */
    uint8_t device;            /* from the request's User-Agent; used where the event names none */
};

/* Reads the object at values[index]: types, lengths, required fields, ranges; fills
 * hour_of_day, day_of_week and device.  Unknown members are ignored.  A timestamp more than
 * 5 minutes ahead of now_ms becomes absent and *is_ahead true. */
enum status event_parse(const struct json_value *values, uint32_t index, const struct event_rules *rules,
                        struct event *event, bool *is_ahead, struct problem *problem) MUST_CHECK;

/* The id that names the partition: user_id, else anonymous_id. */
struct slice event_owner(const struct event *event);

/* Upper bound of event_encode's output. */
uint32_t event_encoded_max(const struct event *event);
/* Framed Avro; returns bytes written, at most event_encoded_max. */
uint32_t event_encode(const struct event *event, const struct event_types *types, char *out);
/* STATUS_CORRUPT when the bytes are not such a record; an event type that the settings do
 * not name decodes to EVENT_TYPE_UNKNOWN. */
enum status event_decode(struct slice bytes, const struct event_types *types, struct event *event) MUST_CHECK;

/* Device from a User-Agent. */
uint8_t event_device_of(struct slice user_agent);
const char *event_device_name(uint8_t device); /* "none" for DEVICE_NONE */
/* DEVICE_COUNT when no device has that name. */
uint8_t event_device_find(struct slice name);

/* The member categories of an event or a content. */
enum status event_parse_categories(const struct json_value *values, const struct json_value *member,
                                   struct slice categories[EVENT_CATEGORY_MAX], uint8_t *count,
                                   struct problem *problem) MUST_CHECK;

/* A timestamp of a JSON document: RFC 3339, or a number of ms since 1970 that is at least
 * 10^11 (smaller ones look like seconds).  Null gives EVENT_TIME_ABSENT. *has_offset: *offset_minutes is the
 * text's own.  Returns the reason why it is refused, NULL when it is taken. */
const char *event_time_read(const struct json_value *value, int64_t *time_ms, bool *has_offset, int32_t *offset_minutes);

/* RFC 3339 to epoch ms; *offset_minutes is the zone's offset.  False when it is not a date-time. */
bool event_time_parse(struct slice text, int64_t *time_ms, int32_t *offset_minutes);

#endif
