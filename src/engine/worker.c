#include "engine/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/shared.h"
#include "engine/content_feed.h"
#include "engine/embedded.h"
#include "engine/log_cursor.h"
#include "io/clock.h"

enum {
    GENERATION_RECORDS = 16 * 1024, /* applied in one generation, at most about this */
    SLICE_RECORDS = 64,             /* of the checkpoint, beside as many as were applied */
    IDLE_SLICE_RECORDS = 512,
    SLEEP_MS_MAX = 1000,
    TICK_SPACING_MS = 250,          /* a tick fires up to TASK_TICK_FIRES timers: 4,096 a second and partition */
};

/* Of a frame: what a generation may emit before it must be closed. */
enum { OUTBOX_SHARE = 4 };

enum worker_order { ORDER_RUN, ORDER_DRAIN, ORDER_END };

struct tick {
    struct submission submission;
    struct submission_entry entry;
    uint32_t is_out; /* handed back by the writer's thread */
    int64_t sent_at_ms;
};

struct worker {
    uint32_t number, count;
    const struct engine_config *config;
    const struct hash_key *key;
    const struct worker_world *world;
    struct slab *slab;
    struct task **tasks;          /* mine, by rising partition */
    struct profile_table **tables; /* by partition; mine only */
    struct task **by_partition;
    struct tick *ticks;
    uint64_t *next;               /* by partition; LOG_CURSOR_OTHER: not mine */
    uint64_t *ends;               /* by task: of its partition, before the last look for records */
    uint32_t task_count;
    struct generations generations;
    struct embedded *embedded;
    struct syncer *syncer;
    struct log_cursor cursor;
    struct content_feed *feed;
    struct checkpoint_round round;
    uint64_t applied_in_generation;
    bool is_attached, is_started, is_final;
    pthread_t thread;
    uint32_t order;               /* shared */
    uint32_t failure;             /* shared */
    uint64_t cpu_ns;              /* shared, after the thread's end */
    uint64_t busy_ns, idle_ns, backpressured_ns, ticks_sent; /* shared */
};

static const unsigned char tick_record = TASK_TICK;

/* ---- life ---- */

static enum status open_tasks(struct worker *worker, struct problem *problem)
{
    const struct engine_options *options = &worker->config->options;

    for (uint32_t p = worker->number; p < options->partitions; p += worker->count) {
        enum status status = task_open(&worker->tasks[worker->task_count], p, worker->config, worker->key, worker->config->data_dir,
                                       worker->slab, problem);
        worker->by_partition[p] = worker->tasks[worker->task_count++];
        if (status != STATUS_OK)
            return status;
        worker->tables[p] = &worker->by_partition[p]->table;
    }
    return STATUS_OK;
}

enum status worker_create(struct worker **out, uint32_t number, uint32_t count, const struct engine_config *config, const struct hash_key *key,
                          struct problem *problem)
{
    uint64_t partitions = config->options.partitions;
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for worker %u", number);
    *out = worker;
    worker->number = number;
    worker->count = count;
    worker->config = config;
    worker->key = key;
    worker->tasks = calloc(partitions, sizeof *worker->tasks);
    worker->by_partition = calloc(partitions, sizeof *worker->by_partition);
    worker->tables = calloc(partitions, sizeof *worker->tables);
    worker->ticks = calloc(partitions, sizeof *worker->ticks);
    worker->next = malloc(partitions * sizeof *worker->next);
    worker->ends = calloc(partitions, sizeof *worker->ends);
    enum status status = STATUS_MEMORY;
    if (worker->ends != NULL && worker->tasks != NULL && worker->by_partition != NULL && worker->tables != NULL && worker->ticks != NULL && worker->next != NULL)
        status = slab_create(&worker->slab, config->options.profiles_bytes / count, profile_table_evict,
                             profile_table_is_taken, worker->tables);
    if (status != STATUS_OK)
        return problem_set(problem, status, "no memory for worker %u", number);
    return open_tasks(worker, problem);
}

