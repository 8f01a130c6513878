#include "lab/simulate.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/clock.h"
#include "lab/simulate_score.h"
#include "lab/simulate_site.h"

enum {
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    TICK_MS = 100,
    RETRY_MS = 1000,
    READY_MS = 100,
    LOAD_CHUNK = 60,
    WARM_EVENTS = 6000,
    WARM_READS = 6,             /* of one person */
    WARM_SPACING_MS = 1500,
    WARM_SPAN_MS = 100 * 1000,  /* below engine.lateness, so that nothing of it is late */
    SHOWN = 6,                  /* articles of a list that a visitor sees */
    TRENDS_ASKED = 60,
    TRENDS_MS = 1000,           /* the trends arm's list is asked anew after this */
    EVENTS_OF_STEP_MAX = 32,
    FIRST_CHANGE_MS = 75 * 1000,
    CHANGE_MS = 120 * 1000,
    FRONT_PER_CATEGORY = 4,
    STREAM_STEPS = 3
};

static const double change_share = 0.35;  /* of the people take the new taste */
static const double wander_share = 0.2;   /* steps on which a visitor opens an article by search or a link */
static const double like_share = 0.06;    /* articles read that are liked */
static const int64_t dwell_ms_min = 8000;
static const double dwell_ms_mean_more = 40000;

enum phase { PHASE_WAITING, PHASE_LOADING, PHASE_WARMING, PHASE_LIVE };

struct simulate {
    struct simulate_options options;
    struct catalogue_demo catalogue;
    struct simulate_people people;     /* the thread's */
    struct simulate_site site;         /* the thread's */
    struct simulate_site_list trends;  /* the thread's */
    int64_t trends_at_ms;
    struct rng rng;                    /* the thread's */
    double budget;                     /* events that may be sent now */
    int64_t started_wall_ms;
    int64_t started_ns;
    pthread_t thread;
    pthread_mutex_t lock;              /* rank: innermost; of what follows */
    pthread_cond_t stopping;
    bool is_stopping;
    enum phase phase;
    double progress;
    uint64_t rejected;
    int64_t next_change_ms;
    struct simulate_score score;
};

/* Wall clock that never goes back, so that the chart does not either. */
static int64_t now_of(const struct simulate *simulate)
{
    return simulate->started_wall_ms + (clock_monotonic_ns() - simulate->started_ns) / NS_PER_MS;
}

/* False: it is time to stop. */
static bool rest(struct simulate *simulate, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    pthread_mutex_lock(&simulate->lock);
    while (!simulate->is_stopping && pthread_cond_timedwait(&simulate->stopping, &simulate->lock, &until) != ETIMEDOUT)
        ;
    bool goes_on = !simulate->is_stopping;
    pthread_mutex_unlock(&simulate->lock);
    return goes_on;
}

static bool is_stopping(struct simulate *simulate)
{
    pthread_mutex_lock(&simulate->lock);
    bool stops = simulate->is_stopping;
    pthread_mutex_unlock(&simulate->lock);
    return stops;
}

static void set_phase(struct simulate *simulate, enum phase phase, double progress)
{
    pthread_mutex_lock(&simulate->lock);
    simulate->phase = phase;
    simulate->progress = progress;
    pthread_mutex_unlock(&simulate->lock);
}

/* ---- before the visitors come ---- */

static bool wait_for_server(struct simulate *simulate)
{
    bool is_ready = false;

    set_phase(simulate, PHASE_WAITING, 0);
    for (;;) {
        if (simulate_site_is_ready(&simulate->site, &is_ready) == STATUS_OK && is_ready)
            return true;
        if (!rest(simulate, READY_MS))
            return false;
    }
}

static enum status load_catalogue(struct simulate *simulate)
{
    enum status status = STATUS_OK;

