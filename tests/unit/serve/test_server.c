/* Goal: the server as a client sees it: what is acknowledged shows in the next answer, each shape and code
 * is as docs/API.md says, and every wrong request is told what is wrong.
 * Method: a real engine in a temporary directory behind a real socket on a free port, asked with libcurl;
 * bounded retries where the learner's effect is promised for later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "serve/serve.h"
#include "wire/json.h"

enum { BODY_MAX = 1 << 20, RETRY_S_MAX = 10 };

static struct engine_config engine_configuration;
static struct serve_config configuration;
static struct engine *engine;
static struct serve *serve;
static struct json_parser *parser;
static CURL *curl;
static char directory[] = P_tmpdir "/penchant-serve-XXXXXX";

/* ---- the server ---- */

#define DEFAULT_COUNT(field, value) (field) = (uint64_t)(value);
#define DEFAULT_BYTES DEFAULT_COUNT
#define DEFAULT_DURATION DEFAULT_COUNT
#define DEFAULT_RATIO(field, value) (field) = (value);
#define DEFAULT_FLAG(field, value) (field) = (value);
#define DEFAULT_CHOICE(field, value) (field) = (value);
#define DEFAULT_TEXT(field, value) snprintf(field, sizeof(field), "%s", value);

static void set_defaults(void)
{
#define OPTION(kind, field, name, def, min, max, text) DEFAULT_##kind(engine_configuration.options.field, def)
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) DEFAULT_##kind(engine_configuration.log.field, def)
#include "eventlog/log_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) DEFAULT_##kind(configuration.options.field, def)
#include "serve/serve_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) DEFAULT_##kind(configuration.http.field, def)
#include "io/http_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) DEFAULT_##kind(configuration.decide.field, def)
#include "decide/decide_options.def"
#undef OPTION
    engine_configuration.options.contents = 4096;
    engine_configuration.options.sessions = 4096;
    engine_configuration.options.dedup_bytes = 4 << 20;
    engine_configuration.options.partitions = 4;
    configuration.http.threads = 2;
    configuration.options.wait = 2000; /* a loaded machine must not make a list look degraded */
    configuration.options.content_wait = 5000;
    configuration.version = "test";
    snprintf(configuration.http.listen, sizeof configuration.http.listen, "127.0.0.1:0");
}

static int setup(void **state)
{
    (void)state;
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem = {0};

    set_defaults();
    if (mkdtemp(directory) == NULL)
        return -1;
    engine_configuration.data_dir = directory;
    event_types_init(&engine_configuration.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    if (layout_compile(&engine_configuration.layout, declarations, count, &engine_configuration.types, &problem) != STATUS_OK ||
        engine_open(&engine, &engine_configuration, &problem) != STATUS_OK ||
        serve_open(&serve, engine, &configuration, &problem) != STATUS_OK) {
        printf("# %s\n", problem.detail);
        return -1;
    }
    if (engine_start(engine) != STATUS_OK || serve_start(serve) != STATUS_OK ||
        json_parser_create(&parser, BODY_MAX) != STATUS_OK)
        return -1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    return curl ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[sizeof directory + 16];

    curl_easy_cleanup(curl);
    serve_drain(serve);
    serve_stop(serve);
    engine_stop(engine);
    serve_close(serve);
    engine_close(engine);
    json_parser_destroy(parser);
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    return system(command);
}

/* ---- the client ---- */

static struct reply {
    long code;
    size_t body_size;
    size_t head_size;
    char body[BODY_MAX];
    char head[8192];
    const struct json_value *values;
} reply;

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    (void)context;
    size *= count;
    if (reply.body_size + size >= sizeof reply.body)
        return 0;
    memcpy(reply.body + reply.body_size, data, size);
    reply.body_size += size;
    return size;
}

static size_t take_head(char *data, size_t size, size_t count, void *context)
{
    (void)context;
    size *= count;
    if (reply.head_size + size >= sizeof reply.head)
        return 0;
    memcpy(reply.head + reply.head_size, data, size);
    reply.head_size += size;
    return size;
}

