/* learner_loop.h - the learner's thread: reads `learn`, applies, checkpoints.
 *
 * Threads: start and stop the engine's; the loop is one thread; learner_loop_cpu_ns any.
 * Memory:  the log reader's frame; LEARNER_LOOP_AHEAD records on their way.
 * Failure: learner_loop_start STATUS_MEMORY, STATUS_IO, STATUS_CORRUPT when `learn` ends before the
 *          checkpoint.  A reader that fails later ends the loop, logged once: answers go
 *          on from the tables as they are.
 */
#ifndef ENGINE_LEARNER_LOOP_H
#define ENGINE_LEARNER_LOOP_H

#include "engine/learner_state.h"

enum { LEARNER_LOOP_AHEAD = 16 };

enum status learner_loop_start(struct learner *learner, struct log *log) MUST_CHECK;
/* is_abandoned: at once and without a checkpoint. */
void learner_loop_stop(struct learner *learner, bool is_abandoned);
uint64_t learner_loop_cpu_ns(const struct learner *learner);

#endif
