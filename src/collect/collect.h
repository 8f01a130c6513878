/* collect.h - a body of events: read, checked, enriched, and handed to the log as one submission.
 *
 * An array is read to its end before anything is appended; lines stand alone.  What fails is
 * listed with index, code, pointer and message, and the rest goes on.  An event whose id is in
 * the deduplication window is counted and not appended; a body that has such waits for the
 * writer too, so that the first copies are durable when it is acknowledged.  A body is
 * appended whole or not at all.
 *
 * received = accepted + duplicate + filtered + rejected; a body that the log refused counts
 * in none of them.
 *
 * A large body is read in slices, so that others on its loop do not wait for it: collect_read
 * ends with COLLECT_MORE and collect_continue goes on.
 *
 * Threads: one struct collect per event loop; `done` is called on the writer's thread.
 * Memory:  a JSON parser, COLLECT_SLICED_MAX more while large bodies are read, a pool of
 *          batches, 96 KiB for repeats within a body.
 * Failure: collect_read as payload_open; collect_submit what engine_submit says (429, 503): nothing is appended then.
 */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include "base/metric.h"
#include "collect/batch.h"
#include "engine/engine.h"
#include "schema/json_schema.h"

enum {
    COLLECT_SLICE_ITEMS = 256,           /* about 100 us */
    COLLECT_SLICED_BYTES = 128 * 1024,   /* larger bodies are read in slices */
    COLLECT_SLICED_MAX = 4               /* at a time; one more is read at once */
};

struct collect;

struct collect_body {
    struct slice text;
    struct slice content_type;
    uint8_t device;                /* from the User-Agent */
    int64_t now_ms;                /* wall clock */
    void (*done)(void *context);   /* the writer has appended it; any thread, must not block */
    void *context;
};

struct collect_counters {
    uint64_t received, accepted, duplicates, filtered, rejected;
    uint64_t rejected_by[STATUS_COUNT];
    uint64_t ahead;                /* timestamps too far ahead, replaced by received_at */
    uint64_t bodies, bytes;
    uint64_t refused;              /* bodies that the log or the server refused whole */
};

/* body_bytes: the largest body. zone_minutes: of hour_of_day where a timestamp has no offset.
 * event_schema: what each event must match beside event_parse; NULL: nothing. */
enum status collect_create(struct collect **collect, struct engine *engine, size_t body_bytes, int32_t zone_minutes,
                           const struct json_schema *event_schema) MUST_CHECK;
void collect_destroy(struct collect *collect);

enum collect_step {
    COLLECT_MORE,    /* a slice is read: collect_continue after others had their turn */
    COLLECT_SUBMIT,  /* collect_submit, and the answer after `done` */
    COLLECT_ANSWER   /* nothing to append: it can be answered now */
};

/* Reads the body, which must stay until the batch is submitted or answered.  *batch is the caller's to release
 * whatever the status is, where it is not NULL. */
enum status collect_read(struct collect *collect, const struct collect_body *body, struct batch **batch,
                         enum collect_step *step, struct problem *problem) MUST_CHECK;
enum status collect_continue(struct collect *collect, const struct collect_body *body, struct batch *batch,
                             enum collect_step *step, struct problem *problem) MUST_CHECK;
/* `done` may be called before this returns; it is not called when the status is not STATUS_OK, which
 * collect_answer then tells. */
enum status collect_submit(struct collect *collect, struct batch *batch) MUST_CHECK;
/* STATUS_OK: counts it, writes the answer, its HTTP code and the position (empty: none; borrowed until the next call).
 * Otherwise why nothing was appended. */
enum status collect_answer(struct collect *collect, struct batch *batch, struct json_writer *out, int *code,
                           const char **position, struct problem *problem) MUST_CHECK;
void collect_release(struct collect *collect, struct batch *batch);

/* For bodies of other kinds (the catalogue): the loop's parser and batches. */
struct json_parser *collect_parser(struct collect *collect);
struct batch_pool *collect_batches(struct collect *collect);
/* {accepted, duplicates, filtered, rejected, errors, position}; a problem document too where all were rejected. */
int collect_render(const struct batch *batch, const char *position, struct json_writer *out);

/* Any thread; sums are the caller's. */
void collect_counters(const struct collect *collect, struct collect_counters *counters);
void collect_metrics(const struct collect_counters *sum, struct metric_sink *sink);

#endif
