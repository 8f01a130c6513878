/* Goal: changelog.h holds what it says: a checkpoint counts whole or not at all, after any cut
 * of the unsynced tail; what was synced is never skipped; places can be read at once and for
 * as long as their segment is kept.
 * Method: a table of what was committed is the other implementation; files are cut at every
 * byte and flipped; failures are made at the n-th write or sync. */
#include "scratch.h"

#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "base/rng.h"
#include "eventlog/changelog.h"
#include "eventlog/chunk.h"
#include "eventlog/segment.h"

enum { KEYS = 64, HOT_KEYS = 48, TASK = 3 }; /* hot ones are rewritten all the time, the others once */

static char root[SCRATCH_SIZE];

static int set_up(void **state)
{
    (void)state;
    scratch_make(root);
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

/* The newest value of each key, as a start sees it. */
struct table {
    changelog_place places[KEYS];
    uint32_t sizes[KEYS];
    uint64_t versions[KEYS]; /* 0: never; of a model: what the record says */
    enum changelog_kind kinds[KEYS];
    uint64_t loads;
};

static void load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                 int64_t deadline_ms)
{
    struct table *table = context;

    assert_true(key.low < KEYS && key.high == ~key.low);
    assert_int_equal(deadline_ms, (int64_t)key.low * 1000);
    table->places[key.low] = place;
    table->sizes[key.low] = size;
    table->kinds[key.low] = kind;
    table->loads++;
}

static struct changelog *open_changelog(uint64_t segment_bytes, struct table *table, uint64_t *position)
{
    struct changelog *changelog;
    struct problem problem = {0};

    memset(table, 0, sizeof *table);
    if (changelog_open(&changelog, root, TASK, segment_bytes, load, table, position, &problem) != STATUS_OK)
        fail_msg("%s", problem.detail);
    return changelog;
}

static uint32_t make_record(char *bytes, uint64_t key, uint64_t version)
{
    uint32_t size = 16 + (uint32_t)((key * 131 + version * 17) % 400);

    memset(bytes, (int)(key + version), size);
    memcpy(bytes, &key, 8);
    memcpy(bytes + 8, &version, 8);
    return size;
}

static enum status put(struct changelog *changelog, uint64_t key, uint64_t version, changelog_place *place)
{
    char bytes[512];
    uint32_t size = make_record(bytes, key, version);

    return changelog_put(changelog, CHANGELOG_PROFILE, (struct hash128){key, ~key}, (int64_t)key * 1000,
                         slice_make(bytes, size), place);
}

static void check_place(struct changelog *changelog, changelog_place place, uint64_t key, uint64_t version)
{
    char bytes[512], buffer[512];
    uint32_t size, expected = make_record(bytes, key, version);

    assert_int_equal(changelog_read(changelog, place, buffer, sizeof buffer, &size), STATUS_OK);
    assert_int_equal(size, expected);
    assert_memory_equal(buffer, bytes, size);
}

static void check_table(struct changelog *changelog, const struct table *table, const uint64_t versions[KEYS])
{
    for (uint64_t key = 0; key < KEYS; key++) {
        assert_int_equal(table->places[key] != 0, versions[key] != 0);
        if (versions[key])
            check_place(changelog, table->places[key], key, versions[key]);
    }
}

static void a_checkpoint_counts_with_its_commit(void **state)
{
    struct table table;
    uint64_t position, versions[KEYS] = {0};
    changelog_place place, first;

    (void)state;
    struct changelog *changelog = open_changelog(1 << 20, &table, &position);
    assert_int_equal(position, 0);
    assert_int_equal(put(changelog, 1, 1, &first), STATUS_OK);
    check_place(changelog, first, 1, 1); /* before it is written */
    assert_int_equal(put(changelog, 2, 1, &place), STATUS_OK);
    assert_int_equal(changelog_commit(changelog, 10), STATUS_OK);
    check_place(changelog, first, 1, 1);
    assert_int_equal(put(changelog, 2, 2, &place), STATUS_OK);
    changelog_abandon(changelog);
    assert_int_equal(put(changelog, 3, 2, &place), STATUS_OK);
    assert_int_equal(changelog_commit(changelog, 20), STATUS_OK);
    assert_int_equal(put(changelog, 4, 3, &place), STATUS_OK);
    check_place(changelog, place, 4, 3);
    changelog_close(changelog);
    versions[1] = versions[2] = 1;
    versions[3] = 2;
    changelog = open_changelog(1 << 20, &table, &position);
    assert_int_equal(position, 20);
    assert_int_equal(table.loads, 3);
    assert_int_equal(table.places[1], first);
    check_table(changelog, &table, versions);
    changelog_close(changelog);
}

