#include "collect/collect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/shared.h"
#include "collect/payload.h"
#include "collect/position.h"
#include "schema/event.h"

/* Event ids of the body under way, so that a repeat within it is seen before it is appended.
 * A body with more ids than half the table leaves the rest to the task, as does one that is read in slices
 * what another body overwrote in between. */
enum { REPEAT_SLOTS = 4096, REPEAT_MAX = REPEAT_SLOTS / 2 };

/* Ids of events whose place in the deduplication index is being fetched: a miss of the cache costs
 * more than the rest of a look-up, so they are asked for one after the other and looked up together. */
enum { LOOKUPS_MAX = 64 };

struct lookup {
    struct hash128 event;
    uint32_t partition;
    uint32_t place; /* of its entry in the batch */
};

struct repeat {
    struct hash128 event;
    uint64_t body; /* number of the body that put it here */
};

struct collect {
    struct engine *engine;
    const struct engine_config *config;
    struct json_parser *parser;
    struct json_schema_checker *checker; /* NULL: no schema is set */
    struct batch_pool batches;
    struct position position;
    char *position_text;
    size_t position_capacity;
    int32_t zone_minutes;
    uint64_t body_count;
    size_t body_bytes;
    struct json_parser *sliced_parsers[COLLECT_SLICED_MAX]; /* of bodies that are read in slices; made when first needed */
    bool is_sliced[COLLECT_SLICED_MAX];                     /* in use */
    struct repeat *repeats;
    struct lookup lookups[LOOKUPS_MAX];
    uint32_t lookup_count;
    struct collect_counters counters;
};

enum status collect_create(struct collect **out, struct engine *engine, size_t body_bytes, int32_t zone_minutes,
                           const struct json_schema *event_schema)
{
    struct collect *collect = calloc(1, sizeof *collect);

    if (collect == NULL)
        return STATUS_MEMORY;
    collect->engine = engine;
    collect->config = engine_config(engine);
    collect->zone_minutes = zone_minutes;
    collect->body_bytes = body_bytes;
    uint32_t partitions = (uint32_t)collect->config->options.partitions;
    collect->position_capacity = 1 + (size_t)partitions * POSITION_ENTRY_SIZE;
    collect->position_text = malloc(collect->position_capacity);
    collect->repeats = calloc(REPEAT_SLOTS, sizeof *collect->repeats);
    enum status status = collect->position_text && collect->repeats ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK)
        status = position_init(&collect->position, partitions);
    if (status == STATUS_OK)
        status = json_parser_create(&collect->parser, body_bytes);
    if (status == STATUS_OK && event_schema != NULL)
        status = json_schema_checker_create(&collect->checker, event_schema, JSON_SCHEMA_STEPS);
    if (status != STATUS_OK) {
        collect_destroy(collect);
        return status;
    }
    *out = collect;
    return STATUS_OK;
}

void collect_destroy(struct collect *collect)
{
    if (collect->parser != NULL)
        json_parser_destroy(collect->parser);
    for (int i = 0; i < COLLECT_SLICED_MAX; i++)
        if (collect->sliced_parsers[i] != NULL)
            json_parser_destroy(collect->sliced_parsers[i]);
    json_schema_checker_destroy(collect->checker);
    position_fini(&collect->position);
    batch_pool_fini(&collect->batches);
    free(collect->position_text);
    free(collect->repeats);
    free(collect);
}

/* Has this body brought the id before? Remembers it. */
static bool is_repeat(struct collect *collect, struct batch *batch, struct hash128 event)
{
    uint64_t at = event.low;

    if (batch->repeat_count >= REPEAT_MAX)
        return false;
    for (;; at++) {
        struct repeat *repeat = &collect->repeats[at % REPEAT_SLOTS];
        if (repeat->body != batch->number) {
            *repeat = (struct repeat){event, batch->number};
            batch->repeat_count++;
            return false;
        }
        if (repeat->event.low == event.low && repeat->event.high == event.high)
            return true;
    }
}

