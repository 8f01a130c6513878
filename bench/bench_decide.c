/* Goal: what a decision and a learned event cost.
 * Method: 500,000 sessions of at least 2 clicks, mean 8, on 100,000 contents (Zipf 0.99), 4,096
 * of them open at a time, learned through the learner's own stages in runs of 16.  Then people with 9
 * recent contents each ask for 21 items, one after the other, each after other people's, so
 * that nothing is warm.  Time is that of the thread.
 *
 * usage: bench_decide [sessions] [contents] [answers] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"
#include "base/rng.h"
#include "decide/decide.h"
#include "engine/learner_state.h"
#include "io/clock.h"
#include "lab/zipf.h"

enum { OPEN = 4096, RUN = 16, ITEMS = 21, RECENTS = 9, PEOPLE = 4096, ID_SIZE = 12, SEED = 7 };

struct world {
    struct engine_config config;
    struct decide_options decide;
    struct hash_key key;
    struct learner *learner;
    struct zipf *zipf;
    struct rng rng;
    char (*ids)[ID_SIZE];
    uint64_t open[OPEN];         /* session keys */
    uint32_t clicks[OPEN];       /* of each so far */
    uint64_t sessions, offset, learn_ns;
    int64_t time_ms;
};

static void fail(const char *why)
{
    fprintf(stderr, "bench_decide: %s\n", why);
    exit(1);
}

static void set_options(struct world *w)
{
#define OPTION(kind, field, name, def, min, max, text) w->config.options.field = def;
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) w->decide.field = def;
#include "decide/decide_options.def"
#undef OPTION
}

