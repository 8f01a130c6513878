/* log_cursor.h - walks a log's frames record by record, for the partitions somebody owns.
 *
 * Gives runs of consecutive records of one partition, at most as many as asked for, and
 * skips sections of other partitions and offsets already applied.
 *
 * Threads: one.
 * Memory:  the reader's.
 * Failure: the reader's: STATUS_IO, STATUS_CORRUPT, STATUS_MEMORY.
 */
#ifndef ENGINE_LOG_CURSOR_H
#define ENGINE_LOG_CURSOR_H

#include "eventlog/log.h"

enum { LOG_CURSOR_RUN = 16 };

/* next[p] of a partition that is not wanted. */
#define LOG_CURSOR_OTHER UINT64_MAX

struct log_cursor {
    struct log_reader *reader;
    const struct log_frame *frame; /* NULL: the next one is to be read */
    uint32_t section, place, index;
};

struct log_run {
    uint32_t partition;
    uint32_t count; /* 0: nothing more is published */
    uint64_t first_offset;
    int64_t received_at_ms;
    struct slice records[LOG_CURSOR_RUN];
};

enum status log_cursor_open(struct log_cursor *cursor, struct log *log, const uint64_t *next) MUST_CHECK;
void log_cursor_close(struct log_cursor *cursor);
/* next[p]: the first offset wanted of partition p; advanced by what is given. */
enum status log_cursor_next(struct log_cursor *cursor, uint64_t *next, struct log_run *run) MUST_CHECK;

#endif
