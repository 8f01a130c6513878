/* A reader follows the published end of its segment.  `is_closed` is read before `written`:
 * once a segment is closed its end no longer moves, so a reader that saw it closed and is at
 * its end may go on to the next file. */
#include "eventlog/log.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/shared.h"
#include "eventlog/log_state.h"
#include "io/file.h"

struct log_reader {
    struct log *log;
    struct segment *segment; /* referenced: its file may be unlinked, what is open stays */
    int fd;
    struct frame_stream stream;
    struct log_section *sections;
    uint32_t section_capacity;
    struct log_frame frame;
    bool has_frame;
    bool is_bad;
};

/* The caller holds the list's lock; so the file cannot be unlinked before it is open. */
static enum status enter(struct log_reader *reader, struct segment *segment, uint64_t at)
{
    struct problem problem;
    int fd;

    enum status status = file_open(&fd, segment->path, FILE_READ, &problem);
    if (status != STATUS_OK) {
        log_message(LOG_ERROR, "eventlog", "cannot read a log", "topic=%s reason=\"%s\"", reader->log->topic,
                    problem.detail);
        return status;
    }
    file_close(&reader->fd);
    segment->refs++;
    reader->segment = segment;
    reader->fd = fd;
    frame_stream_seek(&reader->stream, fd, segment->path, at);
    return STATUS_OK;
}

/* Could the segment hold an offset >= next[p]?  The newest always could. */
static bool may_hold(const struct log *log, uint32_t index, const uint64_t *next)
{
    if (index + 1 == log->segment_count)
        return true;
    const uint64_t *ends = log->segments[index + 1]->begins; /* constant, where `ends` may still move */
    for (uint32_t p = 0; p < log->shape.partition_count; p++) {
        if (ends[p] > next[p])
            return true;
    }
    return false;
}

/* Goes to the first frame that can hold an offset >= next[p]. */
static enum status seek(struct log_reader *reader, const uint64_t *next)
{
    struct log *log = reader->log;
    struct problem problem;
    struct segment *before = reader->segment;
    uint32_t low = 0;

    pthread_mutex_lock(&log->segments_lock);
    uint32_t high = log->segment_count - 1;
    while (next != NULL && low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (may_hold(log, middle, next))
            high = middle;
        else
            low = middle + 1;
    }
    struct segment *segment = log->segments[low];
    uint64_t at = segment->frames_at;
    enum status status = next == NULL ? STATUS_OK : segment_place(segment, next, &at, &problem);
    if (status != STATUS_OK)
        log_message(LOG_ERROR, "eventlog", "cannot read a log", "topic=%s reason=\"%s\"", log->topic, problem.detail);
    else
        status = enter(reader, segment, at);
    pthread_mutex_unlock(&log->segments_lock);
    if (status == STATUS_OK && before != NULL)
        log_release_segment(log, before);
    reader->has_frame = false;
    return status;
}

enum status log_reader_open(struct log_reader **reader, struct log *log, const uint64_t *next)
{
    struct log_reader *made = calloc(1, sizeof *made);

    *reader = NULL;
    if (made == NULL)
        return STATUS_MEMORY;
    made->log = log;
    made->fd = -1;
    enum status status = frame_stream_init(&made->stream, log->shape.partition_count, log->shape.source_count);
    if (status == STATUS_OK)
        status = seek(made, next);
    if (status != STATUS_OK) {
        log_reader_close(made);
        return status;
    }
    *reader = made;
    return STATUS_OK;
}

void log_reader_close(struct log_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->segment)
        log_release_segment(reader->log, reader->segment);
    file_close(&reader->fd);
    frame_stream_fini(&reader->stream);
    free(reader->sections);
    free(reader);
}

static enum status enter_next(struct log_reader *reader)
{
    struct log *log = reader->log;
    struct segment *before = reader->segment;
    enum status status = STATUS_OK;

    pthread_mutex_lock(&log->segments_lock);
    /* Where retention overtook this reader, the next one is the oldest left. */
    uint32_t low = 0, high = log->segment_count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->ordinal > before->ordinal)
            high = middle;
        else
            low = middle + 1;
    }
    ASSERT(log->segments[low]->ordinal > before->ordinal);
    status = enter(reader, log->segments[low], log->segments[low]->frames_at);
    pthread_mutex_unlock(&log->segments_lock);
    if (status == STATUS_OK)
        log_release_segment(log, before);
    return status;
}

static enum status parse(struct log_reader *reader, const struct frame_head *head)
{
    const struct frame_section *sections = frame_sections(head);
    const char *records = frame_records(head);

