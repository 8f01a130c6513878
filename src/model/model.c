#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "model/content_table.h"

enum { VERSION = 1, SLOTS_MAX = 1 << MODEL_SLOT_BITS };

static const char MAGIC[8] = "penchmdl";

static_assert((int)MODEL_PARTS_MAX >= (int)TABLE_COUNT + 1, "a part for each table and the header");
static_assert((int)IMAGE_TABLES_MAX >= (int)TABLE_COUNT, "all tables fit");

static void plan_tables(const struct model_parameters *p, struct image_table_plan plan[TABLE_COUNT])
{
    const uint64_t contents = p->contents_max, sessions = p->sessions_max, categories = p->categories_max;
    const struct image_table_plan rows[TABLE_COUNT] = {
        [TABLE_BRIEFS] = {sizeof(uint64_t), contents, false},
        [TABLE_CONTENTS] = {sizeof(struct content_row), contents, false},
        [TABLE_IDS] = {128, contents, false},
        [TABLE_NEIGHBOURS] = {sizeof(struct content_neighbours), contents, false},
        [TABLE_POSTINGS] = {MODEL_POSTINGS * sizeof(uint32_t), contents, false},
        [TABLE_FEATURES] = {p->content_bytes, contents, false},
        [TABLE_INDEX] = {sizeof(uint64_t), cell_index_capacity(p->contents_max), true},
        [TABLE_CATEGORIES] = {sizeof(struct category_row), categories, false},
        [TABLE_CATEGORY_INDEX] = {sizeof(uint64_t), cell_index_capacity(p->categories_max), true},
        [TABLE_CATEGORY_FEATURES] = {p->category_bytes, categories, false},
        [TABLE_SCOPES] = {sizeof(struct trend_scope), MODEL_COUNTRIES * MODEL_DEVICES, true},
        [TABLE_GLOBAL_FEATURES] = {p->global_bytes, 1, true},
        [TABLE_SESSIONS] = {MODEL_SESSION_ITEMS * sizeof(uint32_t), sessions, false},
        [TABLE_OPENINGS] = {sizeof(uint64_t), sessions, false},
        [TABLE_NUMBERS] = {sizeof(uint64_t), cell_index_capacity(p->sessions_max), true},
        [TABLE_LAYOUT] = {p->layout_bytes, 1, true},
    };
    memcpy(plan, rows, sizeof rows);
}

static void place_tables(struct model *model, const struct model_parameters *p)
{
    const struct image *image = &model->image;
    model->state = image_header(image);
    model->briefs = image_rows(image, TABLE_BRIEFS);
    model->contents = image_rows(image, TABLE_CONTENTS);
    model->ids = image_rows(image, TABLE_IDS);
    model->neighbours = image_rows(image, TABLE_NEIGHBOURS);
    model->postings = image_rows(image, TABLE_POSTINGS);
    model->features = image_rows(image, TABLE_FEATURES);
    model->categories = image_rows(image, TABLE_CATEGORIES);
    model->category_features = image_rows(image, TABLE_CATEGORY_FEATURES);
    model->scopes = image_rows(image, TABLE_SCOPES);
    model->global_features = image_rows(image, TABLE_GLOBAL_FEATURES);
    model->sessions = image_rows(image, TABLE_SESSIONS);
    model->openings = image_rows(image, TABLE_OPENINGS);
    model->session_mask = p->sessions_max - 1;
    cell_index_init(&model->index, image_rows(image, TABLE_INDEX), cell_index_capacity(p->contents_max));
    cell_index_init(&model->category_index, image_rows(image, TABLE_CATEGORY_INDEX), cell_index_capacity(p->categories_max));
    cell_index_init(&model->numbers, image_rows(image, TABLE_NUMBERS), cell_index_capacity(p->sessions_max));
}

