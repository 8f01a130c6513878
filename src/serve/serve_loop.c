#include "serve/serve_loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/shared.h"
#include "io/clock.h"

enum {
    ANSWER_SIZE_MAX = 16 * 1024 * 1024,
    NS_PER_MS = 1000000,
    SAMPLE_SPACING_MS = 20,   /* 50 samples a second cost nothing and make a quantile */
    TICK_WAITING_MS = 2,      /* while somebody waits: in case a notification was lost */
    TICK_IDLE_MS = 1000       /* heartbeat of /healthz */
};

/* Codes that answers have; the last stands for all others. */
static const int codes[SERVE_LOOP_CODES] = {200, 202, 204, 304, 400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503, 0};

enum status serve_loop_create(struct serve_loop **out, struct serve_shared *shared, uint32_t number)
{
    struct serve_loop *loop = calloc(1, sizeof *loop);
    const struct serve_config *config = shared->config;

    if (loop == NULL)
        return STATUS_MEMORY;
    loop->shared = shared;
    loop->number = number;
    loop->ticked_ns = clock_monotonic_ns();
    json_writer_init(&loop->out, ANSWER_SIZE_MAX);
    waiting_init(&loop->waiting, shared->engine);
    loop->profile = calloc(1, profile_bytes(shared->layout));
    loop->answer = calloc(1, sizeof *loop->answer);
    loop->durations = calloc(SERVE_LOOP_ROUTES_MAX, sizeof *loop->durations);
    loop->placements = calloc(SERVE_LOOP_PLACEMENTS, sizeof *loop->placements);
    loop->visible = calloc(1, sizeof *loop->visible);
    bool has_memory = loop->profile && loop->answer && loop->durations && loop->placements && loop->visible;
    enum status status = has_memory ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK)
        status = collect_create(&loop->collect, shared->engine, config->http.body_bytes, config->zone_minutes, config->event_schema);
    if (status == STATUS_OK)
        status = decider_create(&loop->decider, shared->model, shared->layout, shared->types, &config->decide);
    if (status == STATUS_OK)
        status = documents_create(&loop->documents, engine_contents(shared->engine), config->options.documents_bytes);
    if (status != STATUS_OK) {
        serve_loop_destroy(loop);
        return status;
    }
    snprintf(loop->placements[0].name, sizeof loop->placements[0].name, "other");
    loop->placement_count = 1;
    *out = loop;
    return STATUS_OK;
}

void serve_loop_destroy(struct serve_loop *loop)
{
    if (loop->collect != NULL)
        collect_destroy(loop->collect);
    if (loop->decider != NULL)
        decider_destroy(loop->decider);
    if (loop->documents != NULL)
        documents_destroy(loop->documents);
    json_writer_fini(&loop->out);
    free(loop->profile);
    free(loop->answer);
    free(loop->durations);
    free(loop->placements);
    free(loop->visible);
    free(loop);
}

/* ---- answering ---- */

struct json_writer *serve_loop_begin(struct serve_loop *loop)
{
    json_writer_reset(&loop->out);
    return &loop->out;
}

void serve_loop_count(struct serve_loop *loop, const struct http_request *request, uint32_t route_number, int code)
{
    uint32_t i = 0;

    while (i < SERVE_LOOP_CODES - 1 && codes[i] != code)
        i++;
    SHARED_ADD(loop->codes[route_number][i], 1);
    int64_t duration_ns = http_now_ns() - request->received_ns;
    histogram_add(&loop->durations[route_number], duration_ns > 0 ? (uint64_t)duration_ns : 0);
}

void serve_loop_send(struct serve_loop *loop, struct http_request *request, int code, const char *content_type, struct slice body)
{
    serve_loop_count(loop, request, serve_loop_request(request)->route_number, code);
    http_respond(request, code, content_type, body);
}

