/* session_index.h - recent sessions, who was in them, and what follows what.
 *
 * Sessions lie in a ring, each with its newest 16 different contents.  A content has the
 * numbers of the 128 newest sessions of two contents or more that it was in.  Each step
 * also adds to the neighbours of the up to 10 contents before it: 1/d^2 for the d-th
 * (Hidasi's sequential rules with quadratic decay, Ludewig and Jannach 2018).
 *
 * Threads: the writer; session_index_find any.
 * Memory:  the model's image: 88 bytes a session, 512 + 256 a content.
 * Failure: cannot fail; the oldest session gives way.
 */
#ifndef MODEL_SESSION_INDEX_H
#define MODEL_SESSION_INDEX_H

#include "model/tables.h"

enum { SESSION_INDEX_STEPS = 10 };

/* Somebody's session came to a content. is_ordered: it is the newest of its session, so that
 * it also follows the others (false: it came late and only belongs to them). */
void session_index_step(struct model *model, uint64_t session, uint32_t slot, int64_t time_ms, bool is_ordered);
/* Number of a session that is in the ring; 0: none. */
uint32_t session_index_find(const struct model *model, uint64_t session);
/* In two strokes, the second some records later: what session_index_step will look at. */
void session_index_prefetch(const struct model *model, uint64_t session);
void session_index_prefetch_rows(const struct model *model, uint64_t session);

#endif
