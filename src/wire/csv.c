/* The buffer holds at least one whole row before the row is cut into fields: `fill` reads until
 * the row's end is found (a line end outside quotes) or row_bytes_max is reached.  Quoted
 * fields are unquoted in place, since they only get shorter. */
#include "wire/csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

struct csv_reader {
    csv_source *source;
    void *state;
    char *buffer;
    uint32_t capacity;
    uint32_t row_bytes_max;
    uint32_t start;      /* of the next row */
    uint32_t end;        /* of what was read */
    bool is_ended;       /* the source has no more */
    bool is_discarding;  /* inside a line that is too long */
    char separator;
    bool quotes_lightly; /* tab-separated: see the header */
    uint64_t line;       /* of the next row */
    uint64_t row_line;
    uint32_t column_count;
    char *header;        /* bytes of the names */
    struct slice columns[CSV_COLUMNS_MAX];
    struct slice fields[CSV_COLUMNS_MAX];
};

static enum status wrong_row(const struct csv_reader *reader, struct problem *problem, const char *reason)
{
    return problem_set(problem, STATUS_BAD_REQUEST, "line %llu: %s", (unsigned long long)reader->row_line, reason);
}

/* Reads more behind what is there. False on failure; at the end is_ended. */
static bool read_more(struct csv_reader *reader)
{
    if (reader->start > 0) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    ASSERT(reader->end < reader->capacity);
    int64_t size = reader->source(reader->state, reader->buffer + reader->end, reader->capacity - reader->end);
    if (size < 0)
        return false;
    ASSERT(size <= (int64_t)(reader->capacity - reader->end));
    reader->is_ended = size == 0;
    reader->end += (uint32_t)size;
    return true;
}

/* Where a row is being looked through for its end. */
struct row_scan {
    uint32_t at;   /* from the row's start */
    bool in_quotes;
    bool is_field_start;
    bool is_quoted;  /* the field opened with a quote */
};

/* Looks for the line end that is outside quotes; false: none in what was read. */
static bool find_row_end(const struct csv_reader *reader, struct row_scan *scan)
{
    const char *row = reader->buffer + reader->start;
    uint32_t size = reader->end - reader->start;
    for (; scan->at < size; scan->at++) {
        char c = row[scan->at];
        if (scan->in_quotes) {
            /* A doubled quote closes and opens again, which comes to the same. */
            scan->in_quotes = c != '"';
        } else if (c == '\n') {
            return true;
        } else if (c == '"' && !reader->quotes_lightly) {
            bool was_closed = scan->is_quoted && row[scan->at - 1] == '"';
            scan->in_quotes = scan->is_field_start || was_closed;
            scan->is_quoted = scan->in_quotes;
        }
        scan->is_field_start = c == reader->separator && !scan->in_quotes;
        if (scan->is_field_start)
            scan->is_quoted = false;
    }
    return false;
}

/* Leaves an over-long or unclosed row by its first line end. */
static void skip_line(struct csv_reader *reader)
{
    char *row = reader->buffer + reader->start;
    char *line_end = memchr(row, '\n', reader->end - reader->start);
    reader->is_discarding = line_end == NULL && !reader->is_ended;
    reader->start = line_end != NULL ? (uint32_t)(line_end - reader->buffer) + 1 : reader->end;
    reader->line += line_end != NULL;
}

/* Finds the next row that is not empty: *size without its line end. STATUS_OK with *is_end at the end. */
static enum status find_row(struct csv_reader *reader, uint32_t *size, bool *is_end, struct problem *problem)
{
    struct row_scan scan = {.is_field_start = true};
    *is_end = false;
    for (;;) {
        reader->row_line = reader->line;
        bool is_whole = find_row_end(reader, &scan);
        uint32_t held = reader->end - reader->start;
        if (scan.at > reader->row_bytes_max) {
            skip_line(reader);
            return wrong_row(reader, problem, "the row is too long, or a quote is not closed");
        }
        if (!is_whole && !reader->is_ended) {
            if (!read_more(reader))
                return problem_set(problem, STATUS_IO, "line %llu: the source cannot be read",
                                   (unsigned long long)reader->line);
            continue;
        }
        if (!is_whole && held > 0 && scan.in_quotes) {
            skip_line(reader);
            return wrong_row(reader, problem, "a quote is not closed");
        }
        *size = is_whole ? scan.at : held;
        const char *row = reader->buffer + reader->start;
        if (*size > 0 && row[*size - 1] == '\r')
            --*size;
        if (*size > 0)
            return STATUS_OK;
        if (!is_whole) {
            *is_end = true;
            return STATUS_OK;
        }
        reader->start += scan.at + 1;
        reader->line++;
        scan = (struct row_scan){.is_field_start = true};
    }
}

