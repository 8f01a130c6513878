#include "serve/users.h"

#include <stdio.h>

#include "io/clock.h"
#include "schema/event.h"
#include "serve/features.h"
#include "serve/listing.h"
#include "serve/person.h"

enum { MS_PER_S = 1000 };

static void write_profile(struct serve_loop *loop, int64_t now_ms)
{
    struct json_writer *out = &loop->out;
    const struct profile *profile = loop->profile;

    json_key(out, "segment");
    json_text(out, profile_segment(profile, now_ms));
    json_key(out, "first_seen_at");
    json_time(out, profile->first_seen_ms);
    json_key(out, "last_received_at");
    json_time(out, profile->last_received_ms);
    json_key(out, "events_total");
    json_unsigned(out, profile->events_total);
    json_key(out, "sessions_total");
    json_unsigned(out, profile->sessions_total);
    json_key(out, "device");
    if (profile->device == DEVICE_NONE)
        json_null(out);
    else
        json_text(out, event_device_name(profile->device));
    json_key(out, "country");
    if (profile->country[0] == 0)
        json_null(out);
    else
        json_string(out, slice_make((const char *)profile->country, 2));
}

static void write_session(struct serve_loop *loop, int64_t now_ms)
{
    struct json_writer *out = &loop->out;
    const struct profile_session *session = &loop->profile->session;

    json_key(out, "session");
    if (session->id == 0) {
        json_null(out);
        return;
    }
    json_object_begin(out);
    json_key(out, "started_at");
    json_time(out, session->start_ms);
    json_key(out, "last_at");
    json_time(out, session->last_ms);
    json_key(out, "events");
    json_unsigned(out, session->event_count);
    json_key(out, "impressions");
    json_unsigned(out, session->impression_count);
    json_key(out, "duration_ms");
    json_integer(out, session->last_ms - session->start_ms);
    json_key(out, "engagement");
    json_number(out, profile_engagement(session));
    json_key(out, "features");
    json_object_begin(out);
    features_write_profile(loop, loop->profile, FEATURE_SESSION, now_ms);
    json_object_end(out);
    json_object_end(out);
}

static void write_recent(struct serve_loop *loop)
{
    struct json_writer *out = &loop->out;
    const struct event_types *types = loop->shared->types;
    const struct model *model = loop->shared->model;

    json_key(out, "recent");
    json_array_begin(out);
    for (uint32_t i = 0; i < PROFILE_RECENT; i++) {
        const struct profile_recent *recent = &loop->profile->recent[i];
        uint32_t slot = recent->content ? model_content_find(model, recent->content) : MODEL_NONE;
        if (slot == MODEL_NONE)
            continue; /* empty, or the learner has not met it yet */
        json_object_begin(out);
        listing_content(loop, slot);
        json_key(out, "event_type");
        if (recent->type < types->count)
            json_string(out, slice_make(types->rows[recent->type].name, types->rows[recent->type].name_size));
        else
            json_null(out);
        json_key(out, "at");
        json_time(out, (int64_t)recent->time_s * MS_PER_S);
        json_key(out, "is_in_session");
        json_bool(out, profile_is_in_session(loop->profile, recent));
        documents_write(loop->documents, slot, model_content_document(model, slot), out);
        json_object_end(out);
    }
    json_array_end(out);
}

/* The heaviest categories of the first feature of that kind, by name. */
static void write_categories(struct serve_loop *loop, int64_t now_ms)
{
    const struct layout *layout = loop->shared->layout;
    const struct model *model = loop->shared->model;
    struct json_writer *out = &loop->out;
    struct feature_value value = {0};

    for (uint32_t i = 0; i < layout->feature_count; i++) {
        const struct feature *feature = &layout->features[i];
        if (feature->declared.entity == FEATURE_USER && feature->declared.kind == FEATURE_CATEGORIES) {
            profile_read(loop->profile, feature, now_ms, &value);
            break;
        }
    }
    json_key(out, "categories");
    json_array_begin(out);
    for (uint32_t i = 0; i < value.entry_count; i++) {
        uint32_t slot = model_category_find(model, value.entries[i].key);
        struct slice name = slot == MODEL_NONE ? (struct slice){0} : model_category_name(model, slot);
        if (name.size == 0)
            continue;
        json_object_begin(out);
        json_key(out, "category");
        json_string(out, name);
        json_key(out, "weight");
        json_number(out, value.entries[i].weight[0] + value.entries[i].weight[1]);
        json_object_end(out);
    }
    json_array_end(out);
}

static void answer(struct serve_loop *loop, struct http_request *request)
{
    const struct person *person = serve_loop_request(request)->own;
    struct engine *engine = loop->shared->engine;
    uint64_t applied = engine_applied(engine, person->partition);
    int64_t now_ms = clock_wall_ms();

    if (!engine_profile(engine, person->partition, person->key, loop->profile)) {
        struct problem problem = {0};
        problem_set(&problem, STATUS_NOT_FOUND, "nobody of the id %.*s has been seen", SLICE_ARG(person->id));
        snprintf(problem.fix, sizeof problem.fix, "send an event of this person first, or use ?anonymous_id= for one who is not signed in");
        serve_loop_problem(loop, request, &problem);
        return;
    }
    struct json_writer *out = serve_loop_begin(loop);
    json_object_begin(out);
    person_write(loop, person);
    json_key(out, "partition");
    json_unsigned(out, person->partition);
    person_as_of(loop, person, applied, now_ms);
    person_degraded_write(loop, person_degraded(loop, request));
    write_profile(loop, now_ms);
    write_session(loop, now_ms);
    write_recent(loop);
    write_categories(loop, now_ms);
    json_key(out, "features");
    json_object_begin(out);
    features_write_profile(loop, loop->profile, FEATURE_USER, now_ms);
    json_object_end(out);
    json_object_end(out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}

static void show(struct serve_loop *loop, struct http_request *request, struct slice id)
{
    struct person *person = arena_take(request->arena, sizeof *person);
    struct parameters parameters;
    struct problem problem = {0};

    enum status status = person ? STATUS_OK : problem_set(&problem, STATUS_MEMORY, "no memory for this request");
    if (status == STATUS_OK)
        status = parameters_open(&parameters, request, NULL, &problem);
    if (status == STATUS_OK)
        status = id.data != NULL ? person_of(loop, request, id, 'u', person, &problem)
                                 : person_anonymous(loop, &parameters, person, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    serve_loop_request(request)->own = person;
    person_wait(loop, request, person, answer);
}

void users_get(struct serve_loop *loop, struct http_request *request)
{
    show(loop, request, request->segments[2]);
}

void users_anonymous(struct serve_loop *loop, struct http_request *request)
{
    show(loop, request, (struct slice){0});
}
