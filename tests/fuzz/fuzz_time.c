/* Goal: a date-time is the instant that it names, and nothing else is taken for one.
 * Method: what is taken is computed a second time with sscanf and timegm of the C library; the
 * instant, written by json_time, is read back to the same millisecond. */
#include "fuzz.h"

#include <time.h>

#include "schema/event.h"
#include "wire/json_writer.h"

/* By the C library; false: not a date-time. */
static bool parse_again(const char *text, int64_t *time_ms)
{
    struct tm tm = {0};
    int year, month, day, hour, minute, second, used = 0;
    char mark;

    if (strspn(text, "0123456789-:.+TtZz ") != strlen(text))
        return false;
    if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &year, &month, &day, &mark, &hour, &minute, &second, &used) != 7 || used != 19)
        return false;
    tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    struct tm whole = tm;
    int64_t seconds = timegm(&whole);
    if (whole.tm_mday != day || whole.tm_mon != month - 1 || hour > 23 || minute > 59 || second > 60)
        return false;
    double fraction = 0;
    int offset_hours = 0, offset_minutes = 0;
    const char *rest = text + used;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        char cut[6] = "0.";
        snprintf(cut + 1, sizeof cut - 1, "%.*s", (int)(digits < 3 ? digits : 3) + 1, rest);
        fraction = strtod(cut, NULL);
        rest += 1 + digits;
    }
    if (*rest == '+' || *rest == '-') {
        if (sscanf(rest + 1, "%2d:%2d", &offset_hours, &offset_minutes) != 2)
            return false;
        if (*rest == '-') {
            offset_hours = -offset_hours;
            offset_minutes = -offset_minutes;
        }
    }
    *time_ms = (seconds + second - offset_hours * 3600 - offset_minutes * 60) * 1000 + (int64_t)(fraction * 1000 + 0.5);
    return true;
}

static void check_written(int64_t time_ms)
{
    struct json_writer out;
    int64_t again_ms;
    int32_t offset;

    json_writer_init(&out, 256);
    json_time(&out, time_ms);
    FUZZ_CHECK(out.size > 2);
    if (out.data[0] == '"') {
        FUZZ_CHECK(event_time_parse(slice_make(out.data + 1, out.size - 2), &again_ms, &offset));
        FUZZ_CHECK(again_ms == time_ms && offset == 0);
    }
    json_writer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time_ms, again_ms;
    int32_t offset_minutes;
    char text[64];

    if (!event_time_parse(slice_make((const char *)data, size), &time_ms, &offset_minutes))
        return 0;
    FUZZ_CHECK(size < sizeof text && offset_minutes > -1440 && offset_minutes < 1440);
    memcpy(text, data, size);
    text[size] = 0;
    FUZZ_CHECK(parse_again(text, &again_ms) && again_ms == time_ms);
    check_written(time_ms);
    return 0;
}