    for (uint32_t first = 0; first < CATALOGUE_DEMO_ARTICLES && status == STATUS_OK; first += LOAD_CHUNK) {
        set_phase(simulate, PHASE_LOADING, (double)first / CATALOGUE_DEMO_ARTICLES);
        status = simulate_site_load(&simulate->site, first, LOAD_CHUNK, simulate->started_wall_ms);
    }
    return status;
}

static enum status flush(struct simulate *simulate)
{
    uint32_t accepted = 0;
    uint32_t rejected = 0;

    enum status status = simulate_site_flush(&simulate->site, &accepted, &rejected);
    pthread_mutex_lock(&simulate->lock);
    simulate_score_events(&simulate->score, now_of(simulate), accepted);
    simulate->rejected += rejected;
    pthread_mutex_unlock(&simulate->lock);
    return status;
}

static int64_t draw_dwell(struct simulate *simulate)
{
    return dwell_ms_min + (int64_t)(rng_exponential(&simulate->rng) * dwell_ms_mean_more);
}

/* What was read in the last minutes, so that trends and neighbours exist when the page opens. */
static enum status warm(struct simulate *simulate)
{
    int64_t span_ms = WARM_SPAN_MS - (int64_t)WARM_READS * WARM_SPACING_MS;
    int64_t now_ms = now_of(simulate);
    uint32_t reader_count = WARM_EVENTS / WARM_READS;
    enum status status = STATUS_OK;

    if (reader_count > simulate->people.count)
        reader_count = simulate->people.count;
    for (uint32_t i = 0; i < reader_count && status == STATUS_OK; i++) {
        /* Spread over all people, so that the arms begin alike. */
        struct simulate_person *person = &simulate->people.persons[(uint64_t)i * simulate->people.count / reader_count];
        int64_t time_ms = now_ms - WARM_SPAN_MS + span_ms * i / reader_count;
        for (uint32_t k = 0; k < WARM_READS; k++) {
            uint32_t article = simulate_people_wander(&simulate->people, person);
            if (article == SIMULATE_PEOPLE_NONE)
                break;
            simulate_people_read(person, article);
            struct simulate_site_event event = {
                .type = "click", .person = person, .article = article, .time_ms = time_ms + (int64_t)k * WARM_SPACING_MS};
            simulate_site_add(&simulate->site, &event);
        }
        if (simulate->site.pending + WARM_READS > SIMULATE_SITE_BATCH || i + 1 == reader_count) {
            status = flush(simulate);
            set_phase(simulate, PHASE_WARMING, (double)(i + 1) / reader_count);
            if (is_stopping(simulate))
                return STATUS_OK;
        }
    }
    return status;
}

/* ---- visitors ---- */

static enum status ask_trends(struct simulate *simulate, const struct simulate_person *person, struct simulate_site_list *list)
{
    int64_t now_ms = now_of(simulate);
    enum status status = STATUS_OK;

    if (simulate->trends_at_ms == 0 || now_ms - simulate->trends_at_ms >= TRENDS_MS) {
        status = simulate_site_trends(&simulate->site, TRENDS_ASKED, &simulate->trends);
        simulate->trends_at_ms = now_ms;
    }
    *list = (struct simulate_site_list){0};
    for (uint32_t i = 0; i < simulate->trends.count && list->count < SHOWN; i++)
        if (!simulate_people_has_read(person, simulate->trends.articles[i]))
            list->articles[list->count++] = simulate->trends.articles[i];
    return status;
}

static void draw_random(struct simulate *simulate, const struct simulate_person *person, struct simulate_site_list *list)
{
    *list = (struct simulate_site_list){0};
    while (list->count < SHOWN) {
        uint32_t article = simulate_people_any(&simulate->people, person, list->articles, list->count);
        if (article == SIMULATE_PEOPLE_NONE)
            return;
        list->articles[list->count++] = article;
    }
}

