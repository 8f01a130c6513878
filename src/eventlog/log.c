/* Appending and what is around it.  The appender owns the frame under construction and the
 * open segment; it publishes in this order: the bytes (segment->written), the place of each
 * record, the end offsets, the sequence, the bell.  So who has seen an end offset finds the
 * record behind it.
 *
 * A sync runs beside appends: it takes the sequence written so far, syncs every file that
 * may hold a part of it, then publishes that sequence as synced.  Footers are written behind
 * the appender's back (log_seal), because they need two syncs of up to a segment. */
#include "eventlog/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/shared.h"
#include "eventlog/log_state.h"
#include "io/file.h"

enum {
    BUDGET_SEGMENTS = 4,        /* a topic's budget holds at least as many segments, else nothing could be trimmed */
    WRITEBACK_BYTES = 1 << 20,  /* less is not worth a call */
    SEAL_AT_CLOSE_BYTES = 4 << 20, /* below, scanning the file at the next start is as quick as a footer */
};

struct log_options log_options_default(void)
{
    return (struct log_options){
#define OPTION(kind, field, name, def, min, max, text) .field = def,
#include "eventlog/log_options.def"
#undef OPTION
    };
}

/* ---- syncing ---- */

enum { DIRTY, TO_SEAL };

static bool is_dirty(const struct segment *segment)
{
    return !segment->is_named || segment->synced < SHARED_ACQUIRE(segment->written);
}

/* The oldest segment without a footer that is dirty or to be sealed, not before ordinal `from`,
 * referenced; NULL: none.  Under `syncing`. */
static struct segment *acquire_unsealed(struct log *log, int wanted, uint64_t from)
{
    struct segment *found = NULL;

    pthread_mutex_lock(&log->segments_lock);
    for (uint32_t i = 0; i < log->segment_count && found == NULL; i++) {
        struct segment *segment = log->segments[i];
        if (segment->is_sealed || segment->ordinal < from)
            continue;
        if (wanted == DIRTY ? is_dirty(segment) : SHARED_ACQUIRE(segment->is_closed) != 0) {
            segment->refs++;
            found = segment;
        }
    }
    pthread_mutex_unlock(&log->segments_lock);
    return found;
}

void log_release_segment(struct log *log, struct segment *segment)
{
    pthread_mutex_lock(&log->segments_lock);
    ASSERT(segment->refs > 0);
    bool is_last = --segment->refs == 0;
    pthread_mutex_unlock(&log->segments_lock);
    if (is_last)
        segment_destroy(segment);
}

/* Under `syncing`. */
static enum status sync_segment(struct log *log, struct segment *segment, struct problem *problem)
{
    uint64_t written = SHARED_ACQUIRE(segment->written);
    enum status status = segment_sync(segment->fd, segment->path, problem);

    if (status == STATUS_OK && !segment->is_named)
        status = file_sync_directory(log->dir, problem);
    if (status == STATUS_OK) {
        segment->is_named = true;
        segment->synced = written;
        SHARED_ADD(log->syncs, 1);
    }
    return status;
}

/* Syncs what is written by now, file by file; under `syncing`. */
static enum status sync_dirty(struct log *log, struct problem *problem)
{
    struct segment *segment;
    uint64_t target = log_sequence_written(log);
    uint64_t from = 0;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && (segment = acquire_unsealed(log, DIRTY, from)) != NULL) {
        from = segment->ordinal + 1;
        status = sync_segment(log, segment, problem);
        log_release_segment(log, segment);
    }
    if (status == STATUS_OK && target > log->sequence_synced)
        SHARED_RELEASE(log->sequence_synced, target);
    return status;
}

enum status log_sync(struct log *log)
{
    struct problem problem;
    uint64_t target = log_sequence_written(log);

    if (log_sequence_synced(log) >= target)
        return log_failure(log);
    pthread_mutex_lock(&log->syncing);
    enum status status = log_failure(log);
    if (status == STATUS_OK && log->sequence_synced < target) {
        status = sync_dirty(log, &problem);
        if (status != STATUS_OK)
            log_fail(log, &problem);
    }
    pthread_mutex_unlock(&log->syncing);
    return status;
}

/* ---- opening and closing ---- */