static void open_world(struct world *w, uint32_t contents)
{
    struct feature_declaration declarations[FEATURE_MAX];
    const unsigned char key[16] = {1};
    struct problem problem = {0};
    set_options(w);
    event_types_init(&w->config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    hash_key_init(&w->key, key);
    rng_init(&w->rng, SEED, 0);
    w->zipf = zipf_create(contents, 0.99);
    w->ids = calloc(contents, sizeof *w->ids);
    w->time_ms = 1592400000000;
    if (w->zipf == NULL || w->ids == NULL)
        fail("no memory");
    for (uint32_t i = 0; i < contents; i++)
        (void)snprintf(w->ids[i], ID_SIZE, "c%u", i);
    if (layout_compile(&w->config.layout, declarations, count, &w->config.types, &problem) != STATUS_OK ||
        learner_open(&w->learner, NULL, &w->config, &w->key, &problem) != STATUS_OK)
        fail(problem.detail);
}

/* The next click: of one of the open sessions; the others stay open. */
static void click(struct world *w, struct learning *record)
{
    uint32_t i = (uint32_t)rng_below(&w->rng, OPEN);
    if (w->open[i] == 0) {
        w->open[i] = hash_mix(++w->sessions);
        w->clicks[i] = 0;
    }
    w->clicks[i]++;
    w->time_ms += 3;
    *record = (struct learning){
        .kind = LEARNING_EVENT, .type = EVENT_CLICK, .is_trend = true, .is_step = true, .user = w->open[i], .session = w->open[i],
        .step = w->clicks[i] - 1, .content_id = slice_of(w->ids[zipf_draw(w->zipf, &w->rng)]), .timestamp_ms = w->time_ms,
        .received_at_ms = w->time_ms, .dwell_ms = -1, .value = NAN,
    };
    /* 2 at least, then one in seven is the last: 8 on average. */
    if (w->clicks[i] >= 2 && rng_below(&w->rng, 7) == 0)
        w->open[i] = 0;
}

static void learn(struct world *w, uint64_t sessions)
{
    struct learner_staged run[RUN];
    while (w->sessions < sessions) {
        for (uint32_t i = 0; i < RUN; i++) {
            click(w, &run[i].record);
            run[i].offset = w->offset++;
        }
        int64_t start_ns = clock_monotonic_ns();
        for (uint32_t i = 0; i < RUN; i++)
            learner_apply_stage(w->learner, &run[i]);
        for (uint32_t i = 0; i < RUN + RUN / 2; i++) {
            if (i < RUN)
                learner_apply_fetch(w->learner, &run[i]);
            if (i >= RUN / 2)
                learner_apply_staged(w->learner, &run[i - RUN / 2]);
        }
        w->learn_ns += (uint64_t)(clock_monotonic_ns() - start_ns);
    }
}

static struct profile *make_people(struct world *w, uint32_t bytes)
{
    struct profile *people = calloc(PEOPLE, bytes);
    if (people == NULL)
        fail("no memory");
    for (uint32_t p = 0; p < PEOPLE; p++) {
        struct profile *profile = (struct profile *)(void *)((char *)people + (size_t)p * bytes);
        profile_init(profile, &w->config.layout, (struct hash128){p + 1, p + 1});
        for (uint32_t i = 0; i < RECENTS; i++) {
            const char *id = w->ids[zipf_draw(w->zipf, &w->rng)];
            profile->recent[i].content = hash_64(&w->key, id, strlen(id));
        }
    }
    return people;
}

static void ask(struct world *w, uint32_t answers, struct histogram *histogram, uint64_t *items, uint64_t *candidates)
{
    static struct answer answer;
    struct decider *decider;
    uint32_t bytes = profile_bytes(&w->config.layout);
    struct profile *people = make_people(w, bytes);
    if (decider_create(&decider, learner_model(w->learner), &w->config.layout, &w->config.types, &w->decide) != STATUS_OK)
        fail("no memory");
    for (uint32_t i = 0; i < answers; i++) {
        struct decide_request request = {.n = ITEMS, .now_ms = w->time_ms};
        request.profile = (struct profile *)(void *)((char *)people + (size_t)(i % PEOPLE) * bytes);
        int64_t start_ns = clock_monotonic_ns();
        decide_recommend(decider, &request, &answer);
        histogram_add(histogram, (uint64_t)(clock_monotonic_ns() - start_ns));
        *items += answer.count;
        *candidates += answer.candidate_count;
    }
    decider_destroy(decider);
    free(people);
}

int main(int count, char **arguments)
{
    static struct world world;
    static struct histogram histogram;
    uint32_t sessions = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 500000;
    uint32_t contents = count > 2 ? (uint32_t)strtoul(arguments[2], NULL, 10) : 100000;
    uint32_t answers = count > 3 ? (uint32_t)strtoul(arguments[3], NULL, 10) : 100000;
    uint64_t items = 0, candidates = 0;
    const char *what;
    open_world(&world, contents);
    learn(&world, sessions);
    printf("learned   %lu clicks, %lu sessions: %.0f ns an event\n", (unsigned long)world.offset, (unsigned long)world.sessions,
           (double)world.learn_ns / (double)world.offset);
    histogram_init(&histogram);
    uint64_t cpu_ns = clock_thread_cpu_ns();
    ask(&world, answers, &histogram, &items, &candidates);
    cpu_ns = clock_thread_cpu_ns() - cpu_ns;
    printf("decided   %u answers of %.1f items from %.0f candidates: p50 %.1f us, p99 %.1f us, mean %.1f us, %.0f a CPU-second\n",
           answers, (double)items / answers, (double)candidates / answers, (double)histogram_quantile(&histogram, 0.5) / 1e3,
           (double)histogram_quantile(&histogram, 0.99) / 1e3, (double)histogram.sum_ns / answers / 1e3,
           1e9 * answers / (double)cpu_ns);
    if (!model_check(learner_model(world.learner), &what))
        fail(what);
    struct model_counts counts;
    model_counts(learner_model(world.learner), &counts);
    printf("tables    %.1f MiB touched, %lu contents\n", (double)counts.bytes / (1 << 20), (unsigned long)counts.contents);
    learner_close(world.learner);
    zipf_destroy(world.zipf);
    free(world.ids);
    return 0;
}
