/* Goal: whatever becomes of transactions, checkpoints, evictions and the process, the tasks end
 * as if each record had been applied once: same profiles, same state hash, and each learning
 * record in `learn` exactly once, in order.
 * Method: a random history (events, resends, late and early ones, ticks, damaged records) is
 * applied by the engine's tasks on an in-memory log that commits, aborts and will not say, with
 * checkpoints at random cuts, a slab too small for all, and losses of the whole memory from
 * which only the changelogs survive.  A plain model applies the same history in one pass: no
 * undo, no packing, no index; linear search for timers.  Seeds are printed; the first argument
 * of the program, if any, is the first seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/checkpoint.h"
#include "engine/generations.h"
#include "eventlog/memory_log.h"

enum {
    PARTITIONS = 3, USERS = 9000, EVENTS = 60000, IDS = 200000, CONTENTS = 400, SEEDS = 3, LOSSES = 3,
    RECORDS_MAX = EVENTS * 2, MIB = 1024 * 1024, STEPS_MAX = 4000000,
};

static const int64_t minute_ms = 60000, start_ms = 1764000000000;

struct input {
    int64_t received_at_ms;
    struct slice bytes;
    struct event event;
    uint32_t id;   /* number of its event_id; 0: none */
    bool is_tick, is_bad;
    uint32_t user;
};

struct history {
    struct input *inputs[PARTITIONS];
    uint64_t counts[PARTITIONS];
};

static uint64_t first_seed = 1;
static struct engine_config config;
static struct hash_key hash_key;
static struct history history;
static char data_dir[64];

/* ---- the history ---- */

static struct slice text(char *buffer, size_t size, const char *prefix, unsigned number)
{
    int written = snprintf(buffer, size, "%s-%u", prefix, number);
    return slice_make(buffer, (size_t)written);
}

static int64_t time_of(struct rng *rng, int64_t now_ms)
{
    switch (rng_below(rng, 10)) {
    case 0: return EVENT_TIME_ABSENT;
    case 1: return now_ms - (int64_t)rng_below(rng, 200) * minute_ms;
    case 2: return now_ms + (int64_t)rng_below(rng, 10) * minute_ms;
    default: return now_ms - (int64_t)rng_below(rng, 5000);
    }
}

static void make_event(struct rng *rng, struct input *input, char names[4][32])
{
    static const uint8_t types[] = {EVENT_VIEW, EVENT_VIEW, EVENT_VIEW, EVENT_CLICK, EVENT_LIKE, EVENT_DISLIKE, EVENT_IMPRESSION,
                                    EVENT_SESSION_START, EVENT_SESSION_END, EVENT_IDENTIFY, EVENT_PURCHASE};
    struct event *event = &input->event;

    *event = (struct event){.dwell_ms = -1, .value = NAN, .position = -1, .hour_of_day = 255, .day_of_week = 255};
    input->user = (uint32_t)(rng_below(rng, 2) == 0 ? rng_below(rng, 40) : rng_below(rng, USERS));
    struct slice user = text(names[0], sizeof names[0], "user", input->user);
    if (input->user % 7 == 0)
        event->anonymous_id = user;
    else
        event->user_id = user;
    event->type = types[rng_below(rng, sizeof types)];
    if (config.types.rows[event->type].has_content)
        event->content_id = text(names[1], sizeof names[1], "content", (unsigned)rng_below(rng, CONTENTS));
    input->id = rng_below(rng, 10) == 0 ? 0 : 1 + (uint32_t)rng_below(rng, IDS);
    if (input->id != 0)
        event->event_id = text(names[2], sizeof names[2], "id", input->id);
    event->timestamp_ms = time_of(rng, input->received_at_ms);
    if (rng_below(rng, 3) == 0) {
        event->categories[0] = text(names[3], sizeof names[3], "category", (unsigned)rng_below(rng, 12));
        event->category_count = 1;
    }
    if (rng_below(rng, 4) == 0)
        event->dwell_ms = (int64_t)rng_below(rng, 400000);
}

static void encode(struct input *input)
{
    char *bytes = malloc(event_encoded_max(&input->event));
    assert_non_null(bytes);
    input->bytes = slice_make(bytes, event_encode(&input->event, &config.types, bytes));
    assert_int_equal(event_decode(input->bytes, &config.types, &input->event), STATUS_OK);
}

static void set_bytes(struct input *input, const char *bytes, size_t size)
{
    char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    input->bytes = slice_make(copy, size);
}

