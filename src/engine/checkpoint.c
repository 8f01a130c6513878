#include "engine/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/shared.h"
#include "io/clock.h"
#include "io/file.h"

/* A segment is given up when garbage outweighs what is live, beyond this many segments. */
enum { SPARE_SEGMENTS = 2 };

/* Changelogs of one layout that were set aside: more than anybody changes declarations. */
enum { ASIDE_MAX = 10000 };

/* Bytes of a record's frame in the changelog, roughly: for the estimate of what is live. */
enum { RECORD_OVERHEAD = 64 };

enum { RECORD_VERSION = 1, MOVES_FIRST = 1024, AHEAD = 8 };

struct checkpoint_record {
    uint64_t version;
    uint64_t layout_version;
    struct task_head head;
    uint64_t users, live_bytes;
    uint64_t events_synced, learn_synced;
};

static const struct hash128 task_key = {0, UINT64_MAX - 1};

static struct hash128 dedup_key(uint64_t position)
{
    return (struct hash128){position, UINT64_MAX};
}

/* ---- opening ---- */

struct loaded {
    struct hash128 key;
    changelog_place place;
    int64_t deadline_ms;
};

struct loaded_list {
    struct loaded *records;
    uint32_t count, capacity;
};

struct checkpoint_loading {
    struct task *task;
    struct loaded_list timers; /* profiles with a deadline, superseded ones too */
    struct loaded_list parts;  /* of the window */
    changelog_place task_place;
    enum status status;
};

static bool remember(struct loaded_list *list, struct hash128 key, changelog_place place, int64_t deadline_ms)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? MOVES_FIRST : list->capacity * 2;
        struct loaded *records = realloc(list->records, capacity * sizeof *records);
        if (records == NULL)
            return false;
        list->records = records;
        list->capacity = capacity;
    }
    list->records[list->count++] = (struct loaded){key, place, deadline_ms};
    return true;
}

static void load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size, int64_t deadline_ms)
{
    struct checkpoint_loading *loading = context;

    (void)size;
    if (loading->status != STATUS_OK)
        return;
    if (kind == CHANGELOG_TASK)
        loading->task_place = place;
    if (kind == CHANGELOG_PROFILE)
        loading->status = profile_table_load(&loading->task->table, key, place);
    bool is_kept = kind == CHANGELOG_DEDUP || (kind == CHANGELOG_PROFILE && deadline_ms != 0);
    struct loaded_list *list = kind == CHANGELOG_DEDUP ? &loading->parts : &loading->timers;
    if (loading->status == STATUS_OK && is_kept && !remember(list, key, place, deadline_ms))
        loading->status = STATUS_MEMORY;
}

static enum status load_head(struct task *task, changelog_place place, struct checkpoint_record *record)
{
    uint32_t size = 0;
    enum status status = changelog_read(task->changelog, place, record, sizeof *record, &size);

    if (status != STATUS_OK)
        return status;
    return size == sizeof *record && record->version == RECORD_VERSION ? STATUS_OK : STATUS_CORRUPT;
}

static int by_position(const void *a, const void *b)
{
    const struct loaded *x = a, *y = b;
    if (x->key.low != y->key.low)
        return x->key.low < y->key.low ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Of the copies of a part the newest stands: places grow. */
static enum status load_window(struct checkpoint_loading *loading)
{
    struct task *task = loading->task;
    struct loaded_list *parts = &loading->parts;
    enum status status = STATUS_OK;

    if (parts->count > 0)
        qsort(parts->records, parts->count, sizeof *parts->records, by_position);
    for (uint32_t i = 0; i < parts->count && status == STATUS_OK; i++) {
        uint32_t size = 0;
        if (i + 1 < parts->count && parts->records[i + 1].key.low == parts->records[i].key.low)
            continue;
        status = changelog_read(task->changelog, parts->records[i].place, task->dedup_record, DEDUP_RECORD_MAX, &size);
        if (status == STATUS_OK)
            status = dedup_load(task->dedup, slice_make(task->dedup_record, size));
    }
    return status;
}

static enum status load_timers(struct checkpoint_loading *loading)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < loading->timers.count && status == STATUS_OK; i++) {
        const struct loaded *record = &loading->timers.records[i];
        if (i + AHEAD < loading->timers.count)
            profile_table_prefetch_index(&loading->task->table, loading->timers.records[i + AHEAD].key);
        if (profile_table_place(&loading->task->table, record->key) == record->place)
            status = timer_add(&loading->task->timers, record->deadline_ms, record->key);
    }
    return status;
}

