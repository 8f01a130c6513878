/* describe.h - documents made from tables: docs/METRICS.md, docs/ERRORS.md.
 *
 * The rows are the source; the documents are compared with them in the tests.
 *
 * Threads: any.
 * Memory:  on the stack.
 * Failure: cannot fail; write errors stay in the FILE (ferror).
 */
#ifndef OPS_DESCRIBE_H
#define OPS_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/metric.h"
#include "base/slice.h"

/* A section of docs/METRICS.md: one table, by name. title: "serve". */
void describe_metrics(FILE *out, const char *title, const struct metric_row *rows, uint32_t count);
/* docs/ERRORS.md: all of base/status.def. */
void describe_errors(FILE *out);
/* One line of text as a cell of a table: | escaped, line ends as blanks. */
void describe_cell(FILE *out, const char *text);

/* The health in words for people: "accepting events; all of them are applied",
 * "starting: 1,204 events still to be applied".
 * not_accepting: NULL or why. Returns text. */
const char *describe_health(char *text, size_t size, bool is_ready, const char *not_accepting, uint64_t events_behind);

#endif