static void look_up(struct collect *collect, struct batch *batch)
{
    for (uint32_t i = 0; i < collect->lookup_count; i++) {
        const struct lookup *lookup = &collect->lookups[i];
        if (engine_is_duplicate(collect->engine, lookup->partition, lookup->event))
            batch_drop(batch, lookup->place);
    }
    collect->lookup_count = 0;
}

/* Is it a repeat within its body? If not, its entry, the next one, is looked up later. */
static bool is_duplicate(struct collect *collect, struct batch *batch, uint32_t partition, struct slice event_id)
{
    if (event_id.size == 0)
        return false;
    struct hash128 event = hash_128(engine_key(collect->engine), event_id.data, event_id.size);
    if (is_repeat(collect, batch, event))
        return true;
    if (collect->lookup_count == LOOKUPS_MAX)
        look_up(collect, batch);
    collect->lookups[collect->lookup_count++] = (struct lookup){event, partition, batch->submission.count};
    engine_prefetch_duplicate(collect->engine, partition, event);
    return false;
}

/* Encodes a checked event into the batch. */
static enum status add_event(struct collect *collect, struct batch *batch, const struct event *event)
{
    struct slice owner = event_owner(event);
    uint32_t partition = engine_partition_of(collect->engine, owner);

    if (is_duplicate(collect, batch, partition, event->event_id)) {
        batch->duplicates++;
        return STATUS_OK;
    }
    char *place = batch_reserve(batch, event_encoded_max(event));
    if (place == NULL)
        return STATUS_MEMORY;
    uint32_t size = event_encode(event, &collect->config->types, place);
    struct hash128 user = hash_user(engine_key(collect->engine), event->user_id.size > 0 ? 'u' : 'a', owner.data, owner.size);
    batch_add(batch, partition, engine_owner_hash(user), size);
    return STATUS_OK;
}

static enum status check_schema(struct collect *collect, const struct payload *payload, struct problem *problem)
{
    if (collect->checker == NULL)
        return STATUS_OK;
    return json_schema_check(collect->checker, payload->values, payload->at, NULL, problem);
}

/* Reads up to item_max items; *is_end when there are no more. */
static enum status read_items(struct collect *collect, const struct collect_body *body, struct batch *batch,
                              uint32_t item_max, bool *is_end)
{
    struct event_rules rules = {
        .types = &collect->config->types,
        .zone_minutes = collect->zone_minutes,
        .now_ms = body->now_ms,
        .device = body->device,
    };
    struct payload *payload = &batch->payload;
    enum status status = STATUS_OK;
    struct problem problem;

    collect->lookup_count = 0;
    *is_end = false;
    problem.pointer[0] = '\0';
    problem.fix[0] = '\0';
    for (uint32_t i = 0; i < item_max; i++) {
        struct event event;
        bool is_ahead = false;
        *is_end = !payload_next(payload, &status, &problem);
        if (*is_end)
            break;
        if (status == STATUS_OK)
            status = check_schema(collect, payload, &problem);
        if (status == STATUS_OK)
            status = event_parse(payload->values, payload->at, &rules, &event, &is_ahead, &problem);
        if (status != STATUS_OK) {
            batch_reject(batch, payload->index, &problem);
            problem.pointer[0] = '\0';
            problem.fix[0] = '\0';
            continue;
        }
        if (is_ahead)
            SHARED_ADD(collect->counters.ahead, 1);
        status = add_event(collect, batch, &event);
        if (status != STATUS_OK)
            return status;
    }
    look_up(collect, batch);
    return STATUS_OK;
}

/* A parser that keeps a large body's values while others are read; the loop's own where there is none. */
static struct json_parser *parser_for(struct collect *collect, struct slice text)
{
    for (int i = 0; i < COLLECT_SLICED_MAX && text.size > COLLECT_SLICED_BYTES; i++) {
        struct json_parser **parser = &collect->sliced_parsers[i];
        if (collect->is_sliced[i])
            continue;
        if (*parser == NULL && json_parser_create(parser, collect->body_bytes) != STATUS_OK)
            return collect->parser;
        collect->is_sliced[i] = true;
        return *parser;
    }
    return collect->parser;
}

