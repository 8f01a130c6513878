/* Goal: writer.h holds what it says: every submission is done once, in order, with offsets that
 * a reader finds; each durability syncs what it promises before done; failures stop acceptance
 * for good; a log over its budget with a reader behind refuses.
 * Method: submitters in threads against a real directory; syncs and writes are counted and made
 * to fail through segment_set_faults. */
#include "scratch.h"

#include <pthread.h>

#include "base/log.h"
#include "eventlog/segment.h"
#include "eventlog/writer.h"

enum { PARTITIONS = 4, EACH = 5, WAIT_MS = 20000 };

static char root[SCRATCH_SIZE];
static struct log_options options;

/* Counted in the writer's and the helper's threads. */
static uint64_t writes, syncs;
static uint64_t writes_allowed, syncs_allowed;

static uint64_t count_write(void *context, uint64_t size)
{
    (void)context;
    return __atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST) > __atomic_load_n(&writes_allowed, __ATOMIC_SEQ_CST) ? 0 : size;
}

static bool count_sync(void *context)
{
    (void)context;
    return __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST) > __atomic_load_n(&syncs_allowed, __ATOMIC_SEQ_CST);
}

static const struct segment_faults counters = {count_write, count_sync, NULL};

static int set_up(void **state)
{
    (void)state;
    scratch_make(root);
    options = log_options_default();
    options.segment_bytes = 1 << 20;
    options.frame_bytes = 65536;
    options.sync_interval = 60000;
    writes = syncs = 0;
    writes_allowed = syncs_allowed = UINT64_MAX;
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

struct world {
    struct log *logs[2]; /* a source topic, a derived one */
    struct writer *writer;
};

static void open_world(struct world *world, enum log_durability durability)
{
    options.durability = (unsigned)durability;
    assert_int_equal(log_open(&world->logs[0], root, "source", PARTITIONS, 0, 0, &options, NULL), STATUS_OK);
    assert_int_equal(log_open(&world->logs[1], root, "derived", 1, PARTITIONS, 0, &options, NULL), STATUS_OK);
    assert_int_equal(writer_create(&world->writer, world->logs, 2, &options, 64), STATUS_OK);
    segment_set_faults(&counters);
    assert_int_equal(writer_start(world->writer), STATUS_OK);
}

static void close_world(struct world *world)
{
    writer_stop(world->writer);
    writer_destroy(world->writer);
    segment_set_faults(NULL);
    log_close(world->logs[0]);
    log_close(world->logs[1]);
}

/* A submission that somebody waits for. */
struct order {
    struct submission submission;
    struct submission_entry entries[EACH];
    char bytes[EACH][64];
    uint32_t done_count;
    uint64_t syncs_at_done;
};

/* Not in the order: whoever waits may use that again before the ringing is over. */
static struct bell done_bell;

static void done(struct submission *submission)
{
    struct order *order = submission->context;

    order->syncs_at_done = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&order->done_count, 1, __ATOMIC_SEQ_CST);
    bell_ring(&done_bell);
}

static void prepare(struct order *order, struct log *log, uint32_t count, uint64_t number)
{
    memset(order, 0, sizeof *order);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)snprintf(order->bytes[i], 64, "%llu/%u", (unsigned long long)number, i);
        order->entries[i] = (struct submission_entry){.partition = log_source_count(log) ? 0 : (uint32_t)(number + i) % PARTITIONS,
                                                      .owner_hash = (uint32_t)number * 2654435761U,
                                                      .source_partition = LOG_NO_SOURCE,
                                                      .record = slice_make(order->bytes[i], size)};
    }
    order->submission = (struct submission){
        .log = log, .entries = order->entries, .count = count, .done = done, .context = order};
}

static void wait_for(struct order *order)
{
    for (uint32_t turns = 0; turns < 1000; turns++) {
        uint32_t seen = bell_seen(&done_bell);
        if (__atomic_load_n(&order->done_count, __ATOMIC_SEQ_CST) > 0)
            return;
        bell_wait(&done_bell, seen, WAIT_MS);
    }
    fail_msg("a submission was never done");
}

static enum status submit_and_wait(struct world *world, struct order *order)
{
    enum status status = writer_submit(world->writer, &order->submission);

    if (status != STATUS_OK)
        return status;
    wait_for(order);
    return order->submission.status;
}

struct submitter {
    struct world *world;
    uint64_t first;
    uint32_t count;
    pthread_t thread;
};

