#include "lab/evaluate.h"

#include <stdlib.h>

#include "base/histogram.h"
#include "engine/learner.h"
#include "engine/slab.h"
#include "engine/task.h"
#include "io/clock.h"
#include "wire/json_writer.h"

enum { LIST_MAX = 20, CUT_EVERY = 1024, BOOTSTRAP_SEED = 20201, PROGRESS_EVENTS = 20000 };

/* One task, one learner, one decider: the engine without threads, logs and files. */
struct evaluation {
    const struct evaluate_options *options;
    struct engine_config config;
    struct hash_key key;
    struct slab *slab;
    struct profile_table *tables[1];
    struct task *task;
    struct transaction_port port;
    struct learner *learner;
    bool is_frozen;              /* the learner learns no more */
    uint64_t offset, learn_offset, generation;
    struct decider *decider;
    struct profile *profile;
    struct answer answer;
    struct quality *quality;
    struct histogram latency;
    uint8_t *shown;              /* a bit per content slot */
    uint64_t shown_count;
};

/* ---- the transaction: what a task emits is learned at once ---- */

static enum status port_begin(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return STATUS_OK;
}

static enum status port_emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice bytes)
{
    struct evaluation *e = context;
    struct learning record;

    (void)partition;
    (void)offset;
    (void)index;
    if (e->is_frozen)
        return STATUS_OK;
    enum status status = learning_decode(bytes, &e->config.types, &record);
    if (status == STATUS_OK)
        learner_apply(e->learner, &record, e->learn_offset++);
    return status;
}

static enum status port_commit(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count)
{
    (void)context;
    (void)generation;
    (void)positions;
    (void)count;
    return STATUS_OK;
}

static enum transaction_outcome port_outcome(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return TRANSACTION_COMMITTED;
}

static enum status port_committed(void *context, uint32_t partition, uint64_t *next_offset)
{
    const struct evaluation *e = context;

    (void)partition;
    *next_offset = e->offset;
    return STATUS_OK;
}

/* ---- one event ---- */

static enum status apply(struct evaluation *e, const struct source_item *item, struct problem *problem)
{
    enum status status = task_apply(e->task, item->time_ms, e->offset, &item->record, 1);

    if (status != STATUS_OK)
        return problem_set(problem, status, "event %lu could not be applied", (unsigned long)e->offset);
    task_publish(e->task);
    if (++e->offset % CUT_EVERY == 0) {
        task_cut(e->task, ++e->generation);
        task_committed(e->task);
    }
    return STATUS_OK;
}

static void note_shown(struct evaluation *e)
{
    for (uint32_t i = 0; i < e->answer.count && i < LIST_MAX; i++) {
        uint32_t slot = e->answer.items[i].slot;
        if (slot >= e->config.options.contents || (e->shown[slot / 8] & (1U << (slot % 8))))
            continue;
        e->shown[slot / 8] |= (uint8_t)(1U << (slot % 8));
        e->shown_count++;
    }
}

static uint32_t rank_of(const struct answer *answer, struct slice content_id)
{
    for (uint32_t i = 0; i < answer->count; i++)
        if (slice_equal(slice_make(answer->items[i].id, answer->items[i].id_size), content_id))
            return i + 1;
    return 0;
}

/* The list before the event, and where the event's content stood in it. */
static enum status predict(struct evaluation *e, const struct source_item *item, struct problem *problem)
{
    struct event event;

    if (event_decode(item->record, &e->config.types, &event) != STATUS_OK || event.content_id.size == 0)
        return STATUS_OK;
    struct slice owner = event_owner(&event);
    struct hash128 user = hash_user(&e->key, event.user_id.size ? 'u' : 'a', owner.data, owner.size);
    if (!task_profile(e->task, user, e->profile))
        return STATUS_OK; /* the first event of a user has nothing to be predicted from */
    struct decide_request request = {
        .profile = e->profile,
        .n = LIST_MAX,
        .now_ms = item->time_ms,
        .exclude_seen = e->options->is_seen_excluded ? DECIDE_SEEN_ALWAYS : DECIDE_SEEN_OFF,
        .is_current_allowed = !e->options->is_current_excluded,
    };
    int64_t before_ns = clock_monotonic_ns();
    decide_recommend(e->decider, &request, &e->answer);
    histogram_add(&e->latency, (uint64_t)(clock_monotonic_ns() - before_ns));
    note_shown(e);
    if (quality_add(e->quality, user.low, rank_of(&e->answer, event.content_id)) != STATUS_OK)
        return problem_set(problem, STATUS_MEMORY, "no memory for the predictions");
    return STATUS_OK;
}

