/* Goal: the whole engine on a real directory: what is appended is applied once and learned once,
 * through orderly stops and kill -9; sessions end without traffic; the catalogue arrives.
 * Method: events are submitted as collect does; positions are waited for through the notify
 * call-back (bounded); a child process is killed by SIGKILL right after its last
 * acknowledgement and the parent opens what it left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "engine/engine.h"
#include "engine/learner.h"
#include "io/clock.h"
#include "schema/content.h"
#include "schema/learning.h"

enum { PARTITIONS = 4, USERS = 300, BATCH = 100, EVENT_BYTES = 512, PATIENCE_S = 30 };

static struct engine_config config;
static char dir[64];
static struct engine *engine;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

static void notify(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

/* Until condition() or the end of patience. */
static void await(bool (*condition)(uint64_t value), uint64_t value)
{
    int64_t until_ns = clock_monotonic_ns() + PATIENCE_S * 1000000000LL;
    bool is_true = false;

    engine_wait_begin(engine);
    pthread_mutex_lock(&lock);
    while (!(is_true = condition(value)) && clock_monotonic_ns() < until_ns) {
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += 20 * 1000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&moved, &lock, &at);
    }
    pthread_mutex_unlock(&lock);
    engine_wait_end(engine);
    assert_true(is_true);
}

static bool is_caught_up(uint64_t value)
{
    (void)value;
    return engine_is_caught_up(engine);
}

static bool all_is_applied(uint64_t value)
{
    (void)value;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (engine_applied(engine, p) < log_end(engine_events(engine), p))
            return false;
    return true;
}

static bool sessions_ended(uint64_t value)
{
    struct engine_counters counters;
    engine_counters(engine, &counters);
    return counters.sessions_ended >= value;
}

static bool content_is_applied(uint64_t value)
{
    return learner_content_applied(engine_learner(engine)) >= value;
}

/* ---- one body of events ---- */

struct body {
    struct submission submission;
    struct submission_entry entries[BATCH];
    char bytes[BATCH][EVENT_BYTES];
    bool is_done;
};

