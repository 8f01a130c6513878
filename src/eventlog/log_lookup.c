/* log_read: one record by its offset.  With places it is a table and one pread; without, a
 * reader of its own scans forward from the nearest place it knows. */
#include "eventlog/log_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "eventlog/log_state.h"
#include "io/file.h"

enum {
    READER_FILES_MAX = 32,
    FIRST_READ_BYTES = 2048, /* of a record: most documents are smaller, a second read is the exception */
};

enum status log_lookup_keep(struct log *log, const struct segment *segment, const struct frame_head *head, uint64_t at)
{
    const struct frame_section *sections = frame_sections(head);
    const char *records = frame_records(head);
    uint64_t byte = at + (uint64_t)(records - (const char *)head);

    for (uint32_t i = 0; i < head->section_count; i++) {
        uint64_t end = byte + sections[i].bytes;
        for (uint32_t n = 0; n < sections[i].count; n++) {
            uint32_t size;
            memcpy(&size, (const char *)head + (byte - at), sizeof size);
            enum status status = place_table_add(&log->places[sections[i].partition], sections[i].first_offset + n,
                                                 segment->ordinal, byte);
            if (status != STATUS_OK)
                return status;
            byte += sizeof size + size;
        }
        byte = end;
    }
    return STATUS_OK;
}

enum status log_lookup_index(struct log *log)
{
    log->places = calloc(log->shape.partition_count, sizeof *log->places);
    if (log->places == NULL)
        return STATUS_MEMORY;
    struct frame_stream stream;
    enum status status = frame_stream_init(&stream, log->shape.partition_count, log->shape.source_count);
    for (uint32_t i = 0; i < log->segment_count && status == STATUS_OK; i++) {
        struct segment *segment = log->segments[i];
        struct problem problem = {0};
        const struct frame_head *head;
        int fd;
        status = file_open(&fd, segment->path, FILE_READ, &problem);
        if (status == STATUS_OK)
            frame_stream_seek(&stream, fd, segment->path, segment->frames_at);
        while (status == STATUS_OK && stream.at < segment->written) {
            uint64_t at = stream.at;
            status = frame_stream_next(&stream, segment->written, segment->salt, &head, &problem);
            if (status == STATUS_OK && head == NULL)
                status = problem_set(&problem, STATUS_CORRUPT, "%s: a bad frame at byte %llu", segment->path,
                                     (unsigned long long)at);
            else if (status == STATUS_OK)
                status = log_lookup_keep(log, segment, head, at);
        }
        if (status != STATUS_OK)
            log_message(LOG_ERROR, "eventlog", "cannot index a log", "topic=%s reason=\"%s\"", log->topic, problem.detail);
        file_close(&fd);
    }
    frame_stream_fini(&stream);
    return status;
}

static void close_idle_file(struct log *log)
{
    uint32_t files = 0;
    struct segment *idle = NULL;

    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        files += segment->reader_fd >= 0;
        if (segment->reader_fd >= 0 && segment->refs == 1)
            idle = segment;
    }
    if (files >= READER_FILES_MAX && idle != NULL)
        file_close(&idle->reader_fd);
}

/* The segment that holds the record, referenced and with its file open. */
static enum status acquire_place(struct log *log, uint32_t partition, uint64_t offset, struct segment **segment,
                                 uint64_t *byte)
{
    uint64_t ordinal;
    enum status status = STATUS_NOT_FOUND;

    pthread_mutex_lock(&log->segments_lock);
    if (place_table_find(&log->places[partition], offset, &ordinal, byte)) {
        struct segment *found = log->segments[ordinal - log->segments[0]->ordinal];
        ASSERT(found->ordinal == ordinal);
        status = STATUS_OK;
        if (found->reader_fd < 0) {
            close_idle_file(log);
            status = file_open(&found->reader_fd, found->path, FILE_READ, NULL);
        }
        if (status == STATUS_OK) {
            found->refs++;
            *segment = found;
        }
    }
    pthread_mutex_unlock(&log->segments_lock);
    return status;
}

static enum status read_at_place(const struct segment *segment, uint64_t byte, char *buffer, uint32_t capacity,
                                 struct slice *record)
{
    char first[FIRST_READ_BYTES];
    uint32_t size;
    size_t got;
    enum status status = file_read_at(segment->reader_fd, segment->path, first, sizeof first, byte, &got, NULL);

    if (status != STATUS_OK)
        return status;
    if (got < sizeof size)
        return STATUS_CORRUPT;
    memcpy(&size, first, sizeof size);
    if (size > capacity)
        return STATUS_TOO_LARGE;
    uint64_t have = got - sizeof size < size ? got - sizeof size : size;
    memcpy(buffer, first + sizeof size, have);
    if (have < size)
        status = file_pread_all(segment->reader_fd, segment->path, buffer + have, size - have, byte + sizeof size + have,
                                NULL);
    *record = slice_make(buffer, size);
    return status;
}

static enum status read_by_scan(struct log *log, uint32_t partition, uint64_t offset, char *buffer, uint32_t capacity,
                                struct slice *record)
{
    struct slice found;
    enum status status = STATUS_OK;

    pthread_mutex_lock(&log->lookup_lock);
    if (log->lookup == NULL)
        status = log_reader_open(&log->lookup, log, NULL);
    if (status == STATUS_OK)
        status = log_reader_find(log->lookup, partition, offset, &found);
    if (status == STATUS_OK && found.size > capacity)
        status = STATUS_TOO_LARGE;
    if (status == STATUS_OK) {
        memcpy(buffer, found.data, found.size);
        *record = slice_make(buffer, found.size);
    }
    pthread_mutex_unlock(&log->lookup_lock);
    return status;
}

enum status log_lookup_read(struct log *log, uint32_t partition, uint64_t offset, char *buffer, uint32_t capacity,
                            struct slice *record)
{
    struct segment *segment;
    uint64_t byte;

    if (log->places == NULL)
        return read_by_scan(log, partition, offset, buffer, capacity, record);
    enum status status = acquire_place(log, partition, offset, &segment, &byte);
    if (status != STATUS_OK)
        return status;
    status = read_at_place(segment, byte, buffer, capacity, record);
    log_release_segment(log, segment);
    return status;
}
