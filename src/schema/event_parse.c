/* One pass over the members finds the fields by a hash of name length, first and third
 * letter without collisions among our names (the compiler would see one: an initialiser
 * written twice); the fields are then read in a fixed order, so that an event with two
 * mistakes always names the same one. */
#include "schema/event.h"

#include <math.h>
#include <stdio.h>

static const int64_t AHEAD_MAX_MS = 5 * 60 * 1000;
static const int64_t DAY_MINUTES = 24 * 60;

enum field {
    FIELD_EVENT_ID, FIELD_USER_ID, FIELD_ANONYMOUS_ID, FIELD_SESSION_ID, FIELD_TIMESTAMP, FIELD_EVENT_TYPE,
    FIELD_CONTENT_ID, FIELD_DEVICE_TYPE, FIELD_LOCATION, FIELD_CATEGORIES, FIELD_DWELL_MS, FIELD_VALUE,
    FIELD_REQUEST_ID, FIELD_POSITION, FIELD_PLACEMENT, FIELD_CONTEXT,
    FIELD_COUNT
};

struct field_name {
    const char *text;
    uint8_t size; /* 0: no field */
    uint8_t field;
};

enum { NAME_SLOTS = 32, NAME_SIZE_MIN = 3 };

#define SLOT(first, third, size) (((unsigned)(first) + 25U * (unsigned)(third) + (unsigned)(size)) & (NAME_SLOTS - 1))
#define NAME(first, third, text, field) [SLOT(first, third, sizeof text - 1)] = {text, sizeof text - 1, field}

static const struct field_name names[NAME_SLOTS] = {
    NAME('e', 'e', "event_id", FIELD_EVENT_ID),
    NAME('u', 'e', "user_id", FIELD_USER_ID),
    NAME('a', 'o', "anonymous_id", FIELD_ANONYMOUS_ID),
    NAME('s', 's', "session_id", FIELD_SESSION_ID),
    NAME('t', 'm', "timestamp", FIELD_TIMESTAMP),
    NAME('e', 'e', "event_type", FIELD_EVENT_TYPE),
    NAME('c', 'n', "content_id", FIELD_CONTENT_ID),
    NAME('d', 'v', "device_type", FIELD_DEVICE_TYPE),
    NAME('l', 'c', "location", FIELD_LOCATION),
    NAME('c', 't', "categories", FIELD_CATEGORIES),
    NAME('d', 'e', "dwell_ms", FIELD_DWELL_MS),
    NAME('v', 'l', "value", FIELD_VALUE),
    NAME('r', 'q', "request_id", FIELD_REQUEST_ID),
    NAME('p', 's', "position", FIELD_POSITION),
    NAME('p', 'a', "placement", FIELD_PLACEMENT),
    NAME('c', 'n', "context", FIELD_CONTEXT),
};

struct fields {
    const struct json_value *values;
    const struct json_value *by_field[FIELD_COUNT]; /* NULL: absent or null */
    struct problem *problem;
};

/* The first member of a name counts, as in json_find. */
static void find_fields(struct fields *fields, uint32_t index)
{
    const struct json_value *values = fields->values;
    for (uint32_t i = index + 1; i < values[index].next; i = values[i].next) {
        struct slice key = values[i].key;
        if (key.size < NAME_SIZE_MIN)
            continue;
        const struct field_name *name = &names[SLOT(key.data[0], key.data[2], key.size)];
        if (name->size == key.size && memcmp(name->text, key.data, key.size) == 0 &&
            fields->by_field[name->field] == NULL && values[i].kind != JSON_NULL)
            fields->by_field[name->field] = &values[i];
    }
}

static enum status refuse(struct problem *problem, const char *pointer, const char *reason, const char *fix)
{
    enum status status = problem_set(problem, STATUS_BAD_EVENT, "%s %s", pointer[0] == '/' ? pointer + 1 : pointer, reason);
    if (problem != NULL) {
        snprintf(problem->pointer, sizeof problem->pointer, "%s", pointer);
        snprintf(problem->fix, sizeof problem->fix, "%s", fix);
    }
    return status;
}

/* True when a byte is below 0x20 or is 0x7f; eight bytes at a time (Mycroft's test for a byte less than n). */
static bool holds_control(const char *text, uint32_t size)
{
    const uint64_t ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL;
    uint64_t found = 0;
    uint32_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, text + at, 8);
        uint64_t deleted = word ^ ones * 0x7f;
        found |= (word - ones * 0x20) & ~word & highs;
        found |= (deleted - ones) & ~deleted & highs;
    }
    for (; at < size; at++)
        found |= (unsigned char)text[at] < 0x20 || text[at] == 0x7f;
    return found != 0;
}

