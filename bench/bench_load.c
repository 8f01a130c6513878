/* bench_load.c - the load of bench/run, one shape a call; prints one JSON object.
 *
 *   bench_load events|pairs|recommendations --port P [--rate R] [--connections N] [--seconds S] [--operations N]
 *              [--users N] [--contents N] [--body N] [--seed N] [--asked N]
 *   bench_load catalogue --port P [--contents N]
 *
 * --rate 0 is a closed loop; --asked limits recommendations to the most active users, who have enough recent contents. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_client.h"
#include "lab/load_shape.h"
#include "wire/json_writer.h"

enum { CATALOGUE_BATCH = 500, CATALOGUE_BYTES = 1 << 20, CATEGORIES = 50 };

struct settings {
    uint64_t port, connections, seconds, operations, users, contents, body, seed, asked;
    double rate;
};

static int fail(const struct problem *problem)
{
    fprintf(stderr, "bench_load: %s\n", problem->detail);
    return 1;
}

static int read_settings(struct settings *s, int count, char **arguments)
{
    struct {
        const char *name;
        uint64_t *value;
    } flags[] = {{"--port", &s->port},         {"--connections", &s->connections}, {"--seconds", &s->seconds},
                 {"--operations", &s->operations}, {"--users", &s->users},         {"--contents", &s->contents},
                 {"--body", &s->body},         {"--seed", &s->seed},               {"--asked", &s->asked}};

    for (int i = 0; i + 1 < count; i += 2) {
        size_t f = 0;
        if (strcmp(arguments[i], "--rate") == 0) {
            s->rate = strtod(arguments[i + 1], NULL);
            continue;
        }
        while (f < sizeof flags / sizeof flags[0] && strcmp(flags[f].name, arguments[i]) != 0)
            f++;
        if (f == sizeof flags / sizeof flags[0])
            return 0;
        *flags[f].value = (uint64_t)strtod(arguments[i + 1], NULL);
    }
    return s->port != 0;
}

static void print_result(const struct load_result *r, const struct load_shape_counts *c)
{
    struct json_writer w;
    struct {
        const char *name;
        double value;
    } rows[] = {
        {"passed", (double)r->passed},
        {"failed", (double)r->failed},
        {"unsent", (double)r->unsent},
        {"unanswered", (double)r->unanswered},
        {"events", (double)c->events},
        {"accepted", (double)c->accepted},
        {"not_covered", (double)c->not_covered},
        {"degraded", (double)c->degraded},
        {"empty", (double)c->empty},
        {"refused", (double)c->refused},
        {"per_second", r->elapsed_ns ? (double)r->recorded / ((double)r->elapsed_ns / 1e9) : 0},
        {"p50_us", (double)histogram_quantile(&r->latency, 0.5) / 1e3},
        {"p99_us", (double)histogram_quantile(&r->latency, 0.99) / 1e3},
        {"max_us", (double)r->latency.max_ns / 1e3},
        {"client_late_p99_us", (double)histogram_quantile(&r->lateness, 0.99) / 1e3},
        {"client_cpu_s", (double)r->cpu_ns / 1e9},
    };

    json_writer_init(&w, 1 << 16);
    json_object_begin(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_key(&w, rows[i].name);
        if (rows[i].value == (double)(int64_t)rows[i].value)
            json_integer(&w, (int64_t)rows[i].value);
        else
            json_number(&w, rows[i].value);
    }
    json_object_end(&w);
    printf("%.*s\n", (int)w.size, w.data);
    json_writer_fini(&w);
}

static int run_shape(enum load_shape_kind kind, const struct settings *s)
{
    struct load_shape_config shape_config;
    struct load_shape *shape = NULL;
    static struct load_result result; /* histograms are large */
    struct problem problem = {0};

    load_shape_defaults(&shape_config, kind);
    shape_config.seed = s->seed;
    shape_config.users = (uint32_t)(kind == LOAD_SHAPE_RECOMMENDATIONS ? s->asked : s->users);
    shape_config.contents = (uint32_t)s->contents;
    shape_config.events_per_body = (uint32_t)s->body;
    shape_config.connections = (uint32_t)s->connections;
    if (load_shape_create(&shape, &shape_config) != STATUS_OK) {
        fprintf(stderr, "bench_load: no memory\n");
        return 1;
    }
    struct load_config config = {
        .port = (uint16_t)s->port,
        .connections = (uint32_t)s->connections,
        .rate = s->rate,
        .operations_max = s->operations,
        .duration_ms = s->seconds ? s->seconds * 1000 : 1800000,
        .request_bytes = load_shape_request_bytes(shape),
        .context = shape,
        .begin = load_shape_begin,
        .judge = load_shape_judge,
    };
    if (load_run(&config, &result, &problem) != STATUS_OK)
        return fail(&problem);
    print_result(&result, load_shape_counts(shape));
    load_shape_destroy(shape);
    return 0;
}

