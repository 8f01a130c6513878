#include "feature/layout.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

#define ONLY(type) (1U << (type))

/* A content without impressions is taken for one click in twenty until it shows otherwise. */
static const double CTR_PRIOR = 1, CTR_PRIOR_PER = 19;

static const struct feature_declaration DEFAULTS[] = {
    {.name = "clicks_10m", .entity = FEATURE_CONTENT, .kind = FEATURE_COUNT, .types_mask = ONLY(EVENT_CLICK), .window_ms = 10 * MINUTE_MS},
    {.name = "clicks_total", .entity = FEATURE_CONTENT, .kind = FEATURE_COUNT, .types_mask = ONLY(EVENT_CLICK)},
    {.name = "views_10m", .entity = FEATURE_CONTENT, .kind = FEATURE_COUNT, .types_mask = ONLY(EVENT_VIEW), .window_ms = 10 * MINUTE_MS},
    {.name = "views_total", .entity = FEATURE_CONTENT, .kind = FEATURE_COUNT, .types_mask = ONLY(EVENT_VIEW)},
    {.name = "ctr_1h", .entity = FEATURE_CONTENT, .kind = FEATURE_RATE, .types_mask = ONLY(EVENT_CLICK),
     .per_mask = ONLY(EVENT_IMPRESSION), .window_ms = HOUR_MS},
    {.name = "recent_categories", .entity = FEATURE_USER, .kind = FEATURE_CATEGORIES, .half_life_ms = {HOUR_MS, 7 * DAY_MS}},
    {.name = "recent_contents", .entity = FEATURE_USER, .kind = FEATURE_RECENT, .n = FEATURE_RECENT_MAX},
    {.name = "events_total", .entity = FEATURE_USER, .kind = FEATURE_COUNT, .types_mask = FEATURE_TYPES_ALL},
    {.name = "session_count_1d", .entity = FEATURE_USER, .kind = FEATURE_COUNT, .on_session_end = true, .window_ms = DAY_MS},
    {.name = "session_duration_mean_1d", .entity = FEATURE_USER, .kind = FEATURE_MEAN, .field = FEATURE_FIELD_DURATION,
     .on_session_end = true, .window_ms = DAY_MS},
    {.name = "engagement_mean_1d", .entity = FEATURE_USER, .kind = FEATURE_MEAN, .field = FEATURE_FIELD_ENGAGEMENT,
     .on_session_end = true, .window_ms = DAY_MS},
    {.name = "session_duration_ms", .entity = FEATURE_SESSION, .kind = FEATURE_SESSION_DURATION},
    {.name = "engagement", .entity = FEATURE_SESSION, .kind = FEATURE_ENGAGEMENT},
    {.name = "events_10m", .entity = FEATURE_GLOBAL, .kind = FEATURE_COUNT, .types_mask = FEATURE_TYPES_ALL, .window_ms = 10 * MINUTE_MS},
};

uint32_t layout_defaults(struct feature_declaration *declarations, uint32_t capacity)
{
    uint32_t count = sizeof DEFAULTS / sizeof DEFAULTS[0];
    if (count > capacity)
        count = capacity;
    for (uint32_t i = 0; i < count; i++) {
        declarations[i] = DEFAULTS[i];
        memcpy(declarations[i].place, "default", sizeof "default");
        if (declarations[i].kind == FEATURE_RATE) {
            declarations[i].prior = CTR_PRIOR;
            declarations[i].prior_per = CTR_PRIOR_PER;
        }
    }
    return count;
}
