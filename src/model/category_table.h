/* category_table.h - categories by name, and what is popular in each.
 *
 * A category gets a slot when an event or the catalogue first names it and keeps it.  Beyond
 * categories_max new ones get none and are counted: their contents are recommended by
 * everything else.  Each has the 64 contents with the heaviest decayed weight (half-life 1 day).
 *
 * Threads: the writer.
 * Memory:  the model's image: 640 bytes a category besides its features.
 * Failure: category_table_take returns MODEL_NONE when full.
 */
#ifndef MODEL_CATEGORY_TABLE_H
#define MODEL_CATEGORY_TABLE_H

#include "model/tables.h"

uint32_t category_table_take(struct model *model, struct slice name, uint64_t key);
void category_table_add(struct model *model, uint32_t category_slot, uint32_t reference, int64_t time_ms);

#endif
