/* metric.h - numbers for operators: rows in .def files, values pulled at scrape.
 *
 * A component keeps plain counters with one writing thread each (SHARED_ADD) and has a
 * function x_metrics(x, sink) that puts out its rows.  The sink renders the page.
 *
 * Row: METRIC(ident, "penchant_...", kind, "what it counts", "what to do when it moves")
 *
 * Threads: the ops thread, or whichever http thread scrapes.
 * Memory:  the sink's.
 * Failure: cannot fail.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

#include "base/histogram.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_row {
    const char *name;
    enum metric_kind kind;
    const char *text;
    const char *advice;
};

struct metric_sink {
    void (*value)(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value);
    void (*histogram)(struct metric_sink *sink, const struct metric_row *row, const char *labels,
                      const struct histogram *histogram);
};

/* labels: `route="/v1/events",code="200"` or NULL. */
void metric_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value);
void metric_histogram(struct metric_sink *sink, const struct metric_row *row, const char *labels,
                      const struct histogram *histogram);

#endif
