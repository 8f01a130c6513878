#include "engine/engine_state.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "base/shared.h"
#include "engine/learner.h"
#include "io/clock.h"

enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "engine/engine_metrics.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, kind, text, advice},
#include "engine/engine_metrics.def"
#undef METRIC
};

static void put(struct metric_sink *sink, int row, const char *labels, double value)
{
    metric_value(sink, &rows[row], labels, value);
}

static void put_counters(const struct engine *engine, struct metric_sink *sink)
{
    struct engine_counters counters;

    engine_counters(engine, &counters);
    put(sink, ROW_APPLIED, NULL, (double)counters.events_applied);
    put(sink, ROW_DUPLICATE, NULL, (double)counters.duplicates);
    put(sink, ROW_LATE, NULL, (double)counters.late);
    put(sink, ROW_UNVERIFIED, NULL, (double)counters.unverified);
    put(sink, ROW_UNDECODABLE, NULL, (double)counters.undecodable);
    put(sink, ROW_TICKS, NULL, (double)counters.ticks);
    put(sink, ROW_LEARNING, NULL, (double)counters.learning_records);
    put(sink, ROW_SESSIONS, NULL, (double)counters.sessions_ended);
    put(sink, ROW_CHECKPOINTS, NULL, (double)counters.checkpoints);
    put(sink, ROW_CHECKPOINT_AT_S, NULL, (double)counters.checkpoint_at_ms / 1000.0);
    put(sink, ROW_STATE_KEYS, "kind=\"user\"", (double)counters.users);
    put(sink, ROW_STATE_KEYS, "kind=\"profile_resident\"", (double)counters.profiles_resident);
    put(sink, ROW_STATE_KEYS, "kind=\"dedup\"", (double)counters.dedup_entries);
    put(sink, ROW_STATE_BYTES, "kind=\"profile\"", (double)counters.profile_bytes);
    put(sink, ROW_DEDUP_REACH_S, NULL, (double)counters.dedup_reach_ms / 1000.0);
}

static void put_tasks(const struct engine *engine, struct metric_sink *sink)
{
    uint64_t behind = 0, changelog = 0, index = 0, dedup = 0;
    int64_t newest_ms = 0;

    for (uint32_t p = 0; p < engine->config->options.partitions; p++) {
        const struct task *task = engine->tasks[p];
        uint64_t applied = task_applied(task), end = log_end(engine->events, p);
        behind += task_is_level(task, end) ? 0 : end - applied;
        newest_ms = task_clock_ms(task) > newest_ms ? task_clock_ms(task) : newest_ms;
        changelog += SHARED_LOAD(task->checkpoint.changelog_bytes);
        index += SHARED_LOAD(task->table.index.bytes);
        dedup += dedup_bytes(task->dedup);
    }
    put(sink, ROW_QUEUE, "stage=\"task\"", (double)behind);
    put(sink, ROW_PROCESSED_AT_S, NULL, (double)newest_ms / 1000.0);
    put(sink, ROW_CHANGELOG_BYTES, NULL, (double)changelog);
    put(sink, ROW_STATE_BYTES, "kind=\"profile_index\"", (double)index);
    put(sink, ROW_STATE_BYTES, "kind=\"dedup\"", (double)dedup);
}