static void kinds_and_sizes_survive(void **state)
{
    enum { LARGE = 3 << 20 };
    struct table table;
    uint64_t position;
    changelog_place places[4];
    uint32_t size;
    char *large = malloc(LARGE), *buffer = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    assert_non_null(buffer);
    memset(large, 'x', LARGE);
    struct changelog *changelog = open_changelog(1 << 20, &table, &position);
    for (uint64_t key = 0; key < 4; key++) {
        uint32_t sizes[] = {0, 1, 70000, LARGE};
        assert_int_equal(changelog_put(changelog, (enum changelog_kind)key, (struct hash128){key, ~key},
                                       (int64_t)key * 1000, slice_make(large, sizes[key]), &places[key]),
                         STATUS_OK);
    }
    assert_int_equal(changelog_commit(changelog, 1), STATUS_OK);
    changelog_close(changelog);
    changelog = open_changelog(1 << 20, &table, &position);
    for (uint64_t key = 0; key < 4; key++) {
        assert_int_equal(table.kinds[key], key);
        assert_int_equal(table.places[key], places[key]);
        memset(buffer, 0, LARGE);
        assert_int_equal(changelog_read(changelog, places[key], buffer, LARGE, &size), STATUS_OK);
        assert_int_equal(size, table.sizes[key]);
        assert_memory_equal(buffer, large, size);
    }
    assert_int_equal(changelog_read(changelog, places[3], buffer, LARGE - 1, &size), STATUS_TOO_LARGE);
    assert_int_equal(size, LARGE);
    assert_int_equal(changelog_read(changelog, (uint64_t)99 << 32 | 100, buffer, LARGE, &size), STATUS_NOT_FOUND);
    changelog_close(changelog);
    free(large);
    free(buffer);
}

/* Writes `checkpoints` of `each` records; versions[] and position as committed. */
static void write_some(struct changelog *changelog, uint32_t checkpoints, uint32_t each, uint64_t versions[KEYS],
                       uint64_t *position)
{
    changelog_place place;

    for (uint32_t c = 0; c < checkpoints; c++) {
        for (uint32_t i = 0; i < each; i++) {
            uint64_t key = (*position * 31 + i * 7) % HOT_KEYS;
            assert_int_equal(put(changelog, key, *position + 1, &place), STATUS_OK);
            versions[key] = *position + 1;
        }
        assert_int_equal(changelog_commit(changelog, ++*position), STATUS_OK);
    }
}

static void segments_close_and_load(void **state)
{
    struct table table;
    uint64_t position = 0, found, versions[KEYS] = {0};

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    write_some(changelog, 200, 20, versions, &position);
    assert_true(changelog_newest(changelog) > 5);
    changelog_close(changelog);
    for (int turn = 0; turn < 3; turn++) {
        changelog = open_changelog(65536, &table, &found);
        assert_int_equal(found, position);
        check_table(changelog, &table, versions);
        write_some(changelog, 3, 9, versions, &position);
        changelog_close(changelog);
    }
}

