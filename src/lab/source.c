#include "lab/source.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/source_sort.h"
#include "wire/csv.h"
#include "wire/json.h"

extern char **environ;

enum field { FIELD_USER, FIELD_ANONYMOUS, FIELD_CONTENT, FIELD_TIME, FIELD_TYPE, FIELD_CATEGORY, FIELD_VALUE,
             FIELD_DWELL, FIELD_COUNTRY, FIELD_DEVICE, FIELD_ID, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {"user", "anonymous", "content", "time", "type", "category",
                                                     "value", "dwell", "country", "device", "id"};

enum { LINE_MAX_BYTES = 1 << 20, ENCODED_MAX = 128 << 10, PROGRESS_ROWS = 200000 };

struct source {
    struct source_options options;
    const struct event_types *types;
    FILE *file;
    pid_t child;                 /* decompressor, 0: none */
    uint64_t bytes_total;        /* 0: unknown */
    uint64_t bytes_read;
    struct csv_reader *csv;      /* NULL: NDJSON */
    struct json_parser *json;
    char *line;
    int columns[FIELD_COUNT];    /* index in the header, -1: none */
    struct source_sort *sort;    /* NULL: trusted order */
    struct source_counts counts;
    char encoded[ENCODED_MAX];
};

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);

    return a >= b && strcmp(text + a - b, end) == 0;
}

static enum status open_pipe(struct source *s, const char *program, struct problem *problem)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    char *arguments[] = {(char *)program, "-dc", "--", (char *)s->options.path, NULL};

    if (pipe2(ends, O_CLOEXEC) != 0)
        return problem_set(problem, STATUS_IO, "a pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    int failed = posix_spawnp(&s->child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        s->child = 0;
        return problem_set(problem, STATUS_IO, "%s could not be started: %s (install %s)", program, strerror(failed), program);
    }
    s->file = fdopen(ends[0], "r");
    return s->file ? STATUS_OK : problem_set(problem, STATUS_IO, "%s", strerror(errno));
}

static enum status open_file(struct source *s, struct problem *problem)
{
    struct stat facts;

    if (stat(s->options.path, &facts) != 0)
        return problem_set(problem, STATUS_BAD_REQUEST, "%s: %s", s->options.path, strerror(errno));
    if (ends_with(s->options.path, ".gz"))
        return open_pipe(s, "gzip", problem);
    if (ends_with(s->options.path, ".bz2"))
        return open_pipe(s, "bzip2", problem);
    s->bytes_total = (uint64_t)facts.st_size;
    s->file = fopen(s->options.path, "re");
    return s->file ? STATUS_OK : problem_set(problem, STATUS_BAD_REQUEST, "%s: %s", s->options.path, strerror(errno));
}

static int64_t read_counted(void *state, char *buffer, size_t size)
{
    struct source *s = state;
    size_t got = fread(buffer, 1, size, s->file);

    if (got == 0 && ferror(s->file))
        return -1;
    s->bytes_read += got;
    return (int64_t)got;
}

/* "user=SessionId,content=ItemId,time=Time" against the header. */
static enum status map_columns(struct source *s, struct problem *problem)
{
    char *copy = strdup(s->options.columns);
    char *rest = copy;
    enum status status = copy ? STATUS_OK : STATUS_MEMORY;

    for (char *part; status == STATUS_OK && (part = strsep(&rest, ",")) != NULL;) {
        char *name = strchr(part, '=');
        if (name != NULL)
            *name++ = 0;
        int field = 0;
        while (field < FIELD_COUNT && strcmp(field_names[field], part) != 0)
            field++;
        if (field == FIELD_COUNT || name == NULL) {
            status = problem_set(problem, STATUS_BAD_REQUEST, "--columns: %s is not FIELD=COLUMN with a FIELD of user, anonymous, "
                                 "content, time, type, category, value, dwell, country, device, id", part);
        } else if ((s->columns[field] = csv_column_find(s->csv, name)) < 0) {
            status = problem_set(problem, STATUS_BAD_REQUEST, "%s has no column %s", s->options.path, name);
            int used = snprintf(problem->fix, sizeof problem->fix, "its columns are");
            for (uint32_t i = 0; i < csv_column_count(s->csv) && used < (int)sizeof problem->fix; i++)
                used += snprintf(problem->fix + used, sizeof problem->fix - (size_t)used, " %.*s", SLICE_ARG(csv_column_name(s->csv, i)));
        }
    }
    free(copy);
    if (status == STATUS_OK && (s->columns[FIELD_TIME] < 0 || (s->columns[FIELD_USER] < 0 && s->columns[FIELD_ANONYMOUS] < 0)))
        status = problem_set(problem, STATUS_BAD_REQUEST, "--columns must name user (or anonymous) and time");
    return status;
}