void serve_loop_answer_as(struct serve_loop *loop, struct http_request *request, int code, const char *content_type)
{
    if (loop->out.is_overflown) {
        struct problem problem;
        problem_set(&problem, STATUS_MEMORY, "the answer is larger than %d bytes or there is no memory for it", ANSWER_SIZE_MAX);
        serve_loop_problem(loop, request, &problem);
        return;
    }
    serve_loop_send(loop, request, code, content_type, slice_make(loop->out.data, loop->out.size));
}

void serve_loop_answer(struct serve_loop *loop, struct http_request *request, int code)
{
    serve_loop_answer_as(loop, request, code, "application/json");
}

void serve_loop_problem(struct serve_loop *loop, struct http_request *request, const struct problem *problem)
{
    serve_loop_count(loop, request, serve_loop_request(request)->route_number, status_row(problem->status)->http);
    http_respond_problem(request, problem);
}

/* ---- waiting ---- */

void serve_loop_wait(struct serve_loop *loop, struct http_request *request, uint32_t partition, uint64_t offset,
                     uint64_t wait_ms, void (*resume)(struct serve_loop *loop, struct http_request *request))
{
    struct serve_request *state = serve_loop_request(request);
    struct waiter *waiter = &state->waiter;

    *waiter = (struct waiter){.request = request, .partition = partition, .offset = offset};
    if (waiting_is_applied(&loop->waiting, partition, offset)) {
        resume(loop, request);
        return;
    }
    if (wait_ms == 0) {
        waiter->is_late = true;
        resume(loop, request);
        return;
    }
    SHARED_ADD(loop->waited, 1);
    waiter->since_ns = clock_monotonic_ns();
    waiter->deadline_ns = waiter->since_ns + (int64_t)wait_ms * NS_PER_MS;
    state->resume = resume;
    http_suspend(request);
    waiting_add(&loop->waiting, waiter);
}

bool serve_loop_is_late(struct http_request *request)
{
    return serve_loop_request(request)->waiter.is_late;
}

void serve_loop_sample(struct serve_loop *loop, const struct http_request *request, uint32_t partition, uint64_t offset)
{
    struct serve_sample *sample = &loop->sample;
    int64_t now_ns = clock_monotonic_ns();

    if (sample->is_under_way || now_ns < sample->next_ns)
        return;
    *sample = (struct serve_sample){
        .is_under_way = true,
        .partition = partition,
        .offset = offset,
        .received_ns = request->received_ns,
        .next_ns = now_ns + (int64_t)SAMPLE_SPACING_MS * NS_PER_MS,
    };
    /* Counted as somebody who waits, so that the worker tells this loop when it is applied. */
    SHARED_STORE(loop->waiting.count, loop->waiting.count + 1);
    engine_wait_begin(loop->shared->engine);
}

static void look_at_sample(struct serve_loop *loop, int64_t now_ns)
{
    struct serve_sample *sample = &loop->sample;

    if (!sample->is_under_way || !waiting_is_applied(&loop->waiting, sample->partition, sample->offset))
        return;
    sample->is_under_way = false;
    SHARED_STORE(loop->waiting.count, loop->waiting.count - 1);
    engine_wait_end(loop->shared->engine);
    histogram_add(loop->visible, (uint64_t)(now_ns - sample->received_ns));
}

int serve_loop_tick(struct serve_loop *loop)
{
    int64_t now_ns = clock_monotonic_ns();

    SHARED_STORE(loop->ticked_ns, now_ns);
    look_at_sample(loop, now_ns);
    return waiting_tick(&loop->waiting, now_ns) > 0 ? TICK_WAITING_MS : TICK_IDLE_MS;
}

void serve_loop_id(struct serve_loop *loop, int64_t now_ms, char id[SERVE_LOOP_ID_SIZE])
{
    enum { TIME_DIGITS = 9, LOOP_DIGITS = 2, COUNT_DIGITS = 7 };
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's: none looks like another */
    uint64_t fields[] = {(uint64_t)now_ms, loop->number, loop->request_count++};
    const int sizes[] = {TIME_DIGITS, LOOP_DIGITS, COUNT_DIGITS};
    char *at = id;

    for (int field = 0; field < 3; field++) {
        for (int i = sizes[field] - 1; i >= 0; i--, fields[field] >>= 5)
            at[i] = digits[fields[field] & 31];
        at += sizes[field];
    }
    *at = '\0';
}

