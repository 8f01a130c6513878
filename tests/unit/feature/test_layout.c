/* Goal: declarations compile to a layout, contradictions are refused with their place, and
 * features read what facts said.
 * Method: every refusal by a declaration that is wrong in one point; values by hand; a random
 * history of categories against a list. */
#include "feature/layout.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "feature/decay.h"

#define NOW_MS 1700000000000
#define ONLY(type) (1U << (type))

static struct event_types types;
static struct layout layout;
static struct feature_declaration declared[2 * FEATURE_MAX];
static uint64_t record[1024];

static int reset(void **state)
{
    (void)state;
    event_types_init(&types);
    memset(declared, 0, sizeof declared);
    memset(record, 0, sizeof record);
    return 0;
}

static struct feature_declaration declare(const char *name, enum feature_entity entity, enum feature_kind kind)
{
    struct feature_declaration d = {.entity = (uint8_t)entity, .kind = (uint8_t)kind, .place = "penchant.yaml:7"};
    snprintf(d.name, sizeof d.name, "%s", name);
    return d;
}

static void compile(uint32_t count)
{
    struct problem problem = {0};
    enum status status = layout_compile(&layout, declared, count, &types, &problem);
    if (status != STATUS_OK)
        print_message("# %s: %s\n", problem.pointer, problem.detail);
    assert_int_equal(status, STATUS_OK);
    assert_true(layout.entity_bytes[FEATURE_USER] <= sizeof record);
}

static void refused(struct feature_declaration d, const char *reason)
{
    struct problem problem = {0};
    if (layout_compile(&layout, &d, 1, &types, &problem) != STATUS_SETTING)
        fail_msg("%s was not refused", reason);
    if (!strstr(problem.detail, reason))
        fail_msg("\"%s\" does not say \"%s\"", problem.detail, reason);
    assert_string_equal(problem.pointer, "penchant.yaml:7");
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    struct feature_declaration d = declare("x", FEATURE_USER, FEATURE_COUNT);
    struct feature_declaration w;
#define WRONG(reason, ...) (w = d, __VA_ARGS__, refused(w, reason))
    WRONG("unknown kind", w.kind = FEATURE_KIND_COUNT);
    WRONG("unknown entity", w.entity = FEATURE_ENTITY_COUNT);
    WRONG("unknown field", w.field = 9);
    WRONG("a name is", w.name[0] = 'X');
    WRONG("a name is", w.name[0] = '\0');
    WRONG("a name is", memset(w.name, 'a', sizeof w.name));
    WRONG("at least 60 ms", w.window_ms = 59);
    WRONG("at most 3650d", w.window_ms = 1ULL << 50);
    WRONG("does not exist", w.types_mask = 1U << 30);
    WRONG("does not exist", w.kind = FEATURE_RATE, w.per_mask = 1U << 30);
    WRONG("needs `per`", w.kind = FEATURE_RATE);
    WRONG("priors", w.kind = FEATURE_RATE, w.per_mask = 1, w.prior = -1);
    WRONG("priors", w.kind = FEATURE_RATE, w.per_mask = 1, w.prior_per = NAN);
    WRONG("go with kind rate", w.per_mask = 1);
    WRONG("go with kind rate", w.prior = 1);
    WRONG("`field` does not go", w.field = FEATURE_FIELD_VALUE);
    WRONG("needs a `field`", w.kind = FEATURE_SUM);
    WRONG("needs a `field`", w.kind = FEATURE_MEAN);
    WRONG("only with `on: session_end`", w.kind = FEATURE_MEAN, w.field = FEATURE_FIELD_DURATION);
    WRONG("`n` goes with", w.n = 3);
    WRONG("`half_life` goes with", w.half_life_ms[0] = 3);
    WRONG("`window` does not go", w.kind = FEATURE_LAST, w.window_ms = 60000);
    WRONG("user only", w.kind = FEATURE_RECENT, w.entity = FEATURE_CONTENT, w.n = 3);
    WRONG("must be 1 to 20", w.kind = FEATURE_RECENT);
    WRONG("must be 1 to 20", w.kind = FEATURE_RECENT, w.n = 21);
    WRONG("two half-lives", w.kind = FEATURE_CATEGORIES, w.half_life_ms[0] = 5);
    WRONG("entity category", w.kind = FEATURE_CATEGORIES, w.half_life_ms[0] = 5, w.half_life_ms[1] = 5, w.entity = FEATURE_CATEGORY);
    WRONG("session only", w.kind = FEATURE_ENGAGEMENT);
    WRONG("session only", w.kind = FEATURE_SESSION_DURATION);
    WRONG("`types` does not go", w.kind = FEATURE_ENGAGEMENT, w.entity = FEATURE_SESSION, w.types_mask = 1);
    WRONG("session has the kinds", w.entity = FEATURE_SESSION);
    WRONG("exclude each other", w.on_session_end = true, w.types_mask = 1);
    WRONG("count, sum and mean only", w.on_session_end = true, w.kind = FEATURE_LAST);
    WRONG("user and global only", w.on_session_end = true, w.entity = FEATURE_CONTENT);
    WRONG("duration_ms and engagement only", w.on_session_end = true, w.kind = FEATURE_SUM, w.field = FEATURE_FIELD_DWELL);
#undef WRONG
}

