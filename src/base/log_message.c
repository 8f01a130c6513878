/* The places seen last are kept in a small table without locks.  Two threads that race for a
 * place may print a line twice, and two places that share an entry both print: a line too many
 * is harmless, a line lost without count is not. */
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/shared.h"

enum { LINE_SIZE = 1000, PLACE_COUNT = 256, LEVEL_COUNT = LOG_ERROR + 1 };

/* what: high half a hash of the place, low half the monotonic second + 1. */
struct place {
    uint64_t what;
    uint64_t repeats;
};

static struct place places[PLACE_COUNT];
static uint32_t level_now = LOG_INFO;
static unsigned long counts[LEVEL_COUNT];

static const char *const level_names[LEVEL_COUNT] = {"debug", "info", "warning", "error"};

void log_message_set_level(enum log_level level)
{
    ASSERT((unsigned)level < LEVEL_COUNT);
    SHARED_STORE(level_now, (uint32_t)level);
}

unsigned long log_message_count(enum log_level level)
{
    ASSERT((unsigned)level < LEVEL_COUNT);
    return SHARED_LOAD(counts[level]);
}

/* False when this place has printed within this second; else *repeats is what was hidden before. */
static bool is_due(enum log_level level, const char *component, const char *message, uint64_t *repeats)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t hash = hash_mix(hash_checksum(message, strlen(message)) + hash_checksum(component, strlen(component)) +
                             (uint64_t)level);
    struct place *place = &places[hash % PLACE_COUNT];
    uint64_t key = hash >> 32 << 32;
    uint64_t what = key | (uint32_t)(now.tv_sec + 1);
    uint64_t before = SHARED_LOAD(place->what);
    *repeats = 0;
    if (before == what) {
        __atomic_add_fetch(&place->repeats, 1, __ATOMIC_RELAXED);
        return false;
    }
    if (__atomic_compare_exchange_n(&place->what, &before, what, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        uint64_t hidden = __atomic_exchange_n(&place->repeats, 0, __ATOMIC_RELAXED);
        if (before >> 32 << 32 == key)
            *repeats = hidden;
    }
    return true;
}

static size_t time_text(char *text, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, size, "ts=%Y-%m-%dT%H:%M:%S", &parts);
    return length + (size_t)snprintf(text + length, size - length, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Bytes that would break the line become '?'; a quote inside msg becomes a single one. */
static void clean(char *from, const char *end, bool is_message)
{
    for (; from < end; from++) {
        if ((unsigned char)*from < ' ' || *from == 0x7f)
            *from = '?';
        else if (is_message && *from == '"')
            *from = '\'';
    }
}

static size_t clamp(int length, size_t room)
{
    return length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

void log_message(enum log_level level, const char *component, const char *message, const char *fields, ...)
{
    ASSERT((unsigned)level < LEVEL_COUNT);
    if ((uint32_t)level < SHARED_LOAD(level_now))
        return;
    __atomic_add_fetch(&counts[level], 1, __ATOMIC_RELAXED);
    uint64_t repeats;
    if (!is_due(level, component, message, &repeats))
        return;
    char line[LINE_SIZE];
    const size_t room = LINE_SIZE - 1; /* the line's end always fits */
    size_t used = time_text(line, room);
    used += clamp(snprintf(line + used, room - used, " level=%s component=%s msg=\"", level_names[level], component),
                  room - used);
    size_t message_at = used;
    used += clamp(snprintf(line + used, room - used, "%.500s", message), room - used);
    clean(line + message_at, line + used, true);
    used += clamp(snprintf(line + used, room - used, "\""), room - used);
    if (repeats > 0)
        used += clamp(snprintf(line + used, room - used, " repeated=%llu", (unsigned long long)repeats), room - used);
    if (fields != NULL && used + 2 < room) {
        line[used++] = ' ';
        size_t fields_at = used;
        va_list arguments;
        va_start(arguments, fields);
        used += clamp(vsnprintf(line + used, room - used, fields, arguments), room - used);
        va_end(arguments);
        clean(line + fields_at, line + used, false);
    }
    line[used++] = '\n';
    /* Where stderr cannot be written, nobody is there to be told. */
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}
