/* Goal: io/http.h over real sockets: what clients do, and what hostile or broken ones do.
 * Method: a small application behind the server on a free loopback port; requests are written
 * byte by byte by hand.  Every receive has a time limit, so a lost answer fails and does not hang. */
#include "http_fixture.h"

#include <zlib.h>

#include "base/rng.h"

static void connections_live_on(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);

    (void)state;
    for (int i = 0; i < 50; i++) {
        say(fd, "GET /a/b HTTP/1.1\r\nHost: localhost\r\nX-Test: t\r\n\r\n");
        assert_answer(fd, 200, "[a][b] h=t");
    }
    /* a refusal without a body does not close either */
    say(fd, "GET /secret HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_problem(fd, 401, "unauthorized");
    say(fd, "GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_problem(fd, 429, "overloaded");
    say(fd, "GET /x?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "[x]q=1");
    close(fd);
    stop(app);
}

static void pipelined_answers_keep_their_order(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);
    char text[64];

    (void)state;
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nfirst"
            "GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nthird");
    assert_answer(fd, 200, "first");
    assert_answer(fd, 200, "[second]");
    assert_answer(fd, 200, "third");
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", i);
        say(fd, text);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "[%d]", i);
        assert_answer(fd, 200, text);
    }
    close(fd);
    stop(app);
}

static void bodies_come_in_all_ways(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);
    char packed[256];
    char head[128];
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)"inflated", .avail_in = 8,
                       .next_out = (Bytef *)packed, .avail_out = sizeof packed};

    (void)state;
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            "4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\nTrailer: t\r\n\r\n");
    assert_answer(fd, 200, "wikipedia");
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_answer(fd, 200, "");
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = sizeof packed - stream.avail_out;
    deflateEnd(&stream);
    snprintf(head, sizeof head,
             "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
    say(fd, head);
    say_bytes(fd, packed, size);
    assert_answer(fd, 200, "inflated");
    /* a slow sender: head and body in single bytes */
    const char *slow = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nslow";
    for (size_t i = 0; slow[i] != '\0'; i++)
        say_bytes(fd, slow + i, 1);
    assert_answer(fd, 200, "slow");
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_answer(fd, 100, NULL);
    say(fd, "ok");
    assert_answer(fd, 200, "ok");
    close(fd);
    stop(app);
}

