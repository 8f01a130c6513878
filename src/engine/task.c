#include "engine/task.h"

#include <math.h>
#include <stdlib.h>

#include "base/shared.h"
#include "engine/checkpoint.h"

/* A producer's clock may run ahead by this much; beyond it the event counts as of its receipt. */
enum { AHEAD_MS = 5 * 60 * 1000 };

/* Content ids and categories are bounded, so a learning record is too. */
enum { LEARNING_MAX = 4096 };

enum { DROPS_PER_CHUNK = 2 };

enum pending_kind { PENDING_EVENT, PENDING_TICK, PENDING_BAD };

struct task_pending {
    enum pending_kind kind;
    struct hash128 user;
    struct hash128 id; /* of the event; unused without event_id */
    struct event event;
};

enum status task_open(struct task **out, uint32_t partition, const struct engine_config *config, const struct hash_key *key,
                      const char *data_dir, struct slab *slab, struct problem *problem)
{
    struct task *task = calloc(1, sizeof *task);

    if (task == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for partition %u", partition);
    *out = task;
    task->partition = partition;
    task->config = config;
    task->key = key;
    task->rules = (struct profile_rules){
        .types = &config->types, .layout = &config->layout, .key = key, .session_gap_ms = (int64_t)config->options.session_gap,
    };
    timer_init(&task->timers);
    task->profile = calloc(1, profile_bytes(&config->layout));
    task->pending = calloc(TASK_BATCH, sizeof *task->pending);
    task->encoded = malloc(LEARNING_MAX);
    task->dedup_record = malloc(DEDUP_RECORD_MAX);
    enum status status = dedup_create(&task->dedup, config->options.dedup_bytes / config->options.partitions, config->options.dedup_window);
    if (status == STATUS_OK)
        status = profile_table_init(&task->table, (uint16_t)partition, slab, NULL, &config->layout);
    if (status != STATUS_OK || task->profile == NULL || task->pending == NULL || task->encoded == NULL || task->dedup_record == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for partition %u", partition);
    if (data_dir != NULL)
        status = checkpoint_open(task, data_dir, problem);
    task_publish(task);
    task->settled = task->head.position;
    return status;
}

void task_close(struct task *task)
{
    if (task == NULL)
        return;
    checkpoint_forget_loading(task);
    if (task->changelog != NULL)
        changelog_close(task->changelog);
    profile_table_fini(&task->table);
    dedup_destroy(task->dedup);
    timer_fini(&task->timers);
    undo_fini(&task->generations[0].undo);
    undo_fini(&task->generations[1].undo);
    free(task->checkpoint.moves);
    free(task->profile);
    free(task->pending);
    free(task->encoded);
    free(task->dedup_record);
    free(task);
}

enum status task_load(struct task *task)
{
    enum status status = task->checkpoint.loading != NULL ? checkpoint_load(task) : STATUS_OK;

    SHARED_RELEASE(task->is_loaded, status == STATUS_OK);
    return status;
}

/* ---- changing ---- */

/* Before the first change in a generation: undo and checkpoint get the record as it is. */
static enum status keep_before(struct task *task, struct hash128 key, struct profile_slot *slot)
{
    struct task_generation *generation = &task->generations[task->open];

    if (slot == NULL)
        return undo_keep(&generation->undo, UNDO_ABSENT, key, (struct slice){0});
    if (slot->list == profile_table_writing(&task->table)) {
        enum status status = checkpoint_write(task, slot);
        if (status != STATUS_OK)
            return status;
    }
    if (slot->undo_generation == generation->number)
        return STATUS_OK;
    SHARED_STORE(slot->undo_generation, generation->number);
    return undo_keep(&generation->undo, UNDO_PROFILE, key, slice_make((const char *)slot->image.words, slot->image.size));
}

/* Stores task->profile. */
static enum status save(struct task *task, struct profile_slot *slot)
{
    struct hash128 key = task->profile->key;
    enum status status = keep_before(task, key, slot);

    if (status != STATUS_OK)
        return status;
    bool is_new = slot == NULL;
    if (!is_new && slot->list == PROFILE_LIST_NONE)
        status = profile_table_mark(&task->table, slot);
    if (status != STATUS_OK)
        return status;
    uint32_t size = profile_pack(task->profile, task->rules.layout, task->table.scratch->words);
    status = profile_table_store(&task->table, key, size, task->profile->timer_at_ms, &slot);
    if (status != STATUS_OK || !is_new)
        return status;
    SHARED_STORE(slot->undo_generation, task->generations[task->open].number);
    return profile_table_mark(&task->table, slot);
}

static enum status emit(struct task *task, struct learning *record, uint64_t offset)
{
    record->source_partition = (uint16_t)task->partition;
    record->source_offset = offset;
    record->source_index = task->emitted_index++;
    record->received_at_ms = task->head.clock_ms;
    ASSERT(learning_encoded_max(record) <= LEARNING_MAX);
    uint32_t size = learning_encode(record, task->rules.types, task->encoded);
    task->emitted_bytes += size;
    SHARED_ADD(task->head.counts.learning, 1);
    return task->port->emit(task->port->context, task->partition, offset, record->source_index, slice_make(task->encoded, size));
}

static uint64_t user_name(struct hash128 key)
{
    return key.low != 0 ? key.low : key.high;
}

static enum status emit_session_end(struct task *task, struct hash128 key, const struct profile_session *ended, uint64_t offset)
{
    struct learning record = {
        .kind = LEARNING_SESSION_END, .type = EVENT_SESSION_END, .user = user_name(key), .session = ended->id,
        .timestamp_ms = ended->last_ms, .dwell_ms = ended->last_ms - ended->start_ms, .value = profile_engagement(ended),
        .step = ended->event_count, .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT,
    };
    SHARED_ADD(task->head.counts.sessions_ended, 1);
    return emit(task, &record, offset);
}

/* An armed timer stays where it is while the session goes on: it looks again when it fires. */
static enum status arm(struct task *task)
{
    struct profile *profile = task->profile;
    int64_t deadline_ms = profile_deadline(profile, &task->rules);

    if (deadline_ms == 0 || (profile->timer_at_ms != 0 && profile->timer_at_ms <= deadline_ms))
        return STATUS_OK;
    profile->timer_at_ms = deadline_ms;
    return timer_add(&task->timers, deadline_ms, profile->key);
}

/* *is_valid: the entry agreed with the profile. */
static enum status fire(struct task *task, const struct timer *timer, uint64_t offset, bool *is_valid)
{
    struct profile_slot *slot = NULL;
    struct profile_session ended;
    enum status status = profile_table_find(&task->table, timer->key, &slot);

    *is_valid = false;
    if (status != STATUS_OK || slot == NULL || slot->deadline_ms != timer->deadline_ms)
        return status;
    if (!profile_unpack(slot->image.words, slot->image.size, task->rules.layout, task->profile))
        UNREACHABLE("a resident profile is packed");
    *is_valid = true;
    task->profile->timer_at_ms = 0;
    if (profile_expire(task->profile, &task->rules, task->head.clock_ms, &ended))
        status = emit_session_end(task, timer->key, &ended, offset);
    if (status == STATUS_OK)
        status = arm(task);
    return status == STATUS_OK ? save(task, slot) : status;
}

static enum status fire_due(struct task *task, uint64_t offset, uint32_t fire_max)
{
    struct timer timer;
    uint32_t fired = 0;

    while (fired < fire_max && timer_take(&task->timers, task->head.clock_ms, &timer)) {
        bool is_valid;
        enum status status = fire(task, &timer, offset, &is_valid);
        if (status != STATUS_OK)
            return status;
        fired += is_valid;
    }
    return STATUS_OK;
}

/* ---- events ---- */

static void drop_old_ids(struct task *task, enum status *status)
{
    for (int i = 0; i < DROPS_PER_CHUNK && *status == STATUS_OK && dedup_must_drop(task->dedup, task->head.clock_ms); i++) {
        struct dedup_mark mark;
        uint32_t count;
        dedup_mark(task->dedup, &mark);
        uint32_t size = dedup_encode(task->dedup, mark.first, task->dedup_record, &count);
        *status = undo_keep(&task->generations[task->open].undo, UNDO_DEDUP, (struct hash128){0}, slice_make(task->dedup_record, size));
        if (*status == STATUS_OK)
            dedup_drop(task->dedup, task->head.clock_ms);
    }
}

/* True: the id was taken before. */
static bool take_id(struct task *task, const struct task_pending *pending, enum status *status)
{
    int64_t now_ms = task->head.clock_ms;

    if (pending->event.event_id.size == 0)
        return false;
    if (dedup_find(task->dedup, pending->id, now_ms))
        return true;
    if (pending->event.timestamp_ms != EVENT_TIME_ABSENT && pending->event.timestamp_ms < now_ms - dedup_reach_ms(task->dedup, now_ms))
        SHARED_ADD(task->head.counts.unverified, 1);
    drop_old_ids(task, status);
    if (*status == STATUS_OK)
        dedup_add(task->dedup, pending->id, now_ms);
    return false;
}

static enum status emit_event(struct task *task, const struct event *event, const struct learning *marks,
                              const struct profile_session_change *change, uint64_t offset)
{
    const struct profile *profile = task->profile;
    struct learning record = *marks;

    record.kind = LEARNING_EVENT;
    record.type = event->type;
    record.device = event->device;
    record.user = user_name(profile->key);
    /* A session_end has closed its own. */
    bool is_inside = !change->is_outside && profile->session.id != 0;
    record.session = is_inside ? profile->session.id : 0;
    record.step = is_inside ? profile->session.event_count - 1 : 0;
    record.content_id = event->content_id;
    record.country = event->country;
    record.category_count = event->category_count;
    memcpy(record.categories, event->categories, sizeof record.categories);
    record.dwell_ms = event->dwell_ms;
    record.value = event->value;
    record.published_at_ms = EVENT_TIME_ABSENT;
    record.expires_at_ms = EVENT_TIME_ABSENT;
    return emit(task, &record, offset);
}

static bool is_about_content(const struct task *task, const struct event *event)
{
    const struct event_types *types = task->rules.types;
    return event->type < types->count && types->rows[event->type].has_content && event->content_id.size > 0;
}

/* Decides late, trend and step, which depend on the profile as it was before. */
static void decide_marks(struct task *task, const struct event *event, struct learning *marks)
{
    int64_t now_ms = task->head.clock_ms;

    *marks = (struct learning){.timestamp_ms = event->timestamp_ms};
    if (event->timestamp_ms == EVENT_TIME_ABSENT || event->timestamp_ms > now_ms + AHEAD_MS)
        marks->timestamp_ms = now_ms;
    marks->is_late = now_ms - marks->timestamp_ms > (int64_t)task->config->options.lateness;
    if (!is_about_content(task, event))
        return;
    const struct event_type *row = &task->rules.types->rows[event->type];
    uint64_t content = hash_64(task->key, event->content_id.data, event->content_id.size);
    marks->is_step = row->is_neighbour && profile_is_step(task->profile, content);
    /* The minute is that of the receipt: timestamps are the sender's to choose. */
    marks->is_trend = row->is_trend && profile_take_trend(task->profile, content, now_ms);
}

static enum status apply_event(struct task *task, const struct task_pending *pending, uint64_t offset)
{
    const struct event *event = &pending->event;
    struct profile_slot *slot = NULL;
    struct profile_session_change change;
    struct learning marks;
    enum status status = STATUS_OK;

    if (take_id(task, pending, &status)) {
        SHARED_ADD(task->head.counts.duplicates, 1);
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = profile_table_find(&task->table, pending->user, &slot);
    if (status != STATUS_OK)
        return status;
    if (slot == NULL)
        profile_init(task->profile, task->rules.layout, pending->user);
    else if (!profile_unpack(slot->image.words, slot->image.size, task->rules.layout, task->profile))
        UNREACHABLE("a resident profile is packed");
    decide_marks(task, event, &marks);
    profile_apply(task->profile, &task->rules, event, marks.timestamp_ms, task->head.clock_ms, offset, &change);
    SHARED_ADD(task->head.counts.applied, 1);
    SHARED_ADD(task->head.counts.late, marks.is_late);
    status = arm(task);
    if (status == STATUS_OK)
        status = save(task, slot);
    if (status == STATUS_OK && change.has_ended)
        status = emit_session_end(task, pending->user, &change.ended, offset);
    /* What names no content is told too: windows count every event. */
    if (status != STATUS_OK || event->type >= task->rules.types->count)
        return status;
    /* A step leads from the content before in one session: the first of a session is one too. */
    marks.is_step = (marks.is_step || (change.has_opened && task->rules.types->rows[event->type].is_neighbour)) && !change.is_outside;
    return emit_event(task, event, &marks, &change, offset);
}

static bool is_within_bounds(const struct event *event)
{
    struct slice owner = event_owner(event);

    if (owner.size == 0 || owner.size > EVENT_USER_MAX || event->content_id.size > EVENT_CONTENT_MAX ||
        event->event_id.size > EVENT_SIZE_MAX || event->category_count > EVENT_CATEGORY_MAX || event->country.size > 2)
        return false;
    for (uint32_t i = 0; i < event->category_count; i++)
        if (event->categories[i].size > EVENT_CATEGORY_SIZE_MAX)
            return false;
    return true;
}

static void decode(const struct task *task, struct slice record, struct task_pending *pending)
{
    struct event *event = &pending->event;

    pending->kind = PENDING_BAD;
    if (record.size == 1 && record.data[0] == TASK_TICK) {
        pending->kind = PENDING_TICK;
        return;
    }
    if (event_decode(record, task->rules.types, event) != STATUS_OK || !is_within_bounds(event))
        return;
    pending->kind = PENDING_EVENT;
    struct slice owner = event_owner(event);
    pending->user = hash_user(task->key, event->user_id.size > 0 ? 'u' : 'a', owner.data, owner.size);
    profile_table_prefetch_index(&task->table, pending->user);
    if (event->event_id.size > 0) {
        pending->id = hash_128(task->key, event->event_id.data, event->event_id.size);
        dedup_prefetch(task->dedup, pending->id);
    }
}

static enum status apply_one(struct task *task, const struct task_pending *pending, uint64_t offset)
{
    bool is_tick = pending->kind == PENDING_TICK;

    task->emitted_index = 0;
    enum status status = fire_due(task, offset, is_tick ? TASK_TICK_FIRES : TASK_FIRES);
    if (status == STATUS_OK && pending->kind == PENDING_EVENT)
        status = apply_event(task, pending, offset);
    SHARED_ADD(task->head.counts.ticks, is_tick);
    SHARED_ADD(task->head.counts.undecodable, pending->kind == PENDING_BAD);
    task->head.position = offset + 1;
    return status;
}

enum status task_apply(struct task *task, int64_t received_at_ms, uint64_t first_offset, const struct slice *records, uint32_t count)
{
    ASSERT(count <= TASK_BATCH && first_offset >= task->head.position);
    ASSERT(task->generations[task->open].number != 0 && task->checkpoint.loading == NULL);
    if (received_at_ms > task->head.clock_ms)
        SHARED_STORE(task->head.clock_ms, received_at_ms);
    /* Three passes, so that the misses of sixteen people overlap. */
    for (uint32_t i = 0; i < count; i++)
        decode(task, records[i], &task->pending[i]);
    for (uint32_t i = 0; i < count; i++)
        if (task->pending[i].kind == PENDING_EVENT)
            profile_table_prefetch_slot(&task->table, task->pending[i].user);
    for (uint32_t i = 0; i < count; i++) {
        enum status status = apply_one(task, &task->pending[i], first_offset + i);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

void task_publish(struct task *task)
{
    SHARED_RELEASE(task->applied, task->head.position);
}

/* ---- generations ---- */

void task_begin(struct task *task, uint64_t generation)
{
    struct task_generation *open = &task->generations[task->open];

    ASSERT(open->undo.size == 0);
    dedup_mark(task->dedup, &task->head.dedup);
    open->number = generation;
    open->head = task->head;
    task->emitted_bytes = 0;
}

void task_cut(struct task *task, uint64_t generation)
{
    ASSERT(!task_has_closing(task));
    task->open = 1 - task->open;
    task_begin(task, generation);
}

bool task_has_closing(const struct task *task)
{
    return task->generations[1 - task->open].number != 0;
}

uint64_t task_closing_from(const struct task *task)
{
    return task->generations[1 - task->open].head.position;
}

void task_committed(struct task *task)
{
    struct task_generation *closing = &task->generations[1 - task->open];
    closing->number = 0;
    undo_clear(&closing->undo);
    SHARED_RELEASE(task->settled, task->generations[task->open].head.position);
}

/* Readers may look at clock and counts while they are put back. */
static void restore_head(struct task_head *head, const struct task_head *from)
{
    static_assert(sizeof *head % 8 == 0, "a head is whole words");
    for (size_t i = 0; i < sizeof *head / 8; i++)
        SHARED_STORE(((uint64_t *)head)[i], ((const uint64_t *)from)[i]);
}

static enum status put_back(struct task *task, const struct undo_entry *entry)
{
    struct profile_slot *slot = NULL;

    if (entry->kind == UNDO_DEDUP) {
        dedup_put_back(task->dedup, entry->bytes);
        return STATUS_OK;
    }
    enum status status = profile_table_find(&task->table, entry->key, &slot);
    if (status != STATUS_OK)
        return status;
    ASSERT(slot != NULL);
    if (entry->kind == UNDO_ABSENT) {
        profile_table_remove(&task->table, slot);
        return STATUS_OK;
    }
    if (!profile_unpack(entry->bytes.data, entry->bytes.size, task->rules.layout, task->profile))
        UNREACHABLE("a before-image is packed");
    memcpy(task->table.scratch->words, entry->bytes.data, entry->bytes.size);
    if (slot->list == PROFILE_LIST_NONE)
        status = profile_table_mark(&task->table, slot);
    if (status == STATUS_OK)
        status = profile_table_store(&task->table, entry->key, entry->bytes.size, task->profile->timer_at_ms, &slot);
    /* Its entry may have been taken; one too many is stale and harmless. */
    if (status == STATUS_OK && task->profile->timer_at_ms != 0)
        status = timer_add(&task->timers, task->profile->timer_at_ms, entry->key);
    return status;
}

static enum status undo_generation(struct task *task, struct task_generation *generation)
{
    struct undo_entry entry;
    enum status status = STATUS_OK;

    dedup_take_back(task->dedup, &generation->head.dedup);
    while (status == STATUS_OK && undo_pop(&generation->undo, &entry))
        status = put_back(task, &entry);
    restore_head(&task->head, &generation->head);
    generation->number = 0;
    undo_clear(&generation->undo);
    return status;
}

enum status task_take_back(struct task *task, bool is_closing, uint64_t generation)
{
    enum status status = undo_generation(task, &task->generations[task->open]);

    if (status == STATUS_OK && is_closing)
        status = undo_generation(task, &task->generations[1 - task->open]);
    else if (task_has_closing(task))
        task_committed(task);
    task_begin(task, generation);
    task_publish(task);
    return status;
}

uint64_t task_hash(struct task *task)
{
    uint64_t profiles = 0;
    struct { uint64_t position; int64_t clock_ms; } place = {task->head.position, task->head.clock_ms};

    if (profile_table_hash(&task->table, &profiles) != STATUS_OK)
        return 0;
    /* Timers stand in the profiles (timer_at_ms): the heap is an order of them. */
    return profiles + dedup_hash(task->dedup) + hash_checksum(&place, sizeof place);
}

/* ---- any thread ---- */

uint64_t task_applied(const struct task *task)
{
    return SHARED_ACQUIRE(task->applied);
}

bool task_is_level(const struct task *task, uint64_t end)
{
    return task_applied(task) >= end || SHARED_ACQUIRE(task->level) >= end;
}

bool task_is_settled(const struct task *task, uint64_t end)
{
    uint64_t settled = SHARED_ACQUIRE(task->settled);
    if (!SHARED_ACQUIRE(task->is_loaded))
        return false;
    return settled >= end || (task_is_level(task, end) && settled >= task_applied(task));
}

int64_t task_clock_ms(const struct task *task)
{
    return SHARED_LOAD(task->head.clock_ms);
}

void task_counts(const struct task *task, struct task_counts *counts)
{
    for (size_t i = 0; i < sizeof *counts / 8; i++)
        ((uint64_t *)counts)[i] = SHARED_LOAD(((const uint64_t *)&task->head.counts)[i]);
}

bool task_profile(struct task *task, struct hash128 user, struct profile *profile)
{
    return profile_table_read(&task->table, user, profile);
}

bool task_is_duplicate(const struct task *task, struct hash128 event)
{
    return dedup_find(task->dedup, event, task_clock_ms(task));
}

void task_prefetch_duplicate(const struct task *task, struct hash128 event)
{
    dedup_prefetch(task->dedup, event);
}
