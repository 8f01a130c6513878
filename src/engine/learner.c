#include "engine/learner.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/learner_loop.h"
#include "engine/learner_state.h"
#include "model/tables.h"

enum {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "engine/learner_metrics.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(ident, name, kind, text, advice) {name, kind, text, advice},
#include "engine/learner_metrics.def"
#undef METRIC
};

/* One category for 16 contents is many; slots are 16 bits. */
enum { CONTENTS_PER_CATEGORY = 16, CATEGORIES_MIN = 1024 };

static uint32_t power_of_two_below(uint64_t count)
{
    uint32_t power = 1;
    while ((uint64_t)power * 2 <= count)
        power *= 2;
    return power;
}

static struct model_parameters parameters_of(const struct engine_config *config)
{
    const struct layout *layout = &config->layout;
    uint64_t categories = config->options.contents / CONTENTS_PER_CATEGORY;
    if (categories < CATEGORIES_MIN)
        categories = CATEGORIES_MIN;
    return (struct model_parameters){
        .contents_max = (uint32_t)config->options.contents,
        .sessions_max = power_of_two_below(config->options.sessions),
        .categories_max = categories > UINT16_MAX ? UINT16_MAX : (uint32_t)categories,
        .probation_users = (uint32_t)config->options.probation_users,
        .content_bytes = layout->entity_bytes[FEATURE_CONTENT],
        .category_bytes = layout->entity_bytes[FEATURE_CATEGORY],
        .global_bytes = layout->entity_bytes[FEATURE_GLOBAL],
        .layout_bytes = (sizeof *layout + 7) / 8 * 8,
        .layout_version = layout->version,
    };
}

/* Feature records by name from a model of another layout. */
static void carry_features(const struct learner *learner, const struct model *from)
{
    const struct layout *to_layout = &learner->config->layout, *from_layout = model_layout(from);
    const struct model *to = learner->model;
    struct model_counts counts;
    model_counts(from, &counts);
    for (uint32_t slot = 0; slot < to->state->content_used; slot++)
        layout_carry(from_layout, model_content_features(from, slot), to_layout, model_content_features(to, slot), FEATURE_CONTENT);
    for (uint32_t slot = 0; slot < counts.categories; slot++)
        layout_carry(from_layout, model_category_features(from, slot), to_layout, model_category_features(to, slot), FEATURE_CATEGORY);
    layout_carry(from_layout, model_global_features(from), to_layout, model_global_features(to), FEATURE_GLOBAL);
}

static enum status make_model(struct learner *learner, const struct model_parameters *parameters)
{
    enum status status = model_create(&learner->model, parameters);
    if (status == STATUS_OK)
        memcpy(model_layout(learner->model), &learner->config->layout, sizeof learner->config->layout);
    return status;
}

/* The checkpoint's tables under the settings of now: capacities stay what they were made with. */
static enum status adopt(struct learner *learner, struct model *found, const struct model_parameters *wanted)
{
    const struct model_parameters *kept = model_parameters(found);
    if (kept->contents_max != wanted->contents_max || kept->sessions_max != wanted->sessions_max)
        log_message(LOG_WARNING, "learner", "capacities stay those of the checkpoint; remove the folder learner and start to make them anew",
                    "contents=%u sessions=%u", kept->contents_max, kept->sessions_max);
    model_set_probation(found, wanted->probation_users);
    if (kept->layout_version == wanted->layout_version && kept->layout_bytes == wanted->layout_bytes &&
        kept->content_bytes == wanted->content_bytes) {
        learner->model = found;
        return STATUS_OK;
    }
    struct model_parameters parameters = *wanted;
    parameters.contents_max = kept->contents_max;
    parameters.sessions_max = kept->sessions_max;
    parameters.categories_max = kept->categories_max;
    enum status status = make_model(learner, &parameters);
    if (status == STATUS_OK) {
        model_take_over(learner->model, found);
        if (kept->layout_bytes == wanted->layout_bytes)
            carry_features(learner, found);
        log_message(LOG_INFO, "learner", "the declared features changed: those that stay were carried over, new ones start empty", NULL);
    }
    model_destroy(found);
    return status;
}