static void release_parser(struct collect *collect, struct batch *batch)
{
    for (int i = 0; i < COLLECT_SLICED_MAX; i++)
        if (collect->is_sliced[i] && collect->sliced_parsers[i] == batch->payload.parser)
            collect->is_sliced[i] = false;
    batch->payload.parser = NULL;
}

enum status collect_continue(struct collect *collect, const struct collect_body *body, struct batch *batch,
                             enum collect_step *step, struct problem *problem)
{
    bool is_sliced = batch->payload.parser != collect->parser;
    bool is_end = false;
    enum status status = read_items(collect, body, batch, is_sliced ? COLLECT_SLICE_ITEMS : UINT32_MAX, &is_end);

    if (status != STATUS_OK) {
        SHARED_ADD(collect->counters.refused, 1);
        return problem_set(problem, status, "no memory for the events of this body");
    }
    *step = COLLECT_MORE;
    if (!is_end)
        return STATUS_OK;
    release_parser(collect, batch);
    batch_seal(batch, engine_events(collect->engine), body->done, body->context);
    *step = batch->accepted + batch->duplicates > 0 ? COLLECT_SUBMIT : COLLECT_ANSWER;
    return STATUS_OK;
}

enum status collect_read(struct collect *collect, const struct collect_body *body, struct batch **out,
                         enum collect_step *step, struct problem *problem)
{
    struct batch *batch = batch_acquire(&collect->batches);

    SHARED_ADD(collect->counters.bodies, 1);
    SHARED_ADD(collect->counters.bytes, body->text.size);
    *out = batch;
    if (batch == NULL) {
        SHARED_ADD(collect->counters.refused, 1);
        return problem_set(problem, STATUS_MEMORY, "no memory for the events of this body");
    }
    batch->number = ++collect->body_count;
    batch->repeat_count = 0;
    struct json_parser *parser = parser_for(collect, body->text);
    enum status status = payload_open(&batch->payload, parser, body->text, body->content_type, problem);
    if (status != STATUS_OK) {
        SHARED_ADD(collect->counters.refused, 1);
        return status;
    }
    return collect_continue(collect, body, batch, step, problem);
}

enum status collect_submit(struct collect *collect, struct batch *batch)
{
    enum status status = engine_submit(collect->engine, &batch->submission);

    if (status != STATUS_OK)
        batch->submission.status = status;
    return status;
}

static void count(struct collect *collect, const struct batch *batch)
{
    struct collect_counters *counters = &collect->counters;

    SHARED_ADD(counters->accepted, batch->accepted);
    SHARED_ADD(counters->duplicates, batch->duplicates);
    SHARED_ADD(counters->filtered, batch->filtered);
    SHARED_ADD(counters->rejected, batch->rejected);
    SHARED_ADD(counters->received, (uint64_t)batch->accepted + batch->duplicates + batch->filtered + batch->rejected);
    for (int i = 0; batch->rejected > 0 && i < STATUS_COUNT; i++)
        SHARED_ADD(counters->rejected_by[i], batch->rejected_by[i]);
}

static void render_problem(const struct batch *batch, struct json_writer *out)
{
    const struct problem *first = &batch->first_error;
    const struct status_row *row = status_row(STATUS_BAD_EVENT);

    json_key(out, "type");
    json_text(out, "urn:penchant:bad_event");
    json_key(out, "title");
    json_text(out, "no event of this body was taken");
    json_key(out, "status");
    json_integer(out, row->http);
    json_key(out, "detail");
    json_text(out, first->detail);
    json_key(out, "code");
    json_text(out, row->code);
    json_key(out, "fix");
    json_text(out, first->fix[0] ? first->fix : row->fix);
    json_key(out, "pointer");
    json_text(out, first->pointer);
}

