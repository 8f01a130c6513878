/* syncer.h - a thread that syncs logs for a worker's checkpoints, so that nobody waits.
 *
 * One request at a time: both logs are synced up to what is written when it starts; then the
 * bell rings and syncer_poll says how it went.
 *
 * Threads: create, request, poll, destroy: the worker's owner or the worker, one at a time.
 * Memory:  inline.
 * Failure: syncer_create STATUS_MEMORY; a failed sync is what syncer_poll says, and the log is closed for good.
 */
#ifndef ENGINE_SYNCER_H
#define ENGINE_SYNCER_H

#include "base/bell.h"
#include "eventlog/log.h"

struct syncer;

/* bell: rung when a request is done. */
enum status syncer_create(struct syncer **syncer, struct log *events, struct log *learn, struct bell *bell) MUST_CHECK;
/* Finishes the request under way. */
void syncer_destroy(struct syncer *syncer);
/* Only when none is under way. */
void syncer_request(struct syncer *syncer);
/* False: still under way; true once: *status says how it went. */
bool syncer_poll(struct syncer *syncer, enum status *status);
/* Any thread: CPU so far. */
uint64_t syncer_cpu_ns(const struct syncer *syncer);

#endif
