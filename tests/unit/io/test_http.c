/* Goal: io/http.h over real sockets: what clients do, and what hostile or broken ones do.
 * Method: a small application behind the server on a free loopback port; requests are written
 * byte by byte by hand.  Suspended requests are woken by the test's own thread.  Every receive
 * has a time limit, so a lost answer fails and does not hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#include "io/http.h"

enum { RECEIVE_LIMIT_S = 20, BODY_BYTES = 65536, BODIES_BYTES = 262144, PARKED_MAX = 32 };

/* -- the application behind the server ---------------------------------------------------- */

struct application {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct http_request *parked[PARKED_MAX];
    uint32_t parked_count;
    uint32_t admitted, finished, states, ticks;
    struct http_server *server;
};

static void count(struct application *app, uint32_t *counter, int by)
{
    pthread_mutex_lock(&app->mutex);
    *counter += (uint32_t)by;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
}

static uint32_t read_count(struct application *app, const uint32_t *counter)
{
    pthread_mutex_lock(&app->mutex);
    uint32_t value = *counter;
    pthread_mutex_unlock(&app->mutex);
    return value;
}

static void await(struct application *app, const uint32_t *counter, uint32_t least)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += RECEIVE_LIMIT_S;
    pthread_mutex_lock(&app->mutex);
    while (*counter < least)
        assert_int_equal(pthread_cond_timedwait(&app->changed, &app->mutex, &limit), 0);
    pthread_mutex_unlock(&app->mutex);
}

static bool is_first(const struct http_request *request, const char *name)
{
    return request->segment_count > 0 && slice_is(request->segments[0], name);
}

static enum status app_admit(void *application, struct http_request *request, struct problem *problem)
{
    struct application *app = application;

    count(app, &app->admitted, 1);
    request->state = calloc(1, 1);
    count(app, &app->states, 1);
    if (is_first(request, "secret"))
        return problem_set(problem, STATUS_UNAUTHORIZED, "no \"key\" here");
    if (is_first(request, "busy"))
        return STATUS_OVERLOADED;
    return STATUS_OK;
}

static void park(struct application *app, struct http_request *request)
{
    http_suspend(request);
    pthread_mutex_lock(&app->mutex);
    assert_true(app->parked_count < PARKED_MAX);
    app->parked[app->parked_count++] = request;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
}

static void answer_parts(struct http_request *request)
{
    char *text = arena_take(request->arena, 4096);
    int size = 0;

    for (uint32_t i = 0; i < request->segment_count && i < HTTP_SEGMENTS_MAX; i++)
        size += snprintf(text + size, 256, "[%.*s]", SLICE_ARG(request->segments[i]));
    struct slice q = http_query(request, "q");
    if (q.data != NULL)
        size += snprintf(text + size, 256, "q=%.*s", SLICE_ARG(q));
    struct slice header = http_header(request, "x-test");
    if (header.data != NULL)
        size += snprintf(text + size, 256, " h=%.*s", SLICE_ARG(header));
    http_respond(request, 200, "text/plain", slice_make(text, (size_t)size));
}

static void app_handle(void *application, struct http_request *request)
{
    struct application *app = application;

    assert_non_null(request->state);
    if (is_first(request, "park") || is_first(request, "twice")) {
        park(app, request);
    } else if (is_first(request, "echo")) {
        for (uint32_t i = 0; i < 64; i++)
            assert_int_equal(request->body.data == NULL ? 0 : request->body.data[request->body.size + i], 0);
        http_add_header(request, "Penchant-Position", "0:1");
        http_respond(request, 200, "text/plain", request->body);
    } else if (is_first(request, "static")) {
        http_respond_static(request, 200, "text/css", slice_of("body{}"), false);
    } else if (is_first(request, "large")) {
        char *page = malloc(1 << 20);
        memset(page, 'L', 1 << 20);
        http_respond(request, 200, "text/plain", slice_make(page, 1 << 20));
        free(page);
    } else if (request->method == HTTP_OTHER) {
        struct problem problem;
        problem_set(&problem, STATUS_METHOD, "no \"such\"\nmethod");
        snprintf(problem.pointer, sizeof problem.pointer, "/method");
        http_respond_problem(request, &problem);
    } else {
        answer_parts(request);
    }
}

