/* Goal: a profile is what the events of one person say: sessions, recents, features, packing.
 * Method: 100,000 random events in arrival order with late ones, ticks and cuts, against an
 * obvious second implementation that keeps every event and every session in lists and works
 * all values out anew; and single cases by hand. */
#include "feature/profile.h"

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

#define NOW_MS 1700000000000
enum { STEPS = 100000, GAP_MS = 30 * 60 * 1000, DAY_MS = 24 * 3600 * 1000, LIST_MAX = 2000, CONTENTS = 60 };

static struct event_types types;
static struct layout layout;
static struct hash_key key;
static struct profile_rules rules;
static uint64_t buffer[1024], buffer_back[1024];
static struct profile *const profile = (struct profile *)buffer;
static struct profile_session_change change;
static uint64_t offset;

static int reset(void **state)
{
    (void)state;
    static struct feature_declaration declared[FEATURE_MAX];
    struct problem problem;
    event_types_init(&types);
    assert_int_equal(layout_compile(&layout, declared, layout_defaults(declared, FEATURE_MAX), &types, &problem), STATUS_OK);
    hash_key_init(&key, (const unsigned char *)"0123456789abcdef");
    rules = (struct profile_rules){.types = &types, .layout = &layout, .key = &key, .session_gap_ms = GAP_MS};
    assert_true(profile_bytes(&layout) <= sizeof buffer);
    profile_init(profile, &layout, (struct hash128){1, 2});
    offset = 1000;
    return 0;
}

static uint64_t content_hash(const char *name)
{
    return hash_64(&key, name, strlen(name));
}

static struct event event_of(uint8_t type, const char *content)
{
    return (struct event){.type = type, .user_id = slice_of("u1"), .content_id = slice_of(content), .dwell_ms = -1, .value = NAN, .position = -1};
}

static void apply(uint8_t type, const char *content, int64_t time_ms)
{
    struct event event = event_of(type, content);
    profile_apply(profile, &rules, &event, time_ms, time_ms, offset++, &change);
}

static double read_user(const char *name, int64_t now_ms)
{
    struct feature_value value;
    profile_read(profile, layout_find(&layout, FEATURE_USER, name), now_ms, &value);
    return value.is_absent ? NAN : value.number;
}

static double read_session(const char *name, int64_t now_ms)
{
    struct feature_value value;
    profile_read(profile, layout_find(&layout, FEATURE_SESSION, name), now_ms, &value);
    return value.is_absent ? NAN : value.number;
}

/* ---- the second implementation ---- */

struct told {
    int64_t time_ms;
    int64_t dwell_ms;
    uint8_t type;
    char content[16];
};

struct plain_session {
    struct told events[LIST_MAX];
    uint32_t count;
};

struct ended {
    int64_t time_ms;
    double duration_ms, engagement;
};

static struct plain_session open_one;
static bool is_open;
static struct ended ends[LIST_MAX];
static uint32_t end_count;
static struct profile_recent newest[LIST_MAX];
static uint32_t newest_count;
static uint32_t session_total;

static int64_t edge_ms(const struct plain_session *session, bool is_last)
{
    int64_t edge = session->events[0].time_ms;
    for (uint32_t i = 1; i < session->count; i++)
        if ((session->events[i].time_ms > edge) == is_last)
            edge = session->events[i].time_ms;
    return edge;
}

static double plain_engagement(const struct plain_session *session)
{
    double sum = 0, impressions = 0;
    for (uint32_t i = 0; i < session->count; i++) {
        double dwell_s = session->events[i].dwell_ms > 0 ? (double)session->events[i].dwell_ms / 1000 : 0;
        sum += types.rows[session->events[i].type].strength * (1 + log(1 + fmin(dwell_s, 300) / 10));
        impressions += session->events[i].type == EVENT_IMPRESSION;
    }
    return sum / (1 + impressions);
}