static void call_with(const char *method, const char *path, const char *body, const char *header)
{
    char url[1024];
    struct curl_slist *headers = NULL;

    reply.body_size = reply.head_size = 0;
    reply.values = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", serve_port(serve), path);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (header != NULL)
        headers = curl_slist_append(headers, header);
    if (body != NULL) {
        if (header == NULL || strncmp(header, "Content-Type", 12) != 0)
            headers = curl_slist_append(headers, "Content-Type: application/json");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.code);
    curl_slist_free_all(headers);
    reply.body[reply.body_size] = '\0';
    reply.head[reply.head_size] = '\0';
    if (reply.body_size > 0 && reply.body[0] == '{') {
        struct problem problem = {0};
        uint32_t count = 0;
        if (json_parse(parser, slice_make(reply.body, reply.body_size), &reply.values, &count, &problem) != STATUS_OK)
            fail_msg("%s %s answers no JSON: %s", method, path, reply.body);
    }
}

static void call(const char *method, const char *path, const char *body)
{
    call_with(method, path, body, NULL);
}

/* "as_of/position", "items/0/reasons/1/code"; NULL when absent. */
static const struct json_value *at(const char *path)
{
    const struct json_value *values = reply.values;
    uint32_t index = 0;

    while (values != NULL && *path != '\0') {
        char name[64];
        size_t size = strcspn(path, "/");
        snprintf(name, sizeof name, "%.*s", (int)size, path);
        path += size + (path[size] == '/');
        if (values[index].kind == JSON_ARRAY) {
            unsigned long n = strtoul(name, NULL, 10);
            if (n >= values[index].count)
                return NULL;
            for (index++; n > 0; n--)
                index = values[index].next;
        } else {
            const struct json_value *found = json_find(values, index, name);
            if (found == NULL)
                return NULL;
            index = (uint32_t)(found - values);
        }
    }
    return values ? &values[index] : NULL;
}

static void expect_integer(const char *path, int64_t expected)
{
    const struct json_value *value = at(path);

    if (value == NULL || value->kind != JSON_INTEGER || value->integer != expected)
        fail_msg("%s is not %ld in %s", path, (long)expected, reply.body);
}

static void expect_text(const char *path, const char *expected)
{
    const struct json_value *value = at(path);

    if (value == NULL || value->kind != JSON_STRING || !slice_is(value->text, expected))
        fail_msg("%s is not \"%s\" in %s", path, expected, reply.body);
}

static void expect_code(long code)
{
    if (reply.code != code)
        fail_msg("the code is %ld, not %ld: %s", reply.code, code, reply.body);
}

static void expect_problem(long code, const char *word, const char *pointer)
{
    expect_code(code);
    assert_non_null(strstr(reply.head, "application/problem+json"));
    expect_text("code", word);
    expect_integer("status", code);
    assert_non_null(at("type"));
    assert_non_null(at("title"));
    assert_non_null(at("detail"));
    assert_true(at("fix") != NULL && at("fix")->text.size > 0);
    if (pointer != NULL)
        expect_text("pointer", pointer);
}

static bool header(const char *text)
{
    return strstr(reply.head, text) != NULL;
}

/* Asks again until the answer has what is looked for, at most RETRY_S_MAX. */
static void call_until(const char *path, long code, const char *member)
{
    time_t end = time(NULL) + RETRY_S_MAX;

    do {
        call("GET", path, NULL);
    } while ((reply.code != code || (member != NULL && at(member) == NULL)) && time(NULL) <= end);
}

/* ---- cases, in the order of a life ---- */

static void before_it_is_ready(void **state)
{
    (void)state;
    call("GET", "/healthz", NULL);
    expect_code(200);
    call("GET", "/readyz", NULL);
    expect_code(503);
    expect_text("status", "starting");
    call("GET", "/v1/recommendations/ann", NULL);
    expect_problem(503, "not_ready", NULL);
    assert_true(header("Retry-After"));
    call("POST", "/v1/events", "[]");
    expect_problem(503, "not_ready", NULL);
    serve_ready(serve);
    call_until("/readyz", 200, NULL);
    expect_code(200);
    expect_text("status", "ready");
}

