/* Goal: the window remembers what it promises and forgets the rest, and taking back leaves
 * no trace.
 * Method: random ids against a plain array (seed printed); cuts with drops are taken back and
 * the hash of the state is compared with a twin that never did them; encoded parts loaded into
 * a fresh window give the same state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/dedup.h"
#include "engine/undo.h"

enum { WINDOW_MS = 60000, SMALL = 3 * DEDUP_CHUNK * 40 };

static struct hash128 id_of(uint64_t n)
{
    return (struct hash128){hash_mix(n + 1), hash_mix(n + 0x1234567)};
}

static char record[DEDUP_RECORD_MAX];

static void add(struct dedup *dedup, uint64_t n, int64_t now_ms, struct undo *undo)
{
    for (int i = 0; i < 2 && dedup_must_drop(dedup, now_ms); i++) {
        struct dedup_mark mark;
        uint32_t count;
        dedup_mark(dedup, &mark);
        uint32_t size = dedup_encode(dedup, mark.first, record, &count);
        if (undo != NULL)
            assert_int_equal(undo_keep(undo, UNDO_DEDUP, (struct hash128){0}, slice_make(record, size)), STATUS_OK);
        dedup_drop(dedup, now_ms);
    }
    dedup_add(dedup, id_of(n), now_ms);
}

static void test_window_by_time(void **state)
{
    struct dedup *dedup;
    int64_t now_ms = 1000000;

    (void)state;
    assert_int_equal(dedup_create(&dedup, 64 << 20, WINDOW_MS), STATUS_OK);
    for (uint64_t n = 0; n < 50000; n++, now_ms += 10) {
        assert_false(dedup_find(dedup, id_of(n), now_ms));
        add(dedup, n, now_ms, NULL);
        assert_true(dedup_find(dedup, id_of(n), now_ms));
        /* 5,000 ids ago is 50 s ago: still inside of the window. */
        if (n > 5000)
            assert_true(dedup_find(dedup, id_of(n - 5000), now_ms));
        /* A whole chunk more than the window ago: forgotten. */
        if (n > 6000 + 2 * DEDUP_CHUNK)
            assert_false(dedup_find(dedup, id_of(n - 6000 - 2 * DEDUP_CHUNK), now_ms));
    }
    assert_int_equal(dedup_reach_ms(dedup, now_ms), WINDOW_MS);
    assert_true(dedup_count(dedup) < 6000 + 3 * DEDUP_CHUNK);
    dedup_destroy(dedup);
}

static void test_window_by_bytes(void **state)
{
    struct dedup *dedup;
    uint64_t kept = 0;

    (void)state;
    assert_int_equal(dedup_create(&dedup, SMALL, WINDOW_MS), STATUS_OK);
    assert_true(dedup_bytes(dedup) <= SMALL);
    for (uint64_t n = 0; n < 100000; n++)
        add(dedup, n, 1000 + (int64_t)n / 100, NULL);
    for (uint64_t n = 0; n < 100000; n++)
        kept += dedup_find(dedup, id_of(n), 2000);
    assert_int_equal(kept, dedup_count(dedup));
    assert_true(dedup_reach_ms(dedup, 2000) < 200);
    dedup_destroy(dedup);
}

/* A generation of up to several chunks is applied to one of two twins and taken back. */
static void test_taking_back(void **state)
{
    struct dedup *one, *other;
    struct undo undo = {0};
    struct rng rng;
    uint64_t seed = 7, n = 0;
    int64_t now_ms = 1000;

    (void)state;
    print_message("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed, 0);
    assert_int_equal(dedup_create(&one, SMALL, WINDOW_MS), STATUS_OK);
    assert_int_equal(dedup_create(&other, SMALL, WINDOW_MS), STATUS_OK);
    for (int round = 0; round < 60; round++) {
        struct dedup_mark mark;
        struct undo_entry entry;
        dedup_mark(one, &mark);
        uint64_t lost = rng_below(&rng, 5 * DEDUP_CHUNK);
        for (uint64_t i = 0; i < lost; i++)
            add(one, 1000000000 + n + i, now_ms + (int64_t)i, &undo);
        dedup_take_back(one, &mark);
        while (undo_pop(&undo, &entry))
            dedup_put_back(one, entry.bytes);
        assert_int_equal(dedup_hash(one), dedup_hash(other));
        uint64_t kept = rng_below(&rng, 3000);
        now_ms += (int64_t)rng_below(&rng, WINDOW_MS);
        for (uint64_t i = 0; i < kept; i++, n++) {
            add(one, n, now_ms, NULL);
            add(other, n, now_ms, NULL);
        }
        assert_int_equal(dedup_hash(one), dedup_hash(other));
        if (n > 0)
            assert_true(dedup_find(one, id_of(n - 1), now_ms));
    }
    undo_fini(&undo);
    dedup_destroy(one);
    dedup_destroy(other);
}

static void test_loading(void **state)
{
    struct dedup *one, *other;
    struct dedup_mark mark;
    uint64_t at = 0;

    (void)state;
    assert_int_equal(dedup_create(&one, 8 << 20, WINDOW_MS), STATUS_OK);
    assert_int_equal(dedup_create(&other, 8 << 20, WINDOW_MS), STATUS_OK);
    for (uint64_t n = 0; n < 30000; n++)
        add(one, n, 5000 + (int64_t)n, NULL);
    dedup_mark(one, &mark);
    dedup_restore(other, &mark);
    for (at = mark.first; at < mark.end;) {
        uint32_t count;
        uint32_t size = dedup_encode(one, at, record, &count);
        assert_int_equal(dedup_load(other, slice_make(record, size)), STATUS_OK);
        assert_int_equal(dedup_load(other, slice_make(record, size - 1)), STATUS_CORRUPT);
        at += count;
    }
    assert_int_equal(dedup_hash(one), dedup_hash(other));
    for (uint64_t n = 0; n < 30000; n++)
        assert_int_equal(dedup_find(one, id_of(n), 35000), dedup_find(other, id_of(n), 35000));
    dedup_destroy(one);
    dedup_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_by_time),
        cmocka_unit_test(test_window_by_bytes),
        cmocka_unit_test(test_taking_back),
        cmocka_unit_test(test_loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
