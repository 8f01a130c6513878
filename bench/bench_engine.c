/* Cost of a task: events decoded, deduplicated, applied, packed and emitted, on one core.
 *
 * users, contents, skew as in bench/workload.yaml; the port takes the learning records and
 * drops them.  A cut every 512 events, its commit at the next one: the before-images are
 * kept as in the server.  Prints ns an event for a table that fits the cache and one that does not,
 * then what a reader pays for a profile, and a checkpoint of all.  At last the whole engine on
 * a directory: bodies of a hundred events as fast as it takes them, CPU by stage, and how long
 * a start takes that was not preceded by a stop.
 *
 *   bench_engine [users] [events] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "engine/generations.h"
#include "engine/learner.h"
#include "io/clock.h"

enum { PARTITIONS = 12, CONTENTS = 100000, CUT_EVERY = 512, RUN = TASK_BATCH, EVENT_BYTES = 256 };

static struct engine_config config;
static struct hash_key hash_key;

static enum status begin(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return STATUS_OK;
}

struct outbox {
    char bytes[1 << 20];
    size_t used;
    uint64_t records, total;
};

static enum status emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice record)
{
    struct outbox *outbox = context;
    (void)partition;
    (void)offset;
    (void)index;
    if (outbox->used + record.size > sizeof outbox->bytes)
        outbox->used = 0;
    memcpy(outbox->bytes + outbox->used, record.data, record.size);
    outbox->used += record.size;
    outbox->records++;
    outbox->total += record.size;
    return STATUS_OK;
}

static enum status commit(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count)
{
    (void)context;
    (void)generation;
    (void)positions;
    (void)count;
    return STATUS_OK;
}

static enum transaction_outcome outcome(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return TRANSACTION_COMMITTED;
}

static enum status committed(void *context, uint32_t partition, uint64_t *next)
{
    (void)context;
    (void)partition;
    *next = 0;
    return STATUS_OK;
}

static void must(enum status status, const char *what)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, status_row(status)->text);
    exit(1);
}

static void set_up(void)
{
    static const unsigned char key[16] = {1};
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem;

    hash_key_init(&hash_key, key);
    event_types_init(&config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    must(layout_compile(&config.layout, declarations, count, &config.types, &problem), problem.detail);
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
}

/* A stretch of events, encoded beforehand: runs of sixteen of one partition. */
struct stretch {
    uint32_t count;
    uint32_t *partitions; /* a run */
    uint32_t *sizes;
    char (*bytes)[EVENT_BYTES];
};

static uint32_t zipf(struct rng *rng, uint32_t n, double skew)
{
    /* Inverse of the continuous distribution: exact enough for a bench. */
    double u = rng_unit(rng), top = pow((double)n, 1 - skew);
    return (uint32_t)(pow(u * (top - 1) + 1, 1 / (1 - skew)) - 1) % n;
}

static void fill(struct stretch *stretch, struct rng *rng, uint32_t users, uint64_t first, int64_t now_ms)
{
    char user[32], content[32], id[40];

    for (uint32_t i = 0; i < stretch->count; i++) {
        uint32_t partition = i / RUN % PARTITIONS;
        if (i % RUN == 0)
            stretch->partitions[i / RUN] = partition;
        uint32_t number = zipf(rng, users / PARTITIONS, 0.8) * PARTITIONS + partition;
        uint32_t shown = zipf(rng, CONTENTS, 0.99);
        struct event event = {.dwell_ms = -1, .value = NAN, .position = -1, .type = EVENT_VIEW, .timestamp_ms = now_ms - 20, .device = DEVICE_MOBILE,
                              .hour_of_day = 12, .day_of_week = 2, .category_count = 1};
        event.user_id = slice_make(user, (size_t)snprintf(user, sizeof user, "user-%08u", number));
        event.content_id = slice_make(content, (size_t)snprintf(content, sizeof content, "content-%06u", shown));
        event.event_id = slice_make(id, (size_t)snprintf(id, sizeof id, "6f1c-%016lx", (unsigned long)hash_mix(first + i)));
        event.categories[0] = slice_of("category-7");
        stretch->sizes[i] = event_encode(&event, &config.types, stretch->bytes[i]);
    }
}

