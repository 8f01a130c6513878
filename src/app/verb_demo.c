#include "app/verb_demo.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/configuration.h"
#include "app/server.h"
#include "app/verbs.h"
#include "lab/simulate.h"

const char verb_demo_usage[] =
    "usage: penchant demo [--listen HOST:PORT] [--data DIR] [--demo.rate=N] [--demo.visitors=N] [--demo.seed=N] [--SETTING=VALUE ...]\n\n"
    "Serves as `penchant serve` does, loads a magazine of 240 articles, and plays visitors with hidden\n"
    "tastes who click through the public API.  Open the URL that it prints and click along.\n";

/* The demo shows what is new to its reader, unless told otherwise. */
static enum status prefer_unseen(const struct configuration *configuration, struct problem *problem)
{
    if (strcmp(settings_origin(configuration->settings, "decide.exclude_seen"), "default") != 0)
        return STATUS_OK;
    return settings_set(configuration->settings, "decide.exclude_seen", "always", "the demo", problem);
}

static int serve_with_visitors(const struct configuration *configuration, struct problem *problem)
{
    struct server *server = NULL;
    struct simulate *simulate = NULL;

    if (server_open(&server, configuration, problem) != STATUS_OK)
        return verbs_fail(problem);
    int code = EXIT_DONE;
    if (server_start(server, stdout) != STATUS_OK) {
        fprintf(stderr, "penchant demo: a thread could not be started\n");
        server_close(server);
        return EXIT_FAILED;
    }
    struct simulate_options options = {
        .port = serve_port(server_serve(server)),
        .seed = configuration->app.demo_seed,
        .visitors = (uint32_t)configuration->app.demo_visitors,
        .rate = (uint32_t)configuration->app.demo_rate,
    };
    if (simulate_start(&simulate, &options, problem) == STATUS_OK) {
        serve_set_demo(server_serve(server), simulate_render, simulate);
        printf("\nopen http://127.0.0.1:%u/demo\n", options.port);
        fflush(stdout);
        server_wait(server);
        simulate_stop(simulate);
    } else {
        code = verbs_fail(problem);
    }
    server_close(server);
    if (simulate != NULL)
        simulate_destroy(simulate);
    return code;
}

int verb_demo_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    char *rest[16];
    int rest_count = 16;

    if (configuration_create(&configuration, argument_count, arguments, rest, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    int code = EXIT_DONE;
    if (rest_count > 0)
        code = verbs_misused("demo", rest[0]);
    else if (prefer_unseen(configuration, &problem) != STATUS_OK)
        code = verbs_fail(&problem);
    else
        code = serve_with_visitors(configuration, &problem);
    configuration_destroy(configuration);
    return code;
}
