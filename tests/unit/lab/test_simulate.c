/* Goal: the demo's magazine is loadable, its visitors are fair to all three arms, and the experiment counts right.
 * Method: articles as written are parsed by the schema; people are drawn and stepped by fixed seeds and their
 * properties counted; the score is fed by hand and read back from its JSON.  A server that is not there is
 * asked for in vain, and stopping still works. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lab/simulate.h"
#include "lab/simulate_people.h"
#include "lab/simulate_score.h"
#include "schema/content.h"
#include "wire/json.h"

enum { SEED = 7, PEOPLE = 900, STEPS = 20000, JSON_MAX = 4 << 20 };

static struct catalogue_demo catalogue;

static int set_up(void **state)
{
    (void)state;
    catalogue_demo_init(&catalogue, SEED);
    return 0;
}

static const struct json_value *parse(struct json_parser **parser, const struct json_writer *out)
{
    const struct json_value *values = NULL;
    uint32_t count = 0;
    struct problem problem = {0};

    assert_false(out->is_overflown);
    assert_int_equal(json_parser_create(parser, JSON_MAX), STATUS_OK);
    assert_int_equal(json_parse(*parser, slice_make(out->data, out->size), &values, &count, &problem), STATUS_OK);
    return values;
}

/* ---- the magazine ---- */

static void test_articles_are_contents(void **state)
{
    struct json_writer out;
    struct json_parser *parser = NULL;
    struct problem problem = {0};

    (void)state;
    json_writer_init(&out, JSON_MAX);
    catalogue_demo_write(&catalogue, 0, CATALOGUE_DEMO_ARTICLES, 1800000000000, &out);
    const struct json_value *values = parse(&parser, &out);
    assert_int_equal(values[0].count, CATALOGUE_DEMO_ARTICLES);
    uint32_t at = 1;
    for (uint32_t i = 0; i < values[0].count; i++) {
        struct content content;
        assert_int_equal(content_parse(values, at, (struct slice){0}, &content, &problem), STATUS_OK);
        assert_true(slice_is(content.content_id, catalogue.articles[i].id));
        assert_true(content.title.size > 10);
        assert_int_equal(content.category_count, 1);
        assert_true(content.published_at_ms <= 1800000000000);
        at = values[at].next;
    }
    json_parser_destroy(parser);
    json_writer_fini(&out);
}

static void test_articles_differ(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_string_not_equal(catalogue.articles[i].id, catalogue.articles[k].id);
            assert_string_not_equal(catalogue.articles[i].title, catalogue.articles[k].title);
            assert_string_not_equal(catalogue.articles[i].standfirst, catalogue.articles[k].standfirst);
        }
        assert_true(catalogue.articles[i].quality >= 0.5 && catalogue.articles[i].quality <= 2);
    }
}

static void test_seed_decides(void **state)
{
    static struct catalogue_demo same, other;
    uint32_t different = 0;

    (void)state;
    catalogue_demo_init(&same, SEED);
    catalogue_demo_init(&other, SEED + 1);
    assert_memory_equal(&same, &catalogue, sizeof same);
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++)
        different += fabs(other.articles[i].quality - catalogue.articles[i].quality) > 1e-9;
    assert_true(different > CATALOGUE_DEMO_ARTICLES / 2);
}

/* ---- people ---- */

static void open_people(struct simulate_people *people)
{
    assert_int_equal(simulate_people_create(people, &catalogue, PEOPLE, SEED, "test"), STATUS_OK);
}

static void test_arms_stay_thirds(void **state)
{
    struct simulate_people people;
    uint32_t arms[SIMULATE_ARMS] = {0};
    uint32_t stepped[SIMULATE_ARMS] = {0};

    (void)state;
    open_people(&people);
    uint64_t born = people.born;
    for (uint32_t i = 0; i < STEPS; i++) {
        bool is_new = false;
        struct simulate_person *person = simulate_people_next(&people, &is_new);
        stepped[person->arm]++;
        simulate_people_read(person, simulate_people_wander(&people, person));
    }
    assert_true(people.born > born); /* some had read enough and left */
    for (uint32_t i = 0; i < PEOPLE; i++)
        arms[people.persons[i].arm]++;
    for (uint32_t arm = 0; arm < SIMULATE_ARMS; arm++) {
        assert_int_equal(arms[arm], PEOPLE / SIMULATE_ARMS);
        assert_true(stepped[arm] > STEPS / 4 && stepped[arm] < STEPS / 2);
    }
    simulate_people_destroy(&people);
}

