/* frame.h - what one cycle appended, as bytes: building, checking and reading frames.
 *
 * A frame is built by adding records in any order of partitions; it is encoded with the
 * records of a section side by side.  A stream reads frames one after another from a file
 * and checks each once.
 *
 * Threads: one at a time per builder and per stream.
 * Memory:  a builder twice its capacity; a stream 1 MiB, or the largest frame it met.
 * Failure: STATUS_MEMORY, STATUS_TOO_LARGE (frame full), STATUS_IO; a bad frame is told apart.
 */
#ifndef EVENTLOG_FRAME_H
#define EVENTLOG_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

/* Table of bytes in frame.c. */
struct frame_head {
    uint32_t magic;
    uint16_t version;
    uint16_t codec;
    uint32_t length;
    uint32_t salt;
    uint64_t checksum;
    uint64_t sequence;
    uint64_t synced_to;
    int64_t received_at_ms;
    uint32_t section_count;
    uint32_t reserved;
};

struct frame_section {
    uint32_t partition;
    uint32_t source_partition;
    uint64_t first_offset;
    uint32_t count;
    uint32_t bytes;
    uint64_t source_high;
    uint32_t source_index;
    uint32_t reserved;
};

/* Position in a source: its records are ordered by offset, then index. */
struct frame_source {
    uint64_t offset; /* UINT64_MAX: none yet */
    uint32_t index;
    uint32_t reserved;
};

enum {
    FRAME_PREFIX = 24,           /* bytes before those that the checksum covers */
    FRAME_BYTES_MAX = 1 << 29,   /* more than log.frame_bytes allows: a longer one is not ours */
    FRAME_ANY_SALT = 0,          /* no segment has this salt */
};

bool frame_is_past(struct frame_source high, uint64_t offset, uint32_t index);

struct frame_builder {
    uint32_t partition_count;
    uint64_t capacity;      /* bytes of an encoded frame */
    char *staged;           /* {u32 size, bytes} in order of arrival */
    uint64_t staged_bytes;
    uint32_t *section_of_record;
    uint64_t record_count;
    uint64_t record_capacity;
    struct frame_section *sections;
    uint32_t section_count;
    uint32_t section_capacity;
    uint32_t *section_of_partition; /* the section that takes its next record; UINT32_MAX: none */
    uint32_t *cursors;              /* per section, while encoding */
    char *encoded;
};

enum status frame_builder_init(struct frame_builder *builder, uint32_t partition_count, uint64_t capacity) MUST_CHECK;
void frame_builder_fini(struct frame_builder *builder);
void frame_builder_reset(struct frame_builder *builder);
bool frame_builder_fits(const struct frame_builder *builder, uint64_t count, uint64_t bytes);
/* offset: of this record; consecutive per partition. */
enum status frame_builder_add(struct frame_builder *builder, uint32_t partition, uint64_t offset, struct slice record,
                              uint32_t source_partition, uint64_t source_offset, uint32_t source_index) MUST_CHECK;
uint64_t frame_builder_bytes(const struct frame_builder *builder);
/* Fills what head leaves open (magic, lengths, checksum). The result is borrowed until the next reset. */
const struct frame_head *frame_builder_encode(struct frame_builder *builder, uint32_t salt, uint64_t sequence,
                                              uint64_t synced_to, int64_t received_at_ms);

static inline uint64_t frame_bytes(const struct frame_head *head)
{
    return FRAME_PREFIX + (uint64_t)head->length;
}

static inline const struct frame_section *frame_sections(const struct frame_head *head)
{
    return (const struct frame_section *)(head + 1);
}

/* The records of all sections, one section after another. */
static inline const char *frame_records(const struct frame_head *head)
{
    return (const char *)(frame_sections(head) + head->section_count);
}

/* Is this a head of ours, as far as a head alone can tell?  room: bytes from it to the end of the file. */
bool frame_is_head(const struct frame_head *head, uint32_t salt, uint64_t room);
/* head is followed by the whole frame: checksum and inner lengths. */
bool frame_is_whole(const struct frame_head *head, uint32_t partition_count, uint32_t source_count);

struct frame_stream {
    int fd;
    const char *path;
    uint32_t partition_count;
    uint32_t source_count;
    uint64_t at;      /* file offset of the next frame */
    char *buffer;
    uint64_t capacity;
    uint64_t used;    /* bytes of buffer already given out */
    uint64_t filled;
};

enum status frame_stream_init(struct frame_stream *stream, uint32_t partition_count, uint32_t source_count) MUST_CHECK;
void frame_stream_fini(struct frame_stream *stream);
/* fd and path stay the caller's. */
void frame_stream_seek(struct frame_stream *stream, int fd, const char *path, uint64_t at);
/* The frame at stream->at, which ends at or before limit; *head is NULL when there is a bad one (or none).
 * Borrowed until the next call. */
enum status frame_stream_next(struct frame_stream *stream, uint64_t limit, uint32_t salt, const struct frame_head **head,
                              struct problem *problem) MUST_CHECK;

#endif
