/* Goal: readers get whole profiles of the person they asked for, never older than what was
 * published before they began, while the worker changes, moves and evicts them.
 * Method: every profile carries one number in all of its recents; a writer raises numbers and
 * lets profiles grow and shrink through the size classes under a small budget, with
 * checkpoints so that eviction has a place to go to; readers check the number they see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/shared.h"
#include "engine/profile_table.h"

enum { USERS = 12000, ROUNDS = 150000, READERS = 2, MIB = 1024 * 1024 };

static struct layout layout;
static struct profile_table table;
static struct profile_table *tables[1] = {&table};
static uint64_t published[USERS]; /* shared */
static uint32_t is_over;          /* shared */

static struct hash128 key_of(uint32_t user)
{
    return (struct hash128){hash_mix(user + 1), hash_mix(user + 77777)};
}

struct reading {
    uint64_t reads, wrong, old;
    uint64_t seed;
};

/* The number fills as many recents as its low digits say. */
static void set_number(struct profile *profile, uint64_t number)
{
    uint32_t count = 1 + (uint32_t)(hash_mix(number) % PROFILE_RECENT);
    profile->last_offset = number;
    for (uint32_t i = 0; i < PROFILE_RECENT; i++)
        profile->recent[i] = (struct profile_recent){.content = i < count ? number : 0};
    /* Bulk, so that classes change. */
    for (uint32_t i = 0; i < PROFILE_DISLIKED; i++)
        profile->disliked[i] = hash_mix(number) % 3 == 0 ? number : 0;
}

static bool is_whole(const struct profile *profile, uint32_t user)
{
    uint64_t number = profile->last_offset;
    uint32_t count = 1 + (uint32_t)(hash_mix(number) % PROFILE_RECENT);
    if (profile->key.low != key_of(user).low || profile->key.high != key_of(user).high)
        return false;
    for (uint32_t i = 0; i < PROFILE_RECENT; i++)
        if (profile->recent[i].content != (i < count ? number : 0))
            return false;
    return true;
}

static void *read_all(void *argument)
{
    struct reading *reading = argument;
    struct profile *profile = calloc(1, profile_bytes(&layout));
    struct rng rng;

    rng_init(&rng, reading->seed, 0);
    while (!SHARED_ACQUIRE(is_over)) {
        uint32_t user = (uint32_t)rng_below(&rng, USERS);
        uint64_t at_least = SHARED_ACQUIRE(published[user]);
        bool is_there = profile_table_read(&table, key_of(user), profile);
        reading->reads++;
        if (!is_there)
            reading->old += at_least != 0;
        else if (!is_whole(profile, user))
            reading->wrong++;
        else
            reading->old += profile->last_offset < at_least;
    }
    free(profile);
    return NULL;
}

static void change(struct profile *profile, uint32_t user, uint64_t number)
{
    struct profile_slot *slot = NULL;

    assert_int_equal(profile_table_find(&table, key_of(user), &slot), STATUS_OK);
    if (slot != NULL) {
        assert_true(profile_unpack(slot->image.words, slot->image.size, &layout, profile));
        assert_int_equal(profile->last_offset, published[user]);
    } else {
        assert_int_equal(published[user], 0);
        profile_init(profile, &layout, key_of(user));
    }
    set_number(profile, number);
    if (slot != NULL && slot->list == PROFILE_LIST_NONE)
        assert_int_equal(profile_table_mark(&table, slot), STATUS_OK);
    bool is_new = slot == NULL;
    uint32_t size = profile_pack(profile, &layout, table.scratch->words);
    assert_int_equal(profile_table_store(&table, key_of(user), size, 0, &slot), STATUS_OK);
    if (is_new)
        assert_int_equal(profile_table_mark(&table, slot), STATUS_OK);
    SHARED_RELEASE(published[user], number);
}

/* All changed profiles to the changelog, at once. */
static void write_changed(uint32_t number)
{
    struct profile_list *list = &table.lists[table.open_list];

    for (uint32_t i = 0; i < list->count; i++) {
        struct profile_slot *slot = list->slots[i];
        changelog_place place;
        if (slot == NULL)
            continue;
        assert_int_equal(changelog_put(table.changelog, CHANGELOG_PROFILE, slot->image.key, 0,
                                       slice_make((const char *)slot->image.words, slot->image.size), &place), STATUS_OK);
        SHARED_STORE(slot->place, place);
        SHARED_STORE(slot->checkpoint, number);
        profile_table_unmark(&table, slot);
    }
    list->count = 0;
    assert_int_equal(changelog_commit(table.changelog, number), STATUS_OK);
    table.checkpoint_committed = number;
}

static void ignore(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size, int64_t deadline_ms)
{
    (void)context;
    (void)kind;
    (void)key;
    (void)place;
    (void)size;
    (void)deadline_ms;
}

static void test_readers_beside_the_worker(void **state)
{
    struct feature_declaration declarations[FEATURE_MAX];
    struct event_types types;
    struct problem problem;
    struct slab *slab;
    struct changelog *changelog;
    struct reading readings[READERS] = {{.seed = 1}, {.seed = 2}};
    pthread_t threads[READERS];
    struct rng rng;
    char dir[] = "/tmp/penchant-table-XXXXXX", command[64];
    uint64_t position = 0;

    (void)state;
    print_message("seed 5\n");
    rng_init(&rng, 5, 0);
    event_types_init(&types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    assert_int_equal(layout_compile(&layout, declarations, count, &types, &problem), STATUS_OK);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(changelog_open(&changelog, dir, 0, MIB, ignore, NULL, &position, &problem), STATUS_OK);
    /* The budget is one chunk: 2 MiB for 12,000 people. */
    assert_int_equal(slab_create(&slab, MIB, profile_table_evict, profile_table_is_taken, tables), STATUS_OK);
    assert_int_equal(profile_table_init(&table, 0, slab, changelog, &layout), STATUS_OK);
    struct profile *profile = calloc(1, profile_bytes(&layout));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readings[i]), 0);
    for (uint64_t n = 1; n <= ROUNDS; n++) {
        change(profile, (uint32_t)rng_below(&rng, USERS), n);
        if (n % 200 == 0)
            write_changed((uint32_t)(n / 200));
        if (n % 50 == 0)
            key_index_reclaim(&table.index);
    }
    SHARED_RELEASE(is_over, 1);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readings[i].wrong, 0);
        assert_int_equal(readings[i].old, 0);
        assert_true(readings[i].reads > 100);
    }
    assert_true(slab_evictions(slab) > 1000);
    print_message("%lu reads beside %lu evictions\n", (unsigned long)(readings[0].reads + readings[1].reads), (unsigned long)slab_evictions(slab));
    assert_int_equal(table.users, USERS);
    free(profile);
    profile_table_fini(&table);
    slab_destroy(slab);
    changelog_close(changelog);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_beside_the_worker)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