static void plain_end(void)
{
    int64_t start_ms = edge_ms(&open_one, false), last_ms = edge_ms(&open_one, true);
    ends[end_count++] = (struct ended){last_ms, (double)(last_ms - start_ms), plain_engagement(&open_one)};
    is_open = false;
}

static void plain_recent(const struct told *told, bool is_in_session)
{
    uint32_t at = 0, time_s = (uint32_t)(told->time_ms / 1000);
    struct profile_recent entry = {content_hash(told->content), time_s, told->type, is_in_session,
                                   is_in_session ? (uint16_t)session_total : 0};
    while (at < newest_count && newest[at].time_s > time_s)
        at++;
    if (at > 0 && newest[at - 1].content == entry.content)
        return;
    if (at < newest_count && newest[at].content == entry.content) {
        newest[at] = entry;
        return;
    }
    for (uint32_t i = newest_count; i > at; i--)
        newest[i] = newest[i - 1];
    newest[at] = entry;
    newest_count++;
}

static void plain_apply(const struct told *told)
{
    bool is_member = true;
    if (is_open) {
        int64_t start_ms = edge_ms(&open_one, false), last_ms = edge_ms(&open_one, true);
        if (told->time_ms - last_ms > GAP_MS || (told->type == EVENT_SESSION_START && told->time_ms >= last_ms))
            plain_end();
        else if (told->time_ms < start_ms - (told->type == EVENT_SESSION_END ? 0 : GAP_MS))
            is_member = false;
    }
    if (!is_open && told->type == EVENT_SESSION_END) {
        is_member = false;
    } else if (!is_open) {
        is_open = true;
        open_one.count = 0;
        session_total++;
    }
    if (is_member)
        open_one.events[open_one.count++] = *told;
    if (types.rows[told->type].is_neighbour)
        plain_recent(told, is_member);
    if (is_member && told->type == EVENT_SESSION_END)
        plain_end();
}

static void plain_compare(int64_t now_ms)
{
    uint32_t count = 0;
    double duration = 0, engagement = 0, size = 0;
    for (uint32_t i = 0; i < end_count; i++) {
        int64_t bucket = ends[i].time_ms * 60 / DAY_MS;
        if ((bucket + 1) * DAY_MS <= 60 * (now_ms - DAY_MS))
            continue;
        count++;
        duration += ends[i].duration_ms;
        engagement += ends[i].engagement;
        size += fabs(ends[i].engagement);
    }
    assert_true(read_user("session_count_1d", now_ms) == count);
    if (count > 0) {
        assert_true(fabs(read_user("session_duration_mean_1d", now_ms) - duration / count) < 1e-6);
        assert_true(fabs(read_user("engagement_mean_1d", now_ms) - engagement / count) < 0.001 + 1e-9 * size);
    } else {
        assert_true(isnan(read_user("engagement_mean_1d", now_ms)));
    }
    assert_int_equal(profile->session.id != 0, is_open);
    if (is_open) {
        double expected = plain_engagement(&open_one);
        assert_true(read_session("session_duration_ms", now_ms) == (double)(edge_ms(&open_one, true) - edge_ms(&open_one, false)));
        assert_true(fabs(read_session("engagement", now_ms) - expected) < 1e-6 * (1 + fabs(expected)));
        assert_int_equal(profile->session.event_count, open_one.count);
        assert_int_equal(profile_deadline(profile, &rules), edge_ms(&open_one, true) + GAP_MS + 1);
    } else {
        assert_true(isnan(read_session("engagement", now_ms)));
        assert_int_equal(profile_deadline(profile, &rules), 0);
    }
    assert_int_equal(profile->sessions_total, session_total);
    for (uint32_t i = 0; i < PROFILE_RECENT && i < newest_count; i++)
        assert_memory_equal(&profile->recent[i], &newest[i], sizeof newest[i]);
}

