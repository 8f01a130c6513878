/* writer.h - the one thread that appends to the embedded logs.
 *
 * Others hand it submissions through one bounded queue.  A cycle takes all that is queued,
 * appends one frame a log, syncs as `durability` says, then calls each submission's done.
 * Only source topics (those without source partitions: user_interactions, content, control)
 * are synced before an acknowledgement; derived ones are made again from them.  All records
 * of a submission are in one frame.  A helper thread syncs at intervals, closes segments with
 * their footers and trims, so that appends do not wait for these.
 *
 * Threads: writer_submit any; done is called on the writer's thread and must not block.
 * Memory:  the queue; 512 KiB for writer_appended; submissions belong to the writer until done.
 * Failure: writer_submit STATUS_OVERLOADED when the queue is full, STATUS_IO or STATUS_DISK_FULL after a
 *          failed write or sync (acceptance stays stopped), STATUS_LOG_FULL over budget with a reader behind,
 *          STATUS_NOT_READY once writer_stop was called.  A submission that no frame can hold is done with
 *          STATUS_TOO_LARGE.
 */
#ifndef EVENTLOG_WRITER_H
#define EVENTLOG_WRITER_H

#include "eventlog/log.h"

struct writer;

struct submission_entry {
    uint32_t partition;
    uint32_t owner_hash;        /* any hash of the owner: for writer_appended */
    uint32_t source_partition;  /* LOG_NO_SOURCE: none */
    uint32_t source_index;
    uint64_t source_offset;
    struct slice record;
    uint64_t offset;            /* out: as appended; UINT64_MAX: dropped as already there */
};

struct submission {
    struct log *log;            /* one of the writer's; NULL only with count 0: all of them */
    struct submission_entry *entries;
    uint32_t count;             /* 0: a barrier, done when all before it is as durable as `durability` says */
    bool must_sync;             /* wait for a sync whatever the durability */
    int64_t wall_ms;            /* replay: received_at of its frame, never less than the last; 0: the clock's */
    enum status status;         /* out */
    int64_t received_at_ms;     /* out: the frame's */
    void (*done)(struct submission *submission);
    void *context;
};

/* queue_capacity: submissions, rounded up to a power of two. */
enum status writer_create(struct writer **writer, struct log *const *logs, uint32_t log_count,
                          const struct log_options *options, uint32_t queue_capacity) MUST_CHECK;
enum status writer_start(struct writer *writer) MUST_CHECK;
/* Takes what is queued, syncs everything, joins. */
void writer_stop(struct writer *writer);
void writer_destroy(struct writer *writer);
enum status writer_submit(struct writer *writer, struct submission *submission) MUST_CHECK;
/* Any: for an owner: an offset of its partition in the first log of writer_create such that all its appended
 * records are below it. 0: none since start. */
uint64_t writer_appended(const struct writer *writer, uint32_t partition, uint32_t owner_hash);
/* Any: the offset from which on a partition of the log is still needed.  Starts at 0, so nothing is trimmed before
 * each partition was named; UINT64_MAX: nothing of it is needed. */
void writer_set_needed(struct writer *writer, struct log *log, uint32_t partition, uint64_t offset);
/* Any: STATUS_OK, or why submissions are refused for good. */
enum status writer_failure(const struct writer *writer);
void writer_metrics(struct writer *writer, struct metric_sink *sink);
/* CPU of the writer and its helper so far; not while writer_stop runs. */
/* Any thread: time spent on cycles, and the part of them that waited for a sync. */
void writer_busy_ns(const struct writer *writer, uint64_t *busy_ns, uint64_t *syncing_ns);
uint64_t writer_cpu_ns(const struct writer *writer);

#endif
