/* A cycle: take what is queued (bounded by records' bytes), add each submission whole to its
 * log's frame, write the frames, sync the source logs if `always` or somebody insists, note
 * the owners' offsets, call done in the order of submission.  Group commit comes by itself:
 * while a cycle syncs, the next one's submissions gather in the queue.
 *
 * The helper does what may take long and what nobody waits for: interval syncs, footers,
 * trimming, and the judgement that a log is over its budget.  Between two syncs it lets the
 * disk begin with what is written: at 75 MB/s a sync a second then takes 3.5 ms instead of 40,
 * and the longest append beside it 5 ms instead of 32. */
#include "eventlog/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/shared.h"
#include "io/clock.h"

enum {
    LOGS_MAX = 16,
    BATCH_MAX = 1024,        /* submissions a cycle */
    APPENDED_SLOTS = 65536,
    SPIN_NS = 20000,         /* a wake-up costs more than this */
    SHORT_GAP_NS = 80000,    /* the last rest was that short: the next may be shorter than a wake-up */
    HELPER_TICK_MS = 100,    /* of writeback, footers, trimming and the budget */
    QUEUE_MIN = 16,
};

struct writer_log {
    struct log *log;
    uint64_t *needed;        /* any thread writes, the helper reads */
    uint64_t *needed_copy;   /* the helper's */
    uint32_t is_full;        /* the helper writes */
    bool is_source;
    /* this cycle's */
    bool is_begun, is_own_frame, is_written, must_sync;
    int64_t received_at_ms;
    enum status status;
};

struct writer {
    struct writer_log logs[LOGS_MAX];
    uint32_t log_count;
    struct log_options options;
    struct ring queue;
    struct bell bell, helper_bell;
    pthread_t thread, helper;
    uint32_t is_started;
    uint32_t is_stopping, is_helper_stopping;
    uint32_t submitting;     /* submitters between their look at is_stopping and their push */
    uint32_t failure;        /* enum status; set once */
    uint64_t appended[APPENDED_SLOTS];
    uint32_t slots_per_partition;
    struct submission *batch[BATCH_MAX];
    struct submission *held; /* taken from the queue, did not fit in the last cycle */
    int64_t busy_at_ns;      /* end of the last cycle */
    int64_t gap_ns;          /* from there to the next submission, last time it had to rest */
    uint64_t cpu_ns;         /* of threads that have ended */
    uint64_t submissions, records, cycles, refused, bytes;
    struct histogram cycle_ns, sync_ns;
};

/* ---- life ---- */

