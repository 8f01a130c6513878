/* log.h - one topic: partitions of records by offset, in one sequence of segment files.
 *
 * All partitions are interleaved.  A frame is what one cycle appended: a header with
 * checksum, sequence, synced_to and received_at, then per partition a section of records.
 * Offsets of a partition grow and are never given twice; they may have gaps.  On open the
 * file is cut at its first bad frame, unless a later frame, a footer or a checkpoint shows
 * that this place had been synced: then it is STATUS_CORRUPT, naming file and offset.
 *
 * Threads: one appender; any number of readers, each with its own struct log_reader.
 *          What says "any" may be called from any thread.
 * Memory:  the frame under construction, twice (log.frame_bytes each, touched as used);
 *          32 bytes a partition and segment; a reader's buffer of 1 MiB or its largest frame;
 *          with log_index_places 8 bytes a record kept.
 * Failure: a failed write or sync closes the log for appends for good (STATUS_IO, STATUS_DISK_FULL).
 */
#ifndef EVENTLOG_LOG_H
#define EVENTLOG_LOG_H

#include "base/bell.h"
#include "base/metric.h"
#include "base/option.h"
#include "base/slice.h"
#include "base/status.h"

enum { LOG_NO_SOURCE = 0xffff, LOG_PARTITION_MAX = 4096 };

enum log_durability { LOG_ALWAYS, LOG_INTERVAL, LOG_OS };

struct log_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "eventlog/log_options.def"
#undef OPTION
};

struct log;
struct log_reader;

/* The defaults of log_options.def. */
struct log_options log_options_default(void);

/* dir: the data directory; segments are dir/<topic>/<first sequence>.log.
 * source_partitions: how many source partitions its records name (0: a source topic).
 * synced_shown: sequence that a checkpoint proves to be synced; 0: none.
 * STATUS_FORMAT when the files were written with other counts of partitions. */
enum status log_open(struct log **log, const char *dir, const char *topic, uint32_t partition_count,
                     uint32_t source_partitions, uint64_t synced_shown, const struct log_options *options,
                     struct problem *problem) MUST_CHECK;
/* Syncs what is written, unless the log has failed.  Readers are closed before. */
void log_close(struct log *log);
const char *log_topic(const struct log *log);
uint32_t log_partition_count(const struct log *log);
uint32_t log_source_count(const struct log *log);

/* ---- appender ---- */

/* Starts a frame.  received_at is the wall clock, raised to the last frame's if it went back;
 * *received_at_ms is what the frame carries. */
void log_frame_begin(struct log *log, int64_t wall_ms, int64_t *received_at_ms);
/* Do count records of together bytes still fit in the frame, whatever their partitions? */
bool log_frame_fits(const struct log *log, uint32_t count, uint64_t bytes);
/* Adds a record to its partition's section; the bytes are copied.  With a source
 * (source_partition != LOG_NO_SOURCE) a record at or below the source's high position is dropped
 * (*offset = UINT64_MAX): idempotent append. (source_offset, source_index) order the records of a
 * source.  STATUS_TOO_LARGE when the frame is full. */
enum status log_frame_add(struct log *log, uint32_t partition, struct slice record, uint32_t source_partition,
                          uint64_t source_offset, uint32_t source_index, uint64_t *offset) MUST_CHECK;
/* Writes the frame (nothing when it is empty), publishes end offsets to readers and rings. */
enum status log_frame_commit(struct log *log) MUST_CHECK;
/* Any thread: fdatasync up to what is written when it is called; returns when durable. */
enum status log_sync(struct log *log) MUST_CHECK;
/* Any thread: lets the disk begin with what is written, without waiting for it, so that the next sync
 * is short.  Does nothing while a sync is under way. */
void log_start_writeback(struct log *log);
/* Any thread: syncs closed segments that have no footer yet and writes their footers. */
enum status log_seal(struct log *log) MUST_CHECK;
/* Raises next offsets: an offset that some other file names is never given again.  There will
 * be no record between the old end and the new one. */
void log_raise(struct log *log, uint32_t partition, uint64_t next_offset);
/* Next offset that will be given. Any thread: as published. */
uint64_t log_end(const struct log *log, uint32_t partition);
/* Any: all records below are trimmed, none at or above. */
uint64_t log_begin(const struct log *log, uint32_t partition);
/* Any: high source position: records at or below are already here. (UINT64_MAX: none yet.) */
uint64_t log_source_high(const struct log *log, uint32_t source_partition);
uint64_t log_sequence_written(const struct log *log); /* any; 0: nothing */
uint64_t log_sequence_synced(const struct log *log);  /* any */
/* Any: STATUS_OK, or why the log takes no more appends. */
enum status log_failure(const struct log *log);
/* Any: unlinks whole segments that retention allows, none of which holds an offset >= needed[p]. */
enum status log_trim(struct log *log, const uint64_t *needed, int64_t now_ms) MUST_CHECK;
uint64_t log_bytes(const struct log *log); /* any: of all segment files */
/* Rung at each publish. */
struct bell *log_bell(struct log *log);
/* Before anyone appends or sleeps: a publish rings this bell, so that one sleeper can wait for two logs. */
void log_use_bell(struct log *log, struct bell *bell);
void log_metrics(const struct log *log, struct metric_sink *sink);

/* ---- readers ---- */

struct log_section {
    uint32_t partition;
    uint32_t source_partition; /* LOG_NO_SOURCE: none */
    uint64_t first_offset;
    uint64_t source_high;
    uint32_t count;
    struct slice records;      /* walked by log_record_next */
};

struct log_frame {
    uint64_t sequence;
    int64_t received_at_ms;
    uint32_t section_count;
    const struct log_section *sections; /* borrowed until the next log_reader_next */
};

/* Starts at the first frame that can hold an offset >= next[p] for any p; frames may hold
 * earlier records too, which the caller skips by offset.  next == NULL: the oldest frame. */
enum status log_reader_open(struct log_reader **reader, struct log *log, const uint64_t *next) MUST_CHECK;
void log_reader_close(struct log_reader *reader);
/* *frame is NULL when there is no further published frame.  A bad frame is STATUS_CORRUPT, again
 * at each call; file and offset are in the log message. */
enum status log_reader_next(struct log_reader *reader, const struct log_frame **frame) MUST_CHECK;
/* Walks a section: false at its end. cursor starts at 0. Records of a section have consecutive offsets. */
bool log_record_next(const struct log_section *section, uint32_t *cursor, struct slice *record);

/* Keeps the place of every record in memory from now on (8 bytes a record), so that log_read
 * costs one pread.  Before the first append; reads the whole topic once. */
enum status log_index_places(struct log *log) MUST_CHECK;
/* Any: one record by offset (documents of topic content); copied into buffer.  STATUS_NOT_FOUND: never
 * given, not yet written or trimmed; STATUS_TOO_LARGE: over capacity.  Without log_index_places it
 * scans up to 1 MiB, from where the last call stopped if that is near. */
enum status log_read(struct log *log, uint32_t partition, uint64_t offset, char *buffer, uint32_t capacity,
                     struct slice *record) MUST_CHECK;

#endif