static void set_next(struct worker *worker)
{
    for (uint32_t p = 0; p < worker->config->options.partitions; p++)
        worker->next[p] = worker->by_partition[p] != NULL ? worker->by_partition[p]->head.position : LOG_CURSOR_OTHER;
}

enum status worker_attach(struct worker *worker, const struct worker_world *world)
{
    worker->world = world;
    struct bell *bell = log_bell(world->events);
    enum status status = embedded_create(&worker->embedded, world->writer, world->learn, bell);
    if (status == STATUS_OK)
        status = generations_init(&worker->generations, worker->tasks, worker->task_count, embedded_port(worker->embedded));
    if (status != STATUS_OK)
        return status;
    worker->is_attached = true;
    status = syncer_create(&worker->syncer, world->events, world->learn, bell);
    if (status != STATUS_OK)
        return status;
    checkpoint_round_init(&worker->round, worker->tasks, worker->task_count, &worker->generations, world->writer, worker->syncer,
                          world->events, world->learn);
    set_next(worker);
    for (uint32_t i = 0; i < worker->task_count; i++)
        writer_set_needed(world->writer, world->events, worker->tasks[i]->partition, log_begin(world->events, worker->tasks[i]->partition));
    status = log_cursor_open(&worker->cursor, world->events, worker->next);
    if (status == STATUS_OK && worker->number == 0)
        status = content_feed_create(&worker->feed, world->writer, world->contents, world->learn,
                                     (uint32_t)worker->config->options.partitions, world->contents_missing_from, &worker->config->types, bell);
    return status;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    log_cursor_close(&worker->cursor);
    content_feed_destroy(worker->feed);
    if (worker->is_attached)
        generations_fini(&worker->generations);
    embedded_destroy(worker->embedded);
    syncer_destroy(worker->syncer);
    for (uint32_t i = 0; i < worker->task_count; i++)
        task_close(worker->tasks[i]);
    slab_destroy(worker->slab);
    free(worker->tasks);
    free(worker->by_partition);
    free(worker->tables);
    free(worker->ticks);
    free(worker->next);
    free(worker->ends);
    free(worker);
}

/* ---- a turn ---- */

static bool is_full(const struct worker *worker)
{
    return worker->applied_in_generation >= GENERATION_RECORDS ||
           generations_emitted(&worker->generations) >= worker->config->log.frame_bytes / OUTBOX_SHARE;
}

/* Everything published when the ends were looked at is applied, also where offsets have a gap. */
static void note_level(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->task_count; i++)
        SHARED_RELEASE(worker->tasks[i]->level, worker->ends[i]);
}

/* Applies up to WORKER_BATCH records; *applied how many. */
static enum status apply_some(struct worker *worker, uint32_t *applied)
{
    struct log_run run;

    *applied = 0;
    for (uint32_t i = 0; i < worker->task_count; i++)
        worker->ends[i] = log_end(worker->world->events, worker->tasks[i]->partition);
    while (*applied < WORKER_BATCH && !is_full(worker)) {
        enum status status = log_cursor_next(&worker->cursor, worker->next, &run);
        if (status == STATUS_OK && run.count == 0)
            note_level(worker);
        if (status != STATUS_OK || run.count == 0)
            return status;
        struct task *task = worker->by_partition[run.partition];
        status = task_apply(task, run.received_at_ms, run.first_offset, run.records, run.count);
        if (status != STATUS_OK)
            return status;
        task_publish(task);
        *applied += run.count;
        worker->applied_in_generation += run.count;
    }
    return STATUS_OK;
}

/* What was taken back is read again from where the tasks stand now. */
static enum status read_again(struct worker *worker)
{
    set_next(worker);
    worker->applied_in_generation = 0;
    log_cursor_close(&worker->cursor);
    return log_cursor_open(&worker->cursor, worker->world->events, worker->next);
}

