/* Goal: log.h holds what it says: round trips, reopening, torn tails, proofs of syncs, idempotent
 * append, trimming, one record by offset, readers beside the appender, failing writes and syncs.
 * Method: small segments in a fresh directory; files are cut and flipped on purpose; failures
 * are made at the n-th write or sync. */
#include "scratch.h"

#include <pthread.h>

#include "base/log.h"
#include "eventlog/log.h"
#include "eventlog/segment.h"

enum { PARTITIONS = 3, NOW_MS = 1000000 };

static char root[SCRATCH_SIZE];
static struct log_options options;

static int set_up(void **state)
{
    (void)state;
    scratch_make(root);
    options = log_options_default();
    options.segment_bytes = 65536;
    options.frame_bytes = 65536;
    log_set_level(LOG_ERROR);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    segment_set_faults(NULL);
    scratch_remove(root);
    return 0;
}

static struct log *open_log(uint32_t sources)
{
    struct log *log;
    struct problem problem = {0};
    enum status status = log_open(&log, root, "t", PARTITIONS, sources, 0, &options, &problem);

    if (status != STATUS_OK)
        fail_msg("%s", problem.detail);
    return log;
}

/* Record of a partition's offset: distinct bytes of distinct lengths. */
static uint32_t make_record(char *bytes, uint32_t partition, uint64_t offset)
{
    uint32_t size = 24 + (uint32_t)(offset * 7 + partition) % 200;

    memset(bytes, (int)(offset * 31 + partition), size);
    snprintf(bytes, 24, "%u/%llu", partition % PARTITIONS, (unsigned long long)offset);
    return size;
}