/* What model_create asserts of its caller and model_map refuses in a file. */
static bool is_plan(const struct model_parameters *p)
{
    return p->contents_max >= 64 && p->contents_max <= SLOTS_MAX && p->sessions_max >= 64 && p->sessions_max <= SLOTS_MAX &&
           (p->sessions_max & (p->sessions_max - 1)) == 0 && p->categories_max > 0 && p->categories_max <= UINT16_MAX &&
           p->content_bytes % 8 == 0 && p->category_bytes % 8 == 0 && p->global_bytes % 8 == 0;
}

enum status model_create(struct model **model, const struct model_parameters *parameters)
{
    const struct model_parameters *p = parameters;
    struct image_table_plan plan[TABLE_COUNT];
    ASSERT(is_plan(p));
    *model = calloc(1, sizeof **model);
    if (*model == NULL)
        return STATUS_MEMORY;
    plan_tables(p, plan);
    enum status status = image_create(&(*model)->image, plan, TABLE_COUNT);
    if (status != STATUS_OK) {
        free(*model);
        *model = NULL;
        return status;
    }
    place_tables(*model, p);
    struct model_state *state = (*model)->state;
    memcpy(state->magic, MAGIC, sizeof MAGIC);
    state->version = VERSION;
    state->parameters = *p;
    return STATUS_OK;
}

void model_destroy(struct model *model)
{
    if (model == NULL)
        return;
    image_destroy(&model->image);
    free(model);
}

const struct model_parameters *model_parameters(const struct model *model)
{
    return &model->state->parameters;
}

void model_set_probation(struct model *model, uint32_t users)
{
    model->state->parameters.probation_users = users;
}

void model_set_position(struct model *model, uint32_t which, uint64_t value)
{
    ASSERT(which < MODEL_POSITIONS);
    SHARED_RELEASE(model->state->position[which], value);
}

uint64_t model_position(const struct model *model, uint32_t which)
{
    ASSERT(which < MODEL_POSITIONS);
    return SHARED_ACQUIRE(model->state->position[which]);
}

void *model_layout(const struct model *model)
{
    return image_rows(&model->image, TABLE_LAYOUT);
}

void *model_content_features(const struct model *model, uint32_t slot)
{
    return model->features + (uint64_t)slot * model->state->parameters.content_bytes;
}

void *model_category_features(const struct model *model, uint32_t category_slot)
{
    return model->category_features + (uint64_t)category_slot * model->state->parameters.category_bytes;
}

void *model_global_features(const struct model *model)
{
    return model->global_features;
}

/* ---- parts ---- */

static uint64_t session_rows(const struct model *model)
{
    uint64_t newest = model->state->session_newest;
    return newest == 0 ? 0 : newest > model->session_mask ? model->session_mask + 1ULL : newest + 1;
}

uint32_t model_parts(const struct model *model, struct model_part parts[MODEL_PARTS_MAX])
{
    const struct model_state *state = model->state;
    struct image_extent extents[IMAGE_TABLES_MAX + 1];
    uint64_t rows[TABLE_COUNT];
    for (uint32_t i = 0; i < TABLE_COUNT; i++)
        rows[i] = i <= TABLE_INDEX ? state->content_used : 1;
    rows[TABLE_CATEGORIES] = state->category_count;
    rows[TABLE_CATEGORY_FEATURES] = state->category_count;
    rows[TABLE_SESSIONS] = session_rows(model);
    rows[TABLE_OPENINGS] = session_rows(model);
    uint32_t count = image_extents(&model->image, rows, extents);
    for (uint32_t i = 0; i < count; i++)
        parts[i] = (struct model_part){.image_offset = extents[i].offset, .bytes = extents[i].bytes};
    return count;
}

const void *model_part_data(const struct model *model, const struct model_part *part)
{
    return model->image.base + part->image_offset;
}

static bool is_sound(const struct model *model, const struct model_parameters *parameters)
{
    const struct model_state *state = model->state;
    return memcmp(state->magic, MAGIC, sizeof MAGIC) == 0 && state->version == VERSION &&
           memcmp(&state->parameters, parameters, sizeof *parameters) == 0 &&
           state->content_used <= parameters->contents_max && state->category_count <= parameters->categories_max;
}