static void destroy(struct log *log)
{
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_destroy(log->segments[i]);
    for (uint32_t p = 0; log->places && p < log->shape.partition_count; p++)
        place_table_fini(&log->places[p]);
    frame_builder_fini(&log->builder);
    pthread_mutex_destroy(&log->syncing);
    pthread_mutex_destroy(&log->segments_lock);
    pthread_mutex_destroy(&log->lookup_lock);
    free(log->places);
    free(log->segments);
    free(log->dir);
    free(log->next);
    free(log->highs);
    free(log->ends);
    free(log->begins);
    free(log->high_offsets);
    free(log);
}

static struct log *allocate(const char *dir, const char *topic, struct segment_shape shape,
                            const struct log_options *options)
{
    struct log *log = calloc(1, sizeof *log);

    if (log == NULL)
        return NULL;
    log->shape = shape;
    log->options = *options;
    uint64_t budgeted = options->bytes / BUDGET_SEGMENTS;
    log->segment_bytes = options->segment_bytes < budgeted ? options->segment_bytes : budgeted;
    snprintf(log->topic, sizeof log->topic, "%s", topic);
    bell_init(&log->bell);
    log->rung = &log->bell;
    pthread_mutex_init(&log->syncing, NULL);
    pthread_mutex_init(&log->segments_lock, NULL);
    pthread_mutex_init(&log->lookup_lock, NULL);
    log->dir = strdup(dir);
    log->next = calloc(shape.partition_count, sizeof *log->next);
    log->ends = calloc(shape.partition_count, sizeof *log->ends);
    log->begins = calloc(shape.partition_count, sizeof *log->begins);
    log->highs = calloc(shape.source_count + 1, sizeof *log->highs);
    log->high_offsets = calloc(shape.source_count + 1, sizeof *log->high_offsets);
    enum status status = frame_builder_init(&log->builder, shape.partition_count, options->frame_bytes);
    if (status != STATUS_OK || !log->dir || !log->next || !log->ends || !log->begins || !log->highs ||
        !log->high_offsets) {
        destroy(log);
        return NULL;
    }
    for (uint32_t s = 0; s < shape.source_count; s++)
        log->highs[s].offset = UINT64_MAX;
    return log;
}

enum status log_add_segment(struct log *log, struct segment *segment)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&log->segments_lock);
    if (log->segment_count == log->segment_capacity) {
        uint32_t capacity = log->segment_capacity ? 2 * log->segment_capacity : 16;
        struct segment **segments = realloc(log->segments, capacity * sizeof *segments);
        if (segments == NULL)
            status = STATUS_MEMORY;
        else {
            log->segments = segments;
            log->segment_capacity = capacity;
        }
    }
    if (status == STATUS_OK) {
        segment->ordinal = log->next_ordinal++;
        log->segments[log->segment_count] = segment;
        SHARED_ADD(log->segment_count, 1);
        __atomic_fetch_add(&log->bytes, segment->bytes, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&log->segments_lock);
    return status;
}

/* Makes the segment that the next frame goes to. */
static enum status add_open_segment(struct log *log, struct problem *problem)
{
    struct segment *segment;
    /* Not log->highs: these count the frame under construction already, and if it is never
     * written its records must not look as if they were here. */
    const struct frame_source *highs = log->open ? log->open->highs : log->highs;
    const uint64_t *floors = log->open ? log->open->tops : log->ends;
    enum status status = segment_create(&segment, log->dir, log->shape, log->sequence_written + 1,
                                        log_sequence_synced(log), log->received_at_ms, log->ends, floors, highs,
                                        problem);

    if (status != STATUS_OK)
        return status;
    status = log_add_segment(log, segment);
    if (status != STATUS_OK) {
        segment_destroy(segment);
        return problem_set(problem, status, "no memory for another segment of %s", log->dir);
    }
    log->open = segment;
    return STATUS_OK;
}

/* What the newest segment says becomes the log's state. */
static void take_state(struct log *log)
{
    struct segment *last = log->segments[log->segment_count - 1];

    log->open = last;
    memcpy(log->next, last->ends, log->shape.partition_count * sizeof *log->next);
    memcpy(log->ends, last->ends, log->shape.partition_count * sizeof *log->ends);
    memcpy(log->begins, log->segments[0]->floors, log->shape.partition_count * sizeof *log->begins);
    memcpy(log->highs, last->highs, log->shape.source_count * sizeof *log->highs);
    log->received_at_ms = last->last_received_at_ms;
    log->sequence_written = last->last_sequence;
    log->sequence_synced = last->shown_synced;
}

