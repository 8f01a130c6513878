/* What one record of `learn` does to the tables.
 *
 * The tables are larger than the caches, so the loop touches what a record needs in two
 * strokes before it is applied: index cells first, then the rows they lead to. */
#include "engine/learner.h"

#include <math.h>

#include "engine/learner_state.h"
#include "model/category_table.h"
#include "model/content_table.h"
#include "model/session_index.h"
#include "model/trend.h"

enum { CACHE_LINE = 64 };

/* Windows never count ahead of what was received (feature/window.h). */
static int64_t time_of(const struct learning *record)
{
    return record->timestamp_ms < record->received_at_ms ? record->timestamp_ms : record->received_at_ms;
}

static bool has_cells(const struct learner *learner, enum feature_entity entity)
{
    const struct layout *layout = &learner->config->layout;
    return layout->cell_first[entity] != layout->cell_first[entity + 1];
}

static void fill_fact(struct learner *learner, const struct learning *record)
{
    const struct event_types *types = &learner->config->types;
    struct fact *fact = &learner->fact;
    bool is_end = record->kind == LEARNING_SESSION_END;
    fact->type = is_end ? (uint8_t)EVENT_SESSION_END : record->type;
    fact->is_session_end = is_end;
    fact->strength = !is_end && record->type < types->count ? types->rows[record->type].strength : 0;
    fact->time_ms = time_of(record);
    fact->dwell_ms = is_end ? -1 : record->dwell_ms;
    fact->value = is_end ? NAN : record->value;
    fact->duration_ms = is_end ? record->dwell_ms : 0;
    fact->engagement = is_end ? record->value : 0;
    fact->category_count = 0;
}

/* Category slots of the record's names; fills the fact's keys. Returns how many have slots. */
static uint32_t take_categories(struct learner *learner, const struct learning *record, uint16_t slots[MODEL_CONTENT_CATEGORIES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < record->category_count && i < MODEL_CONTENT_CATEGORIES; i++) {
        struct slice name = record->categories[i];
        uint64_t key = hash_64(learner->key, name.data, name.size);
        uint32_t slot = category_table_take(learner->model, name, key);
        learner->fact.categories[learner->fact.category_count++] = key;
        if (slot != MODEL_NONE)
            slots[count++] = (uint16_t)slot;
    }
    return count;
}

static uint32_t catalogue_categories(const struct learner *learner, uint32_t slot, uint16_t slots[MODEL_CONTENT_CATEGORIES])
{
    const struct content_row *row = &learner->model->contents[slot];
    for (uint32_t i = 0; i < row->category_count; i++)
        slots[i] = row->categories[i];
    return row->category_count;
}

static void count_categories(struct learner *learner, const struct learning *record, uint32_t content_slot,
                             const uint16_t *slots, uint32_t count)
{
    struct model *model = learner->model;
    for (uint32_t i = 0; i < count; i++) {
        if (has_cells(learner, FEATURE_CATEGORY))
            layout_apply(&learner->config->layout, FEATURE_CATEGORY, model_category_features(model, slots[i]), &learner->fact);
        if (record->is_trend && content_slot != MODEL_NONE)
            category_table_add(model, slots[i], content_table_reference(model, content_slot), learner->fact.time_ms);
    }
}

/* Slot of the event's content; MODEL_NONE when it names none or none is wanted. */
static uint32_t take_content(struct learner *learner, const struct learner_staged *staged)
{
    const struct learning *record = &staged->record;
    if (staged->content == 0)
        return MODEL_NONE;
    if (learner->config->options.unknown_content != 0)
        return model_content_find(learner->model, staged->content);
    return content_table_take(learner->model, record->content_id, staged->content, time_of(record));
}

static void learn_content(struct learner *learner, const struct learning *record, uint32_t slot)
{
    struct model *model = learner->model;
    const struct fact *fact = &learner->fact;
    bool is_wanted = fact->strength > 0;
    content_table_note(model, slot, is_wanted ? record->user : 0, fact->time_ms);
    if (has_cells(learner, FEATURE_CONTENT))
        layout_apply(&learner->config->layout, FEATURE_CONTENT, model_content_features(model, slot), fact);
    if (tables_flags(model->briefs[slot]) & CONTENT_DELETED)
        return;
    if (record->is_trend)
        trend_add(model, slot, record->country, record->device, fact->time_ms);
    if (record->is_step && record->session != 0)
        session_index_step(model, record->session, slot, fact->time_ms, !record->is_late);
}

