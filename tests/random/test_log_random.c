/* Goal: whatever is done to a log, and wherever the power goes, it holds all that was synced and
 * a prefix of what was written, gives no offset twice, and never shows what was not appended.
 * Method: random histories of appends, syncs, seals, trims, reopenings and power losses; the
 * other implementation is the list of all frames ever written.  A power loss keeps of each file what
 * was synced; behind that it keeps some sectors, zeroes others, and cuts somewhere; files whose
 * names were not synced may be gone.  A flipped byte must be refused or do no harm. Seeds are printed. */
#include "../unit/eventlog/scratch.h"

#include "base/log.h"
#include "base/rng.h"
#include "eventlog/log.h"

enum { PARTITIONS = 3, SOURCES = 2, FRAMES_MAX = 4000, RECORDS_MAX = 24, FILES_MAX = 512, SECTOR = 512, STEPS = 250, SEEDS = 24,
       HEADER = 56 + 16 * PARTITIONS + 16 * SOURCES };

struct model_record {
    uint32_t partition, source;
    uint64_t offset, source_offset, value;
};

struct model_frame {
    struct model_record records[RECORDS_MAX];
    uint32_t count;
    int64_t received_at_ms;
    uint64_t synced_to;
};

struct durable_file {
    uint64_t sequence, size;
};

struct world {
    char root[SCRATCH_SIZE];
    struct rng rng;
    struct log_options options;
    struct log *log;
    struct model_frame *frames; /* by sequence - 1 */
    uint64_t frame_count, synced;
    uint64_t values;
    uint64_t raised[PARTITIONS]; /* and no record appended since */
    int64_t now_ms;
    struct durable_file files[FILES_MAX];
    uint32_t file_count;
};

static uint32_t make_record(char *bytes, uint64_t value)
{
    uint32_t size = 8 + (uint32_t)(value * 2654435761U % 900);

    memset(bytes, (int)value, size);
    memcpy(bytes, &value, sizeof value);
    return size;
}

static void list(struct world *world, struct file_list *list, char folder[FILE_PATH_SIZE])
{
    assert_int_equal(file_join(folder, world->root, "t", NULL), STATUS_OK);
    assert_int_equal(file_list(list, folder, ".log", NULL), STATUS_OK);
    assert_true(list->count < FILES_MAX);
}

/* All files are durable as they are now. */
static void note_durable(struct world *world)
{
    struct file_list files;
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE];

    list(world, &files, folder);
    world->file_count = files.count;
    for (uint32_t i = 0; i < files.count; i++) {
        assert_int_equal(file_join(path, folder, files.names[i], NULL), STATUS_OK);
        world->files[i] = (struct durable_file){strtoull(files.names[i], NULL, 10), scratch_size(path)};
    }
    file_list_fini(&files);
    world->synced = world->frame_count;
}

static void open_log(struct world *world)
{
    struct problem problem = {0};

    if (log_open(&world->log, world->root, "t", PARTITIONS, SOURCES, world->synced, &world->options, &problem) != STATUS_OK)
        fail_msg("%s", problem.detail);
    /* As the engine does: what other files name is not in this log. */
    for (uint32_t p = 0; p < PARTITIONS; p++)
        log_raise(world->log, p, world->raised[p]);
    if (rng_below(&world->rng, 2))
        assert_int_equal(log_index_places(world->log), STATUS_OK);
}

