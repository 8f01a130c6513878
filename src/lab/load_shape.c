#include "lab/load_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "lab/zipf.h"

enum {
    SESSIONS = 4096,
    EVENT_BYTES_MAX = 512,
    HEAD_BYTES_MAX = 512,
    POSITION_BYTES_MAX = 128,
};

struct session {
    uint32_t user;
    uint32_t number;
};

struct load_shape {
    struct load_shape_config config;
    struct load_shape_counts counts;
    struct zipf *users;
    struct zipf *contents;
    struct rng rng;
    uint64_t next_event;
    uint32_t next_session;
    uint32_t *pair_users; /* by connection: whose list is asked after the event */
    struct session sessions[SESSIONS];
};

void load_shape_defaults(struct load_shape_config *config, enum load_shape_kind kind)
{
    *config = (struct load_shape_config){
        .kind = kind,
        .seed = 1,
        .users = 1000000,
        .contents = 100000,
        .events_per_body = 100,
        .connections = 1,
        .user_exponent = 0.8,
        .content_exponent = 0.99,
        .session_mean = 8,
    };
}

static void open_session(struct load_shape *shape, struct session *session)
{
    session->user = zipf_draw(shape->users, &shape->rng);
    session->number = shape->next_session++;
}

enum status load_shape_create(struct load_shape **out, const struct load_shape_config *config)
{
    struct load_shape *shape = calloc(1, sizeof *shape);

    *out = shape;
    if (shape == NULL)
        return STATUS_MEMORY;
    shape->config = *config;
    shape->users = zipf_create(config->users, config->user_exponent);
    shape->contents = zipf_create(config->contents, config->content_exponent);
    shape->pair_users = calloc(config->connections, sizeof *shape->pair_users);
    if (shape->users == NULL || shape->contents == NULL || shape->pair_users == NULL) {
        load_shape_destroy(shape);
        *out = NULL;
        return STATUS_MEMORY;
    }
    rng_init(&shape->rng, config->seed, 0);
    for (int i = 0; i < SESSIONS; i++)
        open_session(shape, &shape->sessions[i]);
    return STATUS_OK;
}

void load_shape_destroy(struct load_shape *shape)
{
    if (shape == NULL)
        return;
    zipf_destroy(shape->users);
    zipf_destroy(shape->contents);
    free(shape->pair_users);
    free(shape);
}

size_t load_shape_request_bytes(const struct load_shape *shape)
{
    size_t query = shape->config.query ? strlen(shape->config.query) : 0;

    return 2 * HEAD_BYTES_MAX + query + (size_t)shape->config.events_per_body * EVENT_BYTES_MAX;
}

const struct load_shape_counts *load_shape_counts(const struct load_shape *shape)
{
    return &shape->counts;
}

/* -- writing events ----------------------------------------------------------------------- */

/* By hand, because 100 events a body through snprintf cost more than the server takes to read
 * them, and the client shares the machine. */
static char *put(char *out, const char *text, size_t size)
{
    memcpy(out, text, size);
    return out + size;
}
#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static char *put_number(char *out, uint64_t value, int width)
{
    char digits[20];
    int count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || count < width);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

/* Most events are views; the shares are those of news and shop logs, roughly. */
static char *put_type(char *out, uint64_t random)
{
    uint64_t percent = random % 100;

    if (percent < 70)
        return PUT(out, "view");
    if (percent < 92)
        return PUT(out, "click");
    if (percent < 96)
        return PUT(out, "like");
    if (percent < 98)
        return PUT(out, "share");
    return PUT(out, "purchase");
}