static void app_resume(void *application, struct http_request *request)
{
    if (is_first(request, "twice") && *(char *)request->state != 't') {
        *(char *)request->state = 't';
        park(application, request);
        return;
    }
    http_respond(request, 200, "text/plain", slice_of("woken"));
}

static void app_finish(void *application, struct http_request *request)
{
    struct application *app = application;

    free(request->state);
    count(app, &app->states, -1);
    count(app, &app->finished, 1);
}

static int app_tick(void *application, uint32_t loop)
{
    struct application *app = application;

    (void)loop;
    count(app, &app->ticks, 1);
    return -1;
}

static struct application *start(uint32_t threads, const char *origins)
{
    struct application *app = calloc(1, sizeof *app);
    struct http_options options = {
        .listen = "127.0.0.1:0",
        .threads = threads,
        .connections = 64,
        .body_bytes = BODY_BYTES,
        .bodies_bytes = BODIES_BYTES,
        .arena_bytes = 65536,
        .idle_timeout = 60000,
        .hosts = "shop.example",
    };
    struct http_handlers handlers = {app, app_admit, app_handle, app_resume, app_finish, app_tick};
    struct problem problem;

    snprintf(options.origins, sizeof options.origins, "%s", origins);
    pthread_mutex_init(&app->mutex, NULL);
    pthread_cond_init(&app->changed, NULL);
    assert_int_equal(http_open(&app->server, &options, &handlers, &problem), STATUS_OK);
    assert_int_equal(http_start(app->server), STATUS_OK);
    return app;
}

static void stop(struct application *app)
{
    http_stop(app->server, 5000);
    http_close(app->server);
    assert_int_equal(app->states, 0);
    assert_int_equal(app->admitted, app->finished);
    pthread_cond_destroy(&app->changed);
    pthread_mutex_destroy(&app->mutex);
    free(app);
}

/* -- a client ------------------------------------------------------------------------------ */

struct answer {
    int code;
    char head[4096];
    size_t body_size;
    char *body;
};

static int dial(const struct application *app)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_port(app->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = RECEIVE_LIMIT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        size -= (size_t)n;
    }
}

static void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

static bool header_of(const struct answer *answer, const char *name, char *out, size_t size)
{
    const char *line = strcasestr(answer->head, name);

    out[0] = '\0';
    if (line == NULL)
        return false;
    line += strlen(name);
    line += strspn(line, ": ");
    snprintf(out, size, "%.*s", (int)strcspn(line, "\r\n"), line);
    return true;
}