static void make_history(uint64_t seed)
{
    struct rng rng;
    int64_t now_ms = start_ms;
    static char names[4][32];

    rng_init(&rng, seed, 1);
    for (int p = 0; p < PARTITIONS; p++) {
        history.inputs[p] = calloc(RECORDS_MAX, sizeof *history.inputs[p]);
        history.counts[p] = 0;
        assert_non_null(history.inputs[p]);
    }
    for (uint32_t n = 0; n < EVENTS; n++) {
        struct input input = {.received_at_ms = now_ms};
        uint32_t partition = (uint32_t)rng_below(&rng, PARTITIONS);
        uint64_t kind = rng_below(&rng, 100);
        input.is_tick = kind == 0;
        input.is_bad = kind == 1;
        if (input.is_tick) {
            set_bytes(&input, "\x01", 1);
        } else if (input.is_bad) {
            set_bytes(&input, "\0\0\0\0\1 no event", 14);
        } else {
            make_event(&rng, &input, names);
            partition = hash_partition(event_owner(&input.event).data, event_owner(&input.event).size, PARTITIONS);
            encode(&input);
        }
        history.inputs[partition][history.counts[partition]++] = input;
        /* Mostly in bursts, now and then a night. */
        if (rng_below(&rng, 4) == 0)
            now_ms += (int64_t)rng_below(&rng, 4000);
        if (rng_below(&rng, 3000) == 0)
            now_ms += 8 * 60 * minute_ms;
    }
}

static void free_history(void)
{
    for (int p = 0; p < PARTITIONS; p++) {
        for (uint64_t i = 0; i < history.counts[p]; i++)
            free((void *)(uintptr_t)history.inputs[p][i].bytes.data);
        free(history.inputs[p]);
    }
}

/* ---- the model ---- */

struct model {
    struct profile *profiles[USERS]; /* NULL: nobody yet */
    uint64_t last_place[IDS + 1];    /* of an id in the ring, +1; 0: never */
    struct hash128 *ids;
    int64_t *id_times, *chunk_times; /* when it came; newest of its chunk */
    uint64_t first, end, capacity;
    uint64_t position;
    int64_t clock_ms;
    struct slice *learned;
    uint64_t learned_count, duplicates;
};

static struct profile_rules rules(void)
{
    return (struct profile_rules){&config.types, &config.layout, &hash_key, (int64_t)config.options.session_gap};
}

static void learn(struct model *model, struct learning *record, uint32_t partition, uint64_t offset, uint32_t *index)
{
    record->source_partition = (uint16_t)partition;
    record->source_offset = offset;
    record->source_index = (*index)++;
    record->received_at_ms = model->clock_ms;
    record->published_at_ms = record->expires_at_ms = EVENT_TIME_ABSENT;
    char *bytes = malloc(learning_encoded_max(record));
    assert_non_null(bytes);
    assert_true(model->learned_count < RECORDS_MAX * 2);
    model->learned[model->learned_count++] = slice_make(bytes, learning_encode(record, &config.types, bytes));
}

static void learn_end(struct model *model, struct hash128 key, const struct profile_session *ended, uint32_t partition, uint64_t offset,
                      uint32_t *index)
{
    struct learning record = {
        .kind = LEARNING_SESSION_END, .type = EVENT_SESSION_END, .user = key.low != 0 ? key.low : key.high, .session = ended->id,
        .timestamp_ms = ended->last_ms, .dwell_ms = ended->last_ms - ended->start_ms, .value = profile_engagement(ended),
        .step = ended->event_count,
    };
    learn(model, &record, partition, offset, index);
}

static void arm(struct profile *profile, const struct profile_rules *r)
{
    int64_t deadline_ms = profile_deadline(profile, r);
    if (deadline_ms != 0 && (profile->timer_at_ms == 0 || profile->timer_at_ms > deadline_ms))
        profile->timer_at_ms = deadline_ms;
}

static bool is_earlier(const struct profile *a, const struct profile *b)
{
    if (a->timer_at_ms != b->timer_at_ms)
        return a->timer_at_ms < b->timer_at_ms;
    return a->key.high != b->key.high ? a->key.high < b->key.high : a->key.low < b->key.low;
}

