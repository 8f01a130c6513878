/* Goal: event_parse takes what the specification takes, refuses the rest with pointer, reason and
 * fix, and fills hour, day and device.
 * Method: tables of JSON; every refused field is named; random bytes in every field never
 * give an event outside its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "schema/event.h"
#include "wire/json_writer.h"

static const uint64_t SEED = 19;
static const int64_t NOW_MS = 1764000000000; /* Monday 2025-11-24T16:00:00Z */

static struct json_parser *parser;
static struct event_types types;
static struct event_rules rules = {.types = &types, .now_ms = 1764000000000, .device = DEVICE_TABLET};

static enum status parse(struct slice text, struct event *event, bool *is_ahead, struct problem *problem)
{
    const struct json_value *values;
    uint32_t count;
    assert_int_equal(json_parse(parser, text, &values, &count, problem), STATUS_OK);
    return event_parse(values, 0, &rules, event, is_ahead, problem);
}

static struct event must_parse(const char *text)
{
    struct event event;
    struct problem problem = {.detail = ""};
    bool is_ahead;
    if (parse(slice_of(text), &event, &is_ahead, &problem) != STATUS_OK)
        fail_msg("%s: %s %s", text, problem.pointer, problem.detail);
    return event;
}

static void test_all_fields(void **state)
{
    (void)state;
    struct event e = must_parse(
        "{\"event_id\":\"e1\",\"user_id\":\"u1\",\"anonymous_id\":\"a1\",\"session_id\":\"s1\",\"timestamp\":\"2025-11-24T15:59:59.5+05:30\","
        "\"event_type\":\"click\",\"content_id\":\"c1\",\"device_type\":\"tv\",\"location\":{\"country\":\"de\",\"region\":\"BY\",\"city\":\"M\\u00fcnchen\",\"x\":1},"
        "\"categories\":[\"news\",\"sport\"],\"dwell_ms\":1500.9,\"value\":-2.5,\"request_id\":\"r1\",\"position\":3,\"placement\":\"home\","
        "\"context\":{\"k\":[1, \"\\\"\"]},\"unknown\":[{}]}");
    assert_true(slice_is(e.event_id, "e1") && slice_is(e.user_id, "u1") && slice_is(e.anonymous_id, "a1") && slice_is(e.session_id, "s1"));
    assert_true(slice_is(e.content_id, "c1") && slice_is(e.request_id, "r1") && slice_is(e.placement, "home"));
    assert_true(slice_is(e.country, "DE") && slice_is(e.region, "BY") && slice_is(e.city, "M\xc3\xbcnchen"));
    assert_true(slice_is(e.context, "{\"k\":[1, \"\\\"\"]}"));
    assert_int_equal(e.timestamp_ms, NOW_MS - 500 - 330 * 60000);
    assert_int_equal(e.hour_of_day, 15); /* the timestamp's own offset */
    assert_int_equal(e.day_of_week, 0);
    assert_int_equal(e.type, EVENT_CLICK);
    assert_int_equal(e.device, DEVICE_TV);
    assert_int_equal(e.category_count, 2);
    assert_true(slice_is(e.categories[0], "news") && slice_is(e.categories[1], "sport"));
    assert_int_equal(e.dwell_ms, 1500);
    assert_true(e.value == -2.5);
    assert_int_equal(e.position, 3);
    assert_true(slice_is(event_owner(&e), "u1"));
}