static const char *text_reason(const struct json_value *value, uint32_t size_max)
{
    if (value->kind != JSON_STRING)
        return "must be a string";
    if (value->text.size == 0)
        return "is empty";
    if (value->text.size > size_max)
        return "is too long";
    if (holds_control(value->text.data, value->text.size))
        return "holds a control character";
    return NULL;
}

/* A text of 1..size_max bytes without control characters; absent stays absent. */
static enum status read_text(struct fields *fields, enum field field, uint32_t size_max, const char *pointer,
                             struct slice *text)
{
    const struct json_value *value = fields->by_field[field];
    if (value == NULL)
        return STATUS_OK;
    const char *reason = text_reason(value, size_max);
    if (reason == NULL) {
        *text = value->text;
        return STATUS_OK;
    }
    char fix[96];
    snprintf(fix, sizeof fix, "send 1 to %u bytes of text without control characters, or leave it out", size_max);
    return refuse(fields->problem, pointer, reason, fix);
}

static enum status read_ids(struct fields *fields, struct event *event)
{
    enum status status = read_text(fields, FIELD_USER_ID, EVENT_USER_MAX, "/user_id", &event->user_id);
    if (status == STATUS_OK)
        status = read_text(fields, FIELD_ANONYMOUS_ID, EVENT_USER_MAX, "/anonymous_id", &event->anonymous_id);
    if (status == STATUS_OK && event->user_id.data == NULL && event->anonymous_id.data == NULL)
        status = refuse(fields->problem, "/user_id", "is required, or anonymous_id",
                        "send the user's id; before sign-in send anonymous_id");
    if (status == STATUS_OK)
        status = read_text(fields, FIELD_EVENT_ID, EVENT_ID_MAX, "/event_id", &event->event_id);
    if (status == STATUS_OK)
        status = read_text(fields, FIELD_SESSION_ID, EVENT_USER_MAX, "/session_id", &event->session_id);
    if (status == STATUS_OK)
        status = read_text(fields, FIELD_REQUEST_ID, EVENT_ID_MAX, "/request_id", &event->request_id);
    if (status == STATUS_OK)
        status = read_text(fields, FIELD_PLACEMENT, EVENT_PLACEMENT_MAX, "/placement", &event->placement);
    return status;
}

static enum status refuse_type(struct fields *fields, const struct event_types *types, const char *reason)
{
    char known[sizeof ((struct problem *)0)->fix] = "send one of ";
    for (uint32_t i = 0; i < types->count; i++) {
        size_t used = strlen(known);
        if (used + types->rows[i].name_size + sizeof ", ..." > sizeof known) {
            snprintf(known + used, sizeof known - used, ", ...");
            break;
        }
        snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", types->rows[i].name);
    }
    return refuse(fields->problem, "/event_type", reason, known);
}

/* event_type, and the content that it may require. */
static enum status read_type(struct fields *fields, const struct event_types *types, struct event *event)
{
    const struct json_value *value = fields->by_field[FIELD_EVENT_TYPE];
    if (value == NULL)
        return refuse_type(fields, types, "is required");
    if (value->kind != JSON_STRING)
        return refuse_type(fields, types, "must be a string");
    event->type = event_types_find(types, value->text);
    if (event->type == EVENT_TYPE_UNKNOWN) {
        char reason[96];
        bool is_printable = value->text.size <= 64 && !holds_control(value->text.data, value->text.size);
        snprintf(reason, sizeof reason, "\"%.*s\" is not known", is_printable ? (int)value->text.size : 0,
                 value->text.data);
        return refuse_type(fields, types, is_printable ? reason : "is not known");
    }
    enum status status = read_text(fields, FIELD_CONTENT_ID, EVENT_CONTENT_MAX, "/content_id", &event->content_id);
    if (status == STATUS_OK && event->content_id.data == NULL && types->rows[event->type].has_content)
        status = refuse(fields->problem, "/content_id", "is required for this event_type",
                        "send the id of the content that the event is about");
    return status;
}

