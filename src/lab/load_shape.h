/* load_shape.h - the requests of the standard workload (docs: bench/workload.yaml).
 *
 * EVENTS           a body of many events: users Zipf 0.8, contents Zipf 0.99, sessions of
 *                  geometric length, about 300 bytes an event, each with an event_id
 * PAIRS            one event, then that user's list with the position of the acknowledgement;
 *                  passes if as_of covers the position and degraded is null
 * RECOMMENDATIONS  lists of users drawn as for events
 *
 * Events of many sessions are interleaved: SESSIONS are open at a time, each event belongs to
 * one of them at random, and each ends with probability 1 / session_mean after an event.
 * Users are "u<rank>", contents "c<rank>"; the stream is a function of the seed and the clock.
 *
 * Threads: one (load_run's).
 * Memory:  8 bytes a user and a content, 32 a connection.
 * Failure: create returns STATUS_MEMORY.
 */
#ifndef LAB_LOAD_SHAPE_H
#define LAB_LOAD_SHAPE_H

#include "lab/load.h"

enum load_shape_kind { LOAD_SHAPE_EVENTS, LOAD_SHAPE_PAIRS, LOAD_SHAPE_RECOMMENDATIONS };

struct load_shape_config {
    enum load_shape_kind kind;
    uint64_t seed;
    uint32_t users;
    uint32_t contents;
    uint32_t events_per_body;
    uint32_t connections;   /* as in load_config */
    double user_exponent;
    double content_exponent;
    double session_mean;
    const char *query;      /* of recommendations, e.g. "n=10&record=0"; NULL: none */
};

struct load_shape_counts {
    uint64_t events;      /* sent */
    uint64_t accepted;    /* as the answers say */
    uint64_t not_covered; /* pairs whose list does not show their event */
    uint64_t degraded;    /* lists that say so */
    uint64_t empty;       /* lists without items */
    uint64_t refused;     /* answers other than 200 */
};

struct load_shape;

/* The standard workload's numbers: 1M users, 100k contents, 100 events a body. */
void load_shape_defaults(struct load_shape_config *config, enum load_shape_kind kind);
enum status load_shape_create(struct load_shape **shape, const struct load_shape_config *config) MUST_CHECK;
void load_shape_destroy(struct load_shape *shape);
/* Largest request in bytes: request_bytes of load_config. */
size_t load_shape_request_bytes(const struct load_shape *shape);
const struct load_shape_counts *load_shape_counts(const struct load_shape *shape);

/* The callbacks of load_config; context is the shape. */
void load_shape_begin(void *shape, uint32_t connection, struct load_request *request);
enum load_verdict load_shape_judge(void *shape, uint32_t connection, const struct load_answer *answer,
                                   struct load_request *request);

/* Does as_of reach want?  Both "partition:offset,..."; every partition of want must be in as_of
 * with at least its offset. */
bool load_shape_covers(struct slice as_of, struct slice want);

#endif
