#include "app/verb_describe.h"

#include <stdio.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "ops/describe.h"
#include "ops/process.h"

const char verb_describe_usage[] =
    "usage: penchant describe settings|metrics|errors\n\n"
    "Prints the table as Markdown; docs/CONFIGURATION.md, docs/METRICS.md and docs/ERRORS.md are made so.\n";

#define KIND_COUNTER METRIC_COUNTER
#define KIND_GAUGE METRIC_GAUGE
#define KIND_HISTOGRAM METRIC_HISTOGRAM
#define KIND_METRIC_COUNTER METRIC_COUNTER
#define KIND_METRIC_GAUGE METRIC_GAUGE
#define KIND_METRIC_HISTOGRAM METRIC_HISTOGRAM
#define METRIC(ident, name_, kind_, text_, advice_) {.name = name_, .kind = KIND_##kind_, .text = text_, .advice = advice_},

static const struct metric_row http_rows[] = {
#include "io/http_metrics.def"
};
static const struct metric_row collect_rows[] = {
#include "collect/collect_metrics.def"
};
static const struct metric_row log_rows[] = {
#include "eventlog/log_metrics.def"
};
static const struct metric_row writer_rows[] = {
#include "eventlog/writer_metrics.def"
};
static const struct metric_row engine_rows[] = {
#include "engine/engine_metrics.def"
};
static const struct metric_row learner_rows[] = {
#include "engine/learner_metrics.def"
};
static const struct metric_row serve_rows[] = {
#include "serve/serve_metrics.def"
};
#undef METRIC

static void print_metrics(void)
{
    static const struct {
        const char *title;
        const struct metric_row *rows;
        uint32_t count;
    } sections[] = {
        {"http", http_rows, sizeof http_rows / sizeof http_rows[0]},
        {"collect", collect_rows, sizeof collect_rows / sizeof collect_rows[0]},
        {"event log", log_rows, sizeof log_rows / sizeof log_rows[0]},
        {"writer", writer_rows, sizeof writer_rows / sizeof writer_rows[0]},
        {"engine", engine_rows, sizeof engine_rows / sizeof engine_rows[0]},
        {"learner", learner_rows, sizeof learner_rows / sizeof learner_rows[0]},
        {"serve", serve_rows, sizeof serve_rows / sizeof serve_rows[0]},
    };
    uint32_t count = 0;
    const struct metric_row *rows = process_rows(&count);

    puts("# Metrics\n\nMade by `penchant describe metrics`; `GET /metrics` in the Prometheus text format.\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        describe_metrics(stdout, sections[i].title, sections[i].rows, sections[i].count);
    describe_metrics(stdout, "process", rows, count);
}

static int print_settings(void)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    int rest_count = 0;

    if (configuration_create(&configuration, 0, NULL, NULL, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    settings_describe(configuration->settings, stdout);
    configuration_destroy(configuration);
    return EXIT_DONE;
}

int verb_describe_run(int argument_count, char **arguments)
{
    const char *what = argument_count == 1 ? arguments[0] : "";

    if (strcmp(what, "settings") == 0)
        return print_settings();
    if (strcmp(what, "metrics") == 0)
        print_metrics();
    else if (strcmp(what, "errors") == 0)
        describe_errors(stdout);
    else
        return verbs_misused("describe", argument_count > 0 ? arguments[argument_count - 1] : "(nothing: settings, metrics or errors)");
    return EXIT_DONE;
}