static void a_checkpoint_may_span_segments(void **state)
{
    enum { BIG = 30000 };
    static char big[BIG];

    (void)state;
    for (int is_abandoned = 0; is_abandoned < 2; is_abandoned++) {
        struct table table;
        uint64_t found, versions[KEYS] = {0}, position = 0;
        changelog_place place;
        struct changelog *changelog = open_changelog(65536, &table, &found);
        write_some(changelog, 2, 5, versions, &position);
        /* 64 chunks' worth: several files before the commit. */
        for (int i = 0; i < 200; i++)
            assert_int_equal(changelog_put(changelog, CHANGELOG_PROFILE, (struct hash128){40, ~(uint64_t)40}, 40000,
                                           slice_make(big, BIG), &place),
                             STATUS_OK);
        assert_true(changelog_newest(changelog) > 2);
        assert_int_equal(changelog_drop_before(changelog, changelog_newest(changelog)), STATUS_OK);
        assert_int_equal(changelog_oldest(changelog), 1); /* the checkpoint under way begins there */
        if (is_abandoned)
            changelog_abandon(changelog);
        assert_int_equal(put(changelog, 41, 9, &place), STATUS_OK);
        versions[41] = 9;
        assert_int_equal(changelog_commit(changelog, 77), STATUS_OK);
        changelog_close(changelog);
        changelog = open_changelog(65536, &table, &found);
        assert_int_equal(found, 77);
        assert_int_equal(table.places[40] != 0, !is_abandoned);
        check_place(changelog, table.places[41], 41, 9);
        if (!is_abandoned) {
            uint32_t size;
            char buffer[BIG];
            assert_int_equal(changelog_read(changelog, table.places[40], buffer, BIG, &size), STATUS_OK);
            assert_int_equal(size, BIG);
        }
        changelog_close(changelog);
        scratch_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
    }
}

static void what_no_commit_covers_stays_void(void **state)
{
    enum { BIG = 400000 };
    static char big[BIG];
    struct table table;
    uint64_t found, position = 0, versions[KEYS] = {0};
    changelog_place place;

    (void)state;
    struct changelog *changelog = open_changelog(2 << 20, &table, &found);
    write_some(changelog, 2, 5, versions, &position);
    for (int i = 0; i < 4; i++) /* more than a chunk: blocks are written, no commit */
        assert_int_equal(changelog_put(changelog, CHANGELOG_PROFILE, (struct hash128){60, ~(uint64_t)60}, 60000,
                                       slice_make(big, BIG), &place),
                         STATUS_OK);
    changelog_close(changelog);
    changelog = open_changelog(2 << 20, &table, &found);
    assert_int_equal(found, position);
    while (changelog_newest(changelog) == 1) /* until the file has its index */
        write_some(changelog, 1, 40, versions, &position);
    assert_int_equal(changelog_sync(changelog), STATUS_OK);
    write_some(changelog, 1, 40, versions, &position);
    changelog_close(changelog);
    changelog = open_changelog(2 << 20, &table, &found);
    assert_int_equal(table.places[60], 0);
    check_table(changelog, &table, versions);
    changelog_close(changelog);
}

static void a_torn_tail_is_cut_at_any_byte(void **state)
{
    struct table table;
    uint64_t position = 0, found, before[KEYS] = {0}, after[KEYS];
    char path[FILE_PATH_SIZE];

    (void)state;
    struct changelog *changelog = open_changelog(1 << 20, &table, &found);
    write_some(changelog, 3, 4, before, &position);
    changelog_close(changelog);
    scratch_file(path, root, "changelog/3", ".chg", -1);
    uint64_t kept = scratch_size(path);
    memcpy(after, before, sizeof after);
    changelog = open_changelog(1 << 20, &table, &found);
    write_some(changelog, 1, 4, after, &position);
    changelog_close(changelog);
    struct scratch_copy whole = scratch_load(path);
    for (uint64_t size = kept; size <= whole.size; size++) {
        uint64_t versions[KEYS], next = position;
        scratch_store(path, &whole);
        scratch_cut(path, size);
        changelog = open_changelog(1 << 20, &table, &found);
        bool is_whole = size == whole.size;
        assert_int_equal(found, is_whole ? position : position - 1);
        memcpy(versions, is_whole ? after : before, sizeof versions);
        check_table(changelog, &table, versions);
        write_some(changelog, 1, 3, versions, &next);
        changelog_close(changelog);
        changelog = open_changelog(1 << 20, &table, &found);
        assert_int_equal(found, next);
        check_table(changelog, &table, versions);
        changelog_close(changelog);
    }
    free(whole.bytes);
}

