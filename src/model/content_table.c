#include "model/content_table.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/maths.h"
#include "model/trend.h"

/* COLD_SAMPLE: of 32 the coldest is among the coldest 9% nineteen times in twenty. */
enum { COLD_SAMPLE = 32, RESTING_SHARE = 16, COPY_TRIES = 8, SECOND_MS = 1000 };

static uint32_t seconds(int64_t time_ms)
{
    int64_t s = time_ms / SECOND_MS;
    return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void set_brief(struct model *model, uint32_t slot, uint32_t generation, uint32_t flags, float log2_sessions)
{
    uint32_t bits;
    memcpy(&bits, &log2_sessions, sizeof bits);
    SHARED_STORE(model->briefs[slot], (uint64_t)bits << 32 | (uint64_t)flags << 8 | generation);
}

static void set_flags(struct model *model, uint32_t slot, uint32_t flags)
{
    uint64_t brief = model->briefs[slot];
    SHARED_STORE(model->briefs[slot], (brief & ~(uint64_t)0xff00) | (uint64_t)flags << 8);
}

static uint32_t flags_of(const struct model *model, uint32_t slot)
{
    return tables_flags(model->briefs[slot]);
}

uint32_t content_table_reference(const struct model *model, uint32_t slot)
{
    return tables_reference(slot, SHARED_LOAD(model->briefs[slot]));
}

/* ---- a slot is given up ---- */

static void clear_words(void *at, uint64_t bytes)
{
    uint64_t *words = at;
    for (uint64_t i = 0; i < bytes / sizeof *words; i++)
        SHARED_STORE(words[i], 0);
}

static void count_live(struct model *model, int32_t change)
{
    SHARED_STORE(model->state->content_live, model->state->content_live + (uint32_t)change);
}

/* Everything but the generation, by which references to it die when it is taken again. */
static void vacate(struct model *model, uint32_t slot)
{
    struct model_state *state = model->state;
    struct content_row *row = &model->contents[slot];
    uint32_t flags = flags_of(model, slot);
    cell_index_remove(&model->index, row->key, slot + 1, &state->index_sequence);
    trend_forget(model, slot);
    if (flags & CONTENT_CATALOGUED)
        SHARED_STORE(state->catalogued, state->catalogued - 1);
    if (!(flags & CONTENT_DELETED))
        count_live(model, -1);
    shared_begin(&row->sequence);
    set_brief(model, slot, tables_generation(model->briefs[slot]), 0, 0);
    SHARED_STORE(row->key, 0);
    SHARED_STORE(row->session_count, 0);
    clear_words(&row->first_seen_s, sizeof *row - offsetof(struct content_row, first_seen_s));
    clear_words(model->ids[slot], sizeof model->ids[slot]);
    shared_end(&row->sequence);
    clear_words(&model->neighbours[slot], sizeof model->neighbours[slot]);
    clear_words(model->postings[slot], sizeof model->postings[slot]);
    clear_words(model_content_features(model, slot), state->parameters.content_bytes);
}

/* What goes first: on probation 0, without catalogue 1, the catalogue's 2. */
static uint32_t worth(const struct model *model, uint32_t flags)
{
    if (flags & CONTENT_CATALOGUED)
        return 2;
    return model->state->catalogued > 0 && (flags & (CONTENT_NAMED | CONTENT_DELETED)) == 0 ? 0 : 1;
}

/* The coldest of the sample behind the hand; MODEL_NONE when all rest. */
static uint32_t find_cold(struct model *model)
{
    struct model_state *state = model->state;
    uint32_t coldest = MODEL_NONE;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < COLD_SAMPLE; i++) {
        uint32_t slot = state->hand;
        state->hand = slot + 1 == state->content_used ? 0 : slot + 1;
        uint32_t flags = flags_of(model, slot);
        __builtin_prefetch(&model->contents[state->hand]);
        if (!(flags & CONTENT_PRESENT))
            continue;
        uint64_t warmth = (uint64_t)worth(model, flags) << 32 | model->contents[slot].last_seen_s;
        if (warmth < least) {
            least = warmth;
            coldest = slot;
        }
    }
    return coldest;
}

/* ---- generations that are spent ---- */

static void sweep_list(const struct model *model, uint32_t *references, float *weights, uint32_t k)
{
    for (uint32_t i = 0; i < k; i++) {
        uint64_t brief = model->briefs[tables_slot(references[i])];
        if (references[i] == 0 || (tables_is_alive(references[i], brief) && (tables_flags(brief) & CONTENT_PRESENT)))
            continue;
        SHARED_STORE(references[i], 0);
        if (weights)
            shared_store_float(&weights[i], 0);
    }
}

/* Items of a session stand without gaps. */
static void sweep_session(const struct model *model, uint32_t *items)
{
    uint32_t kept = 0;
    sweep_list(model, items, NULL, MODEL_SESSION_ITEMS);
    for (uint32_t i = 0; i < MODEL_SESSION_ITEMS; i++)
        if (items[i] != 0)
            SHARED_STORE(items[kept++], items[i]);
    for (; kept < MODEL_SESSION_ITEMS; kept++)
        SHARED_STORE(items[kept], 0);
}