/* ---- numbers ---- */

static uint32_t placement_number(struct serve_loop *loop, struct slice name)
{
    if (name.size == 0)
        name = slice_of("default");
    for (uint32_t i = 1; i < loop->placement_count; i++)
        if (slice_is(name, loop->placements[i].name))
            return i;
    if (loop->placement_count == SERVE_LOOP_PLACEMENTS || name.size >= SERVE_LOOP_PLACEMENT_SIZE)
        return 0;
    for (uint32_t i = 0; i < name.size; i++)
        if (name.data[i] < ' ' || name.data[i] == '"' || name.data[i] == '\\' || (unsigned char)name.data[i] > '~')
            return 0; /* a label of metrics needs no escapes then */
    struct serve_placement *placement = &loop->placements[loop->placement_count];
    memcpy(placement->name, name.data, name.size);
    placement->name[name.size] = '\0';
    SHARED_RELEASE(loop->placement_count, loop->placement_count + 1);
    return loop->placement_count - 1;
}

void serve_loop_recommended(struct serve_loop *loop, struct slice placement, int64_t duration_ns)
{
    histogram_add(&loop->placements[placement_number(loop, placement)].durations, duration_ns > 0 ? (uint64_t)duration_ns : 0);
}

void serve_loop_durations(const struct serve_shared *shared, uint32_t route_number, struct histogram *sum)
{
    histogram_init(sum);
    for (uint32_t l = 0; l < shared->loop_count; l++) {
        const struct serve_loop *loop = shared->loops[l];
        if (route_number != UINT32_MAX) {
            histogram_merge(sum, &loop->durations[route_number]);
            continue;
        }
        uint32_t count = SHARED_ACQUIRE(loop->placement_count);
        for (uint32_t i = 0; i < count; i++)
            histogram_merge(sum, &loop->placements[i].durations);
    }
}

void serve_loop_visible(const struct serve_shared *shared, struct histogram *sum)
{
    histogram_init(sum);
    for (uint32_t l = 0; l < shared->loop_count; l++)
        histogram_merge(sum, shared->loops[l]->visible);
}

void serve_loop_counters(const struct serve_shared *shared, struct collect_counters *sum)
{
    *sum = (struct collect_counters){0};
    for (uint32_t l = 0; l < shared->loop_count; l++)
        collect_counters(shared->loops[l]->collect, sum);
}

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, METRIC_##kind, text, advice},
#include "serve/serve_metrics.def"
#undef METRIC
};
enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "serve/serve_metrics.def"
#undef METRIC
};

static void emit_route(const struct serve_shared *shared, uint32_t number, const char *pattern, const char *method,
                       struct histogram *scratch, struct metric_sink *sink)
{
    char labels[160];

    for (uint32_t c = 0; c < SERVE_LOOP_CODES; c++) {
        uint64_t count = 0;
        for (uint32_t l = 0; l < shared->loop_count; l++)
            count += SHARED_LOAD(shared->loops[l]->codes[number][c]);
        if (count == 0)
            continue;
        snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",code=\"%d\"", pattern, method, codes[c]);
        metric_value(sink, &rows[ROW_REQUESTS], labels, (double)count);
    }
    serve_loop_durations(shared, number, scratch);
    if (scratch->count == 0)
        return;
    snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"", pattern, method);
    metric_histogram(sink, &rows[ROW_DURATION], labels, scratch);
}

/* Placements are named per loop in the order they came, so they are summed by name. */
static void emit_placement(const struct serve_shared *shared, uint32_t from_loop, uint32_t number,
                           struct histogram *scratch, struct metric_sink *sink)
{
    const char *name = shared->loops[from_loop]->placements[number].name;
    char labels[SERVE_LOOP_PLACEMENT_SIZE + 32];