static void what_was_synced_is_not_skipped(void **state)
{
    struct table table;
    uint64_t position = 0, found, versions[KEYS] = {0};
    char path[FILE_PATH_SIZE];
    struct problem problem;

    (void)state;
    struct changelog *changelog = open_changelog(1 << 20, &table, &found);
    write_some(changelog, 4, 4, versions, &position);
    scratch_file(path, root, "changelog/3", ".chg", -1);
    struct scratch_copy unsynced = scratch_load(path);
    assert_int_equal(changelog_sync(changelog), STATUS_OK);
    write_some(changelog, 1, 4, versions, &position);
    changelog_close(changelog);
    struct scratch_copy proven = scratch_load(path);
    for (uint64_t at = 12; at < unsynced.size; at += at < CHUNK_FILE_HEADER ? 1 : 61) { /* before 12: no proof hangs on it */
        scratch_store(path, &unsynced);
        scratch_flip(path, at);
        changelog = open_changelog(1 << 20, &table, &found);
        assert_true(found < 4);
        changelog_close(changelog);
        scratch_store(path, &proven);
        scratch_flip(path, at);
        assert_int_equal(changelog_open(&changelog, root, TASK, 1 << 20, load, &table, &found, &problem), STATUS_CORRUPT);
        assert_non_null(strstr(problem.detail, path));
    }
    free(unsynced.bytes);
    free(proven.bytes);
}

/* What stands before a block's checksum: a records block that passes for a commit would void its records. */
static void any_byte_of_a_head_matters(void **state)
{
    static const char masks[] = {1, 2, 0x5a};
    struct table table;
    uint64_t found, position = 0, versions[KEYS] = {0}, ignored[KEYS] = {0};
    char path[FILE_PATH_SIZE];
    struct chunk_head records;

    (void)state;
    struct changelog *changelog = open_changelog(1 << 20, &table, &found);
    write_some(changelog, 1, 4, versions, &position);
    changelog_close(changelog);
    scratch_file(path, root, "changelog/3", ".chg", -1);
    uint64_t first = scratch_size(path);
    changelog = open_changelog(1 << 20, &table, &found);
    write_some(changelog, 2, HOT_KEYS, ignored, &position);
    changelog_close(changelog);
    struct scratch_copy whole = scratch_load(path);
    memcpy(&records, whole.bytes + first, sizeof records);
    assert_int_equal(records.type, CHUNK_RECORDS);
    for (uint64_t i = 0; i < 2 * sizeof records * sizeof masks; i++) {
        uint64_t byte = i / sizeof masks;
        uint64_t at = byte < sizeof records ? first + byte : first + chunk_bytes(&records) + byte - sizeof records;
        whole.bytes[at] ^= masks[i % sizeof masks];
        scratch_store(path, &whole);
        whole.bytes[at] ^= masks[i % sizeof masks];
        changelog = open_changelog(1 << 20, &table, &found);
        assert_int_equal(found, 1);
        check_table(changelog, &table, versions);
        changelog_close(changelog);
    }
    free(whole.bytes);
}

/* A block of the second file becomes bad, then its index: neither takes a start back behind `position`. */
static void check_still_proven(uint64_t position)
{
    struct changelog *changelog;
    struct table table;
    struct problem problem;
    uint64_t found;
    char path[FILE_PATH_SIZE];

    changelog_close(open_changelog(65536, &table, &found));
    assert_int_equal(found, position);
    scratch_file(path, root, "changelog/3", ".chg", 1);
    scratch_flip(path, 200);
    changelog_close(open_changelog(65536, &table, &found));
    assert_int_equal(found, position);
    scratch_cut(path, scratch_size(path) - 1);
    assert_int_equal(changelog_open(&changelog, root, TASK, 65536, load, &table, &found, &problem), STATUS_CORRUPT);
    assert_non_null(strstr(problem.detail, path));
}

static void a_cut_keeps_what_it_proved(void **state)
{
    struct table table;
    uint64_t position = 0, synced = 0, found, versions[KEYS] = {0};
    char path[FILE_PATH_SIZE];

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    while (changelog_newest(changelog) < 3)
        write_some(changelog, 1, 40, versions, &position);
    assert_int_equal(changelog_sync(changelog), STATUS_OK);
    synced = position;
    write_some(changelog, 1, 40, versions, &position);
    changelog_close(changelog);
    /* Only the records that are cut for want of their commit show the sync. */
    scratch_file(path, root, "changelog/3", ".chg", -1);
    scratch_cut(path, scratch_size(path) - sizeof(struct chunk_head));
    check_still_proven(synced);
}