static enum status poll(struct worker *worker, bool *did)
{
    enum generations_event event;
    enum status status = generations_poll(&worker->generations, &event);

    if (status == STATUS_OK)
        status = embedded_failure(worker->embedded);
    if (status == STATUS_OK)
        status = checkpoint_round_note(&worker->round, event);
    *did |= event != GENERATIONS_NOTHING;
    if (status == STATUS_OK && event == GENERATIONS_TAKEN_BACK)
        status = read_again(worker);
    return status;
}

static enum status cut(struct worker *worker, bool *did)
{
    if (worker->generations.closing != 0 || !generations_has_work(&worker->generations))
        return STATUS_OK;
    *did = true;
    worker->applied_in_generation = 0;
    for (uint32_t i = 0; i < worker->task_count; i++)
        key_index_reclaim(&worker->tasks[i]->table.index);
    return generations_cut(&worker->generations);
}

static enum status checkpoint(struct worker *worker, uint32_t applied, int64_t now_ms, bool *did)
{
    struct checkpoint_round *round = &worker->round;
    int64_t spacing_ms = (int64_t)worker->config->options.checkpoint_interval;
    enum status status = STATUS_OK;

    if (round->phase == CHECKPOINT_IDLE && !worker->is_final) {
        bool is_due = now_ms - round->begun_at_ms >= spacing_ms || now_ms < round->begun_at_ms || slab_is_over(worker->slab);
        round->is_pressed = log_bytes(worker->world->events) > worker->config->log.bytes;
        bool is_wanted = (is_due && checkpoint_round_is_needed(round)) || checkpoint_round_must_sync(round, now_ms);
        if (!is_wanted || generations_has_work(&worker->generations))
            return STATUS_OK;
        status = checkpoint_round_begin(round, now_ms);
        *did = true;
    }
    uint32_t records = applied > 0 ? SLICE_RECORDS + applied : IDLE_SLICE_RECORDS;
    return status == STATUS_OK ? checkpoint_round_step(round, records, now_ms, did) : status;
}

/* ---- ticks ---- */

static void tick_done(struct submission *submission)
{
    struct tick *tick = submission->context;
    __atomic_store_n(&tick->is_out, 0, __ATOMIC_RELEASE);
}

static enum status send_tick(struct worker *worker, uint32_t index, int64_t now_ms)
{
    struct tick *tick = &worker->ticks[index];

    tick->entry = (struct submission_entry){
        .partition = worker->tasks[index]->partition, .source_partition = LOG_NO_SOURCE,
        .record = {(const char *)&tick_record, sizeof tick_record},
    };
    tick->submission = (struct submission){
        .log = worker->world->events, .entries = &tick->entry, .count = 1, .done = tick_done, .context = tick,
    };
    tick->sent_at_ms = now_ms;
    tick->is_out = 1;
    enum status status = writer_submit(worker->world->writer, &tick->submission);
    if (status == STATUS_OK) {
        SHARED_ADD(worker->ticks_sent, 1);
        return STATUS_OK;
    }
    tick->is_out = 0;
    return status == STATUS_OVERLOADED || status == STATUS_LOG_FULL ? STATUS_OK : status;
}

/* For partitions in which a deadline has passed and nothing is waiting that would tell. */
static enum status send_ticks(struct worker *worker, int64_t now_ms)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < worker->task_count && status == STATUS_OK; i++) {
        const struct task *task = worker->tasks[i];
        const struct tick *tick = &worker->ticks[i];
        int64_t next_ms = timer_next_ms(&task->timers);
        if (next_ms == 0 || next_ms > now_ms || __atomic_load_n(&tick->is_out, __ATOMIC_ACQUIRE) != 0)
            continue;
        if (now_ms - tick->sent_at_ms < TICK_SPACING_MS && now_ms >= tick->sent_at_ms)
            continue;
        if (task_is_level(task, log_end(worker->world->events, task->partition)))
            status = send_tick(worker, i, now_ms);
    }
    return status;
}