static void a_doubled_name_and_too_many_are_refused(void **state)
{
    (void)state;
    struct problem problem = {0};
    declared[0] = declare("x", FEATURE_USER, FEATURE_COUNT);
    declared[1] = declare("x", FEATURE_CONTENT, FEATURE_COUNT);
    compile(2);
    declared[2] = declare("x", FEATURE_USER, FEATURE_LAST);
    assert_int_equal(layout_compile(&layout, declared, 3, &types, &problem), STATUS_SETTING);
    assert_non_null(strstr(problem.detail, "declared twice, also at penchant.yaml:7"));
    for (int i = 0; i <= FEATURE_MAX; i++) {
        declared[i] = declare("x", FEATURE_USER, FEATURE_COUNT);
        snprintf(declared[i].name, sizeof declared[i].name, "x%d", i);
    }
    compile(FEATURE_MAX);
    assert_int_equal(layout_compile(&layout, declared, FEATURE_MAX + 1, &types, &problem), STATUS_SETTING);
    assert_non_null(strstr(problem.detail, "at most 64"));
    assert_int_equal(layout_compile(&layout, declared, FEATURE_MAX + 1, &types, NULL), STATUS_SETTING);
}

static struct fact fact_of(uint8_t type, int64_t time_ms)
{
    return (struct fact){.type = type, .strength = types.rows[type].strength, .time_ms = time_ms, .dwell_ms = -1, .value = NAN};
}

static double read_number(const char *name, enum feature_entity entity, int64_t now_ms, bool *is_absent)
{
    struct feature_value value;
    const struct feature *feature = layout_find(&layout, entity, name);
    assert_non_null(feature);
    layout_read(feature, record, now_ms, &value);
    *is_absent = value.is_absent;
    return value.number;
}

static void assert_value(const char *name, enum feature_entity entity, int64_t now_ms, double expected)
{
    bool is_absent;
    double got = read_number(name, entity, now_ms, &is_absent);
    if (is_absent || fabs(got - expected) > 1e-9 * (1 + fabs(expected)))
        fail_msg("%s is %.17g%s, not %.17g", name, got, is_absent ? " (absent)" : "", expected);
}

static void assert_absent(const char *name, enum feature_entity entity, int64_t now_ms)
{
    bool is_absent;
    read_number(name, entity, now_ms, &is_absent);
    assert_true(is_absent);
}

static void the_shipped_features_count(void **state)
{
    (void)state;
    compile(layout_defaults(declared, FEATURE_MAX));
    static const char *const CONTENT[] = {"clicks_10m", "clicks_total", "views_10m", "views_total", "ctr_1h"};
    for (size_t i = 0; i < sizeof CONTENT / sizeof CONTENT[0]; i++)
        assert_non_null(layout_find(&layout, FEATURE_CONTENT, CONTENT[i]));
    assert_null(layout_find(&layout, FEATURE_USER, "clicks_10m"));
    assert_value("ctr_1h", FEATURE_CONTENT, NOW_MS, 1.0 / 20);
    for (int i = 0; i < 10; i++) {
        struct fact fact = fact_of(i < 4 ? EVENT_CLICK : i < 6 ? EVENT_VIEW : EVENT_IMPRESSION, NOW_MS - i);
        layout_apply(&layout, FEATURE_CONTENT, record, &fact);
    }
    assert_value("clicks_10m", FEATURE_CONTENT, NOW_MS, 4);
    assert_value("views_10m", FEATURE_CONTENT, NOW_MS, 2);
    assert_value("ctr_1h", FEATURE_CONTENT, NOW_MS, (4.0 + 1) / (4 + 20));
    assert_value("clicks_10m", FEATURE_CONTENT, NOW_MS + 620000, 0);
    assert_value("clicks_total", FEATURE_CONTENT, NOW_MS + 620000, 4);
    assert_value("views_total", FEATURE_CONTENT, NOW_MS + 620000, 2);
}