static void files_taken_off_keep_what_they_proved(void **state)
{
    struct table table;
    uint64_t position = 0, synced = 0, found, versions[KEYS] = {0};
    char path[FILE_PATH_SIZE];

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    while (changelog_newest(changelog) < 4) {
        write_some(changelog, 1, 40, versions, &position);
        scratch_file(path, root, "changelog/3", ".chg", -1);
        if (changelog_newest(changelog) != 2 || scratch_size(path) < 65536)
            continue;
        assert_int_equal(changelog_sync(changelog), STATUS_OK); /* the end of the second file: no block in it shows that */
        synced = position;
    }
    assert_true(synced > 0);
    changelog_close(changelog);
    scratch_file(path, root, "changelog/3", ".chg", 2);
    scratch_flip(path, CHUNK_PREFIX);
    check_still_proven(synced);
}

static void a_mended_file_keeps_what_it_proved(void **state)
{
    struct table table;
    uint64_t position = 0, found, versions[KEYS] = {0};
    char path[FILE_PATH_SIZE];

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    while (changelog_newest(changelog) < 2)
        write_some(changelog, 1, 40, versions, &position);
    assert_int_equal(changelog_sync(changelog), STATUS_OK);
    write_some(changelog, 1, 40, versions, &position);
    changelog_close(changelog);
    changelog = open_changelog(65536, &table, &found);
    while (changelog_newest(changelog) < 3)
        write_some(changelog, 1, 40, versions, &position);
    changelog_close(changelog);
    /* Blocks of the second file show that the first is durable; they are looked at while it has no index. */
    scratch_file(path, root, "changelog/3", ".chg", 1);
    scratch_cut(path, scratch_size(path) - 1);
    scratch_file(path, root, "changelog/3", ".chg", 0);
    scratch_flip(path, 200);
    for (int turn = 0; turn < 3; turn++) {
        changelog_close(open_changelog(65536, &table, &found));
        assert_int_equal(found, position);
    }
}

static void torn_indexes_are_made_again(void **state)
{
    struct table table;
    uint64_t position = 0, found, versions[KEYS] = {0};
    char path[FILE_PATH_SIZE];
    struct problem problem;

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    write_some(changelog, 100, 20, versions, &position);
    uint32_t newest = changelog_newest(changelog);
    assert_true(newest >= 4);
    changelog_close(changelog);
    for (uint32_t cut = 1; cut < 5000; cut += 97) {
        scratch_file(path, root, "changelog/3", ".chg", 1);
        scratch_cut(path, scratch_size(path) - cut);
        changelog = open_changelog(65536, &table, &found);
        assert_int_equal(found, position);
        check_table(changelog, &table, versions);
        assert_int_equal(changelog_newest(changelog), newest);
        changelog_close(changelog);
    }
    /* The next file was not made yet: nothing shows that the index was durable, so the file is open again. */
    scratch_file(path, root, "changelog/3", ".chg", -1);
    unlink(path);
    changelog = open_changelog(65536, &table, &found);
    assert_true(found > 0 && found < position);
    assert_int_equal(changelog_newest(changelog), newest - 1);
    position = found;
    write_some(changelog, 20, 20, versions, &position);
    assert_int_equal(changelog_sync(changelog), STATUS_OK);
    write_some(changelog, 1, 1, versions, &position); /* shows that the others are durable */
    changelog_close(changelog);
    /* Files in the middle and at the front do not go unnoticed. */
    scratch_file(path, root, "changelog/3", ".chg", 1);
    struct scratch_copy whole = scratch_load(path);
    unlink(path);
    assert_int_equal(changelog_open(&changelog, root, TASK, 65536, load, &table, &found, &problem), STATUS_CORRUPT);
    scratch_store(path, &whole);
    scratch_file(path, root, "changelog/3", ".chg", 0);
    unlink(path);
    assert_int_equal(changelog_open(&changelog, root, TASK, 65536, load, &table, &found, &problem), STATUS_CORRUPT);
    free(whole.bytes);
}

struct walker {
    struct changelog *changelog;
    const struct table *live;
    uint64_t versions[KEYS];
    uint64_t rewritten;
};

