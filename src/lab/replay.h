/* replay.h - past events through the running engine, each at the time at which it happened.
 *
 * Events of one moment are one frame whose received_at is that moment, so that windows,
 * sessions and lateness come out as they would have live.  Into a store that already holds
 * newer events it is a backfill: profiles, neighbours and models learn, windows do not.
 *
 * Threads: one, beside the engine's own.
 * Memory:  REPLAY_WINDOW submissions of at most REPLAY_BATCH events.
 * Failure: as source_open; STATUS_IO and others of the event log.
 */
#ifndef LAB_REPLAY_H
#define LAB_REPLAY_H

#include <stdio.h>

#include "engine/engine.h"
#include "lab/source.h"

enum { REPLAY_BATCH = 256, REPLAY_WINDOW = 64 };

struct replay_options {
    struct source_options source;
    double speed;       /* 0: as fast as it goes; else times faster than it happened */
    FILE *progress;     /* NULL: quiet */
};

struct replay_result {
    struct source_counts source;
    uint64_t events;
    int64_t first_ms, last_ms;
    bool is_backfill;
    double seconds;
};

/* engine: opened and started.  Returns when all is appended and applied. */
enum status replay_run(struct engine *engine, const struct replay_options *options, struct replay_result *result,
                       struct problem *problem) MUST_CHECK;

#endif