/* timestamp, and what follows from it: hour_of_day and day_of_week. */
static enum status read_time(struct fields *fields, const struct event_rules *rules, struct event *event,
                             bool *is_ahead)
{
    const struct json_value *value = fields->by_field[FIELD_TIMESTAMP];
    int32_t offset_minutes = rules->zone_minutes;
    if (value != NULL) {
        bool has_offset;
        const char *reason = event_time_read(value, &event->timestamp_ms, &has_offset, &offset_minutes);
        if (reason != NULL)
            return refuse(fields->problem, "/timestamp", reason,
                          value->kind == JSON_INTEGER || value->kind == JSON_NUMBER
                              ? "send milliseconds since 1970: multiply by 1000 if these are seconds"
                              : "send RFC 3339 such as 2026-11-24T10:00:00.000Z, or milliseconds since 1970");
        if (event->timestamp_ms > rules->now_ms + AHEAD_MAX_MS) {
            event->timestamp_ms = EVENT_TIME_ABSENT;
            *is_ahead = true;
        }
    }
    int64_t time_ms = event->timestamp_ms;
    if (time_ms == EVENT_TIME_ABSENT)
        time_ms = rules->now_ms;
    /* Local minutes since Monday 1969-12-29, a week's multiple before all that RFC 3339 can say. */
    const int64_t weeks_before = 110000 * 7 * DAY_MINUTES;
    int64_t minutes = (time_ms + (weeks_before + 3 * DAY_MINUTES) * 60000) / 60000 + offset_minutes;
    ASSERT(minutes >= 0);
    event->hour_of_day = (uint8_t)(minutes % DAY_MINUTES / 60);
    event->day_of_week = (uint8_t)(minutes / DAY_MINUTES % 7);
    return STATUS_OK;
}

/* Every pair of upper-case letters, so that a country sent in lower case can be borrowed too. */
#define PAIRS(a)                                                                                                      \
    a "A" a "B" a "C" a "D" a "E" a "F" a "G" a "H" a "I" a "J" a "K" a "L" a "M" a "N" a "O" a "P" a "Q" a "R" a "S" \
      a "T" a "U" a "V" a "W" a "X" a "Y" a "Z"
static const char countries[] = PAIRS("A") PAIRS("B") PAIRS("C") PAIRS("D") PAIRS("E") PAIRS("F") PAIRS("G")
    PAIRS("H") PAIRS("I") PAIRS("J") PAIRS("K") PAIRS("L") PAIRS("M") PAIRS("N") PAIRS("O") PAIRS("P") PAIRS("Q")
    PAIRS("R") PAIRS("S") PAIRS("T") PAIRS("U") PAIRS("V") PAIRS("W") PAIRS("X") PAIRS("Y") PAIRS("Z");
static_assert(sizeof countries == 26 * 26 * 2 + 1, "26 x 26 pairs");

static enum status read_country(struct fields *fields, const struct json_value *value, struct slice *country)
{
    if (value->kind == JSON_STRING && value->text.size == 2) {
        unsigned first = ((unsigned char)value->text.data[0] | 0x20U) - 'a';
        unsigned second = ((unsigned char)value->text.data[1] | 0x20U) - 'a';
        if (first < 26 && second < 26) {
            *country = slice_make(&countries[(first * 26 + second) * 2], 2);
            return STATUS_OK;
        }
    }
    return refuse(fields->problem, "/location/country", "is not a country code",
                  "send two letters of ISO 3166-1, such as DE");
}