static void write_content(struct json_writer *w, uint64_t number)
{
    char text[96];

    json_object_begin(w);
    json_key(w, "content_id");
    snprintf(text, sizeof text, "c%07" PRIu64, number);
    json_text(w, text);
    json_key(w, "title");
    snprintf(text, sizeof text, "Content number %" PRIu64 " of the standard workload", number);
    json_text(w, text);
    json_key(w, "url");
    snprintf(text, sizeof text, "https://example.org/contents/%" PRIu64, number);
    json_text(w, text);
    json_key(w, "categories");
    json_array_begin(w);
    snprintf(text, sizeof text, "category-%02" PRIu64, number % CATEGORIES);
    json_text(w, text);
    json_array_end(w);
    json_object_end(w);
}

static int load_catalogue(const struct settings *s)
{
    struct http_client *client = NULL;
    struct http_client_answer answer;
    struct problem problem = {0};
    struct json_writer w;
    char url[96];

    snprintf(url, sizeof url, "http://127.0.0.1:%" PRIu64 "/v1/content", s->port);
    if (http_client_create(&client, 60000, &problem) != STATUS_OK)
        return fail(&problem);
    json_writer_init(&w, CATALOGUE_BYTES);
    for (uint64_t first = 0; first < s->contents; first += CATALOGUE_BATCH) {
        json_writer_reset(&w);
        json_array_begin(&w);
        for (uint64_t i = first; i < first + CATALOGUE_BATCH && i < s->contents; i++)
            write_content(&w, i);
        json_array_end(&w);
        struct http_client_request request = {.method = "POST", .url = url, .body = slice_make(w.data, w.size)};
        if (http_client_call(client, &request, &answer, &problem) != STATUS_OK)
            return fail(&problem);
        if (answer.code / 100 != 2) {
            fprintf(stderr, "bench_load: %d %.*s\n", answer.code, SLICE_ARG(answer.body));
            return 1;
        }
    }
    json_writer_fini(&w);
    http_client_destroy(client);
    printf("{\"contents\":%" PRIu64 "}\n", s->contents);
    return 0;
}

int main(int argument_count, char **arguments)
{
    struct settings s = {.connections = 8, .users = 1000000, .contents = 100000, .body = 100, .seed = 1, .asked = 20000};
    const char *mode = argument_count > 1 ? arguments[1] : "";

    if (!read_settings(&s, argument_count - 2, arguments + 2)) {
        fprintf(stderr, "usage: bench_load events|pairs|recommendations|catalogue --port P [--rate R] [--seconds S] ...\n");
        return 2;
    }
    if (strcmp(mode, "events") == 0)
        return run_shape(LOAD_SHAPE_EVENTS, &s);
    if (strcmp(mode, "pairs") == 0)
        return run_shape(LOAD_SHAPE_PAIRS, &s);
    if (strcmp(mode, "recommendations") == 0)
        return run_shape(LOAD_SHAPE_RECOMMENDATIONS, &s);
    if (strcmp(mode, "catalogue") == 0)
        return load_catalogue(&s);
    fprintf(stderr, "bench_load: there is no shape %s\n", mode);
    return 2;
}