static void *submit_many(void *context)
{
    enum { AT_ONCE = 16 };
    struct submitter *submitter = context;
    struct order *orders = calloc(AT_ONCE, sizeof *orders);

    for (uint32_t from = 0; from < submitter->count; from += AT_ONCE) {
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            prepare(&orders[i], submitter->world->logs[0], EACH, submitter->first + from + i);
            enum status status = STATUS_OVERLOADED;
            while (status == STATUS_OVERLOADED) /* the queue is shorter than the submitters are many */
                status = writer_submit(submitter->world->writer, &orders[i].submission);
            assert_int_equal(status, STATUS_OK);
        }
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            wait_for(&orders[i]);
            assert_int_equal(orders[i].submission.status, STATUS_OK);
            for (uint32_t e = 0; e < EACH; e++) {
                const struct submission_entry *entry = &orders[i].entries[e];
                char buffer[64];
                struct slice record;
                assert_int_equal(log_read(submitter->world->logs[0], entry->partition, entry->offset, buffer, 64, &record),
                                 STATUS_OK);
                assert_true(slice_equal(record, entry->record));
                assert_true(writer_appended(submitter->world->writer, entry->partition, entry->owner_hash) >
                            entry->offset);
            }
        }
    }
    free(orders);
    return NULL;
}

static void submitters_find_what_they_appended(void **state)
{
    enum { SUBMITTERS = 4, COUNT = 480 };

    (void)state;
    for (int durability = LOG_ALWAYS; durability <= LOG_OS; durability++) {
        struct world world;
        struct submitter submitters[SUBMITTERS];
        options.sync_interval = 10;
        open_world(&world, (enum log_durability)durability);
        assert_int_equal(log_index_places(world.logs[0]), STATUS_OK);
        for (uint64_t s = 0; s < SUBMITTERS; s++) {
            submitters[s] = (struct submitter){.world = &world, .first = s * COUNT, .count = COUNT};
            assert_int_equal(pthread_create(&submitters[s].thread, NULL, submit_many, &submitters[s]), 0);
        }
        for (int s = 0; s < SUBMITTERS; s++)
            pthread_join(submitters[s].thread, NULL);
        uint64_t records = 0;
        for (uint32_t p = 0; p < PARTITIONS; p++)
            records += log_end(world.logs[0], p);
        assert_int_equal(records, SUBMITTERS * COUNT * EACH);
        assert_true(writer_cpu_ns(world.writer) > 0);
        close_world(&world);
        scratch_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
    }
}

static void durability_says_what_is_synced_before_done(void **state)
{
    struct world world;
    struct order order;

    (void)state;
    for (int durability = LOG_ALWAYS; durability <= LOG_OS; durability++) {
        open_world(&world, (enum log_durability)durability);
        for (uint64_t i = 0; i < 10; i++) {
            prepare(&order, world.logs[0], EACH, i);
            uint64_t before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
            assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
            assert_int_equal(order.syncs_at_done - before, durability == LOG_ALWAYS);
            prepare(&order, world.logs[1], EACH, i); /* derived: made again from its source */
            before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
            assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
            assert_int_equal(order.syncs_at_done - before, 0);
        }
        /* A barrier waits for nothing more; one that must, does. */
        prepare(&order, NULL, 0, 0);
        assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
        prepare(&order, NULL, 0, 0);
        order.submission.must_sync = true;
        assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
        assert_int_equal(log_sequence_synced(world.logs[0]), log_sequence_written(world.logs[0]));
        assert_int_equal(log_sequence_synced(world.logs[1]), log_sequence_written(world.logs[1]));
        prepare(&order, world.logs[1], 1, 99);
        order.submission.must_sync = true;
        assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
        assert_int_equal(log_sequence_synced(world.logs[1]), log_sequence_written(world.logs[1]));
        close_world(&world);
    }
}

static void the_helper_syncs_at_intervals(void **state)
{
    struct world world;
    struct order order;

    (void)state;
    options.sync_interval = 10;
    open_world(&world, LOG_INTERVAL);
    prepare(&order, world.logs[0], EACH, 1);
    assert_int_equal(submit_and_wait(&world, &order), STATUS_OK);
    struct bell never;
    bell_init(&never);
    for (uint32_t turns = 0; turns < 2000 && log_sequence_synced(world.logs[0]) == 0; turns++)
        bell_wait(&never, 0, 10);
    assert_int_equal(log_sequence_synced(world.logs[0]), 1);
    close_world(&world);
}

static void a_failure_stops_acceptance(void **state)
{
    (void)state;
    for (int is_sync = 0; is_sync < 2; is_sync++) {
        struct world world;
        struct order order;
        uint64_t acknowledged = 0;
        enum status status = STATUS_OK;
        open_world(&world, LOG_ALWAYS);
        __atomic_store_n(is_sync ? &syncs_allowed : &writes_allowed, (is_sync ? syncs : writes) + 7, __ATOMIC_SEQ_CST);
        for (uint64_t i = 0; i < 100 && status == STATUS_OK; i++) {
            prepare(&order, world.logs[0], EACH, i);
            status = submit_and_wait(&world, &order);
            acknowledged += status == STATUS_OK;
        }
        assert_int_equal(acknowledged, 7);
        assert_int_equal(status, is_sync ? STATUS_IO : STATUS_DISK_FULL);
        assert_int_equal(writer_failure(world.writer), status);
        __atomic_store_n(&syncs_allowed, UINT64_MAX, __ATOMIC_SEQ_CST);
        __atomic_store_n(&writes_allowed, UINT64_MAX, __ATOMIC_SEQ_CST);
        prepare(&order, world.logs[0], EACH, 0);
        assert_int_equal(submit_and_wait(&world, &order), status);
        prepare(&order, world.logs[1], EACH, 0);
        assert_int_equal(submit_and_wait(&world, &order), status);
        close_world(&world);
        open_world(&world, LOG_ALWAYS);
        uint64_t records = 0;
        for (uint32_t p = 0; p < PARTITIONS; p++)
            records += log_end(world.logs[0], p);
        assert_true(records >= acknowledged * EACH && records <= (acknowledged + 1) * EACH);
        close_world(&world);
        scratch_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
    }
}

