/* Bytes of a segment file, little-endian; every part begins at a multiple of 8.
 *
 * header   0  u32  magic "PSEG"            24  u64  first sequence
 *          4  u16  version 1               32  u64  synced_to when it was made
 *          6  u16  0                       40  i64  received_at of the frame before, 0: none
 *          8  u32  length of the header    48  u32  partitions
 *         12  u32  salt                    52  u32  source partitions
 *         16  u64  XXH3-64 of the header   56  next offsets, u64 a partition
 *                  behind byte 24         ...  above every record so far, u64 a partition
 *                                         ...  sources: u64 offset, u32 index, u32 0
 * frames       as frame.c says
 * footer   0  u32  magic "PFTR"            40  i64  received_at of the first frame
 *          4  u16  version 1               48  i64  received_at of the last frame
 *          6  u16  0                       56  u32  partitions
 *          8  u32  length of the summary   60  u32  source partitions
 *         12  u32  salt                    64  u32  places
 *         16  u64  XXH3-64 of the summary  68  u32  0
 *                  behind byte 24          72  u64  XXH3-64 of the places
 *         24  u64  last sequence           80  the three tables as in the header
 *         32  u64  where the footer begins
 *         ...  places: u64 sequence, u64 file offset, u64 next offset a partition before that frame
 * trailer  0  u64  where the footer begins, 8 u32 length of the summary, 12 u32 magic "PEND"
 *
 * The summary has its own checksum so that opening a log of many partitions reads no places.
 * A footer is written only behind synced frames: where one is, all before it was durable. */
#include "eventlog/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/shared.h"
#include "io/file.h"

enum {
    HEADER_MAGIC = 0x47455350,
    FOOTER_MAGIC = 0x52544650,
    TRAILER_MAGIC = 0x444e4550,
    VERSION = 1,
    NAME_DIGITS = 20,
    PLACE_SPACING = 1 << 20,
    PLACE_OVERHEAD = 64, /* a place takes at most 1/64 of what it spans */
    PLACE_FIXED = 2,     /* words of a row before its offsets */
    SEARCH_BYTES = 1 << 20,
};

struct header {
    uint32_t magic;
    uint16_t version, zero;
    uint32_t length, salt;
    uint64_t checksum;
    uint64_t first_sequence, synced_to;
    int64_t received_at_ms;
    uint32_t partition_count, source_count;
};

struct footer {
    uint32_t magic;
    uint16_t version, zero;
    uint32_t length, salt;
    uint64_t checksum;
    uint64_t last_sequence, at;
    int64_t first_received_at_ms, last_received_at_ms;
    uint32_t partition_count, source_count, place_count, reserved;
    uint64_t places_checksum;
};

struct trailer {
    uint64_t footer_at;
    uint32_t summary_bytes, magic;
};

static_assert(sizeof(struct header) == 56 && sizeof(struct footer) == 80 && sizeof(struct trailer) == 16,
              "as in the table");
static_assert(sizeof(struct frame_source) == 16, "as in the table");

static struct segment_faults faults;

void segment_set_faults(const struct segment_faults *wanted)
{
    faults = wanted ? *wanted : (struct segment_faults){0};
}

enum status segment_write(int fd, const char *path, const void *data, uint64_t size, uint64_t at, struct problem *problem)
{
    uint64_t allowed = faults.write ? faults.write(faults.context, size) : size;

    if (allowed < size) {
        enum status status = file_pwrite_all(fd, path, data, allowed, at, problem);
        return status != STATUS_OK ? status : problem_set(problem, STATUS_DISK_FULL, "cannot write %s: made to fail", path);
    }
    return file_pwrite_all(fd, path, data, size, at, problem);
}

enum status segment_sync(int fd, const char *path, struct problem *problem)
{
    if (faults.sync_fails && faults.sync_fails(faults.context))
        return problem_set(problem, STATUS_IO, "cannot sync %s: made to fail", path);
    return file_sync(fd, path, problem);
}

void segment_start_writeback(int fd, uint64_t from, uint64_t end)
{
    /* A hint: what it does not do, the sync does, and says so if it cannot. */
    (void)sync_file_range(fd, (off_t)from, (off_t)(end - from), SYNC_FILE_RANGE_WRITE);
}