static void add_next(struct log *log, uint32_t partition, uint64_t expected)
{
    char bytes[256];
    uint64_t offset;
    uint32_t size = make_record(bytes, partition, expected);

    assert_int_equal(
        log_frame_add(log, partition, slice_make(bytes, size), LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
    assert_int_equal(offset, expected);
}

/* Appends frames of `each` records round the partitions, from next[] on. */
static void append(struct log *log, uint32_t frames, uint32_t each, uint64_t next[PARTITIONS])
{
    int64_t received_at_ms;

    for (uint32_t f = 0; f < frames; f++) {
        log_frame_begin(log, NOW_MS, &received_at_ms);
        for (uint32_t i = 0; i < each; i++)
            add_next(log, (f + i) % PARTITIONS, next[(f + i) % PARTITIONS]++);
        assert_int_equal(log_frame_commit(log), STATUS_OK);
    }
}

/* Reads on to the published end; next[]: the offsets expected. */
static void check_on(struct log_reader *reader, uint64_t next[PARTITIONS])
{
    const struct log_frame *frame;

    for (;;) {
        assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
        if (frame == NULL)
            return;
        for (uint32_t s = 0; s < frame->section_count; s++) {
            const struct log_section *section = &frame->sections[s];
            uint32_t cursor = 0, n = 0;
            struct slice record;
            assert_int_equal(section->first_offset, next[section->partition]);
            while (log_record_next(section, &cursor, &record)) {
                char bytes[256];
                uint32_t size = make_record(bytes, section->partition, next[section->partition]++);
                assert_true(slice_equal(record, slice_make(bytes, size)));
                n++;
            }
            assert_int_equal(n, section->count);
        }
    }
}

static void check_all(struct log *log, const uint64_t expected[PARTITIONS])
{
    struct log_reader *reader;
    uint64_t next[PARTITIONS] = {0};

    assert_int_equal(log_reader_open(&reader, log, NULL), STATUS_OK);
    check_on(reader, next);
    log_reader_close(reader);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(next[p], expected[p]);
        assert_int_equal(log_end(log, p), expected[p]);
    }
}

static void what_is_appended_is_read(void **state)
{
    uint64_t next[PARTITIONS] = {0};

    (void)state;
    struct log *log = open_log(0);
    append(log, 400, 7, next);
    assert_true(scratch_count(root, "t", ".log") > 3);
    check_all(log, next);
    assert_int_equal(log_sequence_written(log), 400);
    log_close(log);
    log = open_log(0);
    check_all(log, next);
    assert_int_equal(log_sequence_synced(log), 400);
    append(log, 10, 3, next);
    check_all(log, next);
    log_close(log);
}

static void a_reader_starts_where_it_is_told(void **state)
{
    uint64_t end[PARTITIONS] = {0};

    (void)state;
    options.segment_bytes = 4 << 20;
    options.frame_bytes = 1 << 20;
    struct log *log = open_log(0);
    append(log, 400, 200, end); /* about 10 MiB, with places inside segments */
    for (int turn = 0; turn < 2; turn++) {
        for (uint64_t from = 0; from < end[0]; from += end[0] / 13) {
            uint64_t next[PARTITIONS] = {from, end[1], from + 1};
            struct log_reader *reader;
            const struct log_frame *frame;
            bool is_found = false;
            uint32_t frames = 0;
            assert_int_equal(log_reader_open(&reader, log, next), STATUS_OK);
            while (!is_found && frames++ < 400) {
                assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
                for (uint32_t s = 0; frame && s < frame->section_count; s++) {
                    const struct log_section *section = &frame->sections[s];
                    if (section->partition == 0) {
                        assert_true(section->first_offset <= from || is_found);
                        is_found = is_found || from - section->first_offset < section->count;
                    }
                }
            }
            assert_true(is_found);
            assert_true(frames < 80); /* a place each MiB, a frame of 25 KiB */
            log_reader_close(reader);
        }
        log_close(log);
        log = open_log(0);
    }
    log_close(log);
}

static void time_never_goes_back(void **state)
{
    int64_t received_at_ms;
    uint64_t next[PARTITIONS] = {0};

    (void)state;
    struct log *log = open_log(0);
    append(log, 1, 1, next);
    log_frame_begin(log, NOW_MS - 500, &received_at_ms);
    assert_int_equal(received_at_ms, NOW_MS);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    log_close(log);
    log = open_log(0);
    log_frame_begin(log, NOW_MS - 1, &received_at_ms);
    assert_int_equal(received_at_ms, NOW_MS);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    log_close(log);
}

static void a_torn_tail_is_cut_at_any_byte(void **state)
{
    uint64_t before[PARTITIONS] = {0}, after[PARTITIONS];
    char path[FILE_PATH_SIZE];

    (void)state;
    struct log *log = open_log(0);
    append(log, 5, 4, before);
    memcpy(after, before, sizeof after);
    log_close(log);
    scratch_file(path, root, "t", ".log", -1);
    uint64_t kept = scratch_size(path);
    log = open_log(0);
    append(log, 1, 4, after);
    log_close(log);
    struct scratch_copy whole = scratch_load(path);
    assert_true(whole.size > kept);
    for (uint64_t size = kept; size <= whole.size; size++) {
        uint64_t next[PARTITIONS];
        scratch_store(path, &whole);
        scratch_cut(path, size);
        log = open_log(0);
        memcpy(next, size == whole.size ? after : before, sizeof next);
        check_all(log, next);
        append(log, 1, 5, next);
        check_all(log, next);
        log_close(log);
    }
    free(whole.bytes);
}

static void a_torn_header_of_a_new_file_is_no_loss(void **state)
{
    uint64_t next[PARTITIONS] = {0};
    char path[FILE_PATH_SIZE];

    (void)state;
    struct log *log = open_log(0);
    append(log, 60, 12, next);
    log_close(log);
    /* A file that was just made when the machine died. */
    scratch_file(path, root, "t", ".log", -1);
    uint32_t files = scratch_count(root, "t", ".log");
    struct scratch_copy whole = scratch_load(path);
    uint64_t header = 56 + PARTITIONS * 16;
    log = open_log(0);
    uint64_t kept[PARTITIONS];
    struct log_reader *reader;
    const struct log_frame *frame;
    uint64_t first_of_last;
    sscanf(strrchr(path, '/') + 1, "%llu", (unsigned long long *)&first_of_last);
    memset(kept, 0, sizeof kept);
    assert_int_equal(log_reader_open(&reader, log, NULL), STATUS_OK);
    for (;;) {
        assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
        if (frame == NULL || frame->sequence == first_of_last)
            break;
        for (uint32_t s = 0; s < frame->section_count; s++)
            kept[frame->sections[s].partition] = frame->sections[s].first_offset + frame->sections[s].count;
    }
    log_reader_close(reader);
    log_close(log);
    for (uint64_t size = 0; size <= header; size += 4) {
        scratch_store(path, &whole);
        scratch_cut(path, size);
        log = open_log(0);
        check_all(log, kept);
        log_close(log);
        assert_int_equal(scratch_count(root, "t", ".log"), files);
    }
    free(whole.bytes);
}

/* Where frame i of a file of frames begins: magic "PFRM" at a multiple of 8. */
static uint64_t frame_at(const struct scratch_copy *file, uint32_t index)
{
    for (uint64_t at = 0; at + 8 <= file->size; at += 8) {
        if (memcmp(file->bytes + at, "PFRM", 4) == 0 && index-- == 0)
            return at;
    }
    fail();
    return 0;
}

static enum status try_open(uint64_t synced_shown, struct problem *problem)
{
    struct log *log;
    enum status status = log_open(&log, root, "t", PARTITIONS, 0, synced_shown, &options, problem);

    if (status == STATUS_OK)
        log_close(log);
    return status;
}

static void a_bad_frame_is_cut_only_if_unsynced(void **state)
{
    uint64_t next[PARTITIONS] = {0};
    char path[FILE_PATH_SIZE];
    struct problem problem;

    (void)state;
    struct log *log = open_log(0);
    append(log, 6, 4, next); /* never synced: each says synced_to 0 */
    scratch_file(path, root, "t", ".log", -1);
    struct scratch_copy unsynced = scratch_load(path);
    assert_int_equal(log_sync(log), STATUS_OK);
    append(log, 1, 4, next); /* says that the six before are synced */
    log_close(log);
    struct scratch_copy proven = scratch_load(path);

    for (uint32_t bad = 0; bad < 6; bad++) {
        char place[64];
        uint64_t at = frame_at(&proven, bad);
        scratch_store(path, &proven);
        scratch_flip(path, at + 60);
        assert_int_equal(try_open(0, &problem), STATUS_CORRUPT);
        snprintf(place, sizeof place, "byte %llu ", (unsigned long long)at);
        assert_non_null(strstr(problem.detail, place));
        assert_non_null(strstr(problem.detail, path));
        /* Refusing changes nothing. */
        assert_int_equal(scratch_size(path), proven.size);
        /* Even if the proof is the only whole frame left, or the head of the bad one is gone. */
        scratch_flip(path, at);
        scratch_flip(path, frame_at(&proven, 0) + 9);
        assert_int_equal(try_open(0, &problem), STATUS_CORRUPT);

        scratch_store(path, &unsynced);
        scratch_flip(path, at + 60);
        assert_int_equal(try_open(bad + 1, &problem), STATUS_CORRUPT); /* a checkpoint knows better */
        assert_int_equal(try_open(bad, &problem), STATUS_OK);
        assert_int_equal(scratch_size(path), at);
    }
    /* The last frame of all: nothing proves it. */
    scratch_store(path, &proven);
    scratch_flip(path, proven.size - 1);
    assert_int_equal(try_open(6, &problem), STATUS_OK);
    scratch_store(path, &proven);
    assert_int_equal(try_open(8, &problem), STATUS_CORRUPT); /* shorter than a checkpoint has seen */
    free(unsynced.bytes);
    free(proven.bytes);
}

static void a_record_cannot_pretend_to_be_a_proof(void **state)
{
    uint64_t next[PARTITIONS] = {0}, offset;
    int64_t received_at_ms;
    char path[FILE_PATH_SIZE];
    struct problem problem;
    char liar[8 + 256] = {0};

    (void)state;
    /* A whole frame of another log, which says that all was synced. */
    struct log *log = open_log(0);
    append(log, 1, 1, next);
    assert_int_equal(log_sync(log), STATUS_OK);
    append(log, 1, 1, next);
    log_close(log);
    scratch_file(path, root, "t", ".log", 0);
    struct scratch_copy other = scratch_load(path);
    uint64_t at = frame_at(&other, 1);
    assert_true(other.size - at <= sizeof liar - 8);
    scratch_remove(root);
    assert_int_equal(mkdir(root, 0700), 0);

    log = open_log(0);
    memcpy(liar + 4, other.bytes + at, other.size - at); /* 4 behind its size: a multiple of 8 in the file */
    log_frame_begin(log, NOW_MS, &received_at_ms);
    assert_int_equal(log_frame_add(log, 0, slice_make(liar, sizeof liar), LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    log_close(log);
    scratch_file(path, root, "t", ".log", 0);
    scratch_flip(path, scratch_size(path) - 1);
    assert_int_equal(try_open(0, &problem), STATUS_OK);
    free(other.bytes);
}

static void footers_and_files_are_guarded(void **state)
{
    uint64_t next[PARTITIONS] = {0};
    char path[FILE_PATH_SIZE], last[FILE_PATH_SIZE];
    struct problem problem;

    (void)state;
    struct log *log = open_log(0);
    append(log, 300, 10, next);
    log_close(log);
    uint32_t files = scratch_count(root, "t", ".log");
    assert_true(files >= 4);
    /* A torn footer is written again. */
    for (uint32_t cut = 1; cut < 80 + PARTITIONS * 16 + 16; cut += 7) {
        scratch_file(path, root, "t", ".log", 1);
        scratch_cut(path, scratch_size(path) - cut);
        log = open_log(0);
        check_all(log, next);
        log_close(log);
    }
    /* A file in the middle is missing. */
    struct scratch_copy whole = scratch_load(path);
    unlink(path);
    assert_int_equal(try_open(0, &problem), STATUS_CORRUPT);
    /* It lost its last frame: the header of the next file proves nothing, its footer does. */
    scratch_store(path, &whole);
    scratch_cut(path, whole.size / 2);
    assert_int_equal(try_open(0, &problem), STATUS_CORRUPT);
    assert_non_null(strstr(problem.detail, path));
    scratch_store(path, &whole);
    free(whole.bytes);
    /* A flipped byte in a closed file is found by whoever reads it. */
    scratch_flip(path, 3000);
    log = open_log(0);
    struct log_reader *reader;
    const struct log_frame *frame = NULL;
    enum status status = STATUS_OK;
    assert_int_equal(log_reader_open(&reader, log, NULL), STATUS_OK);
    for (uint32_t i = 0; i < 400 && status == STATUS_OK; i++)
        status = log_reader_next(reader, &frame);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_int_equal(log_reader_next(reader, &frame), STATUS_CORRUPT);
    log_reader_close(reader);
    log_close(log);
    scratch_file(last, root, "t", ".log", -1);
    struct log *other;
    assert_int_equal(log_open(&other, root, "t", PARTITIONS + 1, 0, 0, &options, &problem), STATUS_FORMAT);
    assert_int_equal(log_open(&other, root, "t", PARTITIONS, 2, 0, &options, &problem), STATUS_FORMAT);
}

static void an_unsynced_hole_takes_later_files_with_it(void **state)
{
    uint64_t next[PARTITIONS] = {0};
    char path[FILE_PATH_SIZE];
    struct log *log = open_log(0);

    (void)state;
    append(log, 60, 12, next);
    uint32_t files = scratch_count(root, "t", ".log");
    assert_true(files >= 2);
    scratch_file(path, root, "t", ".log", 0);
    /* As a power loss would leave it: no footer yet, a block of the first file never written. */
    scratch_flip(path, scratch_size(path) - 100);
    struct log *again;
    assert_int_equal(log_open(&again, root, "t", PARTITIONS, 0, 0, &options, NULL), STATUS_OK);
    assert_int_equal(scratch_count(root, "t", ".log"), 1);
    uint64_t seen[PARTITIONS] = {0};
    struct log_reader *reader;
    assert_int_equal(log_reader_open(&reader, again, NULL), STATUS_OK);
    check_on(reader, seen);
    log_reader_close(reader);
    assert_true(seen[0] > 0 && seen[0] < next[0]);
    log_close(again);
    segment_set_faults(NULL);
    log_close(log); /* its files are gone from under it */
}

static enum status add_of(struct log *log, uint32_t source, uint64_t source_offset, uint32_t index, uint64_t *offset)
{
    return log_frame_add(log, 0, slice_of("r"), source, source_offset, index, offset);
}

static void what_is_there_is_not_appended_again(void **state)
{
    uint64_t offset;
    int64_t received_at_ms;

    (void)state;
    struct log *log = open_log(2);
    assert_int_equal(log_source_high(log, 0), UINT64_MAX);
    log_frame_begin(log, NOW_MS, &received_at_ms);
    assert_int_equal(add_of(log, 0, 0, 0, &offset), STATUS_OK);
    assert_int_equal(offset, 0);
    assert_int_equal(add_of(log, 1, 7, 3, &offset), STATUS_OK);
    assert_int_equal(offset, 1);
    assert_int_equal(add_of(log, 0, 4, 0, &offset), STATUS_OK);
    assert_int_equal(add_of(log, 0, 4, 0, &offset), STATUS_OK);
    assert_int_equal(offset, UINT64_MAX);
    assert_int_equal(add_of(log, 0, 4, 1, &offset), STATUS_OK);
    assert_int_equal(offset, 3);
    assert_int_equal(log_source_high(log, 0), UINT64_MAX); /* not before it is written */
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(log_source_high(log, 0), 4);
        assert_int_equal(log_source_high(log, 1), 7);
        assert_int_equal(log_end(log, 0), 4);
        log_frame_begin(log, NOW_MS, &received_at_ms);
        assert_int_equal(add_of(log, 0, 4, 1, &offset), STATUS_OK);
        assert_int_equal(offset, UINT64_MAX);
        assert_int_equal(add_of(log, 0, 3, 9, &offset), STATUS_OK);
        assert_int_equal(offset, UINT64_MAX);
        assert_int_equal(add_of(log, 1, 7, 3, &offset), STATUS_OK);
        assert_int_equal(offset, UINT64_MAX);
        assert_int_equal(log_frame_commit(log), STATUS_OK);
        log_close(log);
        log = open_log(2);
    }
    /* The header of a new file names what is written, not what is about to be. */
    char big[4000] = {0};
    for (uint64_t i = 5; i < 105; i++) {
        log_frame_begin(log, NOW_MS, &received_at_ms);
        assert_int_equal(log_frame_add(log, 0, slice_make(big, sizeof big), 0, i, 0, &offset), STATUS_OK);
        assert_int_equal(log_frame_commit(log), STATUS_OK);
    }
    log_close(log);
    char path[FILE_PATH_SIZE];
    scratch_file(path, root, "t", ".log", -1);
    scratch_cut(path, 56 + PARTITIONS * 16 + 2 * 16); /* header only: its first frame never came */
    log = open_log(2);
    uint64_t high = log_source_high(log, 0);
    assert_int_equal(log_end(log, 0), 4 + (high - 4));
    log_frame_begin(log, NOW_MS, &received_at_ms);
    assert_int_equal(add_of(log, 0, high + 1, 0, &offset), STATUS_OK);
    assert_int_not_equal(offset, UINT64_MAX);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    log_close(log);
}

static void trimmed_offsets_are_not_given_again(void **state)
{
    uint64_t next[PARTITIONS] = {0}, needed[PARTITIONS];

    (void)state;
    struct log *log = open_log(0);
    append(log, 300, 10, next);
    assert_int_equal(log_seal(log), STATUS_OK);
    memset(needed, 0, sizeof needed);
    uint32_t files = scratch_count(root, "t", ".log");
    /* Old enough, but needed. */
    assert_int_equal(log_trim(log, needed, NOW_MS + (int64_t)options.retention + 1), STATUS_OK);
    assert_int_equal(scratch_count(root, "t", ".log"), files);
    /* Needed from the middle on in one partition only. */
    memset(needed, 0xff, sizeof needed);
    needed[1] = next[1] / 2;
    assert_int_equal(log_trim(log, needed, NOW_MS + 5), STATUS_OK); /* not old enough, not over budget */
    assert_int_equal(scratch_count(root, "t", ".log"), files);
    assert_int_equal(log_trim(log, needed, NOW_MS + (int64_t)options.retention + 1), STATUS_OK);
    assert_true(scratch_count(root, "t", ".log") < files && scratch_count(root, "t", ".log") > 1);
    assert_true(log_begin(log, 1) > 0 && log_begin(log, 1) <= needed[1]);
    struct log_reader *reader;
    const struct log_frame *frame;
    assert_int_equal(log_reader_open(&reader, log, NULL), STATUS_OK);
    assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
    /* All. */
    memset(needed, 0xff, sizeof needed);
    assert_int_equal(log_trim(log, needed, NOW_MS + (int64_t)options.retention + 1), STATUS_OK);
    assert_int_equal(scratch_count(root, "t", ".log"), 1);
    /* A reader goes on in the file it has, then with the oldest left. */
    uint32_t frames = 0;
    do {
        assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
        frames += frame != NULL;
    } while (frame != NULL && frames < 400);
    assert_true(frames > 10 && frames < 300);
    log_reader_close(reader);
    log_raise(log, 2, next[2] += 1000);
    log_close(log);

    char path[FILE_PATH_SIZE];
    scratch_file(path, root, "t", ".log", -1);
    scratch_cut(path, 56 + PARTITIONS * 16); /* only the header of the last file is left */
    log = open_log(0);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_true(log_end(log, p) > 0);
        assert_int_equal(log_begin(log, p), log_end(log, p));
    }
    log_close(log);
    scratch_cut(path, 8);
    struct problem problem;
    assert_int_equal(try_open(0, &problem), STATUS_CORRUPT); /* offsets would begin again at 0 */
}

static void the_budget_trims_what_nobody_needs(void **state)
{
    uint64_t next[PARTITIONS] = {0}, needed[PARTITIONS];

    (void)state;
    options.bytes = 1 << 20;
    memset(needed, 0xff, sizeof needed);
    struct log *log = open_log(0);
    for (int i = 0; i < 40; i++) {
        append(log, 40, 10, next);
        assert_int_equal(log_seal(log), STATUS_OK);
        assert_int_equal(log_trim(log, needed, NOW_MS), STATUS_OK);
        uint64_t bytes = 0;
        for (uint32_t f = 0; f < scratch_count(root, "t", ".log"); f++) {
            char path[FILE_PATH_SIZE];
            scratch_file(path, root, "t", ".log", (int)f);
            bytes += scratch_size(path);
        }
        assert_int_equal(bytes, log_bytes(log));
        assert_true(bytes <= options.bytes + 65536);
    }
    assert_true(log_begin(log, 0) > 0);
    log_close(log);
}

static void raised_offsets_hold(void **state)
{
    uint64_t next[PARTITIONS] = {0};

    (void)state;
    struct log *log = open_log(0);
    append(log, 2, 3, next);
    log_raise(log, 1, 50);
    log_raise(log, 1, 20);
    next[1] = 50;
    append(log, 1, 3, next);
    assert_int_equal(log_end(log, 1), 51);
    log_close(log);
    log = open_log(0);
    assert_int_equal(log_end(log, 1), 51);
    assert_int_equal(log_end(log, 0), next[0]);
    log_close(log);
}

static void one_record_is_found_by_its_offset(void **state)
{
    uint64_t next[PARTITIONS] = {0};

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        struct log *log = open_log(0);
        if (turn > 0)
            assert_int_equal(log_index_places(log), STATUS_OK);
        append(log, 150, 10, next);
        if (turn == 1)
            log_raise(log, 0, next[0] += 100);
        append(log, 20, 10, next);
        for (uint64_t i = 0; i < 3000; i++) {
            uint32_t p = (uint32_t)(i % PARTITIONS);
            uint64_t offset = i * 7919 % (next[p] + 3);
            char buffer[256], bytes[256];
            struct slice record;
            enum status status = log_read(log, p, offset, buffer, sizeof buffer, &record);
            bool is_gap = turn > 0 && p == 0 && status == STATUS_NOT_FOUND && offset < next[0];
            if (offset >= next[p]) {
                assert_int_equal(status, STATUS_NOT_FOUND);
            } else if (!is_gap) {
                assert_int_equal(status, STATUS_OK);
                assert_true(slice_equal(record, slice_make(bytes, make_record(bytes, p, offset))));
                assert_int_equal(log_read(log, p, offset, buffer, record.size - 1, &record), STATUS_TOO_LARGE);
            }
        }
        log_close(log);
    }
}

