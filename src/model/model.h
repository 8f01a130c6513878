/* model.h - the learner's tables in one image: contents, neighbours, sessions, trends, categories.
 *
 * An image is one mapping without pointers, so that it can be written whole and mapped
 * again.  A content is a slot (24 bits) and a generation (8 bits): a reference with an old
 * generation is dead.  Weights decay by inflation: w + 2^((t - epoch)/H), rescaled rarely.
 *
 * Threads: one writer (the learner); readers in place by base/shared.h.
 * Memory:  reserved at create for the capacities; touched as it fills.
 * Failure: model_create STATUS_MEMORY; then cannot fail.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

#define MODEL_NONE UINT32_MAX
#define MODEL_NO_DOCUMENT UINT64_MAX

struct model;

/* Slot of a content by the keyed hash of its id; MODEL_NONE when unknown. Any thread. */
uint32_t model_content_find(const struct model *model, uint64_t content);
/* Copies the id; false when the slot is not (or no longer) that content's. Any thread. */
bool model_content_id(const struct model *model, uint32_t slot, char id[128], uint32_t *size);
/* Keyed hash of the slot's content; 0 when empty. */
uint64_t model_content_key(const struct model *model, uint32_t slot);
/* Place of the document in topic content; MODEL_NO_DOCUMENT when none. */
uint64_t model_content_document(const struct model *model, uint32_t slot);
uint32_t model_content_count(const struct model *model);
/* Category slot by keyed hash of its name, and its name. */
uint32_t model_category_find(const struct model *model, uint64_t category);
struct slice model_category_name(const struct model *model, uint32_t category_slot);

#endif
