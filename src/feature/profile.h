/* profile.h - all that the engine keeps about one person.
 *
 * A profile is a fixed head (identity, open session, recent contents) followed by the
 * declared features of the entity user.  In memory and in the changelog it is kept packed:
 * a bitmap of its 8-byte words and the words that are not zero, so that a newcomer costs
 * 200 bytes and empty window buckets cost nothing.
 *
 * Threads: pure.
 * Memory:  the caller's; profile_bytes(layout) whole, at most profile_packed_max packed.
 * Failure: profile_unpack returns false when the bytes are not a packed profile of this layout.
 */
#ifndef FEATURE_PROFILE_H
#define FEATURE_PROFILE_H

#include "base/hash.h"
#include "feature/layout.h"
#include "schema/event.h"

enum { PROFILE_RECENT = 20, PROFILE_DISLIKED = 8, PROFILE_SEEN_WORDS = 8 };

struct profile_recent {
    uint64_t content;          /* keyed hash; 0: empty */
    uint32_t time_s;           /* epoch seconds of the event */
    uint8_t type;              /* event type */
    uint8_t is_in_session;     /* belongs to the session that was open when it came */
    uint16_t session_number;   /* low bits of sessions_total then: which session it belongs to */
};

/* Sessions (design: features): an event joins if |timestamp - last| <= gap; a later one
 * closes it and opens another; one earlier than start - gap counts to none. */
struct profile_session {
    uint64_t id;               /* keyed hash of user and opening offset; 0: none open */
    int64_t start_ms;
    int64_t last_ms;
    uint32_t event_count;
    uint32_t impression_count;
    double strength_sum;       /* sum of strength * (1 + ln(1 + min(dwell_s, 300)/10)) */
};

struct profile {
    struct hash128 key;
    int64_t first_seen_ms;     /* event time of the first event */
    int64_t last_received_ms;
    int64_t timer_at_ms;       /* armed deadline; 0: none */
    uint64_t last_offset;      /* of user_interactions: the newest event that is in here */
    uint32_t events_total;
    uint32_t sessions_total;
    uint64_t trend_content[4]; /* which contents counted for trends in trend_minute */
    uint32_t trend_minute;
    uint8_t trend_count;
    uint8_t device;            /* last seen */
    uint8_t country[2];        /* last seen; 0: unknown */
    uint64_t reserved;
    struct profile_session session;
    struct profile_recent recent[PROFILE_RECENT]; /* newest first */
    uint64_t disliked[PROFILE_DISLIKED];          /* newest first */
    uint64_t seen[PROFILE_SEEN_WORDS];            /* Bloom filters of contents seen: now and before, 256 bits each */
    /* the declared features of FEATURE_USER follow */
};

/* Whole size in bytes, a multiple of 8. */
uint32_t profile_bytes(const struct layout *layout);
uint32_t profile_packed_max(const struct layout *layout);
void profile_init(struct profile *profile, const struct layout *layout, struct hash128 key);
static inline void *profile_features(struct profile *profile) { return profile + 1; }
static inline const void *profile_features_const(const struct profile *profile) { return profile + 1; }

/* Bytes written; size of packed is profile_packed_max. */
uint32_t profile_pack(const struct profile *profile, const struct layout *layout, void *packed);
bool profile_unpack(const void *packed, uint32_t size, const struct layout *layout, struct profile *profile);

/* What happened to the session when an event came. */
struct profile_session_change {
    bool has_ended;            /* the one before: below as it was */
    struct profile_session ended;
    bool has_opened;
    bool is_outside;           /* the event counts to no session */
};

struct profile_rules {
    const struct event_types *types;
    const struct layout *layout;
    const struct hash_key *key;
    int64_t session_gap_ms;
};

/* Applies an event to head and features.  time_ms is its event time (never absent here),
 * offset its place in the partition. */
void profile_apply(struct profile *profile, const struct profile_rules *rules, const struct event *event,
                   int64_t time_ms, int64_t received_at_ms, uint64_t offset, struct profile_session_change *change);
/* Ends the open session if it is over at now_ms (last + gap < now); true if it did. */
bool profile_expire(struct profile *profile, const struct profile_rules *rules, int64_t now_ms,
                    struct profile_session *ended);
/* Earliest moment at which profile_expire would do something; 0: never. */
int64_t profile_deadline(const struct profile *profile, const struct profile_rules *rules);
double profile_engagement(const struct profile_session *session);
int64_t profile_session_duration_ms(const struct profile_session *session);
/* Probably seen: always true of the last 40 contents, false alarms at most 1 in 4.  (One filter that
 * never forgets would call everything seen after a few hundred contents.) */
bool profile_has_seen(const struct profile *profile, uint64_t content);
bool profile_has_disliked(const struct profile *profile, uint64_t content);
/* Is this entry of profile->recent part of the session that is open now? */
bool profile_is_in_session(const struct profile *profile, const struct profile_recent *recent);
/* Before profile_apply: would this content be a step, that is, not the newest one again? */
bool profile_is_step(const struct profile *profile, uint64_t content);
/* Takes this person's one count for trends of this content in the minute of time_ms; false
 * when it is taken, or 4 other contents are.  profile_apply does not touch it. */
bool profile_take_trend(struct profile *profile, uint64_t content, int64_t time_ms);
/* "new" (first session), "heavy" (7 sessions or more and at least one a day), "returning" */
const char *profile_segment(const struct profile *profile, int64_t now_ms);
/* Any declared feature of user or session, including those read from the head. */
void profile_read(const struct profile *profile, const struct feature *feature, int64_t now_ms,
                  struct feature_value *value);

#endif