    if (head->section_count > reader->section_capacity) {
        struct log_section *larger = realloc(reader->sections, head->section_count * sizeof *larger);
        if (larger == NULL)
            return STATUS_MEMORY;
        reader->sections = larger;
        reader->section_capacity = head->section_count;
    }
    for (uint32_t i = 0; i < head->section_count; i++) {
        reader->sections[i] = (struct log_section){
            .partition = sections[i].partition,
            .source_partition = sections[i].source_partition,
            .first_offset = sections[i].first_offset,
            .source_high = sections[i].source_high,
            .count = sections[i].count,
            .records = slice_make(records, sections[i].bytes),
        };
        records += sections[i].bytes;
    }
    reader->frame = (struct log_frame){head->sequence, head->received_at_ms, head->section_count, reader->sections};
    reader->has_frame = true;
    return STATUS_OK;
}

static enum status refuse(struct log_reader *reader, const struct problem *problem)
{
    if (problem->status == STATUS_OK)
        log_message(LOG_ERROR, "eventlog", "a stored frame fails its checksum", "file=%s offset=%llu",
                    reader->segment->path, (unsigned long long)reader->stream.at);
    else
        log_message(LOG_ERROR, "eventlog", "cannot read a log", "reason=\"%s\"", problem->detail);
    reader->is_bad = problem->status == STATUS_OK;
    return problem->status == STATUS_OK ? STATUS_CORRUPT : problem->status;
}

enum status log_reader_next(struct log_reader *reader, const struct log_frame **frame)
{
    const struct frame_head *head;
    struct problem problem = {0};

    *frame = NULL;
    reader->has_frame = false;
    if (reader->is_bad)
        return STATUS_CORRUPT;
    /* Each turn but the last leaves a closed segment. */
    for (;;) {
        bool is_closed = SHARED_ACQUIRE(reader->segment->is_closed);
        /* Pairs with the release in publish of log.c. */
        uint64_t end = SHARED_ACQUIRE(reader->segment->written);
        if (reader->stream.at < end) {
            enum status status = frame_stream_next(&reader->stream, end, reader->segment->salt, &head, &problem);
            if (status != STATUS_OK || head == NULL)
                return refuse(reader, &problem);
            status = parse(reader, head);
            *frame = status == STATUS_OK ? &reader->frame : NULL;
            return status;
        }
        if (!is_closed)
            return STATUS_OK;
        enum status status = enter_next(reader);
        if (status != STATUS_OK)
            return status;
    }
}

/* ---- one record by scanning ---- */

enum place { BEHIND, HERE, BEFORE };

/* Is the offset in this frame, and if not, may it come later? */
static enum place locate(const struct log_frame *frame, uint32_t partition, uint64_t offset, struct slice *record)
{
    enum place place = BEHIND;

    for (uint32_t i = 0; i < frame->section_count; i++) {
        const struct log_section *section = &frame->sections[i];
        if (section->partition != partition)
            continue;
        if (section->first_offset > offset)
            return BEFORE;
        if (offset - section->first_offset >= section->count)
            continue;
        uint32_t cursor = 0;
        for (uint64_t n = section->first_offset; n <= offset; n++) {
            if (!log_record_next(section, &cursor, record))
                return BEFORE;
        }
        return HERE;
    }
    return place;
}

/* The start for this partition alone: of the others nothing is wanted. */
static enum status seek_offset(struct log_reader *reader, uint32_t partition, uint64_t offset)
{
    uint32_t count = reader->log->shape.partition_count;
    uint64_t *next = malloc(count * sizeof *next);

    if (next == NULL)
        return STATUS_MEMORY;
    memset(next, 0xff, count * sizeof *next);
    next[partition] = offset;
    enum status status = seek(reader, next);
    free(next);
    return status;
}

enum status log_reader_find(struct log_reader *reader, uint32_t partition, uint64_t offset, struct slice *record)
{
    enum place place = reader->has_frame ? locate(&reader->frame, partition, offset, record) : BEFORE;
    const struct log_frame *frame;
    enum status status = STATUS_OK;

    if (place == HERE)
        return STATUS_OK;
    reader->is_bad = false;
    status = seek_offset(reader, partition, offset);
    /* From the place on at most a spacing of places is passed, then gaps. */
    while (status == STATUS_OK) {
        status = log_reader_next(reader, &frame);
        if (status != STATUS_OK)
            break;
        if (frame == NULL)
            return STATUS_NOT_FOUND;
        place = locate(frame, partition, offset, record);
        if (place == HERE)
            return STATUS_OK;
        if (place == BEFORE)
            return STATUS_NOT_FOUND;
    }
    return status;
}
