/* serve_loop.h - what one event loop has for itself, and how a handler answers.
 *
 * A handler gets the loop and the request, reads its parameters, and either answers or waits
 * (serve_loop_wait): then it is called again by `resume` on the same loop.  Answers are written
 * into loop->out; every answer goes through serve_loop_answer or serve_loop_problem, where
 * it is counted by route and code.
 *
 * Threads: its loop; serve_loop_metrics and the counters any.
 * Memory:  taken at create: decider, JSON writer, document cache, a profile and an answer.
 * Failure: serve_loop_create STATUS_MEMORY.
 */
#ifndef SERVE_SERVE_LOOP_H
#define SERVE_SERVE_LOOP_H

#include "base/histogram.h"
#include "collect/collect.h"
#include "decide/decide.h"
#include "engine/engine.h"
#include "engine/learner.h"
#include "io/http.h"
#include "serve/documents.h"
#include "serve/route.h"
#include "serve/serve.h"
#include "serve/waiting.h"

enum {
    SERVE_LOOP_ROUTES_MAX = 32,  /* rows of the route table, and two: pages and unknown addresses */
    SERVE_LOOP_CODES = 16,
    SERVE_LOOP_PLACEMENTS = 16,  /* named in metrics; the others together are "other" */
    SERVE_LOOP_PLACEMENT_SIZE = 64
};

enum serve_phase { SERVE_STARTING, SERVE_READY, SERVE_DRAINING };

/* The same for all loops. */
struct serve_shared {
    struct engine *engine;
    struct learner *learner;
    const struct model *model;
    const struct layout *layout;
    const struct event_types *types;
    const struct hash_key *key;
    struct http_server *server;
    const struct serve_config *config;
    struct serve *serve;
    struct serve_loop **loops;
    uint32_t loop_count;
    int phase;                   /* enum serve_phase; released by the thread that changes it */
    int64_t opened_ns;
    int64_t opened_at_ms;
    void (*demo)(void *context, struct json_writer *out);
    void *demo_context;
    void (*emit)(void *context, struct metric_sink *sink);
    void *emit_context;
};

struct serve_placement {
    char name[SERVE_LOOP_PLACEMENT_SIZE];
    struct histogram durations;
};

/* One event in flight is followed until its person's list can show it. */
struct serve_sample {
    bool is_under_way;
    uint32_t partition;
    uint64_t offset;
    int64_t received_ns;
    int64_t next_ns;             /* not before this is another one taken */
};

struct serve_loop {
    struct serve_shared *shared;
    uint32_t number;
    struct collect *collect;
    struct decider *decider;
    struct documents *documents;
    struct json_writer out;
    struct profile *profile;     /* profile_bytes(layout) */
    struct answer *answer;
    struct waiting waiting;
    struct serve_sample sample;
    uint64_t request_count;      /* makes request ids */
    int64_t ticked_ns;
    /* numbers */
    uint64_t codes[SERVE_LOOP_ROUTES_MAX][SERVE_LOOP_CODES];
    struct histogram *durations; /* by route */
    struct serve_placement *placements;
    uint32_t placement_count;
    struct histogram *visible;
    uint64_t degraded;
    uint64_t empty;
    uint64_t personalized;
    uint64_t trending;
    uint64_t waited;
};

/* What hangs on http_request.state, from admit to finish. */
struct serve_request {
    const struct route *route;   /* NULL: a page */
    uint32_t route_number;
    void (*resume)(struct serve_loop *loop, struct http_request *request);
    void *own;                   /* the handler's, in the arena */
    struct batch *batch;         /* released by finish */
    struct waiter waiter;
};

enum status serve_loop_create(struct serve_loop **loop, struct serve_shared *shared, uint32_t number) MUST_CHECK;
void serve_loop_destroy(struct serve_loop *loop);

static inline struct serve_request *serve_loop_request(struct http_request *request)
{
    return request->state;
}

/* Starts an answer: the empty writer. */
struct json_writer *serve_loop_begin(struct serve_loop *loop);
/* Sends what is in loop->out as application/json. */
void serve_loop_answer(struct serve_loop *loop, struct http_request *request, int code);
void serve_loop_answer_as(struct serve_loop *loop, struct http_request *request, int code, const char *content_type);
/* Sends other bytes; they are copied. */
void serve_loop_send(struct serve_loop *loop, struct http_request *request, int code, const char *content_type, struct slice body);
void serve_loop_problem(struct serve_loop *loop, struct http_request *request, const struct problem *problem);
/* Counts an answer that the server itself writes. */
void serve_loop_count(struct serve_loop *loop, const struct http_request *request, uint32_t route_number, int code);

/* Runs `resume` at once where everything below offset is applied, else suspends and runs it then or after
 * wait_ms; serve_loop_is_late tells which. */
void serve_loop_wait(struct serve_loop *loop, struct http_request *request, uint32_t partition, uint64_t offset,
                     uint64_t wait_ms, void (*resume)(struct serve_loop *loop, struct http_request *request));
bool serve_loop_is_late(struct http_request *request);

/* A request_id of ours: time, loop and count, in base 32. */
enum { SERVE_LOOP_ID_SIZE = 20 };
void serve_loop_id(struct serve_loop *loop, int64_t now_ms, char id[SERVE_LOOP_ID_SIZE]);

/* An event was acknowledged: perhaps it is followed. */
void serve_loop_sample(struct serve_loop *loop, const struct http_request *request, uint32_t partition, uint64_t offset);
void serve_loop_recommended(struct serve_loop *loop, struct slice placement, int64_t duration_ns);
/* After each round; ms until the next one is wanted. */
int serve_loop_tick(struct serve_loop *loop);

/* Sums over all loops. */
void serve_loop_metrics(const struct serve_shared *shared, struct metric_sink *sink);
/* Of one route, or of all lists (UINT32_MAX), over all loops. */
void serve_loop_durations(const struct serve_shared *shared, uint32_t route_number, struct histogram *sum);
void serve_loop_visible(const struct serve_shared *shared, struct histogram *sum);
void serve_loop_counters(const struct serve_shared *shared, struct collect_counters *sum);

#endif