static enum status feed(struct evaluation *e, const char *path, bool is_predicting, struct source_counts *counts,
                        struct problem *problem)
{
    struct source_options options = e->options->events;
    struct source *source = NULL;
    struct source_item item;
    uint64_t done = 0;

    options.path = path;
    enum status status = source_open(&source, &options, &e->config.types, problem);
    if (status != STATUS_OK)
        return status;
    while ((status = source_next(source, &item, problem)) == STATUS_OK && item.record.data != NULL) {
        if (is_predicting && (status = predict(e, &item, problem)) != STATUS_OK)
            break;
        if ((status = apply(e, &item, problem)) != STATUS_OK)
            break;
        if (e->options->progress && ++done % PROGRESS_EVENTS == 0)
            fprintf(e->options->progress, "\r%s: %lu events   ", is_predicting ? "predicting" : "learning", (unsigned long)done);
    }
    if (e->options->progress && done >= PROGRESS_EVENTS)
        fprintf(e->options->progress, "\n");
    source_counts(source, counts);
    source_close(source);
    return status;
}

/* ---- the whole ---- */

static enum status open_parts(struct evaluation *e, const struct decide_options *decide, struct problem *problem)
{
    /* Nobody's data: any key does, and a fixed one makes runs comparable. */
    static const unsigned char key_bytes[16] = "penchant.eval.1";

    hash_key_init(&e->key, key_bytes);
    e->port = (struct transaction_port){.context = e, .begin = port_begin, .emit = port_emit, .commit = port_commit,
                                        .outcome = port_outcome, .committed = port_committed};
    enum status status = slab_create(&e->slab, e->config.options.profiles_bytes, profile_table_evict, profile_table_is_taken, e->tables);
    if (status == STATUS_OK)
        status = task_open(&e->task, 0, &e->config, &e->key, NULL, e->slab, problem);
    if (status == STATUS_OK) {
        e->tables[0] = &e->task->table;
        e->task->port = &e->port;
        task_begin(e->task, ++e->generation);
        status = learner_open(&e->learner, NULL, &e->config, &e->key, problem);
    }
    if (status == STATUS_OK)
        status = decider_create(&e->decider, learner_model(e->learner), &e->config.layout, &e->config.types, decide);
    if (status == STATUS_OK)
        status = quality_create(&e->quality);
    e->profile = calloc(1, profile_bytes(&e->config.layout));
    e->shown = calloc(1, e->config.options.contents / 8 + 1);
    if (status == STATUS_OK && (e->profile == NULL || e->shown == NULL))
        status = STATUS_MEMORY;
    return status;
}

static void close_parts(struct evaluation *e)
{
    if (e->quality)
        quality_destroy(e->quality);
    if (e->decider)
        decider_destroy(e->decider);
    if (e->learner)
        learner_close(e->learner);
    if (e->task)
        task_close(e->task);
    if (e->slab)
        slab_destroy(e->slab);
    free(e->profile);
    free(e->shown);
}

static void fill_result(struct evaluation *e, struct evaluate_result *result)
{
    result->contents = model_content_count(learner_model(e->learner));
    result->contents_shown = e->shown_count;
    result->answer_us_mean = e->latency.count ? (double)e->latency.sum_ns / (double)e->latency.count / 1e3 : 0;
    result->answer_us_p50 = (double)histogram_quantile(&e->latency, 0.5) / 1e3;
    result->answer_us_p99 = (double)histogram_quantile(&e->latency, 0.99) / 1e3;
    result->learner_hash = learner_hash(e->learner);
}