static uint8_t random_type(struct rng *rng)
{
    static const uint8_t RARE[] = {EVENT_SESSION_START, EVENT_SESSION_END, EVENT_DISLIKE, EVENT_LIKE, EVENT_IDENTIFY, EVENT_PURCHASE};
    uint64_t draw = rng_below(rng, 100);
    return draw < 12 ? RARE[draw / 2] : draw < 30 ? EVENT_IMPRESSION : draw < 60 ? EVENT_CLICK : EVENT_VIEW;
}

static void random_person(struct rng *rng, uint32_t steps)
{
    int64_t now_ms = NOW_MS;
    profile_init(profile, &layout, (struct hash128){rng_next(rng), 7});
    is_open = false;
    end_count = newest_count = session_total = 0;
    open_one.count = 0;
    for (uint32_t step = 0; step < steps; step++) {
        struct told told = {.type = random_type(rng), .dwell_ms = rng_below(rng, 2) ? -1 : (int64_t)rng_below(rng, 500000)};
        now_ms += (int64_t)rng_below(rng, rng_below(rng, 20) == 0 ? 3 * GAP_MS : GAP_MS / 30);
        told.time_ms = now_ms - (rng_below(rng, 6) == 0 ? (int64_t)rng_below(rng, 4 * GAP_MS) : 0);
        snprintf(told.content, sizeof told.content, "c%u", (unsigned)rng_below(rng, CONTENTS));
        if (rng_below(rng, 4) == 0) {
            struct profile_session ended;
            bool is_over = is_open && edge_ms(&open_one, true) + GAP_MS < now_ms;
            assert_int_equal(profile_expire(profile, &rules, now_ms, &ended), is_over);
            if (is_over)
                plain_end();
        }
        struct event event = event_of(told.type, told.content);
        event.dwell_ms = told.dwell_ms;
        uint32_t ended_before = end_count, opened_before = session_total;
        profile_apply(profile, &rules, &event, told.time_ms, now_ms, offset++, &change);
        plain_apply(&told);
        assert_int_equal(change.has_ended, end_count - ended_before);
        assert_int_equal(change.has_opened, session_total - opened_before);
        if (change.has_ended)
            assert_true(profile_session_duration_ms(&change.ended) == (int64_t)ends[end_count - 1].duration_ms);
        plain_compare(now_ms + (int64_t)rng_below(rng, 2) * (int64_t)rng_below(rng, DAY_MS));
    }
    assert_true(read_user("events_total", now_ms) == steps && profile->events_total == steps);
}

static void random_people(void **state)
{
    (void)state;
    const char *given = getenv("PENCHANT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# PENCHANT_SEED=%llu\n", (unsigned long long)seed);
    struct rng rng;
    rng_init(&rng, seed, 1);
    for (uint32_t done = 0; done < STEPS;) {
        uint32_t steps = 1 + (uint32_t)rng_below(&rng, rng_below(&rng, 3) ? 50 : LIST_MAX / 2);
        random_person(&rng, steps);
        done += steps;
        char packed[16384], again[16384];
        assert_true(profile_packed_max(&layout) <= sizeof packed);
        uint32_t size = profile_pack(profile, &layout, packed);
        memset(buffer_back, 0xEE, sizeof buffer_back);
        assert_true(profile_unpack(packed, size, &layout, (struct profile *)buffer_back));
        assert_memory_equal(buffer, buffer_back, profile_bytes(&layout));
        assert_int_equal(profile_pack((struct profile *)buffer_back, &layout, again), size);
        assert_memory_equal(packed, again, size);
    }
}

/* ---- by hand ---- */

