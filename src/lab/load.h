/* load.h - an open-loop load client: operations start by the clock, not by the answers.
 *
 * Operation i is due at start + i / rate.  It goes out on a free connection as soon as it is
 * due and there is one; its latency counts from when it was due, so that a slow server cannot
 * slow its own measurement down ("coordinated omission").  An operation is one request or a
 * chain of them, each made from the answer before.  With rate 0 the loop is closed: each
 * connection starts its next operation when the last is done, and nothing is due.
 *
 * How late the client itself was (due and a connection free, but not yet running) has a
 * histogram of its own; a run where that is not far below the latencies says nothing.
 *
 * Threads: load_run blocks one thread; callbacks run on it.
 * Memory:  per connection request_bytes and an answer buffer of at most LOAD_ANSWER_MAX.
 * Failure: STATUS_UNREACHABLE (no connection, or too many broke), STATUS_MEMORY, STATUS_IO.
 */
#ifndef LAB_LOAD_H
#define LAB_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    LOAD_CONNECTIONS_MAX = 1024,
    LOAD_STEPS_MAX = 4,
    LOAD_ANSWER_MAX = 8 << 20,
    LOAD_DURATION_MAX_MS = 3600000,
};

/* A callback writes a whole request into buffer and points data and size at it. */
struct load_request {
    char *buffer;
    size_t capacity;
    const char *data;
    size_t size;
};

struct load_answer {
    int code;
    struct slice head; /* status line and headers */
    struct slice body;
    uint32_t step;     /* 0: of the first request of the operation */
};

enum load_verdict { LOAD_PASSED, LOAD_FAILED, LOAD_FOLLOW };

struct load_config {
    uint16_t port;             /* on 127.0.0.1 */
    uint32_t connections;
    double rate;               /* operations a second; 0: closed loop */
    uint64_t operations_max;   /* 0: as many as fit into the duration */
    uint64_t duration_ms;
    uint64_t warmup_ms;        /* of the duration, not recorded */
    size_t request_bytes;
    void *context;
    /* First request of an operation on a connection. */
    void (*begin)(void *context, uint32_t connection, struct load_request *request);
    /* Judges an answer; with LOAD_FOLLOW it wrote the next request of the operation. */
    enum load_verdict (*judge)(void *context, uint32_t connection, const struct load_answer *answer,
                               struct load_request *request);
};

struct load_result {
    struct histogram latency;               /* of passed operations, from when they were due */
    struct histogram steps[LOAD_STEPS_MAX]; /* of each request, from when it was sent */
    struct histogram lateness;              /* of the client itself */
    uint64_t started;
    uint64_t passed;                        /* with those of the warm-up */
    uint64_t failed;                        /* judged so, or the connection broke */
    uint64_t recorded;
    uint64_t unsent;                        /* due, but no connection came free */
    uint64_t unanswered;                    /* at the end of the grace after the duration */
    uint64_t broken;                        /* connections that ended under an operation */
    uint64_t codes[6];                      /* answers by hundreds; 0: unreadable */
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint64_t elapsed_ns;                    /* of the recorded part */
    uint64_t cpu_ns;                        /* of the client, whole run */
};

enum status load_run(const struct load_config *config, struct load_result *result, struct problem *problem) MUST_CHECK;

/* Value of a header in an answer's head; absent when it is not there. */
struct slice load_find_header(struct slice head, const char *name);

#endif
