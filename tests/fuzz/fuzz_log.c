/* Goal: a log whose files were damaged opens to a prefix of what was appended, or says that it is
 * corrupt; it never gives a record that was not appended there, and opening again finds the same.
 * Method: the input is a script: appends, commits, syncs, seals over small segments; then
 * flipped bytes, cuts and exchanged bytes in its files, with or without checksums made right
 * again.  A table of what was appended is the other implementation; after checksums were forged
 * only the second opening and the bounds are looked at. */
#include "fuzz.h"

#include "base/hash.h"
#include "eventlog/frame.h"
#include "eventlog/log.h"
#include "io/file.h"

enum { PARTITIONS = 3, SOURCES = 2, RECORDS_MAX = 200, OPS_MAX = 300, DAMAGES_MAX = 6, SIZE_MAX_BYTES = 700, RECORD_HEAD = 8 };

struct appended {
    uint64_t sequence; /* of its frame */
    uint64_t offset;
    uint32_t partition, size;
};

static struct appended table[RECORDS_MAX];
static uint32_t table_count;
static char root[FUZZ_PATH_SIZE + 8], folder[FUZZ_PATH_SIZE + 16];
static bool has_sources, is_forged;

static struct log *open_log(struct problem *problem)
{
    struct log_options options = log_options_default();
    struct log *log;

    options.segment_bytes = 2048;
    options.frame_bytes = 1 << 16;
    enum status status = log_open(&log, root, "t", PARTITIONS, has_sources ? SOURCES : 0, 0, &options, problem);
    if (status == STATUS_OK)
        return log;
    FUZZ_CHECK(problem->detail[0] != 0);
    FUZZ_CHECK(status == STATUS_CORRUPT || (is_forged && status == STATUS_FORMAT));
    return NULL;
}

static void make_record(char bytes[SIZE_MAX_BYTES + RECORD_HEAD], uint32_t number, uint32_t size)
{
    memset(bytes, (int)(number * 7 + size), size);
    memcpy(bytes, &number, 4);
    memcpy(bytes + 4, &size, 4);
}

static void add(struct log *log, struct fuzz_input *input)
{
    char bytes[SIZE_MAX_BYTES + RECORD_HEAD];
    uint8_t choice = fuzz_byte(input);
    uint32_t size = RECORD_HEAD + (choice % 4 == 0 ? fuzz_u16(input) % SIZE_MAX_BYTES : fuzz_byte(input));
    uint32_t partition = (choice >> 2) % PARTITIONS;
    uint64_t offset;

    if (table_count == RECORDS_MAX || !log_frame_fits(log, 1, size))
        return;
    make_record(bytes, table_count, size);
    uint32_t source = has_sources ? (choice >> 4) % SOURCES : (uint32_t)LOG_NO_SOURCE;
    FUZZ_CHECK(log_frame_add(log, partition, slice_make(bytes, size), source, choice % 2 ? table_count : 3, choice, &offset) == STATUS_OK);
    if (offset != UINT64_MAX)
        table[table_count++] = (struct appended){log_sequence_written(log) + 1, offset, partition, size};
}

static void build(struct fuzz_input *input)
{
    struct problem problem = {0};
    struct log *log = open_log(&problem);
    int64_t received_at_ms, wall_ms = 1;
    bool is_begun = false;

    FUZZ_CHECK(log != NULL);
    for (uint32_t i = 0; i < OPS_MAX; i++) {
        uint8_t op = fuzz_byte(input) % 16;
        if (op == 0)
            break;
        if (op < 9) {
            if (!is_begun)
                log_frame_begin(log, wall_ms++, &received_at_ms);
            is_begun = true;
            add(log, input);
        } else if (op < 13) {
            if (is_begun)
                FUZZ_CHECK(log_frame_commit(log) == STATUS_OK);
            is_begun = false;
        } else if (op == 13) {
            FUZZ_CHECK(log_seal(log) == STATUS_OK);
        } else {
            FUZZ_CHECK(log_sync(log) == STATUS_OK);
        }
    }
    if (is_begun)
        FUZZ_CHECK(log_frame_commit(log) == STATUS_OK);
    log_close(log);
}

/* Header, frames and footer: what has a checksum gets the right one. */
static void forge(char *bytes, size_t size)
{
    uint32_t length;
    size_t tables = PARTITIONS * 16 + (has_sources ? SOURCES : 0) * 16;

    for (size_t at = 0; at + 56 + tables <= size;) {
        memcpy(&length, bytes + at + 8, 4);
        uint32_t magic;
        memcpy(&magic, bytes + at, 4);
        bool is_frame = magic == 0x4d524650;
        uint64_t bytes_here = is_frame ? length + (uint64_t)FRAME_PREFIX : length;
        if (bytes_here < 56 || bytes_here > size - at)
            return;
        uint64_t sum = hash_checksum(bytes + at + FRAME_PREFIX, bytes_here - FRAME_PREFIX);
        memcpy(bytes + at + 16, &sum, 8);
        at += bytes_here;
    }
}