static void events_are_taken(void **state)
{
    (void)state;
    call("POST", "/v1/events",
         "[{\"event_id\":\"e1\",\"user_id\":\"ann\",\"event_type\":\"view\",\"content_id\":\"espresso\",\"categories\":[\"coffee\"]},"
         "{\"event_id\":\"e2\",\"user_id\":\"ann\",\"event_type\":\"click\",\"content_id\":\"grinders\",\"categories\":[\"coffee\"]}]");
    expect_code(200);
    expect_integer("accepted", 2);
    expect_integer("duplicates", 0);
    expect_integer("rejected", 0);
    assert_true(at("position")->text.size > 0);
    assert_true(header("Penchant-Position: "));
    call("POST", "/v1/events", "{\"user_id\":\"bob\",\"event_type\":\"view\",\"content_id\":\"espresso\"}");
    expect_code(200);
    expect_integer("accepted", 1);
    call("POST", "/v1/events", "[]");
    expect_code(200);
    expect_integer("accepted", 0);
    expect_text("position", "");
}

static void a_resent_event_is_a_duplicate(void **state)
{
    (void)state;
    static const char body[] = "[{\"event_id\":\"d1\",\"user_id\":\"dup\",\"event_type\":\"view\",\"content_id\":\"x\"},"
                               "{\"event_id\":\"d1\",\"user_id\":\"dup\",\"event_type\":\"view\",\"content_id\":\"x\"}]";

    call("POST", "/v1/events", body);
    expect_integer("accepted", 1);
    expect_integer("duplicates", 1);
    call("GET", "/v1/users/dup", NULL); /* waits until it is applied */
    expect_integer("events_total", 1);
    call("POST", "/v1/events", body);
    expect_code(200);
    expect_integer("accepted", 0);
    expect_integer("duplicates", 2);
    call("GET", "/v1/users/dup", NULL);
    expect_integer("events_total", 1);
}

/* Larger than a slice: read in several turns of the loop, appended whole. */
static void a_large_body_is_taken_whole(void **state)
{
    (void)state;
    enum { EVENTS = 5000 };
    static char body[BODY_MAX];

    for (int form = 0; form < 2; form++) {
        size_t size = (size_t)snprintf(body, sizeof body, "%s", form == 0 ? "[" : "");
        for (int i = 0; i < EVENTS; i++)
            size += (size_t)snprintf(body + size, sizeof body - size,
                                     "%s{\"event_id\":\"large-%d-%d\",\"user_id\":\"large\",\"event_type\":\"view\",\"content_id\":\"l%d\"}",
                                     i == 0 ? "" : form == 0 ? "," : "\n", form, i, i % 100);
        snprintf(body + size, sizeof body - size, "%s", form == 0 ? "]" : "");
        call_with("POST", "/v1/events", body, form == 0 ? "Content-Type: application/json" : "Content-Type: application/x-ndjson");
        expect_code(200);
        expect_integer("accepted", EVENTS);
        call("GET", "/v1/users/large", NULL);
        expect_integer("events_total", (form + 1) * EVENTS);
    }
    body[strlen(body) - 1] = '!';
    body[0] = '[';
    call("POST", "/v1/events", body);
    expect_problem(400, "bad_request", NULL);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    call("POST", "/v1/events",
         "[{\"user_id\":\"ann\",\"event_type\":\"view\",\"content_id\":\"a\"},7,{\"user_id\":\"ann\",\"event_type\":\"flick\"},"
         "{\"event_type\":\"view\",\"content_id\":\"a\"}]");
    expect_code(200);
    expect_integer("accepted", 1);
    expect_integer("rejected", 3);
    expect_integer("errors/0/index", 1);
    expect_text("errors/0/code", "bad_event");
    expect_integer("errors/1/index", 2);
    expect_text("errors/1/pointer", "/event_type");
    expect_text("errors/2/pointer", "/user_id");
    call("POST", "/v1/events", "[{\"user_id\":\"ann\",\"event_type\":\"view\"}]");
    expect_problem(422, "bad_event", "/content_id");
    expect_integer("accepted", 0);
    expect_integer("rejected", 1);
    expect_integer("errors/0/index", 0);
    call("POST", "/v1/events", "[{\"user_id\":");
    expect_problem(400, "bad_request", NULL);
    call_with("POST", "/v1/events", "<a/>", "Content-Type: text/xml");
    expect_problem(415, "media_type", NULL);
    call_with("POST", "/v1/events", "{\"user_id\":\"ann\",\"event_type\":\"view\",\"content_id\":\"a\"}\n{broken\n",
              "Content-Type: application/x-ndjson");
    expect_code(200);
    expect_integer("accepted", 1);
    expect_integer("errors/0/index", 1);
}