static enum status init_logs(struct writer *writer, struct log *const *logs, uint32_t log_count)
{
    for (uint32_t i = 0; i < log_count; i++) {
        struct writer_log *row = &writer->logs[i];
        uint32_t partitions = log_partition_count(logs[i]);
        *row = (struct writer_log){.log = logs[i], .is_source = log_source_count(logs[i]) == 0};
        row->needed = calloc(partitions, sizeof *row->needed);
        row->needed_copy = calloc(partitions, sizeof *row->needed_copy);
        writer->log_count++;
        if (row->needed == NULL || row->needed_copy == NULL)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

enum status writer_create(struct writer **writer, struct log *const *logs, uint32_t log_count,
                          const struct log_options *options, uint32_t queue_capacity)
{
    uint32_t capacity = QUEUE_MIN;

    ASSERT(log_count > 0 && log_count <= LOGS_MAX && queue_capacity <= 1U << 24);
    while (capacity < queue_capacity)
        capacity *= 2;
    *writer = NULL;
    struct writer *made = calloc(1, sizeof *made);
    if (made == NULL)
        return STATUS_MEMORY;
    made->options = *options;
    made->slots_per_partition = APPENDED_SLOTS / log_partition_count(logs[0]);
    bell_init(&made->bell);
    bell_init(&made->helper_bell);
    histogram_init(&made->cycle_ns);
    histogram_init(&made->sync_ns);
    enum status status = ring_init(&made->queue, capacity);
    if (status == STATUS_OK)
        status = init_logs(made, logs, log_count);
    if (status != STATUS_OK) {
        writer_destroy(made);
        return status;
    }
    *writer = made;
    return STATUS_OK;
}

void writer_destroy(struct writer *writer)
{
    if (writer == NULL)
        return;
    ASSERT(!writer->is_started);
    for (uint32_t i = 0; i < writer->log_count; i++) {
        free(writer->logs[i].needed);
        free(writer->logs[i].needed_copy);
    }
    ring_fini(&writer->queue);
    free(writer);
}

static struct writer_log *row_of(struct writer *writer, const struct log *log)
{
    for (uint32_t i = 0; i < writer->log_count; i++) {
        if (writer->logs[i].log == log)
            return &writer->logs[i];
    }
    UNREACHABLE("a submission names a log that the writer was not given");
}

static void fail(struct writer *writer, enum status status)
{
    uint32_t none = STATUS_OK;

    __atomic_compare_exchange_n(&writer->failure, &none, (uint32_t)status, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

enum status writer_failure(const struct writer *writer)
{
    return (enum status)SHARED_ACQUIRE(writer->failure);
}

enum status writer_submit(struct writer *writer, struct submission *submission)
{
    enum status status = writer_failure(writer);

    ASSERT(submission->done != NULL && (submission->log != NULL || submission->count == 0));
    if (status != STATUS_OK)
        return status;
    if (submission->count > 0 && SHARED_LOAD(row_of(writer, submission->log)->is_full)) {
        __atomic_fetch_add(&writer->refused, 1, __ATOMIC_RELAXED);
        return STATUS_LOG_FULL;
    }
    /* Sequentially consistent with run(): either it sees this submitter or this one sees it stopping. */
    __atomic_fetch_add(&writer->submitting, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&writer->is_stopping, __ATOMIC_SEQ_CST)) {
        status = STATUS_NOT_READY;
    } else if (!ring_push(&writer->queue, submission)) {
        __atomic_fetch_add(&writer->refused, 1, __ATOMIC_RELAXED);
        status = STATUS_OVERLOADED;
    }
    __atomic_fetch_sub(&writer->submitting, 1, __ATOMIC_SEQ_CST);
    if (status == STATUS_OK)
        bell_ring(&writer->bell);
    return status;
}

/* ---- a cycle ---- */

static uint64_t bytes_of(const struct submission *submission)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < submission->count; i++)
        bytes += submission->entries[i].record.size;
    return bytes;
}

static void commit_frame(struct writer_log *row)
{
    enum status status = log_frame_commit(row->log);

    row->is_begun = false;
    row->is_written = true;
    if (row->status == STATUS_OK)
        row->status = status;
}

static enum status add_entries(struct writer_log *row, struct submission *submission)
{
    for (uint32_t i = 0; i < submission->count; i++) {
        struct submission_entry *entry = &submission->entries[i];
        enum status status = log_frame_add(row->log, entry->partition, entry->record, entry->source_partition,
                                           entry->source_offset, entry->source_index, &entry->offset);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Adds a submission whole; a frame that has no room for it is written first. */
static void add(struct writer *writer, struct submission *submission, uint64_t bytes, int64_t wall_ms)
{
    struct writer_log *row = row_of(writer, submission->log);

    /* A replayed moment is a frame of its own, so that frames do not depend on who came when. */
    bool is_own_frame = submission->wall_ms != 0;
    if (row->is_begun && (is_own_frame || row->is_own_frame || !log_frame_fits(row->log, submission->count, bytes)))
        commit_frame(row);
    if (!row->is_begun) {
        log_frame_begin(row->log, is_own_frame ? submission->wall_ms : wall_ms, &row->received_at_ms);
        row->is_begun = true;
        row->is_own_frame = is_own_frame;
    }
    if (!log_frame_fits(row->log, submission->count, bytes)) {
        submission->status = STATUS_TOO_LARGE;
        return;
    }
    submission->received_at_ms = row->received_at_ms;
    submission->status = add_entries(row, submission);
    if (submission->status != STATUS_OK) {
        /* No memory in the middle: a body is appended whole or not at all, so neither this frame
         * nor any behind it may be written. */
        row->status = submission->status;
        fail(writer, submission->status);
    }
    row->must_sync = row->must_sync || submission->must_sync;
}

static void note_barrier(struct writer *writer, const struct submission *submission)
{
    for (uint32_t i = 0; i < writer->log_count; i++) {
        struct writer_log *row = &writer->logs[i];
        if (submission->log == NULL || submission->log == row->log)
            row->must_sync = row->must_sync || submission->must_sync;
    }
}

static struct submission *take(struct writer *writer)
{
    struct submission *submission = writer->held;

    writer->held = NULL;
    return submission ? submission : ring_pop(&writer->queue);
}

/* Fills the batch and the frames. */
static uint32_t gather(struct writer *writer, int64_t wall_ms)
{
    uint64_t cycle_bytes = 0;
    uint32_t count = 0;
    struct submission *submission;

    while (count < BATCH_MAX && (submission = take(writer)) != NULL) {
        uint64_t bytes = bytes_of(submission);
        if (count > 0 && cycle_bytes + bytes > writer->options.frame_bytes) {
            writer->held = submission;
            break;
        }
        cycle_bytes += bytes;
        SHARED_ADD(writer->bytes, bytes);
        submission->status = writer_failure(writer);
        submission->received_at_ms = wall_ms;
        if (submission->status == STATUS_OK && submission->count > 0)
            add(writer, submission, bytes, wall_ms);
        else if (submission->status == STATUS_OK)
            note_barrier(writer, submission);
        writer->batch[count++] = submission;
    }
    return count;
}

static void write_and_sync(struct writer *writer)
{
    for (uint32_t i = 0; i < writer->log_count; i++) {
        if (writer->logs[i].is_begun && writer->logs[i].status == STATUS_OK)
            commit_frame(&writer->logs[i]);
    }
    for (uint32_t i = 0; i < writer->log_count; i++) {
        struct writer_log *row = &writer->logs[i];
        bool always = row->is_written && row->is_source && writer->options.durability == LOG_ALWAYS;
        if (row->status == STATUS_OK && (always || row->must_sync)) {
            int64_t from_ns = clock_monotonic_ns();
            row->status = log_sync(row->log);
            histogram_add(&writer->sync_ns, (uint64_t)(clock_monotonic_ns() - from_ns));
        }
        if (row->status != STATUS_OK)
            fail(writer, row->status);
    }
}

/* Owners share slots, so a slot holds the highest offset of all of them: an answer may wait for
 * a neighbour's event, never for too little. */
static void note_owners(struct writer *writer, const struct submission *submission)
{
    for (uint32_t i = 0; i < submission->count; i++) {
        const struct submission_entry *entry = &submission->entries[i];
        uint32_t slot = entry->partition * writer->slots_per_partition + entry->owner_hash % writer->slots_per_partition;
        if (entry->offset != UINT64_MAX && entry->offset + 1 > writer->appended[slot])
            SHARED_RELEASE(writer->appended[slot], entry->offset + 1);
    }
}

/* A barrier fails with any log it names. */
static enum status outcome_of(const struct writer *writer, const struct submission *submission)
{
    for (uint32_t i = 0; i < writer->log_count; i++) {
        const struct writer_log *row = &writer->logs[i];
        if (row->status != STATUS_OK && (submission->log == NULL || submission->log == row->log))
            return row->status;
    }
    return STATUS_OK;
}

static void finish(struct writer *writer, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct submission *submission = writer->batch[i];
        if (submission->status == STATUS_OK)
            submission->status = outcome_of(writer, submission);
        if (submission->status == STATUS_OK) {
            if (submission->log == writer->logs[0].log)
                note_owners(writer, submission);
            SHARED_ADD(writer->records, submission->count);
        }
        submission->done(submission);
    }
    SHARED_ADD(writer->submissions, count);
    for (uint32_t i = 0; i < writer->log_count; i++) {
        struct writer_log *row = &writer->logs[i];
        row->is_written = false;
        row->must_sync = false;
        /* A frame that a failure left open is never written: the log is closed for good. */
        ASSERT(!row->is_begun || row->status != STATUS_OK || writer_failure(writer) != STATUS_OK);
    }
}

static bool run_cycle(struct writer *writer)
{
    int64_t from_ns = clock_monotonic_ns();
    uint32_t count = gather(writer, clock_wall_ms());

    if (count == 0)
        return false;
    write_and_sync(writer);
    finish(writer, count);
    SHARED_ADD(writer->cycles, 1);
    writer->busy_at_ns = clock_monotonic_ns();
    histogram_add(&writer->cycle_ns, (uint64_t)(writer->busy_at_ns - from_ns));
    return true;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void rest(struct writer *writer)
{
    uint32_t seen = bell_seen(&writer->bell);

    /* Spinning pays only while submissions follow one another closely. */
    while (writer->gap_ns < SHORT_GAP_NS && ring_length(&writer->queue) == 0 &&
           clock_monotonic_ns() - writer->busy_at_ns < SPIN_NS)
        relax();
    if (ring_length(&writer->queue) == 0 && !SHARED_ACQUIRE(writer->is_stopping))
        bell_wait(&writer->bell, seen, -1);
    writer->gap_ns = clock_monotonic_ns() - writer->busy_at_ns;
}

static void *run(void *context)
{
    struct writer *writer = context;

    for (;;) {
        if (run_cycle(writer))
            continue;
        if (__atomic_load_n(&writer->is_stopping, __ATOMIC_SEQ_CST) &&
            __atomic_load_n(&writer->submitting, __ATOMIC_SEQ_CST) == 0 && !run_cycle(writer))
            break;
        rest(writer);
    }
    __atomic_fetch_add(&writer->cpu_ns, clock_thread_cpu_ns(), __ATOMIC_RELAXED);
    return NULL;
}

/* ---- the helper ---- */

static void trim(struct writer *writer, struct writer_log *row)
{
    uint32_t partitions = log_partition_count(row->log);

    for (uint32_t p = 0; p < partitions; p++)
        row->needed_copy[p] = SHARED_ACQUIRE(row->needed[p]);
    enum status status = log_trim(row->log, row->needed_copy, clock_wall_ms());
    if (status != STATUS_OK)
        fail(writer, status);
    bool is_full = log_bytes(row->log) > writer->options.bytes;
    if (is_full && !row->is_full)
        log_message(LOG_WARNING, "eventlog", "a log is over its budget and a reader still needs it", "topic=%s bytes=%llu",
                    log_topic(row->log), (unsigned long long)log_bytes(row->log));
    SHARED_STORE(row->is_full, is_full);
}

static void help(struct writer *writer, bool is_sync_due)
{
    for (uint32_t i = 0; i < writer->log_count; i++) {
        struct writer_log *row = &writer->logs[i];
        enum status status = STATUS_OK;
        if (is_sync_due && writer->options.durability != LOG_OS)
            status = log_sync(row->log);
        else if (writer->options.durability == LOG_INTERVAL)
            log_start_writeback(row->log);
        if (status == STATUS_OK)
            status = log_seal(row->log);
        if (status != STATUS_OK)
            fail(writer, status);
        else
            trim(writer, row);
    }
}

static void *run_helper(void *context)
{
    struct writer *writer = context;
    int64_t interval_ms = (int64_t)writer->options.sync_interval;
    int64_t due_ms = clock_monotonic_ns() / 1000000 + interval_ms;

    while (!SHARED_ACQUIRE(writer->is_helper_stopping)) {
        uint32_t seen = bell_seen(&writer->helper_bell);
        int64_t left_ms = due_ms - clock_monotonic_ns() / 1000000;
        int64_t wait_ms = left_ms < HELPER_TICK_MS ? left_ms : HELPER_TICK_MS;
        if (wait_ms > 0 && !SHARED_ACQUIRE(writer->is_helper_stopping))
            bell_wait(&writer->helper_bell, seen, (int)wait_ms);
        int64_t now_ms = clock_monotonic_ns() / 1000000;
        help(writer, now_ms >= due_ms);
        if (now_ms >= due_ms)
            due_ms = now_ms + interval_ms;
    }
    __atomic_fetch_add(&writer->cpu_ns, clock_thread_cpu_ns(), __ATOMIC_RELAXED);
    return NULL;
}

enum status writer_start(struct writer *writer)
{
    ASSERT(!writer->is_started);
    if (pthread_create(&writer->thread, NULL, run, writer) != 0)
        return STATUS_MEMORY;
    if (pthread_create(&writer->helper, NULL, run_helper, writer) != 0) {
        __atomic_store_n(&writer->is_stopping, 1, __ATOMIC_SEQ_CST);
        bell_ring(&writer->bell);
        pthread_join(writer->thread, NULL);
        return STATUS_MEMORY;
    }
    SHARED_STORE(writer->is_started, 1);
    return STATUS_OK;
}

void writer_stop(struct writer *writer)
{
    if (!writer->is_started)
        return;
    __atomic_store_n(&writer->is_stopping, 1, __ATOMIC_SEQ_CST);
    bell_ring(&writer->bell);
    pthread_join(writer->thread, NULL);
    SHARED_RELEASE(writer->is_helper_stopping, 1);
    bell_ring(&writer->helper_bell);
    pthread_join(writer->helper, NULL);
    SHARED_STORE(writer->is_started, 0);
    for (uint32_t i = 0; i < writer->log_count; i++) {
        enum status status = log_sync(writer->logs[i].log);
        if (status != STATUS_OK)
            fail(writer, status);
    }
}

/* ---- what others ask ---- */

uint64_t writer_appended(const struct writer *writer, uint32_t partition, uint32_t owner_hash)
{
    uint32_t slot = partition * writer->slots_per_partition + owner_hash % writer->slots_per_partition;

    ASSERT(slot < APPENDED_SLOTS);
    return SHARED_ACQUIRE(writer->appended[slot]);
}

void writer_set_needed(struct writer *writer, struct log *log, uint32_t partition, uint64_t offset)
{
    ASSERT(partition < log_partition_count(log));
    SHARED_RELEASE(row_of(writer, log)->needed[partition], offset);
}

uint64_t writer_cpu_ns(const struct writer *writer)
{
    uint64_t cpu_ns = SHARED_LOAD(writer->cpu_ns);

    /* A thread that has just ended counts 0 here and in cpu_ns from then on. */
    if (SHARED_LOAD(writer->is_started))
        cpu_ns += clock_of_thread_ns(writer->thread) + clock_of_thread_ns(writer->helper);
    return cpu_ns;
}

enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "eventlog/writer_metrics.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, kind, text, advice},
#include "eventlog/writer_metrics.def"
#undef METRIC
};

void writer_busy_ns(const struct writer *writer, uint64_t *busy_ns, uint64_t *syncing_ns)
{
    uint64_t cycles_ns = SHARED_LOAD(writer->cycle_ns.sum_ns);

    *syncing_ns = SHARED_LOAD(writer->sync_ns.sum_ns);
    *busy_ns = cycles_ns > *syncing_ns ? cycles_ns - *syncing_ns : 0;
}

void writer_metrics(struct writer *writer, struct metric_sink *sink)
{
    metric_value(sink, &rows[ROW_SUBMISSIONS], NULL, (double)SHARED_LOAD(writer->submissions));
    metric_value(sink, &rows[ROW_RECORDS], NULL, (double)SHARED_LOAD(writer->records));
    metric_value(sink, &rows[ROW_CYCLES], NULL, (double)SHARED_LOAD(writer->cycles));
    metric_value(sink, &rows[ROW_REFUSED], NULL, (double)SHARED_LOAD(writer->refused));
    metric_value(sink, &rows[ROW_BYTES], NULL, (double)SHARED_LOAD(writer->bytes));
    metric_value(sink, &rows[ROW_QUEUE], "stage=\"writer\"", (double)ring_length(&writer->queue));
    metric_value(sink, &rows[ROW_CAPACITY], "stage=\"writer\"", (double)writer->queue.capacity);
    metric_histogram(sink, &rows[ROW_CYCLE_S], NULL, &writer->cycle_ns);
    metric_histogram(sink, &rows[ROW_SYNC_S], NULL, &writer->sync_ns);
    metric_value(sink, &rows[ROW_CPU_S], NULL, (double)writer_cpu_ns(writer) / 1e9);
    metric_value(sink, &rows[ROW_STOPPED], NULL, writer_failure(writer) != STATUS_OK);
}
