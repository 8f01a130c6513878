/* Memory is the cost: rings of all contents are asked for first, then the rows of all neighbours,
 * so that their misses overlap instead of following one another. */
#include "decide/session_knn.h"

#include "base/assert.h"

enum { CACHE_LINE = 64, TABLE_MASK = (1 << SESSION_KNN_TABLE_BITS) - 1 };

/* 256 * 0.8^z */
static const uint16_t WEIGHTS[SESSION_KNN_RECENTS_MAX] = {256, 205, 164, 131, 105, 84, 67, 54, 43, 34,
                                                          27,  22,  18,  14,  11,  9,  7,  6,  5,  4};
/* d^-0.7; the shared content itself counts as its own neighbour. */
static const float NEARNESS[MODEL_SESSION_ITEMS] = {1.F,    1.F,    .6156F, .4635F, .3789F, .3241F, .2853F, .2561F,
                                                    .2333F, .2148F, .1995F, .1866F, .1756F, .1660F, .1577F, .1502F};
static const float UNIT = 1.F / (SESSION_KNN_UNIT * SESSION_KNN_UNIT);
/* A shared content that has left its session is taken to be half a session away. */
enum { LEFT = MODEL_SESSION_ITEMS / 2 };

static_assert(2 * (int)SESSION_KNN_SESSIONS_MAX < (1 << SESSION_KNN_TABLE_BITS), "the table is at most half in use");

static void clear(struct session_knn *knn)
{
    knn->count = 0;
    knn->stamp++;
    if (knn->stamp == 0) {
        memset(knn->table, 0, sizeof knn->table);
        knn->stamp = 1;
    }
}

static void add(struct session_knn *knn, uint32_t number, uint32_t weight, uint32_t recent)
{
    uint32_t place = (number * 2654435769U) >> (32 - SESSION_KNN_TABLE_BITS);
    for (;;) {
        uint64_t cell = knn->table[place];
        if ((uint16_t)(cell >> 16) != knn->stamp)
            break;
        if ((uint32_t)(cell >> 32) == number) {
            struct session_knn_row *row = &knn->rows[(uint16_t)cell];
            row->similarity = (uint16_t)(row->similarity + (row->oldest != recent ? weight : 0));
            row->oldest = (uint8_t)recent;
            return;
        }
        place = (place + 1) & TABLE_MASK;
    }
    knn->rows[knn->count] = (struct session_knn_row){
        .number = number, .similarity = (uint16_t)weight, .recent = (uint8_t)recent, .oldest = (uint8_t)recent,
    };
    knn->table[place] = (uint64_t)number << 32 | (uint64_t)knn->stamp << 16 | knn->count;
    knn->count++;
}

static void collect(struct session_knn *knn, const struct model *model, const uint32_t *slots, uint32_t count, uint32_t own)
{
    uint32_t newest = SHARED_LOAD(model->state->session_newest);
    for (uint32_t z = 0; z < count; z++) {
        if (slots[z] == MODEL_NONE)
            continue;
        const uint32_t *ring = model->postings[slots[z]];
        uint32_t postings = SHARED_LOAD(model->contents[slots[z]].posting_count);
        for (uint32_t i = 0; i < postings && i < MODEL_POSTINGS; i++) {
            uint32_t number = SHARED_LOAD(ring[i]);
            if (number != own && tables_has_session(model, number, newest))
                add(knn, number, WEIGHTS[z], z);
        }
    }
}

/* The wanted-th smallest of count ages, wanted >= 1 (Hoare's selection, as Wirth writes it). */
static uint32_t select_age(uint32_t *ages, uint32_t count, uint32_t wanted)
{
    int32_t low = 0, high = (int32_t)count - 1, target = (int32_t)wanted - 1;
    while (low < high) {
        uint32_t pivot = ages[target];
        int32_t i = low, j = high;
        while (i <= j) {
            while (ages[i] < pivot)
                i++;
            while (ages[j] > pivot)
                j--;
            if (i > j)
                break;
            uint32_t kept = ages[i];
            ages[i++] = ages[j];
            ages[j--] = kept;
        }
        if (j < target)
            low = i;
        if (target < i)
            high = j;
    }
    return ages[target];
}

