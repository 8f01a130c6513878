#include "engine/checkpoint_round.h"

#include "base/shared.h"
#include "engine/checkpoint.h"

static const uint64_t ms_ns = 1000 * 1000;

void checkpoint_round_init(struct checkpoint_round *round, struct task **tasks, uint32_t task_count,
                           const struct generations *generations, struct writer *writer, struct syncer *syncer, struct log *events,
                           struct log *learn)
{
    *round = (struct checkpoint_round){
        .tasks = tasks, .task_count = task_count, .generations = generations, .writer = writer, .syncer = syncer, .events = events,
        .learn = learn,
    };
    histogram_init(&round->duration_ns);
}

bool checkpoint_round_is_needed(const struct checkpoint_round *round)
{
    for (uint32_t i = 0; i < round->task_count; i++)
        if (checkpoint_is_needed(round->tasks[i]))
            return true;
    return false;
}

static bool is_unsynced(const struct task *task)
{
    return task->changelog != NULL && task->checkpoint.synced_position != task->checkpoint.committed_position;
}

static bool is_time_to_sync(const struct checkpoint_round *round, int64_t now_ms)
{
    return round->is_pressed || now_ms - round->synced_at_ms >= CHECKPOINT_ROUND_SYNC_MS || now_ms < round->synced_at_ms;
}

bool checkpoint_round_must_sync(const struct checkpoint_round *round, int64_t now_ms)
{
    if (!is_time_to_sync(round, now_ms))
        return false;
    for (uint32_t i = 0; i < round->task_count; i++)
        if (is_unsynced(round->tasks[i]))
            return true;
    return false;
}

static uint64_t written_bytes(const struct checkpoint_round *round)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < round->task_count; i++)
        sum += round->tasks[i]->checkpoint.written_bytes;
    return sum;
}

static void enter(struct checkpoint_round *round, enum checkpoint_phase phase)
{
    round->phase = phase;
    round->task = 0;
    round->is_requested = false;
}

enum status checkpoint_round_begin(struct checkpoint_round *round, int64_t now_ms)
{
    enum status status = STATUS_OK;

    ASSERT(round->phase == CHECKPOINT_IDLE && !generations_has_work(round->generations));
    enter(round, CHECKPOINT_WRITING);
    round->generation = round->generations->closing;
    round->is_generation_committed = round->generation == 0;
    round->begun_at_ms = now_ms;
    round->begun_bytes = written_bytes(round);
    round->is_syncing = is_time_to_sync(round, now_ms);
    for (uint32_t i = 0; i < round->task_count && status == STATUS_OK; i++)
        if (checkpoint_is_needed(round->tasks[i]))
            status = checkpoint_begin(round->tasks[i]);
    return status;
}

static enum status write_some(struct checkpoint_round *round, uint32_t records)
{
    while (round->task < round->task_count && records > 0) {
        struct task *task = round->tasks[round->task];
        bool is_done = true;
        enum status status = task->checkpoint.is_open ? checkpoint_slice(task, &records, &is_done) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
        if (is_done)
            round->task++;
    }
    if (round->task == round->task_count && round->is_generation_committed)
        enter(round, CHECKPOINT_SYNCING);
    return STATUS_OK;
}

static enum status await_syncs(struct checkpoint_round *round, bool *did)
{
    enum status status = STATUS_OK;

    if (!round->is_requested) {
        round->is_requested = true;
        syncer_request(round->syncer);
        return STATUS_OK;
    }
    if (!syncer_poll(round->syncer, &status) || status != STATUS_OK)
        return status;
    *did = true;
    enter(round, CHECKPOINT_COMMITTING);
    return STATUS_OK;
}

/* After a sync the log may be trimmed up to what is committed. */
static enum status sync_changelog(struct checkpoint_round *round, struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;

    if (!is_unsynced(task))
        return STATUS_OK;
    enum status status = changelog_sync(task->changelog);
    if (status != STATUS_OK)
        return status;
    checkpoint->synced_position = checkpoint->committed_position;
    writer_set_needed(round->writer, round->events, task->partition, checkpoint->committed_position);
    return STATUS_OK;
}

static void end(struct checkpoint_round *round, int64_t now_ms)
{
    if (round->is_syncing)
        round->synced_at_ms = now_ms;
    SHARED_ADD(round->count, 1);
    SHARED_STORE(round->committed_at_ms, now_ms);
    SHARED_STORE(round->last_bytes, written_bytes(round) - round->begun_bytes);
    int64_t took_ms = now_ms - round->begun_at_ms;
    histogram_add(&round->duration_ns, took_ms > 0 ? (uint64_t)took_ms * ms_ns : 0);
    enter(round, CHECKPOINT_IDLE);
}

static enum status commit_one(struct checkpoint_round *round, int64_t now_ms)
{
    if (round->task == round->task_count) {
        end(round, now_ms);
        return STATUS_OK;
    }
    struct task *task = round->tasks[round->task++];
    enum status status = STATUS_OK;
    if (task->checkpoint.is_open)
        status = checkpoint_commit(task, log_sequence_synced(round->events), log_sequence_synced(round->learn));
    /* Idle tasks too: the log is trimmed by whole segments, which hold everybody's records. */
    if (status == STATUS_OK && round->is_syncing)
        status = sync_changelog(round, task);
    return status;
}

enum status checkpoint_round_step(struct checkpoint_round *round, uint32_t records, int64_t now_ms, bool *did)
{
    switch (round->phase) {
    case CHECKPOINT_IDLE:
        return STATUS_OK;
    case CHECKPOINT_WRITING:
        *did |= round->task < round->task_count;
        return write_some(round, records);
    case CHECKPOINT_SYNCING:
        return await_syncs(round, did);
    case CHECKPOINT_COMMITTING:
        *did = true;
        return commit_one(round, now_ms);
    }
    UNREACHABLE("a phase is one of four");
}

enum status checkpoint_round_note(struct checkpoint_round *round, enum generations_event event)
{
    enum status status = STATUS_OK;

    if (event == GENERATIONS_NOTHING || round->is_generation_committed || round->phase == CHECKPOINT_IDLE)
        return STATUS_OK;
    if (event == GENERATIONS_COMMITTED) {
        round->is_generation_committed = true;
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < round->task_count && status == STATUS_OK; i++)
        if (round->tasks[i]->checkpoint.is_open)
            status = checkpoint_abandon(round->tasks[i]);
    enter(round, CHECKPOINT_IDLE);
    return status;
}
