#include "io/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/shared.h"
#include "io/clock.h"
#include "io/http_answer.h"
#include "io/http_listen.h"
#include "io/http_loop.h"
#include "io/http_target.h"

enum {
    LOOPS_MAX = 64,
    DESCRIPTORS_BESIDES = 256, /* files of the store, standard streams, sockets of the loops */
};

enum metric_index {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "io/http_metrics.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, METRIC_##kind, text, advice},
#include "io/http_metrics.def"
#undef METRIC
};

struct http_server {
    struct http_loop_shared shared;
    uint16_t port;
    struct http_loop loops[];
};

static struct http_exchange *exchange_of(struct http_request *request)
{
    return (struct http_exchange *)request;
}

/* Connections are descriptors; the usual soft limit of 1,024 is below http.connections. */
static void raise_descriptors(uint64_t connections)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)connections + DESCRIPTORS_BESIDES;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static enum status open_loops(struct http_server *server, struct problem *problem)
{
    int sockets[LOOPS_MAX];
    struct slice host;
    struct http_loop_shared *shared = &server->shared;
    enum status status =
        http_listen_open(shared->options.listen, sockets, shared->loop_count, &host, &server->port, problem);

    if (status != STATUS_OK)
        return status;
    status = http_guard_init(&shared->guard, host, shared->options.hosts, shared->options.origins, problem);
    uint32_t count = 0;
    while (status == STATUS_OK && count < shared->loop_count) {
        status = http_loop_open(&server->loops[count], shared, count, sockets[count], problem);
        count++;
    }
    if (status == STATUS_OK)
        return STATUS_OK;
    for (uint32_t i = 0; i < count; i++)
        http_loop_fini(&server->loops[i]);
    for (uint32_t i = count; i < shared->loop_count; i++)
        close(sockets[i]);
    return status;
}

enum status http_open(struct http_server **out, const struct http_options *options,
                      const struct http_handlers *handlers, struct problem *problem)
{
    uint32_t count = options->threads < 1 ? 1 : options->threads > LOOPS_MAX ? LOOPS_MAX : (uint32_t)options->threads;
    size_t bytes = sizeof(struct http_server) + count * sizeof(struct http_loop);
    size_t whole = (bytes + 63) & ~(size_t)63;
    struct http_server *server = aligned_alloc(64, whole);

    *out = NULL;
    if (server == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the HTTP server");
    memset(server, 0, whole);
    server->shared.options = *options;
    server->shared.handlers = *handlers;
    server->shared.loop_count = count;
    server->shared.budget.limit = options->bodies_bytes;
    raise_descriptors(options->connections);
    enum status status = open_loops(server, problem);
    if (status == STATUS_OK)
        *out = server;
    else
        free(server);
    return status;
}

enum status http_start(struct http_server *server)
{
    for (uint32_t i = 0; i < server->shared.loop_count; i++) {
        enum status status = http_loop_start(&server->loops[i]);
        if (status != STATUS_OK) {
            http_stop(server, 0);
            return status;
        }
    }
    return STATUS_OK;
}

void http_stop(struct http_server *server, int grace_ms)
{
    server->shared.stop_deadline_ns = clock_monotonic_ns() + (int64_t)grace_ms * 1000000;
    SHARED_RELEASE(server->shared.stopping, 1);
    for (uint32_t i = 0; i < server->shared.loop_count; i++)
        http_loop_notify(&server->loops[i]);
    for (uint32_t i = 0; i < server->shared.loop_count; i++)
        http_loop_join(&server->loops[i]);
}

void http_close(struct http_server *server)
{
    if (server == NULL)
        return;
    for (uint32_t i = 0; i < server->shared.loop_count; i++)
        http_loop_fini(&server->loops[i]);
    free(server);
}

uint16_t http_port(const struct http_server *server)
{
    return server->port;
}

uint32_t http_loop_count(const struct http_server *server)
{
    return server->shared.loop_count;
}

struct slice http_query(struct http_request *request, const char *name)
{
    return http_target_find(request->arena, exchange_of(request)->query, name);
}

struct slice http_header(struct http_request *request, const char *name)
{
    return http_loop_header(exchange_of(request), name);
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    http_exchange_add_header(exchange_of(request), name, value);
}

void http_respond(struct http_request *request, int code, const char *content_type, struct slice body)
{
    struct http_exchange *exchange = exchange_of(request);
    struct slice kept = http_exchange_keep(exchange, body);

    if (kept.data == NULL) {
        struct problem problem;
        problem_set(&problem, STATUS_MEMORY, "no memory for an answer of %u bytes", body.size);
        http_loop_answer_problem(exchange, &problem);
        return;
    }
    http_loop_answer(exchange, code, content_type, kept, false);
}

void http_respond_static(struct http_request *request, int code, const char *content_type, struct slice body,
                         bool is_gzip)
{
    http_loop_answer(exchange_of(request), code, content_type, body, is_gzip);
}

void http_respond_problem(struct http_request *request, const struct problem *problem)
{
    http_loop_answer_problem(exchange_of(request), problem);
}

void http_suspend(struct http_request *request)
{
    struct http_exchange *exchange = exchange_of(request);

    ASSERT(exchange->phase == HTTP_PHASE_SHOWN && !exchange->is_suspended);
    exchange->is_suspended = true;
}

void http_wake(struct http_request *request)
{
    struct http_exchange *exchange = exchange_of(request);

    http_loop_wake(exchange->loop, exchange);
}

void http_notify(struct http_server *server, uint32_t loop)
{
    ASSERT(loop < server->shared.loop_count);
    http_loop_notify(&server->loops[loop]);
}

int64_t http_now_ns(void)
{
    return clock_monotonic_ns();
}

uint64_t http_cpu_ns(const struct http_server *server)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < server->shared.loop_count; i++)
        sum += http_loop_cpu_ns(&server->loops[i]);
    return sum;
}

