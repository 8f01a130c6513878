/* Goal: the learner's state is a function of `learn`, through checkpoints, restarts, a bad
 * checkpoint and threads that end anywhere.
 * Method: a log of random learning records; one learner applies it straight in memory, others
 * follow it with threads, stops and restarts in between; hashes are compared.  Files are
 * broken by hand. */
#include "engine/learner.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/rng.h"
#include "engine/learner_file.h"
#include "io/clock.h"

enum { RECORDS = 12000, FRAME = 500, SPACING = 1024, WAIT_MS = 60000 };
#define START_MS 1600000000000

struct world {
    char dir[64], learner_dir[80];
    struct engine_config config;
    struct hash_key key;
    struct log *log;
    uint32_t written;
    uint64_t expected;           /* hash of the straight learner over all records */
    struct bell applied;
};

static struct world w;
static uint64_t seed;

static void random_record(struct rng *rng, uint32_t i, struct learning *record, char id[32])
{
    static const char *const CATEGORIES[] = {"news", "sport", "music", "film"};
    uint32_t kind = (uint32_t)rng_below(rng, 30), size;
    size = (uint32_t)snprintf(id, 32, "content-%u", (uint32_t)(rng_below(rng, 1500) * rng_below(rng, 1500) / 1500));
    *record = (struct learning){
        .kind = kind == 0 ? LEARNING_SESSION_END : kind == 1 ? LEARNING_CONTENT : LEARNING_EVENT,
        .type = (uint8_t)rng_below(rng, EVENT_IMPRESSION + 1), .device = (uint8_t)rng_below(rng, DEVICE_COUNT),
        .is_late = rng_below(rng, 20) == 0, .is_trend = rng_below(rng, 2) == 0, .is_step = rng_below(rng, 4) != 0,
        .source_partition = kind == 1 ? 4 : 0, .source_offset = i,
        .user = 1 + rng_below(rng, 300), .session = 1 + rng_below(rng, 500),
        .content_id = slice_make(id, size), .timestamp_ms = START_MS + 50LL * i - (int64_t)rng_below(rng, 1000),
        .received_at_ms = START_MS + 50LL * i, .dwell_ms = -1, .value = NAN,
        .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT,
    };
    if (record->kind == LEARNING_SESSION_END) {
        record->value = 3.5;
        record->dwell_ms = 60000;
        record->content_id = (struct slice){NULL, 0};
    }
    if (record->kind == LEARNING_CONTENT)
        record->is_deleted = rng_below(rng, 5) == 0;
    if (rng_below(rng, 3) != 0)
        record->country = slice_of("DE");
    record->category_count = (uint8_t)(record->is_deleted ? 0 : rng_below(rng, 3));
    for (uint32_t c = 0; c < record->category_count; c++)
        record->categories[c] = slice_of(CATEGORIES[rng_below(rng, 4)]);
}

static void write_records(uint32_t to)
{
    struct rng rng;
    char id[32], bytes[1024];
    for (; w.written < to; w.written++) {
        struct learning record;
        int64_t received_at_ms;
        uint64_t offset;
        rng_init(&rng, seed, w.written);
        random_record(&rng, w.written, &record, id);
        assert_true(learning_encoded_max(&record) <= sizeof bytes);
        if (w.written % FRAME == 0)
            log_frame_begin(w.log, START_MS, &received_at_ms);
        struct slice encoded = slice_make(bytes, learning_encode(&record, &w.config.types, bytes));
        assert_int_equal(log_frame_add(w.log, 0, encoded, LOG_NO_SOURCE, 0, 0, &offset), STATUS_OK);
        assert_int_equal(offset, w.written);
        if (w.written % FRAME == FRAME - 1 || w.written + 1 == to)
            assert_int_equal(log_frame_commit(w.log), STATUS_OK);
        if (w.written % FRAME != FRAME - 1 && w.written + 1 == to)
            fail_msg("whole frames only");
    }
}

/* The obvious way: encode, decode, apply, in one thread. */
static uint64_t hash_straight(uint32_t count)
{
    struct learner *learner;
    struct problem problem;
    struct rng rng;
    char id[32], bytes[1024];
    assert_int_equal(learner_open(&learner, NULL, &w.config, &w.key, &problem), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct learning record, decoded;
        rng_init(&rng, seed, i);
        random_record(&rng, i, &record, id);
        struct slice encoded = slice_make(bytes, learning_encode(&record, &w.config.types, bytes));
        assert_int_equal(learning_decode(encoded, &w.config.types, &decoded), STATUS_OK);
        learner_apply(learner, &decoded, i);
    }
    const char *what;
    if (!model_check(learner_model(learner), &what))
        fail_msg("%s", what);
    assert_int_equal(learner_applied(learner), count);
    uint64_t hash = learner_hash(learner);
    learner_close(learner);
    return hash;
}