static void equal_rings_are_shared(void **state)
{
    (void)state;
    struct feature_declaration rate = declare("rate", FEATURE_CONTENT, FEATURE_RATE);
    rate.types_mask = ONLY(EVENT_CLICK);
    rate.per_mask = ONLY(EVENT_VIEW);
    rate.window_ms = 600000;
    struct feature_declaration count = declare("count", FEATURE_CONTENT, FEATURE_COUNT);
    count.types_mask = ONLY(EVENT_VIEW);
    count.window_ms = 600000;
    declared[0] = rate;
    compile(1);
    uint32_t alone = layout.entity_bytes[FEATURE_CONTENT];
    declared[1] = count;
    compile(2);
    assert_int_equal(layout.entity_bytes[FEATURE_CONTENT], alone);
    assert_int_equal(layout.features[0].offset_second, layout.features[1].offset);
    declared[1].window_ms = 600060;
    compile(2);
    assert_true(layout.entity_bytes[FEATURE_CONTENT] > alone);
    struct fact fact = fact_of(EVENT_VIEW, NOW_MS);
    layout_apply(&layout, FEATURE_CONTENT, record, &fact);
    assert_value("count", FEATURE_CONTENT, NOW_MS, 1);
}

static void sums_means_and_last(void **state)
{
    (void)state;
    declared[0] = declare("sum", FEATURE_USER, FEATURE_SUM);
    declared[0].field = FEATURE_FIELD_VALUE;
    declared[1] = declare("mean", FEATURE_USER, FEATURE_MEAN);
    declared[1].field = FEATURE_FIELD_DWELL;
    declared[1].window_ms = 60000;
    declared[2] = declare("last", FEATURE_USER, FEATURE_LAST);
    declared[2].field = FEATURE_FIELD_VALUE;
    declared[3] = declare("seen_at", FEATURE_USER, FEATURE_LAST);
    declared[3].types_mask = ONLY(EVENT_CLICK);
    declared[4] = declare("sessions", FEATURE_USER, FEATURE_MEAN);
    declared[4].field = FEATURE_FIELD_ENGAGEMENT;
    declared[4].on_session_end = true;
    compile(5);
    assert_absent("mean", FEATURE_USER, NOW_MS);
    assert_absent("last", FEATURE_USER, NOW_MS);
    struct fact fact = fact_of(EVENT_VIEW, NOW_MS);
    fact.value = 1.5004;
    layout_apply(&layout, FEATURE_USER, record, &fact);
    fact.value = -0.25;
    fact.time_ms = NOW_MS - 10;
    fact.dwell_ms = 0;
    layout_apply(&layout, FEATURE_USER, record, &fact);
    fact.value = NAN;
    fact.dwell_ms = 501;
    fact.type = EVENT_CLICK;
    layout_apply(&layout, FEATURE_USER, record, &fact);
    assert_value("sum", FEATURE_USER, NOW_MS, 1.25);
    assert_value("mean", FEATURE_USER, NOW_MS, 501.0 / 2);
    assert_value("last", FEATURE_USER, NOW_MS, 1.5004);
    assert_value("seen_at", FEATURE_USER, NOW_MS, NOW_MS - 10);
    assert_absent("sessions", FEATURE_USER, NOW_MS);
    struct fact ended = {.is_session_end = true, .time_ms = NOW_MS, .dwell_ms = -1, .value = NAN, .engagement = 2.5};
    layout_apply(&layout, FEATURE_USER, record, &ended);
    assert_value("sessions", FEATURE_USER, NOW_MS, 2.5);
    assert_value("sum", FEATURE_USER, NOW_MS, 1.25);
    fact.value = 1e300;
    for (int i = 0; i < 20000; i++)
        layout_apply(&layout, FEATURE_USER, record, &fact);
    assert_value("sum", FEATURE_USER, NOW_MS, 9223372036854775.807);
}

static void a_mask_of_zero_is_all_types_with_content(void **state)
{
    (void)state;
    declared[0] = declare("contents", FEATURE_USER, FEATURE_COUNT);
    declared[1] = declare("all", FEATURE_USER, FEATURE_COUNT);
    declared[1].types_mask = FEATURE_TYPES_ALL;
    compile(2);
    for (uint8_t type = 0; type < EVENT_TYPE_SHIPPED; type++) {
        struct fact fact = fact_of(type, NOW_MS);
        layout_apply(&layout, FEATURE_USER, record, &fact);
    }
    struct fact unknown = fact_of(EVENT_VIEW, NOW_MS);
    unknown.type = EVENT_TYPE_UNKNOWN;
    layout_apply(&layout, FEATURE_USER, record, &unknown);
    assert_value("contents", FEATURE_USER, NOW_MS, 8);
    assert_value("all", FEATURE_USER, NOW_MS, EVENT_TYPE_SHIPPED);
}

