/* A session of one content teaches nothing and would crowd out those that do, so its number
 * is posted when the second content comes, for both. */
#include "model/session_index.h"

#include "model/content_table.h"

enum { CACHE_LINE = 64 };

static const float STEP_WEIGHTS[SESSION_INDEX_STEPS] = {
    1.F, 1.F / 4, 1.F / 9, 1.F / 16, 1.F / 25, 1.F / 36, 1.F / 49, 1.F / 64, 1.F / 81, 1.F / 100,
};

static uint32_t row_of(const struct model *model, uint32_t number)
{
    return number & model->session_mask;
}

static uint32_t find(const struct model *model, uint64_t session)
{
    uint32_t place = cell_index_home(&model->numbers, session), number;
    do
        number = cell_index_next(&model->numbers, session, &place);
    while (number != 0 && SHARED_LOAD(model->openings[row_of(model, number)]) != session);
    return number;
}

uint32_t session_index_find(const struct model *model, uint64_t session)
{
    enum { TRIES = 4 };
    for (int i = 0; i < TRIES && session != 0; i++) {
        uint32_t before = SHARED_ACQUIRE(model->state->number_sequence);
        uint32_t number = find(model, session);
        if (number != 0 || (before % 2 == 0 && SHARED_LOAD(model->state->number_sequence) == before))
            return number;
    }
    return 0;
}

/* The next number of the ring, in place of the oldest. */
static uint32_t open_session(struct model *model, uint64_t session)
{
    struct model_state *state = model->state;
    uint32_t number = state->session_newest + 1;
    if (number == 0)
        number = 1;
    uint32_t row = row_of(model, number);
    image_reach(&model->image, TABLE_SESSIONS, (uint64_t)row + 1);
    image_reach(&model->image, TABLE_OPENINGS, (uint64_t)row + 1);
    image_reach(&model->image, TABLE_NUMBERS, number <= model->session_mask ? number : model->session_mask);
    if (model->openings[row] != 0) {
        uint64_t oldest = model->openings[row];
        uint32_t place = cell_index_home(&model->numbers, oldest), found;
        do
            found = cell_index_next(&model->numbers, oldest, &place);
        while (row_of(model, found) != row);
        cell_index_remove(&model->numbers, oldest, found, &state->number_sequence);
    }
    for (uint32_t i = 0; i < MODEL_SESSION_ITEMS; i++)
        SHARED_STORE(model->sessions[row][i], 0);
    SHARED_STORE(model->openings[row], session);
    SHARED_RELEASE(state->session_newest, number);
    cell_index_add(&model->numbers, session, number);
    return number;
}

static void post(struct model *model, uint32_t slot, uint32_t number)
{
    struct content_row *row = &model->contents[slot];
    SHARED_STORE(model->postings[slot][row->posting_head], number);
    SHARED_STORE(row->posting_head, (uint8_t)((row->posting_head + 1) % MODEL_POSTINGS));
    if (row->posting_count < MODEL_POSTINGS)
        SHARED_STORE(row->posting_count, (uint8_t)(row->posting_count + 1));
    content_table_count_session(model, slot);
}

/* All lists at once: it happens once in 64 half-lives, and no list needs an epoch. */
static void settle_neighbours(struct model *model, uint32_t before)
{
    for (uint32_t slot = 0; slot < model->state->content_used; slot++) {
        uint32_t epoch = before;
        toplist_settle(&epoch, model->state->neighbour_epoch, model->neighbours[slot].weights, MODEL_NEIGHBOURS);
    }
}

static void follow(struct model *model, const uint32_t *items, uint32_t reference, int64_t time_ms)
{
    struct model_state *state = model->state;
    for (uint32_t i = 0; i < SESSION_INDEX_STEPS && items[i] != 0; i++) {
        const char *list = (const char *)&model->neighbours[tables_slot(items[i])];
        for (uint32_t line = 0; line < sizeof(struct content_neighbours); line += CACHE_LINE)
            __builtin_prefetch(list + line, 1);
    }
    uint32_t before = state->neighbour_epoch;
    float inflation = toplist_inflation(&state->neighbour_epoch, time_ms, MODEL_NEIGHBOUR_HALF_LIFE_MS);
    if (before != state->neighbour_epoch)
        settle_neighbours(model, before);
    for (uint32_t i = 0; i < SESSION_INDEX_STEPS && items[i] != 0; i++) {
        uint32_t slot = tables_slot(items[i]);
        if (items[i] == reference || !tables_is_alive(items[i], model->briefs[slot]))
            continue;
        struct content_neighbours *list = &model->neighbours[slot];
        (void)toplist_add(list->references, list->weights, MODEL_NEIGHBOURS, reference, inflation * STEP_WEIGHTS[i]);
    }
}

/* Puts the reference at `to`, moving those between on by one up to `from`. */
static void insert(uint32_t *items, uint32_t from, uint32_t to, uint32_t reference)
{
    for (uint32_t i = from; i > to; i--)
        SHARED_STORE(items[i], items[i - 1]);
    SHARED_STORE(items[to], reference);
}

void session_index_step(struct model *model, uint64_t session, uint32_t slot, int64_t time_ms, bool is_ordered)
{
    uint32_t number = find(model, session);
    if (number == 0)
        number = open_session(model, session);
    uint32_t *items = model->sessions[row_of(model, number)];
    uint32_t reference = content_table_reference(model, slot);
    uint32_t place = toplist_find(items, MODEL_SESSION_ITEMS, reference);
    uint32_t count = toplist_find(items, MODEL_SESSION_ITEMS, 0);
    bool is_new = place == MODEL_SESSION_ITEMS;
    uint32_t first = items[0];
    if (is_ordered) {
        follow(model, items, reference, time_ms);
        insert(items, !is_new ? place : count < MODEL_SESSION_ITEMS ? count : MODEL_SESSION_ITEMS - 1, 0, reference);
    } else if (is_new && count < MODEL_SESSION_ITEMS) {
        insert(items, count, count, reference);
    } else {
        return;
    }
    if (!is_new || count == 0)
        return;
    if (count == 1) {
        SHARED_STORE(model->state->sessions_posted, model->state->sessions_posted + 1);
        if (tables_is_alive(first, model->briefs[tables_slot(first)]))
            post(model, tables_slot(first), number);
    }
    post(model, slot, number);
}

void session_index_prefetch(const struct model *model, uint64_t session)
{
    __builtin_prefetch(&model->numbers.cells[cell_index_home(&model->numbers, session)]);
}

void session_index_prefetch_rows(const struct model *model, uint64_t session)
{
    uint32_t place = cell_index_home(&model->numbers, session);
    uint32_t number = cell_index_next(&model->numbers, session, &place);
    uint32_t row = row_of(model, number != 0 ? number : SHARED_LOAD(model->state->session_newest) + 1);
    __builtin_prefetch(model->sessions[row], 1);
    __builtin_prefetch(&model->openings[row], 1);
}