static char *put_event(struct load_shape *shape, char *out, const struct session *session, int64_t now_ms)
{
    static const char *const devices[4] = {"desktop", "mobile", "tablet", "tv"};
    static const char *const countries[4] = {"DE", "FR", "US", "IN"};
    uint64_t random = rng_next(&shape->rng);
    uint32_t content = zipf_draw(shape->contents, &shape->rng);
    const char *device = devices[random >> 62];
    char *begin = out;

    out = PUT(out, "{\"event_id\":\"load-");
    out = put_number(out, shape->config.seed, 1);
    *out++ = '-';
    out = put_number(out, shape->next_event++, 12);
    out = PUT(out, "\",\"user_id\":\"u");
    out = put_number(out, session->user, 7);
    out = PUT(out, "\",\"session_id\":\"s");
    out = put_number(out, session->number, 8);
    out = PUT(out, "\",\"timestamp\":");
    out = put_number(out, (uint64_t)now_ms, 1);
    out = PUT(out, ",\"event_type\":\"");
    out = put_type(out, random & 0xffffff);
    out = PUT(out, "\",\"content_id\":\"c");
    out = put_number(out, content, 7);
    out = PUT(out, "\",\"device_type\":\"");
    out = put(out, device, strlen(device));
    out = PUT(out, "\",\"location\":{\"country\":\"");
    out = put(out, countries[random >> 60 & 3], 2);
    out = PUT(out, "\"},\"categories\":[\"category-");
    /* A function of the content, as a catalogue would have it. */
    out = put_number(out, content % 50, 2);
    out = PUT(out, "\"],\"dwell_ms\":");
    out = put_number(out, random >> 24 & 0xffff, 1);
    out = PUT(out, ",\"context\":{\"page\":\"/home\",\"referrer\":\"https://example.org/\"}}");
    ASSERT(out - begin <= EVENT_BYTES_MAX);
    shape->counts.events++;
    return out;
}

static struct session *draw_session(struct load_shape *shape)
{
    struct session *session = &shape->sessions[rng_below(&shape->rng, SESSIONS)];

    if (rng_unit(&shape->rng) * shape->config.session_mean < 1)
        open_session(shape, session);
    return session;
}

/* The body stands at buffer + HEAD_BYTES_MAX; its head is put right before it. */
static void finish_post(struct load_request *request, const char *end)
{
    char head[HEAD_BYTES_MAX];
    char *body = request->buffer + HEAD_BYTES_MAX;
    int size = snprintf(head, sizeof head,
                        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        (size_t)(end - body));

    memcpy(body - size, head, (size_t)size);
    request->data = body - size;
    request->size = (size_t)(end - request->data);
}

static void write_events(struct load_shape *shape, struct load_request *request)
{
    char *out = request->buffer + HEAD_BYTES_MAX;
    int64_t now_ms = clock_wall_ms();

    *out++ = '[';
    for (uint32_t i = 0; i < shape->config.events_per_body; i++) {
        if (i > 0)
            *out++ = ',';
        out = put_event(shape, out, draw_session(shape), now_ms);
    }
    *out++ = ']';
    finish_post(request, out);
}

static void write_one_event(struct load_shape *shape, uint32_t connection, struct load_request *request)
{
    const struct session *session = draw_session(shape);
    char *body = request->buffer + HEAD_BYTES_MAX;

    shape->pair_users[connection] = session->user;
    finish_post(request, put_event(shape, body, session, clock_wall_ms()));
}

static void write_ask(const struct load_shape *shape, uint32_t user, struct slice position, struct load_request *request)
{
    const char *query = shape->config.query;
    int size = snprintf(request->buffer, request->capacity,
                        "GET /v1/recommendations/u%07u%s%s HTTP/1.1\r\nHost: localhost\r\n%s%.*s%s\r\n", user,
                        query ? "?" : "", query ? query : "", position.size ? "Penchant-Position: " : "",
                        SLICE_ARG(position), position.size ? "\r\n" : "");

    ASSERT(size > 0 && (size_t)size < request->capacity);
    request->data = request->buffer;
    request->size = (size_t)size;
}

/* -- judging answers ---------------------------------------------------------------------- */

/* The text after "name": in a JSON answer of our server; absent when it is not there. */
static struct slice find_member(struct slice json, const char *name)
{
    char quoted[64];
    int size = snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *place = json.size > 0 ? memmem(json.data, json.size, quoted, (size_t)size) : NULL;

    if (place == NULL)
        return (struct slice){NULL, 0};
    return slice_make(place + size, (size_t)(json.data + json.size - place) - (size_t)size);
}

