/* event_type.h - what kinds of events there are and what each means, as rows of the settings.
 *
 * Shipped rows (design: features): view 1, click 2, like 4, save 4, share 5, purchase 8 are
 * steps between contents and count for trends; dislike -4 and impression 0 are about a
 * content but neither; session_start, session_end and identify name no content.
 *
 * The source is event_types.c.
 *
 * Threads: read-only after start.
 * Memory:  inline, at most EVENT_TYPE_MAX rows.
 * Failure: event_types_add returns STATUS_SETTING when full, doubled or badly named.
 */
#ifndef SCHEMA_EVENT_TYPE_H
#define SCHEMA_EVENT_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum { EVENT_TYPE_MAX = 32, EVENT_TYPE_NAME_MAX = 32, EVENT_TYPE_UNKNOWN = 255 };

/* The shipped types have fixed numbers; types of the settings follow. */
enum event_type_number {
    EVENT_VIEW, EVENT_CLICK, EVENT_LIKE, EVENT_DISLIKE, EVENT_SHARE, EVENT_SAVE, EVENT_PURCHASE,
    EVENT_IMPRESSION, EVENT_SESSION_START, EVENT_SESSION_END, EVENT_IDENTIFY,
    EVENT_TYPE_SHIPPED
};

struct event_type {
    char name[EVENT_TYPE_NAME_MAX];
    uint8_t name_size;
    bool has_content;   /* content_id is required */
    bool is_neighbour;  /* a step: teaches what follows what */
    bool is_trend;      /* counts for trends */
    float strength;
};

struct event_types {
    struct event_type rows[EVENT_TYPE_MAX];
    uint32_t count;
};

void event_types_init(struct event_types *types); /* the shipped rows */
/* Names are lower-case letters, digits and _.  A row of a shipped name takes its place: settings may change
 * what a view means.  A second row of any other name is refused. */
enum status event_types_add(struct event_types *types, const struct event_type *row, struct problem *problem) MUST_CHECK;
/* Index of the row, or EVENT_TYPE_UNKNOWN. */
uint8_t event_types_find(const struct event_types *types, struct slice name);

#endif
