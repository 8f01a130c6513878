/* Goal: items keep their bytes, runs change their class, and eviction under a budget gives room.
 * Method: takes and gives at random sizes against a plain list of what is held (seed printed),
 * then a small budget with an owner who lets go of everything but what is marked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/slab.h"

enum { HELD = 4000, STEPS = 200000, MIB = 1024 * 1024 };

struct item {
    uint64_t sequence, link;
    uint64_t mark; /* 0: free */
    uint64_t is_kept;
    unsigned char bytes[];
};

static bool is_taken(const void *item)
{
    return ((const struct item *)item)->mark != 0;
}

static bool let_go(void *context, void *item)
{
    struct item *it = item;
    uint64_t *count = context;
    if (it->is_kept)
        return false;
    it->mark = 0;
    ++*count;
    return true;
}

static struct item *take(struct slab *slab, uint32_t size, uint64_t mark)
{
    struct item *item = slab_take(slab, size);
    assert_non_null(item);
    assert_int_equal((uintptr_t)item % 64, 0);
    item->mark = mark;
    item->is_kept = 0;
    memset(item->bytes, (int)mark, size - sizeof *item);
    return item;
}

static void check(const struct item *item, uint32_t size, uint64_t mark)
{
    assert_int_equal(item->mark, mark);
    for (uint32_t i = 0; i < size - sizeof *item; i++)
        assert_int_equal(item->bytes[i], (unsigned char)mark);
}

static void test_random(void **state)
{
    static struct item *items[HELD];
    static uint32_t sizes[HELD];
    static uint64_t marks[HELD];
    struct slab *slab;
    struct rng rng;
    uint64_t evicted = 0, seed = 20261124;

    (void)state;
    print_message("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed, 0);
    memset(items, 0, sizeof items);
    assert_int_equal(slab_create(&slab, 1024ULL * MIB, let_go, is_taken, &evicted), STATUS_OK);
    for (uint64_t step = 1; step <= STEPS; step++) {
        uint32_t i = (uint32_t)rng_below(&rng, HELD);
        if (items[i] != NULL) {
            check(items[i], sizes[i], marks[i]);
            items[i]->mark = 0;
            slab_give(slab, items[i]);
            items[i] = NULL;
        } else {
            /* Sizes drift, so that runs of one class empty and come back as another. */
            sizes[i] = 64 + (uint32_t)rng_below(&rng, 200 + (uint32_t)(step / 100));
            marks[i] = step;
            items[i] = take(slab, sizes[i], step);
        }
    }
    for (uint32_t i = 0; i < HELD; i++)
        if (items[i] != NULL)
            check(items[i], sizes[i], marks[i]);
    assert_int_equal(evicted, 0);
    assert_true(slab_bytes(slab) < 16ULL * MIB);
    slab_destroy(slab);
}

static void test_every_size_fits(void **state)
{
    struct slab *slab;
    uint64_t evicted = 0;

    (void)state;
    assert_int_equal(slab_create(&slab, 1024ULL * MIB, let_go, is_taken, &evicted), STATUS_OK);
    uint32_t before = 0;
    for (uint32_t size = 33; size <= SLAB_ITEM_MAX; size += 7) {
        assert_true(slab_class_bytes(size) >= size && slab_class_bytes(size) >= before);
        before = slab_class_bytes(size);
        struct item *item = take(slab, size, size);
        struct item *next = take(slab, size, size + 1);
        check(item, size, size);
        slab_give(slab, item);
        check(next, size, size + 1);
        slab_give(slab, next);
    }
    slab_destroy(slab);
}

static void test_budget(void **state)
{
    struct slab *slab;
    uint64_t evicted = 0;

    (void)state;
    assert_int_equal(slab_create(&slab, 4ULL * MIB, let_go, is_taken, &evicted), STATUS_OK);
    for (uint64_t i = 1; i <= 100000; i++)
        take(slab, 200 + (uint32_t)(i % 5) * 200, i);
    assert_true(slab_bytes(slab) <= 4ULL * MIB);
    assert_false(slab_is_over(slab));
    assert_int_equal(slab_evictions(slab), evicted);
    assert_true(evicted > 80000);
    slab_destroy(slab);
}

static void test_kept_items_go_over_the_budget(void **state)
{
    struct slab *slab;
    uint64_t evicted = 0;

    (void)state;
    assert_int_equal(slab_create(&slab, 2ULL * MIB, let_go, is_taken, &evicted), STATUS_OK);
    for (uint64_t i = 1; i <= 10000; i++)
        take(slab, 512, i)->is_kept = 1;
    assert_true(slab_is_over(slab));
    assert_int_equal(evicted, 0);
    slab_destroy(slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_every_size_fits),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_kept_items_go_over_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
