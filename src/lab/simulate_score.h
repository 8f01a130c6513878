/* simulate_score.h - what the demo's experiment shows: clicks per impression of three arms, over time.
 *
 * A ring of seconds gives the sliding rate, a ring of ten minutes its history for the chart.
 *
 * Threads: one at a time; simulate.c holds a lock.
 * Memory:  inline, 6 KiB.
 * Failure: cannot fail.
 */
#ifndef LAB_SIMULATE_SCORE_H
#define LAB_SIMULATE_SCORE_H

#include "lab/simulate_people.h"
#include "wire/json_writer.h"

enum {
    SIMULATE_SCORE_WINDOW_S = 30,
    SIMULATE_SCORE_STEP_S = 2,
    SIMULATE_SCORE_POINTS = 300,
    SIMULATE_SCORE_CHANGES = 8
};

struct simulate_score_count {
    uint64_t impressions;
    uint64_t clicks;
};

struct simulate_score_second {
    int64_t second;
    uint64_t events;
    struct simulate_score_count arms[SIMULATE_ARMS];
};

struct simulate_score_change {
    int64_t at_ms;
    uint32_t category;
    double share;
};

struct simulate_score {
    struct simulate_score_second seconds[SIMULATE_SCORE_WINDOW_S];
    struct simulate_score_count totals[SIMULATE_ARMS];
    uint64_t events;
    float history[SIMULATE_ARMS][SIMULATE_SCORE_POINTS]; /* -1: nobody looked */
    int64_t history_at_ms;                               /* of the newest point; 0: none */
    uint32_t history_next;
    uint32_t history_count;
    struct simulate_score_change changes[SIMULATE_SCORE_CHANGES];
    uint32_t change_count;                               /* so far; the last SIMULATE_SCORE_CHANGES are kept */
};

void simulate_score_init(struct simulate_score *score);
void simulate_score_add(struct simulate_score *score, int64_t now_ms, enum simulate_arm arm, uint32_t impressions, uint32_t clicks);
void simulate_score_events(struct simulate_score *score, int64_t now_ms, uint32_t count);
void simulate_score_change(struct simulate_score *score, int64_t now_ms, uint32_t category, double share);
/* Adds a point to the history where one is due. */
void simulate_score_tick(struct simulate_score *score, int64_t now_ms);
/* Sums of the last SIMULATE_SCORE_WINDOW_S seconds. */
struct simulate_score_count simulate_score_window(const struct simulate_score *score, int64_t now_ms, enum simulate_arm arm);
const char *simulate_score_arm(enum simulate_arm arm); /* "for_you" */
/* Members arms, history, changes, events, events_per_s, window_s of the open object. */
void simulate_score_write(const struct simulate_score *score, int64_t now_ms, const uint32_t visitors[SIMULATE_ARMS], struct json_writer *out);

#endif
