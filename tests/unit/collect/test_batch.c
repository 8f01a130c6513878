/* Goal: records of a batch are where its entries say after the buffer moved; errors are counted all and
 * listed up to their maximum; a batch that is used again starts empty.
 * Method: a batch is filled beyond its first buffers and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "collect/batch.h"
#include "wire/json.h"

enum { RECORDS = 3000, RECORD_SIZE_MAX = 64 };

static void nothing(void *context)
{
    ++*(int *)context;
}

static void fill(struct batch *batch, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char *place = batch_reserve(batch, RECORD_SIZE_MAX);
        assert_non_null(place);
        int size = snprintf(place, RECORD_SIZE_MAX, "record %u of many", i);
        batch_add(batch, i % 7, i, (uint32_t)size);
    }
}

static void records_stay_where_entries_say(void **state)
{
    (void)state;
    struct batch_pool pool = {0};
    struct batch *batch = batch_acquire(&pool);
    int done = 0;

    assert_non_null(batch);
    fill(batch, RECORDS);
    batch_seal(batch, NULL, nothing, &done);
    assert_int_equal(batch->submission.count, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++) {
        char expected[RECORD_SIZE_MAX];
        const struct submission_entry *entry = &batch->submission.entries[i];
        snprintf(expected, sizeof expected, "record %u of many", i);
        assert_true(slice_is(entry->record, expected));
        assert_int_equal(entry->partition, i % 7);
        assert_int_equal(entry->source_partition, LOG_NO_SOURCE);
    }
    batch->submission.done(&batch->submission);
    assert_int_equal(done, 1);
    batch_release(&pool, batch);
    batch_pool_fini(&pool);
}

static void dropped_entries_are_left_out(void **state)
{
    (void)state;
    struct batch_pool pool = {0};
    struct batch *batch = batch_acquire(&pool);
    int done = 0;
    uint32_t kept = 0;

    assert_non_null(batch);
    fill(batch, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i += i < 6 ? 1 : 7) /* the first ones in a row, then one in seven */
        batch_drop(batch, i);
    batch_seal(batch, NULL, nothing, &done);
    assert_int_equal(batch->accepted, batch->submission.count);
    assert_int_equal(batch->duplicates + batch->accepted, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++) {
        char expected[RECORD_SIZE_MAX];
        if (i < 6 || i % 7 == 6)
            continue;
        snprintf(expected, sizeof expected, "record %u of many", i);
        assert_true(slice_is(batch->submission.entries[kept++].record, expected));
    }
    assert_int_equal(kept, batch->submission.count);
    batch_release(&pool, batch);
    batch_pool_fini(&pool);
}

static void errors_are_listed_up_to_a_maximum(void **state)
{
    (void)state;
    struct batch_pool pool = {0};
    struct json_parser *parser = NULL;
    const struct json_value *values = NULL;
    struct batch *batch = batch_acquire(&pool);
    struct problem problem = {0};
    char text[64 * 1024];
    uint32_t count = 0;

    problem_set(&problem, STATUS_BAD_EVENT, "a \"quoted\" reason");
    for (uint32_t i = 0; i < BATCH_ERRORS_MAX + 50; i++)
        batch_reject(batch, i, &problem);
    assert_int_equal(batch->rejected, BATCH_ERRORS_MAX + 50);
    assert_int_equal(batch->rejected_by[STATUS_BAD_EVENT], BATCH_ERRORS_MAX + 50);
    snprintf(text, sizeof text, "[%.*s]", (int)batch->errors.size, batch->errors.data);
    assert_int_equal(json_parser_create(&parser, sizeof text), STATUS_OK);
    assert_int_equal(json_parse(parser, slice_of(text), &values, &count, &problem), STATUS_OK);
    assert_int_equal(values[0].count, BATCH_ERRORS_MAX);
    json_parser_destroy(parser);
    batch_release(&pool, batch);
    batch_pool_fini(&pool);
}

static void used_again_it_starts_empty(void **state)
{
    (void)state;
    struct batch_pool pool = {0};
    struct batch *batch = batch_acquire(&pool);
    struct problem problem = {0};

    fill(batch, 10);
    problem_set(&problem, STATUS_BAD_EVENT, "wrong");
    batch_reject(batch, 0, &problem);
    batch_release(&pool, batch);
    struct batch *again = batch_acquire(&pool);
    assert_ptr_equal(again, batch);
    assert_int_equal(again->submission.count + again->accepted + again->rejected + again->rejected_by[STATUS_BAD_EVENT], 0);
    assert_int_equal(again->errors.size, 0);
    fill(again, 3);
    assert_int_equal(again->submission.count, 3);
    batch_release(&pool, again);
    batch_pool_fini(&pool);
}

static void a_large_one_is_not_kept(void **state)
{
    (void)state;
    struct batch_pool pool = {0};
    struct batch *batch = batch_acquire(&pool);

    assert_non_null(batch_reserve(batch, BATCH_BYTES_KEPT_MAX + 1));
    batch_release(&pool, batch);
    assert_int_equal(pool.free_count, 0);
    batch_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_where_entries_say),
        cmocka_unit_test(dropped_entries_are_left_out),
        cmocka_unit_test(errors_are_listed_up_to_a_maximum),
        cmocka_unit_test(used_again_it_starts_empty),
        cmocka_unit_test(a_large_one_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