static bool starts_with(struct slice text, const char *start)
{
    size_t size = strlen(start);

    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static struct slice read_string(struct slice text)
{
    if (!starts_with(text, "\""))
        return (struct slice){NULL, 0};
    const char *end = memchr(text.data + 1, '"', text.size - 1);
    return end ? slice_make(text.data + 1, (size_t)(end - text.data) - 1) : (struct slice){NULL, 0};
}

static uint64_t read_number(struct slice *text)
{
    uint64_t value = 0;
    uint32_t i = 0;

    while (i < text->size && text->data[i] >= '0' && text->data[i] <= '9')
        value = value * 10 + (uint64_t)(text->data[i++] - '0');
    *text = slice_make(text->data + i, text->size - i);
    return value;
}

static bool next_place(struct slice *text, uint64_t *partition, uint64_t *offset)
{
    if (text->size == 0)
        return false;
    *partition = read_number(text);
    if (!starts_with(*text, ":"))
        return false;
    *text = slice_make(text->data + 1, text->size - 1);
    *offset = read_number(text);
    if (text->size > 0)
        *text = slice_make(text->data + 1, text->size - 1);
    return true;
}

static bool reaches(struct slice as_of, uint64_t partition, uint64_t offset)
{
    uint64_t p, o;

    while (next_place(&as_of, &p, &o))
        if (p == partition)
            return o >= offset;
    return false;
}

bool load_shape_covers(struct slice as_of, struct slice want)
{
    uint64_t partition, offset;

    if (want.size == 0)
        return false;
    while (next_place(&want, &partition, &offset))
        if (!reaches(as_of, partition, offset))
            return false;
    return true;
}

/* False: degraded, or without items where that counts. */
static bool judge_list(struct load_shape *shape, struct slice body)
{
    bool is_whole = starts_with(find_member(body, "degraded"), "null");

    shape->counts.degraded += !is_whole;
    shape->counts.empty += starts_with(find_member(body, "items"), "[]");
    return is_whole;
}

static enum load_verdict judge_pair(struct load_shape *shape, uint32_t connection, const struct load_answer *answer,
                                    struct load_request *request)
{
    /* What was asked for is still in the connection's buffer: the ask's head names it. */
    if (answer->step == 0) {
        struct slice position = read_string(find_member(answer->body, "position"));
        if (position.size == 0 || position.size > POSITION_BYTES_MAX)
            return LOAD_FAILED;
        write_ask(shape, shape->pair_users[connection], position, request);
        return LOAD_FOLLOW;
    }
    struct slice want = load_find_header(slice_make(request->data, request->size), "Penchant-Position");
    struct slice as_of = read_string(find_member(find_member(answer->body, "as_of"), "position"));
    bool is_covered = load_shape_covers(as_of, want);
    bool is_whole = judge_list(shape, answer->body);

    shape->counts.not_covered += !is_covered;
    return is_covered && is_whole ? LOAD_PASSED : LOAD_FAILED;
}

void load_shape_begin(void *context, uint32_t connection, struct load_request *request)
{
    struct load_shape *shape = context;

    ASSERT(connection < shape->config.connections);
    switch (shape->config.kind) {
    case LOAD_SHAPE_EVENTS:
        write_events(shape, request);
        break;
    case LOAD_SHAPE_PAIRS:
        write_one_event(shape, connection, request);
        break;
    case LOAD_SHAPE_RECOMMENDATIONS:
        write_ask(shape, zipf_draw(shape->users, &shape->rng), slice_of(""), request);
        break;
    default:
        UNREACHABLE("a shape");
    }
}

enum load_verdict load_shape_judge(void *context, uint32_t connection, const struct load_answer *answer,
                                   struct load_request *request)
{
    struct load_shape *shape = context;
    bool is_post = shape->config.kind != LOAD_SHAPE_RECOMMENDATIONS && answer->step == 0;

    if (answer->code != 200) {
        shape->counts.refused++;
        return LOAD_FAILED;
    }
    if (is_post) {
        struct slice accepted = find_member(answer->body, "accepted");
        shape->counts.accepted += accepted.data ? read_number(&accepted) : 0;
    }
    if (shape->config.kind == LOAD_SHAPE_PAIRS)
        return judge_pair(shape, connection, answer, request);
    if (shape->config.kind == LOAD_SHAPE_EVENTS)
        return LOAD_PASSED;
    return judge_list(shape, answer->body) ? LOAD_PASSED : LOAD_FAILED;
}
