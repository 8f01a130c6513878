#include "lab/replay.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/bell.h"
#include "engine/learner.h"
#include "io/clock.h"

enum { BATCH_BYTES = 256 << 10, PROGRESS_NS = 500000000, DRAIN_WAIT_MS = 2 };

/* RINGING: the writer's thread still touches the bell. */
enum batch_state { BATCH_FREE, BATCH_BUSY, BATCH_RINGING };

/* A submission on its way; it is given back by the writer's thread. */
struct batch {
    struct submission submission;
    struct submission_entry entries[REPLAY_BATCH];
    char bytes[BATCH_BYTES];
    size_t size;
    struct bell *bell;
    uint32_t state;   /* enum batch_state: release by done, acquire by take_batch */
};

struct replay {
    struct engine *engine;
    const struct engine_config *config;
    const struct replay_options *options;
    struct replay_result *result;
    struct batch *batches;
    struct bell bell;
    uint32_t next;
    int64_t started_ns;
    int64_t told_ns;
};

static void batch_done(struct submission *submission)
{
    struct batch *batch = submission->context;

    __atomic_store_n(&batch->state, BATCH_RINGING, __ATOMIC_RELEASE);
    bell_ring(batch->bell);
    __atomic_store_n(&batch->state, BATCH_FREE, __ATOMIC_RELEASE);
}

/* Waits until the oldest batch is back. */
static enum status take_batch(struct replay *r, struct batch **out, struct problem *problem)
{
    struct batch *batch = &r->batches[r->next++ % REPLAY_WINDOW];

    for (;;) {
        uint32_t seen = bell_seen(&r->bell);
        uint32_t state = __atomic_load_n(&batch->state, __ATOMIC_ACQUIRE);
        if (state == BATCH_FREE)
            break;
        if (state == BATCH_RINGING)
            sched_yield();
        else
            bell_wait(&r->bell, seen, 1000);
    }
    if (batch->submission.status != STATUS_OK)
        return problem_set(problem, batch->submission.status, "the event log refused: %s", status_row(batch->submission.status)->text);
    /* The frame carries the moment asked for unless the log was past it already. */
    r->result->is_backfill |= batch->submission.count > 0 && batch->submission.received_at_ms > batch->submission.wall_ms;
    batch->submission = (struct submission){.log = engine_events(r->engine), .entries = batch->entries, .done = batch_done, .context = batch};
    batch->size = 0;
    *out = batch;
    return STATUS_OK;
}

