#include "decide/scorer.h"

#include "base/maths.h"

static const float IDF_WEIGHT = 5.F, LN_2 = 0.693147181F;

struct best {
    float knn, covisit, trend, category;
};

static float max_of(float a, float b)
{
    return a > b ? a : b;
}

/* Marks what is not eligible and finds each source's best. */
static uint32_t filter(const struct model *model, struct candidates *candidates, uint32_t current, struct best *best)
{
    const struct model_state *state = model->state;
    const uint32_t never = CONTENT_HIDDEN | CONTENT_DELETED;
    const uint32_t one_of = SHARED_LOAD(state->catalogued) > 0 ? CONTENT_CATALOGUED | CONTENT_NAMED : CONTENT_PRESENT;
    float log2_all = (float)maths_log2(SHARED_LOAD(state->sessions_posted) + 1.0);
    uint32_t eligible = 0;
    *best = (struct best){0, 0, 0, 0};
    for (uint32_t i = 0; i < candidates->count; i++) {
        struct candidate *c = &candidates->rows[i];
        uint32_t slot = tables_slot(c->reference);
        uint64_t brief = SHARED_LOAD(model->briefs[slot]);
        uint32_t flags = tables_flags(brief);
        if (!tables_is_alive(c->reference, brief) || !(flags & CONTENT_PRESENT) || (flags & never) || !(flags & one_of) ||
            slot == current) {
            c->reference = 0;
            continue;
        }
        float idf = (log2_all - tables_log2_sessions(brief)) * LN_2;
        c->knn *= 1 + IDF_WEIGHT * max_of(idf, 0);
        best->knn = max_of(best->knn, c->knn);
        best->covisit = max_of(best->covisit, c->covisit);
        best->trend = max_of(best->trend, c->trend);
        best->category = max_of(best->category, c->category);
        eligible++;
    }
    return eligible;
}

static float unit_of(float share, float best)
{
    return best > 0 ? share / best : 0;
}

static uint64_t block_best(const struct scorer *scorer, uint32_t block)
{
    uint32_t end = (block + 1) * SCORER_BLOCK < scorer->count ? (block + 1) * SCORER_BLOCK : scorer->count;
    uint64_t best = 0;
    for (uint32_t i = block * SCORER_BLOCK; i < end; i++)
        best = scorer->keys[i] > best ? scorer->keys[i] : best;
    return best;
}

/* Scores are not negative, so their bits are in their order. */
static uint64_t key_of(float score, uint32_t row)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return (uint64_t)bits << 32 | (uint32_t)~row;
}

uint32_t scorer_rank(struct scorer *scorer, const struct model *model, struct candidates *candidates,
                     const struct scorer_shares *shares, uint32_t current)
{
    struct best best;
    uint32_t eligible = filter(model, candidates, current, &best);
    struct scorer_shares unit = {
        .knn = unit_of(shares->knn, best.knn), .covisit = unit_of(shares->covisit, best.covisit),
        .trend = unit_of(shares->trend, best.trend), .category = unit_of(shares->category, best.category),
        .fresh = shares->fresh,
    };
    scorer->unit = unit;
    scorer->count = 0;
    for (uint32_t i = 0; i < candidates->count; i++) {
        const struct candidate *c = &candidates->rows[i];
        if (c->reference == 0)
            continue;
        float score = c->knn * unit.knn + c->covisit * unit.covisit + c->trend * unit.trend + c->category * unit.category +
                      c->fresh * shares->fresh;
        scorer->keys[scorer->count++] = key_of(score, i);
    }
    for (uint32_t block = 0; block * SCORER_BLOCK < scorer->count; block++)
        scorer->bests[block] = block_best(scorer, block);
    return eligible;
}

const struct candidate *scorer_take(struct scorer *scorer, const struct candidates *candidates, float *score)
{
    uint64_t top = 0;
    uint32_t block = 0;
    for (uint32_t i = 0; i * SCORER_BLOCK < scorer->count; i++) {
        block = scorer->bests[i] > top ? i : block;
        top = scorer->bests[i] > top ? scorer->bests[i] : top;
    }
    if (top == 0)
        return NULL;
    uint32_t bits = (uint32_t)(top >> 32), place = block * SCORER_BLOCK;
    memcpy(score, &bits, sizeof bits);
    while (scorer->keys[place] != top)
        place++;
    scorer->keys[place] = 0;
    scorer->bests[block] = block_best(scorer, block);
    return &candidates->rows[(uint32_t)~top];
}
