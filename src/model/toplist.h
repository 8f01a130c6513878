/* toplist.h - the heaviest k of a stream of weighted references, in a fixed table.
 *
 * Weights decay by inflation: instead of letting all weights shrink, what is added grows by
 * 2^((t - start of the epoch)/H).  An epoch lasts 64 half-lives; a list of an older epoch is
 * scaled by 2^-64 for each when it is next written.  The lightest entry gives way to a
 * newcomer, which starts at its own weight: what is forgotten was light.  (Space-Saving, where
 * a newcomer inherits the lightest weight, over-promotes noise in tables this small.)
 *
 * Threads: one writer; readers load references and weights word by word and may see an
 *          entry half changed: at worst one candidate scores as another for one answer.
 * Memory:  the caller's: references[k] and weights[k], k a multiple of 4; reference 0: empty.
 * Failure: cannot fail.
 */
#ifndef MODEL_TOPLIST_H
#define MODEL_TOPLIST_H

#include <stdint.h>

#include "base/shared.h"

enum { TOPLIST_EPOCH_HALF_LIVES = 64 };

/* The factor of what happens at time_ms in the epoch *epoch, which moves on with time. */
float toplist_inflation(uint32_t *epoch, int64_t time_ms, uint64_t half_life_ms);
/* Brings a list of epoch *list_epoch to epoch. */
void toplist_settle(uint32_t *list_epoch, uint32_t epoch, float *weights, uint32_t k);
/* What a weight of epoch list_epoch is worth in epoch; both directions. */
float toplist_scale(uint32_t list_epoch, uint32_t epoch);

/* Place of the reference; k when it is not there. The writer. */
uint32_t toplist_find(const uint32_t *references, uint32_t k, uint32_t reference);
/* Place of the lightest entry. The writer. */
uint32_t toplist_lightest(const float *weights, uint32_t k);
/* Adds to the reference's weight, or puts it in place of the lightest. Returns its place. */
uint32_t toplist_add(uint32_t *references, float *weights, uint32_t k, uint32_t reference, float weight);

#endif
