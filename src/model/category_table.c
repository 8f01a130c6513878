#include "model/category_table.h"

#include <string.h>

uint32_t category_table_take(struct model *model, struct slice name, uint64_t key)
{
    struct model_state *state = model->state;
    uint32_t slot = model_category_find(model, key);
    if (slot != MODEL_NONE)
        return slot;
    if (state->category_count == state->parameters.categories_max) {
        SHARED_ADD(state->categories_refused, 1);
        return MODEL_NONE;
    }
    slot = state->category_count;
    image_reach(&model->image, TABLE_CATEGORIES, (uint64_t)slot + 1);
    image_reach(&model->image, TABLE_CATEGORY_FEATURES, (uint64_t)slot + 1);
    struct category_row *row = &model->categories[slot];
    row->key = key;
    row->epoch = state->category_epoch;
    row->name_size = (uint8_t)(name.size < MODEL_CATEGORY_NAME_MAX ? name.size : MODEL_CATEGORY_NAME_MAX);
    memcpy(row->name, name.data, row->name_size);
    SHARED_STORE(state->category_count, slot + 1);
    cell_index_add(&model->category_index, key, slot + 1); /* publishes the row */
    return slot;
}

void category_table_add(struct model *model, uint32_t category_slot, uint32_t reference, int64_t time_ms)
{
    struct model_state *state = model->state;
    struct category_row *row = &model->categories[category_slot];
    float inflation = toplist_inflation(&state->category_epoch, time_ms, MODEL_CATEGORY_HALF_LIFE_MS);
    toplist_settle(&row->epoch, state->category_epoch, row->weights, MODEL_CATEGORY_TOPS);
    (void)toplist_add(row->references, row->weights, MODEL_CATEGORY_TOPS, reference, inflation);
}
