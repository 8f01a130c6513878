/* transaction.h - what a worker needs of an event log to commit exactly once.
 *
 * begin, apply, emit, commit -> committed | aborted | unknown.  The unit is the worker's
 * transaction over all its tasks.  Embedded, a transaction is committed when its outbox is
 * in the log; on Kafka it holds outbox, changelog and input offsets; the random test has an
 * in-memory one that returns all three outcomes.  At most two generations are under way.
 *
 * Threads: the worker.
 * Memory:  the implementation's.
 * Failure: as each call says; after STATUS_IO the worker stops and acceptance with it.
 */
#ifndef EVENTLOG_TRANSACTION_H
#define EVENTLOG_TRANSACTION_H

#include "base/slice.h"
#include "base/status.h"

enum transaction_outcome { TRANSACTION_PENDING, TRANSACTION_COMMITTED, TRANSACTION_ABORTED, TRANSACTION_UNKNOWN };

struct transaction_position {
    uint32_t partition;
    uint64_t next_offset;
};

struct transaction_port {
    void *context;
    /* Opens generation g (1, 2, ...). */
    enum status (*begin)(void *context, uint64_t generation);
    /* A learning record caused by (partition, offset); bytes are copied. */
    enum status (*emit)(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice record);
    /* Closes the generation with the positions it reaches. */
    enum status (*commit)(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count);
    /* Non-blocking. */
    enum transaction_outcome (*outcome)(void *context, uint64_t generation);
    /* After unknown: the position that is in fact committed. */
    enum status (*committed)(void *context, uint32_t partition, uint64_t *next_offset);
};

#endif
