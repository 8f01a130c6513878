/* Goal: whatever is done to a changelog, and wherever the power goes, a start sees one of the
 * checkpoints since the last sync, whole, and every place it is given reads back.
 * Method: random histories of puts, commits, abandons, syncs, rewriting and dropping of old segments,
 * reopenings and power losses; the other implementation keeps the version of each key at
 * every commit.  A power loss keeps what was synced and damages the rest.  Seeds are printed. */
#include "../unit/eventlog/scratch.h"

#include "base/log.h"
#include "base/rng.h"
#include "eventlog/changelog.h"

enum { KEYS = 40, COMMITS_MAX = 2000, FILES_MAX = 256, SECTOR = 512, STEPS = 400, SEEDS = 24,
       LARGE_BYTES = 400000 }; /* a few of these fill a chunk, so that checkpoints span files */

struct commit {
    uint64_t versions[KEYS]; /* 0: none, or a tombstone */
};

struct durable_file {
    uint64_t number, size;
};

struct world {
    char root[SCRATCH_SIZE];
    struct rng rng;
    uint64_t segment_bytes;
    struct changelog *changelog;
    struct commit *commits;     /* by position; [0] is empty */
    uint64_t position, synced;
    struct commit next;         /* the checkpoint under way */
    uint64_t version;
    changelog_place places[KEYS]; /* of the next */
    changelog_place committed[KEYS];
    changelog_place loaded[KEYS];
    bool is_tombstone[KEYS];
    struct durable_file files[FILES_MAX];
    uint32_t file_count;
};

static void load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                 int64_t deadline_ms)
{
    struct world *world = context;

    (void)size;
    assert_true(key.low < KEYS && deadline_ms == (int64_t)key.low);
    world->loaded[key.low] = place;
    world->is_tombstone[key.low] = kind == CHANGELOG_TOMBSTONE;
}

static uint32_t make_record(char *bytes, uint64_t key, uint64_t version)
{
    uint32_t size = version % 37 == 0 ? LARGE_BYTES : 16 + (uint32_t)(version * 2654435761U % 2000);

    memset(bytes, (int)version, size);
    memcpy(bytes, &key, sizeof key);
    memcpy(bytes + 8, &version, sizeof version);
    return size;
}

static void open_changelog(struct world *world, uint64_t *position)
{
    struct problem problem = {0};

    memset(world->loaded, 0, sizeof world->loaded);
    memset(world->is_tombstone, 0, sizeof world->is_tombstone);
    if (changelog_open(&world->changelog, world->root, 0, world->segment_bytes, load, world, position, &problem) != STATUS_OK)
        fail_msg("%s", problem.detail);
}

static void check_place(const struct world *world, changelog_place place, uint64_t key, uint64_t version)
{
    static char bytes[LARGE_BYTES], buffer[LARGE_BYTES];
    uint32_t size, expected = make_record(bytes, key, version);

    assert_int_equal(changelog_read(world->changelog, place, buffer, sizeof buffer, &size), STATUS_OK);
    assert_int_equal(size, expected);
    assert_memory_equal(buffer, bytes, size);
}

static void put(struct world *world, uint64_t key, uint64_t version)
{
    static char bytes[LARGE_BYTES];
    bool is_tombstone = version == 0;
    uint32_t size = is_tombstone ? 0 : make_record(bytes, key, version);

    assert_int_equal(changelog_put(world->changelog, is_tombstone ? CHANGELOG_TOMBSTONE : CHANGELOG_PROFILE,
                                   (struct hash128){key, 1}, (int64_t)key, slice_make(bytes, size), &world->places[key]),
                     STATUS_OK);
    world->next.versions[key] = version;
}

static void commit(struct world *world)
{
    if (world->position + 1 == COMMITS_MAX)
        return;
    assert_int_equal(changelog_commit(world->changelog, ++world->position), STATUS_OK);
    world->commits[world->position] = world->next;
    memcpy(world->committed, world->places, sizeof world->places);
}

static void note_durable(struct world *world)
{
    struct file_list files;
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE];

    assert_int_equal(file_join(folder, world->root, "changelog/0", NULL), STATUS_OK);
    assert_int_equal(file_list(&files, folder, ".chg", NULL), STATUS_OK);
    assert_true(files.count < FILES_MAX);
    world->file_count = files.count;
    for (uint32_t i = 0; i < files.count; i++) {
        assert_int_equal(file_join(path, folder, files.names[i], NULL), STATUS_OK);
        world->files[i] = (struct durable_file){strtoull(files.names[i], NULL, 10), scratch_size(path)};
    }
    file_list_fini(&files);
    world->synced = world->position;
}

