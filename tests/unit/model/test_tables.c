/* Goal: the learner's tables hold what they were told, also when slots and sessions change hands,
 * and equal histories give equal images, also when one was written and mapped in between.
 * Method: random histories of contents, sessions and catalogue changes on small capacities, so
 * that everything is reused; a plain list of what must be there; model_check throughout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/maths.h"
#include "base/rng.h"
#include "model/category_table.h"
#include "model/content_table.h"
#include "model/session_index.h"
#include "model/trend.h"

enum { CONTENTS = 256, SESSIONS = 128, CATEGORIES = 16, FEATURES = 64, HOUR_MS = 3600 * 1000 };
#define START_MS 1600000000000

static uint64_t seed;

static int take_seed(void **state)
{
    (void)state;
    const char *given = getenv("PENCHANT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

static const struct model_parameters PARAMETERS = {
    .contents_max = CONTENTS, .sessions_max = SESSIONS, .categories_max = CATEGORIES, .probation_users = 3,
    .content_bytes = FEATURES, .category_bytes = 8, .global_bytes = 8, .layout_bytes = 16, .layout_version = 1,
};

static struct model *make(void)
{
    struct model *model;
    assert_int_equal(model_create(&model, &PARAMETERS), STATUS_OK);
    return model;
}

static void check(const struct model *model)
{
    const char *what;
    if (!model_check(model, &what))
        fail_msg("%s", what);
}

static uint64_t key_of(uint32_t name)
{
    return hash_mix(name + 1);
}

static uint32_t take(struct model *model, uint32_t name, int64_t time_ms)
{
    char id[32];
    int size = snprintf(id, sizeof id, "content-%u", name);
    return content_table_take(model, slice_make(id, (size_t)size), key_of(name), time_ms);
}

/* ---- contents ---- */

static void a_content_is_found_again(void **state)
{
    (void)state;
    struct model *model = make();
    char id[128], longest[128];
    uint32_t size = 0;
    memset(longest, 'x', sizeof longest);
    assert_int_equal(model_content_find(model, key_of(1)), MODEL_NONE);
    assert_int_equal(model_content_find(model, 0), MODEL_NONE);
    assert_false(model_content_id(model, 0, id, &size));
    uint32_t slot = take(model, 1, START_MS);
    assert_int_equal(take(model, 1, START_MS), slot);
    assert_int_equal(model_content_find(model, key_of(1)), slot);
    assert_true(model_content_id(model, slot, id, &size));
    assert_int_equal(size, 9);
    assert_memory_equal(id, "content-1", 9);
    assert_int_equal(model_content_key(model, slot), key_of(1));
    assert_true(model_content_document(model, slot) == MODEL_NO_DOCUMENT);
    uint32_t second = content_table_take(model, slice_make(longest, sizeof longest), key_of(2), START_MS);
    assert_true(model_content_id(model, second, id, &size));
    assert_int_equal(size, sizeof longest);
    assert_memory_equal(id, longest, sizeof longest);
    assert_int_equal(model_content_count(model), 2);
    check(model);
    model_destroy(model);
}

static void a_tombstone_stays_until_put(void **state)
{
    (void)state;
    struct model *model = make();
    uint32_t slot = take(model, 1, START_MS);
    const struct content_facts facts = {.document = 0, .published_at_ms = INT64_MIN, .expires_at_ms = START_MS};
    content_table_put(model, slot, &facts);
    assert_int_equal(model_content_document(model, slot), 0);
    assert_int_equal(model->state->catalogued, 1);
    assert_true(tables_flags(model->briefs[slot]) & CONTENT_TIMED);
    content_table_delete(model, slot);
    assert_int_equal(take(model, 1, START_MS), slot);
    assert_true(tables_flags(model->briefs[slot]) & CONTENT_DELETED);
    assert_int_equal(model_content_count(model), 0);
    assert_int_equal(model->state->catalogued, 0);
    assert_true(model_content_document(model, slot) == MODEL_NO_DOCUMENT);
    content_table_put(model, slot, &facts);
    assert_false(tables_flags(model->briefs[slot]) & CONTENT_DELETED);
    assert_int_equal(model_content_count(model), 1);
    check(model);
    model_destroy(model);
}