static enum status ask_list(struct simulate *simulate, const struct simulate_person *person, struct simulate_site_list *list)
{
    if (person->arm == SIMULATE_FOR_YOU)
        return simulate_site_recommend(&simulate->site, person, SHOWN, "demo_for_you", list);
    if (person->arm == SIMULATE_TRENDS)
        return ask_trends(simulate, person, list);
    draw_random(simulate, person, list);
    return STATUS_OK;
}

static void read_article(struct simulate *simulate, struct simulate_person *person, uint32_t article, int64_t now_ms)
{
    struct simulate_site_event event = {
        .type = "view", .person = person, .article = article, .time_ms = now_ms, .dwell_ms = draw_dwell(simulate)};

    simulate_people_read(person, article);
    simulate_site_add(&simulate->site, &event);
    if (rng_unit(&simulate->rng) >= like_share)
        return;
    event.type = "like";
    event.dwell_ms = 0;
    simulate_site_add(&simulate->site, &event);
}

/* Shows the list; what tempts is clicked and read, in the order in which it stands. */
static void show_list(struct simulate *simulate, struct simulate_person *person, const struct simulate_site_list *list)
{
    static const char *const placements[SIMULATE_ARMS] = {"demo_for_you", "demo_trends", "demo_random"};
    struct simulate_site_event event = {
        .person = person, .time_ms = now_of(simulate), .placement = placements[person->arm], .request_id = list->request_id};
    uint32_t clicked = 0; /* a bit per position */

    for (uint32_t i = 0; i < list->count; i++) {
        event.type = "impression";
        event.article = list->articles[i];
        event.position = i;
        simulate_site_add(&simulate->site, &event);
        if (rng_unit(&simulate->rng) < simulate_people_chance(&simulate->people, person, list->articles[i], i))
            clicked |= 1U << i;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if ((clicked >> i & 1) == 0)
            continue;
        event.type = "click";
        event.article = list->articles[i];
        event.position = i;
        simulate_site_add(&simulate->site, &event);
        read_article(simulate, person, event.article, event.time_ms + 1);
    }
    pthread_mutex_lock(&simulate->lock);
    simulate_score_add(&simulate->score, event.time_ms, (enum simulate_arm)person->arm, list->count, (uint32_t)__builtin_popcount(clicked));
    pthread_mutex_unlock(&simulate->lock);
}

/* One visitor does one thing: opens an article unasked, or looks at a list. */
static enum status step(struct simulate *simulate)
{
    bool is_new = false;
    struct simulate_person *person = simulate_people_next(&simulate->people, &is_new);
    struct simulate_site_list list;

    if (is_new || rng_unit(&simulate->rng) < wander_share) {
        uint32_t article = simulate_people_wander(&simulate->people, person);
        if (article != SIMULATE_PEOPLE_NONE)
            read_article(simulate, person, article, now_of(simulate));
        return STATUS_OK;
    }
    enum status status = ask_list(simulate, person, &list);
    if (status == STATUS_OK && list.count > 0)
        show_list(simulate, person, &list);
    return status;
}

static void change_tastes(struct simulate *simulate, int64_t now_ms)
{
    uint32_t category = simulate_people_change(&simulate->people, change_share);

    pthread_mutex_lock(&simulate->lock);
    simulate_score_change(&simulate->score, now_ms, category, change_share);
    simulate->next_change_ms = now_ms + CHANGE_MS;
    pthread_mutex_unlock(&simulate->lock);
}

/* As many steps as the pace allows since the last call. */
static enum status play(struct simulate *simulate, int64_t elapsed_ns)
{
    enum status status = STATUS_OK;

    simulate->budget += (double)elapsed_ns / NS_PER_S * simulate->options.rate;
    if (simulate->budget > simulate->options.rate)
        simulate->budget = simulate->options.rate; /* after a pause nothing is caught up */
    while (simulate->budget > 0 && status == STATUS_OK) {
        uint32_t before = simulate->site.pending;
        status = step(simulate);
        uint32_t added = simulate->site.pending - before;
        simulate->budget -= added > 0 ? added : 1; /* a step without events costs, too: the loop ends */
        if (status == STATUS_OK && simulate->site.pending + EVENTS_OF_STEP_MAX > SIMULATE_SITE_BATCH) {
            status = flush(simulate);
            if (is_stopping(simulate))
                return status;
        }
    }
    enum status flushed = flush(simulate);
    return status == STATUS_OK ? flushed : status;
}