/* Declared features changed: the profiles are made again from the log as far as it reaches. */
static enum status set_aside(struct task *task, const char *data_dir, const struct checkpoint_record *record, struct problem *problem)
{
    char from[FILE_PATH_SIZE], to[FILE_PATH_SIZE + 64];

    changelog_close(task->changelog);
    task->changelog = NULL;
    snprintf(from, sizeof from, "%s/changelog/%u", data_dir, task->partition);
    snprintf(to, sizeof to, "%s.layout-%016lx", from, (unsigned long)record->layout_version);
    /* Declarations that go to and fro leave more than one of a version. */
    for (uint32_t i = 2; file_exists(to) && i < ASIDE_MAX; i++)
        snprintf(to, sizeof to, "%s.layout-%016lx.%u", from, (unsigned long)record->layout_version, i);
    log_message(LOG_WARNING, "engine", "declared features changed: profiles are made again from the event log", "partition=%u kept=%s",
                task->partition, to);
    return file_rename(from, to, problem);
}

static void take_over(struct task *task, const struct checkpoint_record *record)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;

    task->head = record->head;
    SHARED_STORE(task->table.live_bytes, record->live_bytes);
    checkpoint->events_synced = record->events_synced;
    checkpoint->learn_synced = record->learn_synced;
    checkpoint->committed_position = record->head.position;
    dedup_restore(task->dedup, &record->head.dedup);
    checkpoint->dedup_written = checkpoint->dedup_committed = record->head.dedup.end;
}

void checkpoint_forget_loading(struct task *task)
{
    struct checkpoint_loading *loading = task->checkpoint.loading;

    task->checkpoint.loading = NULL;
    if (loading == NULL)
        return;
    free(loading->timers.records);
    free(loading->parts.records);
    free(loading);
}

enum status checkpoint_load(struct task *task)
{
    enum status status = load_window(task->checkpoint.loading);

    if (status == STATUS_OK)
        status = load_timers(task->checkpoint.loading);
    checkpoint_forget_loading(task);
    if (status != STATUS_OK)
        log_message(LOG_ERROR, "engine", "a changelog's window of event ids could not be read", "partition=%u reason=\"%s\"",
                    task->partition, status_row(status)->text);
    return status;
}

static enum status open_once(struct task *task, const char *data_dir, bool *is_again, struct problem *problem)
{
    struct checkpoint_loading *loading = calloc(1, sizeof *loading);
    struct checkpoint_record record;
    uint64_t position = 0;

    *is_again = false;
    if (loading == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for partition %u", task->partition);
    loading->task = task;
    task->checkpoint.loading = loading;
    enum status status = changelog_open(&task->changelog, data_dir, task->partition, task->config->options.changelog_segment_bytes,
                                        load, loading, &position, problem);
    if (status != STATUS_OK)
        return status;
    task->table.changelog = task->changelog;
    status = loading->status;
    if (status == STATUS_OK && loading->task_place != 0) {
        status = load_head(task, loading->task_place, &record);
        *is_again = status == STATUS_OK && record.layout_version != task->config->layout.version;
        if (*is_again)
            status = set_aside(task, data_dir, &record, problem);
        else if (status == STATUS_OK)
            take_over(task, &record);
    }
    if (task->changelog != NULL)
        SHARED_STORE(task->checkpoint.changelog_bytes, changelog_bytes(task->changelog));
    if (status != STATUS_OK)
        problem_set(problem, status, "partition %u: its changelog under %s could not be read: %s", task->partition, data_dir,
                    status_row(status)->text);
    return status;
}

enum status checkpoint_open(struct task *task, const char *data_dir, struct problem *problem)
{
    bool is_again = false;
    enum status status = open_once(task, data_dir, &is_again, problem);

    if (status != STATUS_OK || !is_again)
        return status;
    checkpoint_forget_loading(task);
    profile_table_fini(&task->table);
    status = profile_table_init(&task->table, task->table.number, task->table.slab, NULL, task->rules.layout);
    return status == STATUS_OK ? open_once(task, data_dir, &is_again, problem) : status;
}

/* ---- writing ---- */

bool checkpoint_is_needed(const struct task *task)
{
    return task->changelog != NULL && task->head.position != task->checkpoint.committed_position;
}

static void count_written(struct task_checkpoint *checkpoint, uint32_t size)
{
    SHARED_ADD(checkpoint->written_records, 1);
    SHARED_ADD(checkpoint->written_bytes, size);
}

static enum status write_window(struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;
    struct dedup_mark *mark = &checkpoint->head.dedup;
    uint64_t position = checkpoint->dedup_written > mark->first ? checkpoint->dedup_written : mark->first;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && position < mark->end) {
        uint32_t count;
        changelog_place place;
        uint32_t size = dedup_encode(task->dedup, position, task->dedup_record, &count);
        status = changelog_put(task->changelog, CHANGELOG_DEDUP, dedup_key(position), 0, slice_make(task->dedup_record, size), &place);
        count_written(checkpoint, size);
        position += count;
    }
    checkpoint->dedup_written = position;
    return status;
}

