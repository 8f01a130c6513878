#include "engine/log_cursor.h"

enum status log_cursor_open(struct log_cursor *cursor, struct log *log, const uint64_t *next)
{
    *cursor = (struct log_cursor){0};
    return log_reader_open(&cursor->reader, log, next);
}

void log_cursor_close(struct log_cursor *cursor)
{
    if (cursor->reader != NULL)
        log_reader_close(cursor->reader);
    *cursor = (struct log_cursor){0};
}

/* Takes records of the section until the run is full or the section ends (then true). */
static bool take(struct log_cursor *cursor, const struct log_section *section, uint64_t *next, struct log_run *run)
{
    struct slice record;

    while (run->count < LOG_CURSOR_RUN) {
        if (!log_record_next(section, &cursor->place, &record))
            return true;
        uint64_t offset = section->first_offset + cursor->index++;
        if (offset < *next)
            continue;
        if (run->count == 0)
            run->first_offset = offset;
        run->records[run->count++] = record;
        *next = offset + 1;
    }
    return false;
}

static void leave_section(struct log_cursor *cursor)
{
    cursor->section++;
    cursor->place = 0;
    cursor->index = 0;
    if (cursor->section == cursor->frame->section_count)
        cursor->frame = NULL;
}

enum status log_cursor_next(struct log_cursor *cursor, uint64_t *next, struct log_run *run)
{
    run->count = 0;
    for (;;) {
        if (cursor->frame == NULL) {
            enum status status = log_reader_next(cursor->reader, &cursor->frame);
            if (status != STATUS_OK || cursor->frame == NULL)
                return status;
            cursor->section = cursor->place = cursor->index = 0;
            if (cursor->frame->section_count == 0)
                cursor->frame = NULL;
            continue;
        }
        const struct log_section *section = &cursor->frame->sections[cursor->section];
        uint64_t *wanted = &next[section->partition];
        run->partition = section->partition;
        run->received_at_ms = cursor->frame->received_at_ms;
        bool is_over = *wanted == LOG_CURSOR_OTHER || section->first_offset + section->count <= *wanted || take(cursor, section, wanted, run);
        /* The frame is borrowed until the reader moves on, which it does only on the next call. */
        if (is_over)
            leave_section(cursor);
        if (run->count > 0)
            return STATUS_OK;
    }
}
