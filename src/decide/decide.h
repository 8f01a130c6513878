/* decide.h - from a profile and the learner's tables to a list with reasons.
 *
 * candidates (session-kNN, co-visitation, trends, category tops) -> filters -> scores ->
 * per slot {eligible set, draw} -> reasons and propensities.  Nothing moves an item after
 * its draw.  A pure function of its arguments but for tables that change while it reads.
 *
 * Threads: any; one struct decider per thread.
 * Memory:  the decider's scratch, taken at create; nothing per answer.
 * Failure: cannot fail; an answer without items says why (empty).
 */
#ifndef DECIDE_DECIDE_H
#define DECIDE_DECIDE_H

#include "base/metric.h"
#include "base/option.h"
#include "base/slice.h"
#include "base/status.h"
#include "feature/profile.h"
#include "model/model.h"

enum { DECIDE_ITEMS_MAX = 100, DECIDE_REASONS_MAX = 3, DECIDE_EXCLUDE_MAX = 100 };

enum reason_code {
    REASON_BECAUSE_YOU_VIEWED, REASON_SIMILAR_SESSIONS, REASON_TRENDING, REASON_POPULAR_IN_CATEGORY,
    REASON_NEW, REASON_EXPLORATION, REASON_COUNT
};

enum decide_seen { DECIDE_SEEN_OFF, DECIDE_SEEN_SESSION, DECIDE_SEEN_ALWAYS };

struct decide_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "decide/decide_options.def"
#undef OPTION
};

struct decide_request {
    const struct profile *profile;   /* NULL: nobody we know */
    uint32_t n;                      /* 1 .. DECIDE_ITEMS_MAX */
    int64_t now_ms;
    enum decide_seen exclude_seen;
    uint64_t exclude[DECIDE_EXCLUDE_MAX]; /* keyed hashes of content ids */
    uint32_t exclude_count;
    uint64_t category;               /* keyed hash; 0: any */
    uint64_t context_content;        /* the content being looked at; 0: the newest of the profile */
    bool is_current_allowed;         /* do not exclude the current content (evaluate) */
    char country[2];                 /* 0: unknown */
    uint8_t device;                  /* enum device */
};

struct answer_reason {
    uint8_t code;                    /* enum reason_code */
    uint32_t content_slot;           /* because_you_viewed; UINT32_MAX none */
    uint32_t category_slot;          /* popular_in_category; UINT32_MAX none */
    float weight;                    /* share of the score, 0..1 */
};

struct answer_item {
    uint32_t slot;                   /* of the content table */
    uint32_t id_size;
    char id[128];                    /* copied when drawn: identity is never stale */
    uint64_t document;               /* place of its document, MODEL_NO_DOCUMENT: none */
    double score;
    double propensity;
    uint32_t reason_count;
    struct answer_reason reasons[DECIDE_REASONS_MAX];
};

struct answer {
    uint32_t count;
    struct answer_item items[DECIDE_ITEMS_MAX];
    const char *empty;               /* reason why count is 0; else NULL */
    uint32_t candidate_count;
    const char *strategy;            /* "personalized", "trending" */
};

struct decider;

enum status decider_create(struct decider **decider, const struct model *model, const struct layout *layout,
                           const struct event_types *types, const struct decide_options *options) MUST_CHECK;
void decider_destroy(struct decider *decider);

void decide_recommend(struct decider *decider, const struct decide_request *request, struct answer *answer);
/* What is consumed together with a content (hash of its id); empty names the reason when unknown. */
void decide_similar(struct decider *decider, uint64_t content, uint32_t n, int64_t now_ms, struct answer *answer);
/* Trends of a country and device (0: all), global where these have none. */
void decide_trending(struct decider *decider, const char country[2], uint8_t device, uint64_t category, uint32_t n,
                     int64_t now_ms, struct answer *answer);
const char *decide_reason_name(uint8_t code);

#endif
