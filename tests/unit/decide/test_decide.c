/* Goal: an answer names the right contents, leaves out what it must, and says why.
 * Method: small worlds made through the model's writers; session-kNN and the ranking against an
 * obvious second implementation that sorts everything; each filter by hand. */
#include "decide/decide.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "decide/session_knn.h"
#include "model/category_table.h"
#include "model/content_table.h"
#include "model/session_index.h"
#include "model/trend.h"

enum { CONTENTS = 4096, SESSIONS = 4096 };
#define NOW_MS 1600000000000

struct world {
    struct model *model;
    struct layout layout;
    struct event_types types;
    struct decide_options options;
    struct decider *decider;
    struct profile *profile;
    struct answer answer;
    struct decide_request request;
};

static struct world w;
static uint64_t seed;

static uint64_t key_of(uint32_t name)
{
    return hash_mix(name + 1);
}

static uint32_t take(uint32_t name)
{
    char id[32];
    int size = snprintf(id, sizeof id, "c%u", name);
    return content_table_take(w.model, slice_make(id, (size_t)size), key_of(name), NOW_MS);
}

static void decide_with_options(void)
{
    if (w.decider)
        decider_destroy(w.decider);
    assert_int_equal(decider_create(&w.decider, w.model, &w.layout, &w.types, &w.options), STATUS_OK);
}

static int open_world(void **state)
{
    (void)state;
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem;
    const struct model_parameters parameters = {
        .contents_max = CONTENTS, .sessions_max = SESSIONS, .categories_max = 64, .probation_users = 3, .content_bytes = 8,
    };
    memset(&w, 0, sizeof w);
#define OPTION(kind, field, name, def, min, max, text) w.options.field = def;
#include "decide/decide_options.def"
#undef OPTION
    event_types_init(&w.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    assert_int_equal(layout_compile(&w.layout, declarations, count, &w.types, &problem), STATUS_OK);
    assert_int_equal(model_create(&w.model, &parameters), STATUS_OK);
    w.profile = calloc(1, profile_bytes(&w.layout));
    assert_non_null(w.profile);
    profile_init(w.profile, &w.layout, (struct hash128){1, 1});
    decide_with_options();
    w.request = (struct decide_request){.profile = w.profile, .n = 10, .now_ms = NOW_MS};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    decider_destroy(w.decider);
    model_destroy(w.model);
    free(w.profile);
    return 0;
}

static void session(uint64_t session, const uint32_t *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        session_index_step(w.model, session, take(names[i]), NOW_MS, true);
}

static void view(uint32_t name)
{
    memmove(&w.profile->recent[1], &w.profile->recent[0], (PROFILE_RECENT - 1) * sizeof w.profile->recent[0]);
    w.profile->recent[0] = (struct profile_recent){.content = key_of(name), .time_s = NOW_MS / 1000, .is_in_session = 1};
}

static void ask(void)
{
    memset(&w.answer, 0xee, sizeof w.answer); /* nothing may be left as it was */
    decide_recommend(w.decider, &w.request, &w.answer);
    for (uint32_t i = 0; i < w.answer.count; i++) {
        const struct answer_item *item = &w.answer.items[i];
        float sum = 0;
        assert_true(item->propensity == 1);
        assert_true(i == 0 || w.answer.items[i - 1].score >= item->score);
        assert_true(item->reason_count >= 1 && item->reason_count <= DECIDE_REASONS_MAX);
        for (uint32_t r = 0; r < item->reason_count; r++) {
            sum += item->reasons[r].weight;
            assert_true(r == 0 || item->reasons[r - 1].weight >= item->reasons[r].weight);
        }
        assert_true(sum > 0.5F && sum < 1.001F);
    }
    assert_true((w.answer.count == 0) == (w.answer.empty != NULL));
}

/* Place of a content in the answer, from 1; 0: not there. */
static uint32_t rank_of(uint32_t name)
{
    char id[32];
    int size = snprintf(id, sizeof id, "c%u", name);
    for (uint32_t i = 0; i < w.answer.count; i++)
        if (w.answer.items[i].id_size == (uint32_t)size && memcmp(w.answer.items[i].id, id, (size_t)size) == 0)
            return i + 1;
    return 0;
}

static void put(uint32_t name, struct content_facts facts)
{
    content_table_put(w.model, take(name), &facts);
}

static struct content_facts facts(void)
{
    return (struct content_facts){.document = 5, .published_at_ms = INT64_MIN, .expires_at_ms = INT64_MIN};
}

/* ---- by hand ---- */

static void an_empty_world_says_so(void **state)
{
    (void)state;
    ask();
    assert_int_equal(w.answer.count, 0);
    assert_string_equal(w.answer.empty, "no_content_yet");
    (void)take(1);
    w.request.profile = NULL;
    ask();
    assert_string_equal(w.answer.empty, "no_candidates_yet");
    w.request.category = 77;
    ask();
    assert_string_equal(w.answer.empty, "unknown_category");
    decide_similar(w.decider, key_of(9), 5, NOW_MS, &w.answer);
    assert_string_equal(w.answer.empty, "unknown_content");
    assert_int_equal(w.answer.count, 0);
}

static void it_follows_what_others_did(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 10; s++)
        session(s, (const uint32_t[]){1, 2, 3}, 3);
    session(11, (const uint32_t[]){4, 5}, 2);
    view(1);
    ask();
    assert_int_equal(rank_of(2), 1);
    assert_int_equal(rank_of(3), 2);
    assert_int_equal(rank_of(1), 0); /* what is being looked at */
    assert_int_equal(rank_of(4), 0);
    assert_string_equal(w.answer.strategy, "personalized");
    const struct answer_item *item = &w.answer.items[0];
    bool because = false;
    for (uint32_t r = 0; r < item->reason_count; r++)
        if (item->reasons[r].code == REASON_BECAUSE_YOU_VIEWED)
            because = item->reasons[r].content_slot == take(1);
    assert_true(because);
    assert_true(item->document == MODEL_NO_DOCUMENT);
    w.request.is_current_allowed = true;
    ask();
    assert_int_not_equal(rank_of(1), 0);
    decide_similar(w.decider, key_of(2), 5, NOW_MS, &w.answer);
    assert_int_equal(rank_of(3), 1);
    assert_int_equal(rank_of(2), 0);
}