uint32_t segment_salt(void)
{
    uint32_t salt = FRAME_ANY_SALT;

    /* getrandom of 4 bytes fails only before the machine has any randomness; then it waits. */
    for (int i = 0; i < 64 && salt == FRAME_ANY_SALT; i++) {
        if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
            salt = FRAME_ANY_SALT;
    }
    return salt == FRAME_ANY_SALT ? 1 : salt;
}

bool segment_parse_name(const char *name, uint64_t *first_sequence)
{
    uint64_t value = 0;

    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *first_sequence = value;
    return value > 0 && strcmp(name + NAME_DIGITS, ".log") == 0;
}

static uint64_t tables_bytes(struct segment_shape shape)
{
    return 2 * shape.partition_count * sizeof(uint64_t) + shape.source_count * sizeof(struct frame_source);
}

static uint64_t row_words(struct segment_shape shape)
{
    return PLACE_FIXED + (uint64_t)shape.partition_count;
}

static enum status allocate(struct segment **segment, const char *dir, uint64_t first_sequence,
                            struct segment_shape shape, struct problem *problem)
{
    char name[SEGMENT_NAME_SIZE], path[FILE_PATH_SIZE];

    snprintf(name, sizeof name, "%020llu.log", (unsigned long long)first_sequence);
    enum status status = file_join(path, dir, name, problem);
    if (status != STATUS_OK)
        return status;
    struct segment *made = calloc(1, sizeof *made);
    if (made != NULL) {
        *made = (struct segment){.shape = shape,
                                 .fd = -1,
                                 .reader_fd = -1,
                                 .refs = 1,
                                 .first_sequence = first_sequence,
                                 .last_sequence = first_sequence - 1,
                                 .path = strdup(path),
                                 .begins = calloc(shape.partition_count, sizeof(uint64_t)),
                                 .ends = calloc(shape.partition_count, sizeof(uint64_t)),
                                 .floors = calloc(shape.partition_count, sizeof(uint64_t)),
                                 .tops = calloc(shape.partition_count, sizeof(uint64_t)),
                                 .highs = calloc(shape.source_count + 1, sizeof(struct frame_source))};
        made->frames_at = sizeof(struct header) + tables_bytes(shape);
    }
    if (!made || !made->path || !made->begins || !made->ends || !made->floors || !made->tops || !made->highs) {
        segment_destroy(made);
        return problem_set(problem, STATUS_MEMORY, "no memory to open %s", path);
    }
    *segment = made;
    return STATUS_OK;
}

void segment_destroy(struct segment *segment)
{
    if (segment == NULL)
        return;
    file_close(&segment->fd);
    file_close(&segment->reader_fd);
    free(segment->path);
    free(segment->begins);
    free(segment->ends);
    free(segment->floors);
    free(segment->tops);
    free(segment->highs);
    free(segment->places.rows);
    free(segment);
}

/* The tables of a header or footer. */
static void put_tables(const struct segment *segment, const uint64_t *nexts, const uint64_t *tops, char *to)
{
    uint64_t bytes = segment->shape.partition_count * sizeof(uint64_t);

    memcpy(to, nexts, bytes);
    memcpy(to + bytes, tops, bytes);
    memcpy(to + 2 * bytes, segment->highs, segment->shape.source_count * sizeof(struct frame_source));
}

/* The same back: what is behind them in the segment. */
static void take_tables(struct segment *segment, const char *from)
{
    uint64_t bytes = segment->shape.partition_count * sizeof(uint64_t);

    memcpy(segment->ends, from, bytes);
    memcpy(segment->tops, from + bytes, bytes);
    memcpy(segment->highs, from + 2 * bytes, segment->shape.source_count * sizeof(struct frame_source));
}

static enum status write_header(struct segment *segment, uint64_t synced_to, struct problem *problem)
{
    struct segment_shape shape = segment->shape;
    char *bytes = malloc(segment->frames_at);