enum status learner_open(struct learner **learner, const char *dir, const struct engine_config *config, const struct hash_key *key,
                         struct problem *problem)
{
    struct learner *l = calloc(1, sizeof *l);
    struct model *found = NULL;
    *learner = NULL;
    if (l == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the learner");
    l->config = config;
    l->key = key;
    struct model_parameters parameters = parameters_of(config);
    enum status status = dir ? learner_file_open(&l->file, dir, key, &found, problem) : STATUS_OK;
    if (status == STATUS_OK) {
        status = found ? adopt(l, found, &parameters) : make_model(l, &parameters);
        if (status != STATUS_OK)
            (void)problem_set(problem, status, "the learner's tables for %u contents and %u sessions could not be mapped",
                              parameters.contents_max, parameters.sessions_max);
    }
    if (status != STATUS_OK) {
        learner_close(l);
        return status;
    }
    *learner = l;
    return STATUS_OK;
}

enum status learner_start(struct learner *learner, struct log *log)
{
    return learner_loop_start(learner, log);
}

void learner_stop(struct learner *learner)
{
    learner_loop_stop(learner, false);
}

void learner_close(struct learner *learner)
{
    if (learner == NULL)
        return;
    learner_loop_stop(learner, true);
    learner_file_close(learner->file);
    model_destroy(learner->model);
    free(learner);
}

/* ---- any thread ---- */

const struct model *learner_model(const struct learner *learner)
{
    return learner->model;
}

uint64_t learner_applied(const struct learner *learner)
{
    return model_position(learner->model, LEARNER_POSITION_LEARN);
}

uint64_t learner_checkpointed(const struct learner *learner)
{
    return learner->file ? learner_file_newest(learner->file) : learner_applied(learner);
}

uint64_t learner_content_applied(const struct learner *learner)
{
    return model_position(learner->model, LEARNER_POSITION_CONTENT);
}

void learner_set_notify(struct learner *learner, void (*notify)(void *context), void *context)
{
    ASSERT(!learner->is_started);
    learner->notify = notify;
    learner->notify_context = context;
}

uint64_t learner_hash(const struct learner *learner)
{
    return model_hash(learner->model);
}

const void *learner_features(const struct learner *learner, enum feature_entity entity, uint32_t slot)
{
    const struct model *model = learner->model;
    if (entity == FEATURE_GLOBAL)
        return model_global_features(model);
    if (entity == FEATURE_CONTENT)
        return slot < SHARED_LOAD(model->state->content_used) ? model_content_features(model, slot) : NULL;
    if (entity == FEATURE_CATEGORY)
        return slot < SHARED_LOAD(model->state->category_count) ? model_category_features(model, slot) : NULL;
    return NULL;
}

static void put(struct metric_sink *sink, int row, const char *labels, double value)
{
    metric_value(sink, &rows[row], labels, value);
}

void learner_metrics(const struct learner *learner, struct metric_sink *sink)
{
    struct model_counts counts;
    struct learner_file_counts file = {0};
    model_counts(learner->model, &counts);
    if (learner->file)
        learner_file_counts(learner->file, &file);
    put(sink, ROW_RECORDS, "kind=\"event\"", (double)SHARED_LOAD(learner->events));
    put(sink, ROW_RECORDS, "kind=\"content\"", (double)SHARED_LOAD(learner->contents));
    put(sink, ROW_RECORDS, "kind=\"session_end\"", (double)SHARED_LOAD(learner->sessions_ended));
    put(sink, ROW_RECORDS, "kind=\"undecodable\"", (double)SHARED_LOAD(learner->undecodable));
    put(sink, ROW_CONTENTS, NULL, (double)counts.contents);
    put(sink, ROW_CATALOGUED, NULL, (double)counts.catalogued);
    put(sink, ROW_EVICTIONS, NULL, (double)counts.evictions);
    put(sink, ROW_SESSIONS, NULL, (double)counts.sessions);
    put(sink, ROW_CATEGORIES, NULL, (double)counts.categories);
    put(sink, ROW_CATEGORIES_REFUSED, NULL, (double)counts.categories_refused);
    put(sink, ROW_BYTES, NULL, (double)counts.bytes);
    put(sink, ROW_CHECKPOINTS, "result=\"done\"", (double)file.checkpoints);
    put(sink, ROW_CHECKPOINTS, "result=\"failed\"", (double)file.failures);
    put(sink, ROW_CHECKPOINT_BYTES, NULL, (double)file.bytes);
    put(sink, ROW_CHECKPOINT_S, NULL, (double)file.write_ns / 1e9);
    put(sink, ROW_APPLIED, NULL, (double)learner_applied(learner));
}

uint64_t learner_cpu_ns(const struct learner *learner)
{
    return learner_loop_cpu_ns(learner);
}
