/* model.h - the learner's tables in one image: contents, neighbours, sessions, trends, categories.
 *
 * An image is one mapping without pointers, so that it can be written whole and mapped
 * again.  A content is a slot (24 bits) and a generation (8 bits): a reference with an old
 * generation is dead.  Weights decay by inflation: w + 2^((t - epoch)/H), rescaled rarely.
 * The rows are in model/tables.h.  Writers are content_table.h, category_table.h,
 * session_index.h and trend.h; all of them are functions of what they are told, in its order,
 * so that equal logs give equal images, bit for bit.
 *
 * Threads: one writer (the learner); readers in place by base/shared.h.
 * Memory:  reserved at create for the capacities; touched as it fills.
 * Failure: model_create STATUS_MEMORY, model_map STATUS_CORRUPT; then cannot fail.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

#define MODEL_NONE UINT32_MAX
#define MODEL_NO_DOCUMENT UINT64_MAX

enum { MODEL_POSITIONS = 4, MODEL_PARTS_MAX = 32 };

struct model;

struct model_parameters {
    uint32_t contents_max;       /* at most 2^24 */
    uint32_t sessions_max;       /* a power of two, at most 2^24 */
    uint32_t categories_max;     /* at most 65,535 */
    uint32_t probation_users;
    uint32_t content_bytes;      /* of a feature record; multiples of 8 */
    uint32_t category_bytes;
    uint32_t global_bytes;
    uint32_t layout_bytes;       /* of the owner's description of these records, kept with them */
    uint64_t layout_version;
};

/* ---- the owner ---- */
enum status model_create(struct model **model, const struct model_parameters *parameters) MUST_CHECK;
void model_destroy(struct model *model);
const struct model_parameters *model_parameters(const struct model *model);
void model_set_probation(struct model *model, uint32_t users);
/* Copies everything but feature records and layout from a model of the same capacities. */
void model_take_over(struct model *model, const struct model *from);
/* Numbers of the owner that belong to the state (next offsets). */
void model_set_position(struct model *model, uint32_t which, uint64_t value);
uint64_t model_position(const struct model *model, uint32_t which);
void *model_layout(const struct model *model);

/* Feature records, 8-aligned, zeroed when a slot changes hands. Any thread reads. */
void *model_content_features(const struct model *model, uint32_t slot);
void *model_category_features(const struct model *model, uint32_t category_slot);
void *model_global_features(const struct model *model);

/* Equal for equal states. The writer, or anyone while it rests. */
uint64_t model_hash(const struct model *model);
/* Every reference leads to a slot, every index entry to its key, counts agree; false names what does not. */
bool model_check(const struct model *model, const char **what);

/* ---- files: the parts that hold anything ---- */
struct model_part {
    uint64_t image_offset;
    uint64_t bytes;              /* multiple of 4096 */
    uint64_t file_offset;        /* the owner's */
};
/* Parts as of now; returns how many. The bytes of a part are at model_part_data. */
uint32_t model_parts(const struct model *model, struct model_part parts[MODEL_PARTS_MAX]);
const void *model_part_data(const struct model *model, const struct model_part *part);
/* A model of these parameters whose parts lie in a file, mapped privately. */
enum status model_map(struct model **model, const struct model_parameters *parameters, int fd,
                      const struct model_part *parts, uint32_t part_count) MUST_CHECK;
/* Makes page i of a mapped part the process's own; any thread beside the writer. */
void model_own(const struct model *model, const struct model_part *part, uint64_t page);

struct model_counts {
    uint64_t contents, catalogued, evictions, sweeps, categories, categories_refused, sessions, bytes;
};
/* Any thread. */
void model_counts(const struct model *model, struct model_counts *counts);

/* ---- any thread ---- */
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
