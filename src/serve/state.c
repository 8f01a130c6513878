#include "serve/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/shared.h"
#include "io/clock.h"
#include "ops/page.h"

enum { NS_PER_US = 1000, NS_PER_S = 1000000000 };

static const int64_t heartbeat_ns_max = 5LL * NS_PER_S; /* a loop that has not ticked for so long is stuck */

/* ---- health ---- */

/* A word for the state of the server; "ready" alone means that it takes everything. */
static const char *describe(const struct serve_shared *shared, char *detail, size_t size)
{
    int phase = SHARED_ACQUIRE(shared->phase);
    enum status acceptance = engine_acceptance(shared->engine);

    detail[0] = '\0';
    if (phase == SERVE_STARTING)
        return "starting";
    if (phase == SERVE_DRAINING)
        return "draining";
    if (!engine_is_caught_up(shared->engine)) {
        snprintf(detail, size, "what was appended before this start is being applied");
        return "catching_up";
    }
    if (acceptance != STATUS_OK) {
        snprintf(detail, size, "%s; %s", status_row(acceptance)->text, status_row(acceptance)->fix);
        return "not_accepting";
    }
    return "ready";
}

enum status state_accepts(const struct serve_shared *shared, const struct route *route, struct problem *problem)
{
    int phase = SHARED_ACQUIRE(shared->phase);

    if (phase == SERVE_STARTING && (route->flags & ROUTE_EARLY) == 0)
        return problem_set(problem, STATUS_NOT_READY, "the server is starting");
    if ((route->flags & ROUTE_WRITE) == 0)
        return STATUS_OK;
    if (phase == SERVE_DRAINING)
        return problem_set(problem, STATUS_NOT_READY, "the server is draining");
    enum status status = engine_acceptance(shared->engine);
    if (status != STATUS_OK)
        return problem_set(problem, status, "events are not accepted: %s", status_row(status)->text);
    return STATUS_OK;
}

static void answer_word(struct serve_loop *loop, struct http_request *request, int code, const char *word, const char *detail)
{
    struct json_writer *out = serve_loop_begin(loop);

    json_object_begin(out);
    json_key(out, "status");
    json_text(out, word);
    if (detail[0] != '\0') {
        json_key(out, "detail");
        json_text(out, detail);
    }
    json_object_end(out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, code);
}

void state_health(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    int64_t now_ns = clock_monotonic_ns();
    char detail[64];

    for (uint32_t i = 0; i < shared->loop_count; i++) {
        int64_t silent_ns = now_ns - SHARED_LOAD(shared->loops[i]->ticked_ns);
        if (i == loop->number || silent_ns < heartbeat_ns_max)
            continue;
        snprintf(detail, sizeof detail, "event loop %u has been silent for %ld s", i, (long)(silent_ns / NS_PER_S));
        answer_word(loop, request, 503, "stuck", detail);
        return;
    }
    answer_word(loop, request, 200, "ok", "");
}

void state_ready(struct serve_loop *loop, struct http_request *request)
{
    char detail[256];
    const char *word = describe(loop->shared, detail, sizeof detail);

    answer_word(loop, request, strcmp(word, "ready") == 0 ? 200 : 503, word, detail);
}

/* ---- numbers ---- */

void state_metrics(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    struct page *page = malloc(sizeof *page);

    if (page == NULL) {
        struct problem problem = {0};
        problem_set(&problem, STATUS_MEMORY, "no memory for the metrics page");
        serve_loop_problem(loop, request, &problem);
        return;
    }
    page_init(page);
    void (*emit)(void *context, struct metric_sink *sink) = SHARED_ACQUIRE(shared->emit);
    if (emit != NULL)
        emit(shared->emit_context, &page->sink);
    serve_metrics(shared->serve, &page->sink);
    serve_loop_send(loop, request, 200, PAGE_CONTENT_TYPE, page_finish(page));
    page_fini(page);
    free(page);
}

static void write_unsigned(struct json_writer *out, const char *name, uint64_t value)
{
    json_key(out, name);
    json_unsigned(out, value);
}