static void what_is_looked_at_comes_first(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 5; s++) {
        session(s, (const uint32_t[]){1, 2}, 2);
        session(100 + s, (const uint32_t[]){3, 4}, 2);
    }
    view(1);
    w.request.context_content = key_of(3);
    ask();
    assert_int_equal(rank_of(4), 1);
    assert_int_equal(rank_of(3), 0);
    assert_int_not_equal(rank_of(2), 0);
}

static void their_own_session_is_no_neighbour(void **state)
{
    (void)state;
    session(1, (const uint32_t[]){1, 2, 9}, 3);
    session(2, (const uint32_t[]){1, 2, 3}, 3);
    w.profile->session.id = 1;
    view(1);
    view(2);
    ask();
    for (uint32_t r = 0; r < w.answer.items[rank_of(9) - 1].reason_count; r++)
        assert_int_not_equal(w.answer.items[rank_of(9) - 1].reasons[r].code, REASON_SIMILAR_SESSIONS);
}

static void filters_hold(void **state)
{
    (void)state;
    struct content_facts hidden = facts(), expired = facts(), early = facts(), fine = facts();
    hidden.is_hidden = true;
    expired.expires_at_ms = NOW_MS;
    early.published_at_ms = NOW_MS + 1;
    fine.published_at_ms = NOW_MS;
    fine.expires_at_ms = NOW_MS + 1;
    for (uint64_t s = 1; s <= 5; s++)
        session(s, (const uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 9);
    put(1, facts());
    put(2, hidden);
    put(3, expired);
    put(4, early);
    put(5, fine);
    put(6, facts());
    put(7, facts());
    put(9, facts());
    content_table_delete(w.model, take(6));
    w.profile->disliked[0] = key_of(7);
    view(1);
    ask();
    assert_int_equal(rank_of(5), 1);
    assert_int_equal(w.answer.items[0].document, 5);
    assert_int_equal(rank_of(9), 2);
    assert_int_equal(w.answer.count, 2); /* 8 is on probation */
    for (uint64_t user = 1; user <= 3; user++)
        content_table_note(w.model, take(8), user, NOW_MS);
    w.request.exclude[0] = key_of(9);
    w.request.exclude_count = 1;
    ask();
    assert_int_not_equal(rank_of(8), 0);
    assert_int_equal(rank_of(9), 0);
    w.request.now_ms = NOW_MS + 1;
    ask();
    assert_int_equal(rank_of(5), 0);
    assert_int_not_equal(rank_of(4), 0);
}

static void the_seen_are_left_out_on_request(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 5; s++)
        session(s, (const uint32_t[]){1, 2, 3, 4}, 4);
    view(2);
    view(1);
    w.profile->session.id = 99;
    ask();
    assert_int_not_equal(rank_of(2), 0);
    w.request.exclude_seen = DECIDE_SEEN_SESSION;
    ask();
    assert_int_equal(rank_of(2), 0);
    assert_int_not_equal(rank_of(3), 0);
    memset(w.profile->seen, 0xff, sizeof w.profile->seen);
    w.request.exclude_seen = DECIDE_SEEN_ALWAYS;
    ask();
    assert_int_equal(w.answer.count, 0);
    assert_string_equal(w.answer.empty, "all_filtered");
}