static void probation_counts_different_users(void **state)
{
    (void)state;
    struct model *model = make();
    uint32_t slot = take(model, 1, START_MS);
    for (int i = 0; i < 10; i++) {
        content_table_note(model, slot, 77, START_MS);
        content_table_note(model, slot, 0, START_MS);
    }
    content_table_note(model, slot, 78, START_MS);
    assert_false(tables_flags(model->briefs[slot]) & CONTENT_NAMED);
    content_table_note(model, slot, 79, START_MS);
    assert_true(tables_flags(model->briefs[slot]) & CONTENT_NAMED);
    model_destroy(model);
}

/* On probation first, then uncatalogued, then the catalogue's; the coldest of each. */
static void the_cold_give_way(void **state)
{
    (void)state;
    struct model *model = make();
    const struct content_facts facts = {.published_at_ms = INT64_MIN, .expires_at_ms = INT64_MIN};
    for (uint32_t name = 0; name < CONTENTS; name++) {
        uint32_t slot = take(model, name, START_MS + name * 1000);
        if (name % 2 == 0)
            content_table_put(model, slot, &facts);
        else if (name % 4 == 1)
            for (uint64_t user = 1; user <= 3; user++)
                content_table_note(model, slot, user, START_MS + name * 1000);
    }
    uint32_t reference = content_table_reference(model, model_content_find(model, key_of(3)));
    for (uint32_t name = 0; name < CONTENTS / 4; name++)
        (void)take(model, CONTENTS + name, START_MS + HOUR_MS);
    assert_int_equal(model->state->evictions, CONTENTS / 4);
    struct content_copy copy;
    assert_false(content_table_copy(model, reference, &copy));
    for (uint32_t name = 0; name < CONTENTS; name += 2)
        assert_int_not_equal(model_content_find(model, key_of(name)), MODEL_NONE);
    assert_int_equal(model_content_count(model), CONTENTS);
    check(model);
    model_destroy(model);
}

/* More changes of hands than a slot has generations: sweeps must clear what would come alive. */
static void generations_run_out_safely(void **state)
{
    (void)state;
    struct model *model = make();
    for (uint32_t name = 0; name < CONTENTS * (MODEL_GENERATION_MAX + 20); name++) {
        uint32_t slot = take(model, name, START_MS + name);
        session_index_step(model, 1 + name / 3, slot, START_MS + name, true);
        trend_add(model, slot, slice_of("DE"), 1, START_MS + name);
        uint32_t reference = content_table_reference(model, slot);
        assert_int_not_equal(reference >> MODEL_SLOT_BITS, 0);
        struct content_copy copy;
        assert_true(content_table_copy(model, reference, &copy));
        assert_int_equal(copy.key, key_of(name));
        if (name % 4999 == 0)
            check(model);
    }
    assert_true(model->state->sweeps > 0);
    check(model);
    model_destroy(model);
}

/* ---- sessions ---- */

static void a_session_teaches_order(void **state)
{
    (void)state;
    struct model *model = make();
    uint32_t slots[4];
    for (uint32_t i = 0; i < 4; i++) {
        slots[i] = take(model, i, START_MS);
        session_index_step(model, 5, slots[i], START_MS, true);
    }
    uint32_t number = session_index_find(model, 5);
    assert_int_equal(number, 1);
    assert_int_equal(session_index_find(model, 6), 0);
    const uint32_t *items = model->sessions[number & model->session_mask];
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(items[i], content_table_reference(model, slots[3 - i]));
    assert_int_equal(items[4], 0);
    /* From the first content: 1 to the second, 1/4 to the third, 1/9 to the fourth. */
    const struct content_neighbours *list = &model->neighbours[slots[0]];
    for (uint32_t d = 1; d < 4; d++) {
        uint32_t place = toplist_find(list->references, MODEL_NEIGHBOURS, content_table_reference(model, slots[d]));
        assert_true(place < MODEL_NEIGHBOURS);
        float ratio = list->weights[place] / list->weights[0] * (float)(d * d);
        assert_true(ratio > 0.999F && ratio < 1.001F);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(model->contents[slots[i]].posting_count, 1);
        assert_int_equal(model->postings[slots[i]][0], number);
        assert_int_equal(model->contents[slots[i]].session_count, 1);
    }
    assert_int_equal(model->state->sessions_posted, 1);
    /* Back to the first: it moves to the front and is posted once. */
    session_index_step(model, 5, slots[0], START_MS, true);
    assert_int_equal(items[0], content_table_reference(model, slots[0]));
    assert_int_equal(items[3], content_table_reference(model, slots[1]));
    assert_int_equal(items[4], 0);
    assert_int_equal(model->contents[slots[0]].posting_count, 1);
    check(model);
    model_destroy(model);
}