    if (bytes == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the header of %s", segment->path);
    struct header *header = (struct header *)bytes;
    *header = (struct header){
        .magic = HEADER_MAGIC,
        .version = VERSION,
        .length = (uint32_t)segment->frames_at,
        .salt = segment->salt,
        .first_sequence = segment->first_sequence,
        .synced_to = synced_to,
        .received_at_ms = segment->last_received_at_ms,
        .partition_count = shape.partition_count,
        .source_count = shape.source_count,
    };
    put_tables(segment, segment->begins, segment->floors, bytes + sizeof *header);
    header->checksum = hash_checksum(bytes + FRAME_PREFIX, segment->frames_at - FRAME_PREFIX);
    enum status status = segment_write(segment->fd, segment->path, bytes, segment->frames_at, 0, problem);
    free(bytes);
    return status;
}

enum status segment_create(struct segment **segment, const char *dir, struct segment_shape shape,
                           uint64_t first_sequence, uint64_t synced_to, int64_t received_at_ms, const uint64_t *begins,
                           const uint64_t *floors, const struct frame_source *highs, struct problem *problem)
{
    struct segment *made;
    enum status status = allocate(&made, dir, first_sequence, shape, problem);

    if (status != STATUS_OK)
        return status;
    made->salt = segment_salt();
    made->first_received_at_ms = received_at_ms;
    made->last_received_at_ms = received_at_ms;
    made->shown_synced = synced_to;
    made->written = made->frames_at;
    made->bytes = made->frames_at;
    memcpy(made->begins, begins, shape.partition_count * sizeof *begins);
    memcpy(made->ends, begins, shape.partition_count * sizeof *begins);
    memcpy(made->floors, floors, shape.partition_count * sizeof *floors);
    memcpy(made->tops, floors, shape.partition_count * sizeof *floors);
    memcpy(made->highs, highs, shape.source_count * sizeof *highs);
    status = file_open(&made->fd, made->path, FILE_CREATE_NEW, problem);
    if (status == STATUS_OK)
        status = write_header(made, synced_to, problem);
    if (status != STATUS_OK) {
        segment_destroy(made);
        return status;
    }
    *segment = made;
    return STATUS_OK;
}

/* ---- opening ---- */

/* *is_whole false: shorter than a header, or its checksum fails. */
static enum status read_header(struct segment *segment, bool *is_whole, struct problem *problem)
{
    struct header header;
    size_t got;

    *is_whole = false;
    enum status status = file_read_at(segment->fd, segment->path, &header, sizeof header, 0, &got, problem);
    if (status != STATUS_OK || got < sizeof header || header.magic != HEADER_MAGIC || header.version != VERSION)
        return status;
    struct segment_shape shape = {header.partition_count, header.source_count};
    uint64_t length = sizeof header + tables_bytes(shape);
    if (header.length != length)
        return STATUS_OK;
    char *bytes = malloc(length);
    if (bytes == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the header of %s", segment->path);
    status = file_read_at(segment->fd, segment->path, bytes, length, 0, &got, problem);
    *is_whole = status == STATUS_OK && got == length && header.first_sequence == segment->first_sequence &&
                hash_checksum(bytes + FRAME_PREFIX, length - FRAME_PREFIX) == header.checksum;
    if (*is_whole && (shape.partition_count != segment->shape.partition_count ||
                      shape.source_count != segment->shape.source_count)) {
        status = problem_set(problem, STATUS_FORMAT, "%s has %u partitions and %u sources, not %u and %u", segment->path,
                             shape.partition_count, shape.source_count, segment->shape.partition_count,
                             segment->shape.source_count);
    } else if (*is_whole) {
        take_tables(segment, bytes + sizeof header);
        memcpy(segment->begins, segment->ends, shape.partition_count * sizeof(uint64_t));
        memcpy(segment->floors, segment->tops, shape.partition_count * sizeof(uint64_t));
        segment->salt = header.salt;
        segment->shown_synced = header.synced_to;
        segment->first_received_at_ms = header.received_at_ms;
        segment->last_received_at_ms = header.received_at_ms;
        segment->written = segment->frames_at;
    }
    free(bytes);
    return status;
}

/* The footer's place and head, when there is one that fits this file; else footer->magic is 0. */
static enum status find_footer(int fd, const struct segment *segment, struct footer *footer, struct problem *problem)
{
    struct trailer trailer;
    uint64_t size, summary = sizeof *footer + tables_bytes(segment->shape);

