/* log_state.h - the inside of struct log, shared by log.c, log_reader.c and log_recovery.c.
 *
 * The list of segments changes only when one is made or unlinked, so its lock is taken about
 * once a second, never a frame.  What a reader needs at each frame is published in words.
 *
 * Threads: fields say who writes them.  Lock ranks: syncing, then segments.
 * Memory:  as log.h says.
 * Failure: as log.h says.
 */
#ifndef EVENTLOG_LOG_STATE_H
#define EVENTLOG_LOG_STATE_H

#include <pthread.h>

#include "eventlog/frame.h"
#include "eventlog/log.h"
#include "eventlog/log_lookup.h"
#include "eventlog/place.h"
#include "eventlog/segment.h"

enum { LOG_TOPIC_SIZE = 64, LOG_UNSEALED_MAX = 8 };

struct log {
    char topic[LOG_TOPIC_SIZE];
    char *dir;                   /* of its segments */
    struct segment_shape shape;
    struct log_options options;
    uint64_t segment_bytes;      /* at which a segment is closed */
    struct bell bell;
    struct bell *rung;        /* own, or another log's (log_use_bell) */

    /* the appender's */
    struct frame_builder builder;
    uint64_t *next;              /* next offset to give, also to records of the frame under construction */
    struct frame_source *highs;
    int64_t received_at_ms;
    bool is_begun;
    struct segment *open;        /* the newest, which frames go to */

    /* published by the appender */
    uint64_t *ends;
    uint64_t *high_offsets;
    uint64_t sequence_written;
    uint64_t frames, records, records_dropped;
    uint64_t clock_behind;       /* frames whose wall clock had gone back */
    int64_t clock_behind_ms;     /* by how much, at the last frame */

    /* any thread */
    uint32_t failure;            /* enum status; set once */
    uint64_t bytes;
    uint64_t *begins;            /* under segments_lock, read anywhere */
    uint64_t trimmed_segments;
    uint64_t cut_bytes;          /* by log_open */

    pthread_mutex_t syncing;     /* one sync or seal at a time */
    uint64_t sequence_synced;    /* published under syncing */
    uint64_t syncs;

    pthread_mutex_t segments_lock;
    struct segment **segments;   /* oldest first; the last is open */
    uint32_t segment_count, segment_capacity;
    uint64_t next_ordinal;
    struct place_table *places;  /* one a partition; NULL: not kept */

    pthread_mutex_t lookup_lock; /* log_read without places */
    struct log_reader *lookup;
};

/* log_recovery.c: fills the list from the directory, cuts what may be cut; all but the last
 * are closed afterwards, and the last may be closed too. */
enum status log_recovery_run(struct log *log, uint64_t synced_shown, struct problem *problem) MUST_CHECK;

/* log.c */
enum status log_add_segment(struct log *log, struct segment *segment) MUST_CHECK;
/* Closes the log for appends, says so once, and returns status. */
enum status log_fail(struct log *log, const struct problem *problem);
void log_release_segment(struct log *log, struct segment *segment);

/* log_reader.c: the record of an offset by scanning forward. */
enum status log_reader_find(struct log_reader *reader, uint32_t partition, uint64_t offset,
                            struct slice *record) MUST_CHECK;

#endif