static void damage(struct fuzz_input *input, bool *is_damaged)
{
    struct file_list list;
    char path[FILE_PATH_SIZE];
    size_t size;

    uint8_t choice = fuzz_byte(input);
    FUZZ_CHECK(file_list(&list, folder, ".log", NULL) == STATUS_OK);
    if (list.count == 0) {
        file_list_fini(&list);
        return;
    }
    FUZZ_CHECK(file_join(path, folder, list.names[(choice >> 3) % list.count], NULL) == STATUS_OK);
    file_list_fini(&list);
    char *bytes = fuzz_load(path, &size);
    size_t at = fuzz_u16(input);
    at = choice & 4 ? size - at % (size + 1) : at % (size + 1);
    uint8_t value = fuzz_byte(input);
    if (choice % 4 == 0) {
        size = at;
    } else if (choice % 4 == 1 && at < size) {
        memset(bytes + at, value, size - at < 8 ? size - at : 8);
    } else if (at < size) {
        bytes[at] = (char)(bytes[at] ^ (value | 1));
    }
    if (choice % 4 == 3) {
        forge(bytes, size);
        is_forged = true;
    }
    fuzz_store(path, bytes, size);
    free(bytes);
    *is_damaged = true;
}

static void check_record(const struct log_frame *frame, const struct log_section *section, uint64_t offset, struct slice record)
{
    char expected[SIZE_MAX_BYTES + RECORD_HEAD];

    for (uint32_t i = 0; i < table_count; i++) {
        if (table[i].partition != section->partition || table[i].offset != offset)
            continue;
        FUZZ_CHECK(table[i].sequence == frame->sequence && table[i].size == record.size);
        make_record(expected, i, table[i].size);
        FUZZ_CHECK(memcmp(expected, record.data, record.size) == 0);
        return;
    }
    bool was_appended = false;
    FUZZ_CHECK(was_appended);
}

/* Reads all; a sum over everything that was read.  *sequence: of the last frame. */
static uint64_t read_all(struct log *log, uint64_t *sequence, uint32_t *records)
{
    struct log_reader *reader;
    const struct log_frame *frame;
    uint64_t sum = 1;

    *sequence = 0;
    *records = 0;
    FUZZ_CHECK(log_reader_open(&reader, log, NULL) == STATUS_OK);
    for (;;) {
        enum status status = log_reader_next(reader, &frame);
        FUZZ_CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
        sum = hash_mix(sum ^ (uint64_t)status);
        if (status != STATUS_OK || frame == NULL)
            break;
        FUZZ_CHECK(is_forged || frame->sequence == *sequence + 1);
        *sequence = frame->sequence;
        for (uint32_t i = 0; i < frame->section_count; i++) {
            const struct log_section *section = &frame->sections[i];
            uint32_t cursor = 0;
            uint64_t offset = section->first_offset;
            struct slice record;
            for (; log_record_next(section, &cursor, &record); offset++, ++*records) {
                sum = hash_mix(sum ^ hash_checksum(record.data, record.size) ^ offset);
                if (!is_forged)
                    check_record(frame, section, offset, record);
            }
        }
    }
    log_reader_close(reader);
    return sum;
}

/* After an opening: what is there is a prefix; whole where nothing was damaged. */
static void check_opened(bool is_damaged)
{
    struct problem problem = {0};
    struct log *log = open_log(&problem);
    uint64_t sequence, again;
    uint32_t records, expected = 0, again_records;

    FUZZ_CHECK(log != NULL || is_damaged);
    if (log == NULL)
        return;
    uint64_t sum = read_all(log, &sequence, &records);
    for (uint32_t i = 0; i < table_count; i++)
        expected += table[i].sequence <= sequence || !is_damaged;
    FUZZ_CHECK(is_forged || records == expected);
    log_close(log);
    log = open_log(&problem);
    FUZZ_CHECK(log != NULL);
    FUZZ_CHECK(read_all(log, &again, &again_records) == sum);
    if (!is_forged) {
        int64_t received_at_ms;
        uint64_t offset, written = log_sequence_written(log);
        FUZZ_CHECK(written >= sequence);
        log_frame_begin(log, 1 << 20, &received_at_ms);
        FUZZ_CHECK(log_frame_add(log, 0, slice_of("more"), LOG_NO_SOURCE, 0, 0, &offset) == STATUS_OK);
        for (uint32_t i = 0; i < table_count; i++)
            FUZZ_CHECK(table[i].sequence > written || table[i].partition != 0 || table[i].offset < offset);
        FUZZ_CHECK(log_frame_commit(log) == STATUS_OK && log_sequence_written(log) == written + 1);
    }
    log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    bool is_damaged = false;

    fuzz_quiet();
    snprintf(root, sizeof root, "%s/log", fuzz_directory());
    snprintf(folder, sizeof folder, "%s/t", root);
    fuzz_remove(root);
    table_count = 0;
    is_forged = false;
    has_sources = fuzz_byte(&input) % 2;
    build(&input);
    for (uint32_t i = 0; i < DAMAGES_MAX && input.size > 0; i++)
        damage(&input, &is_damaged);
    check_opened(is_damaged);
    return 0;
}