struct bench {
    struct generations generations;
    struct slab *slab;
    struct task *tasks[PARTITIONS];
    struct profile_table *tables[PARTITIONS];
    uint64_t offsets[PARTITIONS];
    struct transaction_port port;
    struct outbox *outbox;
};

static void open_bench(struct bench *bench, const char *dir)
{
    struct problem problem;

    bench->outbox = calloc(1, sizeof *bench->outbox);
    bench->port = (struct transaction_port){bench->outbox, begin, emit, commit, outcome, committed};
    must(slab_create(&bench->slab, config.options.profiles_bytes, profile_table_evict, profile_table_is_taken, bench->tables), "slab");
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        must(task_open(&bench->tasks[p], p, &config, &hash_key, dir, bench->slab, &problem), problem.detail);
        must(task_load(bench->tasks[p]), "load");
        bench->tables[p] = &bench->tasks[p]->table;
    }
    must(generations_init(&bench->generations, bench->tasks, PARTITIONS, &bench->port), "generations");
}

static void apply(struct bench *bench, const struct stretch *stretch, int64_t now_ms)
{
    enum generations_event event;

    for (uint32_t i = 0; i < stretch->count; i += RUN) {
        struct slice records[RUN];
        uint32_t p = stretch->partitions[i / RUN];
        for (uint32_t k = 0; k < RUN; k++)
            records[k] = slice_make(stretch->bytes[i + k], stretch->sizes[i + k]);
        must(task_apply(bench->tasks[p], now_ms, bench->offsets[p], records, RUN), "apply");
        task_publish(bench->tasks[p]);
        bench->offsets[p] += RUN;
        if (i % CUT_EVERY != 0)
            continue;
        must(generations_poll(&bench->generations, &event), "poll");
        must(generations_cut(&bench->generations), "cut");
    }
}

static void checkpoint_all(struct bench *bench)
{
    enum generations_event event;
    uint64_t from = clock_thread_cpu_ns(), records = 0;

    must(generations_poll(&bench->generations, &event), "poll");
    must(generations_cut(&bench->generations), "cut");
    must(generations_poll(&bench->generations, &event), "poll");
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        bool is_done = false;
        must(checkpoint_begin(bench->tasks[p]), "checkpoint");
        for (uint32_t some = UINT32_MAX; !is_done; some = UINT32_MAX)
            must(checkpoint_slice(bench->tasks[p], &some, &is_done), "checkpoint");
        must(checkpoint_commit(bench->tasks[p], 0, 0), "checkpoint");
        records += bench->tasks[p]->checkpoint.written_records;
    }
    printf("  checkpoint: %lu records, %.0f ns each\n", (unsigned long)records, (double)(clock_thread_cpu_ns() - from) / (double)(records ? records : 1));
}

static void read_profiles(struct bench *bench, struct rng *rng, uint32_t users)
{
    enum { READS = 200000 };
    struct profile *profile = calloc(1, profile_bytes(&config.layout));
    char user[32];
    uint32_t found = 0;
    uint64_t from = clock_thread_cpu_ns();

    for (uint32_t i = 0; i < READS; i++) {
        uint32_t number = (uint32_t)rng_below(rng, users);
        int size = snprintf(user, sizeof user, "user-%08u", number);
        found += task_profile(bench->tasks[number % PARTITIONS], hash_user(&hash_key, 'u', user, (size_t)size), profile);
    }
    printf("  read: %.0f ns a profile, %u of %d there\n", (double)(clock_thread_cpu_ns() - from) / READS, found, READS);
    free(profile);
}

