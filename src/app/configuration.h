/* configuration.h - every room's settings in one struct, filled from file, environment and flags.
 *
 * The one place that knows all option tables.  Lists of the file (event_types, features) are
 * turned into struct event_types and struct layout here, so that a wrong declaration is
 * refused at start with file and line.
 *
 * Threads: one, at start.
 * Memory:  the struct; freed by configuration_destroy.
 * Failure: STATUS_SETTING with file:line, key and fix.
 */
#ifndef APP_CONFIGURATION_H
#define APP_CONFIGURATION_H

#include "base/option.h"
#include "decide/decide.h"
#include "engine/engine.h"
#include "io/http.h"
#include "ops/settings.h"
#include "schema/json_schema.h"
#include "serve/serve.h"

struct app_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "app/app_options.def"
#undef OPTION
};

struct configuration {
    struct app_options app;
    struct log_options log;
    struct engine_options engine;
    struct http_options http;
    struct serve_options serve;
    struct decide_options decide;
    struct json_schema_options schema;
    struct event_types types;
    struct layout layout;
    int32_t zone_minutes;
    struct json_schema *event_schema; /* NULL: schema.event is empty */
    char config_file[OPTION_TEXT_SIZE]; /* empty: none */
    struct settings *settings;
};

/* Defaults, then --config FILE, then PENCHANT_* of the environment, then the other flags.
 * arguments: those after the verb; what is not a setting is left in rest[0..*rest_count). */
enum status configuration_create(struct configuration **configuration, int argument_count, char **arguments,
                                 char **rest, int *rest_count, struct problem *problem) MUST_CHECK;
void configuration_destroy(struct configuration *configuration);
/* What the engine is told; borrows from the configuration. */
void configuration_engine(const struct configuration *configuration, struct engine_config *config);

#endif
