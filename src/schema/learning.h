/* learning.h - what a task tells the learners: the one record of the topic `learn`.
 *
 * schemas/learn.avsc, Confluent framing.  Users appear as keyed hashes only.  `source` names
 * the record that caused it, so that the log can drop what it already has.
 *
 * Threads: any; pure.
 * Memory:  slices are borrowed.
 * Failure: learning_decode returns STATUS_CORRUPT.
 */
#ifndef SCHEMA_LEARNING_H
#define SCHEMA_LEARNING_H

#include "schema/event.h"

enum { LEARNING_SCHEMA_ID = 3 };

enum learning_kind {
    LEARNING_EVENT,       /* somebody did something with a content */
    LEARNING_SESSION_END, /* a session is closed; fields: user, session, timestamp, value = engagement, dwell_ms = duration */
    LEARNING_CONTENT,     /* a row of the catalogue changed */
    LEARNING_KIND_COUNT
};

struct learning {
    uint8_t kind;            /* enum learning_kind */
    uint8_t type;            /* LEARNING_EVENT: index into struct event_types, by name on the wire; of the
                              * other kinds not written, decodes to EVENT_TYPE_UNKNOWN */
    uint8_t device;
    uint8_t category_count;
    bool is_late;
    bool is_trend;           /* counts for trends: the first of this user, content and minute */
    bool is_step;            /* teaches neighbours: its type says so and it is not the content before */
    bool is_hidden;          /* LEARNING_CONTENT */
    bool is_deleted;         /* LEARNING_CONTENT */
    uint16_t source_partition; /* of user_interactions; 0xffff: topic content */
    uint64_t source_offset;
    uint32_t source_index;   /* of several records that one source record caused */
    uint64_t user;           /* keyed hash; 0: none */
    uint64_t session;        /* keyed hash of user and the offset that opened it; 0: none */
    uint32_t step;           /* number of the event in its session, from 0 */
    struct slice content_id;
    struct slice country;
    struct slice categories[EVENT_CATEGORY_MAX];
    int64_t timestamp_ms;    /* always present here */
    int64_t received_at_ms;
    int64_t dwell_ms;        /* -1: absent */
    double value;            /* NaN: absent */
    int64_t published_at_ms; /* LEARNING_CONTENT; of the other kinds not written, decodes to EVENT_TIME_ABSENT */
    int64_t expires_at_ms;   /* the same */
};

uint32_t learning_encoded_max(const struct learning *record);
uint32_t learning_encode(const struct learning *record, const struct event_types *types, char *out);
enum status learning_decode(struct slice bytes, const struct event_types *types, struct learning *record) MUST_CHECK;

#endif
