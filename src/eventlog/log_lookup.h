/* log_lookup.h - one record of a log by its offset; the inside of log_read.
 *
 * Threads: log_lookup_read any; log_lookup_keep the appender, under the list's lock;
 *          log_lookup_index before the first append.
 * Memory:  8 bytes a record once log_lookup_index was called.
 * Failure: as log_read and log_index_places say.
 */
#ifndef EVENTLOG_LOG_LOOKUP_H
#define EVENTLOG_LOG_LOOKUP_H

#include "eventlog/frame.h"
#include "eventlog/log.h"

struct segment;

enum status log_lookup_index(struct log *log) MUST_CHECK;
/* Notes the places of a frame's records; `at`: the frame's in its file. */
enum status log_lookup_keep(struct log *log, const struct segment *segment, const struct frame_head *head,
                            uint64_t at) MUST_CHECK;
enum status log_lookup_read(struct log *log, uint32_t partition, uint64_t offset, char *buffer, uint32_t capacity,
                            struct slice *record) MUST_CHECK;

#endif