    footer->magic = 0;
    enum status status = file_size(fd, segment->path, &size, problem);
    if (status != STATUS_OK || size < segment->frames_at + summary + sizeof trailer)
        return status;
    status = file_pread_all(fd, segment->path, &trailer, sizeof trailer, size - sizeof trailer, problem);
    if (status != STATUS_OK || trailer.magic != TRAILER_MAGIC || trailer.summary_bytes != summary ||
        trailer.footer_at < segment->frames_at || trailer.footer_at > size - summary - sizeof trailer)
        return status;
    struct footer found;
    status = file_pread_all(fd, segment->path, &found, sizeof found, trailer.footer_at, problem);
    uint64_t places = found.place_count * row_words(segment->shape) * sizeof(uint64_t);
    bool fits = status == STATUS_OK && found.magic == FOOTER_MAGIC && found.version == VERSION &&
                found.salt == segment->salt && found.length == summary && found.at == trailer.footer_at &&
                found.at + summary + places + sizeof trailer == size;
    if (fits)
        *footer = found;
    return status;
}

static enum status read_footer(struct segment *segment, struct problem *problem)
{
    struct footer footer;
    enum status status = find_footer(segment->fd, segment, &footer, problem);

    if (status != STATUS_OK || footer.magic == 0)
        return status;
    char *bytes = malloc(footer.length);
    if (bytes == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the footer of %s", segment->path);
    status = file_pread_all(segment->fd, segment->path, bytes, footer.length, footer.at, problem);
    if (status == STATUS_OK && hash_checksum(bytes + FRAME_PREFIX, footer.length - FRAME_PREFIX) == footer.checksum) {
        take_tables(segment, bytes + sizeof footer);
        segment->last_sequence = footer.last_sequence;
        segment->shown_synced = footer.last_sequence;
        segment->first_received_at_ms = footer.first_received_at_ms;
        segment->last_received_at_ms = footer.last_received_at_ms;
        segment->written = footer.at;
        segment->synced = footer.at;
        segment->bytes = footer.at + footer.length + sizeof(struct trailer) +
                         footer.place_count * row_words(segment->shape) * sizeof(uint64_t);
        segment->is_closed = 1;
        segment->is_sealed = true;
    }
    free(bytes);
    return status;
}

enum status segment_open(struct segment **segment, const char *dir, uint64_t first_sequence, struct segment_shape shape,
                         struct problem *problem)
{
    struct segment *made;
    bool is_whole;

    *segment = NULL;
    enum status status = allocate(&made, dir, first_sequence, shape, problem);
    if (status != STATUS_OK)
        return status;
    made->is_named = true;
    status = file_open(&made->fd, made->path, FILE_WRITE, problem);
    if (status == STATUS_OK)
        status = read_header(made, &is_whole, problem);
    if (status == STATUS_OK && is_whole)
        status = read_footer(made, problem);
    if (status != STATUS_OK || !is_whole) {
        segment_destroy(made);
        return status;
    }
    if (made->is_sealed)
        file_close(&made->fd);
    *segment = made;
    return STATUS_OK;
}

enum status segment_scan(struct segment *segment, uint64_t *size, struct problem *problem)
{
    struct frame_stream stream;
    const struct frame_head *head;

    enum status status = file_size(segment->fd, segment->path, size, problem);
    if (status != STATUS_OK)
        return status;
    status = frame_stream_init(&stream, segment->shape.partition_count, segment->shape.source_count);
    if (status != STATUS_OK)
        return problem_set(problem, status, "no memory to read %s", segment->path);
    frame_stream_seek(&stream, segment->fd, segment->path, segment->frames_at);
    /* Each turn passes a frame. */
    for (;;) {
        uint64_t at = stream.at;
        status = frame_stream_next(&stream, *size, segment->salt, &head, problem);
        if (status != STATUS_OK || head == NULL || head->sequence != segment->last_sequence + 1)
            break;
        status = segment_note(segment, head, at);
        if (status != STATUS_OK) {
            status = problem_set(problem, status, "no memory for the places of %s", segment->path);
            break;
        }
        segment->written = stream.at;
        if (head->synced_to > segment->shown_synced)
            segment->shown_synced = head->synced_to;
    }
    frame_stream_fini(&stream);
    segment->bytes = segment->written;
    return status;
}

/* The next place at or behind `at` where a head of ours may be; size: none. */
static enum status search_head(int fd, const char *path, uint32_t salt, uint64_t at, uint64_t size, char *window,
                               uint64_t *found, struct problem *problem)
{
    *found = size;
    while (at + sizeof(struct frame_head) <= size) {
        size_t got;
        enum status status = file_read_at(fd, path, window, SEARCH_BYTES, at, &got, problem);
        if (status != STATUS_OK || got < sizeof(struct frame_head))
            return status;
        uint64_t last = (got - sizeof(struct frame_head)) & ~(uint64_t)7;
        for (uint64_t i = 0; i <= last; i += 8) {
            if (frame_is_head((const struct frame_head *)(window + i), salt, size - at - i)) {
                *found = at + i;
                return STATUS_OK;
            }
        }
        at += last + 8;
    }
    return STATUS_OK;
}

enum status segment_proof(const char *path, struct segment_shape shape, uint32_t salt, uint64_t from, uint64_t *synced_to,
                          struct problem *problem)
{
    struct frame_stream stream;
    const struct frame_head *head;
    uint64_t size, at = (from + 7) & ~(uint64_t)7;
    int fd;