enum status model_map(struct model **model, const struct model_parameters *parameters, int fd, const struct model_part *parts,
                      uint32_t part_count)
{
    *model = NULL;
    enum status status = is_plan(parameters) ? model_create(model, parameters) : STATUS_CORRUPT;
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < part_count && status == STATUS_OK; i++)
        status = image_map(&(*model)->image, fd, parts[i].file_offset,
                           (struct image_extent){parts[i].image_offset, parts[i].bytes});
    if (status == STATUS_OK && !is_sound(*model, parameters))
        status = STATUS_CORRUPT;
    if (status != STATUS_OK) {
        model_destroy(*model);
        *model = NULL;
    }
    return status;
}

void model_own(const struct model *model, const struct model_part *part, uint64_t page)
{
    ASSERT(page < part->bytes / IMAGE_PAGE);
    image_own(&model->image, part->image_offset + page * IMAGE_PAGE);
}

void model_take_over(struct model *model, const struct model *from)
{
    struct model_parameters parameters = model->state->parameters;
    struct model_part parts[MODEL_PARTS_MAX];
    uint32_t count = model_parts(from, parts);
    ASSERT(parameters.contents_max == from->state->parameters.contents_max);
    ASSERT(parameters.sessions_max == from->state->parameters.sessions_max);
    ASSERT(parameters.categories_max == from->state->parameters.categories_max);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t table = 0;
        while (table < TABLE_COUNT && from->image.tables[table].offset != parts[i].image_offset)
            table++;
        bool is_record = table == TABLE_FEATURES || table == TABLE_CATEGORY_FEATURES || table == TABLE_GLOBAL_FEATURES;
        if (is_record || table == TABLE_LAYOUT)
            continue;
        uint64_t offset = table == TABLE_COUNT ? 0 : model->image.tables[table].offset;
        memcpy(model->image.base + offset, model_part_data(from, &parts[i]), parts[i].bytes);
    }
    model->state->parameters = parameters;
}

uint64_t model_hash(const struct model *model)
{
    struct model_part parts[MODEL_PARTS_MAX];
    uint32_t count = model_parts(model, parts);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < count; i++)
        hash = hash_mix(hash ^ hash_checksum(model_part_data(model, &parts[i]), parts[i].bytes)) + parts[i].image_offset;
    return hash;
}

void model_counts(const struct model *model, struct model_counts *counts)
{
    const struct model_state *state = model->state;
    uint64_t newest = SHARED_LOAD(state->session_newest);
    *counts = (struct model_counts){
        .contents = SHARED_LOAD(state->content_live), .catalogued = SHARED_LOAD(state->catalogued),
        .evictions = SHARED_LOAD(state->evictions), .sweeps = SHARED_LOAD(state->sweeps),
        .categories = SHARED_LOAD(state->category_count), .categories_refused = SHARED_LOAD(state->categories_refused),
        .sessions = newest > model->session_mask ? model->session_mask + 1ULL : newest,
        .bytes = image_touched_bytes(&model->image),
    };
}

/* ---- any thread ---- */

static uint32_t find_content(const struct model *model, uint64_t content)
{
    uint32_t place = cell_index_home(&model->index, content), value;
    do
        value = cell_index_next(&model->index, content, &place);
    while (value != 0 && SHARED_LOAD(model->contents[value - 1].key) != content);
    return value - 1; /* 0 - 1 is MODEL_NONE */
}

uint32_t model_content_find(const struct model *model, uint64_t content)
{
    enum { TRIES = 4 };
    for (int i = 0; i < TRIES && content != 0; i++) {
        uint32_t before = SHARED_ACQUIRE(model->state->index_sequence);
        uint32_t slot = find_content(model, content);
        if (slot != MODEL_NONE || (before % 2 == 0 && SHARED_LOAD(model->state->index_sequence) == before))
            return slot;
    }
    return MODEL_NONE;
}

bool model_content_id(const struct model *model, uint32_t slot, char id[128], uint32_t *size)
{
    struct content_copy copy;
    if (slot >= SHARED_LOAD(model->state->content_used))
        return false;
    if (!content_table_copy(model, content_table_reference(model, slot), &copy))
        return false;
    memcpy(id, copy.id, copy.id_size);
    *size = copy.id_size;
    return true;
}