static enum status open_directory(struct log *log, uint64_t synced_shown, struct problem *problem)
{
    enum status status = file_make_directory(log->dir, problem);

    if (status == STATUS_OK)
        status = log_recovery_run(log, synced_shown, problem);
    if (status != STATUS_OK)
        return status;
    if (log->segment_count > 0)
        take_state(log);
    if (log->open == NULL || log->open->is_closed)
        status = add_open_segment(log, problem);
    if (status != STATUS_OK)
        return status;
    for (uint32_t s = 0; s < log->shape.source_count; s++)
        log->high_offsets[s] = log->highs[s].offset;
    /* What a dead process wrote may be in the page cache only; a duplicate of it is acknowledged
     * at once, so it must be durable before anything else happens. */
    log->open->is_named = false;
    return sync_dirty(log, problem);
}

enum status log_open(struct log **log, const char *dir, const char *topic, uint32_t partition_count,
                     uint32_t source_partitions, uint64_t synced_shown, const struct log_options *options,
                     struct problem *problem)
{
    char path[FILE_PATH_SIZE];

    ASSERT(partition_count > 0 && partition_count <= LOG_PARTITION_MAX && source_partitions <= LOG_PARTITION_MAX);
    ASSERT(strlen(topic) < LOG_TOPIC_SIZE);
    *log = NULL;
    enum status status = file_join(path, dir, topic, problem);
    if (status != STATUS_OK)
        return status;
    struct log *made = allocate(path, topic, (struct segment_shape){partition_count, source_partitions}, options);
    if (made == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory to open the log %s", path);
    status = open_directory(made, synced_shown, problem);
    if (status != STATUS_OK) {
        destroy(made);
        return status;
    }
    *log = made;
    return STATUS_OK;
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (log->lookup)
        log_reader_close(log->lookup);
    for (uint32_t i = 0; i < log->segment_count; i++)
        ASSERT(log->segments[i]->refs == 1);
    if (log_failure(log) == STATUS_OK) {
        if (log->open->written >= SEAL_AT_CLOSE_BYTES)
            SHARED_RELEASE(log->open->is_closed, 1);
        /* A failure is logged where it happens; the next open scans what has no footer. */
        enum status status = log_sync(log);
        if (status == STATUS_OK)
            status = log_seal(log);
        (void)status;
    }
    destroy(log);
}

const char *log_topic(const struct log *log)
{
    return log->topic;
}

uint32_t log_partition_count(const struct log *log)
{
    return log->shape.partition_count;
}

uint32_t log_source_count(const struct log *log)
{
    return log->shape.source_count;
}

enum status log_fail(struct log *log, const struct problem *problem)
{
    uint32_t none = STATUS_OK;