enum status evaluate_run(const struct engine_config *config, const struct decide_options *decide,
                         const struct evaluate_options *options, struct evaluate_result *result, struct problem *problem)
{
    struct evaluation *e = calloc(1, sizeof *e);
    if (e == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory to evaluate");
    *result = (struct evaluate_result){0};
    e->options = options;
    e->config = *config;
    e->config.options.partitions = 1;
    histogram_init(&e->latency);
    enum status status = open_parts(e, decide, problem);
    if (status == STATUS_OK && options->train != NULL)
        status = feed(e, options->train, false, &result->train, problem);
    e->is_frozen = options->protocol == EVALUATE_STATIC;
    if (status == STATUS_OK)
        status = feed(e, options->events.path, true, &result->events, problem);
    if (status == STATUS_OK)
        status = quality_summarize(e->quality, BOOTSTRAP_SEED, &result->quality);
    if (status == STATUS_OK)
        fill_result(e, result);
    close_parts(e);
    free(e);
    return status;
}

static double coverage_of(const struct evaluate_result *r)
{
    return r->contents ? (double)r->contents_shown / (double)r->contents : 0;
}

static void put_interval(struct json_writer *w, const char *name, uint32_t k, const struct quality_interval *interval)
{
    static const char *const parts[] = {"", "_low", "_high"};
    const double values[] = {interval->value, interval->low, interval->high};

    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s@%u%s", name, k, parts[i]);
        json_key(w, key);
        json_number(w, values[i]);
    }
}

static void print_json(const struct evaluate_options *options, const struct evaluate_result *r, FILE *out)
{
    struct json_writer w;

    json_writer_init(&w, 1 << 16);
    json_object_begin(&w);
    json_key(&w, "protocol");
    json_text(&w, options->protocol == EVALUATE_STATIC ? "static" : "prequential");
    json_key(&w, "n");
    json_unsigned(&w, r->quality.predictions);
    json_key(&w, "users");
    json_unsigned(&w, r->quality.users);
    for (int c = 0; c < QUALITY_CUTS; c++) {
        put_interval(&w, "hr", r->quality.cuts[c].k, &r->quality.cuts[c].hit_rate);
        put_interval(&w, "mrr", r->quality.cuts[c].k, &r->quality.cuts[c].mrr);
        put_interval(&w, "ndcg", r->quality.cuts[c].k, &r->quality.cuts[c].ndcg);
    }
    json_key(&w, "coverage@20");
    json_number(&w, coverage_of(r));
    json_key(&w, "us_per_answer");
    json_number(&w, r->answer_us_mean);
    json_key(&w, "us_per_answer_p50");
    json_number(&w, r->answer_us_p50);
    json_key(&w, "us_per_answer_p99");
    json_number(&w, r->answer_us_p99);
    json_key(&w, "rejected");
    json_unsigned(&w, r->train.rejected + r->events.rejected);
    json_object_end(&w);
    fprintf(out, "%.*s\n", (int)w.size, w.data);
    json_writer_fini(&w);
}

void evaluate_print(const struct evaluate_options *options, const struct evaluate_result *r, FILE *out, bool is_json)
{
    if (is_json) {
        print_json(options, r, out);
        return;
    }
    fprintf(out, "%s: %lu predictions for %lu users, full ranking%s%s\n", options->protocol == EVALUATE_STATIC ? "static" : "prequential",
            (unsigned long)r->quality.predictions, (unsigned long)r->quality.users,
            options->is_current_excluded ? ", current content excluded" : "", options->is_seen_excluded ? ", seen excluded" : "");
    for (int c = 0; c < QUALITY_CUTS; c++) {
        const struct quality_cut *cut = &r->quality.cuts[c];
        const struct quality_interval *rows[] = {&cut->hit_rate, &cut->mrr, &cut->ndcg};
        static const char *const names[] = {"HR", "MRR", "NDCG"};
        for (int m = 0; m < 3; m++)
            fprintf(out, "  %4s@%-3u %.4f  [%.4f, %.4f]\n", names[m], cut->k, rows[m]->value, rows[m]->low, rows[m]->high);
    }
    fprintf(out, "  coverage@20 %.3f of %lu contents\n  %.0f us an answer (p50 %.0f, p99 %.0f)\n", coverage_of(r), (unsigned long)r->contents,
            r->answer_us_mean, r->answer_us_p50, r->answer_us_p99);
    if (r->train.rejected + r->events.rejected > 0)
        fprintf(out, "  %lu rows left out, the first: %s\n", (unsigned long)(r->train.rejected + r->events.rejected),
                r->train.first_error[0] ? r->train.first_error : r->events.first_error);
}
