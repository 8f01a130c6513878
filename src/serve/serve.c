#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/shared.h"
#include "collect/payload.h"
#include "io/clock.h"
#include "serve/assets.h"
#include "serve/serve_loop.h"
#include "serve/state.h"

enum { GRACE_MS = 10000 };

/* Pages take nothing from elsewhere and cannot be framed. */
static const char content_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

struct serve {
    struct serve_shared shared;
    struct serve_config config;
};

/* ---- the five moments of a request ---- */

static struct serve_loop *loop_of(struct serve *serve, const struct http_request *request)
{
    return serve->shared.loops[request->loop];
}

/* Counted here, because the server writes this answer. */
static enum status refuse(struct serve *serve, struct http_request *request, uint32_t route_number, const struct problem *problem)
{
    serve_loop_count(loop_of(serve, request), request, route_number, status_row(problem->status)->http);
    return problem->status;
}

static enum status admit_unknown(struct serve *serve, struct http_request *request, uint32_t allowed, struct problem *problem)
{
    uint32_t page_number = 0;
    struct serve_request *state = request->state;
    char allow[64];

    (void)route_rows(&page_number);
    if (allowed == 0 && (request->method == HTTP_GET || request->method == HTTP_HEAD)) {
        state->own = (void *)(uintptr_t)assets_find(request->path);
        state->route_number = page_number;
        if (state->own != NULL)
            return STATUS_OK;
    }
    state->route_number = page_number + 1;
    if (allowed == 0) {
        problem_set(problem, STATUS_NOT_FOUND, "there is nothing at %.*s", SLICE_ARG(request->path));
        return refuse(serve, request, state->route_number, problem);
    }
    route_allow(allowed, allow, sizeof allow);
    http_add_header(request, "Allow", allow);
    if (request->method == HTTP_OPTIONS)
        return STATUS_OK;
    problem_set(problem, STATUS_METHOD, "%.*s takes %s", SLICE_ARG(request->path), allow);
    return refuse(serve, request, state->route_number, problem);
}

static enum status admit(void *application, struct http_request *request, struct problem *problem)
{
    struct serve *serve = application;
    struct serve_request *state = arena_take(request->arena, sizeof *state);
    uint32_t allowed = 0;
    uint32_t count = 0;

    if (state == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for this request");
    memset(state, 0, sizeof *state);
    request->state = state;
    state->route = route_find(request->method, request->path, &allowed);
    if (state->route == NULL)
        return admit_unknown(serve, request, allowed, problem);
    state->route_number = (uint32_t)(state->route - route_rows(&count));
    enum status status = state_accepts(&serve->shared, state->route, problem);
    if (status == STATUS_OK && (request->method == HTTP_POST || request->method == HTTP_PUT) &&
        !payload_is_read(http_header(request, "Content-Type")))
        status = problem_set(problem, STATUS_MEDIA_TYPE, "the Content-Type %.*s is not read here", SLICE_ARG(http_header(request, "Content-Type")));
    return status == STATUS_OK ? STATUS_OK : refuse(serve, request, state->route_number, problem);
}

static void answer_page(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_request *state = serve_loop_request(request);
    const struct asset *asset = state->own;

    if (asset == NULL) {
        serve_loop_send(loop, request, 204, "text/plain", (struct slice){0}); /* OPTIONS */
        return;
    }
    http_add_header(request, "Content-Security-Policy", content_policy);
    http_add_header(request, "Referrer-Policy", "same-origin");
    http_add_header(request, "Cache-Control", "no-cache");
    serve_loop_count(loop, request, state->route_number, 200);
    http_respond_static(request, 200, asset->content_type, asset->body, false);
}

static void handle(void *application, struct http_request *request)
{
    struct serve_loop *loop = loop_of(application, request);
    const struct serve_request *state = serve_loop_request(request);

    if (state->route == NULL)
        answer_page(loop, request);
    else
        state->route->handler(loop, request);
}

static void resume(void *application, struct http_request *request)
{
    serve_loop_request(request)->resume(loop_of(application, request), request);
}

static void finish(void *application, struct http_request *request)
{
    struct serve_request *state = request->state;

    if (state == NULL || state->batch == NULL)
        return;
    collect_release(loop_of(application, request)->collect, state->batch);
    state->batch = NULL;
}

static int tick(void *application, uint32_t number)
{
    struct serve *serve = application;

    return serve_loop_tick(serve->shared.loops[number]);
}

/* On a worker's or the learner's thread: something was applied. */
static void notify(void *context)
{
    struct serve *serve = context;

    for (uint32_t i = 0; i < serve->shared.loop_count; i++)
        if (waiting_is_any(&serve->shared.loops[i]->waiting))
            http_notify(serve->shared.server, i);
}

/* ---- lifecycle ---- */

static enum status open_loops(struct serve *serve, struct problem *problem)
{
    struct serve_shared *shared = &serve->shared;
    uint32_t count = http_loop_count(shared->server);

