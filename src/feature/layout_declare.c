#include "feature/layout.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What can be set, by name. */
static const char *const KEYS[] = {
    "name", "entity", "kind", "types", "per", "field", "on", "window", "half_life", "n", "prior", "prior_per",
};
enum key { KEY_NAME, KEY_ENTITY, KEY_KIND, KEY_TYPES, KEY_PER, KEY_FIELD, KEY_ON, KEY_WINDOW, KEY_HALF_LIFE, KEY_N, KEY_PRIOR, KEY_PRIOR_PER, KEY_COUNT };
static_assert(sizeof KEYS / sizeof KEYS[0] == KEY_COUNT, "one name a key");

static const char *const FIELD_NAMES[] = {"none", "value", "dwell_ms", "duration_ms", "engagement"};
enum { FIELD_COUNT = sizeof FIELD_NAMES / sizeof FIELD_NAMES[0] };

const char *const *layout_declare_keys(uint32_t *count)
{
    *count = KEY_COUNT;
    return KEYS;
}

void layout_declare_init(struct feature_declaration *declaration, const char *place)
{
    memset(declaration, 0, sizeof *declaration);
    snprintf(declaration->place, sizeof declaration->place, "%s", place);
}

__attribute__((format(printf, 4, 5)))
static enum status refuse(struct problem *problem, const struct feature_declaration *d, const char *key, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    problem_set(problem, STATUS_SETTING, "%.150s: features, key %s: %s", d->place, key, reason);
    if (problem)
        snprintf(problem->pointer, sizeof problem->pointer, "%.159s", d->place);
    return STATUS_SETTING;
}

/* The next item of a comma-separated list, without blanks around it; false at the end. */
static bool next_item(const char **list, struct slice *item)
{
    const char *at = *list + strspn(*list, " ,");
    if (*at == '\0')
        return false;
    size_t size = strcspn(at, ",");
    *list = at + size;
    while (size > 0 && at[size - 1] == ' ')
        size--;
    *item = slice_make(at, size);
    return true;
}

static bool read_types(const struct event_types *types, const char *list, uint32_t *mask, struct slice *unknown)
{
    *mask = 0;
    while (next_item(&list, unknown)) {
        if (slice_is(*unknown, "all")) {
            *mask = FEATURE_TYPES_ALL;
            continue;
        }
        uint8_t type = event_types_find(types, *unknown);
        if (type == EVENT_TYPE_UNKNOWN)
            return false;
        *mask |= 1U << type;
    }
    *unknown = slice_of("(empty)");
    return *mask != 0;
}

/* "10m", "1h", "7d"; at least 1 ms. */
static bool read_duration(struct slice text, uint64_t *duration_ms)
{
    static const struct { const char *name; uint64_t ms; } UNITS[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
    };
    uint64_t number = 0;
    uint32_t at = 0;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && at < 12; at++)
        number = number * 10 + (uint64_t)(text.data[at] - '0');
    if (at == 0 || number == 0)
        return false;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (slice_is(slice_make(text.data + at, text.size - at), UNITS[i].name)) {
            *duration_ms = number * UNITS[i].ms;
            return true;
        }
    return false;
}

static bool read_durations(const char *list, uint64_t *durations_ms, uint32_t count)
{
    struct slice item;
    uint32_t i = 0;
    while (next_item(&list, &item)) {
        if (i == count || !read_duration(item, &durations_ms[i]))
            return false;
        i++;
    }
    return i == count;
}

static bool read_number(const char *text, double *number)
{
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && isfinite(*number);
}

static enum status declare_words(struct feature_declaration *d, enum key key, const char *value, struct problem *problem)
{
    unsigned found = 0;
    switch (key) {
    case KEY_NAME:
        if (strlen(value) >= sizeof d->name)
            return refuse(problem, d, "name", "\"%.60s\" is longer than %d", value, FEATURE_NAME_MAX - 1);
        memcpy(d->name, value, strlen(value) + 1);
        return STATUS_OK;
    case KEY_ENTITY:
        d->entity = (uint8_t)layout_entity_find(slice_of(value));
        if (d->entity == FEATURE_ENTITY_COUNT)
            return refuse(problem, d, "entity", "\"%.60s\" is none of user, session, content, category, global", value);
        return STATUS_OK;
    case KEY_KIND:
        while (found < FEATURE_KIND_COUNT && strcmp(value, layout_kind_name((uint8_t)found)) != 0)
            found++;
        d->kind = (uint8_t)found;
        if (found == FEATURE_KIND_COUNT)
            return refuse(problem, d, "kind", "unknown kind \"%.60s\"; there are count, sum, mean, rate, last, recent, categories, "
                          "session_duration and engagement", value);
        return STATUS_OK;
    case KEY_FIELD:
        while (found < FIELD_COUNT && strcmp(value, FIELD_NAMES[found]) != 0)
            found++;
        d->field = (uint8_t)found;
        if (found == FIELD_COUNT)
            return refuse(problem, d, "field", "\"%.60s\" is none of value, dwell_ms, duration_ms, engagement", value);
        return STATUS_OK;
    case KEY_ON:
        d->on_session_end = strcmp(value, "session_end") == 0;
        if (!d->on_session_end && strcmp(value, "event") != 0)
            return refuse(problem, d, "on", "\"%.60s\" is neither event nor session_end", value);
        return STATUS_OK;
    default:
        UNREACHABLE("a key of numbers");
    }
}

static enum status declare_numbers(struct feature_declaration *d, enum key key, const char *value, struct problem *problem)
{
    double number = 0;
    bool is_window = key == KEY_WINDOW, is_half_life = key == KEY_HALF_LIFE;
    if (is_window && !read_durations(value, &d->window_ms, 1))
        return refuse(problem, d, "window", "\"%.60s\" is not a duration such as 10m, 1h, 7d; leave it out for a total", value);
    if (is_half_life && !read_durations(value, d->half_life_ms, 2))
        return refuse(problem, d, "half_life", "\"%.60s\" is not two durations such as [1h, 7d]", value);
    if (is_window || is_half_life)
        return STATUS_OK;
    if (!read_number(value, &number))
        return refuse(problem, d, KEYS[key], "\"%.60s\" is not a number", value);
    if (key == KEY_PRIOR)
        d->prior = number;
    else if (key == KEY_PRIOR_PER)
        d->prior_per = number;
    else if (number >= 1 && number <= FEATURE_RECENT_MAX && number == floor(number))
        d->n = (uint32_t)number;
    else
        return refuse(problem, d, "n", "\"%.60s\" is not a whole number from 1 to %d", value, FEATURE_RECENT_MAX);
    return STATUS_OK;
}

enum status layout_declare(struct feature_declaration *declaration, const struct event_types *types, const char *key,
                           const char *value, struct problem *problem)
{
    unsigned found = 0;
    struct slice unknown;
    while (found < KEY_COUNT && strcmp(key, KEYS[found]) != 0)
        found++;
    switch (found) {
    case KEY_NAME:
    case KEY_ENTITY:
    case KEY_KIND:
    case KEY_FIELD:
    case KEY_ON:
        return declare_words(declaration, (enum key)found, value, problem);
    case KEY_TYPES:
    case KEY_PER:
        if (!read_types(types, value, found == KEY_TYPES ? &declaration->types_mask : &declaration->per_mask, &unknown))
            return refuse(problem, declaration, key, "\"%.*s\" is no event type", SLICE_ARG(unknown));
        return STATUS_OK;
    case KEY_COUNT:
        return refuse(problem, declaration, key, "unknown key");
    default:
        return declare_numbers(declaration, (enum key)found, value, problem);
    }
}
