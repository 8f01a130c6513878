/* Goal: the load client starts operations by the clock, counts latency from when they were due,
 * judges answers, and survives servers that break off.
 * Method: our HTTP server with a small application in the API's shapes, which can lie about
 * positions, say degraded, close, or hold answers back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>

#include "io/http.h"
#include "lab/load.h"
#include "lab/load_shape.h"

enum fault { FAULT_NONE, FAULT_BEHIND, FAULT_DEGRADED, FAULT_REFUSE, FAULT_STALL };

static struct http_server *server;
static enum fault fault;
static uint64_t offset; /* of the loop's thread */
static uint64_t events_seen;
static bool is_json_right;

static uint64_t count_text(struct slice body, const char *text)
{
    uint64_t count = 0;
    const char *at = body.data;

    while (at != NULL && (at = memmem(at, (size_t)(body.data + body.size - at), text, strlen(text))) != NULL) {
        count++;
        at++;
    }
    return count;
}

static void answer_events(struct http_request *request)
{
    char text[256];
    uint64_t count = count_text(request->body, "\"event_id\":\"load-");

    events_seen += count;
    is_json_right = is_json_right && count == count_text(request->body, "\"content_id\":\"c") &&
                    count_text(request->body, "{") == count_text(request->body, "}");
    offset += count;
    snprintf(text, sizeof text, "{\"accepted\":%llu,\"duplicates\":0,\"errors\":[],\"position\":\"3:%llu\"}",
             (unsigned long long)count, (unsigned long long)offset);
    http_respond(request, 200, "application/json", slice_of(text));
}

static void answer_list(struct http_request *request)
{
    char text[256];
    unsigned long long reached = fault == FAULT_BEHIND ? 0 : offset;

    snprintf(text, sizeof text, "{\"request_id\":\"r\",\"as_of\":{\"position\":\"1:9,3:%llu\"},\"degraded\":%s,\"items\":[]}",
             reached, fault == FAULT_DEGRADED ? "\"behind\"" : "null");
    http_respond(request, 200, "application/json", slice_of(text));
}

static void handle(void *application, struct http_request *request)
{
    (void)application;
    if (fault == FAULT_REFUSE) {
        http_respond(request, 503, "text/plain", slice_of("no"));
        return;
    }
    if (fault == FAULT_STALL) {
        struct timespec stall = {0, 20000000}; /* the fault under test, not a wait for something */
        nanosleep(&stall, NULL);
    }
    if (request->method == HTTP_POST)
        answer_events(request);
    else
        answer_list(request);
}

static void resume(void *application, struct http_request *request)
{
    (void)application;
    (void)request;
}

static void open_server(enum fault wanted)
{
    struct http_options options = {.listen = "127.0.0.1:0", .threads = 1, .connections = 64, .body_bytes = 1 << 20,
                                   .bodies_bytes = 16 << 20, .arena_bytes = 65536, .idle_timeout = 10000};
    struct http_handlers handlers = {.handle = handle, .resume = resume};
    struct problem problem;

    fault = wanted;
    offset = events_seen = 0;
    is_json_right = true;
    assert_int_equal(http_open(&server, &options, &handlers, &problem), STATUS_OK);
    assert_int_equal(http_start(server), STATUS_OK);
}

static void close_server(void)
{
    http_stop(server, 1000);
    http_close(server);
}

static struct load_shape *make_shape(enum load_shape_kind kind, uint32_t connections)
{
    struct load_shape_config config;
    struct load_shape *shape;

    load_shape_defaults(&config, kind);
    config.users = 1000;
    config.contents = 500;
    config.events_per_body = 20;
    config.connections = connections;
    config.query = kind == LOAD_SHAPE_EVENTS ? NULL : "n=10";
    assert_int_equal(load_shape_create(&shape, &config), STATUS_OK);
    return shape;
}

static struct load_config make_config(struct load_shape *shape, uint32_t connections, double rate, uint64_t operations)
{
    return (struct load_config){
        .port = http_port(server), .connections = connections, .rate = rate, .operations_max = operations,
        .duration_ms = 20000, .request_bytes = load_shape_request_bytes(shape), .context = shape,
        .begin = load_shape_begin, .judge = load_shape_judge};
}

static struct load_result result; /* of the last run; large */

static void run(enum load_shape_kind kind, enum fault wanted, double rate, uint64_t operations,
                struct load_shape_counts *counts)
{
    struct problem problem;

    open_server(wanted);
    struct load_shape *shape = make_shape(kind, 4);
    struct load_config config = make_config(shape, 4, rate, operations);
    assert_int_equal(load_run(&config, &result, &problem), STATUS_OK);
    close_server();
    *counts = *load_shape_counts(shape);
    load_shape_destroy(shape);
    assert_int_equal(result.started, operations);
    assert_int_equal(result.passed + result.failed, operations);
    assert_int_equal(result.broken + result.unanswered + result.unsent, 0);
}

static void events_are_posted(void **state)
{
    struct load_shape_counts counts;

    (void)state;
    for (int is_open = 0; is_open <= 1; is_open++) {
        run(LOAD_SHAPE_EVENTS, FAULT_NONE, is_open ? 2000 : 0, 100, &counts);
        assert_int_equal(result.passed, 100);
        assert_int_equal(result.latency.count, 100);
        assert_int_equal(counts.events, 2000);
        assert_int_equal(counts.accepted, 2000);
        assert_int_equal(events_seen, 2000);
        assert_true(is_json_right);
        assert_int_equal(result.codes[2], 100);
        /* about 300 bytes an event */
        assert_true(result.sent_bytes / counts.events > 250 && result.sent_bytes / counts.events < 400);
    }
}

