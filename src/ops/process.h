/* process.h - what every process tells about itself: process_*, build, messages.
 *
 * Read from /proc/self at each scrape; what cannot be read is left out.
 *
 * Threads: any.
 * Memory:  on the stack.
 * Failure: cannot fail.
 */
#ifndef OPS_PROCESS_H
#define OPS_PROCESS_H

#include <stdint.h>

#include "base/metric.h"

void process_metrics(struct metric_sink *sink, const char *version);
/* The rows above, for docs/METRICS.md. */
const struct metric_row *process_rows(uint32_t *count);

/* User plus system time so far, in ns; resident bytes (0: not to be had). */
uint64_t process_cpu_ns(void);
uint64_t process_resident_bytes(void);

#endif