static void apply_event(struct learner *learner, const struct learner_staged *staged)
{
    const struct learning *record = &staged->record;
    uint16_t categories[MODEL_CONTENT_CATEGORIES];
    fill_fact(learner, record);
    if (has_cells(learner, FEATURE_GLOBAL))
        layout_apply(&learner->config->layout, FEATURE_GLOBAL, model_global_features(learner->model), &learner->fact);
    uint32_t slot = take_content(learner, staged);
    uint32_t count = take_categories(learner, record, categories);
    if (slot != MODEL_NONE) {
        if (count > 0)
            content_table_classify(learner->model, slot, categories, count);
        else
            count = catalogue_categories(learner, slot, categories);
        learn_content(learner, record, slot);
    }
    count_categories(learner, record, slot, categories, count);
    SHARED_ADD(learner->events, 1);
}

static void apply_content(struct learner *learner, const struct learner_staged *staged)
{
    const struct learning *record = &staged->record;
    struct model *model = learner->model;
    model_set_position(model, LEARNER_POSITION_CONTENT, record->source_offset + 1);
    SHARED_ADD(learner->contents, 1);
    if (staged->content == 0)
        return;
    uint32_t slot = content_table_take(model, record->content_id, staged->content, time_of(record));
    if (record->is_deleted) {
        content_table_delete(model, slot);
        return;
    }
    struct content_facts facts = {
        .document = record->source_offset,
        .published_at_ms = record->published_at_ms,
        .expires_at_ms = record->expires_at_ms,
        .is_hidden = record->is_hidden,
    };
    learner->fact.category_count = 0;
    facts.category_count = (uint8_t)take_categories(learner, record, facts.categories);
    content_table_put(model, slot, &facts);
}

static void apply_session_end(struct learner *learner, const struct learning *record)
{
    fill_fact(learner, record);
    if (has_cells(learner, FEATURE_GLOBAL))
        layout_apply(&learner->config->layout, FEATURE_GLOBAL, model_global_features(learner->model), &learner->fact);
    SHARED_ADD(learner->sessions_ended, 1);
}

void learner_apply_staged(struct learner *learner, const struct learner_staged *staged)
{
    switch ((enum learning_kind)staged->record.kind) {
    case LEARNING_EVENT:
        apply_event(learner, staged);
        break;
    case LEARNING_CONTENT:
        apply_content(learner, staged);
        break;
    case LEARNING_SESSION_END:
        apply_session_end(learner, &staged->record);
        break;
    case LEARNING_KIND_COUNT:
        break;
    }
    model_set_position(learner->model, LEARNER_POSITION_LEARN, staged->offset + 1);
}

void learner_apply_stage(const struct learner *learner, struct learner_staged *staged)
{
    const struct learning *record = &staged->record;
    const bool has_id = record->content_id.size > 0 && record->content_id.size <= EVENT_CONTENT_MAX;
    staged->content = has_id ? hash_64(learner->key, record->content_id.data, record->content_id.size) : 0;
    if (has_id)
        content_table_prefetch(learner->model, staged->content);
    if (record->is_step && record->session != 0)
        session_index_prefetch(learner->model, record->session);
}

void learner_apply_fetch(const struct learner *learner, const struct learner_staged *staged)
{
    const struct model *model = learner->model;
    uint32_t slot = model_content_find(model, staged->content);
    if (slot != MODEL_NONE) {
        const char *record = model_content_features(model, slot);
        __builtin_prefetch(&model->contents[slot], 1);
        __builtin_prefetch(&model->briefs[slot], 1);
        for (uint32_t at = 0; at < model->state->parameters.content_bytes; at += CACHE_LINE)
            __builtin_prefetch(record + at, 1);
    }
    if (staged->record.is_step && staged->record.session != 0)
        session_index_prefetch_rows(model, staged->record.session);
}

void learner_apply(struct learner *learner, const struct learning *record, uint64_t offset)
{
    struct learner_staged staged = {.record = *record, .offset = offset};
    learner_apply_stage(learner, &staged);
    learner_apply_staged(learner, &staged);
}
