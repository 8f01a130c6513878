/* waiting.h - suspended requests that wait until what was appended is applied.
 *
 * An answer waits for a position, not for a thread: the request is suspended, the loop looks
 * at its list when a worker or the learner tells it that something was applied, and wakes
 * those whose position is there or whose time is over.
 *
 * Threads: the loop; waiting_is_any any thread.
 * Memory:  waiters live in their requests.
 * Failure: cannot fail.
 */
#ifndef SERVE_WAITING_H
#define SERVE_WAITING_H

#include "engine/engine.h"
#include "engine/learner.h"
#include "io/http.h"

enum { WAITING_CONTENT = UINT32_MAX }; /* in place of a partition: a catalogue change in the learner */

struct waiter {
    struct waiter *next;
    struct http_request *request;
    uint64_t offset;          /* must be below what is applied */
    int64_t since_ns;
    int64_t deadline_ns;
    uint32_t partition;
    bool is_late;             /* out: the deadline came first */
};

struct waiting {
    struct engine *engine;
    struct waiter *first;
    uint32_t count;
};

void waiting_init(struct waiting *waiting, struct engine *engine);
/* Is everything below offset applied? */
bool waiting_is_applied(const struct waiting *waiting, uint32_t partition, uint64_t offset);
/* Adds a waiter whose request is about to be suspended; the next tick looks at it. */
void waiting_add(struct waiting *waiting, struct waiter *waiter);
/* Wakes who is ready or late; returns how many still wait. */
uint32_t waiting_tick(struct waiting *waiting, int64_t now_ns);
bool waiting_is_any(const struct waiting *waiting);

#endif
