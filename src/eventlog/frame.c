/* Bytes of a frame, little-endian, padded with zeros to a multiple of 8:
 *
 *    0  u32  magic "PFRM"
 *    4  u16  version 1
 *    6  u16  codec 0: none
 *    8  u32  length of all that is behind byte 24
 *   12  u32  salt of the segment
 *   16  u64  checksum: XXH3-64 of all that is behind byte 24
 *   24  u64  sequence: 1, 2, ... without gaps
 *   32  u64  synced_to: a sequence that was durable when this was written
 *   40  i64  received_at, ms since 1970
 *   48  u32  sections
 *   52  u32  0
 *   56  sections of 40 bytes:
 *         0  u32  partition               20  u32  bytes of its records
 *         4  u32  source partition,       24  u64  highest source offset
 *                 65535: none             32  u32  source index of that
 *         8  u64  first offset            36  u32  0
 *        16  u32  records
 *   ...  records, in the order of the sections: u32 size, then the bytes
 *
 * The salt is random and known to nobody outside: records are written by strangers, and one
 * of them may contain the bytes of a frame that claims to prove a sync.  It also tells apart
 * blocks of another file that a file system put here after a power loss. */
#include "eventlog/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "eventlog/log.h"
#include "io/file.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian and read in place");
static_assert(sizeof(struct frame_head) == 56, "as in the table");
static_assert(sizeof(struct frame_section) == 40, "as in the table");

enum { MAGIC = 0x4d524650, VERSION = 1, SIZE_BYTES = 4, STREAM_BYTES = 1 << 20, RECORDS_AT_FIRST = 1024 };

static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) & ~(uint64_t)7;
}

bool frame_is_past(struct frame_source high, uint64_t offset, uint32_t index)
{
    if (high.offset == UINT64_MAX)
        return false;
    return offset < high.offset || (offset == high.offset && index <= high.index);
}

enum status frame_builder_init(struct frame_builder *builder, uint32_t partition_count, uint64_t capacity)
{
    ASSERT(partition_count > 0 && partition_count <= LOG_PARTITION_MAX && capacity < FRAME_BYTES_MAX);
    *builder = (struct frame_builder){
        .partition_count = partition_count,
        .capacity = capacity,
        .record_capacity = RECORDS_AT_FIRST,
        .section_capacity = partition_count,
    };
    builder->staged = malloc(capacity);
    builder->encoded = aligned_alloc(64, (capacity + 63) & ~(uint64_t)63);
    builder->section_of_record = malloc(RECORDS_AT_FIRST * sizeof *builder->section_of_record);
    builder->sections = malloc(partition_count * sizeof *builder->sections);
    builder->cursors = malloc(partition_count * sizeof *builder->cursors);
    builder->section_of_partition = malloc(partition_count * sizeof *builder->section_of_partition);
    if (!builder->staged || !builder->encoded || !builder->section_of_record || !builder->sections ||
        !builder->cursors || !builder->section_of_partition) {
        frame_builder_fini(builder);
        return STATUS_MEMORY;
    }
    memset(builder->section_of_partition, 0xff, partition_count * sizeof *builder->section_of_partition);
    return STATUS_OK;
}

void frame_builder_fini(struct frame_builder *builder)
{
    free(builder->staged);
    free(builder->encoded);
    free(builder->section_of_record);
    free(builder->sections);
    free(builder->cursors);
    free(builder->section_of_partition);
    *builder = (struct frame_builder){0};
}

void frame_builder_reset(struct frame_builder *builder)
{
    for (uint32_t i = 0; i < builder->section_count; i++)
        builder->section_of_partition[builder->sections[i].partition] = UINT32_MAX;
    builder->section_count = 0;
    builder->record_count = 0;
    builder->staged_bytes = 0;
}

uint64_t frame_builder_bytes(const struct frame_builder *builder)
{
    return padded(sizeof(struct frame_head) + builder->section_count * sizeof(struct frame_section) +
                  builder->staged_bytes);
}

bool frame_builder_fits(const struct frame_builder *builder, uint64_t count, uint64_t bytes)
{
    /* Each record may open a section, when sources alternate. */
    uint64_t more = bytes + count * (SIZE_BYTES + sizeof(struct frame_section));

    return frame_builder_bytes(builder) + more + 8 <= builder->capacity;
}

static enum status grow(void **array, uint64_t count, size_t item)
{
    void *larger = realloc(*array, count * item);

    if (larger == NULL)
        return STATUS_MEMORY;
    *array = larger;
    return STATUS_OK;
}