static void categories_filter_and_cap(void **state)
{
    (void)state;
    uint32_t news = category_table_take(w.model, slice_of("news"), 500), sport = category_table_take(w.model, slice_of("sport"), 501);
    for (uint32_t name = 1; name <= 12; name++) {
        struct content_facts f = facts();
        f.categories[0] = (uint16_t)(name % 3 == 0 ? sport : news);
        f.category_count = 1;
        put(name, f);
        category_table_add(w.model, f.categories[0], content_table_reference(w.model, take(name)), NOW_MS);
        session(1, &name, 1);
    }
    view(1);
    w.request.category = 501;
    ask();
    assert_int_equal(w.answer.count, 4);
    for (uint32_t name = 3; name <= 12; name += 3)
        assert_int_not_equal(rank_of(name), 0);
    w.request.category = 0;
    w.options.category_cap = 2;
    decide_with_options();
    ask();
    assert_int_equal(w.answer.count, 4); /* two of each */
    w.request.profile = NULL;
    w.request.category = 500;
    w.options.category_cap = 0;
    decide_with_options();
    ask();
    assert_int_equal(w.answer.count, 8);
    assert_int_equal(w.answer.items[0].reasons[0].code, REASON_POPULAR_IN_CATEGORY);
    assert_int_equal(w.answer.items[0].reasons[0].category_slot, news);
    decide_trending(w.decider, "\0", 0, 501, 10, NOW_MS, &w.answer);
    assert_int_equal(w.answer.count, 4);
}

static void strangers_get_trends_of_their_kind(void **state)
{
    (void)state;
    for (uint32_t name = 0; name < 40; name++)
        for (uint32_t i = 0; i <= name % 20; i++)
            trend_add(w.model, take(name), slice_of(name < 20 ? "DE" : "FR"), name < 20 ? DEVICE_MOBILE : DEVICE_DESKTOP, NOW_MS);
    trend_add(w.model, take(39), slice_of("FR"), DEVICE_DESKTOP, NOW_MS);
    w.request.profile = NULL;
    ask();
    assert_int_equal(rank_of(39), 1);
    assert_string_equal(w.answer.strategy, "trending");
    assert_int_equal(w.answer.items[0].reasons[0].code, REASON_TRENDING);
    memcpy(w.request.country, "DE", 2);
    ask();
    assert_int_equal(rank_of(19), 1);
    memcpy(w.request.country, "XX", 2); /* nobody there: everywhere counts */
    ask();
    assert_int_equal(rank_of(39), 1);
    w.request.device = DEVICE_MOBILE;
    ask();
    assert_int_equal(rank_of(19), 1);
    w.request.n = 100;
    ask();
    assert_int_equal(w.answer.count, 40); /* the rest from everywhere */
    decide_trending(w.decider, "FR", 0, 0, 3, NOW_MS, &w.answer);
    assert_int_equal(w.answer.count, 3);
    assert_int_equal(rank_of(39), 1);
}

static void a_new_catalogue_can_be_shown(void **state)
{
    (void)state;
    for (uint32_t name = 0; name < 100; name++)
        put(name, facts());
    ask();
    assert_int_equal(w.answer.count, 10);
    assert_int_equal(rank_of(99), 1);
    assert_int_equal(w.answer.items[0].reasons[0].code, REASON_NEW);
}

/* ---- against the obvious ---- */

struct similar {
    uint32_t number;
    uint32_t similarity;
    uint32_t recent;
};

static int by_similarity(const void *left, const void *right)
{
    const struct similar *a = left, *b = right;
    if (a->similarity != b->similarity)
        return a->similarity > b->similarity ? -1 : 1;
    return a->number > b->number ? -1 : 1;
}

/* Every session, one after another: in how many of the newest 128 of each recent is it? */
static void score_plainly(const uint32_t *slots, uint32_t count, double *scores)
{
    static const uint32_t unit[] = {256, 205, 164, 131, 105, 84, 67, 54, 43};
    static struct similar all[SESSIONS];
    uint32_t found = 0, newest = w.model->state->session_newest;
    memset(scores, 0, CONTENTS * sizeof *scores);
    for (uint32_t number = newest > SESSIONS ? newest - SESSIONS + 1 : 1; number <= newest; number++) {
        struct similar s = {number, 0, UINT32_MAX};
        for (uint32_t z = 0; z < count; z++)
            for (uint32_t i = 0; i < w.model->contents[slots[z]].posting_count; i++)
                if (w.model->postings[slots[z]][i] == number) {
                    s.similarity += unit[z];
                    s.recent = s.recent == UINT32_MAX ? z : s.recent;
                    break; /* a long session may be there twice */
                }
        if (s.similarity > 0)
            all[found++] = s;
    }
    qsort(all, found, sizeof all[0], by_similarity);
    for (uint32_t n = 0; n < found && n < SESSION_KNN_K; n++) {
        const uint32_t *items = w.model->sessions[all[n].number & w.model->session_mask];
        int shared = -1;
        for (int i = 0; i < MODEL_SESSION_ITEMS && items[i] != 0; i++)
            if (tables_slot(items[i]) == slots[all[n].recent])
                shared = i;
        for (int i = 0; i < MODEL_SESSION_ITEMS && items[i] != 0; i++) {
            int d = shared < 0 ? 8 : abs(i - shared);
            scores[tables_slot(items[i])] += all[n].similarity / 256.0 * unit[all[n].recent] / 256.0 * pow(d < 1 ? 1 : d, -0.7);
        }
    }
}