static bool has_tick_out(const struct worker *worker)
{
    for (uint32_t i = 0; i < worker->task_count; i++)
        if (__atomic_load_n(&worker->ticks[i].is_out, __ATOMIC_ACQUIRE) != 0)
            return true;
    return false;
}

/* ---- the loop ---- */

static bool is_settled(const struct worker *worker)
{
    return worker->generations.closing == 0 && !generations_has_work(&worker->generations) &&
           (worker->feed == NULL || content_feed_is_idle(worker->feed));
}

/* While draining: nothing is left to apply and to commit; then one last checkpoint. True: done. */
static enum status drain(struct worker *worker, int64_t now_ms, bool did, bool *is_over)
{
    if (did || !is_settled(worker) || has_tick_out(worker) || worker->round.phase != CHECKPOINT_IDLE)
        return STATUS_OK;
    if (worker->is_final || !checkpoint_round_is_needed(&worker->round)) {
        *is_over = true;
        return STATUS_OK;
    }
    worker->is_final = true;
    return checkpoint_round_begin(&worker->round, now_ms);
}

static enum status turn(struct worker *worker, uint32_t order, bool *did, bool *is_backpressured)
{
    uint32_t applied = 0;
    int64_t now_ms = clock_wall_ms();
    enum status status = poll(worker, did);

    /* Every worker, every turn: a full learn takes nothing more until the learner's checkpoint frees it. */
    writer_set_needed(worker->world->writer, worker->world->learn, 0, worker->world->learn_needed(worker->world->context));
    *is_backpressured = is_full(worker);
    if (status == STATUS_OK)
        status = apply_some(worker, &applied);
    if (applied > 0) {
        *did = true;
        worker->world->published(worker->world->context);
    }
    if (status == STATUS_OK)
        status = cut(worker, did);
    if (status == STATUS_OK)
        status = checkpoint(worker, applied, now_ms, did);
    if (status == STATUS_OK && worker->feed != NULL)
        status = content_feed_step(worker->feed, did);
    if (status == STATUS_OK && order == ORDER_RUN && !worker->config->is_replay)
        status = send_ticks(worker, now_ms);
    return status;
}

/* Until the next timer or checkpoint; a ring ends it earlier. */
static int sleep_ms(const struct worker *worker)
{
    int64_t now_ms = clock_wall_ms(), until_ms = now_ms + SLEEP_MS_MAX;

    if (worker->round.phase == CHECKPOINT_IDLE && checkpoint_round_is_needed(&worker->round)) {
        int64_t due_ms = worker->round.begun_at_ms + (int64_t)worker->config->options.checkpoint_interval;
        until_ms = due_ms < until_ms ? due_ms : until_ms;
    }
    for (uint32_t i = 0; i < worker->task_count; i++) {
        int64_t next_ms = timer_next_ms(&worker->tasks[i]->timers);
        if (next_ms != 0 && next_ms <= now_ms)
            next_ms = worker->ticks[i].sent_at_ms + TICK_SPACING_MS;
        if (next_ms != 0 && next_ms < until_ms)
            until_ms = next_ms;
    }
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 1;
}

static void wait_for_work(struct worker *worker, uint32_t seen, int64_t *since_ns, bool is_backpressured)
{
    int64_t begin_ns = clock_monotonic_ns();

    SHARED_ADD(worker->busy_ns, (uint64_t)(begin_ns - *since_ns));
    bell_wait(log_bell(worker->world->events), seen, sleep_ms(worker));
    *since_ns = clock_monotonic_ns();
    uint64_t slept_ns = (uint64_t)(*since_ns - begin_ns);
    if (is_backpressured)
        SHARED_ADD(worker->backpressured_ns, slept_ns);
    else
        SHARED_ADD(worker->idle_ns, slept_ns);
}

static enum status loop(struct worker *worker)
{
    int64_t since_ns = clock_monotonic_ns();

