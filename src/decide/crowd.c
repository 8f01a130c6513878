#include "decide/crowd.h"

#include <math.h>
#include <stdbool.h>

#include "base/assert.h"

/* A scope with fewer trends than this is filled from the next wider one, whose best stands behind its own. */
enum { SCOPE_LEAST = 16, CACHE_LINE = 64 };
static const float WIDER_SHARE = 1e-2F;

static struct candidate *take(const struct model *model, struct candidates *candidates, uint32_t reference)
{
    int is_new;
    struct candidate *c = candidates_take(candidates, reference, &is_new);
    if (c != NULL && is_new)
        __builtin_prefetch(&model->briefs[tables_slot(reference)]);
    return c;
}

void crowd_prefetch_covisits(const struct model *model, uint32_t slot)
{
    const char *list = (const char *)&model->neighbours[slot];
    for (uint32_t at = 0; at < sizeof(struct content_neighbours); at += CACHE_LINE)
        __builtin_prefetch(list + at);
}

void crowd_covisits(const struct model *model, const uint32_t *slots, uint32_t count, struct candidates *candidates)
{
    float decay = 1;
    for (uint32_t z = 0; z < count && z < CROWD_COVISIT_RECENTS; z++, decay *= 0.5F) {
        if (slots[z] == MODEL_NONE)
            continue;
        const struct content_neighbours *list = &model->neighbours[slots[z]];
        float factor = decay / sqrtf((float)SHARED_LOAD(model->contents[slots[z]].session_count) + 1);
        for (uint32_t i = 0; i < MODEL_NEIGHBOURS; i++) {
            uint32_t reference = SHARED_LOAD(list->references[i]);
            float part = tables_weight(&list->weights[i]) * factor;
            struct candidate *c = reference != 0 && part > 0 ? take(model, candidates, reference) : NULL;
            if (c == NULL)
                continue;
            c->covisit += part;
            if (part > c->covisit_best) {
                c->covisit_best = part;
                c->covisit_recent = (uint8_t)z;
            }
        }
    }
}

/* ---- lists ---- */

static float heaviest(const float *weights, uint32_t k, uint32_t *count)
{
    float most = 0;
    *count = 0;
    for (uint32_t i = 0; i < k; i++) {
        float weight = tables_weight(&weights[i]);
        *count += weight > 0;
        most = weight > most ? weight : most;
    }
    return most;
}

struct list {
    const uint32_t *references;
    const float *weights;
    uint32_t k;
};

/* A candidate's trend is the most that any list says of it. */
static void add_trends(const struct model *model, struct list list, float most, const struct crowd_part *part,
                       struct candidates *candidates)
{
    for (uint32_t i = 0; i < list.k && most > 0; i++) {
        uint32_t reference = SHARED_LOAD(list.references[i]);
        float ratio = tables_weight(&list.weights[i]) / most;
        bool is_wanted = reference != 0 && ratio > 0 && ratio >= part->least_ratio;
        struct candidate *c = is_wanted ? take(model, candidates, reference) : NULL;
        if (c != NULL && ratio * part->share > c->trend)
            c->trend = ratio * part->share;
    }
}

void crowd_global_trends(const struct model *model, const struct crowd_part *part, struct candidates *candidates)
{
    const struct model_state *state = model->state;
    const struct list list = {state->trend_references, state->trend_weights, MODEL_GLOBAL_TOPS};
    uint32_t count;
    add_trends(model, list, heaviest(list.weights, list.k, &count), part, candidates);
}

void crowd_trends(const struct model *model, const char country[2], uint8_t device, const struct crowd_part *part,
                  struct candidates *candidates)
{
    const uint32_t unknown = MODEL_COUNTRIES - 1;
    uint32_t where = tables_country(country), kind = device < MODEL_DEVICES ? device : 0;
    const uint32_t scopes[3] = {tables_scope(where, kind), tables_scope(where, 0), tables_scope(unknown, kind)};
    struct crowd_part own = *part;
    for (int i = 0; i < 3; i++) {
        const struct trend_scope *scope = &model->scopes[scopes[i]];
        uint32_t count;
        if (scopes[i] == tables_scope(unknown, 0))
            continue; /* that is everywhere, which has its own list */
        float most = heaviest(scope->weights, MODEL_SCOPE_TOPS, &count);
        add_trends(model, (struct list){scope->references, scope->weights, MODEL_SCOPE_TOPS}, most, &own, candidates);
        if (count >= SCOPE_LEAST)
            return;
        if (count > 0)
            own.share *= WIDER_SHARE;
    }
    crowd_global_trends(model, &own, candidates);
}

void crowd_category(const struct model *model, uint32_t category_slot, const struct crowd_part *part, struct candidates *candidates)
{
    ASSERT(category_slot < SHARED_LOAD(model->state->category_count));
    const struct category_row *row = &model->categories[category_slot];
    uint32_t count;
    float most = heaviest(row->weights, MODEL_CATEGORY_TOPS, &count);
    for (uint32_t i = 0; i < MODEL_CATEGORY_TOPS && most > 0; i++) {
        uint32_t reference = SHARED_LOAD(row->references[i]);
        float ratio = tables_weight(&row->weights[i]) / most;
        bool is_wanted = reference != 0 && ratio > 0 && ratio >= part->least_ratio;
        struct candidate *c = is_wanted ? take(model, candidates, reference) : NULL;
        if (c == NULL)
            continue;
        if (c->category == 0 || ratio * part->share > c->category)
            c->category_slot = (uint16_t)category_slot;
        c->category += ratio * part->share;
    }
}

void crowd_new(const struct model *model, struct candidates *candidates)
{
    const struct model_state *state = model->state;
    uint32_t head = SHARED_LOAD(state->new_head);
    for (uint32_t i = 0; i < MODEL_NEW_CONTENTS; i++) {
        uint32_t place = (head + MODEL_NEW_CONTENTS - 1 - i) % MODEL_NEW_CONTENTS;
        uint32_t reference = SHARED_LOAD(state->new_references[place]);
        struct candidate *c = reference != 0 ? take(model, candidates, reference) : NULL;
        if (c != NULL && c->fresh == 0)
            c->fresh = (float)(MODEL_NEW_CONTENTS - i) / MODEL_NEW_CONTENTS;
    }
}
