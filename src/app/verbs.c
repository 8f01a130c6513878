#include "app/verbs.h"

#include <stdio.h>
#include <string.h>

#include "app/verb_check.h"
#include "app/verb_demo.h"
#include "app/verb_describe.h"
#include "app/verb_evaluate.h"
#include "app/verb_replay.h"
#include "app/verb_serve.h"
#include "app/verb_status.h"
#include "app/verb_version.h"

static const struct verb rows[] = {
    {"serve", "take events and answer with recommendations", verb_serve_usage, verb_serve_run},
    {"demo", "serve with generated visitors and a demo site to click through", verb_demo_usage, verb_demo_run},
    {"check", "read the settings and say what serve would do", verb_check_usage, verb_check_run},
    {"status", "ask a running server how it is", verb_status_usage, verb_status_run},
    {"replay", "feed a file of past events into a data directory", verb_replay_usage, verb_replay_run},
    {"evaluate", "measure the quality of recommendations on a file of events", verb_evaluate_usage, verb_evaluate_run},
    {"describe", "print the tables of settings, metrics or errors as Markdown", verb_describe_usage, verb_describe_run},
    {"version", "print the version", verb_version_usage, verb_version_run},
};

const struct verb *verbs_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

void verbs_print(void)
{
    puts("penchant - real-time personalization: events in, each person's list out\n\nusage: penchant [VERB] [OPTIONS]\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("  %-10s %s\n", rows[i].name, rows[i].summary);
    puts("\nWithout a verb it serves on 127.0.0.1:7700 with data in ./penchant-data.\n"
         "`penchant VERB --help` tells the options of a verb; every setting is also a flag (--log.durability=always)\n"
         "and an environment variable (PENCHANT_LOG_DURABILITY=always); docs/CONFIGURATION.md lists them.");
}

int verbs_fail(const struct problem *problem)
{
    const struct status_row *row = status_row(problem->status);

    if (problem->pointer[0])
        fprintf(stderr, "penchant: %s: %s\n", problem->pointer, problem->detail);
    else
        fprintf(stderr, "penchant: %s\n", problem->detail[0] ? problem->detail : row->text);
    const char *fix = problem->fix[0] ? problem->fix : row->fix;
    if (fix[0])
        fprintf(stderr, "  fix: %s\n", fix);
    switch (problem->status) {
    case STATUS_SETTING:
    case STATUS_FORMAT:
    case STATUS_CORRUPT:
    case STATUS_IN_USE:
        return EXIT_SETTINGS;
    case STATUS_UNREACHABLE:
        return EXIT_UNREACHABLE;
    case STATUS_BAD_REQUEST:
        return EXIT_MISUSED;
    default:
        return EXIT_FAILED;
    }
}

int verbs_misused(const char *verb, const char *argument)
{
    fprintf(stderr, "penchant %s: unexpected argument %s\n  fix: see `penchant %s --help`\n", verb, argument, verb);
    return EXIT_MISUSED;
}
