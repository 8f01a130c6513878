#include "app/feature_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SIZE = 256, PLACE_SIZE = 160 };

static const char *const type_keys[] = {"name", "content", "strength", "neighbours", "trends"};
static const char *const feature_keys[] = {"name", "entity", "kind", "types", "per", "field", "window",
                                           "half_lives", "n", "prior", "prior_per", "on"};

void feature_list_allow(struct settings *settings)
{
    settings_allow_list(settings, "event_types", type_keys, sizeof type_keys / sizeof type_keys[0]);
    settings_allow_list(settings, "features", feature_keys, sizeof feature_keys / sizeof feature_keys[0]);
}

static enum status refuse(struct problem *problem, const char *place, const char *what, const char *value, const char *fix)
{
    enum status status = problem_set(problem, STATUS_SETTING, "%s: %s", what, value);
    snprintf(problem->pointer, sizeof problem->pointer, "%s", place);
    snprintf(problem->fix, sizeof problem->fix, "%s", fix);
    return status;
}

static bool is_yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "on") == 0;
}

/* Index of value in "a|b|c"; -1 when it is none. */
static int choice_of(const char *choices, const char *value)
{
    size_t size = strlen(value);
    int index = 0;

    for (const char *at = choices; *at; index++) {
        size_t length = strcspn(at, "|");
        if (length == size && memcmp(at, value, size) == 0)
            return index;
        at += length + (at[length] == '|');
    }
    return -1;
}

static bool duration_of(const char *text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;

    errno = 0;
    double number = strtod(text, &end);
    if (end == text || errno != 0 || number < 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *ms = (uint64_t)(number * (double)units[i].ms);
            return true;
        }
    }
    return false;
}

static enum status read_type(const struct settings *settings, uint32_t index, struct event_types *types,
                             struct problem *problem)
{
    struct event_type row = {0};
    char value[VALUE_SIZE];
    char place[PLACE_SIZE] = "";

    if (!settings_list_get(settings, "event_types", index, "name", value, sizeof value, place) ||
        strlen(value) >= sizeof row.name)
        return refuse(problem, place, "event_types", "an item without a name, or one too long", "name it: - {name: comment, strength: 3}");
    memcpy(row.name, value, strlen(value) + 1); /* fits: looked at above */
    row.name_size = (uint8_t)strlen(value);
    row.has_content = true;
    if (settings_list_get(settings, "event_types", index, "content", value, sizeof value, place))
        row.has_content = is_yes(value);
    if (settings_list_get(settings, "event_types", index, "neighbours", value, sizeof value, place))
        row.is_neighbour = is_yes(value);
    if (settings_list_get(settings, "event_types", index, "trends", value, sizeof value, place))
        row.is_trend = is_yes(value);
    if (settings_list_get(settings, "event_types", index, "strength", value, sizeof value, place))
        row.strength = strtof(value, NULL);
    enum status status = event_types_add(types, &row, problem);
    if (status != STATUS_OK && problem->pointer[0] == 0)
        snprintf(problem->pointer, sizeof problem->pointer, "%s", place);
    return status;
}

enum status feature_list_types(const struct settings *settings, struct event_types *types, struct problem *problem)
{
    event_types_init(types);
    for (uint32_t i = 0; i < settings_list_count(settings, "event_types"); i++) {
        enum status status = read_type(settings, i, types, problem);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* "click,share" -> a bit per type. */
static enum status mask_of(const struct event_types *types, char *names, const char *place, uint32_t *mask,
                           struct problem *problem)
{
    char *rest = names;

    *mask = 0;
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        uint8_t type = event_types_find(types, slice_of(name));
        if (type == EVENT_TYPE_UNKNOWN)
            return refuse(problem, place, "no such event type", name, "declare it under event_types, or correct the name");
        *mask |= 1U << type;
    }
    return STATUS_OK;
}

/* The keys that are words of a fixed set. */
static enum status read_words(const struct settings *settings, uint32_t index, struct feature_declaration *f,
                              struct problem *problem)
{
    char value[VALUE_SIZE];
    int choice;