/* After it no reference anywhere leads to a resting slot, so they begin again. */
static void sweep(struct model *model)
{
    struct model_state *state = model->state;
    uint32_t rows = state->session_newest > model->session_mask ? model->session_mask + 1 : state->session_newest + 1;
    for (uint32_t slot = 0; slot < state->content_used; slot++)
        sweep_list(model, model->neighbours[slot].references, model->neighbours[slot].weights, MODEL_NEIGHBOURS);
    for (uint32_t row = 0; row < rows; row++)
        sweep_session(model, model->sessions[row]);
    for (uint32_t c = 0; c < state->category_count; c++)
        sweep_list(model, model->categories[c].references, model->categories[c].weights, MODEL_CATEGORY_TOPS);
    for (uint32_t s = 0; s < MODEL_COUNTRIES * MODEL_DEVICES; s++)
        sweep_list(model, model->scopes[s].references, model->scopes[s].weights, MODEL_SCOPE_TOPS);
    sweep_list(model, state->new_references, NULL, MODEL_NEW_CONTENTS);
    for (uint32_t slot = 0; slot < state->content_used; slot++) {
        if (!(flags_of(model, slot) & CONTENT_RESTING))
            continue;
        set_brief(model, slot, 0, 0, 0);
        model->contents[slot].next_free = state->free_head;
        state->free_head = slot + 1;
    }
    state->resting = 0;
    SHARED_ADD(state->sweeps, 1);
}

/* ---- a slot is taken ---- */

static uint32_t free_one(struct model *model)
{
    struct model_state *state = model->state;
    for (;;) {
        if (state->resting > state->parameters.contents_max / RESTING_SHARE) {
            sweep(model);
            return MODEL_NONE; /* there is a free list now */
        }
        uint32_t slot = find_cold(model);
        if (slot == MODEL_NONE)
            continue; /* the hand moves on; at most a sixteenth of all rest */
        vacate(model, slot);
        SHARED_ADD(state->evictions, 1);
        if (tables_generation(model->briefs[slot]) < MODEL_GENERATION_MAX)
            return slot;
        set_flags(model, slot, CONTENT_RESTING);
        state->resting++;
    }
}

static uint32_t claim(struct model *model)
{
    struct model_state *state = model->state;
    if (state->free_head == 0 && state->content_used < state->parameters.contents_max) {
        uint32_t slot = state->content_used;
        uint64_t used = (uint64_t)slot + 1;
        for (uint32_t table = TABLE_BRIEFS; table <= TABLE_INDEX; table++)
            image_reach(&model->image, table, used);
        SHARED_STORE(state->content_used, slot + 1);
        return slot;
    }
    uint32_t slot = state->free_head == 0 ? free_one(model) : MODEL_NONE;
    if (slot != MODEL_NONE)
        return slot;
    slot = state->free_head - 1;
    state->free_head = model->contents[slot].next_free;
    model->contents[slot].next_free = 0;
    return slot;
}

static void store_id(struct model *model, uint32_t slot, struct slice id)
{
    uint64_t words[sizeof model->ids[0] / sizeof(uint64_t)] = {0};
    ASSERT(id.size > 0 && id.size <= sizeof words);
    memcpy(words, id.data, id.size);
    uint64_t *to = (uint64_t *)(void *)model->ids[slot];
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        SHARED_STORE(to[i], words[i]);
    SHARED_STORE(model->contents[slot].id_size, (uint8_t)id.size);
}

uint32_t content_table_take(struct model *model, struct slice id, uint64_t key, int64_t time_ms)
{
    uint32_t slot = model_content_find(model, key);
    if (slot != MODEL_NONE)
        return slot;
    slot = claim(model);
    struct content_row *row = &model->contents[slot];
    shared_begin(&row->sequence);
    set_brief(model, slot, tables_generation(model->briefs[slot]) + 1, CONTENT_PRESENT, 0);
    SHARED_STORE(row->key, key);
    store_id(model, slot, id);
    shared_end(&row->sequence);
    row->first_seen_s = seconds(time_ms);
    row->last_seen_s = seconds(time_ms);
    SHARED_STORE(row->published_at_ms, INT64_MIN);
    SHARED_STORE(row->expires_at_ms, INT64_MIN);
    count_live(model, 1);
    cell_index_add(&model->index, key, slot + 1);
    return slot;
}

/* ---- what is known of it ---- */

void content_table_note(struct model *model, uint32_t slot, uint64_t user, int64_t time_ms)
{
    struct content_row *row = &model->contents[slot];
    uint32_t flags = flags_of(model, slot), now = seconds(time_ms), name = (uint32_t)user;
    if (now > row->last_seen_s)
        row->last_seen_s = now;
    if (user == 0 || (flags & CONTENT_NAMED))
        return;
    uint32_t kept = row->user_count < MODEL_USERS_KEPT ? row->user_count : MODEL_USERS_KEPT;
    for (uint32_t i = 0; i < kept; i++)
        if (row->users[i] == name)
            return;
    row->users[row->user_count % MODEL_USERS_KEPT] = name;
    row->user_count++;
    if (row->user_count >= model->state->parameters.probation_users)
        set_flags(model, slot, flags | CONTENT_NAMED);
}