static void append(struct world *world)
{
    char bytes[1024];
    struct model_frame *frame = &world->frames[world->frame_count];
    uint32_t count = 1 + (uint32_t)rng_below(&world->rng, RECORDS_MAX);

    if (world->frame_count == FRAMES_MAX)
        return;
    frame->count = 0;
    world->now_ms += (int64_t)rng_below(&world->rng, 20) - 5;
    log_frame_begin(world->log, world->now_ms, &frame->received_at_ms);
    for (uint32_t i = 0; i < count; i++) {
        struct model_record record = {.partition = (uint32_t)rng_below(&world->rng, PARTITIONS),
                                      .source = LOG_NO_SOURCE,
                                      .value = world->values++};
        if (rng_below(&world->rng, 3) > 0) {
            record.source = (uint32_t)rng_below(&world->rng, SOURCES);
            uint64_t high = log_source_high(world->log, record.source);
            record.source_offset = (high == UINT64_MAX ? 0 : high) + rng_below(&world->rng, 4);
        }
        uint64_t high = UINT64_MAX; /* in the frame and before, by the model */
        for (uint64_t f = world->frame_count + 1; f-- > 0 && high == UINT64_MAX && record.source != LOG_NO_SOURCE;)
            for (uint32_t r = world->frames[f].count; r-- > 0 && high == UINT64_MAX;)
                if (world->frames[f].records[r].source == record.source)
                    high = world->frames[f].records[r].source_offset;
        assert_int_equal(log_frame_add(world->log, record.partition, slice_make(bytes, make_record(bytes, record.value)),
                                       record.source, record.source_offset, 0, &record.offset),
                         STATUS_OK);
        bool is_repeat = record.source != LOG_NO_SOURCE && high != UINT64_MAX && record.source_offset <= high;
        assert_int_equal(record.offset == UINT64_MAX, is_repeat);
        if (is_repeat)
            continue;
        assert_true(record.offset >= world->raised[record.partition]);
        frame->records[frame->count++] = record;
    }
    frame->synced_to = log_sequence_synced(world->log);
    assert_int_equal(log_frame_commit(world->log), STATUS_OK);
    if (frame->count > 0)
        world->frame_count++;
    assert_int_equal(log_sequence_written(world->log), world->frame_count);
    for (uint32_t i = 0; i < frame->count; i++)
        world->raised[frame->records[i].partition] = 0;
}

static void check_frame(const struct world *world, const struct log_frame *frame)
{
    assert_true(frame->sequence > 0 && frame->sequence <= world->frame_count);
    const struct model_frame *model = &world->frames[frame->sequence - 1];
    uint32_t records = 0;
    assert_int_equal(frame->received_at_ms, model->received_at_ms);
    for (uint32_t s = 0; s < frame->section_count; s++) {
        const struct log_section *section = &frame->sections[s];
        uint32_t cursor = 0;
        struct slice record;
        for (uint64_t offset = section->first_offset; log_record_next(section, &cursor, &record); offset++) {
            uint32_t m = 0;
            while (m < model->count &&
                   (model->records[m].partition != section->partition || model->records[m].offset != offset))
                m++;
            assert_true(m < model->count);
            char bytes[1024];
            assert_true(slice_equal(record, slice_make(bytes, make_record(bytes, model->records[m].value))));
            assert_int_equal(model->records[m].source, section->source_partition);
            records++;
        }
    }
    assert_int_equal(records, model->count);
}

/* Are the frames from the oldest kept on those of the model, without a hole?  *last: the last
 * one's sequence; where there is none, what the log says. */
static enum status read_frames(const struct world *world, uint64_t *last)
{
    struct log_reader *reader;
    const struct log_frame *frame;
    bool is_first = true;

    assert_int_equal(log_reader_open(&reader, world->log, NULL), STATUS_OK);
    enum status status = log_reader_next(reader, &frame);
    *last = log_sequence_written(world->log);
    for (; status == STATUS_OK && frame != NULL; status = log_reader_next(reader, &frame)) {
        assert_true(is_first || frame->sequence == *last + 1);
        check_frame(world, frame);
        *last = frame->sequence;
        is_first = false;
    }
    log_reader_close(reader);
    if (status == STATUS_OK)
        assert_int_equal(*last, log_sequence_written(world->log));
    return status;
}

static uint64_t check_frames(const struct world *world)
{
    uint64_t last;

    assert_int_equal(read_frames(world, &last), STATUS_OK);
    return last;
}