static void fire(struct model *model, uint32_t partition, uint64_t offset, uint32_t *index, uint32_t fire_max)
{
    struct profile_rules r = rules();
    struct profile_session ended;

    for (uint32_t fired = 0; fired < fire_max; fired++) {
        struct profile *due = NULL;
        for (uint32_t u = 0; u < USERS; u++) {
            struct profile *profile = model->profiles[u];
            if (profile != NULL && profile->timer_at_ms != 0 && profile->timer_at_ms <= model->clock_ms && (due == NULL || is_earlier(profile, due)))
                due = profile;
        }
        if (due == NULL)
            return;
        due->timer_at_ms = 0;
        if (profile_expire(due, &r, model->clock_ms, &ended))
            learn_end(model, due->key, &ended, partition, offset, index);
        arm(due, &r);
    }
}

static bool take_id(struct model *model, uint32_t id)
{
    int64_t window_ms = (int64_t)config.options.dedup_window;
    uint64_t place = model->last_place[id];

    if (place != 0 && place - 1 >= model->first && model->chunk_times[(place - 1) / DEDUP_CHUNK] + window_ms >= model->clock_ms)
        return false;
    for (int i = 0; i < 2 && model->end % DEDUP_CHUNK == 0 && model->end > model->first; i++)
        if (model->end - model->first == model->capacity || model->chunk_times[model->first / DEDUP_CHUNK] + window_ms < model->clock_ms)
            model->first += DEDUP_CHUNK;
    char name[32];
    struct slice event_id = text(name, sizeof name, "id", id);
    model->ids[model->end] = hash_128(&hash_key, event_id.data, event_id.size);
    model->id_times[model->end] = model->clock_ms;
    model->chunk_times[model->end / DEDUP_CHUNK] = model->clock_ms;
    model->last_place[id] = ++model->end;
    return true;
}

static void learn_event(struct model *model, const struct event *event, struct learning *marks, const struct profile *profile,
                        const struct profile_session_change *change, uint32_t partition, uint64_t offset, uint32_t *index)
{
    marks->kind = LEARNING_EVENT;
    marks->type = event->type;
    marks->device = event->device;
    marks->user = profile->key.low != 0 ? profile->key.low : profile->key.high;
    bool is_inside = !change->is_outside && profile->session.id != 0;
    marks->session = is_inside ? profile->session.id : 0;
    marks->step = is_inside ? profile->session.event_count - 1 : 0;
    marks->is_step = !change->is_outside && (marks->is_step || (change->has_opened && config.types.rows[event->type].is_neighbour));
    marks->content_id = event->content_id;
    marks->country = event->country;
    marks->category_count = event->category_count;
    memcpy(marks->categories, event->categories, sizeof marks->categories);
    marks->dwell_ms = event->dwell_ms;
    marks->value = event->value;
    learn(model, marks, partition, offset, index);
}

static void apply_event(struct model *model, const struct input *input, uint32_t partition, uint64_t offset, uint32_t *index)
{
    const struct event *event = &input->event;
    const struct event_type *row = &config.types.rows[event->type];
    struct profile_rules r = rules();
    struct profile_session_change change;
    struct learning marks = {.timestamp_ms = event->timestamp_ms};

    if (input->id != 0 && !take_id(model, input->id)) {
        model->duplicates++;
        return;
    }
    struct profile *profile = model->profiles[input->user];
    if (profile == NULL) {
        struct slice owner = event_owner(event);
        profile = model->profiles[input->user] = calloc(1, profile_bytes(&config.layout));
        assert_non_null(profile);
        profile_init(profile, &config.layout, hash_user(&hash_key, event->user_id.size > 0 ? 'u' : 'a', owner.data, owner.size));
    }
    if (marks.timestamp_ms == EVENT_TIME_ABSENT || marks.timestamp_ms > model->clock_ms + 5 * minute_ms)
        marks.timestamp_ms = model->clock_ms;
    marks.is_late = model->clock_ms - marks.timestamp_ms > (int64_t)config.options.lateness;
    if (row->has_content) {
        uint64_t content = hash_64(&hash_key, event->content_id.data, event->content_id.size);
        marks.is_step = row->is_neighbour && profile_is_step(profile, content);
        marks.is_trend = row->is_trend && profile_take_trend(profile, content, model->clock_ms);
    }
    profile_apply(profile, &r, event, marks.timestamp_ms, model->clock_ms, offset, &change);
    arm(profile, &r);
    if (change.has_ended)
        learn_end(model, profile->key, &change.ended, partition, offset, index);
    learn_event(model, event, &marks, profile, &change, partition, offset, index);
}