static void test_least(void **state)
{
    (void)state;
    struct event e = must_parse("{\"anonymous_id\":\"a\",\"event_type\":\"session_start\",\"content_id\":null,\"timestamp\":null,\"categories\":null,"
                                "\"location\":null,\"context\":null,\"device_type\":null,\"value\":null}");
    assert_true(slice_is(event_owner(&e), "a") && e.user_id.data == NULL && e.content_id.data == NULL && e.context.data == NULL);
    assert_true(e.timestamp_ms == EVENT_TIME_ABSENT && e.dwell_ms == -1 && isnan(e.value) && e.position == -1);
    assert_int_equal(e.device, DEVICE_TABLET); /* the request's */
    assert_int_equal(e.hour_of_day, 16);       /* of now */
    assert_int_equal(e.day_of_week, 0);
    rules.zone_minutes = -17 * 60;
    e = must_parse("{\"user_id\":\"a\",\"event_type\":\"session_start\"}");
    assert_int_equal(e.hour_of_day, 23);
    assert_int_equal(e.day_of_week, 6);
    e = must_parse("{\"user_id\":\"a\",\"event_type\":\"session_start\",\"timestamp\":1763999999999}");
    assert_int_equal(e.hour_of_day, 22); /* numbers have no offset: the setting's zone */
    e = must_parse("{\"user_id\":\"a\",\"event_type\":\"session_start\",\"timestamp\":\"2025-11-24T16:00:00Z\"}");
    assert_int_equal(e.hour_of_day, 16);
    rules.zone_minutes = 0;
    /* The first member of a name counts; null counts as absent. */
    e = must_parse("{\"user_id\":null,\"user_id\":\"a\",\"user_id\":\"b\",\"event_type\":\"identify\"}");
    assert_true(slice_is(e.user_id, "a"));
}