static void done(struct submission *submission)
{
    struct body *body = submission->context;
    pthread_mutex_lock(&lock);
    body->is_done = true;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

static struct hash128 user_key(uint32_t user, uint32_t *partition)
{
    char name[32];
    int size = snprintf(name, sizeof name, "user-%u", user);
    *partition = engine_partition_of(engine, slice_make(name, (size_t)size));
    return hash_user(engine_key(engine), 'u', name, (size_t)size);
}

static void add_event(struct body *body, uint32_t user, uint64_t id, int64_t timestamp_ms)
{
    char name[32], content[32], event_id[32];
    struct submission_entry *entry = &body->entries[body->submission.count];
    struct event event = {.dwell_ms = -1, .value = NAN, .position = -1, .hour_of_day = 255, .day_of_week = 255, .type = EVENT_VIEW,
                          .timestamp_ms = timestamp_ms};
    uint32_t partition;
    struct hash128 key = user_key(user, &partition);

    event.user_id = slice_make(name, (size_t)snprintf(name, sizeof name, "user-%u", user));
    event.content_id = slice_make(content, (size_t)snprintf(content, sizeof content, "content-%lu", (unsigned long)id % 97));
    event.event_id = slice_make(event_id, (size_t)snprintf(event_id, sizeof event_id, "id-%lu", (unsigned long)id));
    assert_true(event_encoded_max(&event) <= EVENT_BYTES);
    uint32_t size = event_encode(&event, &config.types, body->bytes[body->submission.count]);
    *entry = (struct submission_entry){
        .partition = partition, .owner_hash = engine_owner_hash(key), .source_partition = LOG_NO_SOURCE,
        .record = slice_make(body->bytes[body->submission.count], size),
    };
    body->submission.count++;
}

static void submit(struct body *body, struct log *log)
{
    body->is_done = false;
    body->submission.log = log;
    body->submission.entries = body->entries;
    body->submission.done = done;
    body->submission.context = body;
    assert_int_equal(engine_submit(engine, &body->submission), STATUS_OK);
    pthread_mutex_lock(&lock);
    while (!body->is_done)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(body->submission.status, STATUS_OK);
}

/* Events numbered from first on, user by number. */
static void send_events(uint64_t first, uint64_t count)
{
    static struct body body;
    for (uint64_t id = first; id < first + count;) {
        body.submission = (struct submission){0};
        for (; id < first + count && body.submission.count < BATCH; id++)
            add_event(&body, (uint32_t)(id % USERS), id, EVENT_TIME_ABSENT);
        submit(&body, engine_events(engine));
    }
}

/* ---- what it came to ---- */

static uint32_t events_of(uint32_t user)
{
    struct profile *profile = calloc(1, profile_bytes(&config.layout));
    uint32_t partition, total = 0;
    struct hash128 key = user_key(user, &partition);
    assert_non_null(profile);
    if (engine_profile(engine, partition, key, profile))
        total = profile->events_total;
    free(profile);
    return total;
}

/* Every event is in `learn` once: sources rise, and there are as many as events. */
static void check_learned_once(uint64_t count)
{
    struct log_reader *reader;
    const struct log_frame *frame;
    uint64_t seen = 0, last[PARTITIONS];

    memset(last, 0xff, sizeof last);
    assert_int_equal(log_reader_open(&reader, engine_learn(engine), NULL), STATUS_OK);
    for (;;) {
        assert_int_equal(log_reader_next(reader, &frame), STATUS_OK);
        if (frame == NULL)
            break;
        for (uint32_t s = 0; s < frame->section_count; s++) {
            uint32_t cursor = 0;
            struct slice bytes;
            while (log_record_next(&frame->sections[s], &cursor, &bytes)) {
                struct learning record;
                assert_int_equal(learning_decode(bytes, &config.types, &record), STATUS_OK);
                if (record.kind != LEARNING_EVENT)
                    continue;
                assert_true(record.source_partition < PARTITIONS);
                assert_true(last[record.source_partition] == UINT64_MAX || record.source_offset > last[record.source_partition]);
                last[record.source_partition] = record.source_offset;
                seen++;
            }
        }
    }
    log_reader_close(reader);
    assert_int_equal(seen, count);
}

static void check_counted_once(uint64_t count)
{
    struct engine_counters counters;

    await(is_caught_up, 0);
    await(all_is_applied, 0);
    engine_counters(engine, &counters);
    assert_int_equal(counters.events_applied, count);
    assert_int_equal(counters.duplicates, 0);
    assert_int_equal(counters.users, count < USERS ? count : USERS);
    for (uint32_t user = 0; user < USERS; user++)
        assert_int_equal(events_of(user), count / USERS + (user < count % USERS));
}

/* ---- life ---- */

static void open_and_start(void)
{
    struct problem problem = {0};
    enum status status = engine_open(&engine, &config, &problem);
    if (status != STATUS_OK)
        print_message("%s %s\n", problem.detail, problem.fix);
    assert_int_equal(status, STATUS_OK);
    engine_set_notify(engine, notify, NULL);
    assert_int_equal(engine_start(engine), STATUS_OK);
}

static void stop_and_close(void)
{
    engine_stop(engine);
    engine_close(engine);
    engine = NULL;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/penchant-engine-XXXXXX");
    config.data_dir = mkdtemp(dir);
    config.options.session_gap = 1800000;
    config.options.checkpoint_interval = 50;
    config.options.profiles_bytes = 64 << 20;
    return config.data_dir == NULL;
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void test_stop_and_start(void **state)
{
    uint64_t hashes[PARTITIONS + 1];

    (void)state;
    open_and_start();
    send_events(0, 5000);
    check_counted_once(5000);
    engine_stop(engine);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        hashes[p] = engine_task_hash(engine, p);
    hashes[PARTITIONS] = engine_learner_hash(engine);
    assert_int_equal(engine_acceptance(engine), STATUS_NOT_READY);
    engine_close(engine);
    open_and_start();
    check_counted_once(5000);
    engine_stop(engine);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(engine_task_hash(engine, p), hashes[p]);
    assert_int_equal(engine_learner_hash(engine), hashes[PARTITIONS]);
    engine_close(engine);
    open_and_start();
    send_events(5000, 1000);
    check_counted_once(6000);
    engine_stop(engine);
    check_learned_once(6000);
    engine_close(engine);
}

static void test_close_without_stop(void **state)
{
    (void)state;
    open_and_start();
    send_events(0, 3000);
    engine_close(engine);
    open_and_start();
    check_counted_once(3000);
    stop_and_close();
}

/* The child acknowledges, then dies at once, wherever its workers, learner and checkpoints are. */
static void test_kill(void **state)
{
    uint64_t sent = 0;

    (void)state;
    for (int life = 0; life < 6; life++) {
        uint64_t count = 1000 + 3000 * (uint64_t)life;
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            open_and_start();
            send_events(sent, count);
            kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        sent += count;
    }
    open_and_start();
    check_counted_once(sent);
    engine_stop(engine);
    check_learned_once(sent);
    engine_close(engine);
}

static void test_duplicates(void **state)
{
    struct engine_counters counters;
    static struct body body;
    uint32_t partition;
    struct hash128 key, id;

    (void)state;
    open_and_start();
    send_events(0, 400);
    await(all_is_applied, 0);
    key = user_key(7, &partition);
    id = hash_128(engine_key(engine), "id-7", 4);
    assert_true(engine_is_duplicate(engine, partition, id));
    assert_false(engine_is_duplicate(engine, partition, hash_128(engine_key(engine), "id-x", 4)));
    body.submission = (struct submission){0};
    add_event(&body, 7, 7, EVENT_TIME_ABSENT);
    submit(&body, engine_events(engine));
    /* An answer for user 7 has to show what was appended for it. */
    assert_true(engine_appended(engine, partition, key) > body.entries[0].offset);
    await(all_is_applied, 0);
    engine_counters(engine, &counters);
    assert_int_equal(counters.duplicates, 1);
    assert_int_equal(events_of(7), 2);
    stop_and_close();
    /* The window comes back with the checkpoint. */
    open_and_start();
    await(is_caught_up, 0);
    assert_true(engine_is_duplicate(engine, partition, id));
    stop_and_close();
}

static void test_sessions_end_without_traffic(void **state)
{
    static struct body body;

    (void)state;
    config.options.session_gap = 1000;
    open_and_start();
    body.submission = (struct submission){0};
    for (uint32_t user = 0; user < 20; user++)
        add_event(&body, user, user, clock_wall_ms() - 900);
    submit(&body, engine_events(engine));
    await(sessions_ended, 20);
    stop_and_close();
}

static void test_content_reaches_the_learner(void **state)
{
    static struct body body;
    struct content content = {.content_id = slice_of("a-story"), .title = slice_of("A story"), .category_count = 1,
                              .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT};

    (void)state;
    content.categories[0] = slice_of("stories");
    open_and_start();
    for (int i = 0; i < 3; i++) {
        body.submission = (struct submission){.count = 1};
        uint32_t size = content_encode(&content, body.bytes[0]);
        body.entries[0] = (struct submission_entry){.source_partition = LOG_NO_SOURCE, .record = slice_make(body.bytes[0], size)};
        submit(&body, engine_contents(engine));
        await(content_is_applied, body.entries[0].offset + 1);
    }
    stop_and_close();
    open_and_start();
    await(is_caught_up, 0);
    assert_int_equal(learner_content_applied(engine_learner(engine)), 3);
    stop_and_close();
}

/* What the catalogue's last record is must not matter: neither the start nor the stop waits for
 * a learner to apply what cannot be decoded. */
static void test_undecodable_content(void **state)
{
    static struct body body;

    (void)state;
    open_and_start();
    body.submission = (struct submission){.count = 1};
    memcpy(body.bytes[0], "no content", 10);
    body.entries[0] = (struct submission_entry){.source_partition = LOG_NO_SOURCE, .record = slice_make(body.bytes[0], 10)};
    submit(&body, engine_contents(engine));
    stop_and_close();
    open_and_start();
    await(is_caught_up, 0);
    stop_and_close();
}

/* The catalogue's log is gone, and learn too (nothing of a task shows that it was synced): offsets go on behind what the learner knew, and
 * the gap holds nobody up. */
static void test_lost_logs(void **state)
{
    static struct body body;
    char command[256];
    struct content content = {.content_id = slice_of("a-story"), .title = slice_of("A story"),
                              .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT};

    (void)state;
    open_and_start();
    for (int i = 0; i < 3; i++) {
        body.submission = (struct submission){.count = 1};
        uint32_t size = content_encode(&content, body.bytes[0]);
        body.entries[0] = (struct submission_entry){.source_partition = LOG_NO_SOURCE, .record = slice_make(body.bytes[0], size)};
        submit(&body, engine_contents(engine));
    }
    stop_and_close();
    snprintf(command, sizeof command, "rm -rf %s/content %s/learn", dir, dir);
    assert_int_equal(system(command), 0);
    open_and_start();
    await(is_caught_up, 0);
    stop_and_close();
    open_and_start();
    submit(&body, engine_contents(engine));
    assert_int_equal(body.entries[0].offset, 3);
    await(content_is_applied, 4);
    send_events(100, 100);
    await(all_is_applied, 0);
    stop_and_close();
}

/* Declared features that change to and fro: each start finds its way. */
static void test_features_to_and_fro(void **state)
{
    struct layout layouts[2] = {config.layout, config.layout};

    (void)state;
    layouts[1].version++;
    for (int i = 0; i < 6; i++) {
        config.layout = layouts[i % 2];
        open_and_start();
        send_events((uint64_t)i * 600, 600);
        check_counted_once((uint64_t)(i + 1) * 600);
        stop_and_close();
    }
    config.layout = layouts[0];
}

static void test_refusals(void **state)
{
    struct engine *other;
    struct problem problem = {0};

    (void)state;
    open_and_start();
    pid_t child = fork();
    if (child == 0)
        _exit(engine_open(&other, &config, &problem) == STATUS_IN_USE ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    stop_and_close();
    config.options.partitions = PARTITIONS + 1;
    assert_int_equal(engine_open(&other, &config, &problem), STATUS_SETTING);
    config.options.partitions = PARTITIONS;
}

/* A learner of many people with little memory: profiles come and go. */
static void test_small_memory(void **state)
{
    static struct body body;
    enum { MANY = 20000 };
    struct engine_counters counters;

    (void)state;
    config.options.profiles_bytes = 2 << 20;
    open_and_start();
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t user = 0; user < MANY;) {
            body.submission = (struct submission){0};
            for (; user < MANY && body.submission.count < BATCH; user++)
                add_event(&body, user, (uint64_t)round * MANY + user, EVENT_TIME_ABSENT);
            submit(&body, engine_events(engine));
        }
        await(all_is_applied, 0);
    }
    engine_counters(engine, &counters);
    assert_int_equal(counters.users, MANY);
    for (uint32_t user = 0; user < MANY; user += 37)
        assert_int_equal(events_of(user), 2);
    stop_and_close();
    open_and_start();
    await(is_caught_up, 0);
    engine_counters(engine, &counters);
    assert_int_equal(counters.users, MANY);
    assert_true(counters.profiles_resident < 100);
    for (uint32_t user = 0; user < MANY; user += 41)
        assert_int_equal(events_of(user), 2);
    stop_and_close();
}

/* Until the log has room again. */
static void submit_patiently(struct body *body)
{
    int64_t until_ns = clock_monotonic_ns() + PATIENCE_S * 1000000000LL;
    enum status status;

    body->is_done = false;
    body->submission.log = engine_events(engine);
    body->submission.entries = body->entries;
    body->submission.done = done;
    body->submission.context = body;
    while ((status = engine_submit(engine, &body->submission)) == STATUS_LOG_FULL && clock_monotonic_ns() < until_ns)
        sched_yield();
    assert_int_equal(status, STATUS_OK);
    pthread_mutex_lock(&lock);
    while (!body->is_done)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(body->submission.status, STATUS_OK);
}

/* Logs of small budgets: what is over goes once checkpoints cover it, also after a crash that
 * left them full, and what is refused meanwhile is accepted later. */
static void test_full_logs(void **state)
{
    static struct body body;
    enum { PARTS = 3, EVENTS = 150000 };
    uint64_t bytes = config.log.bytes;

    (void)state;
    config.log.bytes = 1 << 20;
    for (uint64_t part = 0, id = 0; part < PARTS; part++) {
        open_and_start();
        for (; id < (part + 1) * EVENTS / PARTS;) {
            body.submission = (struct submission){0};
            for (; id < (part + 1) * EVENTS / PARTS && body.submission.count < BATCH; id++)
                add_event(&body, (uint32_t)(id % USERS), id, EVENT_TIME_ABSENT);
            submit_patiently(&body);
        }
        if (part == 0)
            engine_close(engine);
        else
            stop_and_close();
    }
    open_and_start();
    check_counted_once(EVENTS);
    assert_true(log_begin(engine_events(engine), 0) > 0);
    assert_true(log_begin(engine_learn(engine), 0) > 0);
    stop_and_close();
    config.log.bytes = bytes;
}

/* The learner's checkpoints are gone and learn no longer reaches back to the catalogue: what people
 * did is forgotten as far, the catalogue is not. */
static void test_lost_learner(void **state)
{
    static struct body body;
    char command[256];
    enum { CONTENTS = 300, EVENTS = 150000 };
    uint64_t bytes = config.log.bytes, id = 0;

    (void)state;
    config.log.bytes = 1 << 20;
    open_and_start();
    for (int i = 0; i < CONTENTS; i++) {
        char name[32];
        struct content content = {.content_id = slice_make(name, (size_t)snprintf(name, sizeof name, "story-%d", i)), .title = slice_of("A story"),
                                  .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT};
        body.submission = (struct submission){.count = 1};
        uint32_t size = content_encode(&content, body.bytes[0]);
        body.entries[0] = (struct submission_entry){.source_partition = LOG_NO_SOURCE, .record = slice_make(body.bytes[0], size)};
        submit(&body, engine_contents(engine));
    }
    await(content_is_applied, CONTENTS);
    while (id < EVENTS) {
        body.submission = (struct submission){0};
        for (; id < EVENTS && body.submission.count < BATCH; id++)
            add_event(&body, (uint32_t)(id % USERS), id, EVENT_TIME_ABSENT);
        submit_patiently(&body);
    }
    await(all_is_applied, 0);
    stop_and_close();
    snprintf(command, sizeof command, "rm -rf %s/learner", dir);
    assert_int_equal(system(command), 0);
    for (int life = 0; life < 2; life++) {
        open_and_start();
        assert_true(log_begin(engine_learn(engine), 0) > CONTENTS);
        await(is_caught_up, 0);
        struct model_counts counts;
        model_counts(learner_model(engine_learner(engine)), &counts);
        assert_int_equal(counts.catalogued, CONTENTS);
        assert_int_equal(learner_content_applied(engine_learner(engine)), CONTENTS);
        stop_and_close();
    }
    config.log.bytes = bytes;
}

static int set_up(void **state)
{
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem;

    (void)state;
#define OPTION(kind, field, name, def, min, max, text) SET_##kind(config.options.field, def)
#define SET_COUNT(place, def) place = def;
#define SET_BYTES(place, def) place = def;
#define SET_DURATION(place, def) place = def;
#define SET_CHOICE(place, def) place = def;
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) SET_##kind(config.log.field, def)
#include "eventlog/log_options.def"
#undef OPTION
    config.options.partitions = PARTITIONS;
    config.options.workers = 2;
    config.options.contents = 2048;
    config.options.sessions = 2048;
    config.options.dedup_bytes = 8 << 20;
    config.options.changelog_segment_bytes = 1 << 20;
    event_types_init(&config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    return layout_compile(&config.layout, declarations, count, &config.types, &problem) != STATUS_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stop_and_start, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_close_without_stop, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_kill, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_duplicates, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_sessions_end_without_traffic, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_content_reaches_the_learner, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_refusals, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_small_memory, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_undecodable_content, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_lost_logs, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_features_to_and_fro, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_full_logs, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_lost_learner, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
