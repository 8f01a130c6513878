#include "app/verb_evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "lab/evaluate.h"

const char verb_evaluate_usage[] =
    "usage: penchant evaluate --events FILE --columns FIELD=COLUMN,... [--train FILE] [--protocol prequential|static]\n"
    "                         [--exclude-current] [--exclude-seen] [--type TYPE] [--json] [--SETTING=VALUE ...]\n\n"
    "  --events FILE       events to predict, CSV, TSV or NDJSON; sorted by time first\n"
    "  --train FILE        events to learn from before, same columns\n"
    "  --columns LIST      which column is what, e.g. user=SessionId,content=ItemId,time=Time\n"
    "  --protocol NAME     prequential: learn from each event after predicting it (default); static: from --train only\n"
    "  --exclude-current   never recommend the content that is being looked at\n"
    "  --exclude-seen      never recommend what the user has seen\n"
    "  --type TYPE         event type of rows that name none (click)\n"
    "  --json              one JSON object\n\n"
    "It runs the shipped engine and decide code in memory and touches no data directory.\n";

/* The flags of the verb itself; returns the one that is wrong, or NULL. */
static const char *read_arguments(char **rest, int count, struct evaluate_options *o, bool *is_json)
{
    *o = (struct evaluate_options){.events.type = "click"};
    for (int i = 0; i < count; i++) {
        const char *flag = rest[i];
        const char *protocol = NULL;
        const char **text = strcmp(flag, "--events") == 0     ? &o->events.path
                            : strcmp(flag, "--train") == 0    ? &o->train
                            : strcmp(flag, "--columns") == 0  ? &o->events.columns
                            : strcmp(flag, "--type") == 0     ? &o->events.type
                            : strcmp(flag, "--protocol") == 0 ? &protocol
                                                              : NULL;
        if (text != NULL) {
            if (++i == count)
                return flag;
            *text = rest[i];
        } else if (strcmp(flag, "--exclude-current") == 0) {
            o->is_current_excluded = true;
        } else if (strcmp(flag, "--exclude-seen") == 0) {
            o->is_seen_excluded = true;
        } else if (strcmp(flag, "--json") == 0) {
            *is_json = true;
        } else {
            return flag;
        }
        if (protocol != NULL) {
            if (strcmp(protocol, "static") != 0 && strcmp(protocol, "prequential") != 0)
                return protocol;
            o->protocol = strcmp(protocol, "static") == 0 ? EVALUATE_STATIC : EVALUATE_PREQUENTIAL;
        }
    }
    return o->events.path ? NULL : "(no --events)";
}

int verb_evaluate_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    struct evaluate_options options;
    struct evaluate_result result;
    struct engine_config config;
    bool is_json = false;
    char *rest[32];
    int rest_count = 32;

    if (configuration_create(&configuration, argument_count, arguments, rest, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    const char *wrong = read_arguments(rest, rest_count, &options, &is_json);
    int code = EXIT_DONE;
    if (isatty(STDERR_FILENO))
        options.progress = options.events.progress = stderr;
    configuration_engine(configuration, &config);
    if (wrong != NULL)
        code = verbs_misused("evaluate", wrong);
    else if (evaluate_run(&config, &configuration->decide, &options, &result, &problem) != STATUS_OK)
        code = verbs_fail(&problem);
    else
        evaluate_print(&options, &result, stdout, is_json);
    configuration_destroy(configuration);
    return code;
}