static enum status open_rows(struct source *s, struct problem *problem)
{
    if (s->options.columns == NULL) {
        s->line = malloc(LINE_MAX_BYTES);
        if (s->line == NULL)
            return problem_set(problem, STATUS_MEMORY, "no memory for a line");
        return json_parser_create(&s->json, LINE_MAX_BYTES);
    }
    struct csv_options options = {.has_header = true};
    enum status status = csv_open(&s->csv, &options, read_counted, s, problem);
    return status == STATUS_OK ? map_columns(s, problem) : status;
}

/* Numeric times by their size: a second of today has 10 digits. */
static int64_t time_of_number(double number, const char **unit)
{
    static const struct {
        double below;
        const char *unit;
        double to_ms;
    } units[] = {{1e11, "s", 1e3}, {1e14, "ms", 1}, {1e17, "us", 1e-3}, {1e20, "ns", 1e-6}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (number < units[i].below) {
            *unit = units[i].unit;
            return (int64_t)llround(number * units[i].to_ms);
        }
    }
    return EVENT_TIME_ABSENT;
}

static int64_t time_of(struct source *s, struct slice text)
{
    char copy[64];
    char *end = NULL;
    int64_t time_ms = 0;
    int32_t offset = 0;

    if (text.size == 0 || text.size >= sizeof copy)
        return EVENT_TIME_ABSENT;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    double number = strtod(copy, &end);
    if (*end == 0 && number >= 0)
        return time_of_number(number, &s->counts.unit);
    if (text.size > 10 && copy[10] == ' ')
        copy[10] = 'T';
    if (event_time_parse(slice_make(copy, text.size), &time_ms, &offset))
        return time_ms;
    /* Less than a whole date-time is taken as UTC: a date, minutes, seconds without a zone. */
    const char *rest = text.size == 10 ? "T00:00:00Z" : text.size == 16 ? ":00Z" : "Z";
    size_t size = text.size + strlen(rest);
    if (size < sizeof copy) {
        memcpy(copy + text.size, rest, strlen(rest));
        if (event_time_parse(slice_make(copy, size), &time_ms, &offset))
            return time_ms;
    }
    return EVENT_TIME_ABSENT;
}

static const char *fill_event(struct source *s, const struct slice *fields, struct event *event)
{
    struct slice values[FIELD_COUNT] = {{0}};

    for (int i = 0; i < FIELD_COUNT; i++)
        if (s->columns[i] >= 0)
            values[i] = fields[s->columns[i]];
    *event = (struct event){.timestamp_ms = time_of(s, values[FIELD_TIME]), .dwell_ms = -1, .value = NAN, .position = -1,
                            .hour_of_day = 255, .day_of_week = 255, .user_id = values[FIELD_USER],
                            .anonymous_id = values[FIELD_ANONYMOUS], .content_id = values[FIELD_CONTENT], .event_id = values[FIELD_ID]};
    if (event->timestamp_ms == EVENT_TIME_ABSENT)
        return "time is neither a number nor a date-time";
    struct slice owner = event_owner(event);
    if (owner.size == 0 || owner.size > EVENT_USER_MAX)
        return "user is empty or longer than 128 bytes";
    event->type = event_types_find(s->types, values[FIELD_TYPE].size ? values[FIELD_TYPE] : slice_of(s->options.type));
    if (event->type == EVENT_TYPE_UNKNOWN)
        return "unknown event type";
    if (s->types->rows[event->type].has_content && (event->content_id.size == 0 || event->content_id.size > EVENT_CONTENT_MAX))
        return "content is empty or longer than 128 bytes";
    if (event->content_id.size > EVENT_CONTENT_MAX || event->anonymous_id.size > EVENT_USER_MAX)
        return "content or anonymous is longer than 128 bytes";
    if (event->event_id.size > EVENT_ID_MAX)
        return "id is longer than 64 bytes";
    if (values[FIELD_CATEGORY].size > 0 && values[FIELD_CATEGORY].size <= EVENT_CATEGORY_SIZE_MAX)
        event->categories[event->category_count++] = values[FIELD_CATEGORY];
    if (values[FIELD_COUNTRY].size == 2)
        event->country = values[FIELD_COUNTRY];
    uint8_t device = event_device_find(values[FIELD_DEVICE]);
    event->device = device < DEVICE_COUNT ? device : DEVICE_NONE;
    char number[32] = "";
    if (values[FIELD_VALUE].size > 0 && values[FIELD_VALUE].size < sizeof number) {
        memcpy(number, values[FIELD_VALUE].data, values[FIELD_VALUE].size);
        event->value = strtod(number, NULL);
    }
    return NULL;
}

static void reject(struct source *s, uint64_t line, const char *reason)
{
    if (s->counts.rejected++ == 0)
        snprintf(s->counts.first_error, sizeof s->counts.first_error, "%.160s:%lu: %.80s", s->options.path, (unsigned long)line, reason);
}