static enum status submit(struct replay *r, struct batch *batch, struct problem *problem)
{
    if (batch->submission.count == 0)
        return STATUS_OK;
    __atomic_store_n(&batch->state, BATCH_BUSY, __ATOMIC_RELEASE);
    for (;;) {
        enum status status = engine_submit(r->engine, &batch->submission);
        if (status == STATUS_OK)
            return STATUS_OK;
        if (status != STATUS_OVERLOADED && status != STATUS_LOG_FULL) {
            __atomic_store_n(&batch->state, BATCH_FREE, __ATOMIC_RELEASE);
            return problem_set(problem, status, "the event log refused: %s", status_row(status)->text);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static enum status add(struct replay *r, struct batch *batch, const struct source_item *item, struct problem *problem)
{
    struct event event;

    if (event_decode(item->record, &r->config->types, &event) != STATUS_OK)
        return problem_set(problem, STATUS_INTERNAL, "a row could not be read back");
    struct slice owner = event_owner(&event);
    struct hash128 user = hash_user(engine_key(r->engine), event.user_id.size ? 'u' : 'a', owner.data, owner.size);
    memcpy(batch->bytes + batch->size, item->record.data, item->record.size);
    batch->entries[batch->submission.count++] = (struct submission_entry){
        .partition = engine_partition_of(r->engine, owner),
        .owner_hash = (uint32_t)user.low,
        .source_partition = LOG_NO_SOURCE,
        .record = slice_make(batch->bytes + batch->size, item->record.size),
    };
    batch->size += item->record.size;
    return STATUS_OK;
}

static void tell(struct replay *r, int64_t time_ms, bool is_end)
{
    int64_t now_ns = clock_monotonic_ns();
    double seconds = (double)(now_ns - r->started_ns) / 1e9;
    uint64_t total = r->result->source.rows - r->result->source.rejected;

    if (r->options->progress == NULL || (!is_end && now_ns - r->told_ns < PROGRESS_NS))
        return;
    r->told_ns = now_ns;
    double rate = seconds > 0 ? (double)r->result->events / seconds : 0;
    char date[32] = "";
    time_t at = (time_t)(time_ms / 1000);
    struct tm parts;
    if (gmtime_r(&at, &parts) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &parts);
    fprintf(r->options->progress, "\r%lu events, %.0f/s, at %s", (unsigned long)r->result->events, rate, date);
    if (!r->options->source.is_sorted && total > 0 && rate > 0)
        fprintf(r->options->progress, ", %.0f%%, %.0f s left", 100.0 * (double)r->result->events / (double)total,
                (double)(total - r->result->events) / rate);
    fprintf(r->options->progress, is_end ? "   \n" : "   ");
    fflush(r->options->progress);
}

/* With --speed: waits until it is the event's turn. */
static void pace(const struct replay *r, int64_t time_ms)
{
    if (r->options->speed <= 0)
        return;
    int64_t due_ns = r->started_ns + (int64_t)((double)(time_ms - r->result->first_ms) * 1e6 / r->options->speed);
    int64_t wait_ns = due_ns - clock_monotonic_ns();
    if (wait_ns > 0)
        nanosleep(&(struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000}, NULL);
}

static enum status feed(struct replay *r, struct source *source, struct problem *problem)
{
    struct source_item item = {0};
    struct batch *batch = NULL;
    enum status status = take_batch(r, &batch, problem);

    while (status == STATUS_OK && (status = source_next(source, &item, problem)) == STATUS_OK && item.record.data != NULL) {
        bool is_full = batch->submission.count == REPLAY_BATCH || batch->size + item.record.size > BATCH_BYTES;
        if (batch->submission.count > 0 && (is_full || batch->submission.wall_ms != item.time_ms)) {
            if ((status = submit(r, batch, problem)) != STATUS_OK || (status = take_batch(r, &batch, problem)) != STATUS_OK)
                break;
        }
        if (r->result->events == 0)
            r->result->first_ms = item.time_ms;
        pace(r, item.time_ms);
        batch->submission.wall_ms = item.time_ms;
        if ((status = add(r, batch, &item, problem)) != STATUS_OK)
            break;
        r->result->events++;
        r->result->last_ms = item.time_ms;
        source_counts(source, &r->result->source);
        tell(r, item.time_ms, false);
    }
    if (status == STATUS_OK)
        status = submit(r, batch, problem);
    for (uint32_t i = 0; i < REPLAY_WINDOW; i++) { /* all of them are back */
        enum status last = take_batch(r, &batch, status == STATUS_OK ? problem : NULL);
        if (status == STATUS_OK)
            status = last;
    }
    return status;
}

/* Applied by the tasks, then by the learner. */
static void drain(struct replay *r)
{
    for (uint32_t p = 0; p < r->config->options.partitions; p++)
        while (engine_applied(r->engine, p) < log_end(engine_events(r->engine), p) && engine_acceptance(r->engine) == STATUS_OK)
            nanosleep(&(struct timespec){.tv_nsec = DRAIN_WAIT_MS * 1000000}, NULL);
    while (!engine_is_caught_up(r->engine) && engine_acceptance(r->engine) == STATUS_OK)
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_WAIT_MS * 1000000}, NULL);
}

enum status replay_run(struct engine *engine, const struct replay_options *options, struct replay_result *result,
                       struct problem *problem)
{
    struct source *source = NULL;
    struct replay r = {.engine = engine, .config = engine_config(engine), .options = options, .result = result};

    *result = (struct replay_result){0};
    enum status status = source_open(&source, &options->source, &r.config->types, problem);
    if (status != STATUS_OK)
        return status;
    r.batches = calloc(REPLAY_WINDOW, sizeof *r.batches);
    if (r.batches == NULL) {
        source_close(source);
        return problem_set(problem, STATUS_MEMORY, "no memory for the batches");
    }
    bell_init(&r.bell);
    for (uint32_t i = 0; i < REPLAY_WINDOW; i++)
        r.batches[i].bell = &r.bell;
    r.started_ns = clock_monotonic_ns();
    status = feed(&r, source, problem);
    source_counts(source, &result->source);
    if (status == STATUS_OK)
        drain(&r);
    result->seconds = (double)(clock_monotonic_ns() - r.started_ns) / 1e9;
    tell(&r, result->last_ms, true);
    free(r.batches);
    source_close(source);
    return status;
}
