#include "engine/learner_loop.h"

#include "base/log.h"
#include "engine/log_cursor.h"
#include "io/clock.h"

/* A checkpoint's file is wiped this share of the spacing before it is written. */
/* `learn` is kept from the checkpoint on, so one is due at the latest when that part of its budget is used. */
enum { PREPARE_SHARE = 8, BUDGET_SHARE = 8, CPU_EVERY = 64, FETCH_AHEAD = LEARNER_LOOP_AHEAD / 2 };

static_assert((int)LEARNER_LOOP_AHEAD >= (int)LOG_CURSOR_RUN, "a run is staged whole");

static bool is_quitting(const struct learner *learner)
{
    return SHARED_ACQUIRE(learner->command) == LEARNER_QUIT;
}

/* The run's records, three deep: cells fetched, rows fetched, applied. */
static void apply_run(struct learner *learner, const struct log_run *run)
{
    struct learner_staged staged[LEARNER_LOOP_AHEAD];
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        struct learner_staged *s = &staged[count];
        learner->unsaved_bytes += run->records[i].size;
        if (learning_decode(run->records[i], &learner->config->types, &s->record) != STATUS_OK) {
            SHARED_ADD(learner->undecodable, 1);
            continue;
        }
        s->offset = run->first_offset + i;
        learner_apply_stage(learner, s);
        count++;
    }
    for (uint32_t i = 0; i < count + FETCH_AHEAD; i++) {
        if (i < count)
            learner_apply_fetch(learner, &staged[i]);
        if (i >= FETCH_AHEAD)
            learner_apply_staged(learner, &staged[i - FETCH_AHEAD]);
    }
    /* The last record may have been undecodable. */
    model_set_position(learner->model, LEARNER_POSITION_LEARN, run->first_offset + run->count);
}

/* Waits for the keeper. */
static void checkpoint_now(struct learner *learner)
{
    learner_file_wait(learner->file);
    learner_file_prepare(learner->file);
    learner_file_wait(learner->file);
    (void)learner_file_write(learner->file);
    learner->unsaved_bytes = 0;
}

/* Before and after: positions around what was just applied. */
static void checkpoint(struct learner *learner, uint64_t before, uint64_t after)
{
    uint64_t spacing = learner->config->options.learner_checkpoint, lead = spacing / PREPARE_SHARE;
    if (learner->file == NULL)
        return;
    if ((before + lead) / spacing != (after + lead) / spacing)
        learner_file_prepare(learner->file);
    if (before / spacing != after / spacing) {
        if (learner_file_write(learner->file))
            learner->unsaved_bytes = 0;
        else
            log_message(LOG_INFO, "learner", "a checkpoint is left out: the one before is still being written", "learn=%lu",
                        (unsigned long)after);
    }
    if (learner->unsaved_bytes > learner->config->log.bytes / BUDGET_SHARE)
        checkpoint_now(learner);
}

static void last_checkpoint(struct learner *learner)
{
    if (learner->file == NULL || learner_applied(learner) == learner_file_newest(learner->file))
        return;
    checkpoint_now(learner);
    learner_file_wait(learner->file);
}

static enum status follow(struct learner *learner, struct log_cursor *cursor, uint64_t *next)
{
    struct log_run run;
    uint32_t runs = 0;
    for (;;) {
        uint32_t seen = bell_seen(log_bell(learner->log)), command = SHARED_ACQUIRE(learner->command);
        uint64_t before = *next;
        enum status status = command == LEARNER_QUIT ? STATUS_OK : log_cursor_next(cursor, next, &run);
        if (status != STATUS_OK || command == LEARNER_QUIT)
            return status;
        if (run.count > 0) {
            apply_run(learner, &run);
            checkpoint(learner, before, *next);
            if (++runs % CPU_EVERY != 0)
                continue;
        }
        SHARED_STORE(learner->cpu_ns, clock_thread_cpu_ns());
        if (learner->notify)
            learner->notify(learner->notify_context);
        if (run.count > 0)
            continue;
        if (command == LEARNER_DRAIN)
            return STATUS_OK;
        bell_wait(log_bell(learner->log), seen, -1);
    }
}

static void *loop_main(void *context)
{
    struct learner *learner = context;
    struct log_cursor cursor;
    uint64_t next[1] = {learner_applied(learner)};
    enum status status = log_cursor_open(&cursor, learner->log, next);
    if (status == STATUS_OK)
        status = follow(learner, &cursor, next);
    if (status != STATUS_OK)
        log_message(LOG_ERROR, "learner", "topic learn cannot be read and nothing more is learned", "status=%s offset=%lu",
                    status_row(status)->code, (unsigned long)next[0]);
    else if (!is_quitting(learner))
        last_checkpoint(learner);
    log_cursor_close(&cursor);
    SHARED_STORE(learner->cpu_ns, clock_thread_cpu_ns());
    return NULL;
}

enum status learner_loop_start(struct learner *learner, struct log *log)
{
    ASSERT(!learner->is_started);
    if (learner_applied(learner) > log_end(log, 0)) {
        log_message(LOG_ERROR, "learner", "topic learn ends before the learner's checkpoint", "checkpoint=%lu end=%lu",
                    (unsigned long)learner_applied(learner), (unsigned long)log_end(log, 0));
        return STATUS_CORRUPT;
    }
    if (learner_applied(learner) < log_begin(log, 0))
        log_message(LOG_WARNING, "learner", "records of topic learn are gone; learning goes on from the oldest that is kept",
                    "wanted=%lu oldest=%lu", (unsigned long)learner_applied(learner), (unsigned long)log_begin(log, 0));
    learner->log = log;
    SHARED_STORE(learner->command, LEARNER_RUN);
    enum status status = learner->file ? learner_file_start(learner->file, learner->model, log) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (pthread_create(&learner->thread, NULL, loop_main, learner) != 0) {
        if (learner->file)
            learner_file_stop(learner->file, true);
        return STATUS_MEMORY;
    }
    learner->is_started = true;
    return STATUS_OK;
}

void learner_loop_stop(struct learner *learner, bool is_abandoned)
{
    if (!learner->is_started)
        return;
    SHARED_RELEASE(learner->command, is_abandoned ? LEARNER_QUIT : LEARNER_DRAIN);
    bell_ring(log_bell(learner->log));
    pthread_join(learner->thread, NULL);
    if (learner->file)
        learner_file_stop(learner->file, is_abandoned);
    learner->is_started = false;
}

uint64_t learner_loop_cpu_ns(const struct learner *learner)
{
    struct learner_file_counts counts = {0};
    if (learner->file)
        learner_file_counts(learner->file, &counts);
    return SHARED_LOAD(learner->cpu_ns) + counts.cpu_ns;
}
