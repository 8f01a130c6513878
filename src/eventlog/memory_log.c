#include "eventlog/memory_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { GENERATIONS = 2 }; /* under way at most */

struct records {
    struct memory_log_record *rows;
    uint64_t count, capacity;
};

struct generation {
    uint64_t number; /* 0: free */
    bool is_closed;
    bool is_committed;
    bool is_doomed; /* a predecessor was not committed for all to see */
    enum transaction_outcome outcome;
    uint32_t pending;
    struct records records;
    uint64_t *positions;
};

struct high {
    uint64_t offset;
    uint32_t index;
    bool is_set;
};

struct memory_log {
    struct rng rng;
    struct memory_log_odds odds;
    uint32_t partition_count;
    struct generation under_way[GENERATIONS];
    uint64_t last_number;
    struct records committed;
    uint64_t *positions;
    struct high *highs;
    struct memory_log_counters counters;
};

static enum status push(struct records *records, struct memory_log_record row)
{
    if (records->count == records->capacity) {
        uint64_t capacity = records->capacity ? 2 * records->capacity : 64;
        struct memory_log_record *rows = realloc(records->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return STATUS_MEMORY;
        records->rows = rows;
        records->capacity = capacity;
    }
    records->rows[records->count++] = row;
    return STATUS_OK;
}

static void clear(struct records *records)
{
    for (uint64_t i = 0; i < records->count; i++)
        free((void *)(uintptr_t)records->rows[i].record.data);
    records->count = 0;
}

enum status memory_log_create(struct memory_log **log, uint64_t seed, uint32_t partition_count,
                              const struct memory_log_odds *odds)
{
    struct memory_log *made = calloc(1, sizeof *made);

    *log = NULL;
    if (made == NULL)
        return STATUS_MEMORY;
    rng_init(&made->rng, seed, 0);
    made->odds = *odds;
    made->partition_count = partition_count;
    made->positions = calloc(partition_count, sizeof *made->positions);
    made->highs = calloc(partition_count, sizeof *made->highs);
    bool is_complete = made->positions != NULL && made->highs != NULL;
    for (int i = 0; i < GENERATIONS; i++) {
        made->under_way[i].positions = calloc(partition_count, sizeof *made->positions);
        is_complete = is_complete && made->under_way[i].positions != NULL;
    }
    if (!is_complete) {
        memory_log_destroy(made);
        return STATUS_MEMORY;
    }
    *log = made;
    return STATUS_OK;
}

void memory_log_destroy(struct memory_log *log)
{
    if (log == NULL)
        return;
    for (int i = 0; i < GENERATIONS; i++) {
        clear(&log->under_way[i].records);
        free(log->under_way[i].records.rows);
        free(log->under_way[i].positions);
    }
    clear(&log->committed);
    free(log->committed.rows);
    free(log->positions);
    free(log->highs);
    free(log);
}

static struct generation *find(struct memory_log *log, uint64_t number)
{
    for (int i = 0; i < GENERATIONS; i++) {
        if (log->under_way[i].number == number)
            return &log->under_way[i];
    }
    return NULL;
}

static void count_outcome(struct memory_log *log, const struct generation *generation)
{
    struct memory_log_counters *counters = &log->counters;

    counters->committed += generation->outcome == TRANSACTION_COMMITTED;
    counters->aborted += generation->outcome == TRANSACTION_ABORTED;
    counters->unknown += generation->outcome == TRANSACTION_UNKNOWN;
    counters->unknown_committed += generation->outcome == TRANSACTION_UNKNOWN && generation->is_committed;
}

/* What fell with its predecessor need not be closed or asked about: the worker has taken it back. */
static void discard_doomed(struct memory_log *log)
{
    for (int i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &log->under_way[i];
        if (generation->number != 0 && generation->is_doomed) {
            count_outcome(log, generation);
            generation->number = 0;
        }
    }
}

static enum status begin(void *context, uint64_t number)
{
    struct memory_log *log = context;

    discard_doomed(log);
    struct generation *slot = find(log, 0);
    ASSERT(number > log->last_number && slot != NULL);
    log->last_number = number;
    clear(&slot->records);
    memset(slot->positions, 0, log->partition_count * sizeof *slot->positions);
    *slot = (struct generation){.number = number,
                                .outcome = TRANSACTION_PENDING,
                                .records = slot->records,
                                .positions = slot->positions};
    return STATUS_OK;
}

/* The generation that is open: begun last, not closed. */
static struct generation *open_generation(struct memory_log *log)
{
    struct generation *generation = find(log, log->last_number);

    ASSERT(generation != NULL && !generation->is_closed);
    return generation;
}

static enum status emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice record)
{
    struct memory_log *log = context;
    char *copy = malloc(record.size + (size_t)1);