static void pairs_are_judged(void **state)
{
    struct load_shape_counts counts;

    (void)state;
    run(LOAD_SHAPE_PAIRS, FAULT_NONE, 1000, 100, &counts);
    assert_int_equal(result.passed, 100);
    assert_int_equal(result.steps[0].count, 100);
    assert_int_equal(result.steps[1].count, 100);
    assert_int_equal(counts.empty, 100);
    run(LOAD_SHAPE_PAIRS, FAULT_BEHIND, 1000, 50, &counts);
    assert_int_equal(result.failed, 50);
    assert_int_equal(counts.not_covered, 50);
    run(LOAD_SHAPE_PAIRS, FAULT_DEGRADED, 1000, 50, &counts);
    assert_int_equal(result.failed, 50);
    assert_int_equal(counts.degraded, 50);
    run(LOAD_SHAPE_RECOMMENDATIONS, FAULT_NONE, 1000, 50, &counts);
    assert_int_equal(result.passed, 50);
    run(LOAD_SHAPE_RECOMMENDATIONS, FAULT_REFUSE, 1000, 50, &counts);
    assert_int_equal(result.failed, 50);
    assert_int_equal(counts.refused, 50);
    assert_int_equal(result.codes[5], 50);
}

static void operations_start_by_the_clock(void **state)
{
    struct load_shape_counts counts;

    (void)state;
    run(LOAD_SHAPE_RECOMMENDATIONS, FAULT_NONE, 500, 100, &counts);
    /* 100 at 500 a second: the last is due after 198 ms */
    assert_true(result.elapsed_ns >= 198000000);
    /* A server that takes 20 ms each and one at a time, asked every 2 ms: the wait counts. */
    run(LOAD_SHAPE_RECOMMENDATIONS, FAULT_STALL, 500, 30, &counts);
    assert_true(histogram_quantile(&result.latency, 0.9) > 300000000);
    assert_true(histogram_quantile(&result.steps[0], 0.5) < histogram_quantile(&result.latency, 0.9));
}

static void durations_end_runs(void **state)
{
    struct problem problem;

    (void)state;
    open_server(FAULT_STALL);
    struct load_shape *shape = make_shape(LOAD_SHAPE_RECOMMENDATIONS, 2);
    struct load_config config = make_config(shape, 2, 1000, 0);
    config.duration_ms = 300;
    config.warmup_ms = 100;
    assert_int_equal(load_run(&config, &result, &problem), STATUS_OK);
    assert_true(result.started >= 2 && result.started < 100);
    assert_true(result.unsent > 100);
    assert_int_equal(result.unsent + result.started, 300);
    assert_true(result.recorded < result.passed);
    assert_int_equal(result.unanswered, 0);
    close_server();
    assert_int_equal(load_run(&config, &result, &problem), STATUS_UNREACHABLE);
    assert_true(problem.detail[0] != '\0');
    load_shape_destroy(shape);
}

static void begin_broken(void *context, uint32_t connection, struct load_request *request)
{
    (void)context;
    (void)connection;
    request->data = "nonsense\r\n\r\n";
    request->size = 12;
}

static void servers_that_close_end_the_run(void **state)
{
    struct problem problem;

    (void)state;
    open_server(FAULT_NONE);
    struct load_shape *shape = make_shape(LOAD_SHAPE_RECOMMENDATIONS, 2);
    struct load_config config = make_config(shape, 2, 1000, 100);
    config.begin = begin_broken;
    assert_int_equal(load_run(&config, &result, &problem), STATUS_UNREACHABLE);
    assert_true(result.broken > 0 && result.failed > 0);
    close_server();
    load_shape_destroy(shape);
}

static void positions_cover_each_other(void **state)
{
    (void)state;
    assert_true(load_shape_covers(slice_of("3:90"), slice_of("3:90")));
    assert_true(load_shape_covers(slice_of("1:2,3:91,7:1"), slice_of("7:1,3:90")));
    assert_false(load_shape_covers(slice_of("3:89"), slice_of("3:90")));
    assert_false(load_shape_covers(slice_of("33:99"), slice_of("3:90")));
    assert_false(load_shape_covers(slice_of(""), slice_of("3:90")));
    assert_false(load_shape_covers(slice_of("3:90"), slice_of("")));
}

static void headers_are_found(void **state)
{
    struct slice head = slice_of("HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length:  12 \r\nLast:x\r\n");

    (void)state;
    assert_true(slice_is(load_find_header(head, "content-length"), "12"));
    assert_true(slice_is(load_find_header(head, "Last"), "x"));
    assert_true(slice_is(load_find_header(head, "a"), "1"));
    assert_null(load_find_header(head, "B").data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_posted),
        cmocka_unit_test(pairs_are_judged),
        cmocka_unit_test(operations_start_by_the_clock),
        cmocka_unit_test(durations_end_runs),
        cmocka_unit_test(servers_that_close_end_the_run),
        cmocka_unit_test(positions_cover_each_other),
        cmocka_unit_test(headers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