static void test_reads_once_and_what_it_likes(void **state)
{
    struct simulate_people people;
    uint32_t of_main = 0;

    (void)state;
    open_people(&people);
    struct simulate_person *person = &people.persons[0];
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++) {
        uint32_t article = simulate_people_wander(&people, person);
        assert_true(article < CATALOGUE_DEMO_ARTICLES);
        assert_false(simulate_people_has_read(person, article));
        assert_true(simulate_people_chance(&people, person, article, 0) > simulate_people_chance(&people, person, article, 5));
        of_main += i < 12 && catalogue.articles[article].category == person->main_category;
        simulate_people_read(person, article);
        assert_true(simulate_people_chance(&people, person, article, 0) <= 0);
    }
    assert_true(of_main >= 5); /* of the first twelve; by chance it were one */
    assert_int_equal(person->read_count, CATALOGUE_DEMO_ARTICLES);
    assert_int_equal(simulate_people_wander(&people, person), SIMULATE_PEOPLE_NONE);
    assert_int_equal(simulate_people_any(&people, person, NULL, 0), SIMULATE_PEOPLE_NONE);
    simulate_people_destroy(&people);
}

static void test_chances_are_chances(void **state)
{
    struct simulate_people people;

    (void)state;
    open_people(&people);
    for (uint32_t i = 0; i < PEOPLE; i += 30)
        for (uint32_t article = 0; article < CATALOGUE_DEMO_ARTICLES; article++) {
            double chance = simulate_people_chance(&people, &people.persons[i], article, 0);
            assert_true(chance > 0 && chance < 1);
        }
    simulate_people_destroy(&people);
}

static void test_change_turns_a_share(void **state)
{
    struct simulate_people people;
    uint32_t last = CATALOGUE_DEMO_CATEGORIES;

    (void)state;
    open_people(&people);
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t before = 0, after = 0;
        uint32_t mains[PEOPLE];
        for (uint32_t i = 0; i < PEOPLE; i++)
            mains[i] = people.persons[i].main_category;
        uint32_t category = simulate_people_change(&people, 0.5);
        assert_true(category < CATALOGUE_DEMO_CATEGORIES);
        assert_int_not_equal(category, last);
        for (uint32_t i = 0; i < PEOPLE; i++) {
            const struct simulate_person *person = &people.persons[i];
            uint32_t whole = 0;
            for (uint32_t c = 0; c < CATALOGUE_DEMO_CATEGORIES; c++)
                whole += person->taste[c] >= 1;
            assert_int_equal(whole, 1); /* one main taste, whatever was before */
            before += mains[i] == category;
            after += person->main_category == category;
            if (person->main_category != mains[i])
                assert_true(fabsf(person->taste[mains[i]] - 0.6F) < 1e-6F);
        }
        assert_true(after > PEOPLE * 2 / 5 && after >= before);
        last = category;
    }
    simulate_people_destroy(&people);
}

/* ---- the score ---- */

static const struct json_value *arm_of(const struct json_value *values, uint32_t number)
{
    const struct json_value *arms = json_find(values, 0, "arms");

    assert_non_null(arms);
    assert_int_equal(arms->count, SIMULATE_ARMS);
    uint32_t at = (uint32_t)(arms - values) + 1;
    for (uint32_t i = 0; i < number; i++)
        at = values[at].next;
    return &values[at];
}

static int64_t member(const struct json_value *values, const struct json_value *object, const char *name)
{
    const struct json_value *value = json_find(values, (uint32_t)(object - values), name);

    assert_non_null(value);
    assert_int_equal(value->kind, JSON_INTEGER);
    return value->integer;
}

static void test_window_slides(void **state)
{
    static struct simulate_score score;
    const int64_t start_ms = 1800000000000;

    (void)state;
    simulate_score_init(&score);
    for (int64_t second = 0; second < 100; second++)
        simulate_score_add(&score, start_ms + second * 1000, SIMULATE_TRENDS, 6, 1);
    struct simulate_score_count sum = simulate_score_window(&score, start_ms + 99 * 1000, SIMULATE_TRENDS);
    assert_int_equal(sum.impressions, 6 * SIMULATE_SCORE_WINDOW_S);
    assert_int_equal(sum.clicks, SIMULATE_SCORE_WINDOW_S);
    sum = simulate_score_window(&score, start_ms + 109 * 1000, SIMULATE_TRENDS);
    assert_int_equal(sum.impressions, 6 * (SIMULATE_SCORE_WINDOW_S - 10));
    sum = simulate_score_window(&score, start_ms + 200 * 1000, SIMULATE_TRENDS);
    assert_int_equal(sum.impressions, 0);
    sum = simulate_score_window(&score, start_ms + 99 * 1000, SIMULATE_RANDOM);
    assert_int_equal(sum.impressions, 0);
}

