#include "model/trend.h"

#include "model/content_table.h"

/* The global list holds exactly the heaviest: all weights decay alike, so order changes only
 * where something is added, and what is added to is compared with the lightest. */
static void add_everywhere(struct model *model, uint32_t slot, float inflation)
{
    struct model_state *state = model->state;
    struct content_row *row = &model->contents[slot];
    float weight = row->trend_weight * toplist_scale(row->trend_epoch, state->trend_epoch) + inflation;
    row->trend_epoch = state->trend_epoch;
    row->trend_weight = weight;
    uint32_t place = row->trend_place;
    if (place == 0) {
        uint32_t lightest = state->trend_lightest;
        if (weight <= state->trend_weights[lightest])
            return;
        uint32_t old = state->trend_references[lightest];
        if (old != 0)
            model->contents[tables_slot(old)].trend_place = 0;
        SHARED_STORE(state->trend_references[lightest], content_table_reference(model, slot));
        place = lightest + 1;
        row->trend_place = (uint16_t)place;
    }
    shared_store_float(&state->trend_weights[place - 1], weight);
    if (place - 1 == state->trend_lightest)
        state->trend_lightest = toplist_lightest(state->trend_weights, MODEL_GLOBAL_TOPS);
}

static void add_scope(struct model *model, uint32_t country, uint32_t device, uint32_t reference, float inflation)
{
    struct trend_scope *scope = &model->scopes[tables_scope(country, device)];
    toplist_settle(&scope->epoch, model->state->trend_epoch, scope->weights, MODEL_SCOPE_TOPS);
    (void)toplist_add(scope->references, scope->weights, MODEL_SCOPE_TOPS, reference, inflation);
}

void trend_add(struct model *model, uint32_t slot, struct slice country, uint8_t device, int64_t time_ms)
{
    struct model_state *state = model->state;
    const uint32_t unknown = MODEL_COUNTRIES - 1;
    uint32_t before = state->trend_epoch, where = country.size == 2 ? tables_country(country.data) : unknown;
    float inflation = toplist_inflation(&state->trend_epoch, time_ms, MODEL_TREND_HALF_LIFE_MS);
    if (before != state->trend_epoch)
        toplist_settle(&before, state->trend_epoch, state->trend_weights, MODEL_GLOBAL_TOPS);
    add_everywhere(model, slot, inflation);
    uint32_t reference = content_table_reference(model, slot), kind = device < MODEL_DEVICES ? device : 0;
    if (where != unknown)
        add_scope(model, where, 0, reference, inflation);
    if (kind != 0)
        add_scope(model, unknown, kind, reference, inflation);
    if (where != unknown && kind != 0)
        add_scope(model, where, kind, reference, inflation);
}

void trend_forget(struct model *model, uint32_t slot)
{
    struct model_state *state = model->state;
    struct content_row *row = &model->contents[slot];
    if (row->trend_place != 0) {
        uint32_t place = row->trend_place - 1U;
        SHARED_STORE(state->trend_references[place], 0);
        shared_store_float(&state->trend_weights[place], 0);
        state->trend_lightest = place;
    }
    row->trend_place = 0;
    row->trend_weight = 0;
}
