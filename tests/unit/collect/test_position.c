/* Goal: a position is rendered sorted, with the largest offset of each partition, and read back.
 * Method: hand-made cases, hostile texts, and a random round trip whose seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "collect/position.h"

enum { PARTITIONS = 12, TEXT = 1 + PARTITIONS * POSITION_ENTRY_SIZE };

static void renders_sorted_and_largest(void **state)
{
    (void)state;
    struct position position;
    char text[TEXT];

    assert_int_equal(position_init(&position, PARTITIONS), STATUS_OK);
    assert_int_equal(position_render(&position, text, sizeof text), 0);
    assert_string_equal(text, "");
    position_add(&position, 7, 1813);
    position_add(&position, 3, 89);
    position_add(&position, 3, 90);
    position_add(&position, 3, 2);
    position_add(&position, 5, 0);
    assert_int_equal(position_render(&position, text, sizeof text), strlen("3:90,7:1813"));
    assert_string_equal(text, "3:90,7:1813");
    position_reset(&position);
    position_add(&position, 0, UINT64_MAX);
    position_render(&position, text, sizeof text);
    assert_string_equal(text, "0:18446744073709551615");
    position_fini(&position);
}

static void finds_only_the_partition(void **state)
{
    (void)state;
    uint64_t next = 1;

    assert_true(position_find(slice_of("3:90,7:1813"), 7, &next));
    assert_int_equal(next, 1813);
    assert_true(position_find(slice_of("3:90,7:1813"), 4, &next));
    assert_int_equal(next, 0);
    assert_true(position_find(slice_of(""), 4, &next));
    assert_int_equal(next, 0);
    assert_true(position_find(slice_of("4:5,4:9,4:7"), 4, &next));
    assert_int_equal(next, 9);
}

static void refuses_what_is_no_position(void **state)
{
    (void)state;
    static const char *const wrong[] = {"3", "3:", ":3", "a:1", "3:90,", ",", "3:90;7:1", "3:-1", " 3:90", "3:90 ",
                                        "3:99999999999999999999", "99999999999999999999:3", "3:90,,4:1", "3:1:2"};
    uint64_t next = 0;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (position_find(slice_of(wrong[i]), 3, &next))
            fail_msg("taken as a position: %s", wrong[i]);
}

static void round_trip(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL);
    struct rng rng;
    struct position position;
    char text[TEXT];

    printf("# seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed, 0);
    assert_int_equal(position_init(&position, PARTITIONS), STATUS_OK);
    for (int round = 0; round < 1000; round++) {
        uint64_t largest[PARTITIONS] = {0};
        position_reset(&position);
        for (uint64_t i = rng_below(&rng, 30); i > 0; i--) {
            uint32_t partition = (uint32_t)rng_below(&rng, PARTITIONS);
            uint64_t next = rng_below(&rng, 1UL << (1 + rng_below(&rng, 60)));
            position_add(&position, partition, next);
            if (next > largest[partition])
                largest[partition] = next;
        }
        uint32_t size = position_render(&position, text, sizeof text);
        for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
            uint64_t found = 0;
            assert_true(position_find(slice_make(text, size), partition, &found));
            assert_int_equal(found, largest[partition]);
        }
    }
    position_fini(&position);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_sorted_and_largest),
        cmocka_unit_test(finds_only_the_partition),
        cmocka_unit_test(refuses_what_is_no_position),
        cmocka_unit_test(round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
