#include "serve/person.h"

#include <stdio.h>

#include "base/shared.h"
#include "collect/position.h"
#include "schema/event.h"

static enum status find_needed(struct serve_loop *loop, struct http_request *request, struct person *person, struct problem *problem)
{
    struct slice header = http_header(request, "Penchant-Position");
    uint64_t named = 0;

    person->needed = engine_appended(loop->shared->engine, person->partition, person->key);
    if (header.data == NULL)
        return STATUS_OK;
    if (!position_find(header, person->partition, &named)) {
        problem_set(problem, STATUS_BAD_REQUEST, "the header Penchant-Position is not a position");
        snprintf(problem->pointer, sizeof problem->pointer, "Penchant-Position");
        snprintf(problem->fix, sizeof problem->fix, "send back what an answer to POST /v1/events gave, or leave it out");
        return STATUS_BAD_REQUEST;
    }
    if (named > person->needed)
        person->needed = named;
    return STATUS_OK;
}

enum status person_of(struct serve_loop *loop, struct http_request *request, struct slice id, char kind,
                      struct person *person, struct problem *problem)
{
    const struct serve_shared *shared = loop->shared;

    *person = (struct person){.id = id, .kind = kind};
    if (id.size == 0 || id.size > EVENT_USER_MAX) {
        const char *name = kind == 'u' ? "user_id" : "anonymous_id";
        problem_set(problem, STATUS_BAD_REQUEST, "%s: 1 to %d bytes are expected", name, EVENT_USER_MAX);
        snprintf(problem->pointer, sizeof problem->pointer, "%s", name);
        return STATUS_BAD_REQUEST;
    }
    person->partition = engine_partition_of(shared->engine, id);
    person->key = hash_user(shared->key, kind, id.data, id.size);
    return find_needed(loop, request, person, problem);
}

enum status person_anonymous(struct serve_loop *loop, const struct parameters *parameters, struct person *person,
                             struct problem *problem)
{
    struct slice id;
    enum status status = parameters_text(parameters, "anonymous_id", EVENT_USER_MAX, &id, problem);

    if (status != STATUS_OK)
        return status;
    /* Of a body it lives in the parser, which others use while this request waits. */
    id = arena_copy(parameters->request->arena, id);
    if (parameters->request->arena->is_overflown)
        return problem_set(problem, STATUS_MEMORY, "no memory for this request");
    return person_of(loop, parameters->request, id, 'a', person, problem);
}

void person_wait(struct serve_loop *loop, struct http_request *request, const struct person *person,
                 void (*resume)(struct serve_loop *loop, struct http_request *request))
{
    serve_loop_wait(loop, request, person->partition, person->needed, loop->shared->config->options.wait, resume);
}

const char *person_degraded(struct serve_loop *loop, struct http_request *request)
{
    const char *degraded = NULL;

    if (!engine_is_caught_up(loop->shared->engine))
        degraded = "catching_up";
    else if (serve_loop_is_late(request))
        degraded = "behind";
    if (degraded != NULL)
        SHARED_ADD(loop->degraded, 1);
    return degraded;
}

void person_as_of(struct serve_loop *loop, const struct person *person, uint64_t applied, int64_t now_ms)
{
    struct json_writer *out = &loop->out;
    char position[POSITION_ENTRY_SIZE];

    snprintf(position, sizeof position, "%u:%lu", person->partition, (unsigned long)applied);
    json_key(out, "as_of");
    json_object_begin(out);
    json_key(out, "position");
    json_text(out, position);
    json_key(out, "learn");
    json_unsigned(out, learner_applied(loop->shared->learner));
    json_key(out, "at");
    json_time(out, now_ms);
    json_object_end(out);
}

void person_write(struct serve_loop *loop, const struct person *person)
{
    json_key(&loop->out, person->kind == 'u' ? "user_id" : "anonymous_id");
    json_string(&loop->out, person->id);
}

void person_degraded_write(struct serve_loop *loop, const char *degraded)
{
    json_key(&loop->out, "degraded");
    if (degraded == NULL)
        json_null(&loop->out);
    else
        json_text(&loop->out, degraded);
}