static void lose_power(struct world *world)
{
    static const char zeros[SECTOR];
    struct file_list files;
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE];
    bool is_gone = false;

    assert_int_equal(file_join(folder, world->root, "changelog/0", NULL), STATUS_OK);
    assert_int_equal(file_list(&files, folder, ".chg", NULL), STATUS_OK);
    for (uint32_t i = 0; i < files.count; i++) {
        uint64_t durable = 0, number = strtoull(files.names[i], NULL, 10);
        bool is_known = false;
        assert_int_equal(file_join(path, folder, files.names[i], NULL), STATUS_OK);
        for (uint32_t k = 0; k < world->file_count; k++) {
            if (world->files[k].number == number) {
                durable = world->files[k].size;
                is_known = true;
            }
        }
        is_gone = is_gone || (!is_known && rng_below(&world->rng, 4) == 0);
        if (is_gone && !is_known) {
            unlink(path);
            continue;
        }
        uint64_t size = scratch_size(path);
        if (size > durable && rng_below(&world->rng, 2)) {
            size = durable + rng_below(&world->rng, size - durable + 1);
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
    uint64_t position;

    changelog_close(world->changelog);
    if (is_power_lost)
        lose_power(world);
    open_changelog(world, &position);
    assert_true(position >= world->synced && position <= world->position);
    if (!is_power_lost)
        assert_int_equal(position, world->position);
    world->position = position;
    world->next = world->commits[position];
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t version = world->next.versions[key];
        assert_int_equal(version != 0, world->loaded[key] != 0 && !world->is_tombstone[key]);
        world->places[key] = world->loaded[key];
        if (version != 0)
            check_place(world, world->loaded[key], key, version);
    }
    memcpy(world->committed, world->places, sizeof world->places);
    assert_int_equal(changelog_sync(world->changelog), STATUS_OK);
    note_durable(world);
}

static void ignore(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                   int64_t deadline_ms)
{
    uint32_t *count = context;

    (void)kind;
    (void)key;
    (void)place;
    (void)size;
    (void)deadline_ms;
    ++*count;
}

/* Rewrites what is live in the oldest segments and drops them. */
static void compact(struct world *world)
{
    uint32_t count = 0, oldest = changelog_oldest(world->changelog);
    uint32_t limit = oldest + (uint32_t)rng_below(&world->rng, changelog_newest(world->changelog) - oldest + 1);

    for (uint32_t segment = oldest; segment < limit; segment++)
        assert_int_equal(changelog_walk(world->changelog, segment, ignore, &count), STATUS_OK);
    for (uint64_t key = 0; key < KEYS; key++) {
        if (world->places[key] != 0 && world->places[key] >> 32 < limit)
            put(world, key, world->next.versions[key]);
    }
    commit(world);
    assert_int_equal(changelog_drop_before(world->changelog, limit), STATUS_OK);
    assert_int_equal(changelog_oldest(world->changelog), limit);
    if (limit > oldest)
        note_durable(world); /* dropping syncs */
}

static void step(struct world *world)
{
    uint64_t lot = rng_below(&world->rng, 100);

    if (lot < 60) {
        for (uint64_t count = rng_below(&world->rng, 30); count > 0; count--)
            put(world, rng_below(&world->rng, KEYS), rng_below(&world->rng, 12) ? ++world->version : 0);
    } else if (lot < 78) {
        commit(world);
    } else if (lot < 82) {
        changelog_abandon(world->changelog);
        world->next = world->commits[world->position];
        memcpy(world->places, world->committed, sizeof world->places);
    } else if (lot < 87) {
        assert_int_equal(changelog_sync(world->changelog), STATUS_OK);
        note_durable(world);
    } else if (lot < 90) {
        if (world->position + 2 < COMMITS_MAX)
            compact(world);
    } else if (lot < 95) {
        restart(world, lot < 92);
    } else {
        uint64_t key = rng_below(&world->rng, KEYS);
        if (world->next.versions[key] != 0)
            check_place(world, world->places[key], key, world->next.versions[key]);
    }
}

static void random_histories_hold(void **state)
{
    const char *wanted = getenv("SEED");
    uint64_t first = wanted ? strtoull(wanted, NULL, 10) : 1, position;

    (void)state;
    log_set_level(LOG_ERROR);
    for (uint64_t seed = first; seed < first + (wanted ? 1 : SEEDS); seed++) {
        struct world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world->commits = calloc(COMMITS_MAX, sizeof *world->commits);
        assert_non_null(world->commits);
        print_message("seed %llu\n", (unsigned long long)seed);
        rng_init(&world->rng, seed, 0);
        scratch_make(world->root);
        world->segment_bytes = seed % 2 ? 65536 : 4 << 20; /* less and more than a chunk */
        open_changelog(world, &position);
        for (uint32_t i = 0; i < STEPS; i++)
            step(world);
        restart(world, false);
        changelog_close(world->changelog);
        scratch_remove(world->root);
        free(world->commits);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_histories_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