static void addresses_and_methods(void **state)
{
    (void)state;
    call("GET", "/v1/nothing", NULL);
    expect_problem(404, "not_found", NULL);
    call("GET", "/v1/events", NULL);
    expect_problem(405, "method", NULL);
    assert_true(header("Allow: POST"));
    call("OPTIONS", "/v1/content/x", NULL);
    expect_code(204);
    assert_true(header("Allow: GET, HEAD, PUT, DELETE"));
    call("HEAD", "/healthz", NULL);
    expect_code(200);
    assert_int_equal(reply.body_size, 0);
}

/* P2: an acknowledged event shows in the next answer. */
static void the_next_answer_shows_it(void **state)
{
    (void)state;
    char body[256];

    for (int i = 1; i <= 300; i++) {
        snprintf(body, sizeof body, "{\"user_id\":\"next\",\"event_type\":\"view\",\"content_id\":\"c%d\"}", i % 50);
        call("POST", "/v1/events", body);
        expect_code(200);
        call("GET", "/v1/users/next", NULL);
        expect_integer("events_total", i);
        assert_int_equal(at("degraded")->kind, JSON_NULL);
        call("GET", "/v1/features/user/next", NULL);
        expect_integer("features/events_total/value", i);
    }
}

static void a_list_has_items_and_reasons(void **state)
{
    (void)state;
    call_until("/v1/recommendations/bob?n=3&placement=home&explain=1", 200, "items/0/content_id");
    expect_code(200);
    assert_true(header("Cache-Control: no-store"));
    expect_text("user_id", "bob");
    expect_text("placement", "home");
    expect_text("model", "base");
    assert_int_equal(at("degraded")->kind, JSON_NULL);
    assert_true(at("request_id")->text.size > 10);
    assert_true(at("as_of/position")->text.size >= 3);
    assert_int_equal(at("as_of/learn")->kind, JSON_INTEGER);
    assert_true(at("items")->count >= 1 && at("items")->count <= 3);
    assert_non_null(at("items/0/score"));
    assert_non_null(at("items/0/propensity"));
    assert_non_null(at("items/0/reasons/0/code"));
    assert_non_null(at("explain/strategy"));
    char first[64];
    snprintf(first, sizeof first, "%.*s", SLICE_ARG(at("request_id")->text));
    call("GET", "/v1/recommendations/bob", NULL);
    assert_false(slice_is(at("request_id")->text, first));
}

static bool shows(const char *content)
{
    char path[64];

    for (uint32_t i = 0; i < at("items")->count; i++) {
        snprintf(path, sizeof path, "items/%u/content_id", i);
        if (slice_is(at(path)->text, content))
            return true;
    }
    return false;
}

