/* Order at open: FORMAT and lock, then the tasks (their changelogs know what was synced),
 * then the logs, then offsets are raised above everything that any file names, then the
 * learner.  Order at start is that of the data: writer, workers, learner; at stop the same:
 * the queue empties into the logs, the workers apply, the learner follows, the writer ends.
 *
 * Waiting for a position: the waiter counts itself in (sequentially consistent) before it
 * looks at the position; the worker publishes the position before it looks at the count,
 * with a full fence between.  So either the waiter sees the position or the worker sees the
 * waiter.  When nobody waits a publication is two stores and a fence. */
#include "engine/engine.h"

#include <stdlib.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/shared.h"
#include "engine/content_feed.h"
#include "engine/engine_state.h"
#include "engine/learner.h"
#include "io/clock.h"

enum { QUEUE_CAPACITY = 8192 };

static const char learner_dir[] = "learner";

/* ---- waiting ---- */

#if defined(__SANITIZE_THREAD__)
#define FENCE_FULL(engine) __atomic_add_fetch(&(engine)->waiting, 0, __ATOMIC_SEQ_CST)
#else
#define FENCE_FULL(engine) __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

static void published(void *context)
{
    struct engine *engine = context;

    FENCE_FULL(engine);
    if (SHARED_LOAD(engine->waiting) != 0 && engine->notify != NULL)
        engine->notify(engine->notify_context);
}

void engine_wait_begin(struct engine *engine)
{
    __atomic_add_fetch(&engine->waiting, 1, __ATOMIC_SEQ_CST);
}

void engine_wait_end(struct engine *engine)
{
    __atomic_sub_fetch(&engine->waiting, 1, __ATOMIC_SEQ_CST);
}

void engine_set_notify(struct engine *engine, void (*notify)(void *context), void *context)
{
    engine->notify = notify;
    engine->notify_context = context;
}

/* ---- open ---- */

static enum status open_workers(struct engine *engine, struct problem *problem)
{
    const struct engine_options *options = &engine->config->options;
    uint64_t count = options->workers < options->partitions ? options->workers : options->partitions;

    /* One worker applies frames as the log has them, so the order of `learn` is that of the log. */
    if (engine->config->is_deterministic)
        count = 1;
    if (count > ENGINE_WORKERS_MAX)
        return problem_set(problem, STATUS_SETTING, "engine.workers is %lu; at most %d", (unsigned long)count, ENGINE_WORKERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        enum status status = worker_create(&engine->workers[i], i, (uint32_t)count, engine->config, &engine->key, problem);
        engine->worker_count = i + (engine->workers[i] != NULL);
        if (status != STATUS_OK)
            return status;
        for (uint32_t t = 0; t < worker_task_count(engine->workers[i]); t++) {
            struct task *task = worker_task(engine->workers[i], t);
            engine->tasks[task->partition] = task;
        }
    }
    return STATUS_OK;
}

static enum status open_logs(struct engine *engine, struct problem *problem)
{
    const struct engine_config *config = engine->config;
    uint32_t partitions = (uint32_t)config->options.partitions;
    uint64_t events_synced = 0, learn_synced = 0;

    for (uint32_t p = 0; p < partitions; p++) {
        const struct task_checkpoint *checkpoint = &engine->tasks[p]->checkpoint;
        events_synced = checkpoint->events_synced > events_synced ? checkpoint->events_synced : events_synced;
        learn_synced = checkpoint->learn_synced > learn_synced ? checkpoint->learn_synced : learn_synced;
    }
    enum status status = log_open(&engine->events, config->data_dir, "user_interactions", partitions, 0, events_synced, &config->log, problem);
    if (status == STATUS_OK)
        status = log_open(&engine->contents, config->data_dir, "content", 1, 0, 0, &config->log, problem);
    if (status == STATUS_OK) { /* worker 0 feeds both and sleeps on one; documents are read by offset */
        log_use_bell(engine->contents, log_bell(engine->events));
        status = log_index_places(engine->contents);
    }
    if (status == STATUS_OK)
        status = log_open(&engine->learn, config->data_dir, "learn", 1, partitions + 1, learn_synced, &config->log, problem);
    return status;
}

