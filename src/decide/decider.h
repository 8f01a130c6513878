/* decider.h - the scratch of one thread that decides.
 *
 * Threads: one per struct decider.
 * Memory:  inline, about 500 KiB; nothing per answer.
 * Failure: decider_create STATUS_MEMORY (decide.h).
 */
#ifndef DECIDE_DECIDER_H
#define DECIDE_DECIDER_H

#include "decide/decide.h"
#include "decide/scorer.h"
#include "decide/session_knn.h"

struct decider {
    const struct model *model;
    const struct layout *layout;
    const struct feature *categories;    /* of the user; NULL: not declared */
    struct decide_options options;
    uint32_t slots[SESSION_KNN_RECENTS_MAX];
    uint32_t slot_count;
    uint32_t current;                    /* slot of the current content */
    uint32_t category;                   /* slot that is asked for; MODEL_NONE: any */
    uint16_t placed_categories[DECIDE_ITEMS_MAX * MODEL_CONTENT_CATEGORIES];
    uint32_t placed_count;
    struct candidates candidates;
    struct session_knn knn;
    struct scorer scorer;
};

#endif
