/* batch.h - one body on its way into a log: its submission, and the bytes that it points to.
 *
 * Records are encoded one after the other into a buffer of the batch; entries are fixed up
 * when the batch is sealed, because the buffer may have moved while it grew.
 *
 * Threads: the event loop that made it; between engine_submit and done the writer reads it.
 * Memory:  grows with its body and is kept for the next one; a pool keeps at most
 *          BATCH_KEPT_MAX batches of at most BATCH_BYTES_KEPT_MAX bytes each.
 * Failure: batch_acquire, batch_reserve return NULL when there is no memory.
 */
#ifndef COLLECT_BATCH_H
#define COLLECT_BATCH_H

#include "collect/payload.h"
#include "eventlog/writer.h"
#include "wire/json_writer.h"

enum { BATCH_KEPT_MAX = 256, BATCH_BYTES_KEPT_MAX = 256 * 1024, BATCH_ERRORS_MAX = 100 };

struct batch {
    struct submission submission;
    uint32_t entry_capacity;
    size_t bytes_size;
    size_t bytes_capacity;
    char *bytes;
    struct json_writer errors;   /* the members of `errors`, at most BATCH_ERRORS_MAX */
    struct problem first_error;
    struct payload payload;      /* while its items are read */
    uint64_t number;             /* of the body, for repeats within it */
    uint32_t repeat_count;
    uint32_t accepted;
    uint32_t duplicates;
    uint32_t filtered;
    uint32_t rejected;
    uint32_t rejected_by[STATUS_COUNT];
    void (*done)(void *context); /* on the writer's thread */
    void *context;
    struct batch *free_next;
};

struct batch_pool {
    struct batch *free;
    uint32_t free_count;
};

struct batch *batch_acquire(struct batch_pool *pool);
void batch_release(struct batch_pool *pool, struct batch *batch);
void batch_pool_fini(struct batch_pool *pool);

/* Room for one more entry and a record of at most size_max bytes, which the caller writes there. */
char *batch_reserve(struct batch *batch, uint32_t size_max);
/* The record just written has this size. */
void batch_add(struct batch *batch, uint32_t partition, uint32_t owner_hash, uint32_t size);
/* The entry at this place turns out to be a duplicate: batch_seal leaves it out. */
void batch_drop(struct batch *batch, uint32_t place);
/* An item that cannot be taken: counted, and listed while there is room. */
void batch_reject(struct batch *batch, uint32_t index, const struct problem *problem);
/* Makes the submission; without entries it is a barrier. */
void batch_seal(struct batch *batch, struct log *log, void (*done)(void *context), void *context);

#endif
