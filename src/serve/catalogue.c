#include "serve/catalogue.h"

#include <stdio.h>

#include "collect/payload.h"
#include "schema/content.h"

/* On the writer's thread. */
static void wake(void *context)
{
    http_wake(context);
}

static enum status add_content(struct batch *batch, const struct content *content, struct problem *problem)
{
    char *place = batch_reserve(batch, content_encoded_max(content));

    if (place == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the contents of this body");
    batch_add(batch, 0, 0, content_encode(content, place));
    return STATUS_OK;
}

static void answer_one(struct serve_loop *loop, struct http_request *request)
{
    struct json_writer *out = serve_loop_begin(loop);
    bool is_late = serve_loop_is_late(request);

    json_object_begin(out);
    json_key(out, "content_id");
    json_string(out, request->segments[2]);
    json_key(out, "status");
    json_text(out, is_late ? "accepted" : "applied");
    json_object_end(out);
    serve_loop_answer(loop, request, is_late ? 202 : 200);
}

static void answer_many(struct serve_loop *loop, struct http_request *request)
{
    int code = collect_render(serve_loop_request(request)->batch, "", serve_loop_begin(loop));

    if (code == 200 && serve_loop_is_late(request))
        code = 202;
    serve_loop_answer_as(loop, request, code, code < 400 ? "application/json" : "application/problem+json");
}

/* Appended: now until the learner has it. */
static void appended(struct serve_loop *loop, struct http_request *request)
{
    struct serve_request *state = serve_loop_request(request);
    const struct submission *submission = &state->batch->submission;
    uint64_t needed = 0;

    if (submission->status != STATUS_OK) {
        struct problem problem = {0};
        problem_set(&problem, submission->status, "%s; no content of this body was taken", status_row(submission->status)->text);
        serve_loop_problem(loop, request, &problem);
        return;
    }
    for (uint32_t i = 0; i < submission->count; i++)
        if (submission->entries[i].offset != UINT64_MAX && submission->entries[i].offset + 1 > needed)
            needed = submission->entries[i].offset + 1;
    serve_loop_wait(loop, request, WAITING_CONTENT, needed, loop->shared->config->options.content_wait,
                    state->route->method == HTTP_POST ? answer_many : answer_one);
}

static void submit(struct serve_loop *loop, struct http_request *request)
{
    struct serve_request *state = serve_loop_request(request);
    struct engine *engine = loop->shared->engine;

    batch_seal(state->batch, engine_contents(engine), wake, request);
    state->resume = appended;
    /* Before the submission: the writer may be done with it at once. */
    http_suspend(request);
    enum status status = engine_submit(engine, &state->batch->submission);
    if (status != STATUS_OK) {
        state->batch->submission.status = status;
        http_wake(request);
    }
}

/* One content: appended, or the problem is answered. */
static void submit_one(struct serve_loop *loop, struct http_request *request, const struct content *content)
{
    struct serve_request *state = serve_loop_request(request);
    struct problem problem = {0};

    state->batch = batch_acquire(collect_batches(loop->collect));
    enum status status = state->batch ? add_content(state->batch, content, &problem)
                                      : problem_set(&problem, STATUS_MEMORY, "no memory for this content");
    if (status != STATUS_OK)
        serve_loop_problem(loop, request, &problem);
    else
        submit(loop, request);
}

void catalogue_put(struct serve_loop *loop, struct http_request *request)
{
    const struct json_value *values = NULL;
    struct content content;
    struct problem problem = {0};
    uint32_t count = 0;

    enum status status = STATUS_OK;
    if (request->body.size > PAYLOAD_ITEM_SIZE_MAX)
        status = problem_set(&problem, STATUS_TOO_LARGE, "a content has at most %d bytes", PAYLOAD_ITEM_SIZE_MAX);
    if (status == STATUS_OK)
        status = json_parse(collect_parser(loop->collect), request->body, &values, &count, &problem);
    if (status == STATUS_OK && values[0].kind != JSON_OBJECT)
        status = problem_set(&problem, STATUS_BAD_REQUEST, "the body is not a JSON object");
    if (status == STATUS_OK)
        status = content_parse(values, 0, request->segments[2], &content, &problem);
    if (status != STATUS_OK)
        serve_loop_problem(loop, request, &problem);
    else
        submit_one(loop, request, &content);
}

void catalogue_delete(struct serve_loop *loop, struct http_request *request)
{
    const struct json_value *values = NULL;
    struct content content;
    struct problem problem = {0};
    uint32_t count = 0;

    /* The id is checked as that of a row without members. */
    enum status status = json_parse(collect_parser(loop->collect), slice_of("{}"), &values, &count, &problem);
    if (status == STATUS_OK)
        status = content_parse(values, 0, request->segments[2], &content, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    content.is_deleted = true;
    submit_one(loop, request, &content);
}

static enum status read_many(struct payload *payload, struct batch *batch, struct problem *problem)
{
    enum status status = STATUS_OK;
    struct problem wrong = {0};

    while (payload_next(payload, &status, &wrong)) {
        struct content content;
        if (status == STATUS_OK)
            status = content_parse(payload->values, payload->at, (struct slice){0}, &content, &wrong);
        if (status != STATUS_OK) {
            batch_reject(batch, payload->index, &wrong);
            wrong = (struct problem){0};
            continue;
        }
        status = add_content(batch, &content, problem);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

void catalogue_post(struct serve_loop *loop, struct http_request *request)
{
    struct serve_request *state = serve_loop_request(request);
    struct payload payload;
    struct problem problem = {0};

    enum status status = payload_open(&payload, collect_parser(loop->collect), request->body, http_header(request, "Content-Type"), &problem);
    if (status == STATUS_OK) {
        state->batch = batch_acquire(collect_batches(loop->collect));
        status = state->batch ? read_many(&payload, state->batch, &problem)
                              : problem_set(&problem, STATUS_MEMORY, "no memory for the contents of this body");
    }
    if (status != STATUS_OK)
        serve_loop_problem(loop, request, &problem);
    else if (state->batch->submission.count == 0)
        answer_many(loop, request);
    else
        submit(loop, request);
}

static void write_text(struct json_writer *out, const char *name, struct slice text)
{
    if (text.size == 0)
        return;
    json_key(out, name);
    json_string(out, text);
}

static void write_time(struct json_writer *out, const char *name, int64_t time_ms)
{
    if (time_ms == EVENT_TIME_ABSENT)
        return;
    json_key(out, name);
    json_time(out, time_ms);
}

static void write_content(struct json_writer *out, const struct content *content)
{
    json_object_begin(out);
    write_text(out, "content_id", content->content_id);
    write_text(out, "title", content->title);
    write_text(out, "url", content->url);
    write_text(out, "image", content->image);
    json_key(out, "categories");
    json_array_begin(out);
    for (uint8_t i = 0; i < content->category_count; i++)
        json_string(out, content->categories[i]);
    json_array_end(out);
    write_time(out, "published_at", content->published_at_ms);
    write_time(out, "expires_at", content->expires_at_ms);
    json_key(out, "hidden");
    json_bool(out, content->is_hidden);
    if (content->attributes.size > 0) {
        json_key(out, "attributes");
        json_raw(out, content->attributes);
    }
    json_object_end(out);
}

void catalogue_get(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    struct slice id = request->segments[2];
    uint32_t slot = model_content_find(shared->model, hash_64(shared->key, id.data, id.size));
    struct content content;

    if (slot == MODEL_NONE || !documents_find(loop->documents, model_content_document(shared->model, slot), &content) ||
        !slice_equal(content.content_id, id)) {
        struct problem problem = {0};
        problem_set(&problem, STATUS_NOT_FOUND, "the catalogue has no content of the id %.*s", SLICE_ARG(id));
        snprintf(problem.fix, sizeof problem.fix, "PUT it; contents that only events name are shown by /v1/features/content/{id}");
        serve_loop_problem(loop, request, &problem);
        return;
    }
    write_content(serve_loop_begin(loop), &content);
    serve_loop_answer(loop, request, 200);
}