    shared->loops = calloc(count, sizeof *shared->loops);
    enum status status = shared->loops ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = serve_loop_create(&shared->loops[i], shared, i);
        if (status == STATUS_OK)
            shared->loop_count++;
    }
    if (status != STATUS_OK)
        problem_set(problem, status, "the event loops could not be made: %s", status_row(status)->text);
    return status;
}

enum status serve_open(struct serve **out, struct engine *engine, const struct serve_config *config, struct problem *problem)
{
    struct serve *serve = calloc(1, sizeof *serve);
    uint32_t route_count = 0;

    if (serve == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the server");
    (void)route_rows(&route_count);
    ASSERT(route_count + 2 <= SERVE_LOOP_ROUTES_MAX);
    serve->config = *config;
    serve->shared = (struct serve_shared){
        .engine = engine,
        .learner = engine_learner(engine),
        .model = learner_model(engine_learner(engine)),
        .layout = &engine_config(engine)->layout,
        .types = &engine_config(engine)->types,
        .key = engine_key(engine),
        .config = &serve->config,
        .serve = serve,
        .phase = SERVE_STARTING,
        .opened_ns = clock_monotonic_ns(),
        .opened_at_ms = clock_wall_ms(),
    };
    struct http_handlers handlers = {serve, admit, handle, resume, finish, tick};
    enum status status = http_open(&serve->shared.server, &serve->config.http, &handlers, problem);
    if (status == STATUS_OK)
        status = open_loops(serve, problem);
    if (status != STATUS_OK) {
        serve_close(serve);
        return status;
    }
    engine_set_notify(engine, notify, serve);
    *out = serve;
    return STATUS_OK;
}

enum status serve_start(struct serve *serve)
{
    return http_start(serve->shared.server);
}

void serve_ready(struct serve *serve)
{
    SHARED_RELEASE(serve->shared.phase, SERVE_READY);
}

void serve_drain(struct serve *serve)
{
    SHARED_RELEASE(serve->shared.phase, SERVE_DRAINING);
}

void serve_stop(struct serve *serve)
{
    http_stop(serve->shared.server, GRACE_MS);
}

void serve_close(struct serve *serve)
{
    struct serve_shared *shared = &serve->shared;

    if (shared->server != NULL)
        http_close(shared->server);
    for (uint32_t i = 0; i < shared->loop_count; i++)
        serve_loop_destroy(shared->loops[i]);
    free(shared->loops);
    free(serve);
}

uint16_t serve_port(const struct serve *serve)
{
    return http_port(serve->shared.server);
}

void serve_set_demo(struct serve *serve, void (*render)(void *context, struct json_writer *out), void *context)
{
    serve->shared.demo_context = context;
    SHARED_RELEASE(serve->shared.demo, render); /* pairs with state_demo: the context is there first */
}

void serve_set_metrics(struct serve *serve, void (*emit)(void *context, struct metric_sink *sink), void *context)
{
    serve->shared.emit_context = context;
    SHARED_RELEASE(serve->shared.emit, emit); /* pairs with state_metrics */
}

void serve_metrics(struct serve *serve, struct metric_sink *sink)
{
    serve_loop_metrics(&serve->shared, sink);
    http_metrics(serve->shared.server, sink);
}
