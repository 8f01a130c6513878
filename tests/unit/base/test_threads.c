/* Goal: ring, bell and shared are right under real threads (run it under MODE=tsan too).
 * Method: many producers push numbered items and the consumer checks each producer's order and
 * that none is lost or doubled; a sleeper must see every ring; a reader must never keep a torn
 * copy of a record whose words are all equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "base/bell.h"
#include "base/ring.h"
#include "base/shared.h"

enum { PRODUCERS = 3, ITEMS = 50000, WORDS = 512, COPIES = 20000 };

static struct ring ring;
static struct bell bell;

static void *produce(void *argument)
{
    uint64_t producer = *(uint64_t *)argument;
    for (uint64_t i = 1; i <= ITEMS; i++) {
        void *item = (void *)(uintptr_t)(producer << 32 | i);
        while (!ring_push(&ring, item))
            sched_yield();
        bell_ring(&bell);
    }
    return NULL;
}

static void test_ring_keeps_all(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    uint64_t numbers[PRODUCERS], next[PRODUCERS + 1] = {0};
    assert_int_equal(ring_init(&ring, 64), STATUS_OK);
    bell_init(&bell);
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        numbers[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &numbers[i]), 0);
    }
    for (uint64_t count = 0; count < (uint64_t)PRODUCERS * ITEMS;) {
        uint32_t seen = bell_seen(&bell);
        uint64_t item = (uint64_t)(uintptr_t)ring_pop(&ring);
        if (item == 0) {
            /* Without end: a ring that is missed hangs the test, and the runner reports it. */
            bell_wait(&bell, seen, -1);
            continue;
        }
        uint64_t producer = item >> 32;
        assert_in_range(producer, 1, PRODUCERS);
        assert_int_equal(item & UINT32_MAX, ++next[producer]);
        assert_true(ring_length(&ring) <= 64);
        count++;
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(ring_pop(&ring));
    assert_int_equal(ring_length(&ring), 0);
    ring_fini(&ring);
}

static void test_ring_is_bounded(void **state)
{
    (void)state;
    int items[5];
    struct ring small;
    assert_int_equal(ring_init(&small, 4), STATUS_OK);
    for (int lap = 0; lap < 10; lap++) {
        for (int i = 0; i < 4; i++)
            assert_true(ring_push(&small, &items[i]));
        assert_false(ring_push(&small, &items[4]));
        assert_int_equal(ring_length(&small), 4);
        for (int i = 0; i < 4; i++)
            assert_ptr_equal(ring_pop(&small), &items[i]);
        assert_null(ring_pop(&small));
    }
    ring_fini(&small);
}

static void test_bell_timeout(void **state)
{
    (void)state;
    struct timespec before, after;
    bell_init(&bell);
    clock_gettime(CLOCK_MONOTONIC, &before);
    bell_wait(&bell, bell_seen(&bell), 20);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ns = (after.tv_sec - before.tv_sec) * 1000000000LL + (after.tv_nsec - before.tv_nsec);
    assert_true(ns >= 20000000);
    uint32_t seen = bell_seen(&bell);
    bell_ring(&bell);
    bell_wait(&bell, seen, -1); /* already rung: returns at once */
    bell_wait(&bell, bell_seen(&bell), 0);
    assert_int_equal(bell.sleepers, 0);
}

static uint32_t sequence;
static uint64_t record[WORDS];
static bool is_done;

static void *publish(void *argument)
{
    (void)argument;
    uint64_t words[WORDS];
    for (uint64_t value = 1; !SHARED_LOAD(is_done); value++) {
        if (value % 2 == 0) {
            for (int i = 0; i < WORDS; i++)
                words[i] = value;
            shared_publish(&sequence, record, words, sizeof words);
        } else {
            shared_begin(&sequence);
            for (int i = WORDS - 1; i >= 0; i--)
                SHARED_STORE(record[i], value);
            shared_end(&sequence);
        }
        /* One processor may hold both threads. */
        if (value % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void test_shared_copies_are_whole(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, publish, NULL), 0);
    uint64_t last = 0, kept = 0;
    for (int i = 0; i < COPIES; i++) {
        uint64_t copy[WORDS];
        if (!shared_try_copy(&sequence, copy, record, sizeof copy)) {
            sched_yield();
            continue;
        }
        kept++;
        for (int w = 1; w < WORDS; w++)
            assert_int_equal(copy[w], copy[0]);
        assert_true(copy[0] >= last);
        last = copy[0];
    }
    SHARED_STORE(is_done, true);
    pthread_join(thread, NULL);
    assert_true(kept > 0);
    /* The check sees a torn copy: an odd sequence is refused. */
    uint64_t copy[WORDS];
    shared_begin(&sequence);
    assert_false(shared_try_copy(&sequence, copy, record, sizeof copy));
    shared_end(&sequence);
    assert_true(shared_try_copy(&sequence, copy, record, sizeof copy));
    float weight = 0;
    shared_store_float(&weight, 1.5F);
    assert_true(shared_load_float(&weight) == 1.5F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_keeps_all),
        cmocka_unit_test(test_ring_is_bounded),
        cmocka_unit_test(test_bell_timeout),
        cmocka_unit_test(test_shared_copies_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
