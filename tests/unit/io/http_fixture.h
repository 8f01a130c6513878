/* http_fixture.h - the application and the raw client that the tests of the HTTP server share.
 *
 * Threads: the application's counters are under its mutex; the client is the test's thread.
 * Memory:  freed by stop; leaks are seen by the address sanitizer.
 * Failure: an assertion of cmocka; every receive has a time limit.
 */
#ifndef TESTS_UNIT_IO_HTTP_FIXTURE_H
#define TESTS_UNIT_IO_HTTP_FIXTURE_H

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
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

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

static inline void count(struct application *app, uint32_t *counter, int by)
{
    pthread_mutex_lock(&app->mutex);
    *counter += (uint32_t)by;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
}

static inline uint32_t read_count(struct application *app, const uint32_t *counter)
{
    pthread_mutex_lock(&app->mutex);
    uint32_t value = *counter;
    pthread_mutex_unlock(&app->mutex);
    return value;
}

static inline void await(struct application *app, const uint32_t *counter, uint32_t least)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += RECEIVE_LIMIT_S;
    pthread_mutex_lock(&app->mutex);
    while (*counter < least)
        assert_int_equal(pthread_cond_timedwait(&app->changed, &app->mutex, &limit), 0);
    pthread_mutex_unlock(&app->mutex);
}

static inline bool is_first(const struct http_request *request, const char *name)
{
    return request->segment_count > 0 && slice_is(request->segments[0], name);
}

static inline enum status app_admit(void *application, struct http_request *request, struct problem *problem)
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

static inline void park(struct application *app, struct http_request *request)
{
    http_suspend(request);
    pthread_mutex_lock(&app->mutex);
    assert_true(app->parked_count < PARKED_MAX);
    app->parked[app->parked_count++] = request;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
}

static inline void answer_parts(struct http_request *request)
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

static inline void app_handle(void *application, struct http_request *request)
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

static inline void app_resume(void *application, struct http_request *request)
{
    if (is_first(request, "twice") && *(char *)request->state != 't') {
        *(char *)request->state = 't';
        park(application, request);
        return;
    }
    http_respond(request, 200, "text/plain", slice_of("woken"));
}

static inline void app_finish(void *application, struct http_request *request)
{
    struct application *app = application;

    free(request->state);
    count(app, &app->states, -1);
    count(app, &app->finished, 1);
}

static inline int app_tick(void *application, uint32_t loop)
{
    struct application *app = application;

    (void)loop;
    count(app, &app->ticks, 1);
    return -1;
}

static inline struct application *start_with(uint32_t threads, const char *origins, uint64_t idle_ms)
{
    struct application *app = calloc(1, sizeof *app);
    struct http_options options = {
        .listen = "127.0.0.1:0",
        .threads = threads,
        .connections = 64,
        .body_bytes = BODY_BYTES,
        .bodies_bytes = BODIES_BYTES,
        .arena_bytes = 65536,
        .idle_timeout = idle_ms,
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

static inline struct application *start(uint32_t threads, const char *origins)
{
    return start_with(threads, origins, 60000);
}

static inline void stop(struct application *app)
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

static inline int dial(const struct application *app)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_port(app->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = RECEIVE_LIMIT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* pieces arrive as they are sent */
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void say_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        size -= (size_t)n;
    }
}

static inline void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

static inline bool header_of(const struct answer *answer, const char *name, char *out, size_t size)
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
static inline void hear(int fd, struct answer *answer, bool has_body)
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

static inline void assert_answer(int fd, int code, const char *body)
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

static inline void assert_problem(int fd, int code, const char *name)
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

static inline void assert_closed(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

#endif