    if (!settings_list_get(settings, "features", index, "entity", value, sizeof value, f->place) ||
        (choice = choice_of("user|session|content|category|global", value)) < 0)
        return refuse(problem, f->place, f->name, "entity is missing or unknown", "entity: user, session, content, category or global");
    f->entity = (uint8_t)choice;
    if (!settings_list_get(settings, "features", index, "kind", value, sizeof value, f->place) ||
        (choice = choice_of("count|sum|mean|rate|last|recent|categories|session_duration|engagement", value)) < 0)
        return refuse(problem, f->place, f->name, "kind is missing or unknown",
                      "kind: count, sum, mean, rate, last, recent, categories, session_duration or engagement");
    f->kind = (uint8_t)choice;
    if (settings_list_get(settings, "features", index, "field", value, sizeof value, f->place)) {
        if ((choice = choice_of("none|value|dwell_ms|duration_ms|engagement", value)) < 0)
            return refuse(problem, f->place, "no such field", value, "field: value, dwell_ms, duration_ms or engagement");
        f->field = (uint8_t)choice;
    }
    if (settings_list_get(settings, "features", index, "on", value, sizeof value, f->place))
        f->on_session_end = strcmp(value, "session_end") == 0;
    return STATUS_OK;
}

static enum status read_numbers(const struct settings *settings, uint32_t index, struct feature_declaration *f,
                                struct problem *problem)
{
    char value[VALUE_SIZE];

    if (settings_list_get(settings, "features", index, "window", value, sizeof value, f->place) &&
        !duration_of(value, &f->window_ms))
        return refuse(problem, f->place, "not a duration", value, "write it as 10m, 1h or 7d");
    if (settings_list_get(settings, "features", index, "half_lives", value, sizeof value, f->place)) {
        char *rest = value;
        for (uint32_t i = 0; i < 2 && rest != NULL; i++) {
            char *part = strsep(&rest, ",");
            if (!duration_of(part, &f->half_life_ms[i]))
                return refuse(problem, f->place, "not a duration", part, "write half_lives: [1h, 7d]");
        }
    }
    if (settings_list_get(settings, "features", index, "n", value, sizeof value, f->place))
        f->n = (uint32_t)strtoul(value, NULL, 10);
    if (settings_list_get(settings, "features", index, "prior", value, sizeof value, f->place))
        f->prior = strtod(value, NULL);
    if (settings_list_get(settings, "features", index, "prior_per", value, sizeof value, f->place))
        f->prior_per = strtod(value, NULL);
    return STATUS_OK;
}

static enum status read_feature(const struct settings *settings, const struct event_types *types, uint32_t index,
                                struct feature_declaration *f, struct problem *problem)
{
    char value[VALUE_SIZE];
    enum status status;

    *f = (struct feature_declaration){0};
    if (!settings_list_get(settings, "features", index, "name", value, sizeof value, f->place) ||
        strlen(value) >= sizeof f->name)
        return refuse(problem, f->place, "features", "an item without a name, or one too long", "name it");
    memcpy(f->name, value, strlen(value) + 1); /* fits: looked at above */
    if ((status = read_words(settings, index, f, problem)) != STATUS_OK)
        return status;
    if (settings_list_get(settings, "features", index, "types", value, sizeof value, f->place) &&
        (status = mask_of(types, value, f->place, &f->types_mask, problem)) != STATUS_OK)
        return status;
    if (settings_list_get(settings, "features", index, "per", value, sizeof value, f->place) &&
        (status = mask_of(types, value, f->place, &f->per_mask, problem)) != STATUS_OK)
        return status;
    return read_numbers(settings, index, f, problem);
}

/* Puts a declared feature over the shipped one of its name, or behind the others. */
static bool put(struct feature_declaration *all, uint32_t *count, uint32_t shipped, const struct feature_declaration *f)
{
    for (uint32_t i = 0; i < shipped; i++) {
        if (all[i].entity == f->entity && strcmp(all[i].name, f->name) == 0) {
            all[i] = *f;
            return true;
        }
    }
    if (*count == FEATURE_MAX)
        return false;
    all[(*count)++] = *f;
    return true;
}

enum status feature_list_layout(const struct settings *settings, const struct event_types *types, struct layout *layout,
                                struct problem *problem)
{
    struct feature_declaration all[FEATURE_MAX];
    uint32_t shipped = layout_defaults(all, FEATURE_MAX);
    uint32_t count = shipped;

    for (uint32_t i = 0; i < settings_list_count(settings, "features"); i++) {
        struct feature_declaration f;
        enum status status = read_feature(settings, types, i, &f, problem);
        if (status != STATUS_OK)
            return status;
        if (!put(all, &count, shipped, &f))
            return refuse(problem, f.place, f.name, "too many features", "at most 64 with the shipped ones");
    }
    return layout_compile(layout, all, count, types, problem);
}