static void test_score_as_json(void **state)
{
    static struct simulate_score score;
    const int64_t start_ms = 1800000000000;
    const uint32_t visitors[SIMULATE_ARMS] = {300, 300, 299};
    struct json_writer out;
    struct json_parser *parser = NULL;

    (void)state;
    simulate_score_init(&score);
    for (int64_t ms = 0; ms < 30 * 60 * 1000; ms += 500) {
        simulate_score_add(&score, start_ms + ms, SIMULATE_FOR_YOU, 6, 2);
        simulate_score_events(&score, start_ms + ms, 10);
        simulate_score_tick(&score, start_ms + ms);
    }
    for (uint32_t i = 0; i < SIMULATE_SCORE_CHANGES + 3; i++)
        simulate_score_change(&score, start_ms + i, i % CATALOGUE_DEMO_CATEGORIES, 0.35);
    json_writer_init(&out, JSON_MAX);
    json_object_begin(&out);
    simulate_score_write(&score, start_ms + 30 * 60 * 1000 - 500, visitors, &out);
    json_object_end(&out);
    const struct json_value *values = parse(&parser, &out);
    assert_int_equal(member(values, values, "events"), 36000);
    assert_int_equal(json_find(values, 0, "events_per_s")->integer, 20);
    const struct json_value *arm = arm_of(values, SIMULATE_FOR_YOU);
    assert_int_equal(member(values, arm, "impressions"), 12 * SIMULATE_SCORE_WINDOW_S);
    assert_int_equal(member(values, arm, "clicks"), 4 * SIMULATE_SCORE_WINDOW_S);
    assert_int_equal(json_find(values, (uint32_t)(arm_of(values, SIMULATE_RANDOM) - values), "rate")->kind, JSON_NULL);
    const struct json_value *history = json_find(values, 0, "history");
    const struct json_value *points = json_find(values, (uint32_t)(history - values), "for_you");
    assert_int_equal(points->count, SIMULATE_SCORE_POINTS);
    assert_true(fabs(points[SIMULATE_SCORE_POINTS].number - 1.0 / 3) < 1e-3);
    assert_int_equal(json_find(values, (uint32_t)(history - values), "random")[1].kind, JSON_NULL);
    const struct json_value *changes = json_find(values, 0, "changes");
    assert_int_equal(changes->count, SIMULATE_SCORE_CHANGES);
    assert_true(slice_is(json_find(values, (uint32_t)(changes - values) + 1, "category")->text, "cities")); /* the first three fell out */
    json_parser_destroy(parser);
    json_writer_fini(&out);
}

/* ---- the whole ---- */

static void test_waits_for_a_server(void **state)
{
    /* Port 1 of the loopback: nobody listens there. */
    const struct simulate_options options = {.port = 1, .seed = SEED, .visitors = 30, .rate = 10};
    struct simulate *simulate = NULL;
    struct json_writer out;
    struct json_parser *parser = NULL;
    struct problem problem = {0};

    (void)state;
    assert_int_equal(simulate_start(&simulate, &options, &problem), STATUS_OK);
    json_writer_init(&out, JSON_MAX);
    simulate_render(simulate, &out);
    simulate_stop(simulate);
    const struct json_value *values = parse(&parser, &out);
    assert_true(slice_is(json_find(values, 0, "phase")->text, "waiting"));
    assert_int_equal(json_find(values, 0, "front")->count, 48);
    assert_int_equal(json_find(values, 0, "categories")->count, CATALOGUE_DEMO_CATEGORIES);
    assert_int_equal(member(values, values, "events"), 0);
    json_parser_destroy(parser);
    json_writer_reset(&out);
    simulate_render(simulate, &out); /* also after it stopped */
    assert_true(out.size > 0);
    json_writer_fini(&out);
    simulate_destroy(simulate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_articles_are_contents, set_up),
        cmocka_unit_test_setup(test_articles_differ, set_up),
        cmocka_unit_test_setup(test_seed_decides, set_up),
        cmocka_unit_test_setup(test_arms_stay_thirds, set_up),
        cmocka_unit_test_setup(test_reads_once_and_what_it_likes, set_up),
        cmocka_unit_test_setup(test_chances_are_chances, set_up),
        cmocka_unit_test_setup(test_change_turns_a_share, set_up),
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_score_as_json),
        cmocka_unit_test(test_waits_for_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