static void neighbours_are_those_of_a_plain_search(void **state)
{
    (void)state;
    enum { NAMES = 300 };
    static struct session_knn knn;
    static struct candidates candidates;
    static double scores[CONTENTS];
    struct rng rng;
    rng_init(&rng, seed, 0);
    for (uint32_t s = 1; s <= 6000; s++)
        for (uint32_t i = 0, length = 2 + (uint32_t)rng_below(&rng, 18); i < length; i++) {
            uint32_t name = (uint32_t)(rng_below(&rng, NAMES) * rng_below(&rng, NAMES) / NAMES);
            session_index_step(w.model, s, take(name), NOW_MS, true);
        }
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t slots[9], count = 1 + (uint32_t)rng_below(&rng, 9);
        for (uint32_t i = 0; i < count; i++)
            slots[i] = take((i * 31 + round + (uint32_t)rng_below(&rng, 30)) % NAMES);
        candidates_clear(&candidates);
        session_knn_gather(&knn, w.model, slots, count, 0, &candidates);
        bool is_double = false;
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; j < i; j++)
                is_double = is_double || slots[i] == slots[j];
        if (is_double)
            continue;
        score_plainly(slots, count, scores);
        uint32_t expected = 0;
        for (uint32_t slot = 0; slot < CONTENTS; slot++)
            expected += scores[slot] > 0;
        assert_int_equal(candidates.count, expected);
        for (uint32_t i = 0; i < candidates.count; i++) {
            double score = scores[tables_slot(candidates.rows[i].reference)];
            if (fabs(candidates.rows[i].knn - score) > 1e-3 * score)
                fail_msg("round %u: %g instead of %g", round, candidates.rows[i].knn, score);
        }
    }
}

/* n of N by the heap are the first n of all. */
static void longer_lists_begin_alike(void **state)
{
    (void)state;
    struct rng rng;
    char first[DECIDE_ITEMS_MAX][128];
    rng_init(&rng, seed, 1);
    for (uint32_t s = 1; s <= 500; s++)
        for (uint32_t i = 0; i < 8; i++)
            session_index_step(w.model, s, take((uint32_t)rng_below(&rng, 200)), NOW_MS, true);
    for (uint32_t i = 0; i < 9; i++)
        view(i);
    w.request.n = 100;
    ask();
    assert_int_equal(w.answer.count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        memset(first[i], 0, sizeof first[i]);
        memcpy(first[i], w.answer.items[i].id, w.answer.items[i].id_size);
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(first[i], first[j]);
    }
    for (uint32_t n = 1; n < 100; n += 7) {
        w.request.n = n;
        ask();
        assert_int_equal(w.answer.count, n);
        for (uint32_t i = 0; i < n; i++)
            assert_memory_equal(w.answer.items[i].id, first[i], w.answer.items[i].id_size);
    }
}

static void reasons_have_names(void **state)
{
    (void)state;
    assert_string_equal(decide_reason_name(REASON_BECAUSE_YOU_VIEWED), "because_you_viewed");
    assert_string_equal(decide_reason_name(REASON_EXPLORATION), "exploration");
    assert_string_equal(decide_reason_name(REASON_COUNT), "unknown");
}

static int take_seed(void **state)
{
    (void)state;
    const char *given = getenv("PENCHANT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(an_empty_world_says_so),
        IN_A_WORLD(it_follows_what_others_did),
        IN_A_WORLD(what_is_looked_at_comes_first),
        IN_A_WORLD(their_own_session_is_no_neighbour),
        IN_A_WORLD(filters_hold),
        IN_A_WORLD(the_seen_are_left_out_on_request),
        IN_A_WORLD(categories_filter_and_cap),
        IN_A_WORLD(strangers_get_trends_of_their_kind),
        IN_A_WORLD(a_new_catalogue_can_be_shown),
        IN_A_WORLD(neighbours_are_those_of_a_plain_search),
        IN_A_WORLD(longer_lists_begin_alike),
        IN_A_WORLD(reasons_have_names),
    };
    return cmocka_run_group_tests(tests, take_seed, NULL);
}