/* Similarity from which on all are neighbours; *of_equals: how many of those just below it too. */
static uint32_t find_threshold(struct session_knn *knn, uint32_t most, uint32_t *of_equals)
{
    uint32_t taken = 0, similarity = most;
    memset(knn->histogram, 0, (most + 1) * sizeof knn->histogram[0]);
    for (uint32_t i = 0; i < knn->count; i++)
        knn->histogram[knn->rows[i].similarity]++;
    for (; similarity > 0 && taken + knn->histogram[similarity] <= SESSION_KNN_K; similarity--)
        taken += knn->histogram[similarity];
    *of_equals = similarity > 0 ? SESSION_KNN_K - taken : 0;
    return similarity;
}

static void choose(struct session_knn *knn, const struct model *model, uint32_t most)
{
    uint32_t of_equals, newest = SHARED_LOAD(model->state->session_newest), equals = 0, oldest = 0;
    uint32_t threshold = find_threshold(knn, most, &of_equals);
    for (uint32_t i = 0; of_equals > 0 && i < knn->count; i++)
        if (knn->rows[i].similarity == threshold)
            knn->ages[equals++] = newest - knn->rows[i].number;
    if (of_equals > 0)
        oldest = select_age(knn->ages, equals, of_equals);
    knn->neighbour_count = 0;
    for (uint32_t i = 0; i < knn->count && knn->neighbour_count < SESSION_KNN_K; i++) {
        const struct session_knn_row *row = &knn->rows[i];
        bool is_chosen = row->similarity > threshold ||
                         (of_equals > 0 && row->similarity == threshold && newest - row->number <= oldest);
        if (!is_chosen)
            continue;
        __builtin_prefetch(model->sessions[row->number & model->session_mask]);
        knn->neighbours[knn->neighbour_count++] = *row;
    }
}

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* The row as it is now, copied so that its order is looked at once. Returns how many it has. */
static uint32_t copy_session(const struct model *model, uint32_t number, uint32_t items[MODEL_SESSION_ITEMS])
{
    const uint32_t *row = model->sessions[number & model->session_mask];
    uint32_t count = 0;
    while (count < MODEL_SESSION_ITEMS && (items[count] = SHARED_LOAD(row[count])) != 0)
        count++;
    return count;
}

static void add_session(const struct model *model, const struct session_knn_row *neighbour, uint32_t shared_slot,
                        struct candidates *candidates)
{
    uint32_t items[MODEL_SESSION_ITEMS], count = copy_session(model, neighbour->number, items), shared = 0;
    float similarity = (float)(neighbour->similarity * WEIGHTS[neighbour->recent]) * UNIT;
    while (shared < count && tables_slot(items[shared]) != shared_slot)
        shared++;
    for (uint32_t i = 0; i < count; i++) {
        int is_new;
        struct candidate *c = candidates_take(candidates, items[i], &is_new);
        if (c == NULL)
            return;
        if (is_new)
            __builtin_prefetch(&model->briefs[tables_slot(items[i])]);
        float part = similarity * NEARNESS[shared < count ? distance(i, shared) : LEFT];
        c->knn += part;
        if (part > c->knn_best) {
            c->knn_best = part;
            c->knn_recent = neighbour->recent;
        }
    }
}

void session_knn_gather(struct session_knn *knn, const struct model *model, const uint32_t *slots, uint32_t count, uint32_t own,
                        struct candidates *candidates)
{
    uint32_t most = 0;
    ASSERT(count <= SESSION_KNN_RECENTS_MAX);
    for (uint32_t z = 0; z < count; z++) {
        most += WEIGHTS[z];
        if (slots[z] == MODEL_NONE)
            continue;
        const char *ring = (const char *)model->postings[slots[z]];
        for (uint32_t at = 0; at < MODEL_POSTINGS * sizeof(uint32_t); at += CACHE_LINE)
            __builtin_prefetch(ring + at);
    }
    clear(knn);
    collect(knn, model, slots, count, own);
    choose(knn, model, most);
    for (uint32_t i = 0; i < knn->neighbour_count; i++)
        add_session(model, &knn->neighbours[i], slots[knn->neighbours[i].recent], candidates);
}
