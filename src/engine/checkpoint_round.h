/* checkpoint_round.h - the checkpoints of a worker's tasks, one round after the other.
 *
 *   idle -- due, at a cut --> writing (slices between batches)
 *        -- all put, the cut's generation is in learn --> syncing (events and learn up to the cut)
 *        --> committing (a task a step) --> idle
 *
 * State is never ahead of a log: the commit records are written only when events and learn
 * are synced up to the cut.  The changelogs themselves are synced at most each
 * CHECKPOINT_ROUND_SYNC_MS, or at once while the event log is over its budget; only then may
 * the event log be trimmed up to their positions.  A log that is full takes no events, so a
 * round begins also when nothing but such a sync is left to do.
 *
 * Threads: the worker; numbers any.
 * Memory:  inline.
 * Failure: the changelogs' and the syncer's.
 */
#ifndef ENGINE_CHECKPOINT_ROUND_H
#define ENGINE_CHECKPOINT_ROUND_H

#include "base/histogram.h"
#include "engine/generations.h"
#include "engine/syncer.h"
#include "eventlog/writer.h"

enum { CHECKPOINT_ROUND_SYNC_MS = 10 * 1000 };

enum checkpoint_phase { CHECKPOINT_IDLE, CHECKPOINT_WRITING, CHECKPOINT_SYNCING, CHECKPOINT_COMMITTING };

struct checkpoint_round {
    struct task **tasks;
    uint32_t task_count;
    const struct generations *generations;
    struct writer *writer;
    struct log *events, *learn;
    struct syncer *syncer;
    enum checkpoint_phase phase;
    uint32_t task;               /* at which the phase is */
    uint64_t generation;         /* closed by the cut; 0: none was closing */
    bool is_generation_committed;
    bool is_requested;           /* of the syncer */
    bool is_pressed;             /* the worker's word: the event log is over its budget */
    bool is_syncing;             /* this round syncs the changelogs */
    int64_t begun_at_ms, synced_at_ms;
    uint64_t begun_bytes;
    /* shared */
    uint64_t count;
    int64_t committed_at_ms;
    uint64_t last_bytes;
    struct histogram duration_ns;
};

void checkpoint_round_init(struct checkpoint_round *round, struct task **tasks, uint32_t task_count,
                           const struct generations *generations, struct writer *writer, struct syncer *syncer, struct log *events,
                           struct log *learn);
/* Something was applied since the last one. */
bool checkpoint_round_is_needed(const struct checkpoint_round *round);
/* A changelog has a commit that is not known durable, and it is time. */
bool checkpoint_round_must_sync(const struct checkpoint_round *round, int64_t now_ms);
/* At a cut, from idle. */
enum status checkpoint_round_begin(struct checkpoint_round *round, int64_t now_ms) MUST_CHECK;
/* At most `records` are written; *did: there was something to do. */
enum status checkpoint_round_step(struct checkpoint_round *round, uint32_t records, int64_t now_ms, bool *did) MUST_CHECK;
/* What generations_poll said. */
enum status checkpoint_round_note(struct checkpoint_round *round, enum generations_event event) MUST_CHECK;
#endif