static void write_process(struct json_writer *out, const struct serve_shared *shared)
{
    char detail[256];
    const char *word = describe(shared, detail, sizeof detail);

    json_key(out, "version");
    json_text(out, shared->config->version ? shared->config->version : "");
    json_key(out, "status");
    json_text(out, word);
    json_key(out, "detail");
    json_text(out, detail);
    json_key(out, "acceptance");
    json_text(out, status_row(engine_acceptance(shared->engine))->code);
    json_key(out, "started_at");
    json_time(out, shared->opened_at_ms);
    json_key(out, "at");
    json_time(out, clock_wall_ms());
    json_key(out, "uptime_s");
    json_number(out, (double)((clock_monotonic_ns() - shared->opened_ns) / (NS_PER_S / 1000)) / 1000);
    json_key(out, "data_dir");
    json_text(out, engine_config(shared->engine)->data_dir ? engine_config(shared->engine)->data_dir : "");
    json_key(out, "config_file");
    if (shared->config->config_file != NULL)
        json_text(out, shared->config->config_file);
    else
        json_null(out);
}

static void write_events(struct json_writer *out, const struct serve_shared *shared, const struct engine_counters *engine)
{
    struct collect_counters counters;

    serve_loop_counters(shared, &counters);
    json_key(out, "events");
    json_object_begin(out);
    write_unsigned(out, "received", counters.received);
    write_unsigned(out, "accepted", counters.accepted);
    write_unsigned(out, "duplicates", counters.duplicates);
    write_unsigned(out, "filtered", counters.filtered);
    write_unsigned(out, "rejected", counters.rejected);
    write_unsigned(out, "refused_bodies", counters.refused);
    write_unsigned(out, "applied", engine->events_applied);
    write_unsigned(out, "applied_duplicates", engine->duplicates);
    write_unsigned(out, "late", engine->late);
    write_unsigned(out, "undecodable", engine->undecodable);
    write_unsigned(out, "unverified", engine->unverified);
    write_unsigned(out, "learning_records", engine->learning_records);
    write_unsigned(out, "sessions_ended", engine->sessions_ended);
    json_object_end(out);
}

static void write_state(struct json_writer *out, const struct serve_shared *shared, const struct engine_counters *engine)
{
    json_key(out, "state");
    json_object_begin(out);
    write_unsigned(out, "users", engine->users);
    write_unsigned(out, "users_resident", engine->profiles_resident);
    write_unsigned(out, "profile_bytes", engine->profile_bytes);
    write_unsigned(out, "contents", model_content_count(shared->model));
    write_unsigned(out, "dedup_entries", engine->dedup_entries);
    json_key(out, "dedup_reach_ms");
    json_integer(out, engine->dedup_reach_ms);
    write_unsigned(out, "checkpoints", engine->checkpoints);
    json_key(out, "checkpoint_at");
    if (engine->checkpoint_at_ms > 0)
        json_time(out, engine->checkpoint_at_ms);
    else
        json_null(out);
    json_object_end(out);
}

static void write_answers(struct json_writer *out, const struct serve_shared *shared)
{
    uint64_t degraded = 0;
    uint64_t empty = 0;
    uint64_t waited = 0;

    for (uint32_t i = 0; i < shared->loop_count; i++) {
        degraded += SHARED_LOAD(shared->loops[i]->degraded);
        empty += SHARED_LOAD(shared->loops[i]->empty);
        waited += SHARED_LOAD(shared->loops[i]->waited);
    }
    json_key(out, "answers");
    json_object_begin(out);
    write_unsigned(out, "degraded", degraded);
    write_unsigned(out, "empty", empty);
    write_unsigned(out, "waited", waited);
    json_object_end(out);
}

/* Per partition: next offset to be given, next to be applied. Returns how many are appended and not applied. */
static uint64_t write_positions(struct json_writer *out, const struct serve_shared *shared)
{
    struct log *events = engine_events(shared->engine);
    uint64_t behind = 0;

    json_key(out, "positions");
    json_array_begin(out);
    for (uint32_t p = 0; p < (uint32_t)engine_config(shared->engine)->options.partitions; p++) {
        uint64_t applied = engine_applied(shared->engine, p);
        uint64_t end = log_end(events, p);
        uint64_t lag = end > applied ? end - applied : 0;
        behind += lag;
        json_object_begin(out);
        write_unsigned(out, "partition", p);
        write_unsigned(out, "end", end);
        write_unsigned(out, "applied", applied);
        write_unsigned(out, "lag", lag);
        json_object_end(out);
    }
    json_array_end(out);
    return behind;
}