/* Unquotes the field at c in place; returns the byte behind its closing quote, NULL when a
 * byte other than the separator follows it. */
static char *unquote(const struct csv_reader *reader, char *c, char *end, struct slice *field)
{
    char *to = ++c;
    field->data = to;
    for (; c < end; c++) {
        if (*c == '"') {
            if (c + 1 == end || c[1] == reader->separator)
                break;
            if (c[1] != '"')
                return NULL;
            c++;
        }
        *to++ = *c;
    }
    if (c == end)
        return NULL;
    field->size = (uint32_t)(to - field->data);
    return c + 1;
}

/* True when the field at c, which opens with a quote, is well quoted within [c, end). */
static bool is_quoted(const struct csv_reader *reader, const char *c, const char *end)
{
    for (c++; c < end; c++) {
        if (*c != '"')
            continue;
        if (c + 1 == end || c[1] == reader->separator)
            return true;
        if (c[1] != '"')
            return false;
        c++;
    }
    return false;
}

static enum status cut_row(struct csv_reader *reader, uint32_t size, uint32_t *count, struct problem *problem)
{
    char *c = reader->buffer + reader->start;
    char *end = c + size;
    *count = 0;
    for (;;) {
        if (*count == CSV_COLUMNS_MAX)
            return wrong_row(reader, problem, "the row has too many fields");
        struct slice *field = &reader->fields[(*count)++];
        if (c < end && *c == '"' && (!reader->quotes_lightly || is_quoted(reader, c, end))) {
            c = unquote(reader, c, end, field);
            if (c == NULL)
                return wrong_row(reader, problem, "bytes follow a closing quote");
        } else {
            char *separator = memchr(c, reader->separator, (size_t)(end - c));
            char *field_end = separator != NULL ? separator : end;
            *field = slice_make(c, (size_t)(field_end - c));
            c = field_end;
        }
        if (c == end)
            return STATUS_OK;
        c++;
    }
}

static uint32_t count_lines(const char *text, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++)
        count += text[i] == '\n';
    return count;
}

enum status csv_next(struct csv_reader *reader, const struct slice **fields, uint32_t *count, struct problem *problem)
{
    *fields = NULL;
    *count = 0;
    while (reader->is_discarding) {
        skip_line(reader);
        if (reader->is_discarding && !read_more(reader))
            return problem_set(problem, STATUS_IO, "line %llu: the source cannot be read",
                               (unsigned long long)reader->line);
    }
    uint32_t size = 0;
    bool is_end;
    enum status status = find_row(reader, &size, &is_end, problem);
    if (status != STATUS_OK || is_end)
        return status;
    /* The row's end was found, so the row is left behind whatever is in it. */
    uint32_t whole = size;
    while (reader->start + whole < reader->end && reader->buffer[reader->start + whole] != '\n')
        whole++;
    if (reader->start + whole < reader->end)
        whole++;
    reader->line += count_lines(reader->buffer + reader->start, whole);
    status = cut_row(reader, size, count, problem);
    reader->start += whole;
    if (status != STATUS_OK)
        return status;
    if (reader->column_count > 0 && *count != reader->column_count)
        return problem_set(problem, STATUS_BAD_REQUEST, "line %llu: the row has %u fields, the header %u",
                           (unsigned long long)reader->row_line, *count, reader->column_count);
    *fields = reader->fields;
    return STATUS_OK;
}