static struct model *run_model(uint32_t partition, uint64_t capacity)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->ids = calloc(RECORDS_MAX, sizeof *model->ids);
    model->id_times = calloc(RECORDS_MAX, sizeof *model->id_times);
    model->chunk_times = calloc(RECORDS_MAX / DEDUP_CHUNK + 2, sizeof *model->chunk_times);
    model->learned = calloc(RECORDS_MAX * 2, sizeof *model->learned);
    model->capacity = capacity;
    for (uint64_t offset = 0; offset < history.counts[partition]; offset++) {
        const struct input *input = &history.inputs[partition][offset];
        uint32_t index = 0;
        if (input->received_at_ms > model->clock_ms)
            model->clock_ms = input->received_at_ms;
        fire(model, partition, offset, &index, input->is_tick ? TASK_TICK_FIRES : TASK_FIRES);
        if (!input->is_tick && !input->is_bad)
            apply_event(model, input, partition, offset, &index);
        model->position = offset + 1;
    }
    return model;
}

static void free_model(struct model *model)
{
    for (uint32_t u = 0; u < USERS; u++)
        free(model->profiles[u]);
    for (uint64_t i = 0; i < model->learned_count; i++)
        free((void *)(uintptr_t)model->learned[i].data);
    free(model->learned);
    free(model->ids);
    free(model->id_times);
    free(model->chunk_times);
    free(model);
}

/* As task.h defines it, from plain data. */
static uint64_t model_hash(const struct model *model)
{
    uint64_t sum = hash_checksum(&model->end, sizeof model->end);
    struct { uint64_t position; int64_t clock_ms; } place = {model->position, model->clock_ms};
    uint32_t packed_max = profile_packed_max(&config.layout);
    struct profile_image *image = calloc(1, sizeof *image + packed_max);

    assert_non_null(image);
    sum += hash_checksum(&place, sizeof place);
    for (uint32_t u = 0; u < USERS; u++) {
        if (model->profiles[u] == NULL)
            continue;
        image->key = model->profiles[u]->key;
        image->size = profile_pack(model->profiles[u], &config.layout, image->words);
        sum += hash_checksum(image, sizeof *image + image->size);
    }
    for (uint64_t p = model->first; p < model->end; p++) {
        struct { uint64_t position; struct hash128 hash; } entry = {p, model->ids[p]};
        sum += hash_checksum(&entry, sizeof entry);
    }
    for (uint64_t p = model->first; p < model->end; p += DEDUP_CHUNK) {
        int64_t times[2] = {model->id_times[p], model->chunk_times[p / DEDUP_CHUNK]};
        sum += hash_checksum(times, sizeof times);
    }
    free(image);
    return sum;
}

/* ---- the engine ---- */

/* Between the worker and the in-memory log: a generation is begun there when something comes
 * of it, and numbers go on over losses of memory. */
struct bridge {
    struct transaction_port inner;
    uint64_t base, last, begun; /* inner numbers */
};

static void begin_inner(struct bridge *bridge)
{
    if (bridge->begun == bridge->last)
        return;
    bridge->begun = bridge->last;
    assert_int_equal(bridge->inner.begin(bridge->inner.context, bridge->begun), STATUS_OK);
}

static enum status bridge_begin(void *context, uint64_t generation)
{
    struct bridge *bridge = context;
    bridge->last = bridge->base + generation;
    return STATUS_OK;
}

static enum status bridge_emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice record)
{
    struct bridge *bridge = context;
    begin_inner(bridge);
    return bridge->inner.emit(bridge->inner.context, partition, offset, index, record);
}

static enum status bridge_commit(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count)
{
    struct bridge *bridge = context;
    begin_inner(bridge);
    return bridge->inner.commit(bridge->inner.context, bridge->base + generation, positions, count);
}

static enum transaction_outcome bridge_outcome(void *context, uint64_t generation)
{
    struct bridge *bridge = context;
    return bridge->inner.outcome(bridge->inner.context, bridge->base + generation);
}

static enum status bridge_committed(void *context, uint32_t partition, uint64_t *next)
{
    struct bridge *bridge = context;
    return bridge->inner.committed(bridge->inner.context, partition, next);
}

struct run {
    struct rng rng;
    struct bridge bridge;
    struct transaction_port port;
    struct slab *slab;
    struct task *tasks[PARTITIONS];
    struct profile_table *tables[PARTITIONS];
    struct generations generations;
    uint64_t checkpoint_generation; /* closing when the checkpoint was cut; 0: committed */
    bool has_checkpoint;
    uint64_t evictions, losses, checkpoints, abandoned, taken_back;
};