static void the_gap_is_inclusive(void **state)
{
    (void)state;
    apply(EVENT_VIEW, "a", NOW_MS);
    assert_true(change.has_opened && !change.has_ended && !change.is_outside);
    uint64_t first = profile->session.id;
    apply(EVENT_VIEW, "b", NOW_MS + GAP_MS);
    assert_true(!change.has_opened && profile->session.id == first);
    struct profile_session ended;
    assert_false(profile_expire(profile, &rules, NOW_MS + 2 * GAP_MS, &ended));
    apply(EVENT_VIEW, "c", NOW_MS + 2 * GAP_MS + 1);
    assert_true(change.has_opened && change.has_ended && change.ended.id == first && profile->session.id != first);
    assert_int_equal(change.ended.last_ms, NOW_MS + GAP_MS);
    assert_int_equal(change.ended.event_count, 2);
    assert_false(profile_expire(profile, &rules, NOW_MS + 3 * GAP_MS + 1, &ended));
    assert_int_equal(profile_deadline(profile, &rules), NOW_MS + 3 * GAP_MS + 2);
    assert_true(profile_expire(profile, &rules, NOW_MS + 3 * GAP_MS + 2, &ended));
    assert_false(profile_expire(profile, &rules, INT64_MAX, &ended));
}

static void an_early_event_counts_to_none(void **state)
{
    (void)state;
    apply(EVENT_VIEW, "a", NOW_MS);
    apply(EVENT_VIEW, "b", NOW_MS - GAP_MS);
    assert_true(!change.is_outside && profile->session.start_ms == NOW_MS - GAP_MS);
    apply(EVENT_VIEW, "c", NOW_MS - 2 * GAP_MS - 1);
    assert_true(change.is_outside && !change.has_ended && profile->session.event_count == 2);
    assert_int_equal(profile->recent[2].content, content_hash("c"));
    assert_false(profile_is_in_session(profile, &profile->recent[2]));
    assert_true(profile_is_in_session(profile, &profile->recent[0]));
    apply(EVENT_SESSION_END, "", NOW_MS - GAP_MS - 1);
    assert_true(change.is_outside && profile->session.id != 0);
}

static void starts_and_ends_cut(void **state)
{
    (void)state;
    apply(EVENT_SESSION_END, "", NOW_MS);
    assert_true(change.is_outside && !change.has_opened && profile->session.id == 0);
    apply(EVENT_SESSION_START, "", NOW_MS);
    apply(EVENT_VIEW, "a", NOW_MS + 1);
    apply(EVENT_SESSION_START, "", NOW_MS + 2);
    assert_true(change.has_ended && change.has_opened && change.ended.event_count == 2);
    apply(EVENT_SESSION_START, "", NOW_MS + 1);
    assert_true(!change.has_ended && !change.has_opened);
    apply(EVENT_CLICK, "a", NOW_MS + 3);
    apply(EVENT_SESSION_END, "", NOW_MS + 5);
    assert_true(change.has_ended && !change.is_outside && profile->session.id == 0);
    assert_int_equal(profile_session_duration_ms(&change.ended), 4);
    assert_int_equal(profile->sessions_total, 2);
    assert_true(read_user("session_count_1d", NOW_MS + 5) == 2);
}

static void engagement_is_the_formula(void **state)
{
    (void)state;
    struct event event = event_of(EVENT_CLICK, "a");
    event.dwell_ms = 20000;
    profile_apply(profile, &rules, &event, NOW_MS, NOW_MS, 1, &change);
    assert_true(fabs(read_session("engagement", NOW_MS) - 2 * (1 + log(3))) < 1e-8);
    event.dwell_ms = 99999999;
    profile_apply(profile, &rules, &event, NOW_MS, NOW_MS, 2, &change);
    assert_true(fabs(read_session("engagement", NOW_MS) - 2 * (2 + log(3) + log(31))) < 1e-8);
    apply(EVENT_IMPRESSION, "b", NOW_MS);
    assert_true(fabs(read_session("engagement", NOW_MS) - (2 + log(3) + log(31))) < 1e-8);
}