/* The next row that is an event; false at the end. */
static enum status next_csv(struct source *s, struct event *event, bool *is_end, struct problem *problem)
{
    for (;;) {
        const struct slice *fields = NULL;
        uint32_t count = 0;
        enum status status = csv_next(s->csv, &fields, &count, problem);
        if (status == STATUS_BAD_REQUEST) {
            s->counts.rows++;
            reject(s, csv_line(s->csv), problem ? problem->detail : "unreadable row");
            continue;
        }
        if (status != STATUS_OK || fields == NULL) {
            *is_end = true;
            return status;
        }
        s->counts.rows++;
        const char *wrong = fill_event(s, fields, event);
        if (wrong == NULL)
            return STATUS_OK;
        reject(s, csv_line(s->csv), wrong);
    }
}

static enum status next_json(struct source *s, struct event *event, bool *is_end, struct problem *problem)
{
    struct event_rules rules = {.types = s->types, .now_ms = INT64_MAX / 2};

    while (fgets(s->line, LINE_MAX_BYTES, s->file) != NULL) {
        const struct json_value *values = NULL;
        uint32_t count = 0;
        bool is_ahead = false;
        size_t size = strlen(s->line);
        struct problem wrong = {0};
        s->bytes_read += size;
        s->counts.rows++;
        if (size > EVENT_SIZE_MAX)
            reject(s, s->counts.rows, "an event is longer than 64 KiB");
        else if (json_parse(s->json, slice_make(s->line, size), &values, &count, &wrong) != STATUS_OK ||
            event_parse(values, 0, &rules, event, &is_ahead, &wrong) != STATUS_OK)
            reject(s, s->counts.rows, wrong.detail);
        else if (event->timestamp_ms == EVENT_TIME_ABSENT)
            reject(s, s->counts.rows, "a past event needs a timestamp");
        else
            return STATUS_OK;
    }
    *is_end = true;
    return ferror(s->file) ? problem_set(problem, STATUS_IO, "%s: %s", s->options.path, strerror(errno)) : STATUS_OK;
}

static enum status next_row(struct source *s, struct source_item *item, struct problem *problem)
{
    struct event event;
    bool is_end = false;
    enum status status = s->csv ? next_csv(s, &event, &is_end, problem) : next_json(s, &event, &is_end, problem);

    *item = (struct source_item){0};
    if (status != STATUS_OK || is_end)
        return status;
    ASSERT(event_encoded_max(&event) <= sizeof s->encoded);
    uint32_t size = event_encode(&event, s->types, s->encoded);
    *item = (struct source_item){event.timestamp_ms, slice_make(s->encoded, size)};
    if (s->options.progress && s->counts.rows % PROGRESS_ROWS == 0)
        fprintf(s->options.progress, s->bytes_total ? "\rreading: %lu rows, %.0f%%" : "\rreading: %lu rows", (unsigned long)s->counts.rows,
                s->bytes_total ? 100.0 * (double)s->bytes_read / (double)s->bytes_total : 0.0);
    return STATUS_OK;
}

static enum status sort_all(struct source *s, struct problem *problem)
{
    struct source_item item;
    enum status status = source_sort_create(&s->sort, SOURCE_RUN_BYTES);

    while (status == STATUS_OK) {
        status = next_row(s, &item, problem);
        if (status != STATUS_OK || item.record.data == NULL)
            break;
        status = source_sort_add(s->sort, item.time_ms, s->counts.rows, item.record, problem);
    }
    if (s->options.progress && s->counts.rows >= PROGRESS_ROWS)
        fprintf(s->options.progress, "\rread %lu rows, sorting   \n", (unsigned long)s->counts.rows);
    return status == STATUS_OK ? source_sort_finish(s->sort, problem) : status;
}

enum status source_open(struct source **out, const struct source_options *options, const struct event_types *types,
                        struct problem *problem)
{
    struct source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for %s", options->path);
    s->options = *options;
    s->types = types;
    for (int i = 0; i < FIELD_COUNT; i++)
        s->columns[i] = -1;
    if (event_types_find(types, slice_of(options->type)) == EVENT_TYPE_UNKNOWN) {
        free(s);
        return problem_set(problem, STATUS_BAD_REQUEST, "--type: there is no event type %s", options->type);
    }
    enum status status = open_file(s, problem);
    if (status == STATUS_OK)
        status = open_rows(s, problem);
    if (status == STATUS_OK && !options->is_sorted)
        status = sort_all(s, problem);
    if (status != STATUS_OK) {
        source_close(s);
        return status;
    }
    *out = s;
    return STATUS_OK;
}

enum status source_next(struct source *s, struct source_item *item, struct problem *problem)
{
    return s->sort ? source_sort_next(s->sort, item, problem) : next_row(s, item, problem);
}

void source_counts(const struct source *s, struct source_counts *counts)
{
    *counts = s->counts;
}

void source_close(struct source *s)
{
    if (s->sort)
        source_sort_destroy(s->sort);
    if (s->csv)
        csv_close(s->csv);
    if (s->json)
        json_parser_destroy(s->json);
    if (s->file)
        fclose(s->file);
    if (s->child > 0)
        waitpid(s->child, NULL, 0);
    free(s->line);
    free(s);
}
