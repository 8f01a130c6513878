/* One answer: gather candidates, rank them, take the best that pass what only the row or the
 * id can tell, and say why.  If too few pass, it is done once more with everything the
 * tables have (trends of all, the newest of the catalogue). */
#include "decide/decide.h"

#include <string.h>

#include "base/assert.h"
#include "decide/crowd.h"
#include "decide/decider.h"
#include "model/content_table.h"
#include "model/session_index.h"

/* A source's weaker half is worth gathering only where better ones are scarce. */
static const struct crowd_part STRONG = {1, 0.2F}, ALL = {1, 0}, FILL = {1e-3F, 0};
static const float FRESH_SHARE = 1e-4F, REASON_LEAST = 0.01F;

enum { CATEGORIES_ASKED = 3, ENOUGH_PER_ITEM = 4, ENOUGH_BASE = 32 };

/* ---- who asks ---- */

static void add_recent(struct decider *d, const uint64_t *keys, uint32_t i)
{
    for (uint32_t before = 0; before < i; before++)
        if (keys[before] == keys[i])
            return;
    d->slots[d->slot_count++] = model_content_find(d->model, keys[i]);
}

/* The newest different contents that the person does not dislike, the current one first. */
static void find_recents(struct decider *d, const struct decide_request *request)
{
    const struct model *model = d->model;
    uint64_t keys[SESSION_KNN_RECENTS_MAX + 1];
    uint32_t count = 0, most = (uint32_t)d->options.recents;
    if (request->context_content != 0)
        keys[count++] = request->context_content;
    for (uint32_t i = 0; request->profile && i < PROFILE_RECENT && request->profile->recent[i].content != 0; i++) {
        /* What a person disliked is no reason for more of its kind. */
        if (!profile_has_disliked(request->profile, request->profile->recent[i].content))
            keys[count++] = request->profile->recent[i].content;
    }
    for (uint32_t i = 0; i < count; i++)
        content_table_prefetch(model, keys[i]);
    d->slot_count = 0;
    for (uint32_t i = 0; i < count && d->slot_count < most; i++)
        add_recent(d, keys, i);
    d->current = d->slot_count > 0 ? d->slots[0] : MODEL_NONE;
    for (uint32_t i = 0; i < d->slot_count; i++) {
        if (d->slots[i] == MODEL_NONE)
            continue;
        __builtin_prefetch(&model->contents[d->slots[i]]);
        if (i < CROWD_COVISIT_RECENTS)
            crowd_prefetch_covisits(model, d->slots[i]);
    }
}

/* ---- candidates ---- */

static void gather_categories(struct decider *d, const struct decide_request *request, float least_ratio)
{
    struct feature_value value;
    double most = 0;
    if (d->category != MODEL_NONE)
        crowd_category(d->model, d->category, &ALL, &d->candidates);
    if (request->profile == NULL || d->categories == NULL || d->options.category_share <= 0)
        return;
    profile_read(request->profile, d->categories, request->now_ms, &value);
    for (uint32_t i = 0; i < value.entry_count && i < CATEGORIES_ASKED; i++) {
        double weight = value.entries[i].weight[0] + value.entries[i].weight[1];
        uint32_t slot = model_category_find(d->model, value.entries[i].key);
        most = i == 0 ? weight : most;
        if (slot == MODEL_NONE || slot == d->category || weight <= 0)
            continue;
        struct crowd_part part = {(float)(weight / most), least_ratio};
        crowd_category(d->model, slot, &part, &d->candidates);
    }
}

/* Returns whether the tables have more. */
static bool gather(struct decider *d, const struct decide_request *request, bool is_wide)
{
    const struct model *model = d->model;
    const struct profile *profile = request->profile;
    uint32_t own = profile && profile->session.id != 0 ? session_index_find(model, profile->session.id) : 0;
    candidates_clear(&d->candidates);
    session_knn_gather(&d->knn, model, d->slots, d->slot_count, own, &d->candidates);
    crowd_covisits(model, d->slots, d->slot_count, &d->candidates);
    bool is_enough = !is_wide && d->candidates.count >= ENOUGH_PER_ITEM * request->n + ENOUGH_BASE;
    const char *country = request->country[0] != 0 || profile == NULL ? request->country : (const char *)profile->country;
    uint8_t device = request->device != DEVICE_NONE || profile == NULL ? request->device : profile->device;
    if (!is_enough || d->options.trend_share > 0)
        crowd_trends(model, country, device, is_enough ? &STRONG : &ALL, &d->candidates);
    gather_categories(d, request, is_enough ? STRONG.least_ratio : 0);
    if (is_enough)
        return true;
    crowd_global_trends(model, &FILL, &d->candidates);
    crowd_new(model, &d->candidates);
    return false;
}

/* ---- filters that need the row or the id ---- */

static bool has_category(const struct content_row *row, uint32_t category)
{
    uint32_t count = SHARED_LOAD(row->category_count);
    for (uint32_t i = 0; i < count && i < MODEL_CONTENT_CATEGORIES; i++)
        if (SHARED_LOAD(row->categories[i]) == category)
            return true;
    return false;
}