static void recents_are_steps_newest_first(void **state)
{
    (void)state;
    struct feature_value value;
    assert_true(profile_is_step(profile, content_hash("a")));
    apply(EVENT_VIEW, "a", NOW_MS);
    assert_false(profile_is_step(profile, content_hash("a")));
    apply(EVENT_CLICK, "a", NOW_MS + 2000);
    apply(EVENT_IMPRESSION, "shown", NOW_MS + 2000);
    apply(EVENT_DISLIKE, "bad", NOW_MS + 2000);
    apply(EVENT_VIEW, "late", NOW_MS - 5000);
    apply(EVENT_VIEW, "b", NOW_MS + 3000);
    static const char *const EXPECTED[] = {"b", "a", "late"};
    profile_read(profile, layout_find(&layout, FEATURE_USER, "recent_contents"), NOW_MS, &value);
    assert_int_equal(value.entry_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(value.entries[i].key, content_hash(EXPECTED[i]));
    assert_true(value.entries[1].weight[0] == NOW_MS / 1000 + 2 && value.entries[1].weight[1] == EVENT_CLICK);
    for (int i = 0; i < 30; i++) {
        char name[24];
        snprintf(name, sizeof name, "n%d", i);
        apply(EVENT_VIEW, name, NOW_MS + 10000 + i * 1000);
    }
    apply(EVENT_VIEW, "too late", NOW_MS);
    profile_read(profile, layout_find(&layout, FEATURE_USER, "recent_contents"), NOW_MS, &value);
    assert_int_equal(value.entry_count, PROFILE_RECENT);
    assert_int_equal(value.entries[19].key, content_hash("n10"));
}

static void dislikes_are_kept_and_taken_back(void **state)
{
    (void)state;
    char name[24];
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof name, "d%d", i);
        apply(EVENT_DISLIKE, name, NOW_MS + i);
    }
    assert_false(profile_has_disliked(profile, content_hash("d0")));
    assert_false(profile_has_disliked(profile, 0));
    assert_true(profile_has_disliked(profile, content_hash("d1")));
    apply(EVENT_DISLIKE, "d1", NOW_MS + 10);
    assert_int_equal(profile->disliked[0], content_hash("d1"));
    assert_true(profile_has_disliked(profile, content_hash("d2")));
    apply(EVENT_LIKE, "d5", NOW_MS + 11);
    assert_false(profile_has_disliked(profile, content_hash("d5")));
    assert_true(profile_has_disliked(profile, content_hash("d4")) && profile_has_disliked(profile, content_hash("d6")));
    assert_int_equal(profile->disliked[7], 0);
}

static void the_seen_filter_stays_useful(void **state)
{
    (void)state;
    enum { SEEN = 3000, REMEMBERED = 40 };
    char name[24];
    for (int i = 0; i < SEEN; i++) {
        snprintf(name, sizeof name, "s%d", i);
        apply(EVENT_VIEW, name, NOW_MS + i);
        for (int k = i; k > i - REMEMBERED && k >= 0; k--) {
            snprintf(name, sizeof name, "s%d", k);
            assert_true(profile_has_seen(profile, content_hash(name)));
        }
    }
    apply(EVENT_IMPRESSION, "only shown", NOW_MS);
    int alarms = 0;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "never%d", i);
        alarms += profile_has_seen(profile, content_hash(name));
    }
    assert_true(alarms < 10000 / 4);
}

static void trends_take_one_per_content_and_minute(void **state)
{
    (void)state;
    assert_true(profile_take_trend(profile, 1, NOW_MS));
    assert_false(profile_take_trend(profile, 1, NOW_MS));
    assert_true(profile_take_trend(profile, 2, NOW_MS));
    assert_true(profile_take_trend(profile, 3, NOW_MS));
    assert_true(profile_take_trend(profile, 4, NOW_MS));
    assert_false(profile_take_trend(profile, 5, NOW_MS));
    assert_true(profile_take_trend(profile, 1, NOW_MS + 60000));
    assert_false(profile_take_trend(profile, 2, NOW_MS));
    assert_false(profile_take_trend(profile, 0, NOW_MS + 120000));
}