static void one_content_is_no_session(void **state)
{
    (void)state;
    struct model *model = make();
    uint32_t slot = take(model, 1, START_MS);
    for (uint64_t session = 1; session < 20; session++)
        session_index_step(model, session, slot, START_MS, true);
    assert_int_equal(model->contents[slot].posting_count, 0);
    assert_int_equal(model->state->sessions_posted, 0);
    model_destroy(model);
}

static void the_late_belong_but_lead_nowhere(void **state)
{
    (void)state;
    struct model *model = make();
    uint32_t a = take(model, 1, START_MS), b = take(model, 2, START_MS);
    session_index_step(model, 9, a, START_MS, true);
    session_index_step(model, 9, b, START_MS, false);
    assert_int_equal(model->sessions[1][0], content_table_reference(model, a));
    assert_int_equal(model->sessions[1][1], content_table_reference(model, b));
    assert_int_equal(model->neighbours[a].references[0], 0);
    assert_int_equal(model->contents[b].posting_count, 1);
    model_destroy(model);
}

/* The ring against a plain list of what each session saw. */
static void sessions_change_hands(void **state)
{
    (void)state;
    enum { ALL = 2000, NAMES = 40 };
    struct model *model = make();
    struct rng rng;
    static uint32_t seen[ALL + 1][MODEL_SESSION_ITEMS];
    memset(seen, 0, sizeof seen);
    rng_init(&rng, seed, 1);
    uint32_t opened[ALL + 1] = {0}, order = 0;
    for (uint32_t step = 0; step < 30000; step++) {
        uint32_t oldest = order > SESSIONS ? order - SESSIONS : 0;
        bool is_new = order == 0 || (rng_below(&rng, 8) == 0 && order < ALL);
        uint32_t session = is_new ? ++order : 1 + oldest + (uint32_t)rng_below(&rng, order - oldest);
        uint32_t slot = take(model, (uint32_t)rng_below(&rng, NAMES), START_MS + step);
        session_index_step(model, key_of(100000 + session), slot, START_MS + step, true);
        uint32_t reference = content_table_reference(model, slot), place = 0;
        while (place < MODEL_SESSION_ITEMS - 1 && seen[session][place] != reference && seen[session][place] != 0)
            place++;
        memmove(&seen[session][1], &seen[session][0], place * sizeof(uint32_t));
        seen[session][0] = reference;
        opened[session] = session;
        if (step % 500 != 0)
            continue;
        for (uint32_t s = 1; s <= order; s++) {
            uint32_t number = session_index_find(model, key_of(100000 + s));
            assert_int_equal(number, s + SESSIONS > order ? opened[s] : 0);
            if (number != 0)
                assert_memory_equal(model->sessions[number & model->session_mask], seen[s], sizeof seen[s]);
        }
        check(model);
    }
    model_destroy(model);
}

/* ---- trends and categories ---- */

/* The global list is exact: the heaviest of all contents, by an exact count of each. */
static void trends_are_exact(void **state)
{
    (void)state;
    struct model *model = make();
    struct rng rng;
    double weight[CONTENTS] = {0};
    int64_t now_ms = START_MS;
    rng_init(&rng, seed, 2);
    uint32_t slots[CONTENTS];
    for (uint32_t i = 0; i < CONTENTS; i++)
        slots[i] = take(model, i, now_ms);
    for (uint32_t step = 0; step < 50000; step++) {
        uint32_t i = (uint32_t)(rng_below(&rng, CONTENTS) * rng_below(&rng, CONTENTS) / CONTENTS);
        int64_t elapsed_ms = (int64_t)rng_below(&rng, step % 10000 == 9999 ? 40 * HOUR_MS : 2000);
        now_ms += elapsed_ms;
        double decay = maths_exp2(-(double)elapsed_ms / (double)MODEL_TREND_HALF_LIFE_MS);
        for (uint32_t c = 0; c < CONTENTS; c++)
            weight[c] *= decay;
        weight[i] += 1;
        trend_add(model, slots[i], slice_of(i % 2 ? "DE" : "FR"), (uint8_t)(i % 3), now_ms);
    }
    uint32_t heaviest = 0;
    for (uint32_t c = 1; c < CONTENTS; c++)
        heaviest = weight[c] > weight[heaviest] ? c : heaviest;
    uint32_t first = 0;
    for (uint32_t i = 1; i < MODEL_GLOBAL_TOPS; i++)
        first = model->state->trend_weights[i] > model->state->trend_weights[first] ? i : first;
    assert_int_equal(model->state->trend_references[first], content_table_reference(model, slots[heaviest]));
    for (uint32_t c = 0; c < CONTENTS; c++) {
        uint32_t place = model->contents[slots[c]].trend_place;
        if (weight[c] < 1e-6 * weight[heaviest])
            continue;
        assert_int_not_equal(place, 0);
        double ratio = model->state->trend_weights[place - 1] / model->state->trend_weights[first] / (weight[c] / weight[heaviest]);
        assert_true(ratio > 0.99 && ratio < 1.01);
    }
    const struct trend_scope *scope = &model->scopes[tables_scope(tables_country("DE"), 0)];
    for (uint32_t i = 0; i < MODEL_SCOPE_TOPS; i++)
        assert_true(scope->references[i] == 0 || tables_slot(scope->references[i]) % 2 == 1);
    check(model);
    model_destroy(model);
}