static void open_tasks(struct run *run)
{
    struct problem problem;

    assert_int_equal(slab_create(&run->slab, config.options.profiles_bytes, profile_table_evict, profile_table_is_taken, run->tables), STATUS_OK);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(task_open(&run->tasks[p], p, &config, &hash_key, data_dir, run->slab, &problem), STATUS_OK);
        assert_int_equal(task_load(run->tasks[p]), STATUS_OK);
        run->tables[p] = &run->tasks[p]->table;
    }
    run->bridge.base = run->bridge.last;
    assert_int_equal(generations_init(&run->generations, run->tasks, PARTITIONS, &run->port), STATUS_OK);
    run->has_checkpoint = false;
}

static void close_tasks(struct run *run)
{
    run->evictions += slab_evictions(run->slab);
    run->taken_back += run->generations.taken_back;
    generations_fini(&run->generations);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        task_close(run->tasks[p]);
    slab_destroy(run->slab);
}

static void poll(struct run *run)
{
    enum generations_event event;
    uint64_t closing = run->generations.closing;

    assert_int_equal(generations_poll(&run->generations, &event), STATUS_OK);
    if (event == GENERATIONS_NOTHING || !run->has_checkpoint || run->checkpoint_generation != closing)
        return;
    run->checkpoint_generation = 0;
    if (event == GENERATIONS_COMMITTED)
        return;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (run->tasks[p]->checkpoint.is_open)
            assert_int_equal(checkpoint_abandon(run->tasks[p]), STATUS_OK);
    run->has_checkpoint = false;
    run->abandoned++;
}

static void apply(struct run *run)
{
    struct task *task = run->tasks[rng_below(&run->rng, PARTITIONS)];
    const struct input *inputs = history.inputs[task->partition];
    uint64_t at = task->head.position, end = history.counts[task->partition], limit = 1 + rng_below(&run->rng, TASK_BATCH);
    struct slice records[TASK_BATCH];
    uint32_t count = 0;

    while (count < limit && at + count < end && inputs[at + count].received_at_ms == inputs[at].received_at_ms) {
        records[count] = inputs[at + count].bytes;
        count++;
    }
    if (count > 0)
        assert_int_equal(task_apply(task, inputs[at].received_at_ms, at, records, count), STATUS_OK);
    task_publish(task);
}

static void cut(struct run *run)
{
    if (run->generations.closing == 0)
        assert_int_equal(generations_cut(&run->generations), STATUS_OK);
    else
        return;
    if (run->has_checkpoint || rng_below(&run->rng, 4) != 0)
        return;
    run->has_checkpoint = true;
    run->checkpoint_generation = run->generations.closing;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(checkpoint_begin(run->tasks[p]), STATUS_OK);
}

static void write_checkpoint(struct run *run)
{
    bool is_all = true;

    if (!run->has_checkpoint)
        return;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint32_t records = 1 + (uint32_t)rng_below(&run->rng, 60);
        bool is_done;
        assert_int_equal(checkpoint_slice(run->tasks[p], &records, &is_done), STATUS_OK);
        is_all &= is_done;
    }
    if (!is_all || run->checkpoint_generation != 0)
        return;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(checkpoint_commit(run->tasks[p], 0, 0), STATUS_OK);
    run->has_checkpoint = false;
    run->checkpoints++;
}

/* The log finishes what it was asked for; nobody hears of it. */
static void lose_memory(struct run *run)
{
    while (run->generations.closing != 0)
        poll(run);
    assert_int_equal(generations_cut(&run->generations), STATUS_OK);
    while (run->port.outcome(run->port.context, run->generations.closing) == TRANSACTION_PENDING)
        ;
    close_tasks(run);
    open_tasks(run);
    run->losses++;
}

static bool is_finished(struct run *run, struct memory_log *log)
{
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (run->tasks[p]->head.position < history.counts[p] || memory_log_position(log, p) < history.counts[p])
            return false;
    return run->generations.closing == 0;
}

static void drive(struct run *run, struct memory_log *log)
{
    uint32_t steps = 0;

    for (; !is_finished(run, log) && steps < STEPS_MAX; steps++) {
        uint64_t what = rng_below(&run->rng, 1000);
        if (what < 800)
            apply(run);
        else if (what < 850)
            cut(run);
        else if (what < 930)
            poll(run);
        else if (what < 999 || run->losses >= LOSSES)
            write_checkpoint(run);
        else if (rng_below(&run->rng, 2) == 0)
            lose_memory(run);
    }
    assert_true(steps < STEPS_MAX);
}

/* ---- comparing ---- */