    *synced_to = 0;
    enum status status = file_open(&fd, path, FILE_READ, problem);
    if (status != STATUS_OK)
        return status;
    char *window = malloc(SEARCH_BYTES);
    status = frame_stream_init(&stream, shape.partition_count, shape.source_count);
    if (window == NULL || status != STATUS_OK)
        status = problem_set(problem, STATUS_MEMORY, "no memory to search %s", path);
    else
        status = file_size(fd, path, &size, problem);
    /* Each turn goes forward by a frame or by 8 bytes. */
    while (status == STATUS_OK && at < size) {
        status = search_head(fd, path, salt, at, size, window, &at, problem);
        if (status != STATUS_OK || at >= size)
            break;
        frame_stream_seek(&stream, fd, path, at);
        status = frame_stream_next(&stream, size, salt, &head, problem);
        if (head != NULL && head->synced_to > *synced_to)
            *synced_to = head->synced_to;
        at = head != NULL ? stream.at : at + 8;
    }
    frame_stream_fini(&stream);
    free(window);
    file_close(&fd);
    return status;
}

enum status segment_cut(struct segment *segment, struct problem *problem)
{
    enum status status = file_truncate(segment->fd, segment->path, segment->written, problem);

    return status == STATUS_OK ? segment_sync(segment->fd, segment->path, problem) : status;
}

/* ---- appending ---- */

static uint64_t place_spacing(struct segment_shape shape)
{
    uint64_t spacing = PLACE_OVERHEAD * row_words(shape) * sizeof(uint64_t);

    return spacing > PLACE_SPACING ? spacing : PLACE_SPACING;
}

bool segment_wants_place(const struct segment *segment)
{
    const struct segment_places *places = &segment->places;
    uint64_t last_at = segment->frames_at;

    if (places->count > 0)
        last_at = places->rows[(places->count - 1) * row_words(segment->shape) + 1];
    return segment->written - last_at >= place_spacing(segment->shape);
}

static enum status add_place(struct segment *segment, uint64_t sequence, uint64_t at)
{
    struct segment_places *places = &segment->places;
    uint64_t words = row_words(segment->shape);

    if (places->count == places->capacity) {
        uint32_t capacity = places->capacity ? 2 * places->capacity : 16;
        uint64_t *rows = realloc(places->rows, capacity * words * sizeof *rows);
        if (rows == NULL)
            return STATUS_MEMORY;
        places->rows = rows;
        places->capacity = capacity;
    }
    uint64_t *row = places->rows + places->count * words;
    row[0] = sequence;
    row[1] = at;
    memcpy(row + PLACE_FIXED, segment->ends, segment->shape.partition_count * sizeof *row);
    places->count++;
    return STATUS_OK;
}

enum status segment_note(struct segment *segment, const struct frame_head *head, uint64_t at)
{
    const struct frame_section *sections = frame_sections(head);

    if (segment_wants_place(segment)) {
        enum status status = add_place(segment, head->sequence, at);
        if (status != STATUS_OK)
            return status;
    }
    for (uint32_t i = 0; i < head->section_count; i++) {
        const struct frame_section *section = &sections[i];
        uint64_t end = section->first_offset + section->count;
        if (end > segment->ends[section->partition])
            segment->ends[section->partition] = end;
        segment->tops[section->partition] = segment->ends[section->partition];
        if (section->source_partition < segment->shape.source_count) {
            struct frame_source *high = &segment->highs[section->source_partition];
            if (!frame_is_past(*high, section->source_high, section->source_index))
                *high = (struct frame_source){section->source_high, section->source_index, 0};
        }
    }
    if (segment->last_sequence < segment->first_sequence)
        segment->first_received_at_ms = head->received_at_ms;
    segment->last_received_at_ms = head->received_at_ms;
    segment->last_sequence = head->sequence;
    return STATUS_OK;
}

enum status segment_append(struct segment *segment, const struct frame_head *head, struct problem *problem)
{
    enum status status = segment_write(segment->fd, segment->path, head, frame_bytes(head), segment->written, problem);