static void categories_are_bounded(void **state)
{
    (void)state;
    struct model *model = make();
    for (uint32_t i = 0; i < CATEGORIES + 5; i++) {
        char name[100];
        memset(name, 'a' + (int)(i % 26), sizeof name);
        uint32_t slot = category_table_take(model, slice_make(name, sizeof name), key_of(i));
        assert_int_equal(slot, i < CATEGORIES ? i : MODEL_NONE);
        if (slot == MODEL_NONE)
            continue;
        assert_int_equal(model_category_find(model, key_of(i)), slot);
        assert_int_equal(model_category_name(model, slot).size, MODEL_CATEGORY_NAME_MAX);
        category_table_add(model, slot, content_table_reference(model, take(model, i, START_MS)), START_MS);
    }
    assert_int_equal(model->state->categories_refused, 5);
    assert_int_equal(model_category_find(model, key_of(CATEGORIES)), MODEL_NONE);
    assert_int_equal(model_category_name(model, CATEGORIES).size, 0);
    check(model);
    model_destroy(model);
}

/* ---- the whole ---- */

static void random_step(struct model *model, struct rng *rng, int64_t time_ms)
{
    static const char *const COUNTRIES[] = {"DE", "FR", "de", ""};
    uint32_t name = (uint32_t)(rng_below(rng, 2 * CONTENTS) * rng_below(rng, 2 * CONTENTS) / (2 * CONTENTS));
    uint32_t slot = take(model, name, time_ms), what = (uint32_t)rng_below(rng, 20);
    uint64_t *record = model_content_features(model, slot);
    content_table_note(model, slot, rng_below(rng, 50), time_ms);
    record[rng_below(rng, FEATURES / 8)] += 1;
    if (what == 0) {
        struct content_facts facts = {.document = rng_below(rng, 1000), .published_at_ms = INT64_MIN, .expires_at_ms = INT64_MIN};
        facts.is_hidden = rng_below(rng, 4) == 0;
        content_table_put(model, slot, &facts);
    } else if (what == 1 && rng_below(rng, 4) == 0) {
        content_table_delete(model, slot);
    } else if (what < 6) {
        uint32_t c = (uint32_t)rng_below(rng, CATEGORIES + 2);
        uint32_t category = category_table_take(model, slice_of("news"), key_of(5000 + c));
        if (category != MODEL_NONE)
            category_table_add(model, category, content_table_reference(model, slot), time_ms);
    } else {
        session_index_step(model, 1 + rng_below(rng, 300), slot, time_ms, rng_below(rng, 10) != 0);
        trend_add(model, slot, slice_of(COUNTRIES[rng_below(rng, 4)]), (uint8_t)rng_below(rng, 9), time_ms);
    }
}

static void run(struct model *model, struct rng *rng, int64_t *time_ms, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        *time_ms += (int64_t)rng_below(rng, rng_below(rng, 5000) == 0 ? 100ULL * 24 * HOUR_MS : 5000);
        random_step(model, rng, *time_ms - (int64_t)rng_below(rng, 20000));
    }
}