static void asked_with_a_body(void **state)
{
    (void)state;
    call("GET", "/v1/recommendations/nobody-yet?n=100", NULL);
    expect_code(200);
    assert_true(shows("grinders"));
    call("POST", "/v1/recommendations/nobody-yet", "{\"n\":100,\"exclude\":[\"grinders\",\"c1\"],\"context\":{\"content_id\":\"espresso\"},\"explain\":false}");
    expect_code(200);
    assert_false(shows("grinders"));
    assert_false(shows("c1"));
    assert_false(shows("espresso"));
    call("GET", "/v1/recommendations?anonymous_id=visitor&exclude=grinders,c2&n=100", NULL);
    expect_code(200);
    expect_text("anonymous_id", "visitor");
    assert_false(shows("grinders"));
    call("POST", "/v1/recommendations", "{\"anonymous_id\":\"visitor\",\"n\":1}");
    expect_code(200);
    expect_text("anonymous_id", "visitor");
    assert_int_equal(at("items")->count, 1);
    call("GET", "/v1/recommendations/nobody-yet?category=none-such", NULL);
    expect_code(200);
    assert_int_equal(at("items")->count, 0);
    assert_true(at("empty")->text.size > 0);
}

static void bad_parameters_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *path, *pointer;
    } cases[] = {
        {"/v1/recommendations/ann?n=0", "n"},           {"/v1/recommendations/ann?n=abc", "n"},
        {"/v1/recommendations/ann?n=101", "n"},         {"/v1/recommendations/ann?n=", "n"},
        {"/v1/recommendations/ann?n=99999999999", "n"}, {"/v1/recommendations/ann?explain=maybe", "explain"},
        {"/v1/recommendations/ann?country=DEU", "country"}, {"/v1/recommendations/ann?device=fridge", "device"},
        {"/v1/recommendations?n=3", "anonymous_id"},    {"/v1/trending?n=-1", "n"},
        {"/v1/trending?country=1x", "country"},         {"/v1/similar/x?n=x", "n"},
        {"/v1/users", "anonymous_id"},                  {"/v1/features/user/ann?anonymous=x", "anonymous"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        call("GET", cases[i].path, NULL);
        expect_problem(400, "bad_request", cases[i].pointer);
    }
    call("POST", "/v1/recommendations/ann", "{\"n\":\"many\"}");
    expect_problem(400, "bad_request", "/n");
    call("POST", "/v1/recommendations/ann", "{\"exclude\":[1]}");
    expect_problem(400, "bad_request", "/exclude/0");
    call("POST", "/v1/recommendations/ann", "[]");
    expect_problem(400, "bad_request", NULL);
    call_with("GET", "/v1/recommendations/ann", NULL, "Penchant-Position: far");
    expect_problem(400, "bad_request", "Penchant-Position");
}

static void a_position_that_does_not_come_degrades(void **state)
{
    (void)state;
    call_with("GET", "/v1/recommendations/ann", NULL, "Penchant-Position: 0:900000000,1:900000000,2:900000000,3:900000000");
    expect_code(200);
    expect_text("degraded", "behind");
    call("GET", "/v1/recommendations/ann", NULL);
    assert_int_equal(at("degraded")->kind, JSON_NULL);
}

static void the_catalogue_shows_in_lists(void **state)
{
    (void)state;
    call("PUT", "/v1/content/grinders",
         "{\"title\":\"Grinders, \\\"compared\\\"\",\"url\":\"/a/g\",\"categories\":[\"coffee\"],\"attributes\":{\"a\":[1,2]},\"published_at\":\"2026-11-01T08:00:00Z\"}");
    expect_code(200);
    expect_text("status", "applied");
    call("GET", "/v1/content/grinders", NULL);
    expect_code(200);
    expect_text("title", "Grinders, \"compared\"");
    expect_integer("attributes/a/1", 2);
    expect_text("published_at", "2026-11-01T08:00:00.000Z");
    for (int round = 0; round < 2; round++) { /* rendered, then from the cache */
        call("GET", "/v1/recommendations/bob?category=coffee", NULL);
        expect_text("items/0/content_id", "grinders");
        expect_text("items/0/title", "Grinders, \"compared\"");
        expect_text("items/0/categories/0", "coffee");
    }
    call("PUT", "/v1/content/grinders", "{\"title\":\"Changed\",\"categories\":[\"coffee\"]}");
    expect_code(200);
    call("GET", "/v1/recommendations/bob?category=coffee", NULL);
    expect_text("items/0/title", "Changed");
    assert_null(at("items/0/url"));
}