/* An offset is never given twice: partitions go on above what any file names. */
static void raise_source(struct log *log, uint32_t partition, uint64_t high)
{
    if (high != UINT64_MAX)
        log_raise(log, partition, high + 1);
}

static void raise_offsets(struct engine *engine)
{
    uint32_t partitions = (uint32_t)engine->config->options.partitions;

    for (uint32_t p = 0; p < partitions; p++) {
        log_raise(engine->events, p, task_applied(engine->tasks[p]));
        raise_source(engine->events, p, log_source_high(engine->learn, p));
        engine->ends_at_start[p] = log_end(engine->events, p);
    }
    engine->contents_at_start = log_end(engine->contents, 0);
    raise_source(engine->contents, 0, log_source_high(engine->learn, partitions));
    log_raise(engine->contents, 0, learner_content_applied(engine->learner));
    log_raise(engine->learn, 0, learner_applied(engine->learner));
}

static enum status open_learner(struct engine *engine, struct problem *problem)
{
    char path[4096];
    size_t size = strlen(engine->config->data_dir);

    if (size + sizeof learner_dir + 1 > sizeof path)
        return problem_set(problem, STATUS_SETTING, "the path of the data directory is too long");
    memcpy(path, engine->config->data_dir, size);
    path[size] = '/';
    memcpy(path + size + 1, learner_dir, sizeof learner_dir);
    return learner_open(&engine->learner, path, engine->config, &engine->key, problem);
}

static uint64_t learn_needed(void *context)
{
    const struct engine *engine = context;
    return learner_checkpointed(engine->learner);
}

static enum status attach(struct engine *engine, struct problem *problem)
{
    struct log *logs[ENGINE_LOGS] = {engine->events, engine->contents, engine->learn};
    enum status status = writer_create(&engine->writer, logs, ENGINE_LOGS, &engine->config->log, QUEUE_CAPACITY);

    bool is_part_gone = learner_applied(engine->learner) < log_begin(engine->learn, 0);
    engine->world = (struct worker_world){
        .config = engine->config, .key = &engine->key, .writer = engine->writer, .events = engine->events,
        .contents = engine->contents, .learn = engine->learn, .published = published, .context = engine, .learn_needed = learn_needed,
        .contents_missing_from = is_part_gone ? learner_content_applied(engine->learner) : CONTENT_FEED_WHOLE,
    };
    /* Documents are read from topic content where they stand: none of it may go. */
    if (status == STATUS_OK) {
        writer_set_needed(engine->writer, engine->contents, 0, log_begin(engine->contents, 0));
        writer_set_needed(engine->writer, engine->learn, 0, learner_checkpointed(engine->learner));
    }
    for (uint32_t i = 0; i < engine->worker_count && status == STATUS_OK; i++)
        status = worker_attach(engine->workers[i], &engine->world);
    return status == STATUS_OK ? status : problem_set(problem, status, "the engine's threads could not be prepared: %s", status_row(status)->text);
}

static enum status open_parts(struct engine *engine, struct problem *problem)
{
    const struct engine_config *config = engine->config;
    enum status status = format_open(&engine->format, config->data_dir, (uint32_t)config->options.partitions, problem);

    if (status != STATUS_OK)
        return status;
    hash_key_init(&engine->key, engine->format.key);
    engine->tasks = calloc(config->options.partitions, sizeof *engine->tasks);
    engine->ends_at_start = calloc(config->options.partitions, sizeof *engine->ends_at_start);
    if (engine->tasks == NULL || engine->ends_at_start == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for %lu partitions", (unsigned long)config->options.partitions);
    if (profile_packed_max(&config->layout) > PROFILE_TABLE_RECORD_MAX)
        return problem_set(problem, STATUS_SETTING, "the declared user features take %u bytes a person; at most %d",
                           profile_packed_max(&config->layout), PROFILE_TABLE_RECORD_MAX);
    status = open_workers(engine, problem);
    if (status == STATUS_OK)
        status = open_logs(engine, problem);
    if (status == STATUS_OK)
        status = open_learner(engine, problem);
    if (status != STATUS_OK)
        return status;
    raise_offsets(engine);
    return attach(engine, problem);
}

enum status engine_open(struct engine **out, const struct engine_config *config, struct problem *problem)
{
    struct engine *engine = calloc(1, sizeof *engine);