static bool is_in_time(const struct content_row *row, int64_t now_ms)
{
    int64_t published_ms = SHARED_LOAD(row->published_at_ms), expires_ms = SHARED_LOAD(row->expires_at_ms);
    return (published_ms == INT64_MIN || published_ms <= now_ms) && (expires_ms == INT64_MIN || now_ms < expires_ms);
}

static bool is_excluded(const struct decide_request *request, uint64_t key)
{
    const struct profile *profile = request->profile;
    for (uint32_t i = 0; i < request->exclude_count; i++)
        if (request->exclude[i] == key)
            return true;
    if (profile == NULL)
        return false;
    if (profile_has_disliked(profile, key))
        return true;
    if (request->exclude_seen == DECIDE_SEEN_ALWAYS)
        return profile_has_seen(profile, key);
    for (uint32_t i = 0; request->exclude_seen == DECIDE_SEEN_SESSION && i < PROFILE_RECENT; i++)
        if (profile->recent[i].content == key && profile_is_in_session(profile, &profile->recent[i]))
            return true;
    return false;
}

/* Is there room for one more of each of its categories? Takes it. */
static bool take_room(struct decider *d, const struct content_row *row)
{
    uint32_t cap = (uint32_t)d->options.category_cap, count = SHARED_LOAD(row->category_count);
    if (cap == 0)
        return true;
    for (uint32_t i = 0; i < count && i < MODEL_CONTENT_CATEGORIES; i++) {
        uint32_t placed = 0;
        for (uint32_t p = 0; p < d->placed_count; p++)
            placed += d->placed_categories[p] == SHARED_LOAD(row->categories[i]);
        if (placed >= cap)
            return false;
    }
    for (uint32_t i = 0; i < count && i < MODEL_CONTENT_CATEGORIES; i++)
        d->placed_categories[d->placed_count++] = SHARED_LOAD(row->categories[i]);
    return true;
}

/* ---- reasons ---- */

static void add_reason(struct answer_item *item, struct answer_reason reason)
{
    uint32_t place = item->reason_count;
    if (reason.weight < REASON_LEAST)
        return;
    while (place > 0 && item->reasons[place - 1].weight < reason.weight)
        place--;
    if (place == DECIDE_REASONS_MAX)
        return;
    uint32_t kept = item->reason_count < DECIDE_REASONS_MAX ? item->reason_count : DECIDE_REASONS_MAX - 1;
    memmove(&item->reasons[place + 1], &item->reasons[place], (kept - place) * sizeof item->reasons[0]);
    item->reasons[place] = reason;
    item->reason_count = kept + 1;
}

static uint32_t slot_of_recent(const struct decider *d, uint8_t recent)
{
    return recent < d->slot_count ? d->slots[recent] : MODEL_NONE;
}

static void explain(const struct decider *d, const struct candidate *c, double score, struct answer_item *item)
{
    const struct scorer_shares *unit = &d->scorer.unit;
    float per_score = score > 0 ? (float)(1 / score) : 0;
    item->reason_count = 0;
    add_reason(item, (struct answer_reason){REASON_BECAUSE_YOU_VIEWED, slot_of_recent(d, c->covisit_recent), MODEL_NONE,
                                            c->covisit * unit->covisit * per_score});
    add_reason(item, (struct answer_reason){REASON_SIMILAR_SESSIONS, slot_of_recent(d, c->knn_recent), MODEL_NONE,
                                            c->knn * unit->knn * per_score});
    add_reason(item, (struct answer_reason){REASON_TRENDING, MODEL_NONE, MODEL_NONE, c->trend * unit->trend * per_score});
    add_reason(item, (struct answer_reason){REASON_POPULAR_IN_CATEGORY, MODEL_NONE, c->category_slot,
                                            c->category * unit->category * per_score});
    add_reason(item, (struct answer_reason){REASON_NEW, MODEL_NONE, MODEL_NONE, c->fresh * unit->fresh * per_score});
}

/* ---- slots ---- */

static bool place(struct decider *d, const struct decide_request *request, const struct candidate *c, float score,
                  struct answer *answer)
{
    const struct model *model = d->model;
    uint32_t slot = tables_slot(c->reference);
    const struct content_row *row = &model->contents[slot];
    struct content_copy copy;
    if (d->category != MODEL_NONE && !has_category(row, d->category))
        return false;
    if ((tables_flags(SHARED_LOAD(model->briefs[slot])) & CONTENT_TIMED) && !is_in_time(row, request->now_ms))
        return false;
    if (!content_table_copy(model, c->reference, &copy) || is_excluded(request, copy.key) || !take_room(d, row))
        return false;
    struct answer_item *item = &answer->items[answer->count++];
    item->slot = slot;
    item->id_size = copy.id_size;
    memcpy(item->id, copy.id, copy.id_size);
    item->document = copy.document;
    item->score = score;
    item->propensity = 1;
    explain(d, c, score, item);
    return true;
}