static enum status make_room(struct frame_builder *builder)
{
    enum status status = STATUS_OK;

    if (builder->record_count == builder->record_capacity) {
        status = grow((void **)&builder->section_of_record, 2 * builder->record_capacity,
                      sizeof *builder->section_of_record);
        if (status == STATUS_OK)
            builder->record_capacity *= 2;
    }
    if (status == STATUS_OK && builder->section_count == builder->section_capacity) {
        uint64_t count = 2 * (uint64_t)builder->section_capacity;
        status = grow((void **)&builder->sections, count, sizeof *builder->sections);
        if (status == STATUS_OK)
            status = grow((void **)&builder->cursors, count, sizeof *builder->cursors);
        if (status == STATUS_OK)
            builder->section_capacity = (uint32_t)count;
    }
    return status;
}

/* A section has one source and consecutive offsets, so another source, or a gap in the
 * offsets, opens another section of the partition. */
static struct frame_section *section_for(struct frame_builder *builder, uint32_t partition, uint64_t offset,
                                         uint32_t source_partition)
{
    uint32_t index = builder->section_of_partition[partition];

    if (index != UINT32_MAX) {
        struct frame_section *section = &builder->sections[index];
        if (section->source_partition == source_partition && section->first_offset + section->count == offset)
            return section;
    }
    index = builder->section_count++;
    builder->section_of_partition[partition] = index;
    builder->sections[index] = (struct frame_section){
        .partition = partition, .source_partition = source_partition, .first_offset = offset};
    return &builder->sections[index];
}

enum status frame_builder_add(struct frame_builder *builder, uint32_t partition, uint64_t offset, struct slice record,
                              uint32_t source_partition, uint64_t source_offset, uint32_t source_index)
{
    ASSERT(partition < builder->partition_count);
    if (!frame_builder_fits(builder, 1, record.size))
        return STATUS_TOO_LARGE;
    enum status status = make_room(builder);
    if (status != STATUS_OK)
        return status;
    struct frame_section *section = section_for(builder, partition, offset, source_partition);
    section->count++;
    section->bytes += SIZE_BYTES + record.size;
    if (source_partition != LOG_NO_SOURCE) {
        section->source_high = source_offset;
        section->source_index = source_index;
    }
    builder->section_of_record[builder->record_count++] = (uint32_t)(section - builder->sections);
    char *to = builder->staged + builder->staged_bytes;
    memcpy(to, &record.size, SIZE_BYTES);
    if (record.size > 0)
        memcpy(to + SIZE_BYTES, record.data, record.size);
    builder->staged_bytes += SIZE_BYTES + record.size;
    return STATUS_OK;
}

static void copy_records(struct frame_builder *builder, char *records)
{
    uint32_t at = 0;

    if (builder->section_count == 1) {
        memcpy(records, builder->staged, builder->staged_bytes);
        return;
    }
    for (uint32_t i = 0; i < builder->section_count; i++) {
        builder->cursors[i] = at;
        at += builder->sections[i].bytes;
    }
    const char *from = builder->staged;
    for (uint64_t i = 0; i < builder->record_count; i++) {
        uint32_t size;
        uint32_t *cursor = &builder->cursors[builder->section_of_record[i]];
        memcpy(&size, from, SIZE_BYTES);
        memcpy(records + *cursor, from, SIZE_BYTES + (size_t)size);
        *cursor += SIZE_BYTES + size;
        from += SIZE_BYTES + size;
    }
}

const struct frame_head *frame_builder_encode(struct frame_builder *builder, uint32_t salt, uint64_t sequence,
                                              uint64_t synced_to, int64_t received_at_ms)
{
    struct frame_head *head = (struct frame_head *)builder->encoded;
    uint64_t bytes = frame_builder_bytes(builder);

    ASSERT(bytes <= builder->capacity && salt != FRAME_ANY_SALT);
    *head = (struct frame_head){
        .magic = MAGIC,
        .version = VERSION,
        .length = (uint32_t)(bytes - FRAME_PREFIX),
        .salt = salt,
        .sequence = sequence,
        .synced_to = synced_to,
        .received_at_ms = received_at_ms,
        .section_count = builder->section_count,
    };
    char *sections = (char *)(head + 1);
    uint64_t section_bytes = builder->section_count * sizeof(struct frame_section);
    memset(builder->encoded + bytes - 8, 0, 8);
    memcpy(sections, builder->sections, section_bytes);
    copy_records(builder, sections + section_bytes);
    head->checksum = hash_checksum(builder->encoded + FRAME_PREFIX, head->length);
    return head;
}

