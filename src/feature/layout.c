#include "feature/layout.h"

#include <math.h>
#include <string.h>

#include "base/shared.h"
#include "feature/decay.h"
#include "feature/window.h"

enum { THOUSANDTHS = 1000, CATEGORY_WORDS = 2 };

/* One fact adds at most this much, in thousandths, so that one hostile value cannot fill a sum. */
#define AMOUNT_MAX 1e15

static const char *const KIND_NAMES[FEATURE_KIND_COUNT] = {
    "count", "sum", "mean", "rate", "last", "recent", "categories", "session_duration", "engagement",
};
static const char *const ENTITY_NAMES[FEATURE_ENTITY_COUNT] = {"user", "session", "content", "category", "global"};

const char *layout_kind_name(uint8_t kind)
{
    return kind < FEATURE_KIND_COUNT ? KIND_NAMES[kind] : "unknown";
}

const char *layout_entity_name(uint8_t entity)
{
    return entity < FEATURE_ENTITY_COUNT ? ENTITY_NAMES[entity] : "unknown";
}

enum feature_entity layout_entity_find(struct slice name)
{
    unsigned entity = 0;
    while (entity < FEATURE_ENTITY_COUNT && !slice_is(name, ENTITY_NAMES[entity]))
        entity++;
    return (enum feature_entity)entity;
}

const struct feature *layout_find(const struct layout *layout, enum feature_entity entity, const char *name)
{
    for (uint32_t i = 0; i < layout->feature_count; i++) {
        const struct feature_declaration *d = &layout->features[i].declared;
        if (d->entity == entity && strcmp(d->name, name) == 0)
            return &layout->features[i];
    }
    return NULL;
}

/* ---- words ---- */

static double word_number(uint64_t word)
{
    double number;
    memcpy(&number, &word, sizeof number);
    return number;
}

static uint64_t number_word(double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    return word;
}

struct weights {
    float of[2]; /* short and long half-life */
};
static_assert(sizeof(struct weights) == sizeof(uint64_t), "both weights are one word");

static struct weights weights_load(const uint64_t *word)
{
    struct weights weights;
    uint64_t bits = SHARED_LOAD(*word);
    memcpy(&weights, &bits, sizeof weights);
    return weights;
}

static void weights_store(uint64_t *word, struct weights weights)
{
    uint64_t bits;
    memcpy(&bits, &weights, sizeof bits);
    SHARED_STORE(*word, bits);
}

/* ---- applying ---- */

/* The field's value; NaN where the fact has none. */
static double field_of(const struct fact *fact, uint8_t field)
{
    switch ((enum feature_field)field) {
    case FEATURE_FIELD_VALUE:
        return fact->value;
    case FEATURE_FIELD_DWELL:
        return fact->dwell_ms < 0 ? NAN : (double)fact->dwell_ms;
    case FEATURE_FIELD_DURATION:
        return (double)fact->duration_ms;
    case FEATURE_FIELD_ENGAGEMENT:
        return fact->engagement;
    case FEATURE_FIELD_NONE:
        break;
    }
    return 0;
}