static enum status read_location(struct fields *fields, struct event *event)
{
    const struct json_value *value = fields->by_field[FIELD_LOCATION];
    if (value == NULL)
        return STATUS_OK;
    if (value->kind != JSON_OBJECT)
        return refuse(fields->problem, "/location", "must be an object", "send {\"country\": \"DE\", \"region\": ..., \"city\": ...}");
    const struct json_value *values = fields->values;
    for (const struct json_value *v = value + 1; v < values + value->next; v = values + v->next) {
        if (v->kind == JSON_NULL)
            continue;
        enum status status = STATUS_OK;
        bool is_region = slice_is(v->key, "region"), is_city = slice_is(v->key, "city");
        if (slice_is(v->key, "country")) {
            status = read_country(fields, v, &event->country);
        } else if (is_region || is_city) {
            const char *reason = text_reason(v, EVENT_REGION_MAX);
            if (reason != NULL)
                status = refuse(fields->problem, is_region ? "/location/region" : "/location/city", reason,
                                "send 1 to 128 bytes of text without control characters, or leave it out");
            *(is_region ? &event->region : &event->city) = v->text;
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status event_parse_categories(const struct json_value *values, const struct json_value *member,
                                   struct slice categories[EVENT_CATEGORY_MAX], uint8_t *count,
                                   struct problem *problem)
{
    *count = 0;
    if (member == NULL || member->kind == JSON_NULL)
        return STATUS_OK;
    if (member->kind != JSON_ARRAY)
        return refuse(problem, "/categories", "must be an array", "send an array of at most 8 strings");
    for (const struct json_value *v = member + 1; v < values + member->next; v = values + v->next) {
        char pointer[] = "/categories/0";
        pointer[sizeof pointer - 2] = (char)('0' + *count);
        if (*count == EVENT_CATEGORY_MAX)
            return refuse(problem, "/categories", "has more than 8 members", "send the 8 most telling ones");
        const char *reason = text_reason(v, EVENT_CATEGORY_SIZE_MAX);
        if (reason != NULL)
            return refuse(problem, pointer, reason, "send 1 to 64 bytes of text without control characters");
        categories[(*count)++] = v->text;
    }
    return STATUS_OK;
}

static bool is_number(const struct json_value *value)
{
    return value->kind == JSON_INTEGER || value->kind == JSON_NUMBER;
}

static enum status read_numbers(struct fields *fields, struct event *event)
{
    const double dwell_max_ms = 9e15; /* what a double still counts in ones */
    const struct json_value *dwell = fields->by_field[FIELD_DWELL_MS];
    if (dwell != NULL) {
        if (!is_number(dwell) || !(dwell->number >= 0 && dwell->number <= dwell_max_ms))
            return refuse(fields->problem, "/dwell_ms", "is not a number of milliseconds from 0",
                          "send how long the content was looked at, in milliseconds");
        event->dwell_ms = (int64_t)dwell->number;
    }
    const struct json_value *value = fields->by_field[FIELD_VALUE];
    if (value != NULL) {
        if (!is_number(value) || !isfinite(value->number))
            return refuse(fields->problem, "/value", "is not a number", "send a number, such as a price or a rating");
        event->value = value->number;
    }
    const struct json_value *position = fields->by_field[FIELD_POSITION];
    if (position != NULL) {
        if (!is_number(position) || !(position->number >= 0 && position->number <= EVENT_POSITION_MAX) ||
            position->number != (double)(int32_t)position->number)
            return refuse(fields->problem, "/position", "is not a whole number from 0 to 1000",
                          "send the slot of the answer, from 0");
        event->position = (int32_t)position->number;
    }
    return STATUS_OK;
}

static enum status read_device(struct fields *fields, uint8_t device, struct event *event)
{
    const struct json_value *value = fields->by_field[FIELD_DEVICE_TYPE];
    event->device = device;
    if (value == NULL)
        return STATUS_OK;
    event->device = value->kind == JSON_STRING ? event_device_find(value->text) : (uint8_t)DEVICE_COUNT;
    if (event->device != DEVICE_COUNT)
        return STATUS_OK;
    return refuse(fields->problem, "/device_type", "is not known",
                  "send desktop, mobile, tablet, tv, console or other, or leave it out");
}

enum status event_parse(const struct json_value *values, uint32_t index, const struct event_rules *rules,
                        struct event *event, bool *is_ahead, struct problem *problem)
{
    struct fields fields = {.values = values, .problem = problem};
    *event = (struct event){.timestamp_ms = EVENT_TIME_ABSENT, .dwell_ms = -1, .value = NAN, .position = -1};
    *is_ahead = false;
    if (values[index].kind != JSON_OBJECT) {
        enum status status = problem_set(problem, STATUS_BAD_EVENT, "an event is a JSON object");
        if (problem != NULL)
            snprintf(problem->fix, sizeof problem->fix, "send an object with user_id, event_type and content_id");
        return status;
    }
    find_fields(&fields, index);
    const struct json_value *context = fields.by_field[FIELD_CONTEXT];
    enum status status = read_ids(&fields, event);
    if (status == STATUS_OK)
        status = read_type(&fields, rules->types, event);
    if (status == STATUS_OK)
        status = read_time(&fields, rules, event, is_ahead);
    if (status == STATUS_OK)
        status = read_device(&fields, rules->device, event);
    if (status == STATUS_OK)
        status = read_location(&fields, event);
    if (status == STATUS_OK)
        status = event_parse_categories(values, fields.by_field[FIELD_CATEGORIES], event->categories,
                                        &event->category_count, problem);
    if (status == STATUS_OK)
        status = read_numbers(&fields, event);
    if (status == STATUS_OK && context != NULL) {
        if (context->kind != JSON_OBJECT)
            return refuse(problem, "/context", "must be an object", "send an object, or leave it out");
        event->context = context->text;
    }
    return status;
}