static void run(uint32_t users, uint32_t events)
{
    enum { STRETCH = 12 * 16 * 512 };
    struct bench bench = {0};
    struct stretch stretch = {.count = STRETCH, .partitions = malloc(STRETCH / RUN * sizeof(uint32_t)), .sizes = malloc(STRETCH * sizeof(uint32_t)),
                              .bytes = malloc((size_t)STRETCH * EVENT_BYTES)};
    struct rng rng;
    char dir[] = "/tmp/penchant-bench-XXXXXX", command[64];
    int64_t now_ms = 1764000000000;
    uint64_t cpu_ns = 0, done = 0, late_ns = 0, late = 0;

    if (mkdtemp(dir) == NULL)
        exit(1);
    rng_init(&rng, 1, 0);
    open_bench(&bench, dir);
    for (; done < events; done += stretch.count, now_ms += 800) {
        fill(&stretch, &rng, users, done, now_ms);
        uint64_t from = clock_thread_cpu_ns();
        apply(&bench, &stretch, now_ms);
        uint64_t took = clock_thread_cpu_ns() - from;
        cpu_ns += took;
        if (done >= events / 2) {
            late_ns += took;
            late += stretch.count;
        }
    }
    uint64_t resident = 0, live = 0, index = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        resident += bench.tables[p]->resident;
        live += bench.tables[p]->live_bytes;
        index += bench.tables[p]->index.bytes;
    }
    printf("%u users, %lu events: %.0f ns an event, second half %.0f; %.0f B a learning record\n", users, (unsigned long)done,
           (double)cpu_ns / (double)done, (double)late_ns / (double)late, (double)bench.outbox->total / (double)bench.outbox->records);
    printf("  memory: %lu profiles, packed %.0f B, slab %.0f B, index %.0f B each\n", (unsigned long)resident, (double)live / (double)resident,
           (double)slab_bytes(bench.slab) / (double)resident, (double)index / (double)resident);
    read_profiles(&bench, &rng, users);
    checkpoint_all(&bench);
    generations_fini(&bench.generations);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        task_close(bench.tasks[p]);
    slab_destroy(bench.slab);
    free(bench.outbox);
    free(stretch.partitions);
    free(stretch.sizes);
    free(stretch.bytes);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        exit(1);
}

/* ---- the whole engine ---- */

enum { BODIES = 64, BODY_EVENTS = 96 };

struct body {
    struct submission submission;
    struct submission_entry entries[BODY_EVENTS];
    char bytes[BODY_EVENTS][EVENT_BYTES];
    uint32_t is_out;
};

static void body_done(struct submission *submission)
{
    struct body *body = submission->context;
    __atomic_store_n(&body->is_out, 0, __ATOMIC_RELEASE);
}

static void rest(void)
{
    struct timespec pause = {0, 100000};
    nanosleep(&pause, NULL);
}

static void send_body(struct engine *engine, struct body *body, const struct stretch *stretch)
{
    body->submission = (struct submission){
        .log = engine_events(engine), .entries = body->entries, .count = BODY_EVENTS, .done = body_done, .context = body,
    };
    for (uint32_t i = 0; i < BODY_EVENTS; i++) {
        memcpy(body->bytes[i], stretch->bytes[i], stretch->sizes[i]);
        body->entries[i] = (struct submission_entry){
            .partition = stretch->partitions[i / RUN], .owner_hash = i, .source_partition = LOG_NO_SOURCE,
            .record = slice_make(body->bytes[i], stretch->sizes[i]),
        };
    }
    body->is_out = 1;
    while (engine_submit(engine, &body->submission) != STATUS_OK)
        rest();
}

static bool is_behind(struct engine *engine)
{
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (engine_applied(engine, p) < log_end(engine_events(engine), p))
            return true;
    return learner_applied(engine_learner(engine)) < log_end(engine_learn(engine), 0);
}

static void await_bodies(const struct body *bodies)
{
    for (int i = 0; i < BODIES; i++)
        while (__atomic_load_n(&bodies[i].is_out, __ATOMIC_ACQUIRE))
            rest();
}

