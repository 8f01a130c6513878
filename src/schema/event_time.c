#include "schema/event.h"

static const int64_t MINUTE_MS = 60000;
static const int64_t DAY_MS = 86400000;

/* The number that width digits at c stand for, -1 when one is no digit. */
static int32_t digits(const char *c, int width)
{
    int32_t value = 0;
    for (int i = 0; i < width; i++) {
        unsigned digit = (unsigned char)c[i] - (unsigned)'0';
        if (digit > 9)
            return -1;
        value = value * 10 + (int32_t)digit;
    }
    return value;
}

/* Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static int64_t days_of(int32_t year, int32_t month, int32_t day)
{
    int32_t y = year - (month <= 2) + 400; /* an era more, so that divisions round down in year 0 */
    int32_t era = y / 400, of_era = y % 400;
    int32_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return (int64_t)(era - 1) * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

static int32_t days_in(int32_t year, int32_t month)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && is_leap);
}

/* Fraction of a second in ms, cut, not rounded; returns the byte behind it, NULL without digits. */
static const char *read_fraction(const char *c, const char *end, int64_t *ms)
{
    const char *first = ++c;
    int64_t weight = 100;
    for (; c < end && *c >= '0' && *c <= '9'; c++, weight /= 10)
        *ms += (*c - '0') * weight;
    return c > first ? c : NULL;
}

bool event_time_parse(struct slice text, int64_t *time_ms, int32_t *offset_minutes)
{
    /* YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM) */
    enum { LENGTH_MIN = 20, FRACTION_AT = 19, LENGTH_MAX = 40 };
    const char *c = text.data;
    if (text.size < LENGTH_MIN || text.size > LENGTH_MAX)
        return false;
    const char *end = c + text.size;
    int32_t year = digits(c, 4), month = digits(c + 5, 2), day = digits(c + 8, 2);
    int32_t hour = digits(c + 11, 2), minute = digits(c + 14, 2), second = digits(c + 17, 2);
    bool is_marked = c[4] == '-' && c[7] == '-' && (c[10] == 'T' || c[10] == 't' || c[10] == ' ') && c[13] == ':' &&
                     c[16] == ':';
    if (!is_marked || year < 0 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    /* 60 is a leap second; it becomes the first of the next minute, as POSIX time has it. */
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    int64_t ms = 0;
    c += FRACTION_AT;
    if (*c == '.' && (c = read_fraction(c, end, &ms)) == NULL)
        return false;
    int32_t offset = 0;
    if (end - c == 6 && (*c == '+' || *c == '-') && c[3] == ':') {
        int32_t hours = digits(c + 1, 2), minutes = digits(c + 4, 2);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return false;
        offset = (hours * 60 + minutes) * (*c == '-' ? -1 : 1);
    } else if (end - c != 1 || (*c != 'Z' && *c != 'z')) {
        return false;
    }
    int64_t in_day = ((hour * 60 + minute) * 60 + second) * (int64_t)1000 + ms;
    *time_ms = days_of(year, month, day) * DAY_MS + in_day - offset * MINUTE_MS;
    *offset_minutes = offset;
    return true;
}

const char *event_time_read(const struct json_value *value, int64_t *time_ms, bool *has_offset, int32_t *offset_minutes)
{
    /* 10^11 ms is March 1973; 10^11 s is the year 5138. */
    const double number_min = 1e11, number_max = 9e15;
    *time_ms = EVENT_TIME_ABSENT;
    *has_offset = false;
    if (value->kind == JSON_NULL)
        return NULL;
    if (value->kind == JSON_STRING) {
        *has_offset = event_time_parse(value->text, time_ms, offset_minutes);
        return *has_offset ? NULL : "is not an RFC 3339 date-time";
    }
    if (value->kind != JSON_INTEGER && value->kind != JSON_NUMBER)
        return "is neither a date-time nor a number";
    if (value->number < number_min)
        return "looks like seconds";
    if (value->number > number_max)
        return "is too large for milliseconds";
    *time_ms = value->kind == JSON_INTEGER ? value->integer : (int64_t)value->number;
    return NULL;
}