static void put_workers(const struct engine *engine, struct metric_sink *sink)
{
    struct worker_numbers sum = {0};
    struct histogram durations;
    uint64_t bytes = 0;

    histogram_init(&durations);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        struct worker_numbers one;
        const struct checkpoint_round *round = worker_round(engine->workers[i]);
        worker_numbers(engine->workers[i], &one);
        sum.busy_ns += one.busy_ns;
        sum.idle_ns += one.idle_ns;
        sum.backpressured_ns += one.backpressured_ns;
        sum.generations += one.generations;
        sum.slab_evictions += one.slab_evictions;
        sum.content_undecodable += one.content_undecodable;
        bytes += SHARED_LOAD(round->last_bytes);
        histogram_merge(&durations, &round->duration_ns);
    }
    put(sink, ROW_BUSY_S, "stage=\"task\"", (double)sum.busy_ns / 1e9);
    put(sink, ROW_IDLE_S, "stage=\"task\"", (double)sum.idle_ns / 1e9);
    put(sink, ROW_BACKPRESSURED_S, "stage=\"task\"", (double)sum.backpressured_ns / 1e9);
    put(sink, ROW_GENERATIONS, NULL, (double)sum.generations);
    put(sink, ROW_STATE_EVICTIONS, "kind=\"profile\"", (double)sum.slab_evictions);
    put(sink, ROW_CONTENT_UNDECODABLE, NULL, (double)sum.content_undecodable);
    put(sink, ROW_CHECKPOINT_BYTES, NULL, (double)bytes);
    metric_histogram(sink, &rows[ROW_CHECKPOINT_S], NULL, &durations);
}

/* The writer's time by its cycles; the learner's by its CPU, since it sleeps when it has nothing. */
static void put_stages(const struct engine *engine, struct metric_sink *sink)
{
    uint64_t busy_ns, syncing_ns, elapsed_ns = (uint64_t)(clock_monotonic_ns() - engine->started_ns);
    uint64_t learning_ns = learner_cpu_ns(engine->learner);
    uint64_t learned = learner_applied(engine->learner), end = log_end(engine->learn, 0);

    writer_busy_ns(engine->writer, &busy_ns, &syncing_ns);
    put(sink, ROW_BUSY_S, "stage=\"writer\"", (double)busy_ns / 1e9);
    put(sink, ROW_BACKPRESSURED_S, "stage=\"writer\"", (double)syncing_ns / 1e9);
    put(sink, ROW_IDLE_S, "stage=\"writer\"", elapsed_ns > busy_ns + syncing_ns ? (double)(elapsed_ns - busy_ns - syncing_ns) / 1e9 : 0);
    put(sink, ROW_BUSY_S, "stage=\"learner\"", (double)learning_ns / 1e9);
    put(sink, ROW_BACKPRESSURED_S, "stage=\"learner\"", 0);
    put(sink, ROW_IDLE_S, "stage=\"learner\"", elapsed_ns > learning_ns ? (double)(elapsed_ns - learning_ns) / 1e9 : 0);
    put(sink, ROW_QUEUE, "stage=\"learner\"", end > learned ? (double)(end - learned) : 0);
}

static void put_disk(const struct engine *engine, struct metric_sink *sink)
{
    struct statvfs disk;

    if (statvfs(engine->config->data_dir, &disk) == 0)
        put(sink, ROW_FREE_BYTES, NULL, (double)disk.f_bavail * (double)disk.f_frsize);
}

void engine_metrics(struct engine *engine, struct metric_sink *sink)
{
    static const char *const stages[3] = {"stage=\"writer\"", "stage=\"task\"", "stage=\"learner\""};
    uint64_t cpu_ns[3];

    put_counters(engine, sink);
    put_tasks(engine, sink);
    put_workers(engine, sink);
    put_stages(engine, sink);
    put_disk(engine, sink);
    engine_cpu_ns(engine, cpu_ns);
    for (int i = 0; i < 3; i++)
        put(sink, ROW_CPU_S, stages[i], (double)cpu_ns[i] / 1e9);
    put(sink, ROW_CAUGHT_UP, NULL, engine_is_caught_up(engine));
    enum status status = engine_acceptance(engine);
    put(sink, ROW_STOPPED, NULL, status != STATUS_OK && status != STATUS_NOT_READY);
    log_metrics(engine->events, sink);
    log_metrics(engine->contents, sink);
    log_metrics(engine->learn, sink);
    writer_metrics(engine->writer, sink);
    learner_metrics(engine->learner, sink);
}