static void the_catalogue_refuses_and_forgets(void **state)
{
    (void)state;
    call("PUT", "/v1/content/grinders", "{\"title\":7}");
    expect_problem(422, "bad_event", "/title");
    call("PUT", "/v1/content/grinders", "{");
    expect_problem(400, "bad_request", NULL);
    call("POST", "/v1/content", "[{\"content_id\":\"m1\",\"title\":\"One\"},{\"title\":\"none\"},{\"content_id\":\"m2\"}]");
    expect_code(200);
    expect_integer("accepted", 2);
    expect_integer("errors/0/index", 1);
    expect_text("errors/0/pointer", "/content_id");
    call("GET", "/v1/content/m1", NULL);
    expect_text("title", "One");
    call("DELETE", "/v1/content/m1", NULL);
    expect_code(200);
    call("GET", "/v1/content/m1", NULL);
    expect_problem(404, "not_found", NULL);
    call("GET", "/v1/content/never", NULL);
    expect_problem(404, "not_found", NULL);
}

static void features_of_each_entity(void **state)
{
    (void)state;
    call("GET", "/v1/features/content/espresso", NULL);
    expect_code(200);
    expect_text("entity", "content");
    expect_integer("features/views_total/value", 2);
    expect_text("features/clicks_10m/kind", "count");
    expect_integer("features/clicks_10m/window_s", 600);
    call("GET", "/v1/features/global/all", NULL);
    expect_code(200);
    assert_non_null(at("features/events_10m/value"));
    call("GET", "/v1/features/session/ann", NULL);
    expect_code(200);
    assert_non_null(at("features/engagement/value"));
    call("GET", "/v1/features/content/never", NULL);
    expect_problem(404, "not_found", NULL);
    call("GET", "/v1/features/user/never", NULL);
    expect_problem(404, "not_found", NULL);
    call("GET", "/v1/features/planet/earth", NULL);
    expect_problem(404, "not_found", NULL);
}

static void a_profile_is_shown(void **state)
{
    (void)state;
    call("GET", "/v1/users/ann", NULL);
    expect_code(200);
    expect_text("user_id", "ann");
    expect_integer("sessions_total", 1);
    assert_non_null(at("segment"));
    assert_non_null(at("session/started_at"));
    assert_true(at("recent")->count >= 2);
    assert_non_null(at("recent/0/content_id"));
    assert_non_null(at("recent/0/event_type"));
    assert_non_null(at("recent/0/at"));
    expect_text("categories/0/category", "coffee");
    assert_non_null(at("features/recent_categories/value/0/weight/1"));
    assert_non_null(at("features/recent_contents/value/0/content_id"));
    call("GET", "/v1/users/never", NULL);
    expect_problem(404, "not_found", NULL);
    call("POST", "/v1/events", "{\"anonymous_id\":\"ghost\",\"event_type\":\"view\",\"content_id\":\"espresso\"}");
    call("GET", "/v1/users?anonymous_id=ghost", NULL);
    expect_code(200);
    expect_text("anonymous_id", "ghost");
    expect_integer("events_total", 1);
    call("GET", "/v1/features/user/ghost?anonymous=1", NULL);
    expect_code(200);
    call("GET", "/v1/users/ghost", NULL);
    expect_problem(404, "not_found", NULL);
}

static void ids_may_hold_any_byte(void **state)
{
    (void)state;
    call("POST", "/v1/events", "{\"user_id\":\"a/b c?\\u00e9\",\"event_type\":\"view\",\"content_id\":\"x/y\"}");
    expect_code(200);
    call("GET", "/v1/users/a%2Fb%20c%3F%C3%A9", NULL);
    expect_code(200);
    expect_text("user_id", "a/b c?\xc3\xa9");
    call("GET", "/v1/users/a/b", NULL);
    expect_problem(404, "not_found", NULL);
}

