#include "serve/recommendations.h"

#include <stdio.h>

#include "base/shared.h"
#include "io/clock.h"
#include "schema/event.h"
#include "serve/listing.h"
#include "serve/person.h"

enum { PLACEMENT_SIZE_MAX = 128, QUERY_SIZE_MAX = 16 * 1024 };

struct ask {
    struct person person;
    struct decide_request decide;
    struct slice placement;
    bool is_explained;
};

static uint64_t hash_of(const struct serve_loop *loop, struct slice name)
{
    return name.size > 0 ? hash_64(loop->shared->key, name.data, name.size) : 0;
}

static enum status too_many(struct problem *problem)
{
    problem_set(problem, STATUS_BAD_REQUEST, "exclude: at most %d contents are expected", DECIDE_EXCLUDE_MAX);
    snprintf(problem->pointer, sizeof problem->pointer, "exclude");
    return STATUS_BAD_REQUEST;
}

static enum status exclude(const struct serve_loop *loop, struct ask *ask, struct slice id, struct problem *problem)
{
    if (id.size == 0)
        return STATUS_OK;
    if (ask->decide.exclude_count == DECIDE_EXCLUDE_MAX)
        return too_many(problem);
    ask->decide.exclude[ask->decide.exclude_count++] = hash_of(loop, id);
    return STATUS_OK;
}

static enum status exclude_list(const struct serve_loop *loop, struct ask *ask, struct slice list, struct problem *problem)
{
    enum status status = STATUS_OK;

    while (list.size > 0 && status == STATUS_OK) {
        const char *comma = memchr(list.data, ',', list.size);
        uint32_t size = comma ? (uint32_t)(comma - list.data) : list.size;
        status = exclude(loop, ask, slice_make(list.data, size), problem);
        uint32_t taken = comma ? size + 1 : size;
        list.data += taken;
        list.size -= taken;
    }
    return status;
}

/* A comma list, or an array of ids. */
static enum status read_exclude(const struct serve_loop *loop, const struct parameters *parameters, struct ask *ask, struct problem *problem)
{
    const struct json_value *member = parameters_member(parameters, "exclude");
    struct slice list;
    enum status status = STATUS_OK;

    if (member == NULL || member->kind != JSON_ARRAY || http_query(parameters->request, "exclude").data != NULL) {
        status = parameters_text(parameters, "exclude", QUERY_SIZE_MAX, &list, problem);
        return status == STATUS_OK ? exclude_list(loop, ask, list, problem) : status;
    }
    uint32_t at = (uint32_t)(member - parameters->values) + 1;
    for (uint32_t i = 0; i < member->count && status == STATUS_OK; i++) {
        const struct json_value *value = &parameters->values[at];
        if (value->kind != JSON_STRING) {
            problem_set(problem, STATUS_BAD_REQUEST, "exclude: an array of content ids is expected");
            snprintf(problem->pointer, sizeof problem->pointer, "/exclude/%u", i);
            return STATUS_BAD_REQUEST;
        }
        status = exclude(loop, ask, value->text, problem);
        at = value->next;
    }
    return status;
}

/* A content id, or an object with content_id. */
static enum status read_context(const struct serve_loop *loop, const struct parameters *parameters, struct ask *ask, struct problem *problem)
{
    const struct json_value *member = parameters_member(parameters, "context");
    struct slice id;

    if (member != NULL && member->kind == JSON_OBJECT) {
        member = json_find(parameters->values, (uint32_t)(member - parameters->values), "content_id");
        if (member == NULL || member->kind == JSON_NULL)
            return STATUS_OK;
        if (member->kind == JSON_STRING && member->text.size <= EVENT_CONTENT_MAX) {
            ask->decide.context_content = hash_of(loop, member->text);
            return STATUS_OK;
        }
        problem_set(problem, STATUS_BAD_REQUEST, "context: content_id is not a content id of at most %d bytes", EVENT_CONTENT_MAX);
        snprintf(problem->pointer, sizeof problem->pointer, "/context/content_id");
        return STATUS_BAD_REQUEST;
    }
    enum status status = parameters_text(parameters, "context", EVENT_CONTENT_MAX, &id, problem);
    if (status == STATUS_OK)
        ask->decide.context_content = hash_of(loop, id);
    return status;
}

static enum status read_ask(struct serve_loop *loop, const struct parameters *parameters, struct ask *ask, struct problem *problem)
{
    const struct serve_config *config = loop->shared->config;
    struct slice text;
    bool is_recorded = false;