static void time_start(void)
{
    struct engine *engine;
    struct problem problem = {0};
    struct profile *profile = calloc(1, profile_bytes(&config.layout));
    static const char user[] = "user-00000000"; /* the heaviest, of partition 0 */
    int64_t from = clock_monotonic_ns();

    must(engine_open(&engine, &config, &problem), problem.detail);
    int64_t opened = clock_monotonic_ns();
    must(engine_start(engine), "start");
    bool is_there = engine_profile(engine, 0, hash_user(engine_key(engine), 'u', user, sizeof user - 1), profile);
    int64_t answered = clock_monotonic_ns();
    while (!engine_is_caught_up(engine))
        rest();
    struct engine_counters counters;
    engine_counters(engine, &counters);
    printf("  start without a stop before: open %.0f ms, first profile%s at %.0f ms, caught up at %.0f ms; %lu users\n", (double)(opened - from) / 1e6,
           is_there ? "" : " (nobody)", (double)(answered - from) / 1e6, (double)(clock_monotonic_ns() - from) / 1e6, (unsigned long)counters.users);
    engine_stop(engine);
    engine_close(engine);
    free(profile);
}

static void run_whole(uint32_t users, uint32_t events)
{
    static struct body bodies[BODIES];
    struct stretch stretch = {.count = BODY_EVENTS * 1024};
    struct engine *engine;
    struct problem problem = {0};
    struct rng rng;
    char dir[] = "/tmp/penchant-bench-XXXXXX", command[64];
    uint64_t done = 0, feeder_ns = 0, cpu_ns[3];

    stretch.partitions = malloc(stretch.count / RUN * sizeof(uint32_t));
    stretch.sizes = malloc(stretch.count * sizeof(uint32_t));
    stretch.bytes = malloc((size_t)stretch.count * EVENT_BYTES);
    config.data_dir = mkdtemp(dir);
    rng_init(&rng, 1, 0);
    must(engine_open(&engine, &config, &problem), problem.detail);
    must(engine_start(engine), "start");
    int64_t from = clock_monotonic_ns(), filling = 0;
    uint64_t process_ns = clock_process_cpu_ns();
    for (uint32_t turn = 0; done < events; turn++) {
        int64_t fill_from = clock_monotonic_ns();
        uint64_t fill_cpu = clock_thread_cpu_ns();
        fill(&stretch, &rng, users, done, clock_wall_ms());
        feeder_ns += clock_thread_cpu_ns() - fill_cpu;
        filling += clock_monotonic_ns() - fill_from;
        for (uint32_t i = 0; i < stretch.count; i += BODY_EVENTS, done += BODY_EVENTS) {
            struct body *body = &bodies[i / BODY_EVENTS % BODIES];
            struct stretch part = {BODY_EVENTS, stretch.partitions + i / RUN, stretch.sizes + i, stretch.bytes + i};
            while (__atomic_load_n(&body->is_out, __ATOMIC_ACQUIRE))
                rest();
            send_body(engine, body, &part);
        }
    }
    await_bodies(bodies);
    while (is_behind(engine))
        rest();
    int64_t took = clock_monotonic_ns() - from;
    process_ns = clock_process_cpu_ns() - process_ns - feeder_ns;
    engine_cpu_ns(engine, cpu_ns);
    struct engine_counters counters;
    engine_counters(engine, &counters);
    printf("whole engine, %u users, %lu events: %.0f a second beside making them (%.1f s); CPU an event: writer %.0f, task %.0f, learner %.0f, all %.0f ns; "
           "%lu checkpoints\n", users, (unsigned long)done, (double)done / ((double)took / 1e9), (double)filling / 1e9, (double)cpu_ns[0] / (double)done,
           (double)cpu_ns[1] / (double)done, (double)cpu_ns[2] / (double)done, (double)process_ns / (double)done, (unsigned long)counters.checkpoints);
    engine_close(engine);
    time_start();
    free(stretch.partitions);
    free(stretch.sizes);
    free(stretch.bytes);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    uint32_t users = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    uint32_t events = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3000000;

    set_up();
    run(10008, events / 3);
    run(users / PARTITIONS * PARTITIONS, events);
    run_whole(users / PARTITIONS * PARTITIONS, events);
    return 0;
}
