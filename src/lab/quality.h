/* quality.h - how good a list of predictions was: hit rate, reciprocal rank, gain, coverage.
 *
 * A prediction is the rank at which the content that came next stood in the list (1 is
 * first, 0 is not in it).  There is one right answer, so NDCG@k is 1/log2(rank + 1) within k
 * and hit rate is recall.  Intervals are 95% percentile bootstraps over users, since the
 * predictions of one user are not independent.
 *
 * Threads: one.
 * Memory:  12 bytes a prediction, a bit a content.
 * Failure: STATUS_MEMORY.
 */
#ifndef LAB_QUALITY_H
#define LAB_QUALITY_H

#include <stdint.h>

#include "base/status.h"

enum { QUALITY_CUTS = 2, QUALITY_BOOTSTRAPS = 1000 };

struct quality_interval {
    double value, low, high;
};

struct quality_cut {
    uint32_t k;
    struct quality_interval hit_rate, mrr, ndcg;
};

struct quality_summary {
    uint64_t predictions, users;
    struct quality_cut cuts[QUALITY_CUTS]; /* k = 10 and 20 */
};

struct quality;

enum status quality_create(struct quality **quality) MUST_CHECK;
void quality_destroy(struct quality *quality);
/* user: any number that tells users apart. */
enum status quality_add(struct quality *quality, uint64_t user, uint32_t rank) MUST_CHECK;
/* seed of the bootstrap. */
enum status quality_summarize(struct quality *quality, uint64_t seed, struct quality_summary *summary) MUST_CHECK;

#endif
