#include "app/verb_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "lab/replay.h"

const char verb_replay_usage[] =
    "usage: penchant replay FILE [--columns FIELD=COLUMN,...] [--type TYPE] [--sorted] [--speed X] [--deterministic]\n"
    "                       [--data DIR] [--hash] [--SETTING=VALUE ...]\n\n"
    "  FILE              CSV, TSV or NDJSON (.ndjson, .jsonl), also .gz and .bz2\n"
    "  --columns LIST    which column is what: user, anonymous, content, time, type, category, value, dwell,\n"
    "                    country, device, id; e.g. user=SessionId,content=ItemId,time=Time.  Not for NDJSON\n"
    "  --type TYPE       event type of rows that name none (view)\n"
    "  --sorted          the file is sorted by time already: do not sort\n"
    "  --speed X         X times as fast as it happened; without: as fast as it goes\n"
    "  --deterministic   learn in the order of the log: the same state on every run, with any number of workers\n"
    "  --hash            print the state hashes at the end\n\n"
    "The data directory is opened by replay itself: stop a server that holds it, or name another with --data.\n";

struct arguments {
    struct replay_options options;
    bool is_deterministic;
    bool wants_hash;
};

static const char *flag_value(char **rest, int count, int *i)
{
    return *i + 1 < count ? rest[++*i] : NULL;
}

/* The flags of the verb itself; returns the one that is wrong, or NULL. */
static const char *read_arguments(char **rest, int count, struct arguments *a)
{
    a->options = (struct replay_options){.source.type = "view"};
    for (int i = 0; i < count; i++) {
        const char *flag = rest[i];
        const char **text = NULL;
        if (strcmp(flag, "--columns") == 0)
            text = &a->options.source.columns;
        else if (strcmp(flag, "--type") == 0)
            text = &a->options.source.type;
        if (text != NULL) {
            if ((*text = flag_value(rest, count, &i)) == NULL)
                return flag;
        } else if (strcmp(flag, "--speed") == 0) {
            const char *value = flag_value(rest, count, &i);
            if (value == NULL || (a->options.speed = strtod(value, NULL)) <= 0)
                return flag;
        } else if (strcmp(flag, "--sorted") == 0) {
            a->options.source.is_sorted = true;
        } else if (strcmp(flag, "--deterministic") == 0) {
            a->is_deterministic = true;
        } else if (strcmp(flag, "--hash") == 0) {
            a->wants_hash = true;
        } else if (flag[0] == '-' || a->options.source.path != NULL) {
            return flag;
        } else {
            a->options.source.path = flag;
        }
    }
    return a->options.source.path ? NULL : "(no FILE)";
}

static void print_result(const struct replay_result *result)
{
    fprintf(stderr, "%lu events in %.1f s (%.0f/s)", (unsigned long)result->events, result->seconds,
            result->seconds > 0 ? (double)result->events / result->seconds : 0.0);
    if (result->source.unit)
        fprintf(stderr, "; numeric times taken as %s", result->source.unit);
    if (result->source.rejected)
        fprintf(stderr, "\n%lu rows left out, the first: %s", (unsigned long)result->source.rejected, result->source.first_error);
    if (result->is_backfill)
        fprintf(stderr, "\nthe store already held newer events: this was a backfill (profiles, neighbours and models learned, windows did not)");
    fprintf(stderr, "\n");
}

static void print_hashes(struct engine *engine)
{
    for (uint32_t p = 0; p < engine_config(engine)->options.partitions; p++)
        printf("task %u %016lx\n", p, (unsigned long)engine_task_hash(engine, p));
    printf("learner %016lx\n", (unsigned long)engine_learner_hash(engine));
}

static enum status replay(const struct configuration *configuration, const struct arguments *a, struct problem *problem)
{
    struct engine_config config;
    struct engine *engine = NULL;
    struct replay_result result;

    configuration_engine(configuration, &config);
    config.is_replay = true;
    config.is_deterministic = a->is_deterministic;
    enum status status = engine_open(&engine, &config, problem);
    if (status != STATUS_OK)
        return status;
    status = engine_start(engine);
    if (status == STATUS_OK)
        status = replay_run(engine, &a->options, &result, problem);
    engine_stop(engine);
    if (status == STATUS_OK) {
        print_result(&result);
        if (a->wants_hash)
            print_hashes(engine);
    }
    engine_close(engine);
    return status;
}

int verb_replay_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    struct arguments a = {0};
    char *rest[32];
    int rest_count = 32;

    if (configuration_create(&configuration, argument_count, arguments, rest, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    const char *wrong = read_arguments(rest, rest_count, &a);
    int code = EXIT_DONE;
    if (isatty(STDERR_FILENO)) {
        a.options.progress = stderr;
        a.options.source.progress = stderr;
    }
    if (wrong != NULL)
        code = verbs_misused("replay", wrong);
    else if (replay(configuration, &a, &problem) != STATUS_OK)
        code = verbs_fail(&problem);
    configuration_destroy(configuration);
    return code;
}