enum status checkpoint_begin(struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;

    ASSERT(!checkpoint->is_open && task->changelog != NULL);
    ASSERT(task->generations[task->open].head.position == task->head.position);
    checkpoint->is_open = true;
    checkpoint->number++;
    checkpoint->head = task->head;
    dedup_mark(task->dedup, &checkpoint->head.dedup);
    checkpoint->users = task->table.users;
    checkpoint->live_bytes = task->table.live_bytes;
    checkpoint->cursor = 0;
    checkpoint->has_gathered = false;
    checkpoint->move_count = checkpoint->move_cursor = 0;
    checkpoint->drop_before = 0;
    profile_table_turn(&task->table);
    return write_window(task);
}

enum status checkpoint_write(struct task *task, struct profile_slot *slot)
{
    changelog_place place = 0;
    enum status status = changelog_put(task->changelog, CHANGELOG_PROFILE, slot->image.key, slot->deadline_ms,
                                       slice_make((const char *)slot->image.words, slot->image.size), &place);

    ASSERT(task->checkpoint.is_open);
    if (status != STATUS_OK)
        return status;
    SHARED_STORE(slot->place, place);
    SHARED_STORE(slot->checkpoint, task->checkpoint.number);
    profile_table_unmark(&task->table, slot);
    count_written(&task->checkpoint, slot->image.size);
    return STATUS_OK;
}

static enum status write_changed(struct task *task, uint32_t *records)
{
    struct profile_list *list = &task->table.lists[profile_table_writing(&task->table)];
    uint32_t *cursor = &task->checkpoint.cursor;

    for (; *cursor < list->count && *records > 0; ++*cursor) {
        struct profile_slot *slot = list->slots[*cursor];
        if (*cursor + AHEAD < list->count && list->slots[*cursor + AHEAD] != NULL)
            __builtin_prefetch(list->slots[*cursor + AHEAD]);
        if (slot == NULL)
            continue;
        enum status status = checkpoint_write(task, slot);
        if (status != STATUS_OK)
            return status;
        --*records;
    }
    return STATUS_OK;
}

/* ---- giving up the oldest segment ---- */

static void gather(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size, int64_t deadline_ms)
{
    struct task_checkpoint *checkpoint = context;

    (void)deadline_ms;
    if (kind != CHANGELOG_PROFILE && kind != CHANGELOG_DEDUP)
        return;
    if (checkpoint->move_count == checkpoint->move_capacity) {
        uint32_t capacity = checkpoint->move_capacity == 0 ? MOVES_FIRST : checkpoint->move_capacity * 2;
        struct task_move *moves = realloc(checkpoint->moves, capacity * sizeof *moves);
        if (moves == NULL) {
            /* Without the whole list nothing may be dropped. */
            checkpoint->drop_before = 0;
            return;
        }
        checkpoint->moves = moves;
        checkpoint->move_capacity = capacity;
    }
    checkpoint->moves[checkpoint->move_count++] = (struct task_move){.key = key, .from = place, .kind = (uint32_t)kind, .size = size};
}

static enum status gather_oldest(struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;
    uint64_t live_bytes = task->table.live_bytes + RECORD_OVERHEAD * task->table.users + dedup_count(task->dedup) * sizeof(struct hash128);
    uint64_t spare_bytes = SPARE_SEGMENTS * task->config->options.changelog_segment_bytes;
    uint32_t oldest = changelog_oldest(task->changelog);

    checkpoint->has_gathered = true;
    if (oldest >= changelog_newest(task->changelog) || changelog_bytes(task->changelog) < 2 * live_bytes + spare_bytes)
        return STATUS_OK;
    checkpoint->drop_before = oldest + 1;
    return changelog_walk(task->changelog, oldest, gather, checkpoint);
}

/* Is the record at move->from what the state still refers to?  After the changed ones are
 * written, a slot's place is its newest copy. */
static bool is_live(struct task *task, const struct task_move *move)
{
    if (move->kind == CHANGELOG_DEDUP) {
        struct dedup_mark mark;
        dedup_mark(task->dedup, &mark);
        return move->key.low / DEDUP_CHUNK * DEDUP_CHUNK >= mark.first;
    }
    return profile_table_written(&task->table, move->key) == move->from;
}

