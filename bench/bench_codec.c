/* bench_codec - what an event costs between bytes and structs, in ns each.
 *
 * Method: bodies of 100 events of the standard workload's shape (about 300 bytes of JSON each);
 * each step is repeated over 64 different bodies for at least a third of a second, five times; the
 * median is printed with the fastest and the slowest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "schema/content.h"
#include "schema/json_schema.h"
#include "schema/learning.h"
#include "wire/json_writer.h"

enum { BODIES = 64, EVENTS = 100, RUNS = 5, BODY_MAX = 1 << 16 };

static const int64_t NOW_MS = 1764000000000;
static const double RUN_NS = 0.3e9;

static struct event_types types;
static struct json_parser *parser;
static struct json_schema_checker *checker;
static struct json_writer bodies[BODIES];
static struct event events[BODIES * EVENTS];
static struct learning records[BODIES * EVENTS];
static char *encoded[BODIES * EVENTS], *learned[BODIES * EVENTS];
static uint32_t encoded_size[BODIES * EVENTS], learned_size[BODIES * EVENTS];
static char scratch[4096];
static uint64_t sink;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(enum status status)
{
    ASSERT(status == STATUS_OK);
}

static void write_event(struct json_writer *w, struct rng *rng)
{
    char text[64];
    json_object_begin(w);
    json_key(w, "event_id");
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)rng_next(rng), (unsigned long long)rng_next(rng));
    json_text(w, text);
    json_key(w, "user_id");
    snprintf(text, sizeof text, "user-%07llu", (unsigned long long)rng_below(rng, 1000000));
    json_text(w, text);
    json_key(w, "timestamp");
    json_time(w, NOW_MS - (int64_t)rng_below(rng, 60000));
    json_key(w, "event_type");
    json_text(w, types.rows[rng_below(rng, 4)].name);
    json_key(w, "content_id");
    snprintf(text, sizeof text, "content-%06llu", (unsigned long long)rng_below(rng, 100000));
    json_text(w, text);
    json_key(w, "device_type");
    json_text(w, "mobile");
    json_key(w, "location");
    json_object_begin(w);
    json_key(w, "country");
    json_text(w, "DE");
    json_object_end(w);
    json_key(w, "categories");
    json_array_begin(w);
    json_text(w, "news");
    json_text(w, "politics");
    json_array_end(w);
    json_key(w, "dwell_ms");
    json_integer(w, (int64_t)rng_below(rng, 100000));
    json_object_end(w);
}

static const struct event_rules rules = {.types = &types, .now_ms = NOW_MS};

static void run_json_parse(uint32_t body)
{
    const struct json_value *values;
    uint32_t count;
    must(json_parse(parser, slice_make(bodies[body].data, bodies[body].size), &values, &count, NULL));
    sink += count;
}

static void run_both(uint32_t body)
{
    const struct json_value *values;
    uint32_t count;
    struct event event;
    bool is_ahead;
    must(json_parse(parser, slice_make(bodies[body].data, bodies[body].size), &values, &count, NULL));
    for (uint32_t i = 1; i < values[0].next; i = values[i].next) {
        must(event_parse(values, i, &rules, &event, &is_ahead, NULL));
        sink += event.content_id.size;
    }
}

static void run_schema(uint32_t body)
{
    const struct json_value *values;
    uint32_t count;
    must(json_parse(parser, slice_make(bodies[body].data, bodies[body].size), &values, &count, NULL));
    for (uint32_t i = 1; i < values[0].next; i = values[i].next)
        must(json_schema_check(checker, values, i, NULL, NULL));
}

static struct json_schema *read_schema(const char *path)
{
    static char text[64 * 1024];
    struct json_schema *schema = NULL;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        printf("%s is not here: run this in the project's folder\n", path);
        return NULL;
    }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    must(json_schema_compile(&schema, slice_make(text, size), NULL, 0, NULL));
    must(json_schema_checker_create(&checker, schema, JSON_SCHEMA_STEPS));
    return schema;
}

static void run_event_encode(uint32_t body)
{
    for (uint32_t i = 0; i < EVENTS; i++)
        sink += event_encode(&events[body * EVENTS + i], &types, scratch);
}

static void run_event_decode(uint32_t body)
{
    struct event event;
    for (uint32_t i = body * EVENTS; i < (body + 1) * EVENTS; i++) {
        must(event_decode(slice_make(encoded[i], encoded_size[i]), &types, &event));
        sink += event.content_id.size;
    }
}

static void run_learning_encode(uint32_t body)
{
    for (uint32_t i = 0; i < EVENTS; i++)
        sink += learning_encode(&records[body * EVENTS + i], &types, scratch);
}

static void run_learning_decode(uint32_t body)
{
    struct learning record;
    for (uint32_t i = body * EVENTS; i < (body + 1) * EVENTS; i++) {
        must(learning_decode(slice_make(learned[i], learned_size[i]), &types, &record));
        sink += record.content_id.size;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(const char *name, void (*run)(uint32_t body), double less)
{
    double times[RUNS];
    for (int r = 0; r < RUNS; r++) {
        uint64_t count = 0;
        double start = now_ns(), spent;
        do {
            for (uint32_t b = 0; b < BODIES; b++)
                run(b);
            count += BODIES * EVENTS;
        } while ((spent = now_ns() - start) < RUN_NS);
        times[r] = spent / (double)count - less;
    }
    qsort(times, RUNS, sizeof times[0], compare);
    printf("%-28s %7.1f ns an event  (%.1f to %.1f)\n", name, times[RUNS / 2], times[0], times[RUNS - 1]);
    return times[RUNS / 2];
}

static void make_record(uint32_t i)
{
    const struct event *event = &events[i];
    struct learning *record = &records[i];
    *record = (struct learning){.kind = LEARNING_EVENT, .type = event->type, .device = event->device, .is_trend = true,
        .is_step = true, .source_partition = 3, .source_offset = 1000000 + i, .user = 0x123456789abcdef1ULL + i,
        .session = 0x923456789abcdef1ULL + i, .step = 3, .content_id = event->content_id, .country = event->country,
        .category_count = event->category_count, .timestamp_ms = event->timestamp_ms,
        .received_at_ms = NOW_MS, .dwell_ms = event->dwell_ms, .value = NAN};
    memcpy(record->categories, event->categories, sizeof record->categories);
    encoded[i] = malloc(event_encoded_max(event));
    encoded_size[i] = event_encode(event, &types, encoded[i]);
    learned[i] = malloc(learning_encoded_max(record));
    learned_size[i] = learning_encode(record, &types, learned[i]);
}

/* Events borrow from the parser's copy; here they must outlive it, so they borrow from their Avro form. */
static void make_events(uint32_t body, struct rng *rng)
{
    struct json_writer *w = &bodies[body];
    const struct json_value *values;
    uint32_t count, n = body * EVENTS;
    bool is_ahead;
    json_writer_init(w, BODY_MAX);
    json_array_begin(w);
    for (int i = 0; i < EVENTS; i++)
        write_event(w, rng);
    json_array_end(w);
    must(json_parse(parser, slice_make(w->data, w->size), &values, &count, NULL));
    for (uint32_t i = 1; i < values[0].next; i = values[i].next, n++) {
        must(event_parse(values, i, &rules, &events[n], &is_ahead, NULL));
        make_record(n);
        must(event_decode(slice_make(encoded[n], encoded_size[n]), &types, &events[n]));
        records[n].content_id = events[n].content_id;
        records[n].country = events[n].country;
        memcpy(records[n].categories, events[n].categories, sizeof records[n].categories);
    }
}

int main(void)
{
    struct rng rng;
    rng_init(&rng, 1, 1);
    event_types_init(&types);
    must(json_parser_create(&parser, 1 << 20));
    for (uint32_t b = 0; b < BODIES; b++)
        make_events(b, &rng);
    printf("JSON %zu bytes an event, Avro %u, learning record %u\n", bodies[0].size / EVENTS, encoded_size[0],
           learned_size[0]);
    double parse_ns = measure("json_parse", run_json_parse, 0);
    measure("event_parse", run_both, parse_ns);
    struct json_schema *schema = read_schema("schemas/event.json");
    if (schema != NULL)
        measure("json_schema_check event.json", run_schema, parse_ns);
    json_schema_checker_destroy(checker);
    json_schema_destroy(schema);
    measure("event_encode", run_event_encode, 0);
    measure("event_decode", run_event_decode, 0);
    measure("learning_encode", run_learning_encode, 0);
    measure("learning_decode", run_learning_decode, 0);
    return sink == 0;
}