static void compare_learned(const struct memory_log *log, uint32_t partition, const struct model *model)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < memory_log_count(log); i++) {
        const struct memory_log_record *record = memory_log_get(log, i);
        if (record->partition != partition)
            continue;
        assert_true(n < model->learned_count);
        assert_true(slice_equal(record->record, model->learned[n]));
        n++;
    }
    assert_int_equal(n, model->learned_count);
}

static void compare(struct run *run, const struct memory_log *log)
{
    struct profile *profile = calloc(1, profile_bytes(&config.layout));
    assert_non_null(profile);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct dedup_mark mark;
        struct task_counts counts;
        uint64_t capacity = config.options.dedup_bytes / PARTITIONS;
        struct dedup *probe;
        /* The ring's size in ids: filled once, it drops. */
        assert_int_equal(dedup_create(&probe, capacity, 1), STATUS_OK);
        for (uint64_t n = 0;; n++) {
            dedup_mark(probe, &mark);
            if (dedup_must_drop(probe, 0))
                break;
            dedup_add(probe, (struct hash128){n, hash_mix(n)}, 0);
        }
        dedup_destroy(probe);
        struct model *model = run_model(p, mark.end);
        task_counts(run->tasks[p], &counts);
        assert_int_equal(counts.duplicates, model->duplicates);
        assert_int_equal(counts.learning, model->learned_count);
        for (uint32_t u = 0; u < USERS; u++) {
            if (model->profiles[u] == NULL)
                continue;
            assert_true(task_profile(run->tasks[p], model->profiles[u]->key, profile));
            assert_memory_equal(profile, model->profiles[u], profile_bytes(&config.layout));
        }
        compare_learned(log, p, model);
        assert_int_equal(task_hash(run->tasks[p]), model_hash(model));
        free_model(model);
    }
    free(profile);
}

static void run_seed(uint64_t seed)
{
    struct memory_log_odds odds = {.aborted = 0.15, .unknown = 0.15, .unknown_committed = 0.5, .pending_max = 4};
    struct run run = {0};
    struct memory_log *log;
    char command[128];

    snprintf(data_dir, sizeof data_dir, "/tmp/penchant-random-XXXXXX");
    assert_non_null(mkdtemp(data_dir));
    make_history(seed);
    rng_init(&run.rng, seed, 2);
    assert_int_equal(memory_log_create(&log, seed, PARTITIONS, &odds), STATUS_OK);
    run.bridge.inner = memory_log_port(log);
    run.port = (struct transaction_port){&run.bridge, bridge_begin, bridge_emit, bridge_commit, bridge_outcome, bridge_committed};
    open_tasks(&run);
    drive(&run, log);
    compare(&run, log);
    close_tasks(&run);
    struct memory_log_counters counters = memory_log_counters(log);
    print_message("seed %lu: %lu committed, %lu aborted, %lu unknown, %lu taken back; %lu losses, %lu checkpoints, %lu abandoned, %lu evictions, %lu dropped\n",
                  (unsigned long)seed, (unsigned long)counters.committed, (unsigned long)counters.aborted, (unsigned long)counters.unknown,
                  (unsigned long)run.taken_back, (unsigned long)run.losses, (unsigned long)run.checkpoints, (unsigned long)run.abandoned,
                  (unsigned long)run.evictions, (unsigned long)counters.dropped);
    /* The run met what it is about. */
    assert_true(counters.aborted > 10 && counters.unknown > 10 && run.checkpoints > 5 && run.abandoned > 0 && run.losses > 0 &&
                run.evictions > 0);
    memory_log_destroy(log);
    free_history();
    snprintf(command, sizeof command, "rm -rf %s", data_dir);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    static const unsigned char key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem;

    (void)state;
    hash_key_init(&hash_key, key);
    event_types_init(&config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    config.options.partitions = PARTITIONS;
    config.options.workers = 1;
    config.options.session_gap = 30 * 60 * 1000;
    config.options.lateness = 2 * 60 * 1000;
    config.options.dedup_window = 20 * 60 * 1000;
    config.options.dedup_bytes = PARTITIONS * 300 * 1024;
    config.options.checkpoint_interval = 1000;
    config.options.changelog_segment_bytes = 256 * 1024;
    config.options.profiles_bytes = 2 * MIB;
    return layout_compile(&config.layout, declarations, count, &config.types, &problem) != STATUS_OK;
}

static void test_histories(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + SEEDS; seed++)
        run_seed(seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_histories)};
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, set_up, NULL);
}