static enum status copy_record(struct task *task, struct task_move *move)
{
    char *buffer = move->kind == CHANGELOG_DEDUP ? task->dedup_record : (char *)task->table.scratch->words;
    uint32_t capacity = move->kind == CHANGELOG_DEDUP ? DEDUP_RECORD_MAX : task->table.packed_max, size = 0;
    int64_t deadline_ms = 0;
    enum status status = changelog_read(task->changelog, move->from, buffer, capacity, &size);

    if (status != STATUS_OK)
        return status;
    if (move->kind == CHANGELOG_PROFILE) {
        if (!profile_unpack(buffer, size, task->rules.layout, task->profile))
            return STATUS_CORRUPT;
        deadline_ms = task->profile->timer_at_ms;
    }
    count_written(&task->checkpoint, size);
    return changelog_put(task->changelog, (enum changelog_kind)move->kind, move->key, deadline_ms, slice_make(buffer, size), &move->to);
}

static enum status copy_oldest(struct task *task, uint32_t *records)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;

    for (; checkpoint->move_cursor < checkpoint->move_count && *records > 0; checkpoint->move_cursor++) {
        struct task_move *move = &checkpoint->moves[checkpoint->move_cursor];
        move->to = 0;
        if (!is_live(task, move))
            continue;
        enum status status = copy_record(task, move);
        if (status != STATUS_OK)
            return status;
        --*records;
    }
    return STATUS_OK;
}

enum status checkpoint_slice(struct task *task, uint32_t *records, bool *is_done)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;
    const struct profile_list *list = &task->table.lists[profile_table_writing(&task->table)];
    enum status status = write_changed(task, records);

    *is_done = false;
    if (status != STATUS_OK || checkpoint->cursor < list->count)
        return status;
    if (!checkpoint->has_gathered)
        status = gather_oldest(task);
    if (status == STATUS_OK)
        status = copy_oldest(task, records);
    *is_done = status == STATUS_OK && checkpoint->move_cursor == checkpoint->move_count;
    return status;
}

/* ---- ending ---- */

static enum status drop_oldest(struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;

    for (uint32_t i = 0; i < checkpoint->move_count; i++)
        if (checkpoint->moves[i].to != 0 && checkpoint->moves[i].kind == CHANGELOG_PROFILE)
            profile_table_moved(&task->table, checkpoint->moves[i].key, checkpoint->moves[i].from, checkpoint->moves[i].to);
    if (checkpoint->drop_before == 0)
        return STATUS_OK;
    return changelog_drop_before(task->changelog, checkpoint->drop_before);
}

static void close_lists(struct task *task)
{
    task->table.lists[profile_table_writing(&task->table)].count = 0;
    task->checkpoint.is_open = false;
}

enum status checkpoint_commit(struct task *task, uint64_t events_synced, uint64_t learn_synced)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;
    struct checkpoint_record record = {
        .version = RECORD_VERSION, .layout_version = task->config->layout.version, .head = checkpoint->head, .users = checkpoint->users,
        .live_bytes = checkpoint->live_bytes, .events_synced = events_synced, .learn_synced = learn_synced,
    };
    changelog_place place = 0;

    ASSERT(checkpoint->is_open);
    enum status status = changelog_put(task->changelog, CHANGELOG_TASK, task_key, 0, slice_make((const char *)&record, sizeof record), &place);
    if (status == STATUS_OK)
        status = changelog_commit(task->changelog, checkpoint->head.position);
    if (status != STATUS_OK)
        return status;
    checkpoint->committed_position = checkpoint->head.position;
    checkpoint->dedup_committed = checkpoint->dedup_written;
    task->table.checkpoint_committed = checkpoint->number;
    close_lists(task);
    SHARED_STORE(checkpoint->changelog_bytes, changelog_bytes(task->changelog));
    return drop_oldest(task);
}

/* What was written and not committed is as if never written: it is changed still. */
enum status checkpoint_abandon(struct task *task)
{
    struct task_checkpoint *checkpoint = &task->checkpoint;
    struct profile_list *list = &task->table.lists[profile_table_writing(&task->table)];
    enum status status = STATUS_OK;

    changelog_abandon(task->changelog);
    for (uint32_t i = 0; i < list->count && status == STATUS_OK; i++) {
        struct profile_slot *slot = list->slots[i];
        if (slot == NULL)
            continue;
        profile_table_unmark(&task->table, slot);
        status = profile_table_mark(&task->table, slot);
    }
    if (status == STATUS_OK)
        status = profile_table_mark_written(&task->table, checkpoint->number);
    checkpoint->dedup_written = checkpoint->dedup_committed;
    close_lists(task);
    return status;
}