    histogram_init(scratch);
    for (uint32_t l = 0; l < shared->loop_count; l++) {
        const struct serve_loop *loop = shared->loops[l];
        uint32_t count = SHARED_ACQUIRE(loop->placement_count);
        for (uint32_t i = 0; i < count; i++) {
            if (strcmp(loop->placements[i].name, name) != 0)
                continue;
            if (l < from_loop)
                return; /* that loop has put it out */
            histogram_merge(scratch, &loop->placements[i].durations);
        }
    }
    if (scratch->count == 0)
        return;
    snprintf(labels, sizeof labels, "placement=\"%s\"", name);
    metric_histogram(sink, &rows[ROW_RECOMMEND], labels, scratch);
}

static void emit_sums(const struct serve_shared *shared, struct metric_sink *sink)
{
    struct documents_counters documents = {0};
    double degraded = 0;
    double empty = 0;
    double personalized = 0;
    double trending = 0;
    double waited = 0;
    double waiting = 0;

    for (uint32_t l = 0; l < shared->loop_count; l++) {
        const struct serve_loop *loop = shared->loops[l];
        documents_counters(loop->documents, &documents);
        degraded += (double)SHARED_LOAD(loop->degraded);
        empty += (double)SHARED_LOAD(loop->empty);
        personalized += (double)SHARED_LOAD(loop->personalized);
        trending += (double)SHARED_LOAD(loop->trending);
        waited += (double)SHARED_LOAD(loop->waited);
        waiting += (double)SHARED_LOAD(loop->waiting.count);
    }
    metric_value(sink, &rows[ROW_DEGRADED], NULL, degraded);
    metric_value(sink, &rows[ROW_EMPTY], NULL, empty);
    metric_value(sink, &rows[ROW_STRATEGY], "strategy=\"personalized\"", personalized);
    metric_value(sink, &rows[ROW_STRATEGY], "strategy=\"trending\"", trending);
    metric_value(sink, &rows[ROW_WAITED], NULL, waited);
    metric_value(sink, &rows[ROW_WAITING], NULL, waiting);
    metric_value(sink, &rows[ROW_DOCUMENT_HITS], NULL, (double)documents.hits);
    metric_value(sink, &rows[ROW_DOCUMENT_MISSES], NULL, (double)documents.misses);
    metric_value(sink, &rows[ROW_DOCUMENT_UNREADABLE], NULL, (double)documents.unreadable);
    double busy_s = (double)http_cpu_ns(shared->server) / 1e9;
    double elapsed_s = (double)(clock_monotonic_ns() - shared->opened_ns) / 1e9 * shared->loop_count;
    metric_value(sink, &rows[ROW_BUSY_S], "stage=\"http\"", busy_s);
    metric_value(sink, &rows[ROW_IDLE_S], "stage=\"http\"", elapsed_s > busy_s ? elapsed_s - busy_s : 0);
    metric_value(sink, &rows[ROW_READY], NULL, SHARED_ACQUIRE(shared->phase) == SERVE_READY);
}

void serve_loop_metrics(const struct serve_shared *shared, struct metric_sink *sink)
{
    struct collect_counters counters;
    struct histogram scratch;
    uint32_t route_count = 0;
    const struct route *routes = route_rows(&route_count);

    for (uint32_t i = 0; i < route_count; i++)
        emit_route(shared, i, routes[i].pattern, route_method_name(routes[i].method), &scratch, sink);
    emit_route(shared, route_count, "page", "GET", &scratch, sink);
    emit_route(shared, route_count + 1, "none", "any", &scratch, sink);
    for (uint32_t l = 0; l < shared->loop_count; l++)
        for (uint32_t i = 0, count = SHARED_ACQUIRE(shared->loops[l]->placement_count); i < count; i++)
            emit_placement(shared, l, i, &scratch, sink);
    serve_loop_visible(shared, &scratch);
    metric_histogram(sink, &rows[ROW_VISIBLE], NULL, &scratch);
    emit_sums(shared, sink);
    serve_loop_counters(shared, &counters);
    collect_metrics(&counters, sink);
}
