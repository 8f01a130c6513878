/* layout.h - declared features compiled once into a fixed record layout.
 *
 * Each entity (user, session, content, category, global) has one layout: a list of features,
 * each a few words at an offset.  A record is the entity's words, starting as zeros.
 * Words are read and written through base/shared.h, so that others may read a record that
 * its one writer changes.
 *
 * Windows are rings of 60 buckets in event time: the value at `now` is the sum of the
 * buckets b with (b+1)*W/60 > now - W.  An event older than the window adds nothing.
 * Decayed weights take v * 2^(-(last - t)/H).  Two features that need the same ring share it.
 *
 * Threads: the layout is read-only after compile; a record has one writer.
 * Memory:  the layout is inline; records are the caller's, layout.entity_bytes[e] each, 8-aligned.
 * Failure: compile returns STATUS_SETTING naming the feature and the reason; apply and read cannot fail.
 */
#ifndef FEATURE_LAYOUT_H
#define FEATURE_LAYOUT_H

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"
#include "schema/event_type.h"

enum feature_entity { FEATURE_USER, FEATURE_SESSION, FEATURE_CONTENT, FEATURE_CATEGORY, FEATURE_GLOBAL, FEATURE_ENTITY_COUNT };

enum feature_kind {
    FEATURE_COUNT,             /* events of `types`, in a window or in total */
    FEATURE_SUM,               /* of `field` (value, dwell_ms, duration_ms, engagement), thousandths kept */
    FEATURE_MEAN,              /* sum / count */
    FEATURE_RATE,              /* (count of types + prior) / (count of per + prior + prior_per) */
    FEATURE_LAST,              /* last value of `field`, or time of the last event of types */
    FEATURE_RECENT,            /* the last n contents: user only, n <= PROFILE_RECENT */
    FEATURE_CATEGORIES,        /* decayed weight by category, for two half-lives */
    FEATURE_SESSION_DURATION,  /* ms from first to last event of the open session */
    FEATURE_ENGAGEMENT,        /* of the open session */
    FEATURE_KIND_COUNT
};

enum {
    FEATURE_MAX = 64, FEATURE_NAME_MAX = 48, FEATURE_BUCKETS = 60, FEATURE_CATEGORY_SLOTS = 8,
    FEATURE_RECENT_MAX = 20,
    FEATURE_ENTRIES = 20,         /* of a value: the larger of both */
    FEATURE_CELL_MAX = 2 * FEATURE_MAX
};

#define FEATURE_TYPES_ALL UINT32_MAX

/* As declared in the settings. types_mask: bit per event type; 0: every type with content;
 * FEATURE_TYPES_ALL: those without content too.
 * A feature of kind count, sum or mean may be fed by ended sessions instead of events:
 * on_session_end. */
struct feature_declaration {
    char name[FEATURE_NAME_MAX];
    uint8_t entity;
    uint8_t kind;
    uint32_t types_mask;
    uint32_t per_mask;        /* rate: the denominator's types */
    uint8_t field;            /* enum feature_field */
    bool on_session_end;
    uint64_t window_ms;       /* 0: total */
    uint64_t half_life_ms[2]; /* categories */
    uint32_t n;               /* recent */
    double prior;             /* rate */
    double prior_per;
    char place[160];          /* file:line of the declaration */
};

enum feature_field { FEATURE_FIELD_NONE, FEATURE_FIELD_VALUE, FEATURE_FIELD_DWELL, FEATURE_FIELD_DURATION, FEATURE_FIELD_ENGAGEMENT };

/* One ring, or one group of words, of a record.  Features that need the same one share it. */
enum feature_cell_kind { CELL_COUNT_TOTAL, CELL_COUNT_RING, CELL_SUM_TOTAL, CELL_SUM_RING, CELL_LAST, CELL_CATEGORIES };

struct feature_cell {
    uint8_t kind;             /* enum feature_cell_kind */
    uint8_t entity;
    uint8_t field;            /* FEATURE_FIELD_NONE: counts whatever matches; else only facts that have the field */
    bool on_session_end;
    uint32_t types_mask;
    uint32_t offset;          /* in the record */
    uint64_t window_ms;
    uint64_t half_life_ms[2];
};

struct feature {
    struct feature_declaration declared;
    uint32_t offset;          /* of its first ring or words in the record */
    uint32_t offset_second;   /* count ring of a mean, denominator of a rate */
};

struct layout {
    struct feature features[FEATURE_MAX];
    struct feature_cell cells[FEATURE_CELL_MAX];      /* those of an entity stand together */
    uint32_t feature_count;
    uint32_t cell_first[FEATURE_ENTITY_COUNT + 1];    /* cells of e: cell_first[e] .. cell_first[e + 1] - 1 */
    uint32_t entity_bytes[FEATURE_ENTITY_COUNT]; /* multiples of 8 */
    uint64_t version;         /* hash of the declarations */
};

/* What one event, or one ended session, tells the features.  time_ms is the event time but
 * not later than received_at: the caller takes the smaller (window.h says why). */
struct fact {
    uint8_t type;             /* event type */
    bool is_session_end;
    float strength;
    int64_t time_ms;          /* min(event time, received_at) */
    int64_t dwell_ms;         /* -1: absent */
    double value;             /* NaN: absent */
    int64_t duration_ms;      /* session end */
    double engagement;        /* session end */
    uint8_t category_count;
    uint64_t categories[8];   /* keyed hashes */
};

/* A feature's value as read at a moment. */
struct feature_value {
    double number;
    bool is_absent;           /* nothing counted yet (mean, last), or read elsewhere */
    uint32_t entry_count;     /* entries below, also in number for these two kinds */
    /* categories: keyed hash and the two weights, heaviest (sum of both) first;
     * recent (profile_read): content, {epoch seconds, event type}, newest first */
    struct { uint64_t key; double weight[2]; } entries[FEATURE_ENTRIES];
};

/* The defaults that design.md section 6 names; returns how many were written. */
uint32_t layout_defaults(struct feature_declaration *declarations, uint32_t capacity);
enum status layout_compile(struct layout *layout, const struct feature_declaration *declarations, uint32_t count,
                           const struct event_types *types, struct problem *problem) MUST_CHECK;
/* "count", "user": for pages. */
const char *layout_kind_name(uint8_t kind);
const char *layout_entity_name(uint8_t entity);
/* FEATURE_ENTITY_COUNT when there is none of that name. */
enum feature_entity layout_entity_find(struct slice name);
/* Carries a record over to another layout: what both hold keeps its words, what is new starts
 * empty. to_record is filled whole. */
void layout_carry(const struct layout *from, const void *from_record, const struct layout *to, void *to_record,
                  enum feature_entity entity);

bool layout_is_same_cell(const struct feature_cell *a, const struct feature_cell *b); /* but for the offset */

const struct feature *layout_find(const struct layout *layout, enum feature_entity entity, const char *name);

/* Writer: applies a fact to all features of the entity that it concerns. */
void layout_apply(const struct layout *layout, enum feature_entity entity, void *record, const struct fact *fact);
/* Any thread: value at now_ms.  Kinds recent, session_duration and engagement are read from
 * the profile (feature/profile.h) and give is_absent here. */
void layout_read(const struct feature *feature, const void *record, int64_t now_ms, struct feature_value *value);

#endif