static void places_follow_trimming(void **state)
{
    uint64_t next[PARTITIONS] = {0}, needed[PARTITIONS];
    char buffer[8192], bytes[256];
    struct slice record;
    uint64_t offset;
    int64_t received_at_ms;

    (void)state;
    memset(needed, 0xff, sizeof needed);
    needed[0] = 700;
    struct log *log = open_log(0);
    assert_int_equal(log_index_places(log), STATUS_OK);
    append(log, 300, 10, next);
    assert_int_equal(log_seal(log), STATUS_OK);
    assert_int_equal(log_trim(log, needed, NOW_MS + (int64_t)options.retention + 1), STATUS_OK);
    assert_true(log_begin(log, 0) > 0);
    for (uint64_t i = 0; i < next[0]; i++) {
        enum status status = log_read(log, 0, i, buffer, sizeof buffer, &record);
        assert_int_equal(status, i < log_begin(log, 0) ? STATUS_NOT_FOUND : STATUS_OK);
        if (status == STATUS_OK)
            assert_true(slice_equal(record, slice_make(bytes, make_record(bytes, 0, i))));
    }
    /* Larger than a first read. */
    char big[6000];
    memset(big, 'b', sizeof big);
    log_frame_begin(log, NOW_MS, &received_at_ms);
    assert_int_equal(log_frame_add(log, 1, slice_make(big, sizeof big), LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    assert_int_equal(log_read(log, 1, offset, buffer, sizeof buffer, &record), STATUS_OK);
    assert_true(slice_equal(record, slice_make(big, sizeof big)));
    log_close(log);
}

static void a_full_frame_says_so(void **state)
{
    char big[60000] = {0};
    uint64_t offset;
    int64_t received_at_ms;

    (void)state;
    struct log *log = open_log(0);
    log_frame_begin(log, NOW_MS, &received_at_ms);
    assert_true(log_frame_fits(log, 1, sizeof big));
    assert_int_equal(log_frame_add(log, 0, slice_make(big, sizeof big), LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
    assert_false(log_frame_fits(log, 1, sizeof big));
    assert_int_equal(log_frame_add(log, 0, slice_make(big, sizeof big), LOG_NO_SOURCE, 0, 0, &offset), STATUS_TOO_LARGE);
    assert_int_equal(log_frame_add(log, 0, (struct slice){0}, LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
    assert_int_equal(offset, 1);
    assert_int_equal(log_frame_commit(log), STATUS_OK);
    char buffer[1];
    struct slice record;
    assert_int_equal(log_read(log, 0, 1, buffer, 1, &record), STATUS_OK);
    assert_int_equal(record.size, 0);
    log_close(log);
}

/* ---- failures ---- */

struct plan {
    int64_t writes_left, syncs_left;
    uint64_t part; /* bytes that the failing write still writes */
};

static uint64_t planned_write(void *context, uint64_t size)
{
    struct plan *plan = context;

    return plan->writes_left-- > 0 ? size : (plan->part < size ? plan->part : size - 1);
}

static bool planned_sync(void *context)
{
    struct plan *plan = context;

    return plan->syncs_left-- <= 0;
}

static void a_failure_closes_the_log_and_loses_nothing(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 40; n++) {
        uint64_t acknowledged[PARTITIONS] = {0}, next[PARTITIONS] = {0};
        enum status status = STATUS_OK;
        struct plan plan = {.writes_left = n < 20 ? n * 7 : INT64_MAX,
                            .syncs_left = n < 20 ? INT64_MAX : (n - 20) * 3,
                            .part = (uint64_t)n * 37};
        struct segment_faults faults = {planned_write, planned_sync, &plan};
        struct log *log = open_log(0);
        segment_set_faults(&faults);
        for (uint32_t f = 0; f < 200 && status == STATUS_OK; f++) {
            int64_t received_at_ms;
            log_frame_begin(log, NOW_MS, &received_at_ms);
            for (uint32_t p = 0; p < PARTITIONS; p++) {
                add_next(log, p, next[p]);
                add_next(log, p, next[p] + 1);
                next[p] += 2;
            }
            status = log_frame_commit(log);
            if (status == STATUS_OK)
                status = log_sync(log);
            if (status == STATUS_OK && f % 20 == 19)
                status = log_seal(log);
            if (status == STATUS_OK)
                memcpy(acknowledged, next, sizeof next);
        }
        assert_int_equal(status, n < 20 ? STATUS_DISK_FULL : STATUS_IO);
        segment_set_faults(NULL); /* the disk is well again: the log is not */
        int64_t received_at_ms;
        log_frame_begin(log, NOW_MS, &received_at_ms);
        assert_int_equal(log_frame_commit(log), status);
        assert_int_equal(log_sync(log), status);
        assert_int_equal(log_seal(log), status);
        assert_int_equal(log_failure(log), status);
        log_close(log);
        log = open_log(0);
        uint64_t seen[PARTITIONS] = {0};
        struct log_reader *reader;
        assert_int_equal(log_reader_open(&reader, log, NULL), STATUS_OK);
        check_on(reader, seen);
        log_reader_close(reader);
        for (uint32_t p = 0; p < PARTITIONS; p++)
            assert_true(seen[p] >= acknowledged[p] && seen[p] <= next[p]);
        log_close(log);
        scratch_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
    }
}

/* ---- readers beside the appender ---- */

struct follower {
    struct log *log;
    uint64_t end;
    uint64_t next[PARTITIONS];
    pthread_t thread;
};

static void *follow(void *context)
{
    struct follower *follower = context;
    struct log_reader *reader;

    if (log_reader_open(&reader, follower->log, NULL) != STATUS_OK)
        return NULL;
    while (follower->next[0] < follower->end) {
        uint32_t seen = bell_seen(log_bell(follower->log));
        uint64_t before = follower->next[0];
        uint64_t promised = log_end(follower->log, 0);
        check_on(reader, follower->next);
        assert_true(follower->next[0] >= promised);
        if (follower->next[0] == before)
            bell_wait(log_bell(follower->log), seen, 1000);
    }
    log_reader_close(reader);
    return NULL;
}

static void readers_follow_the_appender(void **state)
{
    enum { FOLLOWERS = 3, FRAMES = 3000, EACH = 6 };
    struct follower followers[FOLLOWERS];
    uint64_t next[PARTITIONS] = {0};

    (void)state;
    struct log *log = open_log(0);
    for (int i = 0; i < FOLLOWERS; i++) {
        followers[i] = (struct follower){.log = log, .end = FRAMES * EACH / PARTITIONS};
        assert_int_equal(pthread_create(&followers[i].thread, NULL, follow, &followers[i]), 0);
    }
    for (int i = 0; i < FRAMES; i++) {
        append(log, 1, EACH, next);
        if (i % 100 == 99)
            assert_int_equal(log_seal(log), STATUS_OK);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        pthread_join(followers[i].thread, NULL);
        assert_memory_equal(followers[i].next, next, sizeof next);
    }
    log_close(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_appended_is_read),
        TEST(a_reader_starts_where_it_is_told),
        TEST(time_never_goes_back),
        TEST(a_torn_tail_is_cut_at_any_byte),
        TEST(a_torn_header_of_a_new_file_is_no_loss),
        TEST(a_bad_frame_is_cut_only_if_unsynced),
        TEST(a_record_cannot_pretend_to_be_a_proof),
        TEST(footers_and_files_are_guarded),
        TEST(an_unsynced_hole_takes_later_files_with_it),
        TEST(what_is_there_is_not_appended_again),
        TEST(trimmed_offsets_are_not_given_again),
        TEST(the_budget_trims_what_nobody_needs),
        TEST(raised_offsets_hold),
        TEST(one_record_is_found_by_its_offset),
        TEST(places_follow_trimming),
        TEST(a_full_frame_says_so),
        TEST(a_failure_closes_the_log_and_loses_nothing),
        TEST(readers_follow_the_appender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
