/* trend.h - what many people turn to now: everywhere, by country, by device, by both.
 *
 * Everywhere is exact: each content has its own decayed weight, and the 256 heaviest stand
 * in a list.  A scope has its own list of 64.  Half-life 30 minutes of event time.
 *
 * Threads: the writer.
 * Memory:  the model's image: 520 bytes a scope that was ever named.
 * Failure: cannot fail.
 */
#ifndef MODEL_TREND_H
#define MODEL_TREND_H

#include "model/tables.h"

/* country: two upper-case letters, anything else is none; device: enum device. */
void trend_add(struct model *model, uint32_t slot, struct slice country, uint8_t device, int64_t time_ms);
/* The slot changes hands: it leaves the list. */
void trend_forget(struct model *model, uint32_t slot);

#endif