    for (;;) {
        uint32_t order = __atomic_load_n(&worker->order, __ATOMIC_ACQUIRE);
        uint32_t seen = bell_seen(log_bell(worker->world->events));
        bool did = false, is_over = order == ORDER_END, is_backpressured = false;
        enum status status = is_over ? STATUS_OK : turn(worker, order, &did, &is_backpressured);
        if (status == STATUS_OK && order == ORDER_DRAIN)
            status = drain(worker, clock_wall_ms(), did, &is_over);
        if (status != STATUS_OK || is_over)
            return status;
        if (!did)
            wait_for_work(worker, seen, &since_ns, is_backpressured);
    }
}

static void *run(void *argument)
{
    struct worker *worker = argument;

    pthread_setname_np(pthread_self(), "worker");
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < worker->task_count && status == STATUS_OK; i++)
        status = task_load(worker->tasks[i]);
    if (status == STATUS_OK)
        status = loop(worker);
    if (status != STATUS_OK) {
        log_message(LOG_ERROR, "engine", "a worker stopped: events are no longer accepted", "worker=%u reason=\"%s\"", worker->number,
                    status_row(status)->text);
        __atomic_store_n(&worker->failure, (uint32_t)status, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&worker->cpu_ns, clock_thread_cpu_ns(), __ATOMIC_RELEASE);
    return NULL;
}

enum status worker_start(struct worker *worker)
{
    ASSERT(worker->is_attached && !worker->is_started);
    worker->round.begun_at_ms = worker->round.synced_at_ms = clock_wall_ms();
    if (pthread_create(&worker->thread, NULL, run, worker) != 0)
        return STATUS_MEMORY;
    worker->is_started = true;
    return STATUS_OK;
}

void worker_stop(struct worker *worker, bool is_drained)
{
    if (!worker->is_started)
        return;
    __atomic_store_n(&worker->order, (uint32_t)(is_drained ? ORDER_DRAIN : ORDER_END), __ATOMIC_RELEASE);
    bell_ring(log_bell(worker->world->events));
    pthread_join(worker->thread, NULL);
    worker->is_started = false;
}

/* ---- any thread ---- */

uint32_t worker_task_count(const struct worker *worker)
{
    return worker->task_count;
}

struct task *worker_task(const struct worker *worker, uint32_t index)
{
    return worker->tasks[index];
}

const struct checkpoint_round *worker_round(const struct worker *worker)
{
    return &worker->round;
}

uint64_t worker_content_settled(const struct worker *worker)
{
    return content_feed_settled(worker->feed);
}

enum status worker_failure(const struct worker *worker)
{
    return (enum status)__atomic_load_n(&worker->failure, __ATOMIC_ACQUIRE);
}

uint64_t worker_cpu_ns(const struct worker *worker)
{
    uint64_t ended_ns = __atomic_load_n(&worker->cpu_ns, __ATOMIC_ACQUIRE);
    uint64_t syncer_ns = worker->syncer != NULL ? syncer_cpu_ns(worker->syncer) : 0;
    return syncer_ns + (ended_ns != 0 || !worker->is_started ? ended_ns : clock_of_thread_ns(worker->thread));
}

void worker_numbers(const struct worker *worker, struct worker_numbers *numbers)
{
    *numbers = (struct worker_numbers){
        .busy_ns = SHARED_LOAD(worker->busy_ns), .idle_ns = SHARED_LOAD(worker->idle_ns),
        .backpressured_ns = SHARED_LOAD(worker->backpressured_ns), .slab_bytes = slab_bytes(worker->slab),
        .slab_evictions = slab_evictions(worker->slab), .generations = SHARED_LOAD(worker->generations.committed),
        .ticks_sent = SHARED_LOAD(worker->ticks_sent),
        .content_undecodable = worker->feed != NULL ? content_feed_undecodable(worker->feed) : 0,
    };
}