static void emit_refused(const struct http_server *server, struct metric_sink *sink)
{
    char labels[64];

    for (int status = 0; status < STATUS_COUNT; status++) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < server->shared.loop_count; i++)
            count += SHARED_LOAD(server->loops[i].counts.refused[status]);
        if (count == 0)
            continue;
        snprintf(labels, sizeof labels, "reason=\"%s\"", status_row((enum status)status)->code);
        metric_value(sink, &rows[ROW_REFUSED], labels, (double)count);
    }
}

void http_metrics(struct http_server *server, struct metric_sink *sink)
{
    struct http_loop_counts sum = {.in_flight = 0};

    for (uint32_t i = 0; i < server->shared.loop_count; i++) {
        const struct http_loop_counts *counts = &server->loops[i].counts;
        sum.in_flight += SHARED_LOAD(counts->in_flight);
        sum.connections += SHARED_LOAD(counts->connections);
        sum.connections_total += SHARED_LOAD(counts->connections_total);
        sum.connections_refused += SHARED_LOAD(counts->connections_refused);
        sum.body_bytes += SHARED_LOAD(counts->body_bytes);
        sum.lost += SHARED_LOAD(counts->lost);
    }
    metric_value(sink, &rows[ROW_IN_FLIGHT], NULL, (double)sum.in_flight);
    metric_value(sink, &rows[ROW_CONNECTIONS], NULL, (double)sum.connections);
    metric_value(sink, &rows[ROW_CONNECTIONS_TOTAL], NULL, (double)sum.connections_total);
    metric_value(sink, &rows[ROW_BODY_BYTES], NULL, (double)sum.body_bytes);
    metric_value(sink, &rows[ROW_BODY_MEMORY], NULL, (double)SHARED_LOAD(server->shared.budget.used));
    metric_value(sink, &rows[ROW_REFUSED], "reason=\"connections\"", (double)sum.connections_refused);
    emit_refused(server, sink);
    metric_value(sink, &rows[ROW_LOST], NULL, (double)sum.lost);
    metric_value(sink, &rows[ROW_CPU], NULL, (double)http_cpu_ns(server) / 1e9);
}