static void what_no_frame_holds_is_refused_alone(void **state)
{
    struct world world;
    struct order large, small;
    static char bytes[70000];

    (void)state;
    open_world(&world, LOG_OS);
    prepare(&large, world.logs[0], 1, 1);
    large.entries[0].record = slice_make(bytes, sizeof bytes);
    assert_int_equal(submit_and_wait(&world, &large), STATUS_TOO_LARGE);
    /* Two that fit one frame each and not together. */
    prepare(&large, world.logs[0], 1, 1);
    large.entries[0].record = slice_make(bytes, 40000);
    prepare(&small, world.logs[0], 1, 1);
    small.entries[0].record = slice_make(bytes, 40000);
    assert_int_equal(writer_submit(world.writer, &large.submission), STATUS_OK);
    assert_int_equal(submit_and_wait(&world, &small), STATUS_OK);
    wait_for(&large);
    assert_int_equal(large.submission.status, STATUS_OK);
    assert_int_equal(small.entries[0].offset, large.entries[0].offset + 1);
    close_world(&world);
}

static void a_log_over_its_budget_refuses_until_trimmed(void **state)
{
    struct world world;
    struct order order;
    static char bytes[60000];
    enum status status = STATUS_OK;
    struct bell never;

    (void)state;
    bell_init(&never);
    options.bytes = 2 << 20;
    options.sync_interval = 10;
    open_world(&world, LOG_INTERVAL);
    for (uint32_t i = 0; i < 4000 && status != STATUS_LOG_FULL; i++) {
        prepare(&order, world.logs[0], 1, i);
        order.entries[0].record = slice_make(bytes, sizeof bytes);
        status = submit_and_wait(&world, &order);
        bell_wait(&never, 0, log_bytes(world.logs[0]) > options.bytes ? 10 : 0);
    }
    assert_int_equal(status, STATUS_LOG_FULL);
    prepare(&order, world.logs[1], 1, 0);
    assert_int_equal(submit_and_wait(&world, &order), STATUS_OK); /* the other is not */
    for (uint32_t p = 0; p < PARTITIONS; p++)
        writer_set_needed(world.writer, world.logs[0], p, UINT64_MAX);
    for (uint32_t i = 0; i < 2000 && status == STATUS_LOG_FULL; i++) {
        bell_wait(&never, 0, 10);
        prepare(&order, world.logs[0], 1, i);
        status = submit_and_wait(&world, &order);
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(log_begin(world.logs[0], 0) > 0);
    close_world(&world);
}

static void stopping_takes_what_is_queued(void **state)
{
    enum { COUNT = 50 };
    struct world world;
    struct order *orders = calloc(COUNT, sizeof *orders);

    (void)state;
    open_world(&world, LOG_INTERVAL);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        prepare(&orders[i], world.logs[0], EACH, i);
        taken += writer_submit(world.writer, &orders[i].submission) == STATUS_OK;
    }
    writer_stop(world.writer);
    uint32_t finished = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        finished += orders[i].done_count;
    assert_int_equal(finished, taken);
    assert_int_equal(writer_submit(world.writer, &orders[0].submission), STATUS_NOT_READY);
    assert_int_equal(log_sequence_synced(world.logs[0]), log_sequence_written(world.logs[0]));
    close_world(&world);
    free(orders);
}

static uint64_t values_put;

static void put_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value)
{
    (void)sink;
    (void)labels;
    (void)value;
    assert_true(strncmp(row->name, "penchant_", 9) == 0);
    values_put++;
}

static void put_histogram(struct metric_sink *sink, const struct metric_row *row, const char *labels,
                          const struct histogram *histogram)
{
    put_value(sink, row, labels, (double)histogram->count);
}

static void metrics_are_put_out(void **state)
{
    struct world world;
    struct metric_sink sink = {put_value, put_histogram};

    (void)state;
    open_world(&world, LOG_INTERVAL);
    writer_metrics(world.writer, &sink);
    log_metrics(world.logs[0], &sink);
    assert_true(values_put > 15);
    close_world(&world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(submitters_find_what_they_appended),
        TEST(durability_says_what_is_synced_before_done),
        TEST(the_helper_syncs_at_intervals),
        TEST(a_failure_stops_acceptance),
        TEST(what_no_frame_holds_is_refused_alone),
        TEST(a_log_over_its_budget_refuses_until_trimmed),
        TEST(stopping_takes_what_is_queued),
        TEST(metrics_are_put_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
