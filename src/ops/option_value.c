#include "ops/option_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/slice.h"

struct unit {
    const char *name;
    double factor;
};

/* Largest first: what is rendered takes the first that divides. The last is that of plain numbers. */
static const struct unit DURATION_UNITS[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit BYTES_UNITS[] = {
    {"TiB", 1099511627776.0}, {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024}, {"", 1},
};
enum { UNIT_COUNT = 5 };

/* Whole numbers are exact up to here. */
#define NUMBER_MAX 9007199254740992.0

static void *field(const struct option_row *row, void *values)
{
    return (char *)values + row->offset;
}

static double load_number(const struct option_row *row, const void *values)
{
    const void *at = (const char *)values + row->offset;
    switch (row->kind) {
    case OPTION_COUNT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return (double)*(const uint64_t *)at;
    case OPTION_RATIO:
        return *(const double *)at;
    case OPTION_FLAG:
        return *(const bool *)at;
    case OPTION_CHOICE:
        return *(const unsigned *)at;
    case OPTION_TEXT:
        break;
    }
    UNREACHABLE("a text is no number");
}

static void store_number(const struct option_row *row, void *values, double number)
{
    void *at = field(row, values);
    switch (row->kind) {
    case OPTION_COUNT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        *(uint64_t *)at = (uint64_t)number;
        return;
    case OPTION_RATIO:
        *(double *)at = number;
        return;
    case OPTION_FLAG:
        *(bool *)at = number != 0;
        return;
    case OPTION_CHOICE:
        *(unsigned *)at = (unsigned)number;
        return;
    case OPTION_TEXT:
        break;
    }
    UNREACHABLE("a text is no number");
}

/* The index-th name of "a|b|c"; absent beyond the last. */
static struct slice choice_name(const char *choices, unsigned index)
{
    for (; index > 0; index--) {
        choices = strchr(choices, '|');
        if (!choices)
            return (struct slice){NULL, 0};
        choices++;
    }
    return slice_make(choices, strcspn(choices, "|"));
}

/* ---- to text ---- */

void option_value_number(const struct option_row *row, double number, char *text, size_t size)
{
    if (row->kind == OPTION_FLAG) {
        snprintf(text, size, "%s", number != 0 ? "true" : "false");
    } else if (row->kind == OPTION_CHOICE) {
        struct slice name = choice_name(row->choices, (unsigned)number);
        snprintf(text, size, "%.*s", SLICE_ARG(name));
    } else if (row->kind == OPTION_DURATION || row->kind == OPTION_BYTES) {
        const struct unit *unit = row->kind == OPTION_DURATION ? DURATION_UNITS : BYTES_UNITS;
        const struct unit *last = unit + UNIT_COUNT - 1;
        while (unit < last && (number < unit->factor || fmod(number, unit->factor) != 0))
            unit++;
        snprintf(text, size, "%.0f%s", number / unit->factor, unit->name);
    } else {
        snprintf(text, size, "%.15g", number);
    }
}

void option_value_render(const struct option_row *row, const void *values, char *text, size_t size)
{
    if (row->kind == OPTION_TEXT)
        snprintf(text, size, "%s", (const char *)values + row->offset);
    else
        option_value_number(row, load_number(row, values), text, size);
}

void option_value_set_default(const struct option_row *row, void *values)
{
    if (row->kind != OPTION_TEXT) {
        store_number(row, values, row->default_number);
        return;
    }
    size_t size = strlen(row->default_text);
    ASSERT(size < OPTION_TEXT_SIZE);
    memcpy(field(row, values), row->default_text, size + 1);
}

bool option_value_is_default(const struct option_row *row, const void *values)
{
    if (row->kind == OPTION_TEXT)
        return strcmp((const char *)values + row->offset, row->default_text) == 0;
    return load_number(row, values) == row->default_number;
}

/* ---- from text ---- */

/* Digits with at most one point between, without sign, exponent or the locale's ideas. Returns what
 * follows the number; NULL when there is none. */
static const char *read_decimal(const char *text, double *number)
{
    double scale = 1;
    const char *at = text;
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (*at - '0');
    if (at == text)
        return NULL;
    if (*at == '.') {
        const char *fraction = ++at;
        for (; *at >= '0' && *at <= '9'; at++) {
            *number = *number * 10 + (*at - '0');
            scale *= 10;
        }
        if (at == fraction)
            return NULL;
    }
    *number /= scale;
    return at;
}

static bool parse_unit(const struct unit *units, const char *name, double *number)
{
    if (*name == '\0')
        return true;
    for (unsigned i = 0; i < UNIT_COUNT; i++)
        if (strcmp(units[i].name, name) == 0) {
            *number *= units[i].factor;
            return true;
        }
    return false;
}

static bool parse_number(const struct option_row *row, const char *text, double *number, char *reason)
{
    const char *rest = read_decimal(text, number);
    bool is_good = rest != NULL && *number <= NUMBER_MAX;
    const char *form = "a number such as 0.7";
    if (row->kind == OPTION_DURATION) {
        form = "a duration such as 500ms, 10s, 5m, 1h or 7d";
        is_good = is_good && parse_unit(DURATION_UNITS, rest, number);
    } else if (row->kind == OPTION_BYTES) {
        form = "a size such as 65536, 64KiB, 128MiB or 4GiB";
        is_good = is_good && parse_unit(BYTES_UNITS, rest, number);
    } else {
        is_good = is_good && *rest == '\0';
    }
    if (row->kind == OPTION_COUNT)
        form = "a whole number";
    if (row->kind != OPTION_RATIO)
        is_good = is_good && *number == floor(*number);
    if (!is_good)
        snprintf(reason, OPTION_VALUE_REASON_SIZE, "\"%.80s\" is not %s", text, form);
    return is_good;
}

static bool check_range(const struct option_row *row, double number, const char *text, char *reason)
{
    char bound[64];
    bool is_under = number < row->min;
    if (!is_under && number <= row->max)
        return true;
    option_value_number(row, is_under ? row->min : row->max, bound, sizeof bound);
    snprintf(reason, OPTION_VALUE_REASON_SIZE, "%.80s is %s, %s", text, is_under ? "under the least" : "over the most", bound);
    return false;
}

static bool parse_choice(const struct option_row *row, const char *text, void *values, char *reason)
{
    struct slice name;
    for (unsigned i = 0; (name = choice_name(row->choices, i)).data != NULL; i++)
        if (slice_is(name, text)) {
            store_number(row, values, i);
            return true;
        }
    snprintf(reason, OPTION_VALUE_REASON_SIZE, "\"%.80s\" is none of %.120s", text, row->choices);
    return false;
}

static bool parse_flag(const struct option_row *row, const char *text, void *values, char *reason)
{
    static const char *const WORDS[] = {"false", "true", "no", "yes", "off", "on"};
    for (unsigned i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcmp(WORDS[i], text) == 0) {
            store_number(row, values, i % 2);
            return true;
        }
    snprintf(reason, OPTION_VALUE_REASON_SIZE, "\"%.80s\" is neither true nor false", text);
    return false;
}

static bool parse_text(const struct option_row *row, const char *text, void *values, char *reason)
{
    size_t size = strlen(text);
    if (size >= OPTION_TEXT_SIZE) {
        snprintf(reason, OPTION_VALUE_REASON_SIZE, "\"%.40s...\" is longer than %d bytes", text, OPTION_TEXT_SIZE - 1);
        return false;
    }
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ') {
            snprintf(reason, OPTION_VALUE_REASON_SIZE, "holds a control character");
            return false;
        }
    memcpy(field(row, values), text, size + 1);
    return true;
}

bool option_value_parse(const struct option_row *row, const char *text, void *values, char *reason)
{
    double number;
    if (row->kind == OPTION_TEXT)
        return parse_text(row, text, values, reason);
    if (row->kind == OPTION_CHOICE)
        return parse_choice(row, text, values, reason);
    if (row->kind == OPTION_FLAG)
        return parse_flag(row, text, values, reason);
    if (!parse_number(row, text, &number, reason) || !check_range(row, number, text, reason))
        return false;
    store_number(row, values, number);
    return true;
}
