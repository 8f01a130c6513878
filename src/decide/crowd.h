/* crowd.h - candidates from tables about everybody: what follows, trends, categories, what is new.
 *
 * Threads: any.
 * Memory:  none.
 * Failure: cannot fail; an empty table adds nothing.
 */
#ifndef DECIDE_CROWD_H
#define DECIDE_CROWD_H

#include "decide/candidates.h"
#include "model/tables.h"

enum { CROWD_COVISIT_RECENTS = 4 };

/* Neighbours of the newest contents: the z-th (z from 0) adds 0.5^z * weight / sqrt(sessions + 1). */
void crowd_covisits(const struct model *model, const uint32_t *slots, uint32_t count, struct candidates *candidates);
void crowd_prefetch_covisits(const struct model *model, uint32_t slot);

struct crowd_part {
    float share;         /* what the heaviest of a list adds */
    float least_ratio;   /* of the heaviest: lighter ones are left out */
};

/* Trends of country and device, of the country, of the device or of all: the narrowest that
 * has enough of them. */
void crowd_trends(const struct model *model, const char country[2], uint8_t device, const struct crowd_part *part,
                  struct candidates *candidates);
void crowd_global_trends(const struct model *model, const struct crowd_part *part, struct candidates *candidates);
void crowd_category(const struct model *model, uint32_t category_slot, const struct crowd_part *part, struct candidates *candidates);
/* The newest of the catalogue; the newest of them 1. */
void crowd_new(const struct model *model, struct candidates *candidates);

#endif