static void check_lookups(struct world *world)
{
    for (uint32_t i = 0; i < 5 && world->frame_count > 0; i++) {
        const struct model_frame *frame = &world->frames[rng_below(&world->rng, world->frame_count)];
        char bytes[1024], buffer[1024];
        struct slice record;
        const struct model_record *model = &frame->records[rng_below(&world->rng, frame->count)];
        enum status status = log_read(world->log, model->partition, model->offset, buffer, sizeof buffer, &record);
        if (model->offset < log_begin(world->log, model->partition))
            assert_int_equal(status, STATUS_NOT_FOUND);
        else
            assert_true(status == STATUS_OK &&
                        slice_equal(record, slice_make(bytes, make_record(bytes, model->value))));
    }
}

/* What the machine finds after the power came back. */
static void lose_power(struct world *world)
{
    struct file_list files;
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE];
    static const char zeros[SECTOR];
    bool is_gone = false;

    list(world, &files, folder);
    for (uint32_t i = 0; i < files.count; i++) {
        uint64_t sequence = strtoull(files.names[i], NULL, 10), durable = 0;
        bool is_known = false;
        assert_int_equal(file_join(path, folder, files.names[i], NULL), STATUS_OK);
        for (uint32_t k = 0; k < world->file_count; k++)
            if (world->files[k].sequence == sequence) {
                durable = world->files[k].size;
                is_known = true;
            }
        is_gone = is_gone || (!is_known && rng_below(&world->rng, 4) == 0);
        if (is_gone && !is_known) {
            unlink(path);
            continue;
        }
        uint64_t size = scratch_size(path);
        if (size > durable && rng_below(&world->rng, 2)) {
            size = durable + rng_below(&world->rng, size - durable + 1);
            if (durable == 0 && size > HEADER && rng_below(&world->rng, 4) == 0)
                size = HEADER;
            scratch_cut(path, size);
        }
        int fd = open(path, O_RDWR);
        for (uint64_t holes = rng_below(&world->rng, 4); holes > 0 && size > durable; holes--) {
            uint64_t at = durable + rng_below(&world->rng, size - durable);
            at = at / SECTOR * SECTOR > durable ? at / SECTOR * SECTOR : durable;
            uint64_t end = (at / SECTOR + 1) * SECTOR < size ? (at / SECTOR + 1) * SECTOR : size;
            assert_int_equal(pwrite(fd, zeros, end - at, (off_t)at), end - at);
        }
        close(fd);
    }
    file_list_fini(&files);
}

static void restart(struct world *world, bool is_power_lost)
{
    if (is_power_lost) {
        /* The process goes without a word: a copy of the directory is what the disk would show. */
        char command[4 * SCRATCH_SIZE];
        snprintf(command, sizeof command, "cp -r '%s/t' '%s/kept'", world->root, world->root);
        assert_int_equal(system(command), 0);
        log_close(world->log);
        snprintf(command, sizeof command, "rm -r '%s/t' && mv '%s/kept' '%s/t'", world->root, world->root, world->root);
        assert_int_equal(system(command), 0);
        lose_power(world);
    } else {
        log_close(world->log);
    }
    open_log(world);
    uint64_t count = check_frames(world);
    assert_true(count >= world->synced && count <= world->frame_count);
    if (!is_power_lost)
        assert_int_equal(count, world->frame_count);
    world->frame_count = count;
    note_durable(world); /* opening syncs */
}

static void trim(struct world *world)
{
    uint64_t needed[PARTITIONS];

    for (uint32_t p = 0; p < PARTITIONS; p++)
        needed[p] = log_begin(world->log, p) +
                    rng_below(&world->rng, log_end(world->log, p) - log_begin(world->log, p) + 1);
    assert_int_equal(log_trim(world->log, needed, world->now_ms + (int64_t)world->options.retention + 100), STATUS_OK);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_true(log_begin(world->log, p) <= needed[p]);
    /* It syncs the header of what is the oldest now; the frames behind may come with it. */
    world->synced = log_sequence_synced(world->log) > world->synced ? world->frame_count : world->synced;
    if (world->synced == world->frame_count)
        note_durable(world);
}

static void raise(struct world *world)
{
    uint32_t p = (uint32_t)rng_below(&world->rng, PARTITIONS);
    uint64_t next = log_end(world->log, p) + rng_below(&world->rng, 100);

    log_raise(world->log, p, next);
    world->raised[p] = next;
}

