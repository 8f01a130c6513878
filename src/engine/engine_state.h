/* engine_state.h - the engine's parts, for engine.c and engine_metrics.c alone.
 *
 * Threads: as engine.h says.
 * Memory:  inline.
 * Failure: none of its own.
 */
#ifndef ENGINE_ENGINE_STATE_H
#define ENGINE_ENGINE_STATE_H

#include "base/bell.h"
#include "engine/engine.h"
#include "engine/format.h"
#include "engine/worker.h"

enum { ENGINE_LOGS = 3, ENGINE_WORKERS_MAX = 64 };

struct engine {
    const struct engine_config *config;
    struct format format;
    struct hash_key key;
    struct log *events, *contents, *learn;
    struct writer *writer;
    struct learner *learner;
    struct worker_world world;
    struct worker *workers[ENGINE_WORKERS_MAX];
    uint32_t worker_count;
    struct task **tasks;        /* by partition */
    uint64_t *ends_at_start;    /* by partition: what was appended before */
    uint64_t contents_at_start;
    uint64_t learn_at_start;    /* shared: end of learn once the tasks had caught up; UINT64_MAX: not yet */
    struct bell emptied;        /* rung when the queue is in the logs, at stop */
    bool is_started;
    int64_t started_ns;         /* monotonic */
    uint32_t caught_up;         /* shared */
    uint32_t accepting;         /* shared */
    uint32_t waiting;           /* shared: how many wait for a position */
    void (*notify)(void *context);
    void *notify_context;
};

#endif