    enum status status = parameters_count(parameters, "n", (uint32_t)config->options.items, 1, DECIDE_ITEMS_MAX, &ask->decide.n, problem);
    if (status == STATUS_OK)
        status = parameters_text(parameters, "placement", PLACEMENT_SIZE_MAX, &text, problem);
    if (status == STATUS_OK && text.size > 0) {
        /* Of a body it lives in the parser, which others use while this request waits. */
        ask->placement = arena_copy(parameters->request->arena, text);
        status = parameters->request->arena->is_overflown ? problem_set(problem, STATUS_MEMORY, "no memory for this request") : STATUS_OK;
    }
    if (status == STATUS_OK)
        status = read_exclude(loop, parameters, ask, problem);
    if (status == STATUS_OK)
        status = parameters_text(parameters, "category", EVENT_CATEGORY_SIZE_MAX, &text, problem);
    if (status == STATUS_OK) {
        ask->decide.category = hash_of(loop, text);
        status = read_context(loop, parameters, ask, problem);
    }
    if (status == STATUS_OK)
        status = parameters_flag(parameters, "explain", false, &ask->is_explained, problem);
    if (status == STATUS_OK)
        status = parameters_flag(parameters, "record", true, &is_recorded, problem);
    if (status == STATUS_OK)
        status = parameters_country(parameters, ask->decide.country, problem);
    if (status == STATUS_OK)
        status = parameters_device(parameters, true, &ask->decide.device, problem);
    ask->decide.exclude_seen = (enum decide_seen)config->decide.exclude_seen;
    return status;
}

static void write_explain(struct serve_loop *loop, struct http_request *request, bool is_known)
{
    struct json_writer *out = &loop->out;
    const struct waiter *waiter = &serve_loop_request(request)->waiter;
    int64_t now_ns = clock_monotonic_ns();

    json_key(out, "explain");
    json_object_begin(out);
    json_key(out, "strategy");
    json_text(out, loop->answer->strategy ? loop->answer->strategy : "none");
    json_key(out, "candidates");
    json_unsigned(out, loop->answer->candidate_count);
    json_key(out, "is_known");
    json_bool(out, is_known);
    json_key(out, "waited_us");
    json_integer(out, waiter->since_ns ? (now_ns - waiter->since_ns) / 1000 : 0);
    json_key(out, "took_us");
    json_integer(out, (now_ns - request->received_ns) / 1000);
    json_object_end(out);
}

static void write_head(struct serve_loop *loop, const struct ask *ask, uint64_t applied)
{
    struct json_writer *out = serve_loop_begin(loop);
    char id[SERVE_LOOP_ID_SIZE];

    serve_loop_id(loop, ask->decide.now_ms, id);
    json_object_begin(out);
    json_key(out, "request_id");
    json_text(out, id);
    person_write(loop, &ask->person);
    json_key(out, "placement");
    if (ask->placement.size > 0)
        json_string(out, ask->placement);
    else
        json_null(out);
    json_key(out, "model");
    json_text(out, "base");
    person_as_of(loop, &ask->person, applied, ask->decide.now_ms);
}

/* Decides and answers: all that must show is applied, or the time to wait for it is over. */
static void answer(struct serve_loop *loop, struct http_request *request)
{
    struct ask *ask = serve_loop_request(request)->own;
    struct engine *engine = loop->shared->engine;
    uint64_t applied = engine_applied(engine, ask->person.partition);
    bool is_known = engine_profile(engine, ask->person.partition, ask->person.key, loop->profile);

    ask->decide.profile = is_known ? loop->profile : NULL;
    ask->decide.now_ms = clock_wall_ms();
    decide_recommend(loop->decider, &ask->decide, loop->answer);
    if (loop->answer->strategy != NULL && strcmp(loop->answer->strategy, "personalized") == 0)
        SHARED_ADD(loop->personalized, 1);
    else
        SHARED_ADD(loop->trending, 1);
    write_head(loop, ask, applied);
    person_degraded_write(loop, person_degraded(loop, request));
    listing_write(loop, NULL, ask->decide.now_ms);
    if (ask->is_explained)
        write_explain(loop, request, is_known);
    json_object_end(&loop->out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
    serve_loop_recommended(loop, ask->placement, clock_monotonic_ns() - request->received_ns);
}

/* id absent: the parameter anonymous_id. */
static void recommend(struct serve_loop *loop, struct http_request *request, struct slice id)
{
    struct ask *ask = arena_take(request->arena, sizeof *ask);
    struct parameters parameters;
    struct problem problem = {0};

    if (ask == NULL) {
        problem_set(&problem, STATUS_MEMORY, "http.arena_bytes is too small for this request");
        serve_loop_problem(loop, request, &problem);
        return;
    }
    *ask = (struct ask){0};
    serve_loop_request(request)->own = ask;
    enum status status = parameters_open(&parameters, request, collect_parser(loop->collect), &problem);
    if (status == STATUS_OK)
        status = id.data != NULL ? person_of(loop, request, id, 'u', &ask->person, &problem)
                                 : person_anonymous(loop, &parameters, &ask->person, &problem);
    if (status == STATUS_OK)
        status = read_ask(loop, &parameters, ask, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    person_wait(loop, request, &ask->person, answer);
}

void recommendations_user(struct serve_loop *loop, struct http_request *request)
{
    recommend(loop, request, request->segments[2]);
}

void recommendations_anonymous(struct serve_loop *loop, struct http_request *request)
{
    recommend(loop, request, (struct slice){0});
}
