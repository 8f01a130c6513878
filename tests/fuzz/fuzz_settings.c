/* Goal: a settings file is read whole or refused with its place, and every value that it sets can be
 * written down and read again.
 * Method: the input is the YAML file, read against the tables of the rooms; each value as
 * settings_render gives it is set in second settings and must render the same. */
#include "fuzz.h"

#include "base/option.h"
#include "ops/settings.h"

struct owner {
    struct {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "io/http_options.def"
    } http;
    struct {
#include "eventlog/log_options.def"
    } log;
    struct {
#include "engine/engine_options.def"
    } engine;
    struct {
#include "decide/decide_options.def"
#undef OPTION
    } decide;
};

static const struct option_row ROWS[] = {
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, http, __VA_ARGS__)
#include "io/http_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, log, __VA_ARGS__)
#include "eventlog/log_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, engine, __VA_ARGS__)
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, decide, __VA_ARGS__)
#include "decide/decide_options.def"
#undef OPTION
};
enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0] };

static const char *const TYPE_KEYS[] = {"name", "strength", "trends"};

static struct settings *create(struct owner *values)
{
    struct settings *settings;

    FUZZ_CHECK(settings_create(&settings, ROWS, ROW_COUNT, values) == STATUS_OK);
    settings_allow_list(settings, "event_types", TYPE_KEYS, 3);
    return settings;
}

static void check_rendered(const struct settings *settings, const struct settings *untouched)
{
    static struct owner values;
    char text[512], again[512];
    struct settings *second = create(&values);

    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(settings_origin(settings, ROWS[i].name), settings_origin(untouched, ROWS[i].name)) == 0)
            continue;
        settings_render(settings, ROWS[i].name, text, sizeof text);
        FUZZ_CHECK(settings_set(second, ROWS[i].name, text, "again", NULL) == STATUS_OK);
        settings_render(second, ROWS[i].name, again, sizeof again);
        FUZZ_CHECK(strcmp(text, again) == 0);
    }
    settings_destroy(second);
}

static void read_lists(const struct settings *settings)
{
    char value[256], place[160];

    for (uint32_t i = 0; i < settings_list_count(settings, "event_types"); i++)
        for (uint32_t k = 0; k < 3; k++)
            if (settings_list_get(settings, "event_types", i, TYPE_KEYS[k], value, sizeof value, place))
                FUZZ_CHECK(strlen(value) < sizeof value && place[0] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner values, defaults;
    static struct settings *untouched;
    char path[FUZZ_PATH_SIZE + 16];
    struct problem problem = {0};

    fuzz_quiet();
    if (untouched == NULL)
        untouched = create(&defaults);
    snprintf(path, sizeof path, "%s/x.yaml", fuzz_directory());
    fuzz_store(path, data, size);
    struct settings *settings = create(&values);
    enum status status = settings_read_file(settings, path, &problem);
    if (status == STATUS_OK) {
        check_rendered(settings, untouched);
        read_lists(settings);
    } else {
        FUZZ_CHECK(status == STATUS_SETTING && problem.detail[0] != 0);
    }
    settings_destroy(settings);
    return 0;
}