static void test_ahead(void **state)
{
    (void)state;
    const struct { const char *time; bool is_ahead; } rows[] = {
        {"1764000300000", false}, {"1764000300001", true}, {"\"2025-11-24T16:05:00Z\"", false}, {"\"2025-11-24T16:05:00.001Z\"", true},
        {"1764000000000000", true}, {"1.764e12", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        struct event event;
        bool is_ahead = !rows[i].is_ahead;
        snprintf(text, sizeof text, "{\"user_id\":\"u\",\"event_type\":\"view\",\"content_id\":\"c\",\"timestamp\":%s}", rows[i].time);
        assert_int_equal(parse(slice_of(text), &event, &is_ahead, NULL), STATUS_OK);
        assert_int_equal(is_ahead, rows[i].is_ahead);
        assert_int_equal(event.timestamp_ms == EVENT_TIME_ABSENT, rows[i].is_ahead);
        assert_int_equal(event.hour_of_day, 16);
    }
}

#define OWNER "\"user_id\":\"u\","
#define VIEW "\"user_id\":\"u\",\"event_type\":\"view\",\"content_id\":\"c\","
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void test_refused(void **state)
{
    (void)state;
    const struct { const char *text; const char *pointer; const char *reason; const char *fix; } rows[] = {
        {"[1]", "", "object", "user_id"},
        {"{}", "/user_id", "required", "anonymous_id"},
        {"{\"user_id\":\"\",\"event_type\":\"view\"}", "/user_id", "empty", "1 to 128"},
        {"{\"user_id\":42}", "/user_id", "string", "text"},
        {"{\"user_id\":\"" HUNDRED TEN TEN "012345678\"}", "/user_id", "too long", "128"},
        {"{\"user_id\":\"a\\u0000b\"}", "/user_id", "control", "control"},
        {"{\"user_id\":\"0123456789\\u007f\"}", "/user_id", "control", "control"},
        {"{\"user_id\":\"0123\\u007f456789\"}", "/user_id", "control", "control"},
        {"{\"user_id\":\"0123\\n456789\"}", "/user_id", "control", "control"},
        {"{\"user_id\":\"u\",\"anonymous_id\":\"\"}", "/anonymous_id", "empty", "leave it out"},
        {"{" OWNER "\"event_id\":\"" TEN TEN TEN TEN TEN TEN "01234\"}", "/event_id", "too long", "64"},
        {"{" OWNER "\"event_id\":[]}", "/event_id", "string", "64"},
        {"{" OWNER "\"session_id\":\"\\u001f\"}", "/session_id", "control", "control"},
        {"{" OWNER "\"request_id\":\"\"}", "/request_id", "empty", ""},
        {"{" OWNER "\"placement\":7}", "/placement", "string", ""},
        {"{" OWNER "\"event_type\":\"vieww\"}", "/event_type", "\"vieww\" is not known", "send one of view, click, like, dislike, share"},
        {"{" OWNER "\"event_type\":\"a\\u0000\"}", "/event_type", "is not known", "identify"},
        {"{" OWNER "\"event_type\":\"\"}", "/event_type", "is not known", "identify"},
        {"{" OWNER "\"event_type\":1}", "/event_type", "string", "view"},
        {"{" OWNER "\"x\":1}", "/event_type", "required", "view"},
        {"{" OWNER "\"event_type\":\"view\"}", "/content_id", "required", "content"},
        {"{" OWNER "\"event_type\":\"view\",\"content_id\":\"\"}", "/content_id", "empty", "128"},
        {"{" OWNER "\"event_type\":\"view\",\"content_id\":\"" HUNDRED TEN TEN "012345678\"}", "/content_id", "too long", "128"},
        {"{" VIEW "\"timestamp\":1764000000}", "/timestamp", "looks like seconds", "multiply by 1000"},
        {"{" VIEW "\"timestamp\":99999999999}", "/timestamp", "looks like seconds", "multiply by 1000"},
        {"{" VIEW "\"timestamp\":-5}", "/timestamp", "looks like seconds", "milliseconds"},
        {"{" VIEW "\"timestamp\":1e17}", "/timestamp", "too large", "milliseconds"},
        {"{" VIEW "\"timestamp\":\"yesterday\"}", "/timestamp", "RFC 3339", "2026-11-24T10:00:00.000Z"},
        {"{" VIEW "\"timestamp\":true}", "/timestamp", "neither", "RFC 3339"},
        {"{" VIEW "\"device_type\":\"phone\"}", "/device_type", "not known", "desktop, mobile, tablet"},
        {"{" VIEW "\"device_type\":\"none\"}", "/device_type", "not known", "desktop"},
        {"{" VIEW "\"device_type\":3}", "/device_type", "not known", "desktop"},
        {"{" VIEW "\"location\":\"DE\"}", "/location", "object", "country"},
        {"{" VIEW "\"location\":{\"country\":\"DEU\"}}", "/location/country", "country code", "DE"},
        {"{" VIEW "\"location\":{\"country\":\"D1\"}}", "/location/country", "country code", "DE"},
        {"{" VIEW "\"location\":{\"country\":\"\xc3\xa9\"}}", "/location/country", "country code", "DE"},
        {"{" VIEW "\"location\":{\"region\":5}}", "/location/region", "string", "128"},
        {"{" VIEW "\"location\":{\"city\":\"\"}}", "/location/city", "empty", "leave it out"},
        {"{" VIEW "\"categories\":\"news\"}", "/categories", "array", "8"},
        {"{" VIEW "\"categories\":[\"a\",1]}", "/categories/1", "string", "64"},
        {"{" VIEW "\"categories\":[\"\"]}", "/categories/0", "empty", "64"},
        {"{" VIEW "\"categories\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]}", "/categories", "more than 8", "8"},
        {"{" VIEW "\"dwell_ms\":-1}", "/dwell_ms", "milliseconds", "milliseconds"},
        {"{" VIEW "\"dwell_ms\":\"3\"}", "/dwell_ms", "milliseconds", "milliseconds"},
        {"{" VIEW "\"dwell_ms\":1e300}", "/dwell_ms", "milliseconds", "milliseconds"},
        {"{" VIEW "\"value\":\"3\"}", "/value", "number", "number"},
        {"{" VIEW "\"position\":1001}", "/position", "1000", "slot"},
        {"{" VIEW "\"position\":-1}", "/position", "1000", "slot"},
        {"{" VIEW "\"position\":1.5}", "/position", "1000", "slot"},
        {"{" VIEW "\"context\":[]}", "/context", "object", "object"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event;
        bool is_ahead;
        struct problem problem = {.detail = ""};
        if (parse(slice_of(rows[i].text), &event, &is_ahead, &problem) != STATUS_BAD_EVENT)
            fail_msg("taken: %s", rows[i].text);
        if (strcmp(problem.pointer, rows[i].pointer) != 0 || strstr(problem.detail, rows[i].reason) == NULL ||
            strstr(problem.fix, rows[i].fix) == NULL)
            fail_msg("%s: %s | %s | %s", rows[i].text, problem.pointer, problem.detail, problem.fix);
        assert_int_equal(parse(slice_of(rows[i].text), &event, &is_ahead, NULL), STATUS_BAD_EVENT);
    }
}

static void test_edges_taken(void **state)
{
    (void)state;
    must_parse("{\"user_id\":\"" HUNDRED TEN TEN "01234567\",\"event_type\":\"view\",\"content_id\":\"" HUNDRED TEN TEN "01234567\"}");
    must_parse("{" VIEW "\"position\":1000,\"categories\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]}");
    must_parse("{" VIEW "\"position\":0.0,\"dwell_ms\":0,\"value\":0,\"categories\":[],\"location\":{},\"context\":{}}");
    assert_true(slice_is(must_parse("{\"user_id\":\"\xf0\x9f\x98\x80 \xc2\x80\",\"event_type\":\"identify\"}").user_id, "\xf0\x9f\x98\x80 \xc2\x80"));
    struct event e = must_parse("{" VIEW "\"timestamp\":100000000000}");
    assert_int_equal(e.timestamp_ms, 100000000000);
}

static void test_times(void **state)
{
    (void)state;
    const struct { const char *text; int64_t ms; int32_t offset; } good[] = {
        {"1970-01-01T00:00:00Z", 0, 0}, {"1970-01-01T00:00:00.001z", 1, 0}, {"2000-02-29t12:30:45.6789+01:00", 951823845678, 60},
        {"2024-12-31 23:59:60Z", 1735689600000, 0}, {"0000-01-01T00:00:00Z", -62167219200000, 0}, {"9999-12-31T23:59:59.999999999-23:59", 253402387139999, -1439},
        {"1969-12-31T23:59:59.9Z", -100, 0}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = 1;
        int32_t offset = 1;
        assert_true(event_time_parse(slice_of(good[i].text), &ms, &offset));
        assert_int_equal(ms, good[i].ms);
        assert_int_equal(offset, good[i].offset);
    }
    static const char *const bad[] = {"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00ZZ",
        "2024-01-01X00:00:00Z", "2024/01/01T00:00:00Z", "-024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456789012345678901234567890Z", "2024-01-01T 0:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms;
        int32_t offset;
        if (event_time_parse(slice_of(bad[i]), &ms, &offset))
            fail_msg("taken: %s", bad[i]);
    }
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (int i = 0; i < 20000; i++) {
        time_t s = (time_t)rng_below(&rng, 315537897600) - 62135596800;
        struct tm parts;
        char text[64], tail[40];
        gmtime_r(&s, &parts);
        strftime(tail, sizeof tail, "-%m-%dT%H:%M:%SZ", &parts);
        snprintf(text, sizeof text, "%04d%s", parts.tm_year + 1900, tail);
        int64_t ms;
        int32_t offset;
        assert_true(event_time_parse(slice_of(text), &ms, &offset));
        assert_int_equal(ms, (int64_t)s * 1000);
        /* hour and weekday as the C library has them */
        struct json_value value = {.kind = JSON_OBJECT, .next = 4};
        struct json_value values[] = {value, {.kind = JSON_STRING, .next = 2, .key = slice_of("user_id"), .text = slice_of("u")},
            {.kind = JSON_STRING, .next = 3, .key = slice_of("event_type"), .text = slice_of("identify")},
            {.kind = JSON_STRING, .next = 4, .key = slice_of("timestamp"), .text = slice_of(text)}};
        struct event event;
        bool is_ahead;
        assert_int_equal(event_parse(values, 0, &rules, &event, &is_ahead, NULL), STATUS_OK);
        if (!is_ahead) {
            assert_int_equal(event.hour_of_day, parts.tm_hour);
            assert_int_equal(event.day_of_week, (parts.tm_wday + 6) % 7);
        }
    }
}

static void test_devices(void **state)
{
    (void)state;
    const struct { const char *agent; uint8_t device; } rows[] = {
        {"", DEVICE_NONE}, {"curl/8.0", DEVICE_OTHER},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36", DEVICE_DESKTOP},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15", DEVICE_DESKTOP},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", DEVICE_DESKTOP},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148", DEVICE_MOBILE},
        {"Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0 Mobile Safari/537.36", DEVICE_MOBILE},
        {"Mozilla/5.0 (Linux; Android 13; SM-X710) Chrome/120.0 Safari/537.36", DEVICE_TABLET},
        {"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Mobile/15E148", DEVICE_TABLET},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) Edge/44.18363", DEVICE_CONSOLE},
        {"Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15", DEVICE_CONSOLE},
        {"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 TV Safari/538.1", DEVICE_TV},
        {"Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/79.0", DEVICE_TV},
        {"Mozilla/5.0 (Linux; Android 9; AFTT) Silk/108 like Chrome/108 Safari/537.36", DEVICE_TV}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (event_device_of(slice_of(rows[i].agent)) != rows[i].device)
            fail_msg("%s: %s", rows[i].agent, event_device_name(event_device_of(slice_of(rows[i].agent))));
    for (uint8_t d = DEVICE_DESKTOP; d < DEVICE_COUNT; d++)
        assert_int_equal(event_device_find(slice_of(event_device_name(d))), d);
    assert_int_equal(event_device_find(slice_of("none")), DEVICE_COUNT);
    assert_int_equal(event_device_find((struct slice){NULL, 0}), DEVICE_COUNT);
    assert_string_equal(event_device_name(DEVICE_NONE), "none");
}

