/* source.h - a file of past events, in the order in which they happened.
 *
 * CSV, TSV (columns named by the caller) or NDJSON (.ndjson, .jsonl), plain or through a pipe of gzip
 * or bzip2 (.gz, .bz2).  Rows become encoded events and are sorted by time, ties in file order,
 * in memory or by runs on disk merged together.  Numeric times are taken by their size as
 * seconds, milliseconds, microseconds or nanoseconds; the unit is told.
 *
 * Threads: one.
 * Memory:  SOURCE_RUN_BYTES of rows; runs beyond it go to unnamed temporary files.
 * Failure: source_open names file, column and fix; rows that cannot be read are counted, the first is kept.
 */
#ifndef LAB_SOURCE_H
#define LAB_SOURCE_H

#include <stdio.h>

#include "schema/event.h"

enum { SOURCE_RUN_BYTES = 256 << 20, SOURCE_RUNS_MAX = 256 };

struct source_options {
    const char *path;
    const char *columns;  /* "user=SessionId,content=ItemId,time=Time"; NULL for NDJSON: members of an event */
    const char *type;     /* event type where no column names it */
    bool is_sorted;       /* trust the file's order: rows are handed on as they are read */
    FILE *progress;       /* NULL: quiet */
};

struct source_item {
    int64_t time_ms;
    struct slice record;  /* encoded event; absent at the end; borrowed until the next call */
};

struct source_counts {
    uint64_t rows;
    uint64_t rejected;
    const char *unit;     /* of numeric times: "s", "ms", "us", "ns"; NULL: text */
    char first_error[256];
};

struct source;

enum status source_open(struct source **source, const struct source_options *options, const struct event_types *types,
                        struct problem *problem) MUST_CHECK;
enum status source_next(struct source *source, struct source_item *item, struct problem *problem) MUST_CHECK;
void source_counts(const struct source *source, struct source_counts *counts);
void source_close(struct source *source);

#endif
