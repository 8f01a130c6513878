/* worker.h - a thread that applies its partitions' events and commits what came of them.
 *
 * One loop: ask about the closing generation, apply what is published, cut, a slice of the
 * checkpoint, the catalogue's feed (worker 0), ticks; then sleep on the log's bell until
 * something is published or a timer is due.
 *
 * Work is bounded per turn (WORKER_BATCH records), positions are published after each run of
 * records, and a generation that has grown over its budget while the one before still
 * commits stops the reading (backpressure).
 *
 * Threads: create, attach, start, stop, destroy: one; numbers any.
 * Memory:  its tasks and their slab.
 * Failure: worker_failure; the thread has then ended and nothing more is applied.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "engine/checkpoint_round.h"
#include "engine/task.h"

struct worker;

enum { WORKER_BATCH = 512 };

struct worker_world {
    const struct engine_config *config;
    const struct hash_key *key;
    struct writer *writer;
    struct log *events, *contents, *learn;
    uint64_t contents_missing_from; /* content_feed.h */
    /* Called after positions were published. */
    void (*published)(void *context);
    void *context;
    /* `learn` is needed from here on. */
    uint64_t (*learn_needed)(void *context);
};

struct worker_numbers {
    uint64_t busy_ns, idle_ns, backpressured_ns;
    uint64_t slab_bytes, slab_evictions, generations, ticks_sent, content_undecodable;
};

/* Opens the tasks p with p mod count == number. */
enum status worker_create(struct worker **worker, uint32_t number, uint32_t count, const struct engine_config *config, const struct hash_key *key,
                          struct problem *problem) MUST_CHECK;
void worker_destroy(struct worker *worker);
/* world: borrowed. Before start, after the logs are open. */
enum status worker_attach(struct worker *worker, const struct worker_world *world) MUST_CHECK;
enum status worker_start(struct worker *worker) MUST_CHECK;
/* is_drained: applies what is published, writes a checkpoint; else ends where it is. */
void worker_stop(struct worker *worker, bool is_drained);

/* ---- any thread ---- */
uint32_t worker_task_count(const struct worker *worker);
struct task *worker_task(const struct worker *worker, uint32_t index);
const struct checkpoint_round *worker_round(const struct worker *worker);
/* Worker 0: content_feed_settled. */
uint64_t worker_content_settled(const struct worker *worker);
enum status worker_failure(const struct worker *worker);
uint64_t worker_cpu_ns(const struct worker *worker);
void worker_numbers(const struct worker *worker, struct worker_numbers *numbers);

#endif