    ASSERT(partition < log->partition_count);
    if (copy == NULL)
        return STATUS_MEMORY;
    if (record.size > 0)
        memcpy(copy, record.data, record.size);
    return push(&open_generation(log)->records,
                (struct memory_log_record){partition, index, offset, slice_make(copy, record.size)});
}

static enum status take_records(struct memory_log *log, struct generation *generation)
{
    for (uint64_t i = 0; i < generation->records.count; i++) {
        struct memory_log_record *row = &generation->records.rows[i];
        struct high *high = &log->highs[row->partition];
        bool is_past = high->is_set && (row->offset < high->offset ||
                                        (row->offset == high->offset && row->index <= high->index));
        if (is_past) {
            log->counters.dropped++;
            continue;
        }
        enum status status = push(&log->committed, *row);
        if (status != STATUS_OK)
            return status;
        *high = (struct high){row->offset, row->index, true};
        row->record = (struct slice){0};
    }
    clear(&generation->records);
    for (uint32_t p = 0; p < log->partition_count; p++) {
        if (generation->positions[p] > log->positions[p])
            log->positions[p] = generation->positions[p];
    }
    return STATUS_OK;
}

static void draw(struct memory_log *log, struct generation *generation)
{
    double lot = rng_unit(&log->rng);

    if (lot < log->odds.aborted) {
        generation->outcome = TRANSACTION_ABORTED;
        generation->is_committed = false;
    } else if (lot < log->odds.aborted + log->odds.unknown) {
        generation->outcome = TRANSACTION_UNKNOWN;
        generation->is_committed = rng_unit(&log->rng) < log->odds.unknown_committed;
    } else {
        generation->outcome = TRANSACTION_COMMITTED;
        generation->is_committed = true;
    }
    generation->pending = (uint32_t)rng_below(&log->rng, (uint64_t)log->odds.pending_max + 1);
}

static enum status commit(void *context, uint64_t number, const struct transaction_position *positions, uint32_t count)
{
    struct memory_log *log = context;
    struct generation *generation = open_generation(log);

    ASSERT(generation->number == number);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(positions[i].partition < log->partition_count);
        generation->positions[positions[i].partition] = positions[i].next_offset;
    }
    generation->is_closed = true;
    /* A predecessor that failed took this one with it, whatever the worker knew. */
    if (generation->outcome == TRANSACTION_PENDING)
        draw(log, generation);
    return STATUS_OK;
}

/* The older one is settled: what came after it can stand only if it was committed for all to see. */
static enum status settle(struct memory_log *log, struct generation *generation)
{
    enum status status = STATUS_OK;

    count_outcome(log, generation);
    if (generation->is_committed)
        status = take_records(log, generation);
    for (int i = 0; i < GENERATIONS && generation->outcome != TRANSACTION_COMMITTED; i++) {
        struct generation *newer = &log->under_way[i];
        if (newer->number > generation->number) {
            newer->outcome = TRANSACTION_ABORTED;
            newer->is_committed = false;
            newer->is_doomed = true;
            newer->pending = 0;
        }
    }
    generation->number = 0;
    return status;
}

static enum transaction_outcome outcome(void *context, uint64_t number)
{
    struct memory_log *log = context;
    struct generation *generation = find(log, number);

    ASSERT(number > 0 && generation != NULL);
    for (int i = 0; i < GENERATIONS; i++) {
        /* Outcomes come in order. */
        if (log->under_way[i].number != 0 && log->under_way[i].number < number)
            return TRANSACTION_PENDING;
    }
    if (!generation->is_closed && generation->outcome == TRANSACTION_PENDING)
        return TRANSACTION_PENDING;
    if (generation->pending > 0) {
        generation->pending--;
        return TRANSACTION_PENDING;
    }
    enum transaction_outcome drawn = generation->outcome;
    /* A test without memory cannot go on. */
    if (settle(log, generation) != STATUS_OK)
        UNREACHABLE("no memory in the log of a test");
    return drawn;
}

static enum status committed(void *context, uint32_t partition, uint64_t *next_offset)
{
    *next_offset = memory_log_position(context, partition);
    return STATUS_OK;
}

struct transaction_port memory_log_port(struct memory_log *log)
{
    return (struct transaction_port){.context = log,
                                     .begin = begin,
                                     .emit = emit,
                                     .commit = commit,
                                     .outcome = outcome,
                                     .committed = committed};
}

uint64_t memory_log_count(const struct memory_log *log)
{
    return log->committed.count;
}

const struct memory_log_record *memory_log_get(const struct memory_log *log, uint64_t i)
{
    ASSERT(i < log->committed.count);
    return &log->committed.rows[i];
}

uint64_t memory_log_position(const struct memory_log *log, uint32_t partition)
{
    ASSERT(partition < log->partition_count);
    return log->positions[partition];
}

struct memory_log_counters memory_log_counters(const struct memory_log *log)
{
    return log->counters;
}
