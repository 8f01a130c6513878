/* session_knn.h - candidates from the recent sessions that are most like this person's.
 *
 * VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022) with the order within
 * sessions of STAN (Garg et al., SIGIR 2019).  The z-th newest content (z from 0) gives 0.8^z to
 * each of the 128 newest sessions it was in; the k with the most (of equals the newest) are
 * neighbours.  A neighbour whose newest shared content is the z-th adds its similarity * 0.8^z
 * * d^-0.7 to each of its contents that is d places from the shared one in it.  The idf factor
 * is applied where candidates are scored.  (Measured on four days of a shop against
 * ((L - z)/L)^2, 1/(z + 1) and no distance; see docs/decisions/0005.)
 *
 * Similarities are whole numbers, so the best k are found by counting, not sorting.
 *
 * Threads: one per struct session_knn.
 * Memory:  inline, about 90 KiB.
 * Failure: cannot fail.
 */
#ifndef DECIDE_SESSION_KNN_H
#define DECIDE_SESSION_KNN_H

#include "decide/candidates.h"
#include "model/tables.h"

enum {
    SESSION_KNN_RECENTS_MAX = 20,
    SESSION_KNN_K = 128,
    SESSION_KNN_SESSIONS_MAX = SESSION_KNN_RECENTS_MAX * MODEL_POSTINGS,
    SESSION_KNN_TABLE_BITS = 13,
    SESSION_KNN_UNIT = 256,            /* similarity of the newest content alone */
    SESSION_KNN_SIMILARITY_MAX = 1280  /* over the sum of 256 * 0.8^z */
};

struct session_knn_row {
    uint32_t number;
    uint16_t similarity;     /* times SESSION_KNN_UNIT */
    uint8_t recent;          /* the newest content shared: its z */
    uint8_t oldest;          /* the oldest content shared: a ring may name a long session twice */
};

struct session_knn {
    uint32_t count;
    uint16_t stamp;
    struct session_knn_row rows[SESSION_KNN_SESSIONS_MAX];
    uint64_t table[1 << SESSION_KNN_TABLE_BITS]; /* number << 32 | stamp << 16 | row */
    uint16_t histogram[SESSION_KNN_SIMILARITY_MAX + 1];
    uint32_t ages[SESSION_KNN_SESSIONS_MAX];
    struct session_knn_row neighbours[SESSION_KNN_K];
    uint32_t neighbour_count;
};

/* slots: the person's newest contents, the newest first; MODEL_NONE where unknown, which keeps its
 * place.  own: number of the person's own session, 0: none; it is no neighbour. */
void session_knn_gather(struct session_knn *knn, const struct model *model, const uint32_t *slots, uint32_t count, uint32_t own,
                        struct candidates *candidates);

#endif