static void similar_and_trending(void **state)
{
    (void)state;
    call("GET", "/v1/similar/espresso?n=5", NULL);
    expect_code(200);
    expect_text("content_id", "espresso");
    assert_true(shows("grinders"));
    call("GET", "/v1/similar/never", NULL);
    expect_code(200);
    assert_int_equal(at("items")->count, 0);
    assert_true(at("empty")->text.size > 0);
    call("GET", "/v1/trending?n=50", NULL);
    expect_code(200);
    assert_true(shows("grinders"));
    assert_non_null(at("items/0/features/clicks_10m"));
    call("GET", "/v1/trending?country=de&device=mobile&category=coffee", NULL);
    expect_code(200);
    expect_text("country", "DE");
    expect_text("device", "mobile");
}

static void numbers_add_up(void **state)
{
    (void)state;
    call("GET", "/api/status", NULL);
    expect_code(200);
    expect_text("version", "test");
    expect_text("status", "ready");
    expect_text("acceptance", "ok");
    int64_t sum = at("events/accepted")->integer + at("events/duplicates")->integer + at("events/filtered")->integer +
                  at("events/rejected")->integer;
    expect_integer("events/received", sum);
    assert_true(at("events/accepted")->integer > 300);
    assert_int_equal(at("positions")->count, 4);
    assert_true(at("latencies/recommendations/count")->integer > 0);
    assert_non_null(at("cpu_ns/workers"));
    call("GET", "/metrics", NULL);
    expect_code(200);
    assert_non_null(strstr(reply.body, "penchant_http_requests_total{route=\"/v1/events\",method=\"POST\",code=\"200\"}"));
    assert_non_null(strstr(reply.body, "penchant_http_requests_total{route=\"none\",method=\"any\",code=\"404\"}"));
    assert_non_null(strstr(reply.body, "penchant_recommend_duration_seconds_bucket{placement=\"home\""));
    assert_non_null(strstr(reply.body, "penchant_ingest_events_total{outcome=\"duplicate\"} 3"));
    assert_non_null(strstr(reply.body, "penchant_ready 1"));
    call("GET", "/api/demo", NULL);
    expect_problem(404, "not_found", NULL);
}

static void render_demo(void *context, struct json_writer *out)
{
    json_object_begin(out);
    json_key(out, "readers");
    json_integer(out, *(int *)context);
    json_object_end(out);
}

static void the_demo_answers_when_it_is_set(void **state)
{
    (void)state;
    static int readers = 7;

    serve_set_demo(serve, render_demo, &readers);
    call("GET", "/api/demo", NULL);
    expect_code(200);
    expect_integer("readers", 7);
}

static void draining(void **state)
{
    (void)state;
    serve_drain(serve);
    call("GET", "/readyz", NULL);
    expect_code(503);
    expect_text("status", "draining");
    call("POST", "/v1/events", "{\"user_id\":\"ann\",\"event_type\":\"view\",\"content_id\":\"a\"}");
    expect_problem(503, "not_ready", NULL);
    call("GET", "/v1/recommendations/ann", NULL);
    expect_code(200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_is_ready),
        cmocka_unit_test(events_are_taken),
        cmocka_unit_test(a_resent_event_is_a_duplicate),
        cmocka_unit_test(a_large_body_is_taken_whole),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(addresses_and_methods),
        cmocka_unit_test(the_next_answer_shows_it),
        cmocka_unit_test(a_list_has_items_and_reasons),
        cmocka_unit_test(asked_with_a_body),
        cmocka_unit_test(bad_parameters_are_named),
        cmocka_unit_test(a_position_that_does_not_come_degrades),
        cmocka_unit_test(the_catalogue_shows_in_lists),
        cmocka_unit_test(the_catalogue_refuses_and_forgets),
        cmocka_unit_test(features_of_each_entity),
        cmocka_unit_test(a_profile_is_shown),
        cmocka_unit_test(ids_may_hold_any_byte),
        cmocka_unit_test(similar_and_trending),
        cmocka_unit_test(numbers_add_up),
        cmocka_unit_test(the_demo_answers_when_it_is_set),
        cmocka_unit_test(draining),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