    ASSERT(problem->status != STATUS_OK);
    if (__atomic_compare_exchange_n(&log->failure, &none, (uint32_t)problem->status, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        log_message(LOG_ERROR, "eventlog", "a write or sync failed: no more appends until a restart",
                    "topic=%s reason=\"%s\"", log->topic, problem->detail);
    return problem->status;
}

enum status log_failure(const struct log *log)
{
    return (enum status)SHARED_ACQUIRE(log->failure);
}

/* ---- appending ---- */

void log_frame_begin(struct log *log, int64_t wall_ms, int64_t *received_at_ms)
{
    ASSERT(!log->is_begun);
    log->is_begun = true;
    int64_t behind_ms = log->received_at_ms - wall_ms;
    if (behind_ms > 0)
        SHARED_ADD(log->clock_behind, 1);
    SHARED_STORE(log->clock_behind_ms, behind_ms > 0 ? behind_ms : 0);
    if (wall_ms > log->received_at_ms)
        log->received_at_ms = wall_ms;
    *received_at_ms = log->received_at_ms;
}

bool log_frame_fits(const struct log *log, uint32_t count, uint64_t bytes)
{
    return frame_builder_fits(&log->builder, count, bytes);
}

enum status log_frame_add(struct log *log, uint32_t partition, struct slice record, uint32_t source_partition,
                          uint64_t source_offset, uint32_t source_index, uint64_t *offset)
{
    ASSERT(log->is_begun && partition < log->shape.partition_count);
    if (source_partition != LOG_NO_SOURCE) {
        ASSERT(source_partition < log->shape.source_count && source_offset != UINT64_MAX);
        if (frame_is_past(log->highs[source_partition], source_offset, source_index)) {
            SHARED_ADD(log->records_dropped, 1);
            *offset = UINT64_MAX;
            return STATUS_OK;
        }
    }
    enum status status = frame_builder_add(&log->builder, partition, log->next[partition], record, source_partition,
                                           source_offset, source_index);
    if (status != STATUS_OK)
        return status;
    if (source_partition != LOG_NO_SOURCE)
        log->highs[source_partition] = (struct frame_source){source_offset, source_index, 0};
    *offset = log->next[partition]++;
    return STATUS_OK;
}

static enum status roll(struct log *log, struct problem *problem)
{
    uint32_t unsealed = 0;

    pthread_mutex_lock(&log->segments_lock);
    for (uint32_t i = 0; i < log->segment_count; i++)
        unsealed += !log->segments[i]->is_sealed;
    pthread_mutex_unlock(&log->segments_lock);
    if (unsealed >= LOG_UNSEALED_MAX) {
        enum status status = log_seal(log);
        if (status != STATUS_OK)
            return problem_set(problem, status, "cannot close segments of %s", log->dir);
    }
    struct segment *closed = log->open;
    enum status status = add_open_segment(log, problem);
    /* Closed last: a reader that sees it finds the next one in the list. */
    if (status == STATUS_OK)
        SHARED_RELEASE(closed->is_closed, 1);
    return status;
}

static enum status write_frame(struct log *log, const struct frame_head *head, struct problem *problem)
{
    struct segment *segment = log->open;
    uint64_t at = segment->written;
    bool needs_lock = segment_wants_place(segment) || log->places != NULL;

    if (needs_lock)
        pthread_mutex_lock(&log->segments_lock);
    enum status status = segment_append(segment, head, problem);
    if (status == STATUS_OK && log->places != NULL && log_lookup_keep(log, segment, head, at) != STATUS_OK)
        status = problem_set(problem, STATUS_MEMORY, "no memory for the places of %s", log->dir);
    if (needs_lock)
        pthread_mutex_unlock(&log->segments_lock);
    return status;
}

static void publish(struct log *log, const struct frame_head *head)
{
    const struct frame_section *sections = frame_sections(head);
    struct segment *segment = log->open;

    __atomic_fetch_add(&log->bytes, frame_bytes(head), __ATOMIC_RELAXED);
    /* Pairs with the acquire in log_reader_next: the bytes are in the file before. */
    SHARED_RELEASE(segment->written, segment->written + frame_bytes(head));
    for (uint32_t i = 0; i < head->section_count; i++) {
        SHARED_RELEASE(log->ends[sections[i].partition], sections[i].first_offset + sections[i].count);
        if (sections[i].source_partition != LOG_NO_SOURCE)
            SHARED_RELEASE(log->high_offsets[sections[i].source_partition], sections[i].source_high);
    }
    SHARED_ADD(log->frames, 1);
    SHARED_ADD(log->records, log->builder.record_count);
    SHARED_RELEASE(log->sequence_written, head->sequence);
    bell_ring(log->rung);
}

enum status log_frame_commit(struct log *log)
{
    struct problem problem;

    ASSERT(log->is_begun);
    log->is_begun = false;
    enum status status = log_failure(log);
    if (status != STATUS_OK || log->builder.record_count == 0) {
        frame_builder_reset(&log->builder);
        return status;
    }
    struct segment *segment = log->open;
    if (segment->last_sequence >= segment->first_sequence &&
        segment->written + frame_builder_bytes(&log->builder) > log->segment_bytes)
        status = roll(log, &problem);
    const struct frame_head *head = NULL;
    if (status == STATUS_OK) {
        head = frame_builder_encode(&log->builder, log->open->salt, log->sequence_written + 1,
                                    log_sequence_synced(log), log->received_at_ms);
        status = write_frame(log, head, &problem);
    }
    if (status == STATUS_OK)
        publish(log, head);
    else
        log_fail(log, &problem);
    frame_builder_reset(&log->builder);
    return status;
}

void log_raise(struct log *log, uint32_t partition, uint64_t next_offset)
{
    ASSERT(!log->is_begun && partition < log->shape.partition_count);
    if (next_offset <= log->next[partition])
        return;
    log->next[partition] = next_offset;
    SHARED_RELEASE(log->ends[partition], next_offset);
}

uint64_t log_end(const struct log *log, uint32_t partition)
{
    ASSERT(partition < log->shape.partition_count);
    return SHARED_ACQUIRE(log->ends[partition]);
}

uint64_t log_begin(const struct log *log, uint32_t partition)
{
    ASSERT(partition < log->shape.partition_count);
    return SHARED_ACQUIRE(log->begins[partition]);
}

uint64_t log_source_high(const struct log *log, uint32_t source_partition)
{
    ASSERT(source_partition < log->shape.source_count);
    return SHARED_ACQUIRE(log->high_offsets[source_partition]);
}

uint64_t log_sequence_written(const struct log *log)
{
    return SHARED_ACQUIRE(log->sequence_written);
}

uint64_t log_sequence_synced(const struct log *log)
{
    return SHARED_ACQUIRE(log->sequence_synced);
}

uint64_t log_bytes(const struct log *log)
{
    return SHARED_LOAD(log->bytes);
}

struct bell *log_bell(struct log *log)
{
    return log->rung;
}

void log_use_bell(struct log *log, struct bell *bell)
{
    log->rung = bell;
}

void log_start_writeback(struct log *log)
{
    struct segment *segment;
    uint64_t from = 0;

    if (log_sequence_synced(log) >= log_sequence_written(log) || pthread_mutex_trylock(&log->syncing) != 0)
        return;
    while ((segment = acquire_unsealed(log, DIRTY, from)) != NULL) {
        uint64_t written = SHARED_ACQUIRE(segment->written);
        if (written - segment->flushing >= WRITEBACK_BYTES) {
            segment_start_writeback(segment->fd, segment->flushing, written);
            segment->flushing = written;
        }
        from = segment->ordinal + 1;
        log_release_segment(log, segment);
    }
    pthread_mutex_unlock(&log->syncing);
}

enum status log_seal(struct log *log)
{
    struct problem problem;
    struct segment *segment = NULL;

    pthread_mutex_lock(&log->syncing);
    enum status status = log_failure(log);
    /* Each turn seals one; the appender makes them no faster than it fills them. */
    while (status == STATUS_OK && (segment = acquire_unsealed(log, TO_SEAL, 0)) != NULL) {
        uint64_t bytes = 0;
        if (is_dirty(segment))
            status = sync_segment(log, segment, &problem);
        if (status == STATUS_OK)
            status = segment_seal(segment, &bytes, &problem);
        if (status == STATUS_OK) {
            __atomic_fetch_add(&log->bytes, bytes, __ATOMIC_RELAXED);
            pthread_mutex_lock(&log->segments_lock);
            segment->bytes = segment->written + bytes;
            segment->is_sealed = true;
            file_close(&segment->fd);
            free(segment->places.rows);
            segment->places = (struct segment_places){0};
            pthread_mutex_unlock(&log->segments_lock);
        } else {
            log_fail(log, &problem);
        }
        log_release_segment(log, segment);
    }
    pthread_mutex_unlock(&log->syncing);
    return status;
}

/* ---- retention ---- */

static bool may_trim(const struct log *log, const struct segment *segment, const uint64_t *needed, int64_t now_ms)
{
    if (!segment->is_sealed)
        return false;
    for (uint32_t p = 0; p < log->shape.partition_count; p++) {
        if (segment->tops[p] > needed[p])
            return false;
    }
    return log_bytes(log) > log->options.bytes || segment->last_received_at_ms < now_ms - (int64_t)log->options.retention;
}

/* Takes the oldest segment off the list. */
static struct segment *take_oldest(struct log *log, const uint64_t *needed, int64_t now_ms)
{
    struct segment *oldest = NULL;

    pthread_mutex_lock(&log->segments_lock);
    if (log->segment_count > 1 && may_trim(log, log->segments[0], needed, now_ms)) {
        oldest = log->segments[0];
        SHARED_STORE(log->segment_count, log->segment_count - 1);
        memmove(log->segments, log->segments + 1, log->segment_count * sizeof *log->segments);
        for (uint32_t p = 0; p < log->shape.partition_count; p++) {
            SHARED_RELEASE(log->begins[p], log->segments[0]->floors[p]);
            if (log->places)
                place_table_trim(&log->places[p], log->segments[0]->ordinal);
        }
        SHARED_ADD(log->trimmed_segments, 1);
    }
    pthread_mutex_unlock(&log->segments_lock);
    return oldest;
}

/* Headers name the next offsets, so the one that will be the oldest must be durable first. */
static enum status sync_names(struct log *log, struct problem *problem)
{
    pthread_mutex_lock(&log->syncing);
    enum status status = sync_dirty(log, problem);
    pthread_mutex_unlock(&log->syncing);
    return status;
}

enum status log_trim(struct log *log, const uint64_t *needed, int64_t now_ms)
{
    struct problem problem = {0};
    struct segment *oldest;
    enum status status = log_failure(log);

    /* One at a time and the directory synced after each: what is left after a power loss is a
     * tail of the sequence, never a sequence with a hole. */
    while (status == STATUS_OK && (oldest = take_oldest(log, needed, now_ms)) != NULL) {
        status = sync_names(log, &problem);
        if (status == STATUS_OK)
            status = file_remove(oldest->path, &problem);
        if (status == STATUS_OK)
            status = file_sync_directory(log->dir, &problem);
        __atomic_fetch_sub(&log->bytes, oldest->bytes, __ATOMIC_RELAXED);
        log_release_segment(log, oldest);
        if (status != STATUS_OK)
            log_fail(log, &problem);
    }
    return status;
}

/* ---- reading one record ---- */

enum status log_index_places(struct log *log)
{
    ASSERT(log->places == NULL && !log->is_begun);
    return log_lookup_index(log);
}

enum status log_read(struct log *log, uint32_t partition, uint64_t offset, char *buffer, uint32_t capacity,
                     struct slice *record)
{
    *record = (struct slice){0};
    if (offset < log_begin(log, partition) || offset >= log_end(log, partition))
        return STATUS_NOT_FOUND;
    return log_lookup_read(log, partition, offset, buffer, capacity, record);
}

/* ---- metrics ---- */

enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "eventlog/log_metrics.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, kind, text, advice},
#include "eventlog/log_metrics.def"
#undef METRIC
};

void log_metrics(const struct log *log, struct metric_sink *sink)
{
    char labels[LOG_TOPIC_SIZE + 16];
    const double values[] = {
        [ROW_FRAMES] = (double)SHARED_LOAD(log->frames),
        [ROW_RECORDS] = (double)SHARED_LOAD(log->records),
        [ROW_DROPPED] = (double)SHARED_LOAD(log->records_dropped),
        [ROW_BYTES] = (double)log_bytes(log),
        [ROW_SEGMENTS] = (double)SHARED_LOAD(log->segment_count),
        [ROW_TRIMMED] = (double)SHARED_LOAD(log->trimmed_segments),
        [ROW_SYNCS] = (double)SHARED_LOAD(log->syncs),
        [ROW_UNSYNCED] = (double)(log_sequence_written(log) - log_sequence_synced(log)),
        [ROW_CUT] = (double)log->cut_bytes,
        [ROW_CLOCK_BEHIND] = (double)SHARED_LOAD(log->clock_behind),
        [ROW_CLOCK_BEHIND_S] = (double)SHARED_LOAD(log->clock_behind_ms) / 1000.0,
        [ROW_FAILED] = log_failure(log) != STATUS_OK,
    };

    snprintf(labels, sizeof labels, "topic=\"%s\"", log->topic);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        metric_value(sink, &rows[i], labels, values[i]);
}

/* ---- sections ---- */

bool log_record_next(const struct log_section *section, uint32_t *cursor, struct slice *record)
{
    uint32_t size, left = section->records.size - *cursor;

    if (left < sizeof size)
        return false;
    memcpy(&size, section->records.data + *cursor, sizeof size);
    if (size > left - sizeof size)
        return false;
    *record = slice_make(section->records.data + *cursor + sizeof size, size);
    *cursor += (uint32_t)sizeof size + size;
    return true;
}