/* A byte of what is synced changes: it is noticed, on opening or on reading, or it does no harm. */
static void flip(struct world *world)
{
    struct file_list files;
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE];
    struct problem problem;

    assert_int_equal(log_sync(world->log), STATUS_OK);
    log_close(world->log);
    note_durable(world);
    char command[4 * SCRATCH_SIZE];
    snprintf(command, sizeof command, "cp -r '%s/t' '%s/kept'", world->root, world->root);
    assert_int_equal(system(command), 0);
    list(world, &files, folder);
    assert_int_equal(file_join(path, folder, files.names[rng_below(&world->rng, files.count)], NULL), STATUS_OK);
    file_list_fini(&files);
    scratch_flip(path, rng_below(&world->rng, scratch_size(path)));
    /* With a checkpoint that knows, or with nothing but what the files show: then the last frame but
     * one is the least that is left to prove anything. */
    bool is_shown = rng_below(&world->rng, 2);
    uint64_t proven = is_shown ? world->synced : 0, last;
    if (!is_shown && world->frame_count > 1)
        proven = world->frames[world->frame_count - 2].synced_to;
    enum status status = log_open(&world->log, world->root, "t", PARTITIONS, SOURCES, is_shown ? world->synced : 0,
                                  &world->options, &problem);
    if (status == STATUS_OK) {
        status = read_frames(world, &last);
        assert_true(status == STATUS_CORRUPT || (status == STATUS_OK && last >= proven));
        log_close(world->log);
    } else {
        assert_true(status == STATUS_CORRUPT || status == STATUS_FORMAT);
    }
    snprintf(command, sizeof command, "rm -r '%s/t' && mv '%s/kept' '%s/t'", world->root, world->root, world->root);
    assert_int_equal(system(command), 0);
    open_log(world);
    assert_int_equal(check_frames(world), world->frame_count);
    note_durable(world);
}

static void step(struct world *world)
{
    uint64_t lot = rng_below(&world->rng, 100);

    if (lot < 70) {
        append(world);
    } else if (lot < 78) {
        assert_int_equal(log_sync(world->log), STATUS_OK);
        note_durable(world);
    } else if (lot < 81) {
        assert_int_equal(log_sync(world->log), STATUS_OK);
        assert_int_equal(log_seal(world->log), STATUS_OK);
        note_durable(world);
    } else if (lot < 84) {
        trim(world);
    } else if (lot < 86) {
        raise(world);
    } else if (lot < 90) {
        restart(world, false);
    } else if (lot < 94) {
        restart(world, true);
    } else if (lot < 96) {
        flip(world);
    } else {
        check_lookups(world);
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint64_t highest = 0;
        if (world->frame_count > 0) {
            const struct model_frame *frame = &world->frames[world->frame_count - 1];
            for (uint32_t r = 0; r < frame->count; r++)
                if (frame->records[r].partition == p && frame->records[r].offset >= highest)
                    highest = frame->records[r].offset + 1;
        }
        assert_true(log_end(world->log, p) >= highest);
        assert_true(log_begin(world->log, p) <= log_end(world->log, p));
    }
}

static void random_histories_hold(void **state)
{
    const char *wanted = getenv("SEED");
    uint64_t first = wanted ? strtoull(wanted, NULL, 10) : 1;

    (void)state;
    log_set_level(LOG_ERROR);
    for (uint64_t seed = first; seed < first + (wanted ? 1 : SEEDS); seed++) {
        struct world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world->frames = calloc(FRAMES_MAX + 1, sizeof *world->frames);
        assert_non_null(world->frames);
        print_message("seed %llu\n", (unsigned long long)seed);
        rng_init(&world->rng, seed, 0);
        scratch_make(world->root);
        world->options = log_options_default();
        world->options.segment_bytes = 65536;
        world->options.frame_bytes = 65536;
        world->now_ms = 1000000;
        open_log(world);
        note_durable(world);
        for (uint32_t i = 0; i < STEPS; i++)
            step(world);
        restart(world, false);
        log_close(world->log);
        scratch_remove(world->root);
        free(world->frames);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_histories_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
