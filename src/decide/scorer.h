/* scorer.h - from sources to one score, and the best first.
 *
 * Each source is divided by its best, so that shares mean what they say; session-kNN is first
 * multiplied by 1 + 5 ln((S + 1)/(n + 1)).  score = a knn + (1 - a) covisit + trends +
 * categories + freshness.  What is dead, hidden, deleted, on probation or the current content is not
 * eligible.  The best of each block of 64 eligible candidates is kept: taking n of N costs
 * N + n (N / 64 + 64) comparisons without a branch to guess.  Of equal scores the one gathered first goes first, so that equal tables give
 * equal answers.
 *
 * Threads: one per struct scorer.
 * Memory:  inline, 28 KiB.
 * Failure: cannot fail.
 */
#ifndef DECIDE_SCORER_H
#define DECIDE_SCORER_H

#include "decide/candidates.h"
#include "model/tables.h"

struct scorer_shares {
    float knn, covisit, trend, category, fresh;
};

enum { SCORER_BLOCK = 64 };

struct scorer {
    uint32_t count;                  /* eligible */
    uint64_t keys[CANDIDATES_MAX];   /* score as bits << 32 | ~row; 0: taken */
    uint64_t bests[(CANDIDATES_MAX + SCORER_BLOCK - 1) / SCORER_BLOCK];
    struct scorer_shares unit;       /* what one of each source is worth: share / best */
};

/* current: slot that is not eligible, MODEL_NONE: none. Returns how many are eligible. */
uint32_t scorer_rank(struct scorer *scorer, const struct model *model, struct candidates *candidates,
                     const struct scorer_shares *shares, uint32_t current);
/* The best that was not yet taken; NULL at the end. */
const struct candidate *scorer_take(struct scorer *scorer, const struct candidates *candidates, float *score);

#endif
