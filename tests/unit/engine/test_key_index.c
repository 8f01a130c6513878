/* Goal: every key added is found, by the writer and by readers who look while shards grow;
 * outgrown arrays are freed once nobody is inside.
 * Method: a reader thread looks up keys that are known to be in while the writer adds more;
 * equal keys give two entries; the walk meets each entry once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/hash.h"
#include "base/shared.h"
#include "engine/key_index.h"

enum { KEYS = 100000 };

static struct key_index table;
static uint64_t added; /* shared: keys 1..added are in */
static uint64_t missed, looked;

static void *look(void *argument)
{
    (void)argument;
    for (uint64_t i = 1, end; (end = SHARED_ACQUIRE(added)) < KEYS; i = i * 7 + 1) {
        if (end == 0)
            continue;
        uint64_t n = i % end + 1;
        uint32_t cursor = 0;
        key_index_enter(&table);
        missed += key_index_lookup(&table, hash_mix(n), &cursor) != n;
        looked++;
        key_index_leave(&table);
    }
    return NULL;
}

static void test_growing_under_readers(void **state)
{
    pthread_t reader;

    (void)state;
    assert_int_equal(key_index_init(&table), STATUS_OK);
    assert_int_equal(pthread_create(&reader, NULL, look, NULL), 0);
    for (uint64_t n = 1; n <= KEYS; n++) {
        assert_true(key_index_add(&table, hash_mix(n), n));
        SHARED_RELEASE(added, n);
        if (n % 64 == 0)
            key_index_reclaim(&table);
    }
    pthread_join(reader, NULL);
    assert_int_equal(missed, 0);
    key_index_reclaim(&table);
    assert_null(table.retired);
    uint64_t cursor = 0, key, *reference, count = 0, sum = 0;
    while (key_index_next(&table, &cursor, &key, &reference)) {
        assert_int_equal(key, hash_mix(*reference));
        count++;
        sum += *reference;
    }
    assert_int_equal(count, KEYS);
    assert_int_equal(sum, (uint64_t)KEYS * (KEYS + 1) / 2);
    assert_true(table.bytes < (uint64_t)KEYS * 48);
    key_index_fini(&table);
}

static void test_equal_keys_and_zero(void **state)
{
    struct key_index index;
    uint32_t cursor = 0;

    (void)state;
    assert_int_equal(key_index_init(&index), STATUS_OK);
    assert_null(key_index_find(&index, 5, &cursor));
    assert_true(key_index_add(&index, 5, 50));
    assert_true(key_index_add(&index, 5, 51));
    assert_true(key_index_add(&index, 0, 7));
    cursor = 0;
    assert_int_equal(*key_index_find(&index, 5, &cursor), 50);
    assert_int_equal(*key_index_find(&index, 5, &cursor), 51);
    assert_null(key_index_find(&index, 5, &cursor));
    cursor = 0;
    assert_int_equal(key_index_lookup(&index, 0, &cursor), 7);
    /* An entry without reference is passed by. */
    cursor = 0;
    *key_index_find(&index, 5, &cursor) = 0;
    cursor = 0;
    assert_int_equal(key_index_lookup(&index, 5, &cursor), 51);
    key_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing_under_readers),
        cmocka_unit_test(test_equal_keys_and_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