static void rewrite(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                    int64_t deadline_ms)
{
    struct walker *walker = context;
    changelog_place moved;

    (void)kind;
    (void)size;
    (void)deadline_ms;
    if (walker->live->places[key.low] != place)
        return;
    assert_int_equal(put(walker->changelog, key.low, walker->versions[key.low], &moved), STATUS_OK);
    walker->rewritten++;
}

static void old_segments_are_dropped(void **state)
{
    struct walker walker = {0};
    struct table table;
    uint64_t position = 0, found;
    char path[FILE_PATH_SIZE];

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    changelog_place place;
    for (uint64_t key = HOT_KEYS; key < KEYS; key++) {
        assert_int_equal(put(changelog, key, 1, &place), STATUS_OK);
        walker.versions[key] = 1;
    }
    write_some(changelog, 100, 20, walker.versions, &position);
    for (int turn = 0; turn < 12; turn++) {
        changelog_close(changelog);
        changelog = open_changelog(65536, &table, &found);
        assert_int_equal(found, position);
        check_table(changelog, &table, walker.versions);
        uint32_t oldest = changelog_oldest(changelog);
        walker.changelog = changelog;
        walker.live = &table;
        assert_int_equal(changelog_walk(changelog, oldest, rewrite, &walker), STATUS_OK);
        assert_int_equal(changelog_commit(changelog, position), STATUS_OK);
        scratch_file(path, root, "changelog/3", ".chg", 0);
        struct scratch_copy dropped = scratch_load(path);
        assert_int_equal(changelog_drop_before(changelog, oldest + 1), STATUS_OK);
        assert_int_equal(changelog_oldest(changelog), oldest + 1);
        assert_int_equal(access(path, F_OK), -1);
        uint64_t bytes = 0;
        for (uint32_t f = 0; f < scratch_count(root, "changelog/3", ".chg"); f++) {
            char file[FILE_PATH_SIZE];
            scratch_file(file, root, "changelog/3", ".chg", (int)f);
            bytes += scratch_size(file);
        }
        assert_int_equal(bytes, changelog_bytes(changelog));
        write_some(changelog, 10, 20, walker.versions, &position);
        /* A power loss may bring the unlinked file back: the note says that it is not needed. */
        if (turn % 2) {
            scratch_store(path, &dropped);
        }
        free(dropped.bytes);
    }
    assert_true(walker.rewritten > 0);
    changelog_close(changelog);
}

struct plan {
    int64_t writes_left, syncs_left;
    uint64_t part;
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

static void a_failure_closes_it_and_loses_nothing(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 60; n++) {
        struct table table;
        uint64_t position = 0, found, versions[KEYS] = {0}, committed[KEYS] = {0}, trial[KEYS] = {0};
        enum status status = STATUS_OK;
        changelog_place place;
        bool is_write = n % 2 == 0;
        struct plan plan = {is_write ? n * 3 : INT64_MAX, is_write ? INT64_MAX : n / 2, (uint64_t)n * 53};
        struct segment_faults faults = {planned_write, planned_sync, &plan};
        struct changelog *changelog = open_changelog(65536, &table, &found);
        segment_set_faults(&faults);
        while (status == STATUS_OK) {
            for (uint32_t i = 0; i < 30 && status == STATUS_OK; i++) {
                uint64_t key = (position * 31 + i * 7) % KEYS;
                status = put(changelog, key, position + 1, &place);
                versions[key] = position + 1;
            }
            memcpy(trial, versions, sizeof trial);
            if (status == STATUS_OK)
                status = changelog_commit(changelog, position + 1);
            if (status == STATUS_OK) {
                position++;
                memcpy(committed, versions, sizeof committed);
                status = changelog_sync(changelog);
            }
        }
        assert_int_equal(status, is_write ? STATUS_DISK_FULL : STATUS_IO);
        segment_set_faults(NULL);
        assert_int_equal(put(changelog, 0, 1, &place), status);
        assert_int_equal(changelog_commit(changelog, 9), status);
        assert_int_equal(changelog_sync(changelog), status);
        changelog_close(changelog);
        changelog = open_changelog(65536, &table, &found);
        assert_true(found == position || found == position + 1);
        check_table(changelog, &table, found == position ? committed : trial);
        changelog_close(changelog);
        scratch_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
    }
}