int collect_render(const struct batch *batch, const char *position, struct json_writer *out)
{
    bool is_taken = batch->accepted + batch->duplicates + batch->filtered > 0 || batch->rejected == 0;

    json_object_begin(out);
    if (!is_taken)
        render_problem(batch, out);
    json_key(out, "accepted");
    json_unsigned(out, batch->accepted);
    json_key(out, "duplicates");
    json_unsigned(out, batch->duplicates);
    json_key(out, "filtered");
    json_unsigned(out, batch->filtered);
    json_key(out, "rejected");
    json_unsigned(out, batch->rejected);
    json_key(out, "errors");
    json_array_begin(out);
    if (batch->rejected > 0)
        json_raw(out, slice_make(batch->errors.data, batch->errors.size));
    json_array_end(out);
    json_key(out, "position");
    json_text(out, position);
    json_object_end(out);
    return is_taken ? 200 : status_row(STATUS_BAD_EVENT)->http;
}

enum status collect_answer(struct collect *collect, struct batch *batch, struct json_writer *out, int *code,
                           const char **position, struct problem *problem)
{
    const struct submission *submission = &batch->submission;

    if (submission->status != STATUS_OK) {
        SHARED_ADD(collect->counters.refused, 1);
        return problem_set(problem, submission->status, "%s; nothing of this body is acknowledged",
                           status_row(submission->status)->text);
    }
    count(collect, batch);
    position_reset(&collect->position);
    for (uint32_t i = 0; i < submission->count; i++)
        if (submission->entries[i].offset != UINT64_MAX)
            position_add(&collect->position, submission->entries[i].partition, submission->entries[i].offset + 1);
    position_render(&collect->position, collect->position_text, collect->position_capacity);
    *position = collect->position_text;
    *code = collect_render(batch, *position, out);
    return STATUS_OK;
}

void collect_release(struct collect *collect, struct batch *batch)
{
    release_parser(collect, batch);
    batch_release(&collect->batches, batch);
}

struct json_parser *collect_parser(struct collect *collect)
{
    return collect->parser;
}

struct batch_pool *collect_batches(struct collect *collect)
{
    return &collect->batches;
}

void collect_counters(const struct collect *collect, struct collect_counters *counters)
{
    const struct collect_counters *from = &collect->counters;

    counters->received += SHARED_LOAD(from->received);
    counters->accepted += SHARED_LOAD(from->accepted);
    counters->duplicates += SHARED_LOAD(from->duplicates);
    counters->filtered += SHARED_LOAD(from->filtered);
    counters->rejected += SHARED_LOAD(from->rejected);
    for (int i = 0; i < STATUS_COUNT; i++)
        counters->rejected_by[i] += SHARED_LOAD(from->rejected_by[i]);
    counters->ahead += SHARED_LOAD(from->ahead);
    counters->bodies += SHARED_LOAD(from->bodies);
    counters->bytes += SHARED_LOAD(from->bytes);
    counters->refused += SHARED_LOAD(from->refused);
}

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, METRIC_##kind, text, advice},
#include "collect/collect_metrics.def"
#undef METRIC
};
enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "collect/collect_metrics.def"
#undef METRIC
};

void collect_metrics(const struct collect_counters *sum, struct metric_sink *sink)
{
    metric_value(sink, &rows[ROW_EVENTS], "outcome=\"accepted\"", (double)sum->accepted);
    metric_value(sink, &rows[ROW_EVENTS], "outcome=\"duplicate\"", (double)sum->duplicates);
    metric_value(sink, &rows[ROW_EVENTS], "outcome=\"filtered\"", (double)sum->filtered);
    metric_value(sink, &rows[ROW_EVENTS], "outcome=\"rejected\"", (double)sum->rejected);
    for (int i = 0; i < STATUS_COUNT; i++) {
        char labels[64];
        if (sum->rejected_by[i] == 0 && i != STATUS_BAD_EVENT)
            continue;
        snprintf(labels, sizeof labels, "reason=\"%s\"", status_row((enum status)i)->code);
        metric_value(sink, &rows[ROW_REJECTED], labels, (double)sum->rejected_by[i]);
    }
    metric_value(sink, &rows[ROW_AHEAD], NULL, (double)sum->ahead);
    metric_value(sink, &rows[ROW_BODIES], NULL, (double)sum->bodies);
    metric_value(sink, &rows[ROW_BYTES], NULL, (double)sum->bytes);
    metric_value(sink, &rows[ROW_REFUSED], NULL, (double)sum->refused);
}