static void live(struct simulate *simulate)
{
    int64_t before_ns = clock_monotonic_ns();

    set_phase(simulate, PHASE_LIVE, 1);
    pthread_mutex_lock(&simulate->lock);
    simulate->next_change_ms = now_of(simulate) + FIRST_CHANGE_MS;
    pthread_mutex_unlock(&simulate->lock);
    while (rest(simulate, TICK_MS)) {
        int64_t now_ns = clock_monotonic_ns();
        enum status status = play(simulate, now_ns - before_ns);
        before_ns = now_ns;
        int64_t now_ms = now_of(simulate);
        pthread_mutex_lock(&simulate->lock);
        simulate_score_tick(&simulate->score, now_ms);
        bool is_change_due = now_ms >= simulate->next_change_ms;
        pthread_mutex_unlock(&simulate->lock);
        if (is_change_due)
            change_tastes(simulate, now_ms);
        if (status == STATUS_OK)
            continue;
        log_message(LOG_WARNING, "demo", "the visitors got no answer and try again", "reason=%s", status_row(status)->code);
        set_phase(simulate, PHASE_WAITING, 1);
        if (!rest(simulate, RETRY_MS))
            return;
        set_phase(simulate, PHASE_LIVE, 1);
    }
}

static void *run(void *context)
{
    struct simulate *simulate = context;

    for (;;) {
        if (!wait_for_server(simulate))
            return NULL;
        enum status status = load_catalogue(simulate);
        if (status == STATUS_OK)
            status = warm(simulate);
        if (status == STATUS_OK)
            break;
        log_message(LOG_WARNING, "demo", "the magazine could not be loaded and is tried again", "reason=%s", status_row(status)->code);
        if (!rest(simulate, RETRY_MS))
            return NULL;
    }
    live(simulate);
    return NULL;
}

/* ---- outside ---- */

static enum status prepare(struct simulate *simulate, struct problem *problem)
{
    const struct simulate_options *options = &simulate->options;
    char tag[16];

    snprintf(tag, sizeof tag, "%lx", (unsigned long)(simulate->started_wall_ms / 1000 & 0xffffff));
    catalogue_demo_init(&simulate->catalogue, options->seed);
    simulate_score_init(&simulate->score);
    rng_init(&simulate->rng, options->seed, STREAM_STEPS);
    enum status status = simulate_people_create(&simulate->people, &simulate->catalogue, options->visitors, options->seed, tag);
    if (status != STATUS_OK)
        return problem_set(problem, status, "no memory for %u visitors", options->visitors);
    return simulate_site_open(&simulate->site, options->host ? options->host : "127.0.0.1", options->port, tag, &simulate->catalogue, problem);
}

enum status simulate_start(struct simulate **out, const struct simulate_options *options, struct problem *problem)
{
    struct simulate *simulate = calloc(1, sizeof *simulate);
    pthread_condattr_t attributes;