static void random_categories(void **state)
{
    (void)state;
    enum { KEYS = FEATURE_CATEGORY_SLOTS, STEPS = 20000 };
    const char *given = getenv("PENCHANT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    struct rng rng;
    rng_init(&rng, seed, 1);
    compile(layout_defaults(declared, FEATURE_MAX));
    const struct feature *feature = layout_find(&layout, FEATURE_USER, "recent_categories");
    double expected[KEYS][2] = {{0}}, size[KEYS][2] = {{0}};
    int64_t now_ms = NOW_MS;
    for (int step = 0; step < STEPS; step++) {
        int64_t step_ms = (int64_t)rng_below(&rng, 600000), behind_ms = rng_below(&rng, 3) ? 0 : (int64_t)rng_below(&rng, 7200000);
        now_ms += step_ms;
        struct fact fact = fact_of(rng_below(&rng, 5) ? EVENT_CLICK : EVENT_DISLIKE, now_ms - behind_ms);
        fact.category_count = (uint8_t)rng_below(&rng, 3);
        for (int i = 0; i < fact.category_count; i++)
            fact.categories[i] = 1 + rng_below(&rng, KEYS);
        layout_apply(&layout, FEATURE_USER, record, &fact);
        for (int h = 0; h < 2; h++) {
            uint64_t half_life_ms = feature->declared.half_life_ms[h];
            for (int k = 0; k < KEYS; k++) {
                expected[k][h] *= decay_factor(step_ms, half_life_ms);
                size[k][h] *= decay_factor(step_ms, half_life_ms);
            }
            for (int i = 0; i < fact.category_count; i++) {
                double v = fact.strength * decay_factor(behind_ms, half_life_ms);
                expected[fact.categories[i] - 1][h] += v;
                size[fact.categories[i] - 1][h] += fabs(v);
            }
        }
        struct feature_value value;
        layout_read(feature, record, now_ms, &value);
        double before = INFINITY;
        for (uint32_t i = 0; i < value.entry_count; i++) {
            for (int h = 0; h < 2; h++) {
                uint64_t k = value.entries[i].key - 1;
                assert_true(fabs(value.entries[i].weight[h] - expected[k][h]) <= 1e-4 * size[k][h] + 1e-12);
            }
            double weight = value.entries[i].weight[0] + value.entries[i].weight[1];
            assert_true(weight <= before);
            before = weight;
        }
    }
    struct feature_value value;
    layout_read(feature, record, now_ms, &value);
    assert_int_equal(value.entry_count, KEYS);
}

static void a_newcomer_takes_the_place_of_the_lightest(void **state)
{
    (void)state;
    compile(layout_defaults(declared, FEATURE_MAX));
    const struct feature *feature = layout_find(&layout, FEATURE_USER, "recent_categories");
    for (uint64_t key = 1; key <= FEATURE_CATEGORY_SLOTS; key++) {
        struct fact fact = fact_of(EVENT_CLICK, NOW_MS);
        fact.category_count = 1;
        fact.categories[0] = key;
        for (uint64_t i = 0; i < (key == 5 ? 1 : 3); i++)
            layout_apply(&layout, FEATURE_USER, record, &fact);
    }
    struct fact fact = fact_of(EVENT_VIEW, NOW_MS + 1);
    fact.category_count = 2;
    fact.categories[0] = 100;
    fact.categories[1] = 101;
    layout_apply(&layout, FEATURE_USER, record, &fact);
    struct feature_value value;
    layout_read(feature, record, NOW_MS + 1, &value);
    assert_int_equal(value.entry_count, FEATURE_CATEGORY_SLOTS);
    for (uint32_t i = 0; i < value.entry_count; i++)
        assert_true(value.entries[i].key != 5 && value.entries[i].key != 100);
    assert_int_equal(value.entries[FEATURE_CATEGORY_SLOTS - 1].key, 101);
}

static void a_record_carries_over_to_another_layout(void **state)
{
    (void)state;
    static struct layout other;
    uint64_t carried[1024];
    uint32_t count = layout_defaults(declared, FEATURE_MAX);
    compile(count);
    struct fact fact = fact_of(EVENT_CLICK, NOW_MS);
    for (int i = 0; i < 3; i++)
        layout_apply(&layout, FEATURE_CONTENT, record, &fact);
    /* In another order, one changed and one new. */
    struct feature_declaration swapped = declared[0];
    declared[0] = declared[1];
    declared[1] = swapped;
    declared[2].window_ms = 1200000;
    declared[count] = declare("shares_total", FEATURE_CONTENT, FEATURE_COUNT);
    declared[count].types_mask = ONLY(EVENT_SHARE);
    assert_int_equal(layout_compile(&other, declared, count + 1, &types, NULL), STATUS_OK);
    assert_true(other.version != layout.version);
    memset(carried, 0xEE, sizeof carried);
    layout_carry(&layout, record, &other, carried, FEATURE_CONTENT);
    struct feature_value value;
    layout_read(layout_find(&other, FEATURE_CONTENT, "clicks_10m"), carried, NOW_MS, &value);
    assert_true(value.number == 3);
    layout_read(layout_find(&other, FEATURE_CONTENT, "clicks_total"), carried, NOW_MS, &value);
    assert_true(value.number == 3);
    layout_read(layout_find(&other, FEATURE_CONTENT, "shares_total"), carried, NOW_MS, &value);
    assert_true(value.number == 0);
    layout_read(layout_find(&other, FEATURE_CONTENT, "views_10m"), carried, NOW_MS, &value);
    assert_true(value.number == 0);
}

static void the_version_is_of_the_meaning(void **state)
{
    (void)state;
    uint32_t count = layout_defaults(declared, FEATURE_MAX);
    compile(count);
    uint64_t version = layout.version;
    snprintf(declared[0].place, sizeof declared[0].place, "elsewhere:9");
    compile(count);
    assert_true(layout.version == version);
    declared[0].window_ms += 60;
    compile(count);
    assert_true(layout.version != version);
}

enum { SHARED_EVENTS = 100000 };

static void *write_shared(void *done)
{
    for (int i = 0; i < SHARED_EVENTS; i++) {
        struct fact fact = fact_of(EVENT_CLICK, NOW_MS + i * 100);
        fact.category_count = 1;
        fact.categories[0] = 1 + (uint64_t)i % 12;
        layout_apply(&layout, FEATURE_CONTENT, record, &fact);
        layout_apply(&layout, FEATURE_USER, record + 512, &fact);
    }
    __atomic_store_n((bool *)done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Under the thread sanitizer this also shows that no word is read plainly. */
static void readers_see_whole_words_while_one_writes(void **state)
{
    (void)state;
    pthread_t writer;
    bool done = false;
    struct feature_value value;
    double before = 0;
    compile(layout_defaults(declared, FEATURE_MAX));
    assert_true(layout.entity_bytes[FEATURE_CONTENT] <= 512 * 8 && layout.entity_bytes[FEATURE_USER] <= 512 * 8);
    const struct feature *total = layout_find(&layout, FEATURE_CONTENT, "clicks_total");
    const struct feature *recent = layout_find(&layout, FEATURE_CONTENT, "clicks_10m");
    const struct feature *categories = layout_find(&layout, FEATURE_USER, "recent_categories");
    assert_int_equal(pthread_create(&writer, NULL, write_shared, &done), 0);
    for (bool is_last = false; !is_last;) {
        is_last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
        layout_read(total, record, NOW_MS, &value);
        assert_true(value.number >= before && value.number <= SHARED_EVENTS);
        before = value.number;
        layout_read(recent, record, NOW_MS, &value);
        assert_true(value.number <= SHARED_EVENTS);
        layout_read(categories, record + 512, NOW_MS, &value);
        assert_true(value.entry_count <= FEATURE_CATEGORY_SLOTS);
        for (uint32_t i = 0; i < value.entry_count; i++)
            assert_true(value.entries[i].key >= 1 && value.entries[i].key <= 12 && value.entries[i].weight[1] >= 0);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_true(before == SHARED_EVENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(contradictions_are_refused, reset),
        cmocka_unit_test_setup(a_doubled_name_and_too_many_are_refused, reset),
        cmocka_unit_test_setup(the_shipped_features_count, reset),
        cmocka_unit_test_setup(equal_rings_are_shared, reset),
        cmocka_unit_test_setup(sums_means_and_last, reset),
        cmocka_unit_test_setup(a_mask_of_zero_is_all_types_with_content, reset),
        cmocka_unit_test_setup(random_categories, reset),
        cmocka_unit_test_setup(a_newcomer_takes_the_place_of_the_lightest, reset),
        cmocka_unit_test_setup(a_record_carries_over_to_another_layout, reset),
        cmocka_unit_test_setup(the_version_is_of_the_meaning, reset),
        cmocka_unit_test_setup(readers_see_whole_words_while_one_writes, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
