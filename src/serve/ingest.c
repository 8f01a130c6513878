#include "serve/ingest.h"

#include "io/clock.h"
#include "schema/event.h"

/* A body over hundreds of partitions has a position that proxies would refuse; it stands in the answer. */
enum { HEADER_SIZE_MAX = 4096 };

/* On the writer's thread. */
static void wake(void *context)
{
    http_wake(context);
}

static void answer(struct serve_loop *loop, struct http_request *request)
{
    struct batch *batch = serve_loop_request(request)->batch;
    const char *position = "";
    struct problem problem = {0};
    int code = 0;

    serve_loop_begin(loop);
    if (collect_answer(loop->collect, batch, &loop->out, &code, &position, &problem) != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    if (batch->submission.count > 0) {
        const struct submission_entry *last = &batch->submission.entries[batch->submission.count - 1];
        serve_loop_sample(loop, request, last->partition, last->offset + 1);
        if (strlen(position) < HEADER_SIZE_MAX)
            http_add_header(request, "Penchant-Position", position);
    }
    serve_loop_answer_as(loop, request, code, code == 200 ? "application/json" : "application/problem+json");
}

static void go_on(struct serve_loop *loop, struct http_request *request);

/* After a slice, or at the end of the body. */
static void step_on(struct serve_loop *loop, struct http_request *request, enum collect_step step)
{
    struct serve_request *state = serve_loop_request(request);

    if (step == COLLECT_ANSWER) {
        answer(loop, request);
        return;
    }
    state->resume = step == COLLECT_MORE ? go_on : answer;
    /* Before the submission: the writer may be done with it at once. */
    http_suspend(request);
    if (step == COLLECT_MORE || collect_submit(loop->collect, state->batch) != STATUS_OK)
        http_wake(request);
}

static void go_on(struct serve_loop *loop, struct http_request *request)
{
    struct serve_request *state = serve_loop_request(request);
    struct problem problem = {0};
    enum collect_step step = COLLECT_MORE;

    if (collect_continue(loop->collect, state->own, state->batch, &step, &problem) != STATUS_OK)
        serve_loop_problem(loop, request, &problem);
    else
        step_on(loop, request, step);
}

void ingest_post(struct serve_loop *loop, struct http_request *request)
{
    struct serve_request *state = serve_loop_request(request);
    struct slice agent = http_header(request, "User-Agent");
    struct collect_body *body = arena_take(request->arena, sizeof *body);
    struct problem problem = {0};
    enum collect_step step = COLLECT_MORE;

    enum status status = body ? STATUS_OK : problem_set(&problem, STATUS_MEMORY, "no memory for this request");
    if (status == STATUS_OK) {
        *body = (struct collect_body){
            .text = request->body,
            .content_type = http_header(request, "Content-Type"),
            .device = agent.size > 0 ? event_device_of(agent) : DEVICE_NONE,
            .now_ms = clock_wall_ms(),
            .done = wake,
            .context = request,
        };
        state->own = body;
        status = collect_read(loop->collect, body, &state->batch, &step, &problem);
    }
    if (status != STATUS_OK)
        serve_loop_problem(loop, request, &problem);
    else
        step_on(loop, request, step);
}
