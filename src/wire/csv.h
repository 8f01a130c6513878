/* csv.h - rows of a CSV or TSV file, one at a time, in bounded memory.
 *
 * RFC 4180: fields may stand in quotes, "" inside quotes is one quote, a quoted field may
 * hold separators and line ends; lines end in LF or CRLF; a byte order mark is skipped, and
 * so are empty lines.  In a tab-separated file a quote means quoting only where the whole
 * field is quoted on one line, since most such files do not quote at all.
 *
 * A row that cannot be read is reported with its line and the next call goes on behind it, so
 * that bad rows can be counted and set aside.
 *
 * Threads: one per reader.
 * Memory:  one buffer of twice row_bytes_max, taken at open; a row is borrowed until the next.
 * Failure: csv_open STATUS_MEMORY, STATUS_IO, STATUS_BAD_REQUEST (no header); csv_next
 *          STATUS_IO, STATUS_BAD_REQUEST for one row; problems name the line.
 */
#ifndef WIRE_CSV_H
#define WIRE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum { CSV_COLUMNS_MAX = 256, CSV_ROW_BYTES_MAX = 1 << 20 };

struct csv_options {
    char separator;         /* 0: whichever of tab, comma, semicolon the first line holds most of */
    bool has_header;        /* the first row names the columns; each row must have as many fields */
    uint32_t row_bytes_max; /* 0: CSV_ROW_BYTES_MAX */
};

/* Bytes read, 0 at the end, negative on failure. */
typedef int64_t csv_source(void *state, char *buffer, size_t size);

struct csv_reader;

enum status csv_open(struct csv_reader **reader, const struct csv_options *options, csv_source *source, void *state,
                     struct problem *problem) MUST_CHECK;
void csv_close(struct csv_reader *reader);

/* A csv_source whose state is a FILE *. */
int64_t csv_read_file(void *file, char *buffer, size_t size);

uint32_t csv_column_count(const struct csv_reader *reader); /* of the header; 0 without */
struct slice csv_column_name(const struct csv_reader *reader, uint32_t column);
int csv_column_find(const struct csv_reader *reader, const char *name); /* -1: none */
char csv_separator(const struct csv_reader *reader);

/* *fields is NULL at the end of the input. */
enum status csv_next(struct csv_reader *reader, const struct slice **fields, uint32_t *count,
                     struct problem *problem) MUST_CHECK;
/* Line, from 1, on which the last row began. */
uint64_t csv_line(const struct csv_reader *reader);

#endif
