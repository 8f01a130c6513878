#include "app/configuration.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/feature_list.h"
#include "base/log.h"
#include "io/file.h"

extern char **environ;

/* One table from all rooms: the offset of a row is its field's place in struct configuration. */
static const struct option_row rows[] = {
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, app, __VA_ARGS__)
#include "app/app_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, http, __VA_ARGS__)
#include "io/http_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, log, __VA_ARGS__)
#include "eventlog/log_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, engine, __VA_ARGS__)
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, decide, __VA_ARGS__)
#include "decide/decide_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, serve, __VA_ARGS__)
#include "serve/serve_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, schema, __VA_ARGS__)
#include "schema/json_schema_options.def"
#undef OPTION
};

/* Flags that people type often, beside --section.name. */
static const struct {
    const char *flag;
    const char *name;
} short_flags[] = {
    {"--listen", "http.listen"},
    {"--durability", "log.durability"},
    {"--workers", "engine.workers"},
};

static const char *setting_of(const char *flag, size_t size)
{
    for (size_t i = 0; i < sizeof short_flags / sizeof short_flags[0]; i++)
        if (strlen(short_flags[i].flag) == size && memcmp(short_flags[i].flag, flag, size) == 0)
            return short_flags[i].name;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].name) == size - 2 && memcmp(rows[i].name, flag + 2, size - 2) == 0)
            return rows[i].name;
    return NULL;
}

/* Value of the flag at arguments[i]: behind '=', else the next argument, which *i then passes. */
static const char *value_of(int argument_count, char **arguments, int *i, size_t *flag_size)
{
    const char *equals = strchr(arguments[*i], '=');

    *flag_size = equals ? (size_t)(equals - arguments[*i]) : strlen(arguments[*i]);
    if (equals)
        return equals + 1;
    if (*i + 1 < argument_count)
        return arguments[++*i];
    return NULL;
}

static enum status read_flags(struct configuration *c, int argument_count, char **arguments, char **rest, int *rest_count,
                              struct problem *problem)
{
    int rest_max = *rest_count;

    *rest_count = 0;
    for (int i = 0; i < argument_count; i++) {
        const char *argument = arguments[i];
        size_t flag_size = strcspn(argument, "=");
        bool is_config = flag_size == 8 && strncmp(argument, "--config", 8) == 0;
        const char *name = strncmp(argument, "--", 2) == 0 && flag_size > 2 ? setting_of(argument, flag_size) : NULL;
        if (name == NULL && !is_config) {
            bool looks_like_setting = strncmp(argument, "--", 2) == 0 && memchr(argument, '.', flag_size) != NULL;
            if (looks_like_setting) /* an unknown setting: the walker names the nearest */
                return settings_set(c->settings, argument + 2, "", argument, problem);
            if (*rest_count == rest_max)
                return problem_set(problem, STATUS_BAD_REQUEST, "too many arguments at %s", argument);
            rest[(*rest_count)++] = arguments[i];
            continue;
        }
        const char *value = value_of(argument_count, arguments, &i, &flag_size);
        if (value == NULL)
            return problem_set(problem, STATUS_BAD_REQUEST, "%s wants a value", argument);
        if (is_config)
            continue; /* read before */
        char origin[80];
        snprintf(origin, sizeof origin, "--%s", name);
        enum status status = settings_set(c->settings, name, value, origin, problem);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status read_config_flag(struct configuration *c, int argument_count, char **arguments, struct problem *problem)
{
    for (int i = 0; i < argument_count; i++) {
        if (strcspn(arguments[i], "=") != 8 || strncmp(arguments[i], "--config", 8) != 0)
            continue;
        size_t flag_size = 0;
        const char *value = value_of(argument_count, arguments, &i, &flag_size);
        if (value == NULL)
            return problem_set(problem, STATUS_BAD_REQUEST, "--config wants a file");
        snprintf(c->config_file, sizeof c->config_file, "%s", value);
    }
    return c->config_file[0] ? settings_read_file(c->settings, c->config_file, problem) : STATUS_OK;
}

static enum status read_zone(struct configuration *c, struct problem *problem)
{
    int hours = 0, minutes = 0;
    char sign = 0;

    if (sscanf(c->app.zone, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-') || hours > 14 ||
        minutes > 59)
        return problem_set(problem, STATUS_SETTING, "zone: %s is no zone; write it as +hh:mm", c->app.zone);
    c->zone_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return STATUS_OK;
}

static enum status read_event_schema(struct configuration *c, struct problem *problem)
{
    const char *path = c->schema.event;
    struct problem wrong = {0};
    char *text = NULL;
    size_t size = 0;

    if (path[0] == '\0')
        return STATUS_OK;
    enum status status = file_read_small(path, JSON_SCHEMA_SIZE_MAX, &text, &size, &wrong);
    if (status == STATUS_OK)
        status = json_schema_compile(&c->event_schema, slice_make(text, size), NULL, 0, &wrong);
    free(text);
    if (status == STATUS_OK)
        return STATUS_OK;
    status = problem_set(problem, STATUS_SETTING, "schema.event:%s%s: %.200s", wrong.pointer[0] ? " at " : "", wrong.pointer, wrong.detail);
    snprintf(problem->pointer, sizeof problem->pointer, "%.150s", path);
    return status;
}

static enum status fill(struct configuration *c, int argument_count, char **arguments, char **rest, int *rest_count,
                        struct problem *problem)
{
    enum status status = settings_create(&c->settings, rows, sizeof rows / sizeof rows[0], c);
    if (status != STATUS_OK)
        return problem_set(problem, status, "no memory for the settings");
    feature_list_allow(c->settings);
    if ((status = read_config_flag(c, argument_count, arguments, problem)) != STATUS_OK)
        return status;
    if ((status = settings_read_environment(c->settings, environ, problem)) != STATUS_OK)
        return status;
    if ((status = read_flags(c, argument_count, arguments, rest, rest_count, problem)) != STATUS_OK)
        return status;
    if ((status = read_zone(c, problem)) != STATUS_OK)
        return status;
    if ((status = feature_list_types(c->settings, &c->types, problem)) != STATUS_OK)
        return status;
    if ((status = read_event_schema(c, problem)) != STATUS_OK)
        return status;
    log_set_level((enum log_level)c->app.log_level);
    return feature_list_layout(c->settings, &c->types, &c->layout, problem);
}

enum status configuration_create(struct configuration **out, int argument_count, char **arguments, char **rest,
                                 int *rest_count, struct problem *problem)
{
    struct configuration *c = calloc(1, sizeof *c);
    if (c == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the settings");
    enum status status = fill(c, argument_count, arguments, rest, rest_count, problem);
    if (status != STATUS_OK) {
        configuration_destroy(c);
        return status;
    }
    *out = c;
    return STATUS_OK;
}

void configuration_destroy(struct configuration *configuration)
{
    if (configuration == NULL)
        return;
    if (configuration->settings != NULL)
        settings_destroy(configuration->settings);
    json_schema_destroy(configuration->event_schema);
    free(configuration);
}

void configuration_engine(const struct configuration *configuration, struct engine_config *config)
{
    *config = (struct engine_config){
        .data_dir = configuration->app.data,
        .options = configuration->engine,
        .log = configuration->log,
        .types = configuration->types,
        .layout = configuration->layout,
    };
}
