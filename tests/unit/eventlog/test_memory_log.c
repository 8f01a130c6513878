/* Goal: memory_log.h holds what it says: three outcomes in the drawn shares, in order; what is
 * committed is a prefix of what was emitted, each source position once; unknown ones can be asked.
 * Method: a worker that goes back to the committed position after each failure; seeds printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "eventlog/memory_log.h"

enum { END = 5000 };

/* Emits one record per offset; generations of a drawn number of offsets, at most two under way. */
static void run_worker(struct memory_log *log, struct rng *rng)
{
    struct transaction_port port = memory_log_port(log);
    uint64_t next = 0, generation = 0, oldest = 0;

    for (uint32_t turns = 0; turns < 1000000 && memory_log_position(log, 0) < END; turns++) {
        bool is_room = generation - oldest < 2 && next < END;
        if (is_room) {
            assert_int_equal(port.begin(port.context, ++generation), STATUS_OK);
            for (uint64_t count = 1 + rng_below(rng, 9); count > 0 && next < END; count--, next++) {
                char text[24];
                int size = snprintf(text, sizeof text, "%llu", (unsigned long long)next);
                assert_int_equal(port.emit(port.context, 0, next, 0, slice_make(text, (size_t)size)), STATUS_OK);
            }
            struct transaction_position position = {0, next};
            assert_int_equal(port.commit(port.context, generation, &position, 1), STATUS_OK);
        }
        if (oldest == generation)
            continue;
        enum transaction_outcome outcome = port.outcome(port.context, oldest + 1);
        if (outcome == TRANSACTION_COMMITTED)
            oldest++;
        if (outcome == TRANSACTION_ABORTED || outcome == TRANSACTION_UNKNOWN) {
            assert_int_equal(port.committed(port.context, 0, &next), STATUS_OK);
            oldest = generation; /* the newer one is taken back too */
        }
    }
    assert_int_equal(memory_log_position(log, 0), END);
}

static void each_record_is_committed_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct memory_log *log;
        struct memory_log_odds odds = {.aborted = 0.2, .unknown = 0.2, .unknown_committed = 0.5, .pending_max = 3};
        struct rng rng;
        print_message("seed %llu\n", (unsigned long long)seed);
        assert_int_equal(memory_log_create(&log, seed, 1, &odds), STATUS_OK);
        rng_init(&rng, seed, 1);
        run_worker(log, &rng);
        assert_int_equal(memory_log_count(log), END);
        for (uint64_t i = 0; i < END; i++) {
            char text[24];
            snprintf(text, sizeof text, "%llu", (unsigned long long)i);
            assert_int_equal(memory_log_get(log, i)->offset, i);
            assert_true(slice_is(memory_log_get(log, i)->record, text));
        }
        struct memory_log_counters counters = memory_log_counters(log);
        assert_true(counters.committed > 100 && counters.aborted > 50 && counters.unknown > 50);
        assert_true(counters.unknown_committed > 10 && counters.unknown_committed < counters.unknown);
        memory_log_destroy(log);
    }
}

static void repeats_are_dropped(void **state)
{
    struct memory_log *log;
    struct memory_log_odds odds = {0};

    (void)state;
    assert_int_equal(memory_log_create(&log, 1, 2, &odds), STATUS_OK);
    struct transaction_port port = memory_log_port(log);
    for (uint64_t generation = 1; generation <= 3; generation++) {
        struct transaction_position positions[] = {{0, 5}, {1, 8}};
        assert_int_equal(port.begin(port.context, generation), STATUS_OK);
        assert_int_equal(port.emit(port.context, 1, 7, 0, slice_of("a")), STATUS_OK);
        assert_int_equal(port.emit(port.context, 1, 7, 1, slice_of("b")), STATUS_OK);
        assert_int_equal(port.commit(port.context, generation, positions, 2), STATUS_OK);
        assert_int_equal(port.outcome(port.context, generation), TRANSACTION_COMMITTED);
    }
    assert_int_equal(memory_log_count(log), 2);
    assert_int_equal(memory_log_counters(log).dropped, 4);
    assert_int_equal(memory_log_position(log, 1), 8);
    memory_log_destroy(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_is_committed_once),
        cmocka_unit_test(repeats_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