uint64_t model_content_key(const struct model *model, uint32_t slot)
{
    return slot < SHARED_LOAD(model->state->content_used) ? SHARED_LOAD(model->contents[slot].key) : 0;
}

uint64_t model_content_document(const struct model *model, uint32_t slot)
{
    return slot < SHARED_LOAD(model->state->content_used) ? SHARED_LOAD(model->contents[slot].document) - 1 : MODEL_NO_DOCUMENT;
}

uint32_t model_content_count(const struct model *model)
{
    return SHARED_LOAD(model->state->content_live);
}

uint32_t model_category_find(const struct model *model, uint64_t category)
{
    uint32_t place = cell_index_home(&model->category_index, category), value;
    do
        value = cell_index_next(&model->category_index, category, &place);
    while (value != 0 && model->categories[value - 1].key != category);
    return value - 1;
}

struct slice model_category_name(const struct model *model, uint32_t category_slot)
{
    if (category_slot >= SHARED_LOAD(model->state->category_count))
        return (struct slice){NULL, 0};
    const struct category_row *row = &model->categories[category_slot];
    return (struct slice){row->name, row->name_size};
}

/* ---- check ---- */

static bool is_reference(const struct model *model, uint32_t reference)
{
    return reference == 0 || tables_slot(reference) < model->state->content_used;
}

static bool check_list(const struct model *model, const uint32_t *references, const float *weights, uint32_t k)
{
    for (uint32_t i = 0; i < k; i++) {
        if (!is_reference(model, references[i]) || !(weights[i] >= 0) || weights[i] > 0x1p120F)
            return false;
        if (references[i] != 0 && toplist_find(references, k, references[i]) != i)
            return false;
    }
    return true;
}

static const char *check_contents(const struct model *model)
{
    const struct model_state *state = model->state;
    uint32_t live = 0, catalogued = 0, resting = 0;
    for (uint32_t slot = 0; slot < state->content_used; slot++) {
        const struct content_row *row = &model->contents[slot];
        uint32_t flags = tables_flags(model->briefs[slot]);
        resting += (flags & CONTENT_RESTING) != 0;
        if (row->sequence % 2 != 0)
            return "a row under change";
        if (!check_list(model, model->neighbours[slot].references, model->neighbours[slot].weights, MODEL_NEIGHBOURS))
            return "neighbours";
        if (!(flags & CONTENT_PRESENT))
            continue;
        live += (flags & CONTENT_DELETED) == 0;
        catalogued += (flags & CONTENT_CATALOGUED) != 0;
        if (model_content_find(model, row->key) != slot)
            return "the content index";
        if (row->trend_place != 0 && state->trend_references[row->trend_place - 1] != content_table_reference(model, slot))
            return "the trend list";
    }
    return live != state->content_live || catalogued != state->catalogued || resting != state->resting ? "the counts" : NULL;
}

static const char *check_sessions(const struct model *model)
{
    for (uint64_t row = 0; row < session_rows(model); row++) {
        const uint32_t *items = model->sessions[row];
        uint32_t count = toplist_find(items, MODEL_SESSION_ITEMS, 0);
        for (uint32_t i = 0; i < MODEL_SESSION_ITEMS; i++)
            if ((i < count) != (items[i] != 0) || !is_reference(model, items[i]))
                return "a session's contents";
    }
    return NULL;
}

bool model_check(const struct model *model, const char **what)
{
    const struct model_state *state = model->state;
    *what = check_contents(model);
    if (*what == NULL)
        *what = check_sessions(model);
    if (*what == NULL && !check_list(model, state->trend_references, state->trend_weights, MODEL_GLOBAL_TOPS))
        *what = "the trend list";
    for (uint32_t c = 0; *what == NULL && c < state->category_count; c++)
        if (!check_list(model, model->categories[c].references, model->categories[c].weights, MODEL_CATEGORY_TOPS))
            *what = "a category's tops";
    return *what == NULL;
}