static void segments(void **state)
{
    (void)state;
    assert_string_equal(profile_segment(profile, NOW_MS), "new");
    apply(EVENT_SESSION_START, "", NOW_MS);
    assert_string_equal(profile_segment(profile, NOW_MS), "new");
    apply(EVENT_SESSION_START, "", NOW_MS + 1);
    assert_string_equal(profile_segment(profile, NOW_MS + 1), "returning");
    for (int i = 0; i < 5; i++)
        apply(EVENT_SESSION_START, "", NOW_MS + 2 + i);
    assert_string_equal(profile_segment(profile, NOW_MS + 7), "heavy");
    assert_string_equal(profile_segment(profile, NOW_MS + 8 * (int64_t)DAY_MS), "returning");
}

static void an_unknown_type_leaves_the_features_alone(void **state)
{
    (void)state;
    struct event event = event_of(EVENT_VIEW, "a");
    event.type = EVENT_TYPE_UNKNOWN;
    profile_apply(profile, &rules, &event, NOW_MS, NOW_MS, 5, &change);
    assert_int_equal(profile->events_total, 1);
    assert_int_equal(profile->last_offset, 5);
    assert_true(read_user("events_total", NOW_MS) == 0);
    assert_int_equal(profile->recent[0].content, 0);
}

static void the_head_remembers_the_last(void **state)
{
    (void)state;
    struct event event = event_of(EVENT_VIEW, "a");
    event.device = DEVICE_MOBILE;
    event.country = slice_of("DE");
    profile_apply(profile, &rules, &event, NOW_MS, NOW_MS + 9, 5, &change);
    apply(EVENT_VIEW, "b", NOW_MS + 20);
    assert_int_equal(profile->device, DEVICE_MOBILE);
    assert_memory_equal(profile->country, "DE", 2);
    assert_int_equal(profile->first_seen_ms, NOW_MS);
    assert_int_equal(profile->last_received_ms, NOW_MS + 20);
}

static void a_clock_that_runs_ahead_pushes_nothing_out(void **state)
{
    (void)state;
    apply(EVENT_VIEW, "a", NOW_MS);
    apply(EVENT_SESSION_END, "", NOW_MS);
    struct event event = event_of(EVENT_SESSION_START, "");
    profile_apply(profile, &rules, &event, NOW_MS + 300000, NOW_MS + 1, 7, &change);
    event.type = EVENT_SESSION_END;
    profile_apply(profile, &rules, &event, NOW_MS + 300000, NOW_MS + 2, 8, &change);
    assert_true(change.has_ended);
    assert_true(read_user("session_count_1d", NOW_MS + 2) == 2);
    assert_int_equal(((const struct window_probe { int64_t newest; } *)(const void *)((const char *)profile_features_const(profile) +
                      layout_find(&layout, FEATURE_USER, "session_count_1d")->offset))->newest, (NOW_MS + 2) * 60 / DAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_people, reset),
        cmocka_unit_test_setup(the_gap_is_inclusive, reset),
        cmocka_unit_test_setup(an_early_event_counts_to_none, reset),
        cmocka_unit_test_setup(starts_and_ends_cut, reset),
        cmocka_unit_test_setup(engagement_is_the_formula, reset),
        cmocka_unit_test_setup(recents_are_steps_newest_first, reset),
        cmocka_unit_test_setup(dislikes_are_kept_and_taken_back, reset),
        cmocka_unit_test_setup(the_seen_filter_stays_useful, reset),
        cmocka_unit_test_setup(trends_take_one_per_content_and_minute, reset),
        cmocka_unit_test_setup(segments, reset),
        cmocka_unit_test_setup(an_unknown_type_leaves_the_features_alone, reset),
        cmocka_unit_test_setup(the_head_remembers_the_last, reset),
        cmocka_unit_test_setup(a_clock_that_runs_ahead_pushes_nothing_out, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