static void store_categories(struct content_row *row, const uint16_t *categories, uint32_t count)
{
    ASSERT(count <= MODEL_CONTENT_CATEGORIES);
    for (uint32_t i = 0; i < MODEL_CONTENT_CATEGORIES; i++)
        SHARED_STORE(row->categories[i], (uint16_t)(i < count ? categories[i] : 0));
    SHARED_STORE(row->category_count, (uint8_t)count);
}

void content_table_classify(struct model *model, uint32_t slot, const uint16_t *categories, uint32_t count)
{
    struct content_row *row = &model->contents[slot];
    if (count == 0 || (flags_of(model, slot) & (CONTENT_CATALOGUED | CONTENT_DELETED)))
        return;
    if (row->category_count != count || memcmp(row->categories, categories, count * sizeof categories[0]) != 0)
        store_categories(row, categories, count);
}

static void remember_new(struct model *model, uint32_t reference)
{
    struct model_state *state = model->state;
    SHARED_STORE(state->new_references[state->new_head], reference);
    SHARED_STORE(state->new_head, (state->new_head + 1) % MODEL_NEW_CONTENTS);
}

void content_table_put(struct model *model, uint32_t slot, const struct content_facts *facts)
{
    struct model_state *state = model->state;
    struct content_row *row = &model->contents[slot];
    uint32_t flags = flags_of(model, slot);
    if (!(flags & CONTENT_CATALOGUED)) {
        SHARED_STORE(state->catalogued, state->catalogued + 1);
        remember_new(model, content_table_reference(model, slot));
    }
    if (flags & CONTENT_DELETED)
        count_live(model, 1);
    SHARED_STORE(row->document, facts->document + 1);
    SHARED_STORE(row->published_at_ms, facts->published_at_ms);
    SHARED_STORE(row->expires_at_ms, facts->expires_at_ms);
    store_categories(row, facts->categories, facts->category_count);
    bool is_timed = facts->published_at_ms != INT64_MIN || facts->expires_at_ms != INT64_MIN;
    set_flags(model, slot, (flags & CONTENT_NAMED) | CONTENT_PRESENT | CONTENT_CATALOGUED |
                               (facts->is_hidden ? (uint32_t)CONTENT_HIDDEN : 0) | (is_timed ? (uint32_t)CONTENT_TIMED : 0));
}

void content_table_delete(struct model *model, uint32_t slot)
{
    struct model_state *state = model->state;
    struct content_row *row = &model->contents[slot];
    uint32_t flags = flags_of(model, slot);
    if (flags & CONTENT_CATALOGUED)
        SHARED_STORE(state->catalogued, state->catalogued - 1);
    if (!(flags & CONTENT_DELETED))
        count_live(model, -1);
    SHARED_STORE(row->document, 0);
    store_categories(row, NULL, 0);
    set_flags(model, slot, (flags & CONTENT_NAMED) | CONTENT_PRESENT | CONTENT_DELETED);
}

void content_table_count_session(struct model *model, uint32_t slot)
{
    struct content_row *row = &model->contents[slot];
    uint64_t brief = model->briefs[slot];
    SHARED_STORE(row->session_count, row->session_count + 1);
    set_brief(model, slot, tables_generation(brief), tables_flags(brief), (float)maths_log2(row->session_count + 1.0));
}

void content_table_prefetch(const struct model *model, uint64_t key)
{
    __builtin_prefetch(&model->index.cells[cell_index_home(&model->index, key)]);
}

bool content_table_copy(const struct model *model, uint32_t reference, struct content_copy *copy)
{
    uint32_t slot = tables_slot(reference);
    const struct content_row *row = &model->contents[slot];
    const uint64_t *id = (const uint64_t *)(const void *)model->ids[slot];
    uint64_t words[sizeof copy->id / sizeof(uint64_t)];
    for (int i = 0; i < COPY_TRIES; i++) {
        uint32_t before = SHARED_ACQUIRE(row->sequence);
        uint64_t brief = SHARED_ACQUIRE(model->briefs[slot]);
        if (before % 2 != 0)
            continue;
        if (!tables_is_alive(reference, brief) || !(tables_flags(brief) & CONTENT_PRESENT))
            return false;
        copy->key = SHARED_ACQUIRE(row->key);
        copy->id_size = SHARED_ACQUIRE(row->id_size);
        uint32_t used = copy->id_size < sizeof copy->id ? (copy->id_size + 7) / 8 : (uint32_t)(sizeof words / sizeof words[0]);
        for (uint32_t w = 0; w < used; w++)
            words[w] = SHARED_ACQUIRE(id[w]);
        copy->document = SHARED_ACQUIRE(row->document) - 1;
        if (SHARED_LOAD(row->sequence) != before)
            continue;
        memcpy(copy->id, words, used * sizeof words[0]);
        return true;
    }
    return false;
}
