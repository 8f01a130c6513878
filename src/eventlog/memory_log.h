/* memory_log.h - an event log in memory that commits, aborts or will not say, by lot.
 *
 * A transaction_port for the engine's random test.  The fate of a generation is drawn from a
 * seed when it is closed: committed, aborted, or unknown, which is one of the two in secret;
 * `outcome` says PENDING a drawn number of times before, and outcomes come in order.  The
 * successor of an aborted or unknown generation is aborted with it, as a broker would; the worker may
 * close it and ask, or leave it and begin the next.  A record of a source position that is
 * committed already is dropped, as the embedded log does.
 *
 * Threads: one.
 * Memory:  all that was emitted; a test's.
 * Failure: STATUS_MEMORY; misuse of the port asserts.
 */
#ifndef EVENTLOG_MEMORY_LOG_H
#define EVENTLOG_MEMORY_LOG_H

#include "eventlog/transaction.h"

struct memory_log;

struct memory_log_odds {
    double aborted, unknown;    /* the rest commits */
    double unknown_committed;   /* of the unknown ones */
    uint32_t pending_max;       /* calls of outcome that say PENDING: 0 to this */
};

struct memory_log_record {
    uint32_t partition, index;  /* of its cause */
    uint64_t offset;
    struct slice record;        /* owned by the log */
};

enum status memory_log_create(struct memory_log **log, uint64_t seed, uint32_t partition_count,
                              const struct memory_log_odds *odds) MUST_CHECK;
void memory_log_destroy(struct memory_log *log);
struct transaction_port memory_log_port(struct memory_log *log);

/* What is committed, in order. */
uint64_t memory_log_count(const struct memory_log *log);
const struct memory_log_record *memory_log_get(const struct memory_log *log, uint64_t i);
uint64_t memory_log_position(const struct memory_log *log, uint32_t partition);

struct memory_log_counters {
    uint64_t committed, aborted, unknown, unknown_committed; /* generations; unknown_committed is part of unknown */
    uint64_t dropped;                                        /* records that were committed before */
};
struct memory_log_counters memory_log_counters(const struct memory_log *log);

#endif
