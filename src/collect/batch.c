#include "collect/batch.h"

#include <stdlib.h>

enum { ENTRIES_AT_FIRST = 128, BYTES_AT_FIRST = 32 * 1024, ERRORS_SIZE_MAX = 256 * 1024 };

static void batch_destroy(struct batch *batch)
{
    free(batch->submission.entries);
    free(batch->bytes);
    json_writer_fini(&batch->errors);
    free(batch);
}

struct batch *batch_acquire(struct batch_pool *pool)
{
    struct batch *batch = pool->free;

    if (batch == NULL) {
        batch = calloc(1, sizeof *batch);
        if (batch != NULL)
            json_writer_init(&batch->errors, ERRORS_SIZE_MAX);
        return batch;
    }
    pool->free = batch->free_next;
    pool->free_count--;
    batch->bytes_size = 0;
    batch->submission = (struct submission){.entries = batch->submission.entries};
    if (batch->rejected > 0) {
        json_writer_reset(&batch->errors);
        memset(batch->rejected_by, 0, sizeof batch->rejected_by);
    }
    batch->accepted = 0;
    batch->duplicates = 0;
    batch->filtered = 0;
    batch->rejected = 0;
    return batch;
}

void batch_release(struct batch_pool *pool, struct batch *batch)
{
    size_t bytes = batch->bytes_capacity + batch->entry_capacity * sizeof *batch->submission.entries;

    if (pool->free_count >= BATCH_KEPT_MAX || bytes > BATCH_BYTES_KEPT_MAX) {
        batch_destroy(batch);
        return;
    }
    batch->free_next = pool->free;
    pool->free = batch;
    pool->free_count++;
}

void batch_pool_fini(struct batch_pool *pool)
{
    while (pool->free != NULL) {
        struct batch *batch = pool->free;
        pool->free = batch->free_next;
        batch_destroy(batch);
    }
    pool->free_count = 0;
}

static bool grow_entries(struct batch *batch)
{
    uint32_t capacity = batch->entry_capacity ? batch->entry_capacity * 2 : ENTRIES_AT_FIRST;
    void *entries = realloc(batch->submission.entries, capacity * sizeof *batch->submission.entries);

    if (entries == NULL)
        return false;
    batch->submission.entries = entries;
    batch->entry_capacity = capacity;
    return true;
}

static bool grow_bytes(struct batch *batch, size_t size)
{
    size_t capacity = batch->bytes_capacity ? batch->bytes_capacity : BYTES_AT_FIRST;

    while (capacity < size)
        capacity *= 2;
    char *bytes = realloc(batch->bytes, capacity);
    if (bytes == NULL)
        return false;
    batch->bytes = bytes;
    batch->bytes_capacity = capacity;
    return true;
}

char *batch_reserve(struct batch *batch, uint32_t size_max)
{
    if (batch->submission.count == batch->entry_capacity && !grow_entries(batch))
        return NULL;
    if (batch->bytes_size + size_max > batch->bytes_capacity && !grow_bytes(batch, batch->bytes_size + size_max))
        return NULL;
    return batch->bytes + batch->bytes_size;
}

void batch_add(struct batch *batch, uint32_t partition, uint32_t owner_hash, uint32_t size)
{
    ASSERT(batch->submission.count < batch->entry_capacity && batch->bytes_size + size <= batch->bytes_capacity);
    batch->submission.entries[batch->submission.count++] = (struct submission_entry){
        .partition = partition,
        .owner_hash = owner_hash,
        .source_partition = LOG_NO_SOURCE,
        .record = {.data = NULL, .size = size}, /* placed by batch_seal */
    };
    batch->bytes_size += size;
    batch->accepted++;
}

void batch_drop(struct batch *batch, uint32_t place)
{
    struct slice *record = &batch->submission.entries[place].record;

    ASSERT(place < batch->submission.count && record->data == NULL);
    record->data = batch->bytes; /* until batch_seal: that it is dropped */
    batch->accepted--;
    batch->duplicates++;
}

void batch_reject(struct batch *batch, uint32_t index, const struct problem *problem)
{
    struct json_writer *w = &batch->errors;

    if (batch->rejected == 0)
        batch->first_error = *problem;
    batch->rejected++;
    batch->rejected_by[problem->status]++;
    if (batch->rejected > BATCH_ERRORS_MAX)
        return;
    json_object_begin(w);
    json_key(w, "index");
    json_unsigned(w, index);
    json_key(w, "code");
    json_text(w, status_row(problem->status)->code);
    json_key(w, "pointer");
    json_text(w, problem->pointer);
    json_key(w, "message");
    json_text(w, problem->detail);
    json_object_end(w);
}

static void submission_done(struct submission *submission)
{
    struct batch *batch = submission->context;

    batch->done(batch->context);
}

void batch_seal(struct batch *batch, struct log *log, void (*done)(void *context), void *context)
{
    const char *at = batch->bytes;

    uint32_t kept = 0;

    for (uint32_t i = 0; i < batch->submission.count; i++) {
        struct submission_entry entry = batch->submission.entries[i];
        if (entry.record.data == NULL) { /* not dropped */
            batch->submission.entries[kept] = entry;
            batch->submission.entries[kept++].record.data = at;
        }
        at += entry.record.size;
    }
    batch->submission.count = kept;
    batch->submission.log = log;
    batch->submission.done = submission_done;
    batch->submission.context = batch;
    batch->done = done;
    batch->context = context;
}