/* Writes all parts to an unnamed file and maps them again. */
static struct model *write_and_map(const struct model *model, FILE *file)
{
    struct model_part parts[MODEL_PARTS_MAX];
    struct model *mapped;
    uint32_t count = model_parts(model, parts);
    uint64_t end = 4096;
    for (uint32_t i = 0; i < count; i++) {
        parts[i].file_offset = end;
        end += parts[i].bytes;
        assert_int_equal(pwrite(fileno(file), model_part_data(model, &parts[i]), parts[i].bytes, (off_t)parts[i].file_offset),
                         parts[i].bytes);
    }
    assert_int_equal(model_map(&mapped, &PARAMETERS, fileno(file), parts, count), STATUS_OK);
    struct model_parameters other = PARAMETERS;
    struct model *none = NULL;
    other.contents_max *= 2;
    assert_int_equal(model_map(&none, &other, fileno(file), parts, count), STATUS_CORRUPT);
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t page = 0; page < parts[i].bytes / 4096; page += 3)
            model_own(mapped, &parts[i], page);
    return mapped;
}

static void equal_histories_give_equal_images(void **state)
{
    (void)state;
    struct model *straight = make(), *broken = make();
    struct rng rng_a, rng_b;
    int64_t time_a = START_MS, time_b = START_MS;
    rng_init(&rng_a, seed, 3);
    rng_init(&rng_b, seed, 3);
    for (int round = 0; round < 5; round++) {
        FILE *file = tmpfile();
        assert_non_null(file);
        run(straight, &rng_a, &time_a, 20000);
        run(broken, &rng_b, &time_b, 20000);
        check(straight);
        assert_int_equal(model_hash(straight), model_hash(broken));
        struct model *mapped = write_and_map(broken, file);
        assert_int_equal(model_hash(mapped), model_hash(broken));
        model_destroy(broken);
        broken = mapped;
        fclose(file); /* the mapping stays */
    }
    random_step(broken, &rng_b, time_b);
    assert_int_not_equal(model_hash(straight), model_hash(broken));
    assert_true(straight->state->evictions > 0);
    model_destroy(straight);
    model_destroy(broken);
}

static void features_can_be_left_behind(void **state)
{
    (void)state;
    struct model_parameters wider = PARAMETERS;
    struct model *from = make(), *to;
    struct rng rng;
    int64_t time_ms = START_MS;
    rng_init(&rng, seed, 4);
    run(from, &rng, &time_ms, 5000);
    wider.content_bytes = 2 * FEATURES;
    wider.layout_version = 2;
    assert_int_equal(model_create(&to, &wider), STATUS_OK);
    model_take_over(to, from);
    check(to);
    assert_int_equal(model_parameters(to)->content_bytes, 2 * FEATURES);
    assert_int_equal(to->state->content_used, from->state->content_used);
    for (uint32_t slot = 0; slot < from->state->content_used; slot++) {
        assert_int_equal(model_content_key(to, slot), model_content_key(from, slot));
        assert_memory_equal(&to->neighbours[slot], &from->neighbours[slot], sizeof to->neighbours[slot]);
        assert_int_equal(*(uint64_t *)model_content_features(to, slot), 0);
    }
    model_destroy(from);
    model_destroy(to);
}

/* The checker sees what is broken. */
static void the_checker_can_fail(void **state)
{
    (void)state;
    const char *what;
    struct model *model = make();
    uint32_t slot = take(model, 1, START_MS);
    check(model);
    model->neighbours[slot].references[3] = 200;
    assert_false(model_check(model, &what));
    model->neighbours[slot].references[3] = 0;
    model->contents[slot].key ^= 1ULL << 63;
    assert_false(model_check(model, &what));
    model->contents[slot].key ^= 1ULL << 63;
    model->state->content_live++;
    assert_false(model_check(model, &what));
    model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_content_is_found_again),
        cmocka_unit_test(a_tombstone_stays_until_put),
        cmocka_unit_test(probation_counts_different_users),
        cmocka_unit_test(the_cold_give_way),
        cmocka_unit_test(generations_run_out_safely),
        cmocka_unit_test(a_session_teaches_order),
        cmocka_unit_test(one_content_is_no_session),
        cmocka_unit_test(the_late_belong_but_lead_nowhere),
        cmocka_unit_test(sessions_change_hands),
        cmocka_unit_test(trends_are_exact),
        cmocka_unit_test(categories_are_bounded),
        cmocka_unit_test(equal_histories_give_equal_images),
        cmocka_unit_test(features_can_be_left_behind),
        cmocka_unit_test(the_checker_can_fail),
    };
    return cmocka_run_group_tests(tests, take_seed, NULL);
}