static void write_logs(struct json_writer *out, const struct serve_shared *shared)
{
    uint64_t behind = write_positions(out, shared);
    uint64_t learn_applied = learner_applied(shared->learner);
    uint64_t learn_end = log_end(engine_learn(shared->engine), 0);
    uint64_t waiting = 0;

    for (uint32_t i = 0; i < shared->loop_count; i++)
        waiting += SHARED_LOAD(shared->loops[i]->waiting.count);
    json_key(out, "learn");
    json_object_begin(out);
    write_unsigned(out, "end", learn_end);
    write_unsigned(out, "applied", learn_applied);
    write_unsigned(out, "checkpointed", learner_checkpointed(shared->learner));
    json_object_end(out);
    json_key(out, "content");
    json_object_begin(out);
    write_unsigned(out, "end", log_end(engine_contents(shared->engine), 0));
    write_unsigned(out, "applied", learner_content_applied(shared->learner));
    json_object_end(out);
    json_key(out, "queues");
    json_object_begin(out);
    write_unsigned(out, "events_to_apply", behind);
    write_unsigned(out, "records_to_learn", learn_end > learn_applied ? learn_end - learn_applied : 0);
    write_unsigned(out, "requests_waiting", waiting);
    json_object_end(out);
    json_key(out, "log_bytes");
    json_object_begin(out);
    write_unsigned(out, "user_interactions", log_bytes(engine_events(shared->engine)));
    write_unsigned(out, "learn", log_bytes(engine_learn(shared->engine)));
    write_unsigned(out, "content", log_bytes(engine_contents(shared->engine)));
    json_object_end(out);
}

static void write_latency(struct json_writer *out, const char *name, const struct histogram *histogram)
{
    json_key(out, name);
    json_object_begin(out);
    write_unsigned(out, "count", histogram->count);
    json_key(out, "p50_us");
    json_number(out, (double)histogram_quantile(histogram, 0.5) / NS_PER_US);
    json_key(out, "p99_us");
    json_number(out, (double)histogram_quantile(histogram, 0.99) / NS_PER_US);
    json_key(out, "max_us");
    json_number(out, (double)histogram->max_ns / NS_PER_US);
    json_object_end(out);
}

static void write_latencies(struct json_writer *out, const struct serve_shared *shared)
{
    struct histogram histogram;
    uint32_t route_count = 0;
    const struct route *routes = route_rows(&route_count);

    json_key(out, "latencies");
    json_object_begin(out);
    serve_loop_durations(shared, UINT32_MAX, &histogram);
    write_latency(out, "recommendations", &histogram);
    for (uint32_t i = 0; i < route_count; i++) {
        if (strcmp(routes[i].pattern, "/v1/events") != 0)
            continue;
        serve_loop_durations(shared, i, &histogram);
        write_latency(out, "events", &histogram);
    }
    serve_loop_visible(shared, &histogram);
    write_latency(out, "event_visible", &histogram);
    json_object_end(out);
}

static void write_cpu(struct json_writer *out, const struct serve_shared *shared)
{
    static const char *const stages[] = {"writer", "workers", "learner"};
    uint64_t cpu_ns[3] = {0};

    engine_cpu_ns(shared->engine, cpu_ns);
    json_key(out, "cpu_ns");
    json_object_begin(out);
    write_unsigned(out, "http", http_cpu_ns(shared->server));
    for (int i = 0; i < 3; i++)
        write_unsigned(out, stages[i], cpu_ns[i]);
    write_unsigned(out, "process", clock_process_cpu_ns());
    json_object_end(out);
}

void state_status(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    struct json_writer *out = serve_loop_begin(loop);
    struct engine_counters engine = {0};

    engine_counters(shared->engine, &engine);
    json_object_begin(out);
    write_process(out, shared);
    write_events(out, shared, &engine);
    write_state(out, shared, &engine);
    write_answers(out, shared);
    write_logs(out, shared);
    write_latencies(out, shared);
    write_cpu(out, shared);
    json_object_end(out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}

void state_demo(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    struct problem problem = {0};

    void (*demo)(void *context, struct json_writer *out) = SHARED_ACQUIRE(shared->demo);
    if (demo == NULL) {
        problem_set(&problem, STATUS_NOT_FOUND, "this server runs no demo");
        snprintf(problem.fix, sizeof problem.fix, "start it with `penchant demo`");
        serve_loop_problem(loop, request, &problem);
        return;
    }
    demo(shared->demo_context, serve_loop_begin(loop));
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}
