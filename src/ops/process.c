#include "ops/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "io/clock.h"
#include "ops/page.h"

/* The revision comes from the build, where it has one. */
#ifndef PENCHANT_REVISION
#define PENCHANT_REVISION "unknown"
#endif

enum row {
#define METRIC(ident, name, kind, text, advice) ROW_##ident,
#include "ops/process_metrics.def"
#undef METRIC
    ROW_COUNT
};

static const struct metric_row ROWS[ROW_COUNT] = {
#define METRIC(ident, name, kind, text, advice) {name, METRIC_##kind, text, advice},
#include "ops/process_metrics.def"
#undef METRIC
};

const struct metric_row *process_rows(uint32_t *count)
{
    *count = ROW_COUNT;
    return ROWS;
}

/* A small file of /proc as text; false when it cannot be read. */
static bool read_small(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(text, 1, size - 1, file);
    text[got] = '\0';
    fclose(file);
    return got > 0;
}

/* What /proc/self/stat says behind the name, which may hold blanks and parentheses (proc(5)). */
struct stat_fields {
    unsigned long long threads, start_ticks, virtual_bytes, resident_pages;
};

static bool read_stat(struct stat_fields *fields)
{
    enum { FIRST = 3, THREADS = 20, START = 22, VIRTUAL = 23, RESIDENT = 24 }; /* numbers of proc(5) */
    char text[1024];
    char *at = read_small("/proc/self/stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!at)
        return false;
    char *rest = NULL;
    int number = FIRST;
    for (char *word = strtok_r(at + 1, " ", &rest); word; word = strtok_r(NULL, " ", &rest), number++) {
        unsigned long long value = strtoull(word, NULL, 10);
        if (number == THREADS)
            fields->threads = value;
        else if (number == START)
            fields->start_ticks = value;
        else if (number == VIRTUAL)
            fields->virtual_bytes = value;
        else if (number == RESIDENT)
            fields->resident_pages = value;
    }
    return number > RESIDENT;
}

/* Seconds since the epoch at which the machine started; 0: not to be had. */
static double boot_time_s(void)
{
    char line[256];
    double seconds = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return 0;
    while (seconds == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "btime ", 6) == 0)
            seconds = strtod(line + 6, NULL);
    fclose(file);
    return seconds;
}

static bool count_fds(double *count)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return false;
    *count = -1; /* the one that reads the directory */
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        *count += entry->d_name[0] != '.';
    closedir(directory);
    return true;
}

uint64_t process_cpu_ns(void)
{
    return clock_process_cpu_ns();
}

uint64_t process_resident_bytes(void)
{
    struct stat_fields fields = {0};
    return read_stat(&fields) ? fields.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void emit_memory(struct metric_sink *sink)
{
    struct stat_fields fields = {0};
    double boot_s = boot_time_s(), ticks = (double)sysconf(_SC_CLK_TCK);
    if (!read_stat(&fields))
        return;
    metric_value(sink, &ROWS[ROW_RESIDENT], NULL, (double)fields.resident_pages * (double)sysconf(_SC_PAGESIZE));
    metric_value(sink, &ROWS[ROW_VIRTUAL], NULL, (double)fields.virtual_bytes);
    metric_value(sink, &ROWS[ROW_THREADS], NULL, (double)fields.threads);
    if (boot_s > 0 && ticks > 0)
        metric_value(sink, &ROWS[ROW_START], NULL, boot_s + (double)fields.start_ticks / ticks);
}

static void emit_messages(struct metric_sink *sink)
{
    static const struct {
        enum log_level level;
        const char *labels;
    } LEVELS[] = {
        {LOG_DEBUG, "level=\"debug\""}, {LOG_INFO, "level=\"info\""}, {LOG_WARNING, "level=\"warning\""}, {LOG_ERROR, "level=\"error\""},
    };
    for (size_t i = 0; i < sizeof LEVELS / sizeof LEVELS[0]; i++)
        metric_value(sink, &ROWS[ROW_MESSAGES], LEVELS[i].labels, (double)log_count(LEVELS[i].level));
}

void process_metrics(struct metric_sink *sink, const char *version)
{
    char labels[256] = "";
    double fds;
    struct rlimit limit;
    metric_value(sink, &ROWS[ROW_CPU], NULL, (double)process_cpu_ns() / 1e9);
    emit_memory(sink);
    if (count_fds(&fds))
        metric_value(sink, &ROWS[ROW_OPEN_FDS], NULL, fds);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_value(sink, &ROWS[ROW_MAX_FDS], NULL, (double)limit.rlim_cur);
    if (page_label(labels, sizeof labels, "version", slice_of(version)) &&
        page_label(labels, sizeof labels, "revision", slice_of(PENCHANT_REVISION)))
        metric_value(sink, &ROWS[ROW_BUILD], labels, 1);
    emit_messages(sink);
}