struct reading {
    struct changelog *changelog;
    uint64_t published; /* key * 2^32 is not needed: one place at a time */
    uint64_t version;
    uint32_t sequence;
    uint32_t is_over;
    uint64_t reads;
};

static void *read_along(void *context)
{
    struct reading *reading = context;

    while (!__atomic_load_n(&reading->is_over, __ATOMIC_ACQUIRE)) {
        uint32_t sequence = __atomic_load_n(&reading->sequence, __ATOMIC_SEQ_CST);
        changelog_place place = __atomic_load_n(&reading->published, __ATOMIC_SEQ_CST);
        uint64_t version = __atomic_load_n(&reading->version, __ATOMIC_SEQ_CST);
        if (sequence % 2 || place == 0 || sequence != __atomic_load_n(&reading->sequence, __ATOMIC_SEQ_CST))
            continue;
        check_place(reading->changelog, place, 5, version);
        reading->reads++;
    }
    return NULL;
}

static void others_read_while_it_is_written(void **state)
{
    struct table table;
    uint64_t found;
    pthread_t thread;
    changelog_place place;
    struct reading reading = {0};

    (void)state;
    struct changelog *changelog = open_changelog(65536, &table, &found);
    reading.changelog = changelog;
    assert_int_equal(pthread_create(&thread, NULL, read_along, &reading), 0);
    for (uint64_t i = 1; i < 30000; i++) {
        assert_int_equal(put(changelog, 5, i, &place), STATUS_OK);
        __atomic_add_fetch(&reading.sequence, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&reading.published, place, __ATOMIC_SEQ_CST);
        __atomic_store_n(&reading.version, i, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&reading.sequence, 1, __ATOMIC_SEQ_CST);
        if (i % 50 == 0)
            assert_int_equal(changelog_commit(changelog, i), STATUS_OK);
    }
    __atomic_store_n(&reading.is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    changelog_close(changelog);
}

static void count_load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                       int64_t deadline_ms)
{
    (void)kind;
    (void)key;
    (void)place;
    (void)size;
    (void)deadline_ms;
    ++*(uint64_t *)context;
}

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_million_records_open_quickly(void **state)
{
    enum { CHANGELOGS = 12, RECORDS = 1000000 / CHANGELOGS };
    char record[64] = {0};
    uint64_t loads = 0, position;
    double spent = 0;

    (void)state;
    for (uint32_t task = 0; task < CHANGELOGS; task++) {
        struct changelog *changelog;
        changelog_place place;
        assert_int_equal(changelog_open(&changelog, root, task, 4 << 20, NULL, NULL, &position, NULL), STATUS_OK);
        for (uint64_t i = 0; i < RECORDS; i++) {
            struct hash128 key = {i, task};
            assert_int_equal(changelog_put(changelog, CHANGELOG_PROFILE, key, 0, slice_make(record, 64), &place), STATUS_OK);
        }
        assert_int_equal(changelog_commit(changelog, RECORDS), STATUS_OK);
        changelog_close(changelog);
        double from = cpu_s();
        assert_int_equal(changelog_open(&changelog, root, task, 4 << 20, count_load, &loads, &position, NULL), STATUS_OK);
        spent += cpu_s() - from;
        changelog_close(changelog);
    }
    print_message("opening %d changelogs of %llu records: %.3f s of CPU\n", CHANGELOGS, (unsigned long long)loads, spent);
    assert_int_equal(loads, (uint64_t)CHANGELOGS * RECORDS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_counts_with_its_commit),
        TEST(kinds_and_sizes_survive),
        TEST(segments_close_and_load),
        TEST(a_checkpoint_may_span_segments),
        TEST(what_no_commit_covers_stays_void),
        TEST(a_torn_tail_is_cut_at_any_byte),
        TEST(what_was_synced_is_not_skipped),
        TEST(any_byte_of_a_head_matters),
        TEST(a_cut_keeps_what_it_proved),
        TEST(files_taken_off_keep_what_they_proved),
        TEST(a_mended_file_keeps_what_it_proved),
        TEST(torn_indexes_are_made_again),
        TEST(old_segments_are_dropped),
        TEST(a_failure_closes_it_and_loses_nothing),
        TEST(others_read_while_it_is_written),
        TEST(a_million_records_open_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