static int64_t thousandths(double number)
{
    double scaled = number * THOUSANDTHS;
    if (scaled > AMOUNT_MAX)
        scaled = AMOUNT_MAX;
    if (scaled < -AMOUNT_MAX)
        scaled = -AMOUNT_MAX;
    return (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

static void apply_last(uint64_t *words, const struct fact *fact, double number)
{
    if (fact->time_ms < (int64_t)SHARED_LOAD(words[0]))
        return;
    SHARED_STORE(words[1], number_word(number));
    SHARED_STORE(words[0], (uint64_t)fact->time_ms);
}

/* Lets all weights decay to the fact's time: one time for all slots costs two powers an event. */
static void decay_categories(const struct feature_cell *cell, uint64_t *words, int64_t elapsed_ms)
{
    double factor[2] = {decay_factor(elapsed_ms, cell->half_life_ms[0]), decay_factor(elapsed_ms, cell->half_life_ms[1])};
    for (uint32_t slot = 0; slot < FEATURE_CATEGORY_SLOTS; slot++) {
        uint64_t *at = words + 1 + CATEGORY_WORDS * slot;
        if (SHARED_LOAD(at[0]) == 0)
            break;
        struct weights w = weights_load(&at[1]);
        for (int h = 0; h < 2; h++)
            w.of[h] = (float)(w.of[h] * factor[h]);
        weights_store(&at[1], w);
    }
}

/* The slot of a category: its own, a free one, else the one whose long weight is smallest in size. */
static uint64_t *category_slot(uint64_t *words, uint64_t key)
{
    uint64_t *lightest = NULL;
    float least = 0;
    for (uint32_t slot = 0; slot < FEATURE_CATEGORY_SLOTS; slot++) {
        uint64_t *at = words + 1 + CATEGORY_WORDS * slot;
        uint64_t there = SHARED_LOAD(at[0]);
        if (there == key || there == 0)
            return at;
        float weight = fabsf(weights_load(&at[1]).of[1]);
        if (!lightest || weight < least) {
            lightest = at;
            least = weight;
        }
    }
    return lightest;
}

static void apply_categories(const struct feature_cell *cell, uint64_t *words, const struct fact *fact)
{
    if (fact->strength == 0 || fact->category_count == 0)
        return;
    int64_t last_ms = (int64_t)SHARED_LOAD(words[0]);
    double v[2] = {fact->strength, fact->strength};
    if (fact->time_ms > last_ms) {
        decay_categories(cell, words, fact->time_ms - last_ms);
        SHARED_STORE(words[0], (uint64_t)fact->time_ms);
    } else if (fact->time_ms < last_ms) {
        v[0] *= decay_factor(last_ms - fact->time_ms, cell->half_life_ms[0]);
        v[1] *= decay_factor(last_ms - fact->time_ms, cell->half_life_ms[1]);
    }
    for (uint32_t i = 0; i < fact->category_count; i++) {
        uint64_t *at = category_slot(words, fact->categories[i]);
        struct weights w = {{0, 0}};
        if (SHARED_LOAD(at[0]) == fact->categories[i])
            w = weights_load(&at[1]);
        w.of[0] += (float)v[0];
        w.of[1] += (float)v[1];
        weights_store(&at[1], w);
        SHARED_STORE(at[0], fact->categories[i]);
    }
}

static void apply_cell(const struct feature_cell *cell, void *at, const struct fact *fact, double number)
{
    uint64_t *words = at;
    switch ((enum feature_cell_kind)cell->kind) {
    case CELL_COUNT_TOTAL:
        SHARED_ADD(*words, 1);
        break;
    case CELL_COUNT_RING:
        window_counts_add(at, cell->window_ms, fact->time_ms, 1);
        break;
    case CELL_SUM_TOTAL:
        SHARED_STORE(*words, (uint64_t)window_add_saturating((int64_t)SHARED_LOAD(*words), thousandths(number)));
        break;
    case CELL_SUM_RING:
        window_sums_add(at, cell->window_ms, fact->time_ms, thousandths(number));
        break;
    case CELL_LAST:
        apply_last(words, fact, cell->field == FEATURE_FIELD_NONE ? (double)fact->time_ms : number);
        break;
    case CELL_CATEGORIES:
        apply_categories(cell, words, fact);
        break;
    }
}

void layout_apply(const struct layout *layout, enum feature_entity entity, void *record, const struct fact *fact)
{
    ASSERT(fact->category_count <= sizeof fact->categories / sizeof fact->categories[0]);
    uint32_t bit = fact->type < 32 ? 1U << fact->type : 0;
    for (uint32_t i = layout->cell_first[entity]; i < layout->cell_first[entity + 1]; i++) {
        const struct feature_cell *cell = &layout->cells[i];
        if (cell->on_session_end != fact->is_session_end || (!cell->on_session_end && (cell->types_mask & bit) == 0))
            continue;
        double number = field_of(fact, cell->field);
        if (isnan(number))
            continue;
        apply_cell(cell, (char *)record + cell->offset, fact, number);
    }
}

/* ---- reading ---- */

static double read_count(const struct feature *feature, const char *at, int64_t now_ms)
{
    const uint64_t *total = (const void *)at;
    if (feature->declared.window_ms == 0)
        return (double)SHARED_LOAD(*total);
    return (double)window_counts_read((const void *)at, feature->declared.window_ms, now_ms);
}

static double read_sum(const struct feature *feature, const char *at, int64_t now_ms)
{
    const uint64_t *total = (const void *)at;
    int64_t sum = feature->declared.window_ms == 0 ? (int64_t)SHARED_LOAD(*total)
                                                   : window_sums_read((const void *)at, feature->declared.window_ms, now_ms);
    return (double)sum / THOUSANDTHS;
}

static void read_categories(const struct feature *feature, const uint64_t *words, int64_t now_ms, struct feature_value *value)
{
    const uint64_t *half_life_ms = feature->declared.half_life_ms;
    int64_t elapsed_ms = now_ms - (int64_t)SHARED_LOAD(words[0]);
    double factor[2] = {decay_factor(elapsed_ms, half_life_ms[0]), decay_factor(elapsed_ms, half_life_ms[1])};
    for (uint32_t slot = 0; slot < FEATURE_CATEGORY_SLOTS; slot++) {
        const uint64_t *at = words + 1 + CATEGORY_WORDS * slot;
        uint64_t key = SHARED_LOAD(at[0]);
        if (key == 0)
            break;
        struct weights w = weights_load(&at[1]);
        double weight[2] = {w.of[0] * factor[0], w.of[1] * factor[1]};
        uint32_t place = value->entry_count++;
        for (; place > 0; place--) {
            if (value->entries[place - 1].weight[0] + value->entries[place - 1].weight[1] >= weight[0] + weight[1])
                break;
            value->entries[place] = value->entries[place - 1];
        }
        value->entries[place].key = key;
        memcpy(value->entries[place].weight, weight, sizeof weight);
    }
    value->number = value->entry_count;
}

void layout_read(const struct feature *feature, const void *record, int64_t now_ms, struct feature_value *value)
{
    const struct feature_declaration *d = &feature->declared;
    const char *at = (const char *)record + feature->offset, *second = (const char *)record + feature->offset_second;
    const uint64_t *words = (const void *)at;
    double count;
    value->number = 0;
    value->is_absent = false;
    value->entry_count = 0;
    switch ((enum feature_kind)d->kind) {
    case FEATURE_COUNT:
        value->number = read_count(feature, at, now_ms);
        break;
    case FEATURE_SUM:
        value->number = read_sum(feature, at, now_ms);
        break;
    case FEATURE_MEAN:
        count = read_count(feature, second, now_ms);
        value->is_absent = count == 0;
        value->number = count == 0 ? 0 : read_sum(feature, at, now_ms) / count;
        break;
    case FEATURE_RATE:
        count = read_count(feature, second, now_ms) + d->prior + d->prior_per;
        value->is_absent = count == 0;
        value->number = count == 0 ? 0 : (read_count(feature, at, now_ms) + d->prior) / count;
        break;
    case FEATURE_LAST:
        value->is_absent = SHARED_LOAD(words[0]) == 0;
        value->number = word_number(SHARED_LOAD(words[1]));
        break;
    case FEATURE_CATEGORIES:
        read_categories(feature, words, now_ms, value);
        break;
    case FEATURE_RECENT:
    case FEATURE_SESSION_DURATION:
    case FEATURE_ENGAGEMENT:
    case FEATURE_KIND_COUNT:
        value->is_absent = true;
        break;
    }
}

/* ---- another layout ---- */

bool layout_is_same_cell(const struct feature_cell *a, const struct feature_cell *b)
{
    return a->kind == b->kind && a->entity == b->entity && a->field == b->field && a->on_session_end == b->on_session_end &&
           a->types_mask == b->types_mask && a->window_ms == b->window_ms && a->half_life_ms[0] == b->half_life_ms[0] &&
           a->half_life_ms[1] == b->half_life_ms[1];
}

static const struct feature_cell *find_cell(const struct layout *layout, const struct feature_cell *like)
{
    for (uint32_t i = layout->cell_first[like->entity]; i < layout->cell_first[like->entity + 1]; i++)
        if (layout_is_same_cell(&layout->cells[i], like))
            return &layout->cells[i];
    return NULL;
}

void layout_carry(const struct layout *from, const void *from_record, const struct layout *to, void *to_record,
                  enum feature_entity entity)
{
    memset(to_record, 0, to->entity_bytes[entity]);
    for (uint32_t i = to->cell_first[entity]; i < to->cell_first[entity + 1]; i++) {
        const struct feature_cell *cell = &to->cells[i], *source = find_cell(from, cell);
        if (!source)
            continue;
        bool is_last = i + 1 == to->cell_first[entity + 1];
        uint32_t end = is_last ? to->entity_bytes[entity] : to->cells[i + 1].offset;
        memcpy((char *)to_record + cell->offset, (const char *)from_record + source->offset, end - cell->offset);
    }
}