/* The separator that the first line holds most of; a comma when it holds none. */
static char guess_separator(const struct csv_reader *reader)
{
    static const char candidates[] = ",\t;";
    uint32_t counts[sizeof candidates] = {0};
    uint32_t best = 0;
    for (uint32_t at = reader->start; at < reader->end && reader->buffer[at] != '\n'; at++)
        for (uint32_t i = 0; candidates[i] != '\0'; i++)
            counts[i] += reader->buffer[at] == candidates[i];
    for (uint32_t i = 0; candidates[i] != '\0'; i++)
        if (counts[i] > counts[best])
            best = i;
    return candidates[best];
}

static enum status read_header(struct csv_reader *reader, struct problem *problem)
{
    const struct slice *fields;
    uint32_t count, size = 0;
    enum status status = csv_next(reader, &fields, &count, problem);
    if (status != STATUS_OK)
        return status;
    if (fields == NULL)
        return problem_set(problem, STATUS_BAD_REQUEST, "line 1: there is no header row");
    for (uint32_t i = 0; i < count; i++)
        size += fields[i].size;
    reader->header = malloc(size + 1);
    if (reader->header == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for a header of %u bytes", size);
    char *to = reader->header;
    for (uint32_t i = 0; i < count; i++) {
        reader->columns[i] = slice_make(to, fields[i].size);
        if (fields[i].size > 0)
            memcpy(to, fields[i].data, fields[i].size);
        to += fields[i].size;
    }
    reader->column_count = count;
    return STATUS_OK;
}

/* Reads the first bytes: byte order mark, separator, header. */
static enum status begin(struct csv_reader *reader, const struct csv_options *options, struct problem *problem)
{
    static const char mark[] = "\xef\xbb\xbf";
    /* Until the first line is whole, or the buffer or the input ends. */
    while (!reader->is_ended && reader->end < reader->capacity &&
           memchr(reader->buffer, '\n', reader->end) == NULL)
        if (!read_more(reader))
            return problem_set(problem, STATUS_IO, "line 1: the source cannot be read");
    if (reader->end >= 3 && memcmp(reader->buffer, mark, 3) == 0)
        reader->start = 3;
    reader->separator = options->separator != 0 ? options->separator : guess_separator(reader);
    reader->quotes_lightly = reader->separator == '\t';
    return options->has_header ? read_header(reader, problem) : STATUS_OK;
}

enum status csv_open(struct csv_reader **reader, const struct csv_options *options, csv_source *source, void *state,
                     struct problem *problem)
{
    *reader = NULL;
    uint32_t row_bytes_max = options->row_bytes_max != 0 ? options->row_bytes_max : CSV_ROW_BYTES_MAX;
    ASSERT(row_bytes_max <= UINT32_MAX / 4);
    struct csv_reader *made = calloc(1, sizeof *made);
    if (made == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for a reader");
    made->source = source;
    made->state = state;
    made->line = 1;
    made->row_bytes_max = row_bytes_max;
    made->capacity = 2 * row_bytes_max + 4;
    made->buffer = malloc(made->capacity);
    enum status status = made->buffer == NULL ? problem_set(problem, STATUS_MEMORY, "no memory for a row of %u bytes",
                                                            row_bytes_max)
                                              : begin(made, options, problem);
    if (status != STATUS_OK) {
        csv_close(made);
        return status;
    }
    *reader = made;
    return STATUS_OK;
}

void csv_close(struct csv_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->header);
    free(reader->buffer);
    free(reader);
}

int64_t csv_read_file(void *file, char *buffer, size_t size)
{
    size_t read = fread(buffer, 1, size, file);
    return read == 0 && ferror((FILE *)file) ? -1 : (int64_t)read;
}

uint32_t csv_column_count(const struct csv_reader *reader)
{
    return reader->column_count;
}

struct slice csv_column_name(const struct csv_reader *reader, uint32_t column)
{
    ASSERT(column < reader->column_count);
    return reader->columns[column];
}

int csv_column_find(const struct csv_reader *reader, const char *name)
{
    for (uint32_t i = 0; i < reader->column_count; i++)
        if (slice_is(reader->columns[i], name))
            return (int)i;
    return -1;
}

char csv_separator(const struct csv_reader *reader)
{
    return reader->separator;
}

uint64_t csv_line(const struct csv_reader *reader)
{
    return reader->row_line;
}
