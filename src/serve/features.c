#include "serve/features.h"

#include <stdio.h>

#include "io/clock.h"
#include "serve/listing.h"
#include "serve/person.h"

enum { MS_PER_S = 1000 };

/* [{category, weight: [short, long]}], heaviest first. */
static void write_categories(struct serve_loop *loop, const struct feature_value *value)
{
    struct json_writer *out = &loop->out;

    json_array_begin(out);
    for (uint32_t i = 0; i < value->entry_count; i++) {
        uint32_t slot = model_category_find(loop->shared->model, value->entries[i].key);
        struct slice name = slot == MODEL_NONE ? (struct slice){0} : model_category_name(loop->shared->model, slot);
        if (name.size == 0)
            continue; /* the learner has not met it yet */
        json_object_begin(out);
        json_key(out, "category");
        json_string(out, name);
        json_key(out, "weight");
        json_array_begin(out);
        json_number(out, value->entries[i].weight[0]);
        json_number(out, value->entries[i].weight[1]);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

/* [{content_id, event_type, at}], newest first. */
static void write_recent(struct serve_loop *loop, const struct feature_value *value)
{
    struct json_writer *out = &loop->out;
    const struct event_types *types = loop->shared->types;

    json_array_begin(out);
    for (uint32_t i = 0; i < value->entry_count; i++) {
        uint32_t slot = model_content_find(loop->shared->model, value->entries[i].key);
        uint32_t type = (uint32_t)value->entries[i].weight[1];
        if (slot == MODEL_NONE)
            continue;
        json_object_begin(out);
        listing_content(loop, slot);
        json_key(out, "event_type");
        if (type < types->count)
            json_string(out, slice_make(types->rows[type].name, types->rows[type].name_size));
        else
            json_null(out);
        json_key(out, "at");
        json_time(out, (int64_t)value->entries[i].weight[0] * MS_PER_S);
        documents_write(loop->documents, slot, model_content_document(loop->shared->model, slot), out);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_value(struct serve_loop *loop, const struct feature *feature, const struct feature_value *value)
{
    struct json_writer *out = &loop->out;
    const struct feature_declaration *declared = &feature->declared;

    json_key(out, declared->name);
    json_object_begin(out);
    json_key(out, "value");
    if (declared->kind == FEATURE_CATEGORIES)
        write_categories(loop, value);
    else if (declared->kind == FEATURE_RECENT)
        write_recent(loop, value);
    else if (value->is_absent)
        json_null(out);
    else
        json_number(out, value->number);
    json_key(out, "kind");
    json_text(out, layout_kind_name(declared->kind));
    if (declared->window_ms > 0) {
        json_key(out, "window_s");
        json_number(out, (double)declared->window_ms / MS_PER_S);
    }
    if (declared->kind == FEATURE_CATEGORIES) {
        json_key(out, "half_life_s");
        json_array_begin(out);
        json_number(out, (double)declared->half_life_ms[0] / MS_PER_S);
        json_number(out, (double)declared->half_life_ms[1] / MS_PER_S);
        json_array_end(out);
    }
    json_object_end(out);
}

void features_write_profile(struct serve_loop *loop, const struct profile *profile, enum feature_entity entity, int64_t now_ms)
{
    const struct layout *layout = loop->shared->layout;
    struct feature_value value;

    for (uint32_t i = 0; i < layout->feature_count; i++) {
        if (layout->features[i].declared.entity != entity)
            continue;
        profile_read(profile, &layout->features[i], now_ms, &value);
        write_value(loop, &layout->features[i], &value);
    }
}

void features_write_record(struct serve_loop *loop, const void *record, enum feature_entity entity, int64_t now_ms)
{
    const struct layout *layout = loop->shared->layout;
    struct feature_value value;

    for (uint32_t i = 0; i < layout->feature_count; i++) {
        if (layout->features[i].declared.entity != entity)
            continue;
        layout_read(&layout->features[i], record, now_ms, &value);
        write_value(loop, &layout->features[i], &value);
    }
}

static void unknown(struct serve_loop *loop, struct http_request *request, const char *entity, struct slice id)
{
    struct problem problem = {0};

    problem_set(&problem, STATUS_NOT_FOUND, "no %s of the id %.*s has been seen", entity, SLICE_ARG(id));
    snprintf(problem.fix, sizeof problem.fix, "send an event that names it; entities are user, session, content, category, global");
    serve_loop_problem(loop, request, &problem);
}

static void write_head(struct serve_loop *loop, enum feature_entity entity, struct slice id)
{
    struct json_writer *out = serve_loop_begin(loop);

    json_object_begin(out);
    json_key(out, "entity");
    json_text(out, layout_entity_name((uint8_t)entity));
    json_key(out, "id");
    json_string(out, id);
}

static void finish(struct serve_loop *loop, struct http_request *request)
{
    json_object_end(&loop->out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}

struct profile_ask {
    struct person person;
    enum feature_entity entity;
};

static void answer_profile(struct serve_loop *loop, struct http_request *request)
{
    const struct profile_ask *ask = serve_loop_request(request)->own;
    const struct person *person = &ask->person;
    struct engine *engine = loop->shared->engine;
    uint64_t applied = engine_applied(engine, person->partition);
    int64_t now_ms = clock_wall_ms();

    if (!engine_profile(engine, person->partition, person->key, loop->profile) ||
        (ask->entity == FEATURE_SESSION && loop->profile->session.id == 0)) {
        unknown(loop, request, layout_entity_name((uint8_t)ask->entity), person->id);
        return;
    }
    write_head(loop, ask->entity, person->id);
    person_as_of(loop, person, applied, now_ms);
    person_degraded_write(loop, person_degraded(loop, request));
    json_key(&loop->out, "features");
    json_object_begin(&loop->out);
    features_write_profile(loop, loop->profile, ask->entity, now_ms);
    json_object_end(&loop->out);
    finish(loop, request);
}

/* user and session: of the person of this id; anonymous=1 for an anonymous_id. */
static void ask_profile(struct serve_loop *loop, struct http_request *request, enum feature_entity entity)
{
    struct profile_ask *ask = arena_take(request->arena, sizeof *ask);
    struct parameters parameters;
    struct problem problem = {0};
    bool is_anonymous = false;

    enum status status = ask ? STATUS_OK : problem_set(&problem, STATUS_MEMORY, "no memory for this request");
    if (status == STATUS_OK)
        status = parameters_open(&parameters, request, NULL, &problem);
    if (status == STATUS_OK)
        status = parameters_flag(&parameters, "anonymous", false, &is_anonymous, &problem);
    if (status == STATUS_OK)
        status = person_of(loop, request, request->segments[3], is_anonymous ? 'a' : 'u', &ask->person, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    ask->entity = entity;
    serve_loop_request(request)->own = ask;
    person_wait(loop, request, &ask->person, answer_profile);
}

/* Slot of a content or category by its name; 0 of the whole. */
static uint32_t slot_of(const struct serve_shared *shared, enum feature_entity entity, struct slice id)
{
    if (entity == FEATURE_GLOBAL)
        return 0;
    uint64_t hash = hash_64(shared->key, id.data, id.size);
    return entity == FEATURE_CONTENT ? model_content_find(shared->model, hash) : model_category_find(shared->model, hash);
}

static void answer_record(struct serve_loop *loop, struct http_request *request, enum feature_entity entity)
{
    struct slice id = request->segments[3];
    uint32_t slot = slot_of(loop->shared, entity, id);
    const void *record = slot == MODEL_NONE ? NULL : learner_features(loop->shared->learner, entity, slot);
    int64_t now_ms = clock_wall_ms();

    if (record == NULL) {
        unknown(loop, request, layout_entity_name((uint8_t)entity), id);
        return;
    }
    write_head(loop, entity, id);
    listing_as_of(loop, now_ms);
    json_key(&loop->out, "features");
    json_object_begin(&loop->out);
    features_write_record(loop, record, entity, now_ms);
    json_object_end(&loop->out);
    finish(loop, request);
}

void features_get(struct serve_loop *loop, struct http_request *request)
{
    enum feature_entity entity = layout_entity_find(request->segments[2]);

    if (entity == FEATURE_ENTITY_COUNT)
        unknown(loop, request, "entity", request->segments[2]);
    else if (entity == FEATURE_USER || entity == FEATURE_SESSION)
        ask_profile(loop, request, entity);
    else
        answer_record(loop, request, entity);
}
