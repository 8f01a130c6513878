/* evaluate.h - the quality of recommendations on a file of events, by the shipped code.
 *
 * Events in order of time go through the engine's task, the learner and decide, in one
 * thread and in memory.  From a user's second event on, the list is asked before the event is
 * applied and the rank of its content is noted: full ranking, no sampled negatives.
 * prequential: every event is learned after it was predicted.  static: the learner is frozen
 * behind the training file, profiles go on.  Each session of such a file is a user.
 *
 * Threads: one.
 * Memory:  profiles and learner tables as the settings say, plus 12 bytes a prediction.
 * Failure: as source_open; STATUS_MEMORY.
 */
#ifndef LAB_EVALUATE_H
#define LAB_EVALUATE_H

#include <stdio.h>

#include "decide/decide.h"
#include "engine/engine.h"
#include "lab/quality.h"
#include "lab/source.h"

enum evaluate_protocol { EVALUATE_PREQUENTIAL, EVALUATE_STATIC };

struct evaluate_options {
    struct source_options events;
    const char *train;          /* file of the same columns; NULL: none */
    enum evaluate_protocol protocol;
    bool is_current_excluded;
    bool is_seen_excluded;
    FILE *progress;             /* NULL: quiet */
};

struct evaluate_result {
    struct source_counts train, events;
    struct quality_summary quality;
    uint64_t contents;           /* known to the learner in the end */
    uint64_t contents_shown;     /* different ones in a list's first 20 */
    double answer_us_mean, answer_us_p50, answer_us_p99;
    uint64_t learner_hash;
};

enum status evaluate_run(const struct engine_config *config, const struct decide_options *decide,
                         const struct evaluate_options *options, struct evaluate_result *result,
                         struct problem *problem) MUST_CHECK;
void evaluate_print(const struct evaluate_options *options, const struct evaluate_result *result, FILE *out, bool is_json);

#endif
