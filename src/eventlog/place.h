/* place.h - where each record of a partition lies: offset -> segment and byte, 8 bytes a record.
 *
 * Offsets come in runs of consecutive ones; a gap opens another run.  What is trimmed is
 * given back by halves.
 *
 * Threads: under its owner's lock.
 * Memory:  8 bytes a record, up to twice that while it grows; 16 bytes a run.
 * Failure: STATUS_MEMORY.
 */
#ifndef EVENTLOG_PLACE_H
#define EVENTLOG_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { PLACE_ORDINAL_BITS = 24, PLACE_BYTE_BITS = 40 };

struct place_run {
    uint64_t first_offset;
    uint64_t index; /* of its first place, counted from the first ever */
};

struct place_table {
    uint64_t *places;
    uint64_t count, capacity;
    uint64_t dropped;  /* places in front that are gone */
    struct place_run *runs;
    uint32_t run_count, run_capacity;
    uint64_t next_offset;
};

void place_table_fini(struct place_table *table);
/* offset: above all before. */
enum status place_table_add(struct place_table *table, uint64_t offset, uint64_t ordinal, uint64_t byte) MUST_CHECK;
bool place_table_find(const struct place_table *table, uint64_t offset, uint64_t *ordinal, uint64_t *byte);
/* Forgets what lies in segments before ordinal. */
void place_table_trim(struct place_table *table, uint64_t ordinal);

#endif