    if (status == STATUS_OK && segment_note(segment, head, segment->written) != STATUS_OK)
        status = problem_set(problem, STATUS_MEMORY, "no memory for the places of %s", segment->path);
    return status;
}

enum status segment_seal(struct segment *segment, uint64_t *bytes, struct problem *problem)
{
    struct segment_shape shape = segment->shape;
    uint64_t summary = sizeof(struct footer) + tables_bytes(shape);
    uint64_t places = segment->places.count * row_words(shape) * sizeof(uint64_t);
    uint64_t size = summary + places + sizeof(struct trailer);

    ASSERT(segment->synced == segment->written);
    char *buffer = malloc(size);
    if (buffer == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the footer of %s", segment->path);
    struct footer *footer = (struct footer *)buffer;
    *footer = (struct footer){
        .magic = FOOTER_MAGIC,
        .version = VERSION,
        .length = (uint32_t)summary,
        .salt = segment->salt,
        .last_sequence = segment->last_sequence,
        .at = segment->written,
        .first_received_at_ms = segment->first_received_at_ms,
        .last_received_at_ms = segment->last_received_at_ms,
        .partition_count = shape.partition_count,
        .source_count = shape.source_count,
        .place_count = segment->places.count,
    };
    put_tables(segment, segment->ends, segment->tops, buffer + sizeof *footer);
    char *to = buffer + summary;
    if (places > 0)
        memcpy(to, segment->places.rows, places);
    footer->places_checksum = hash_checksum(to, places);
    footer->checksum = hash_checksum(buffer + FRAME_PREFIX, summary - FRAME_PREFIX);
    struct trailer trailer = {footer->at, (uint32_t)summary, TRAILER_MAGIC};
    memcpy(to + places, &trailer, sizeof trailer);
    enum status status = segment_write(segment->fd, segment->path, buffer, size, segment->written, problem);
    if (status == STATUS_OK)
        status = segment_sync(segment->fd, segment->path, problem);
    free(buffer);
    *bytes = size;
    return status;
}

/* ---- finding a start ---- */

/* The last row none of whose offsets is past next; all frames before it are then of no use. */
static uint64_t search_rows(const uint64_t *rows, uint32_t count, struct segment_shape shape, const uint64_t *next,
                            uint64_t frames_at)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint64_t *offsets = rows + middle * row_words(shape) + PLACE_FIXED;
        bool is_before = true;
        for (uint32_t p = 0; p < shape.partition_count && is_before; p++)
            is_before = offsets[p] <= next[p];
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? frames_at : rows[(low - 1) * row_words(shape) + 1];
}

enum status segment_place(const struct segment *segment, const uint64_t *next, uint64_t *at, struct problem *problem)
{
    struct footer footer;
    int fd;

    if (!segment->is_sealed || segment->places.rows != NULL) {
        *at = search_rows(segment->places.rows, segment->places.count, segment->shape, next, segment->frames_at);
        return STATUS_OK;
    }
    enum status status = file_open(&fd, segment->path, FILE_READ, problem);
    if (status != STATUS_OK)
        return status;
    status = find_footer(fd, segment, &footer, problem);
    if (status == STATUS_OK && footer.magic == 0)
        status = problem_set(problem, STATUS_CORRUPT, "%s has lost its footer", segment->path);
    uint64_t *rows = NULL;
    uint64_t bytes = status == STATUS_OK ? footer.place_count * row_words(segment->shape) * sizeof *rows : 0;
    if (status == STATUS_OK && bytes > 0) {
        rows = malloc(bytes);
        status = rows == NULL ? problem_set(problem, STATUS_MEMORY, "no memory for the places of %s", segment->path)
                              : file_pread_all(fd, segment->path, rows, bytes, footer.at + footer.length, problem);
        if (status == STATUS_OK && hash_checksum(rows, bytes) != footer.places_checksum)
            status = problem_set(problem, STATUS_CORRUPT, "%s: the places at byte %llu fail their checksum", segment->path,
                                 (unsigned long long)(footer.at + footer.length));
    }
    if (status == STATUS_OK)
        *at = search_rows(rows, footer.place_count, segment->shape, next, segment->frames_at);
    free(rows);
    file_close(&fd);
    return status;
}