    *out = NULL;
    if (engine == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the engine");
    engine->config = config;
    engine->format.lock = -1;
    engine->learn_at_start = UINT64_MAX;
    enum status status = open_parts(engine, problem);
    if (status != STATUS_OK) {
        engine_close(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

/* ---- start and stop ---- */

enum status engine_start(struct engine *engine)
{
    learner_set_notify(engine->learner, published, engine);
    engine->started_ns = clock_monotonic_ns();
    enum status status = writer_start(engine->writer);
    for (uint32_t i = 0; i < engine->worker_count && status == STATUS_OK; i++)
        status = worker_start(engine->workers[i]);
    if (status == STATUS_OK)
        status = learner_start(engine->learner, engine->learn);
    engine->is_started = true;
    __atomic_store_n(&engine->accepting, status == STATUS_OK, __ATOMIC_RELEASE);
    return status;
}

static void barrier_done(struct submission *submission)
{
    bell_ring(submission->context);
}

/* Everything handed in before this is in the logs afterwards. */
static void empty_queue(struct engine *engine)
{
    /* The bell outlives the writer's thread, which may still be in bell_ring when this returns. */
    struct submission barrier = {.done = barrier_done, .context = &engine->emptied};

    bell_init(&engine->emptied);
    uint32_t seen = bell_seen(&engine->emptied);
    if (writer_submit(engine->writer, &barrier) == STATUS_OK)
        while (bell_seen(&engine->emptied) == seen)
            bell_wait(&engine->emptied, seen, -1);
}

void engine_stop(struct engine *engine)
{
    if (!engine->is_started)
        return;
    __atomic_store_n(&engine->accepting, 0, __ATOMIC_RELEASE);
    empty_queue(engine);
    for (uint32_t i = 0; i < engine->worker_count; i++)
        worker_stop(engine->workers[i], true);
    learner_stop(engine->learner);
    writer_stop(engine->writer);
    engine->is_started = false;
}

static void end_threads(struct engine *engine)
{
    if (!engine->is_started)
        return;
    for (uint32_t i = 0; i < engine->worker_count; i++)
        worker_stop(engine->workers[i], false);
    writer_stop(engine->writer);
}

void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    end_threads(engine);
    if (engine->learner != NULL)
        learner_close(engine->learner);
    for (uint32_t i = 0; i < engine->worker_count; i++)
        worker_destroy(engine->workers[i]);
    writer_destroy(engine->writer);
    log_close(engine->learn);
    log_close(engine->contents);
    log_close(engine->events);
    format_close(&engine->format);
    free(engine->tasks);
    free(engine->ends_at_start);
    free(engine);
}

/* ---- any thread ---- */

const struct engine_config *engine_config(const struct engine *engine)
{
    return engine->config;
}

const struct hash_key *engine_key(const struct engine *engine)
{
    return &engine->key;
}

uint32_t engine_partition_of(const struct engine *engine, struct slice owner)
{
    return hash_partition(owner.data, owner.size, (uint32_t)engine->config->options.partitions);
}

/* Once what came of all that stood in the log is in learn, learn's end is what the learner has
 * to reach. */
static bool tasks_are_caught_up(const struct engine *engine)
{
    for (uint32_t p = 0; p < engine->config->options.partitions; p++)
        if (!task_is_settled(engine->tasks[p], engine->ends_at_start[p]))
            return false;
    return worker_content_settled(engine->workers[0]) >= engine->contents_at_start;
}

bool engine_is_caught_up(const struct engine *engine)
{
    struct engine *mutable = (struct engine *)(uintptr_t)engine;

    if (SHARED_ACQUIRE(engine->caught_up))
        return true;
    if (!engine->is_started || !tasks_are_caught_up(engine))
        return false;
    uint64_t target = UINT64_MAX;
    uint64_t end = log_end(engine->learn, 0);
    if (__atomic_compare_exchange_n(&mutable->learn_at_start, &target, end, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        target = end;
    if (learner_applied(engine->learner) < target)
        return false;
    SHARED_RELEASE(mutable->caught_up, 1);
    return true;
}

enum status engine_acceptance(const struct engine *engine)
{
    enum status status = writer_failure(engine->writer);

    for (uint32_t i = 0; i < engine->worker_count && status == STATUS_OK; i++)
        status = worker_failure(engine->workers[i]);
    if (status == STATUS_OK && !__atomic_load_n(&engine->accepting, __ATOMIC_ACQUIRE))
        status = STATUS_NOT_READY;
    return status;
}

struct log *engine_events(struct engine *engine)
{
    return engine->events;
}

struct log *engine_contents(struct engine *engine)
{
    return engine->contents;
}

struct log *engine_learn(struct engine *engine)
{
    return engine->learn;
}

enum status engine_submit(struct engine *engine, struct submission *submission)
{
    enum status status = engine_acceptance(engine);
    return status == STATUS_OK ? writer_submit(engine->writer, submission) : status;
}

void engine_prefetch_duplicate(const struct engine *engine, uint32_t partition, struct hash128 event)
{
    task_prefetch_duplicate(engine->tasks[partition], event);
}

bool engine_is_duplicate(const struct engine *engine, uint32_t partition, struct hash128 event)
{
    return task_is_duplicate(engine->tasks[partition], event);
}

uint64_t engine_appended(const struct engine *engine, uint32_t partition, struct hash128 user)
{
    return writer_appended(engine->writer, partition, engine_owner_hash(user));
}

uint64_t engine_applied(const struct engine *engine, uint32_t partition)
{
    return task_applied(engine->tasks[partition]);
}

bool engine_profile(struct engine *engine, uint32_t partition, struct hash128 user, struct profile *buffer)
{
    return task_profile(engine->tasks[partition], user, buffer);
}

struct learner *engine_learner(struct engine *engine)
{
    return engine->learner;
}

const struct learner *engine_learner_const(const struct engine *engine)
{
    return engine->learner;
}

uint64_t engine_task_hash(struct engine *engine, uint32_t partition)
{
    return task_hash(engine->tasks[partition]);
}

uint64_t engine_learner_hash(struct engine *engine)
{
    return learner_hash(engine->learner);
}

/* ---- numbers ---- */

static void add_task(const struct task *task, struct engine_counters *counters)
{
    struct task_counts counts;

    task_counts(task, &counts);
    counters->events_applied += counts.applied;
    counters->duplicates += counts.duplicates;
    counters->late += counts.late;
    counters->undecodable += counts.undecodable;
    counters->learning_records += counts.learning;
    counters->sessions_ended += counts.sessions_ended;
    counters->unverified += counts.unverified;
    counters->ticks += counts.ticks;
    counters->users += SHARED_LOAD(task->table.users);
    counters->profiles_resident += SHARED_LOAD(task->table.resident);
    counters->dedup_entries += dedup_count(task->dedup);
    int64_t reach_ms = dedup_reach_ms(task->dedup, task_clock_ms(task));
    if (reach_ms < counters->dedup_reach_ms)
        counters->dedup_reach_ms = reach_ms;
}

void engine_counters(const struct engine *engine, struct engine_counters *counters)
{
    *counters = (struct engine_counters){.dedup_reach_ms = (int64_t)engine->config->options.dedup_window};
    for (uint32_t p = 0; p < engine->config->options.partitions; p++)
        add_task(engine->tasks[p], counters);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        struct worker_numbers numbers;
        const struct checkpoint_round *round = worker_round(engine->workers[i]);
        worker_numbers(engine->workers[i], &numbers);
        counters->profile_bytes += numbers.slab_bytes;
        counters->checkpoints += SHARED_LOAD(round->count);
        int64_t at_ms = SHARED_LOAD(round->committed_at_ms);
        if (i == 0 || at_ms < counters->checkpoint_at_ms)
            counters->checkpoint_at_ms = at_ms;
    }
}

void engine_cpu_ns(const struct engine *engine, uint64_t cpu_ns[3])
{
    cpu_ns[0] = writer_cpu_ns(engine->writer);
    cpu_ns[1] = 0;
    for (uint32_t i = 0; i < engine->worker_count; i++)
        cpu_ns[1] += worker_cpu_ns(engine->workers[i]);
    cpu_ns[2] = learner_cpu_ns(engine->learner);
}
