/* Goal: what the event log costs: append throughput and CPU an event, append latency by durability,
 * reading, and one record by offset.
 * Method: submissions of 100 records of 250 bytes, 32 under way, for the throughput; the same paced
 * at 100 a second (10,000 events/s), one under way, for the latency, with the schedule's own time
 * as its start, so that a stall is counted for all it held up.  Usage: bench_log [directory] [seconds] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/histogram.h"
#include "base/rng.h"
#include "eventlog/writer.h"
#include "io/clock.h"

enum { PARTITIONS = 12, EACH = 100, RECORD_BYTES = 250, UNDER_WAY = 32, THROUGHPUT_BYTES = 600 << 20, PACE_NS = 10000000 };

static const char *const durability_names[] = {"always", "interval", "os"};

struct order {
    struct submission submission;
    struct submission_entry entries[EACH];
    uint32_t is_done;
};

struct world {
    char dir[256];
    struct log *log;
    struct writer *writer;
    struct order orders[UNDER_WAY];
};

static struct bell done_bell;
static char record[RECORD_BYTES];

static void must(enum status status)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_log: %s\n", status_row(status)->text);
    exit(1);
}

static void done(struct submission *submission)
{
    struct order *order = submission->context;

    must(submission->status);
    __atomic_store_n(&order->is_done, 1, __ATOMIC_RELEASE);
    bell_ring(&done_bell);
}

static void open_world(struct world *world, const char *dir, enum log_durability durability)
{
    struct log_options options = log_options_default();
    struct problem problem;

    options.durability = (unsigned)durability;
    snprintf(world->dir, sizeof world->dir, "%s/penchant-bench-XXXXXX", dir);
    if (mkdtemp(world->dir) == NULL)
        exit(1);
    must(log_open(&world->log, world->dir, "user_interactions", PARTITIONS, 0, 0, &options, &problem));
    must(writer_create(&world->writer, &world->log, 1, &options, 1024));
    must(writer_start(world->writer));
    for (uint32_t o = 0; o < UNDER_WAY; o++) {
        struct order *order = &world->orders[o];
        for (uint32_t i = 0; i < EACH; i++)
            order->entries[i] = (struct submission_entry){.partition = (o * 31 + i * 7) % PARTITIONS,
                                                          .owner_hash = o * EACH + i,
                                                          .source_partition = LOG_NO_SOURCE,
                                                          .record = slice_make(record, RECORD_BYTES)};
        order->submission = (struct submission){
            .log = world->log, .entries = order->entries, .count = EACH, .done = done, .context = order};
        order->is_done = 1;
    }
}

static void close_world(struct world *world)
{
    char command[512];

    writer_stop(world->writer);
    writer_destroy(world->writer);
    log_close(world->log);
    snprintf(command, sizeof command, "rm -r '%s'", world->dir);
    if (system(command) != 0)
        fprintf(stderr, "bench_log: could not remove %s\n", world->dir);
}

static void submit(struct world *world, struct order *order)
{
    order->is_done = 0;
    must(writer_submit(world->writer, &order->submission));
}

static void wait_for(struct order *order)
{
    for (;;) {
        uint32_t seen = bell_seen(&done_bell);
        if (__atomic_load_n(&order->is_done, __ATOMIC_ACQUIRE))
            return;
        bell_wait(&done_bell, seen, -1);
    }
}

static void read_back(struct world *world)
{
    struct log_reader *reader;
    const struct log_frame *frame;
    uint64_t records = 0, cpu_ns = clock_thread_cpu_ns();

    must(log_reader_open(&reader, world->log, NULL));
    do {
        must(log_reader_next(reader, &frame));
        for (uint32_t s = 0; frame && s < frame->section_count; s++)
            records += frame->sections[s].count;
    } while (frame != NULL);
    cpu_ns = clock_thread_cpu_ns() - cpu_ns;
    log_reader_close(reader);
    printf("read        %9.0f records/CPU-s, %.3f us a record\n", (double)records * 1e9 / (double)cpu_ns,
           (double)cpu_ns / 1e3 / (double)records);
}

static void measure_throughput(const char *dir, enum log_durability durability, int seconds)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t events = 0, events_max = THROUGHPUT_BYTES / RECORD_BYTES;

    open_world(world, dir, durability);
    int64_t from_ns = clock_monotonic_ns(), now_ns = from_ns;
    for (uint32_t o = 0; events < events_max && now_ns - from_ns < (int64_t)seconds * 1000000000; o = (o + 1) % UNDER_WAY) {
        wait_for(&world->orders[o]);
        submit(world, &world->orders[o]);
        events += EACH;
        now_ns = clock_monotonic_ns();
    }
    for (uint32_t o = 0; o < UNDER_WAY; o++)
        wait_for(&world->orders[o]);
    double wall_s = (double)(clock_monotonic_ns() - from_ns) / 1e9;
    uint64_t cpu_ns = writer_cpu_ns(world->writer);
    printf("append      %-8s %8.0f events/s %7.1f MB/s %9.0f events/CPU-s, %.3f us an event\n",
           durability_names[durability], (double)events / wall_s, (double)events * RECORD_BYTES / wall_s / 1e6,
           (double)events * 1e9 / (double)cpu_ns, (double)cpu_ns / 1e3 / (double)events);
    if (durability == LOG_OS)
        read_back(world);
    close_world(world);
    free(world);
}

static void measure_latency(const char *dir, enum log_durability durability, int seconds)
{
    struct world *world = calloc(1, sizeof *world);
    struct histogram *latency = calloc(1, sizeof *latency);

    open_world(world, dir, durability);
    int64_t at_ns = clock_monotonic_ns();
    for (int64_t i = 0; i < (int64_t)seconds * 1000000000 / PACE_NS; i++) {
        at_ns += PACE_NS;
        int64_t left_ns = at_ns - clock_monotonic_ns();
        if (left_ns > 0)
            nanosleep(&(struct timespec){.tv_nsec = left_ns}, NULL);
        int64_t from_ns = left_ns > 0 ? clock_monotonic_ns() : at_ns;
        submit(world, &world->orders[0]);
        wait_for(&world->orders[0]);
        histogram_add(latency, (uint64_t)(clock_monotonic_ns() - from_ns));
    }
    printf("latency     %-8s p50 %7.0f us  p99 %7.0f us  max %7.0f us\n", durability_names[durability],
           (double)histogram_quantile(latency, 0.5) / 1e3, (double)histogram_quantile(latency, 0.99) / 1e3,
           (double)latency->max_ns / 1e3);
    close_world(world);
    free(latency);
    free(world);
}

/* Documents of 600 bytes, read in any order. */
static void measure_lookup(const char *dir, bool has_places)
{
    enum { DOCUMENTS = 100000, BYTES = 600, READS = 200000, A_FRAME = 100 };
    struct world *world = calloc(1, sizeof *world);
    char document[BYTES] = {0}, buffer[2048];
    struct rng rng;
    struct slice found;
    uint64_t offset, reads = has_places ? READS : READS / 100;
    int64_t received_at_ms;

    open_world(world, dir, LOG_OS);
    writer_stop(world->writer);
    if (has_places)
        must(log_index_places(world->log));
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        if (i % A_FRAME == 0)
            log_frame_begin(world->log, clock_wall_ms(), &received_at_ms);
        must(log_frame_add(world->log, 0, slice_make(document, BYTES), LOG_NO_SOURCE, 0, 0, &offset));
        if (i % A_FRAME == A_FRAME - 1)
            must(log_frame_commit(world->log));
    }
    rng_init(&rng, 1, 0);
    uint64_t cpu_ns = clock_thread_cpu_ns();
    for (uint64_t i = 0; i < reads; i++)
        must(log_read(world->log, 0, rng_below(&rng, DOCUMENTS), buffer, sizeof buffer, &found));
    cpu_ns = clock_thread_cpu_ns() - cpu_ns;
    printf("log_read    %-14s %.2f us a read\n", has_places ? "with places" : "without places",
           (double)cpu_ns / 1e3 / (double)reads);
    close_world(world);
    free(world);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/tmp";
    int seconds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;

    bell_init(&done_bell);
    memset(record, 'r', sizeof record);
    /* First, and from a disk at rest: what the throughput leaves to be written back would be in every sync. */
    sync();
    for (int durability = LOG_ALWAYS; durability <= LOG_OS; durability++)
        measure_latency(dir, (enum log_durability)durability, seconds);
    for (int durability = LOG_ALWAYS; durability <= LOG_OS; durability++)
        measure_throughput(dir, (enum log_durability)durability, seconds);
    measure_lookup(dir, true);
    measure_lookup(dir, false);
    return 0;
}