bool frame_is_head(const struct frame_head *head, uint32_t salt, uint64_t room)
{
    if (room < sizeof *head || head->magic != MAGIC || head->version != VERSION || head->codec != 0)
        return false;
    if (salt != FRAME_ANY_SALT && head->salt != salt)
        return false;
    uint64_t bytes = frame_bytes(head);
    return bytes >= sizeof *head && bytes % 8 == 0 && bytes <= room && bytes <= FRAME_BYTES_MAX;
}

/* The checksum says that we wrote it, not that the writer had no bug: what a reader relies on
 * to stay inside the frame is checked as if it came from a stranger. */
bool frame_is_whole(const struct frame_head *head, uint32_t partition_count, uint32_t source_count)
{
    const char *body = (const char *)head + FRAME_PREFIX;

    if (hash_checksum(body, head->length) != head->checksum)
        return false;
    uint64_t left = frame_bytes(head) - sizeof *head;
    if (head->section_count > left / sizeof(struct frame_section))
        return false;
    left -= head->section_count * sizeof(struct frame_section);
    const struct frame_section *sections = frame_sections(head);
    for (uint32_t i = 0; i < head->section_count; i++) {
        const struct frame_section *section = &sections[i];
        bool has_source = section->source_partition != LOG_NO_SOURCE;
        if (section->partition >= partition_count || (has_source && section->source_partition >= source_count))
            return false;
        if (section->bytes > left || (uint64_t)section->count * SIZE_BYTES > section->bytes)
            return false;
        left -= section->bytes;
    }
    return true;
}

enum status frame_stream_init(struct frame_stream *stream, uint32_t partition_count, uint32_t source_count)
{
    *stream = (struct frame_stream){.fd = -1,
                                    .capacity = STREAM_BYTES,
                                    .partition_count = partition_count,
                                    .source_count = source_count,
                                    .buffer = malloc(STREAM_BYTES)};
    return stream->buffer == NULL ? STATUS_MEMORY : STATUS_OK;
}

void frame_stream_fini(struct frame_stream *stream)
{
    free(stream->buffer);
    *stream = (struct frame_stream){.fd = -1};
}

void frame_stream_seek(struct frame_stream *stream, int fd, const char *path, uint64_t at)
{
    ASSERT(at % 8 == 0);
    stream->fd = fd;
    stream->path = path;
    stream->at = at;
    stream->used = 0;
    stream->filled = 0;
}

/* Makes at least `wanted` bytes of the file visible at buffer + used; reads ahead up to limit. */
static enum status fill(struct frame_stream *stream, uint64_t wanted, uint64_t limit, struct problem *problem)
{
    uint64_t have = stream->filled - stream->used;

    if (have >= wanted)
        return STATUS_OK;
    memmove(stream->buffer, stream->buffer + stream->used, have);
    stream->used = 0;
    stream->filled = have;
    if (wanted > stream->capacity) {
        enum status status = grow((void **)&stream->buffer, wanted, 1);
        if (status != STATUS_OK)
            return problem_set(problem, status, "no memory for a frame of %llu bytes of %s",
                               (unsigned long long)wanted, stream->path);
        stream->capacity = wanted;
    }
    uint64_t from = stream->at + have;
    uint64_t room = stream->capacity - have;
    uint64_t size = limit - from < room ? limit - from : room;
    size_t got;
    enum status status = file_read_at(stream->fd, stream->path, stream->buffer + have, size, from, &got, problem);
    stream->filled += got;
    return status;
}

enum status frame_stream_next(struct frame_stream *stream, uint64_t limit, uint32_t salt, const struct frame_head **head,
                              struct problem *problem)
{
    *head = NULL;
    if (stream->at + sizeof(struct frame_head) > limit)
        return STATUS_OK;
    enum status status = fill(stream, sizeof(struct frame_head), limit, problem);
    if (status != STATUS_OK || stream->filled - stream->used < sizeof(struct frame_head))
        return status;
    const struct frame_head *found = (const struct frame_head *)(stream->buffer + stream->used);
    if (!frame_is_head(found, salt, limit - stream->at))
        return STATUS_OK;
    uint64_t bytes = frame_bytes(found);
    status = fill(stream, bytes, limit, problem);
    if (status != STATUS_OK || stream->filled - stream->used < bytes)
        return status;
    found = (const struct frame_head *)(stream->buffer + stream->used);
    if (!frame_is_whole(found, stream->partition_count, stream->source_count))
        return STATUS_OK;
    stream->used += bytes;
    stream->at += bytes;
    *head = found;
    return STATUS_OK;
}
