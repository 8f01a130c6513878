/* segment.h - one file of a log: a header, frames, and once it is closed a footer.
 *
 * The header carries the next offset of every partition, so that offsets are never given
 * twice even when all older files are gone.  The footer carries the same at the end and a
 * list of places, one about each MiB, from which a reader finds its start.
 *
 * Threads: what changes a segment is the log's appender (segment_append, segment_close) or
 *          the log's lock; `written` and `is_closed` are read by any thread.
 * Memory:  32 bytes a partition, 16 a source; the places of a segment without a footer.
 * Failure: STATUS_IO, STATUS_DISK_FULL, STATUS_MEMORY; STATUS_CORRUPT and STATUS_FORMAT on open.
 */
#ifndef EVENTLOG_SEGMENT_H
#define EVENTLOG_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "eventlog/frame.h"

struct segment_shape {
    uint32_t partition_count;
    uint32_t source_count;
};

struct segment_places {
    uint64_t *rows; /* each: sequence, file offset, then the next offset of each partition */
    uint32_t count;
    uint32_t capacity;
};

struct segment {
    struct segment_shape shape;
    char *path;
    int fd;                     /* for writing; -1 once it has its footer */
    int reader_fd;              /* for log_read; -1: not open */
    uint32_t salt;
    uint32_t refs;              /* under the log's lock */
    uint64_t ordinal;           /* 0, 1, ... since the log was opened */
    uint64_t first_sequence;
    uint64_t last_sequence;     /* first_sequence - 1: no frame */
    int64_t first_received_at_ms;
    int64_t last_received_at_ms;
    uint64_t frames_at;         /* where the first frame begins */
    uint64_t shown_synced;      /* the highest synced_to in it */
    uint64_t *begins;           /* next offsets when it was made */
    uint64_t *ends;             /* next offsets behind its last frame */
    uint64_t *floors;           /* when it was made, above every record ever written: where offsets were
                                 * raised, lower than begins, and no record lies between */
    uint64_t *tops;             /* the same behind its last frame */
    struct frame_source *highs; /* high source positions behind its last frame */
    struct segment_places places;
    uint64_t written;           /* published: end of the last frame */
    uint32_t is_closed;         /* published: no frame will follow */
    uint64_t bytes;             /* of the file; exact once it is sealed */
    uint64_t synced;            /* durable up to here; under the log's sync lock */
    uint64_t flushing;          /* writeback was begun up to here; under the log's sync lock */
    bool is_named;              /* its name is durable; under the log's sync lock */
    bool is_sealed;             /* has its footer */
};

/* A file of a directory that may be a segment of it. */
enum { SEGMENT_NAME_SIZE = 32 };
bool segment_parse_name(const char *name, uint64_t *first_sequence);

/* Makes the file with its header; nothing is synced. */
enum status segment_create(struct segment **segment, const char *dir, struct segment_shape shape,
                           uint64_t first_sequence, uint64_t synced_to, int64_t received_at_ms, const uint64_t *begins,
                           const uint64_t *floors, const struct frame_source *highs,
                           struct problem *problem) MUST_CHECK;
/* Reads header and footer.  *segment is NULL, with STATUS_OK, when the header is not whole. */
enum status segment_open(struct segment **segment, const char *dir, uint64_t first_sequence, struct segment_shape shape,
                         struct problem *problem) MUST_CHECK;
void segment_destroy(struct segment *segment);

/* Walks the frames of a segment without a footer up to the first bad one. *size: of the file. */
enum status segment_scan(struct segment *segment, uint64_t *size, struct problem *problem) MUST_CHECK;
/* The highest synced_to of the frames of a file that begin at or behind `from`; 0: none.
 * salt FRAME_ANY_SALT: the header that names it is lost. */
enum status segment_proof(const char *path, struct segment_shape shape, uint32_t salt, uint64_t from, uint64_t *synced_to,
                          struct problem *problem) MUST_CHECK;
/* Cuts behind the last frame, durably. */
enum status segment_cut(struct segment *segment, struct problem *problem) MUST_CHECK;

/* Will a frame appended now add a place?  Then the caller holds the log's lock. */
bool segment_wants_place(const struct segment *segment);
/* Writes a frame; does not publish it. */
enum status segment_append(struct segment *segment, const struct frame_head *head, struct problem *problem) MUST_CHECK;
/* Takes note of a frame of frame_bytes(head) at `at`: ends, highs, places, times. */
enum status segment_note(struct segment *segment, const struct frame_head *head, uint64_t at) MUST_CHECK;
/* Writes the footer behind synced frames and syncs it. *bytes: of the footer. */
enum status segment_seal(struct segment *segment, uint64_t *bytes, struct problem *problem) MUST_CHECK;

/* Where to start so as to miss no offset >= next[p] of any p.  ends: of all frames. */
enum status segment_place(const struct segment *segment, const uint64_t *next, uint64_t *at,
                          struct problem *problem) MUST_CHECK;

/* ---- every write and sync of this room ---- */

enum status segment_write(int fd, const char *path, const void *data, uint64_t size, uint64_t at,
                          struct problem *problem) MUST_CHECK;
enum status segment_sync(int fd, const char *path, struct problem *problem) MUST_CHECK;
/* Lets the disk begin with what lies in [from, end), without waiting: the sync to come finds less to do. */
void segment_start_writeback(int fd, uint64_t from, uint64_t end);
/* A salt: random, not FRAME_ANY_SALT. */
uint32_t segment_salt(void);

/* For tests only: asked before each write how many of its bytes to write (fewer: then the disk
 * is full) and before each sync whether it fails.  NULL: none. Not while another thread writes. */
struct segment_faults {
    uint64_t (*write)(void *context, uint64_t size);
    bool (*sync_fails)(void *context);
    void *context;
};
void segment_set_faults(const struct segment_faults *faults);

#endif