static void broken_bodies_are_refused(void **state)
{
    static const struct {
        const char *request;
        int code;
        const char *name;
    } rows[] = {
        {"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 400, "bad_request"},
        {"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 400, "bad_request"},
        {"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nnope", 415, "media_type"},
        {"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, "bad_request"},
        {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"},
        {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"},
    };
    struct application *app = start(1, "");
    char head[256];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = dial(app);
        snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: localhost\r\n%s", rows[i].request);
        say(fd, head);
        assert_problem(fd, rows[i].code, rows[i].name);
        close(fd);
    }
    stop(app);
}

/* Sends more than is taken, then hears the reason all the same. */
static void refuse_upload(struct application *app, const char *framing, size_t bytes, int code, const char *name)
{
    char head[256];
    int fd = dial(app);
    char *junk = malloc(bytes);

    memset(junk, 'j', bytes);
    snprintf(head, sizeof head, "POST /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", code == 401 ? "secret" : "echo",
             framing);
    say(fd, head);
    for (size_t done = 0; done < bytes;) {
        ssize_t n = send(fd, junk + done, bytes - done, MSG_NOSIGNAL);
        assert_true(n > 0);
        done += (size_t)n;
    }
    assert_problem(fd, code, name);
    assert_closed(fd);
    close(fd);
    free(junk);
}

static void large_bodies_hear_the_reason(void **state)
{
    struct application *app = start(1, "");
    char framing[64];
    int fd;

    (void)state;
    snprintf(framing, sizeof framing, "Content-Length: %d", BODY_BYTES + 1);
    refuse_upload(app, framing, BODY_BYTES + 1, 413, "too_large");
    snprintf(framing, sizeof framing, "Content-Length: %d", 4 << 20);
    refuse_upload(app, framing, 4 << 20, 413, "too_large");
    refuse_upload(app, framing, 4 << 20, 413, "too_large");
    snprintf(framing, sizeof framing, "Content-Length: %d", BODY_BYTES);
    refuse_upload(app, framing, BODY_BYTES, 401, "unauthorized");
    /* before a byte of body is sent */
    fd = dial(app);
    say(fd, "POST /secret HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n");
    assert_problem(fd, 401, "unauthorized");
    close(fd);
    /* chunked: the end of the allowance is met on the way; the rest of the chunk never comes */
    fd = dial(app);
    char *junk = malloc(BODY_BYTES + 4096);
    memset(junk, 'j', BODY_BYTES + 4096);
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n");
    say_bytes(fd, junk, BODY_BYTES + 4096);
    assert_problem(fd, 413, "too_large");
    assert_closed(fd);
    close(fd);
    free(junk);
    stop(app);
}

static void the_budget_refuses_with_429(void **state)
{
    struct application *app = start(1, "");
    char head[128];
    int held[8];
    int taken = 0;

    (void)state;
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                                "Content-Length: %d\r\n\r\n", BODY_BYTES - 64);
    for (; taken < 4; taken++) {
        held[taken] = dial(app);
        say(held[taken], head);
        assert_answer(held[taken], 100, NULL);
    }
    int fd = dial(app);
    say(fd, head);
    assert_problem(fd, 429, "overloaded");
    close(fd);
    /* what breaks off gives back */
    for (int i = 0; i < taken; i++)
        close(held[i]);
    await(app, &app->finished, (uint32_t)taken);
    fd = dial(app);
    say(fd, head);
    assert_answer(fd, 100, NULL);
    close(fd);
    stop(app);
}

static void hosts_and_origins(void **state)
{
    struct application *app = start(1, "https://shop.example");
    int fd = dial(app);
    struct answer answer;
    char text[256];

    (void)state;
    say(fd, "GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_problem(fd, 403, "forbidden");
    say(fd, "GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_answer(fd, 200, "[a]");
    say(fd, "DELETE /a HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
    assert_problem(fd, 403, "forbidden");
    say(fd, "GET /a HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
    hear(fd, &answer, true);
    assert_int_equal(answer.code, 200);
    assert_false(header_of(&answer, "Access-Control-Allow-Origin", text, sizeof text));
    free(answer.body);
    say(fd, "OPTIONS /a HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.example\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n");
    hear(fd, &answer, true);
    assert_int_equal(answer.code, 204);
    assert_true(header_of(&answer, "Access-Control-Allow-Origin", text, sizeof text));
    assert_string_equal(text, "https://shop.example");
    assert_true(header_of(&answer, "Access-Control-Allow-Headers", text, sizeof text));
    assert_non_null(strstr(text, "penchant-position"));
    free(answer.body);
    say(fd, "OPTIONS /a HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n");
    assert_problem(fd, 403, "forbidden");
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.example\r\nContent-Length: 1\r\n\r\nx");
    hear(fd, &answer, true);
    assert_int_equal(answer.code, 200);
    assert_non_null(strstr(answer.head, "Vary: Origin"));
    assert_non_null(strstr(answer.head, "Penchant-Position: 0:1"));
    free(answer.body);
    close(fd);
    stop(app);
}

static void targets_and_methods(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);
    struct answer answer;

    (void)state;
    say(fd, "GET /v1/a%2Fb%20c/?q=x%26y+z HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "[v1][a/b c][]q=x&y z");
    say(fd, "GET http://localhost/abs HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "[abs]");
    say(fd, "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_problem(fd, 400, "bad_request");
    say(fd, "HEAD /static HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hear(fd, &answer, false);
    assert_int_equal(answer.code, 200);
    assert_non_null(strstr(answer.head, "Content-Length: 6"));
    free(answer.body);
    say(fd, "GET /static HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "body{}");
    say(fd, "BREW /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hear(fd, &answer, true);
    assert_int_equal(answer.code, 405);
    assert_non_null(strstr(answer.body, "\"detail\":\"no \\\"such\\\"\\u000amethod\""));
    assert_non_null(strstr(answer.body, "\"pointer\":\"/method\"}"));
    free(answer.body);
    say(fd, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hear(fd, &answer, true);
    assert_int_equal(answer.body_size, 1 << 20);
    assert_int_equal(answer.body[(1 << 20) - 1], 'L');
    free(answer.body);
    close(fd);
    stop(app);
}

static void notify_runs_the_tick(void **state)
{
    struct application *app = start(1, "");
    uint32_t before = read_count(app, &app->ticks);

    (void)state;
    for (uint32_t i = 1; i <= 20; i++) {
        uint32_t seen = read_count(app, &app->ticks);
        http_notify(app->server, 0);
        await(app, &app->ticks, seen + 1);
    }
    assert_true(read_count(app, &app->ticks) > before);
    stop(app);
}

static double sum_of_values;
static uint32_t rows_seen;

static void take_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value)
{
    (void)sink;
    rows_seen++;
    if (strcmp(row->name, "penchant_http_refused_total") == 0 && labels != NULL && strstr(labels, "forbidden") != NULL)
        sum_of_values += value;
}

static void refusals_are_counted(void **state)
{
    struct application *app = start(1, "");
    struct metric_sink sink = {take_value, NULL};
    int fd = dial(app);

    (void)state;
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_problem(fd, 403, "forbidden");
    }
    sum_of_values = 0;
    http_metrics(app->server, &sink);
    assert_true(sum_of_values > 2.5 && sum_of_values < 3.5);
    assert_true(rows_seen >= 8);
    assert_true(http_cpu_ns(app->server) > 0);
    close(fd);
    stop(app);
}

static void connections_over_the_limit_are_refused(void **state)
{
    struct application *app = start(1, "");
    int fds[70];
    char byte;

    (void)state;
    for (int i = 0; i < 64; i++) {
        fds[i] = dial(app);
        say(fds[i], "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_answer(fds[i], 200, "[a]");
    }
    fds[64] = dial(app);
    assert_true(recv(fds[64], &byte, 1, 0) <= 0);
    for (int i = 0; i <= 64; i++)
        close(fds[i]);
    stop(app);
}

static void broken_off_requests_are_finished(void **state)
{
    struct application *app = start(1, "");
    static const char *const parts[] = {"GE", "GET /a HTTP/1.1\r\nHo",
                                        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fd = dial(app);
        say(fd, parts[i]);
        if (i == 2)
            await(app, &app->admitted, 1);
        close(fd);
    }
    await(app, &app->finished, 1);
    stop(app);
}

static void pieces_do_not_matter(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"GET /a/%41?q=%42 HTTP/1.1\r\nHost: localhost\r\nX-Test: v\r\n\r\n", "[a][A]q=B h=v"},
        {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nhello world", "hello world"},
        {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
         "abcd"},
        {"PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "[b]"},
    };
    enum { ROUNDS = 200, PIPELINE = 6, SEED = 7 };
    struct application *app = start(1, "");
    int fd = dial(app);
    struct rng rng;

    (void)state;
    print_message("seed %d\n", SEED);
    rng_init(&rng, SEED, 0);
    for (int round = 0; round < ROUNDS; round++) {
        char text[2048];
        size_t which[PIPELINE];
        size_t size = 0;
        for (int i = 0; i < PIPELINE; i++) {
            which[i] = rng_below(&rng, sizeof rows / sizeof *rows);
            size += (size_t)snprintf(text + size, sizeof text - size, "%s", rows[which[i]].request);
        }
        for (size_t done = 0; done < size;) {
            size_t piece = 1 + rng_below(&rng, rng_below(&rng, 4) == 0 ? 400 : 40);
            piece = piece < size - done ? piece : size - done;
            say_bytes(fd, text + done, piece);
            done += piece;
        }
        for (int i = 0; i < PIPELINE; i++)
            assert_answer(fd, 200, rows[which[i]].answer);
    }
    close(fd);
    stop(app);
}

static void silent_connections_are_closed(void **state)
{
    struct application *app = start_with(1, "", 1000);
    int fd = dial(app);
    int half = dial(app);

    (void)state;
    say(half, "GET /a HTTP/1.1\r\nHo");
    assert_closed(fd);
    assert_closed(half);
    close(fd);
    close(half);
    stop(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_live_on),
        cmocka_unit_test(pipelined_answers_keep_their_order),
        cmocka_unit_test(bodies_come_in_all_ways),
        cmocka_unit_test(broken_bodies_are_refused),
        cmocka_unit_test(large_bodies_hear_the_reason),
        cmocka_unit_test(the_budget_refuses_with_429),
        cmocka_unit_test(hosts_and_origins),
        cmocka_unit_test(targets_and_methods),
        cmocka_unit_test(broken_off_requests_are_finished),
        cmocka_unit_test(notify_runs_the_tick),
        cmocka_unit_test(refusals_are_counted),
        cmocka_unit_test(connections_over_the_limit_are_refused),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(silent_connections_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
