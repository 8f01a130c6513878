/* learner_state.h - the inside of struct learner, shared by the files learner*.c.
 *
 * Threads: fields say who writes them.
 * Memory:  as learner.h says.
 * Failure: as learner.h says.
 */
#ifndef ENGINE_LEARNER_STATE_H
#define ENGINE_LEARNER_STATE_H

#include <pthread.h>

#include "base/shared.h"
#include "engine/learner.h"
#include "engine/learner_file.h"
#include "eventlog/log.h"

enum { LEARNER_POSITION_LEARN, LEARNER_POSITION_CONTENT };

enum learner_command { LEARNER_RUN, LEARNER_DRAIN, LEARNER_QUIT };

/* A record on its way, with what was found out about it while it was fetched. */
struct learner_staged {
    struct learning record;
    uint64_t offset;
    uint64_t content;             /* keyed hash of content_id; 0: none */
};

struct learner {
    const struct engine_config *config;
    const struct hash_key *key;
    struct model *model;
    struct fact fact;             /* scratch of learner_apply */
    void (*notify)(void *context);
    void *notify_context;
    uint64_t events, contents, sessions_ended, undecodable; /* shared */

    /* the loop */
    struct log *log;
    pthread_t thread;
    bool is_started;
    uint32_t command;             /* shared: enum learner_command */
    uint64_t unsaved_bytes;       /* of records applied since the last checkpoint was written */
    uint64_t cpu_ns;              /* shared; of threads that have ended */

    /* checkpoints; NULL in memory */
    struct learner_file *file;
};

/* What learner_apply will look at: two strokes, some records apart. */
void learner_apply_stage(const struct learner *learner, struct learner_staged *staged);
void learner_apply_fetch(const struct learner *learner, const struct learner_staged *staged);
void learner_apply_staged(struct learner *learner, const struct learner_staged *staged);

#endif
