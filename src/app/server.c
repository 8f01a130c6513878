#include "app/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/learner.h"
#include "io/clock.h"
#include "ops/process.h"

struct server {
    const struct configuration *configuration;
    struct engine_config engine_config;
    struct serve_config serve_config;
    struct engine *engine;
    struct serve *serve;
    sigset_t signals;
    int64_t opened_ns;
    bool is_started;
};

static void emit_metrics(void *context, struct metric_sink *sink)
{
    struct server *server = context;

    process_metrics(sink, PENCHANT_VERSION);
    engine_metrics(server->engine, sink);
}

/* Signals are taken by server_wait alone; every thread started later inherits the mask. */
static void block_signals(struct server *server)
{
    sigemptyset(&server->signals);
    sigaddset(&server->signals, SIGTERM);
    sigaddset(&server->signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &server->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

enum status server_open(struct server **out, const struct configuration *configuration, struct problem *problem)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the server");
    server->configuration = configuration;
    server->opened_ns = clock_monotonic_ns();
    block_signals(server);
    configuration_engine(configuration, &server->engine_config);
    enum status status = engine_open(&server->engine, &server->engine_config, problem);
    if (status == STATUS_OK) {
        server->serve_config = (struct serve_config){
            .options = configuration->serve,
            .http = configuration->http,
            .decide = configuration->decide,
            .zone_minutes = configuration->zone_minutes,
            .event_schema = configuration->event_schema,
            .version = PENCHANT_VERSION,
            .config_file = configuration->config_file[0] ? configuration->config_file : NULL,
        };
        status = serve_open(&server->serve, server->engine, &server->serve_config, problem);
    }
    if (status != STATUS_OK) {
        if (server->engine != NULL)
            engine_close(server->engine);
        free(server);
        return status;
    }
    serve_set_metrics(server->serve, emit_metrics, server);
    *out = server;
    return STATUS_OK;
}

/* A sum with a reason per line: what these settings can come to take. */
static void print_memory(const struct server *server, FILE *banner)
{
    const struct configuration *c = server->configuration;
    double mib = 1024.0 * 1024.0;

    fprintf(banner, "  memory    at most %.0f MiB profiles + %.0f MiB deduplication + %.0f MiB bodies; %lu contents, %lu sessions\n",
            (double)c->engine.profiles_bytes / mib, (double)c->engine.dedup_bytes / mib, (double)c->http.bodies_bytes / mib,
            (unsigned long)c->engine.contents, (unsigned long)c->engine.sessions);
}

static void print_banner(const struct server *server, FILE *banner)
{
    const struct configuration *c = server->configuration;
    char durability[64];
    char url[OPTION_TEXT_SIZE + 32];
    int host_size = (int)(strrchr(c->http.listen, ':') ? strrchr(c->http.listen, ':') - c->http.listen : 0);

    settings_render(c->settings, "log.durability", durability, sizeof durability);
    snprintf(url, sizeof url, "http://%.*s:%u", host_size, c->http.listen, serve_port(server->serve));
    fprintf(banner, "penchant %s\n", PENCHANT_VERSION);
    fprintf(banner, "  settings  %s\n", c->config_file[0] ? c->config_file : "defaults (no file)");
    settings_print_changed(c->settings, banner);
    fprintf(banner, "  data      %s\n", c->app.data);
    fprintf(banner, "  durable   %s\n", durability);
    print_memory(server, banner);
    fprintf(banner, "  open      %s/\n", url);
    fprintf(banner, "  events    POST %s/v1/events\n", url);
    fprintf(banner, "  lists     GET  %s/v1/recommendations/USER\n", url);
}

enum status server_start(struct server *server, FILE *banner)
{
    enum status status = engine_start(server->engine);
    if (status == STATUS_OK)
        status = serve_start(server->serve);
    if (status != STATUS_OK)
        return status;
    server->is_started = true;
    serve_ready(server->serve);
    print_banner(server, banner);
    fprintf(banner, "ready in %.0f ms\n", (double)(clock_monotonic_ns() - server->opened_ns) / 1e6);
    fflush(banner);
    return STATUS_OK;
}

void server_wait(struct server *server)
{
    int taken = 0;

    while (sigwait(&server->signals, &taken) != 0)
        ;
    log_message(LOG_INFO, "app", "stopping: draining and writing checkpoints", "signal=%d", taken);
    /* From here on a second signal ends the process by its default action. */
    pthread_sigmask(SIG_UNBLOCK, &server->signals, NULL);
}

void server_close(struct server *server)
{
    serve_drain(server->serve);
    if (server->is_started) {
        serve_stop(server->serve);
        engine_stop(server->engine);
    }
    serve_close(server->serve);
    engine_close(server->engine);
    free(server);
}

struct serve *server_serve(struct server *server)
{
    return server->serve;
}
