/* chunk.h - one file of a changelog: header, blocks of records, commits, and an index.
 *
 * Threads: one at a time.
 * Memory:  40 bytes a row; a walk 1 MiB or its largest block.
 * Failure: STATUS_IO, STATUS_DISK_FULL, STATUS_MEMORY; what is not whole is told apart, not an error.
 */
#ifndef EVENTLOG_CHUNK_H
#define EVENTLOG_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"

enum chunk_type { CHUNK_RECORDS = 1, CHUNK_COMMIT, CHUNK_OLDEST };

enum { CHUNK_FILE_HEADER = 72, CHUNK_PREFIX = 24, CHUNK_ANY_SALT = 0 };

/* Tables of bytes in chunk.c. */
struct chunk_head {
    uint32_t magic;
    uint16_t version, type;
    uint32_t length, salt;
    uint64_t checksum;
    uint64_t checkpoint;
    uint64_t synced;
    uint64_t position;
    uint32_t oldest, type_again;
};

struct chunk_record {
    struct hash128 key;
    int64_t deadline_ms;
    uint32_t size, kind;
    uint32_t check, reserved;
};

struct chunk_row {
    struct hash128 key;
    int64_t deadline_ms;
    uint32_t byte, size;
    uint32_t kind, reserved;
};

struct chunk_file_header {
    uint32_t magic;
    uint16_t version, zero;
    uint32_t task, salt;
    uint64_t checksum;
    uint32_t number, oldest;
    uint64_t checkpoint;
    uint64_t synced;
    uint64_t previous_end;
    uint32_t salt_again, zero_again;
    uint64_t reserved;
};

/* What a file says as a whole. */
struct chunk_summary {
    uint64_t row_count;
    uint64_t committed_count; /* rows before the last commit; the rest is of tail_checkpoint */
    uint64_t first_commit;    /* checkpoint number of the first commit in it; 0: none */
    uint64_t tail_checkpoint;
    uint64_t next_checkpoint; /* above all numbers in it */
    uint64_t position;        /* of the last commit in it */
    uint64_t end;             /* of its blocks */
    uint32_t oldest;
    uint32_t reserved;
};

struct chunk_rows {
    struct chunk_row *rows;
    uint64_t count, capacity;
};

enum status chunk_rows_push(struct chunk_rows *rows, const struct chunk_row *row) MUST_CHECK;
void chunk_rows_fini(struct chunk_rows *rows);

void chunk_seal(struct chunk_head *head, uint64_t bytes); /* fills magic, version, length, type_again, checksum */
uint64_t chunk_record_bytes(uint32_t size);               /* with head and padding */
void chunk_put_record(char *to, const struct chunk_row *row, struct slice record);
uint32_t chunk_check(const struct chunk_record *head, const void *record);

static inline uint64_t chunk_bytes(const struct chunk_head *head)
{
    return CHUNK_PREFIX + (uint64_t)head->length;
}

enum status chunk_write_header(int fd, const char *path, struct chunk_file_header *header, struct problem *problem) MUST_CHECK;
/* *is_whole: a header of this number. */
enum status chunk_read_header(int fd, const char *path, uint32_t number, struct chunk_file_header *header, bool *is_whole,
                              struct problem *problem) MUST_CHECK;

enum status chunk_write_index(int fd, const char *path, uint32_t salt, const struct chunk_summary *summary,
                              const struct chunk_rows *rows, uint64_t *bytes, struct problem *problem) MUST_CHECK;
/* *is_whole false: there is none, or it is torn. rows NULL: the summary only, and rows are not checked. */
enum status chunk_read_index(int fd, const char *path, uint32_t salt, struct chunk_summary *summary,
                             struct chunk_rows *rows, bool *is_whole, struct problem *problem) MUST_CHECK;

/* Walks the blocks from the header to the first that is not whole. *bad_at: where that is (or the end);
 * *keep: end of the last commit or note of the oldest; *synced: the highest shown. */
enum status chunk_scan(int fd, const char *path, uint32_t salt, struct chunk_summary *summary, struct chunk_rows *rows,
                       uint64_t *bad_at, uint64_t *keep, uint64_t *synced, struct problem *problem) MUST_CHECK;
/* The highest `synced` of whole blocks at or behind `from`. */
enum status chunk_proof(int fd, const char *path, uint32_t salt, uint64_t from, uint64_t *synced,
                        struct problem *problem) MUST_CHECK;

#endif