static void draw(struct decider *d, const struct decide_request *request, struct answer *answer)
{
    float score;
    const struct candidate *c;
    answer->count = 0;
    d->placed_count = 0;
    while (answer->count < request->n && (c = scorer_take(&d->scorer, &d->candidates, &score)) != NULL)
        if (place(d, request, c, score, answer) && (c->knn > 0 || c->covisit > 0))
            answer->strategy = "personalized";
}

static void begin(struct decider *d, const struct decide_request *request, struct answer *answer)
{
    ASSERT(request->n >= 1 && request->n <= DECIDE_ITEMS_MAX && request->exclude_count <= DECIDE_EXCLUDE_MAX);
    answer->count = 0;
    answer->empty = NULL;
    answer->strategy = "trending";
    d->category = request->category != 0 ? model_category_find(d->model, request->category) : MODEL_NONE;
}

static void end(const struct decider *d, const struct decide_request *request, struct answer *answer)
{
    answer->candidate_count = d->candidates.count;
    if (answer->count > 0)
        return;
    if (request->category != 0 && d->category == MODEL_NONE)
        answer->empty = "unknown_category";
    else if (model_content_count(d->model) == 0)
        answer->empty = "no_content_yet";
    else if (d->candidates.count == 0)
        answer->empty = "no_candidates_yet";
    else
        answer->empty = "all_filtered";
}

void decide_recommend(struct decider *decider, const struct decide_request *request, struct answer *answer)
{
    struct decider *d = decider;
    const struct scorer_shares shares = {
        .knn = (float)d->options.knn_share, .covisit = 1 - (float)d->options.knn_share,
        /* At share 0 they still fill what the others leave free. */
        .trend = d->options.trend_share > 0 ? (float)d->options.trend_share : FILL.share,
        .category = d->options.category_share > 0 ? (float)d->options.category_share : FILL.share,
        .fresh = FRESH_SHARE,
    };
    begin(d, request, answer);
    find_recents(d, request);
    uint32_t current = request->is_current_allowed ? MODEL_NONE : d->current;
    bool has_more = request->category == 0 || d->category != MODEL_NONE;
    for (bool is_wide = false; has_more && answer->count < request->n; is_wide = true) {
        has_more = gather(d, request, is_wide);
        (void)scorer_rank(&d->scorer, d->model, &d->candidates, &shares, current);
        draw(d, request, answer);
    }
    end(d, request, answer);
}

void decide_similar(struct decider *decider, uint64_t content, uint32_t n, int64_t now_ms, struct answer *answer)
{
    struct decider *d = decider;
    const struct decide_request request = {.n = n, .now_ms = now_ms, .context_content = content};
    const struct scorer_shares shares = {.knn = (float)d->options.knn_share, .covisit = 1 - (float)d->options.knn_share};
    begin(d, &request, answer);
    answer->strategy = "similar";
    find_recents(d, &request);
    candidates_clear(&d->candidates);
    session_knn_gather(&d->knn, d->model, d->slots, d->slot_count, 0, &d->candidates);
    crowd_covisits(d->model, d->slots, d->slot_count, &d->candidates);
    (void)scorer_rank(&d->scorer, d->model, &d->candidates, &shares, d->current);
    draw(d, &request, answer);
    answer->strategy = "similar";
    end(d, &request, answer);
    if (d->current == MODEL_NONE)
        answer->empty = "unknown_content";
}

void decide_trending(struct decider *decider, const char country[2], uint8_t device, uint64_t category, uint32_t n,
                     int64_t now_ms, struct answer *answer)
{
    struct decider *d = decider;
    const struct decide_request request = {.n = n, .now_ms = now_ms, .category = category};
    const struct scorer_shares shares = {.trend = 1, .category = FILL.share, .fresh = FRESH_SHARE};
    begin(d, &request, answer);
    d->slot_count = 0;
    candidates_clear(&d->candidates);
    if (category == 0 || d->category != MODEL_NONE) {
        crowd_trends(d->model, country, device, &ALL, &d->candidates);
        crowd_global_trends(d->model, &FILL, &d->candidates);
        if (d->category != MODEL_NONE)
            crowd_category(d->model, d->category, &ALL, &d->candidates);
    }
    (void)scorer_rank(&d->scorer, d->model, &d->candidates, &shares, MODEL_NONE);
    draw(d, &request, answer);
    end(d, &request, answer);
}

const char *decide_reason_name(uint8_t code)
{
    static const char *const names[REASON_COUNT] = {
        [REASON_BECAUSE_YOU_VIEWED] = "because_you_viewed", [REASON_SIMILAR_SESSIONS] = "similar_sessions",
        [REASON_TRENDING] = "trending", [REASON_POPULAR_IN_CATEGORY] = "popular_in_category",
        [REASON_NEW] = "new", [REASON_EXPLORATION] = "exploration",
    };
    return code < REASON_COUNT ? names[code] : "unknown";
}