static void test_types(void **state)
{
    (void)state;
    struct event_types t;
    struct problem problem;
    event_types_init(&t);
    assert_int_equal(t.count, EVENT_TYPE_SHIPPED);
    assert_int_equal(event_types_find(&t, slice_of("identify")), EVENT_IDENTIFY);
    assert_int_equal(event_types_find(&t, slice_of("View")), EVENT_TYPE_UNKNOWN);
    assert_int_equal(event_types_find(&t, (struct slice){NULL, 0}), EVENT_TYPE_UNKNOWN);
    assert_true(t.rows[EVENT_DISLIKE].strength == -4 && !t.rows[EVENT_DISLIKE].is_trend && t.rows[EVENT_PURCHASE].strength == 8);
    assert_true(!t.rows[EVENT_IMPRESSION].is_neighbour && t.rows[EVENT_IMPRESSION].has_content && !t.rows[EVENT_SESSION_END].has_content);
    struct event_type row = {.name = "listen", .name_size = 6, .has_content = true, .is_trend = true, .strength = 3};
    assert_int_equal(event_types_add(&t, &row, &problem), STATUS_OK);
    assert_int_equal(event_types_find(&t, slice_of("listen")), EVENT_TYPE_SHIPPED);
    assert_int_equal(event_types_add(&t, &row, &problem), STATUS_SETTING); /* twice */
    struct event_type view = {.name = "view", .name_size = 4, .has_content = true, .strength = 7};
    assert_int_equal(event_types_add(&t, &view, &problem), STATUS_OK);
    assert_true(t.rows[EVENT_VIEW].strength == 7 && t.count == EVENT_TYPE_SHIPPED + 1);
    view.has_content = false;
    assert_int_equal(event_types_add(&t, &view, &problem), STATUS_SETTING);
    const struct event_type bad[] = {{.name = "", .name_size = 0}, {.name = "Caps", .name_size = 4}, {.name = "a b", .name_size = 3},
        {.name = "trend", .name_size = 5, .is_trend = true}, {.name = "nan", .name_size = 3, .strength = NAN}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(event_types_add(&t, &bad[i], &problem), STATUS_SETTING);
    for (uint32_t i = t.count; i <= EVENT_TYPE_MAX; i++) {
        struct event_type more = {.name_size = 3};
        snprintf(more.name, sizeof more.name, "t%02u", i);
        assert_int_equal(event_types_add(&t, &more, &problem), i < EVENT_TYPE_MAX ? STATUS_OK : STATUS_SETTING);
    }
}

/* Any text in any field: what is taken is within its bounds and can be encoded. */
static void test_random(void **state)
{
    (void)state;
    static const char *const names[] = {"event_id", "user_id", "anonymous_id", "session_id", "timestamp", "event_type", "content_id", "device_type",
        "location", "categories", "dwell_ms", "value", "request_id", "position", "placement", "context", "country", "region"};
    static const char *const texts[] = {"view", "identify", "mobile", "DE", "2025-11-24T16:00:00Z", "", "abc", "1764000000000"};
    struct rng rng;
    struct json_writer w;
    uint32_t taken = 0;
    rng_init(&rng, SEED, 2);
    json_writer_init(&w, 1 << 16);
    for (int round = 0; round < 50000; round++) {
        json_writer_reset(&w);
        json_object_begin(&w);
        json_key(&w, "user_id");
        json_text(&w, "u");
        json_key(&w, "event_type");
        json_text(&w, "identify");
        for (uint64_t i = rng_below(&rng, 6); i > 0; i--) {
            json_key(&w, names[rng_below(&rng, 18)]);
            uint64_t kind = rng_below(&rng, 8);
            if (kind == 7)
                json_object_begin(&w), json_key(&w, names[16 + rng_below(&rng, 2)]);
            if (kind == 6)
                json_array_begin(&w);
            if (kind % 2 == 0)
                json_text(&w, texts[rng_below(&rng, 8)]);
            else if (kind == 1)
                json_number(&w, rng_normal(&rng) * 1e6);
            else if (kind == 3)
                json_integer(&w, (int64_t)(rng_next(&rng) >> rng_below(&rng, 64)));
            else
                json_null(&w);
            if (kind == 7)
                json_object_end(&w);
            if (kind == 6)
                json_array_end(&w);
        }
        json_object_end(&w);
        struct event e;
        bool is_ahead;
        struct problem problem;
        if (parse(slice_make(w.data, w.size), &e, &is_ahead, &problem) != STATUS_OK) {
            assert_true(problem.pointer[0] == '/' && problem.detail[0] != '\0' && problem.fix[0] != '\0');
            continue;
        }
        taken++;
        assert_true(e.hour_of_day < 24 && e.day_of_week < 7 && e.device < DEVICE_COUNT && e.type < types.count);
        assert_true(e.category_count <= EVENT_CATEGORY_MAX && e.position >= -1 && e.position <= EVENT_POSITION_MAX && e.dwell_ms >= -1);
        char bytes[4096];
        assert_true(event_encoded_max(&e) <= sizeof bytes);
        assert_true(event_encode(&e, &types, bytes) <= event_encoded_max(&e));
    }
    assert_true(taken > 1000);
    json_writer_fini(&w);
}

static int create(void **state)
{
    (void)state;
    event_types_init(&types);
    return json_parser_create(&parser, 1 << 20) != STATUS_OK;
}

static int destroy(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields), cmocka_unit_test(test_least), cmocka_unit_test(test_ahead), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_edges_taken), cmocka_unit_test(test_times), cmocka_unit_test(test_devices), cmocka_unit_test(test_types),
        cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, create, destroy);
}
