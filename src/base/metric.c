#include "base/metric.h"

#include <stddef.h>

#include "base/assert.h"

void metric_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value)
{
    ASSERT(row->kind == METRIC_COUNTER || row->kind == METRIC_GAUGE);
    if (sink->value != NULL)
        sink->value(sink, row, labels, value);
}

void metric_histogram(struct metric_sink *sink, const struct metric_row *row, const char *labels,
                      const struct histogram *histogram)
{
    ASSERT(row->kind == METRIC_HISTOGRAM);
    if (sink->histogram != NULL)
        sink->histogram(sink, row, labels, histogram);
}