/* Reads one answer; has_body is false after HEAD. */
static void hear(int fd, struct answer *answer, bool has_body)
{
    char text[64];
    size_t size = 0;

    while (size < 4 || memcmp(answer->head + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size + 1 < sizeof answer->head);
        ssize_t n = recv(fd, answer->head + size, 1, 0);
        assert_int_equal(n, 1);
        size += (size_t)n;
    }
    answer->head[size] = '\0';
    assert_int_equal(sscanf(answer->head, "HTTP/1.1 %d", &answer->code), 1);
    answer->body_size = 0;
    if (has_body && header_of(answer, "Content-Length", text, sizeof text))
        answer->body_size = strtoul(text, NULL, 10);
    answer->body = malloc(answer->body_size + 1);
    for (size_t got = 0; got < answer->body_size;) {
        ssize_t n = recv(fd, answer->body + got, answer->body_size - got, 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
    answer->body[answer->body_size] = '\0';
}

static void assert_answer(int fd, int code, const char *body)
{
    struct answer answer;

    hear(fd, &answer, true);
    if (answer.code != code)
        print_message("got %d: %s\n", answer.code, answer.body);
    assert_int_equal(answer.code, code);
    if (body != NULL)
        assert_string_equal(answer.body, body);
    free(answer.body);
}

static void assert_problem(int fd, int code, const char *name)
{
    struct answer answer;
    char text[128];

    hear(fd, &answer, true);
    assert_int_equal(answer.code, code);
    assert_true(header_of(&answer, "Content-Type", text, sizeof text));
    assert_string_equal(text, "application/problem+json");
    assert_non_null(strstr(answer.head, "X-Content-Type-Options: nosniff"));
    snprintf(text, sizeof text, "\"code\":\"%s\"", name);
    assert_non_null(strstr(answer.body, text));
    if (code == 429 || code == 503)
        assert_true(header_of(&answer, "Retry-After", text, sizeof text));
    free(answer.body);
}

static void assert_closed(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* -- tests --------------------------------------------------------------------------------- */

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

static struct http_request *take_parked(struct application *app)
{
    await(app, &app->parked_count, 1);
    pthread_mutex_lock(&app->mutex);
    struct http_request *request = app->parked[0];
    memmove(app->parked, app->parked + 1, (--app->parked_count) * sizeof *app->parked);
    pthread_mutex_unlock(&app->mutex);
    return request;
}

static void suspended_requests_are_woken(void **state)
{
    struct application *app = start(2, "");
    int fds[8];

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++) {
            fds[i] = dial(app);
            say(fds[i], i % 2 ? "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\nGET /after HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              : "POST /twice HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
        }
        for (int i = 0; i < 12; i++)
            http_wake(take_parked(app));
        for (int i = 0; i < 8; i++) {
            assert_answer(fds[i], 200, "woken");
            if (i % 2)
                assert_answer(fds[i], 200, "[after]");
            close(fds[i]);
        }
    }
    stop(app);
}

static void a_client_may_go_while_suspended(void **state)
{
    struct application *app = start(1, "");
    struct linger now = {1, 0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        int fd = dial(app);
        say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
        struct http_request *request = take_parked(app);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* a reset instead of an end */
        close(fd);
        assert_int_equal(read_count(app, &app->finished), (uint32_t)i);
        http_wake(request);
        await(app, &app->finished, (uint32_t)i + 1);
    }
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

static void *wake_later(void *context)
{
    struct application *app = context;

    http_wake(take_parked(app));
    return NULL;
}

static void stopping_waits_for_the_suspended(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);
    pthread_t thread;

    (void)state;
    say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await(app, &app->parked_count, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, app), 0);
    http_stop(app->server, 20000);
    pthread_join(thread, NULL);
    assert_answer(fd, 200, "woken");
    assert_closed(fd);
    close(fd);
    stop(app);
}

static void stopping_answers_what_never_wakes(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);

    (void)state;
    say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct http_request *request = take_parked(app);
    http_stop(app->server, 0);
    assert_problem(fd, 503, "not_ready");
    assert_closed(fd);
    close(fd);
    assert_int_equal(read_count(app, &app->finished), 0);
    http_wake(request); /* too late, and harmless */
    stop(app);
}

static void idle_connections_do_not_hold_a_stop(void **state)
{
    struct application *app = start(2, "");
    int fd = dial(app);

    (void)state;
    say(fd, "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "[a]");
    stop(app);
    assert_closed(fd);
    close(fd);
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
        cmocka_unit_test(suspended_requests_are_woken),
        cmocka_unit_test(a_client_may_go_while_suspended),
        cmocka_unit_test(broken_off_requests_are_finished),
        cmocka_unit_test(stopping_waits_for_the_suspended),
        cmocka_unit_test(stopping_answers_what_never_wakes),
        cmocka_unit_test(idle_connections_do_not_hold_a_stop),
        cmocka_unit_test(notify_runs_the_tick),
        cmocka_unit_test(refusals_are_counted),
        cmocka_unit_test(connections_over_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