static void notify(void *context)
{
    (void)context;
    bell_ring(&w.applied);
}

static struct learner *open_learner(const char *dir)
{
    struct learner *learner;
    struct problem problem = {0};
    if (learner_open(&learner, dir, &w.config, &w.key, &problem) != STATUS_OK)
        fail_msg("%s", problem.detail);
    learner_set_notify(learner, notify, NULL);
    return learner;
}

static void wait_applied(const struct learner *learner, uint64_t offset)
{
    int64_t until_ns = clock_monotonic_ns() + WAIT_MS * 1000000LL;
    for (;;) {
        uint32_t seen = bell_seen(&w.applied);
        if (learner_applied(learner) >= offset)
            return;
        assert_true(clock_monotonic_ns() < until_ns);
        bell_wait(&w.applied, seen, 1000);
    }
}

static int open_world(void **state)
{
    (void)state;
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem;
    const unsigned char key[16] = {7};
    memset(&w, 0, sizeof w);
    (void)snprintf(w.dir, sizeof w.dir, "/tmp/penchant-learner-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    (void)snprintf(w.learner_dir, sizeof w.learner_dir, "%s/learner", w.dir);
#define OPTION(kind, field, name, def, min, max, text) w.config.options.field = def;
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) w.config.log.field = def;
#include "eventlog/log_options.def"
#undef OPTION
    w.config.options.contents = 1024;
    w.config.options.sessions = 300; /* 256 */
    w.config.options.learner_checkpoint = SPACING;
    w.config.data_dir = w.dir;
    event_types_init(&w.config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    assert_int_equal(layout_compile(&w.config.layout, declarations, count, &w.config.types, &problem), STATUS_OK);
    hash_key_init(&w.key, key);
    bell_init(&w.applied);
    if (log_open(&w.log, w.dir, "learn", 1, 0, 0, &w.config.log, &problem) != STATUS_OK)
        fail_msg("%s", problem.detail);
    w.expected = hash_straight(RECORDS);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    char command[128];
    log_close(w.log);
    (void)snprintf(command, sizeof command, "rm -r '%s'", w.dir);
    return system(command);
}

/* ---- */

static void a_thread_learns_the_same(void **state)
{
    (void)state;
    struct learner *learner = open_learner(NULL);
    write_records(RECORDS / 2);
    assert_int_equal(learner_start(learner, w.log), STATUS_OK);
    write_records(RECORDS);
    wait_applied(learner, RECORDS);
    learner_stop(learner);
    assert_int_equal(learner_hash(learner), w.expected);
    assert_true(learner_cpu_ns(learner) > 0);
    learner_close(learner);
}

static void restarts_go_on_from_checkpoints(void **state)
{
    (void)state;
    uint64_t checkpointed = 0;
    for (uint32_t to = RECORDS / 6; to <= RECORDS; to += RECORDS / 6) {
        struct learner *learner = open_learner(w.learner_dir);
        assert_int_equal(learner_applied(learner), checkpointed);
        write_records(to);
        assert_int_equal(learner_start(learner, w.log), STATUS_OK);
        wait_applied(learner, to);
        if (to == RECORDS / 2) {
            learner_close(learner); /* as if killed: what was not checkpointed is learned again */
            learner = open_learner(w.learner_dir);
            checkpointed = learner_applied(learner);
            assert_true(checkpointed < to);
            learner_close(learner);
            continue;
        }
        learner_stop(learner);
        assert_int_equal(learner_checkpointed(learner), to);
        checkpointed = to;
        learner_close(learner);
    }
    struct learner *learner = open_learner(w.learner_dir);
    assert_int_equal(learner_hash(learner), w.expected);
    assert_int_equal(log_sequence_synced(w.log), log_sequence_written(w.log));
    learner_close(learner);
}

/* A restart that is closed at once, twice over, must not write over what it has mapped. */
static void the_mapped_file_is_not_written_early(void **state)
{
    (void)state;
    write_records(RECORDS);
    for (int round = 0; round < 4; round++) {
        struct learner *learner = open_learner(w.learner_dir);
        assert_int_equal(learner_start(learner, w.log), STATUS_OK);
        wait_applied(learner, RECORDS);
        learner_stop(learner);
        assert_int_equal(learner_hash(learner), w.expected);
        learner_close(learner);
    }
}

static void break_file(const char *name, off_t offset)
{
    char path[128], byte;
    (void)snprintf(path, sizeof path, "%s/%s", w.learner_dir, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte = (char)(byte ^ 0x55);
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void a_bad_checkpoint_is_passed_over(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    for (uint32_t to = RECORDS / 2; to <= RECORDS; to += RECORDS / 2) {
        struct learner *learner = open_learner(w.learner_dir);
        write_records(to);
        assert_int_equal(learner_start(learner, w.log), STATUS_OK);
        wait_applied(learner, to);
        learner_stop(learner);
        learner_close(learner);
    }
    struct learner *learner = open_learner(w.learner_dir);
    assert_int_equal(learner_applied(learner), RECORDS);
    learner_close(learner);
    /* Which file is the newest depends on timing: one of the two breaks it. */
    uint64_t applied[2];
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "0.ckp" : "1.ckp";
        break_file(name, 3 * 4096 + 17);
        learner = open_learner(w.learner_dir);
        applied[i] = learner_applied(learner);
        assert_true(learner_hash(learner) != 0);
        learner_close(learner);
        break_file(name, 3 * 4096 + 17);
    }
    assert_true((applied[0] == RECORDS) != (applied[1] == RECORDS));
    break_file("0.ckp", 40); /* headers */
    break_file("1.ckp", 40);
    learner = open_learner(w.learner_dir);
    assert_int_equal(learner_applied(learner), 0);
    assert_int_equal(learner_start(learner, w.log), STATUS_OK);
    wait_applied(learner, RECORDS);
    learner_stop(learner);
    assert_int_equal(learner_hash(learner), w.expected);
    learner_close(learner);
    log_set_level(LOG_INFO);
}

static void another_key_has_no_checkpoint(void **state)
{
    (void)state;
    const unsigned char other[16] = {8};
    write_records(FRAME);
    struct learner *learner = open_learner(w.learner_dir);
    assert_int_equal(learner_start(learner, w.log), STATUS_OK);
    wait_applied(learner, FRAME);
    learner_stop(learner);
    learner_close(learner);
    hash_key_init(&w.key, other);
    learner = open_learner(w.learner_dir);
    assert_int_equal(learner_applied(learner), 0);
    learner_close(learner);
}

static void a_log_that_is_too_short_is_refused(void **state)
{
    (void)state;
    struct log *empty;
    struct problem problem;
    log_set_level(LOG_ERROR);
    write_records(FRAME);
    struct learner *learner = open_learner(w.learner_dir);
    assert_int_equal(learner_start(learner, w.log), STATUS_OK);
    wait_applied(learner, FRAME);
    learner_stop(learner);
    learner_close(learner);
    learner = open_learner(w.learner_dir);
    assert_int_equal(log_open(&empty, w.dir, "other", 1, 0, 0, &w.config.log, &problem), STATUS_OK);
    assert_int_equal(learner_start(learner, empty), STATUS_CORRUPT);
    learner_close(learner);
    log_close(empty);
    log_set_level(LOG_INFO);
}

/* Other declared features: what both have stays. */
static void features_carry_over(void **state)
{
    (void)state;
    struct feature_declaration declarations[FEATURE_MAX];
    struct feature_value before, after;
    struct problem problem;
    write_records(RECORDS);
    struct learner *learner = open_learner(w.learner_dir);
    assert_int_equal(learner_start(learner, w.log), STATUS_OK);
    wait_applied(learner, RECORDS);
    learner_stop(learner);
    uint32_t slot = model_content_find(learner_model(learner), hash_64(&w.key, "content-0", 9));
    assert_int_not_equal(slot, MODEL_NONE);
    layout_read(layout_find(&w.config.layout, FEATURE_CONTENT, "clicks_total"), learner_features(learner, FEATURE_CONTENT, slot),
                START_MS, &before);
    learner_close(learner);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    declarations[count] = declarations[1];
    memcpy(declarations[count].name, "likes_total", sizeof "likes_total");
    declarations[count].types_mask = 1U << EVENT_LIKE;
    declarations[0] = declarations[count]; /* clicks_10m goes, likes_total comes */
    assert_int_equal(layout_compile(&w.config.layout, declarations, count, &w.config.types, &problem), STATUS_OK);
    log_set_level(LOG_WARNING);
    learner = open_learner(w.learner_dir);
    log_set_level(LOG_INFO);
    assert_int_equal(learner_applied(learner), RECORDS);
    const void *record = learner_features(learner, FEATURE_CONTENT, slot);
    layout_read(layout_find(&w.config.layout, FEATURE_CONTENT, "clicks_total"), record, START_MS, &after);
    assert_true(before.number > 0 && before.number == after.number);
    layout_read(layout_find(&w.config.layout, FEATURE_CONTENT, "likes_total"), record, START_MS, &after);
    assert_true(after.number == 0);
    learner_close(learner);
}

/* ---- one record at a time ---- */

static struct learning event_of(const char *id, uint64_t user)
{
    return (struct learning){
        .kind = LEARNING_EVENT, .type = EVENT_CLICK, .is_trend = true, .is_step = true, .user = user, .session = user,
        .content_id = slice_of(id), .timestamp_ms = START_MS, .received_at_ms = START_MS, .dwell_ms = -1, .value = NAN,
        .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT,
    };
}

static double read_feature(const struct learner *learner, enum feature_entity entity, const char *name, uint32_t slot)
{
    struct feature_value value;
    const void *record = learner_features(learner, entity, slot);
    assert_non_null(record);
    layout_read(layout_find(&w.config.layout, entity, name), record, START_MS, &value);
    return value.number;
}

static void records_do_what_they_say(void **state)
{
    (void)state;
    struct learner *learner = open_learner(NULL);
    const struct model *model = learner_model(learner);
    struct learning record = event_of("a", 1);
    learner_apply(learner, &record, 0);
    record = event_of("b", 1);
    record.categories[0] = slice_of("news");
    record.category_count = 1;
    learner_apply(learner, &record, 1);
    uint32_t a = model_content_find(model, hash_64(&w.key, "a", 1));
    assert_true(read_feature(learner, FEATURE_CONTENT, "clicks_10m", a) == 1);
    assert_true(read_feature(learner, FEATURE_GLOBAL, "events_10m", 0) == 2);
    assert_int_not_equal(model_category_find(model, hash_64(&w.key, "news", 4)), MODEL_NONE);
    assert_null(learner_features(learner, FEATURE_CONTENT, 1000));
    assert_null(learner_features(learner, FEATURE_USER, 0));
    record = event_of("a", 0);
    record.kind = LEARNING_CONTENT;
    record.source_offset = 41;
    learner_apply(learner, &record, 2);
    assert_int_equal(model_content_document(model, a), 41);
    assert_int_equal(learner_content_applied(learner), 42);
    record.is_deleted = true;
    record.source_offset = 42;
    learner_apply(learner, &record, 3);
    assert_true(model_content_document(model, a) == MODEL_NO_DOCUMENT);
    assert_int_equal(model_content_count(model), 1);
    assert_int_equal(learner_content_applied(learner), 43);
    /* A timestamp ahead of its receipt does not run ahead of the windows. */
    record = event_of("b", 2);
    record.timestamp_ms = START_MS + 1000000000;
    learner_apply(learner, &record, 4);
    uint32_t b = model_content_find(model, hash_64(&w.key, "b", 1));
    assert_true(read_feature(learner, FEATURE_CONTENT, "clicks_10m", b) == 2);
    assert_int_equal(learner_applied(learner), 5);
    learner_close(learner);
    w.config.options.unknown_content = 1;
    learner = open_learner(NULL);
    record = event_of("a", 1);
    learner_apply(learner, &record, 0);
    assert_int_equal(model_content_count(learner_model(learner)), 0);
    assert_true(read_feature(learner, FEATURE_GLOBAL, "events_10m", 0) == 1);
    learner_close(learner);
}

static int take_seed(void **state)
{
    (void)state;
    const char *given = getenv("PENCHANT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_thread_learns_the_same),
        IN_A_WORLD(restarts_go_on_from_checkpoints),
        IN_A_WORLD(the_mapped_file_is_not_written_early),
        IN_A_WORLD(a_bad_checkpoint_is_passed_over),
        IN_A_WORLD(another_key_has_no_checkpoint),
        IN_A_WORLD(a_log_that_is_too_short_is_refused),
        IN_A_WORLD(features_carry_over),
        IN_A_WORLD(records_do_what_they_say),
    };
    return cmocka_run_group_tests(tests, take_seed, NULL);
}