    if (simulate == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the demo");
    simulate->options = *options;
    simulate->started_wall_ms = clock_wall_ms();
    simulate->started_ns = clock_monotonic_ns();
    enum status status = prepare(simulate, problem);
    pthread_mutex_init(&simulate->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&simulate->stopping, &attributes);
    pthread_condattr_destroy(&attributes);
    if (status == STATUS_OK && pthread_create(&simulate->thread, NULL, run, simulate) != 0)
        status = problem_set(problem, STATUS_MEMORY, "no thread for the demo's visitors");
    if (status != STATUS_OK) {
        simulate_destroy(simulate);
        return status;
    }
    *out = simulate;
    return STATUS_OK;
}

void simulate_stop(struct simulate *simulate)
{
    pthread_mutex_lock(&simulate->lock);
    simulate->is_stopping = true;
    pthread_cond_signal(&simulate->stopping);
    pthread_mutex_unlock(&simulate->lock);
    pthread_join(simulate->thread, NULL);
}

void simulate_destroy(struct simulate *simulate)
{
    simulate_site_close(&simulate->site);
    simulate_people_destroy(&simulate->people);
    pthread_cond_destroy(&simulate->stopping);
    pthread_mutex_destroy(&simulate->lock);
    free(simulate);
}

/* ---- what the page shows ---- */

/* A few of each section, the same in every answer: the printed part of the paper. */
static void write_front(const struct simulate *simulate, struct json_writer *out)
{
    struct rng rng;

    rng_init(&rng, simulate->options.seed, STREAM_STEPS + 1);
    json_key(out, "front");
    json_array_begin(out);
    for (uint32_t c = 0; c < CATALOGUE_DEMO_CATEGORIES; c++) {
        uint32_t first = (uint32_t)rng_below(&rng, CATALOGUE_DEMO_PER_CATEGORY);
        for (uint32_t k = 0; k < FRONT_PER_CATEGORY; k++) {
            uint32_t number = (first + k * CATALOGUE_DEMO_PER_CATEGORY / FRONT_PER_CATEGORY) % CATALOGUE_DEMO_PER_CATEGORY;
            const struct catalogue_demo_article *article = &simulate->catalogue.articles[c * CATALOGUE_DEMO_PER_CATEGORY + number];
            json_object_begin(out);
            json_key(out, "content_id");
            json_text(out, article->id);
            json_key(out, "title");
            json_text(out, article->title);
            json_key(out, "standfirst");
            json_text(out, article->standfirst);
            json_key(out, "categories");
            json_array_begin(out);
            json_text(out, catalogue_demo_category(c));
            json_array_end(out);
            json_object_end(out);
        }
    }
    json_array_end(out);
}

static void write_changing(struct simulate *simulate, int64_t now_ms, struct json_writer *out)
{
    static const char *const phases[] = {"waiting", "loading", "warming", "live"};
    uint32_t visitors[SIMULATE_ARMS] = {0};

    for (uint32_t i = 0; i < SIMULATE_ARMS; i++)
        visitors[i] = (simulate->options.visitors + SIMULATE_ARMS - 1 - i) / SIMULATE_ARMS;
    pthread_mutex_lock(&simulate->lock);
    json_key(out, "phase");
    json_text(out, phases[simulate->phase]);
    json_key(out, "progress");
    json_number(out, simulate->progress);
    json_key(out, "rejected");
    json_unsigned(out, simulate->rejected);
    json_key(out, "next_change_s");
    if (simulate->next_change_ms > now_ms)
        json_integer(out, (simulate->next_change_ms - now_ms) / 1000);
    else
        json_null(out);
    simulate_score_write(&simulate->score, now_ms, visitors, out);
    pthread_mutex_unlock(&simulate->lock);
}

void simulate_render(void *context, struct json_writer *out)
{
    struct simulate *simulate = context;
    int64_t now_ms = now_of(simulate);

    json_object_begin(out);
    json_key(out, "seed");
    json_unsigned(out, simulate->options.seed);
    json_key(out, "started_at");
    json_time(out, simulate->started_wall_ms);
    json_key(out, "at");
    json_time(out, now_ms);
    json_key(out, "visitors");
    json_unsigned(out, simulate->options.visitors);
    write_changing(simulate, now_ms, out);
    json_key(out, "categories");
    json_array_begin(out);
    for (uint32_t c = 0; c < CATALOGUE_DEMO_CATEGORIES; c++)
        json_text(out, catalogue_demo_category(c));
    json_array_end(out);
    write_front(simulate, out);
    json_object_end(out);
}
