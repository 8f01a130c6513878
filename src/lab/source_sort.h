/* source_sort.h - encoded events sorted by (time, row): in memory, and by merged runs beyond it.
 *
 * Threads: one.
 * Memory:  run_bytes for rows and as much again for their index at worst.
 * Failure: STATUS_MEMORY; STATUS_IO, STATUS_DISK_FULL for the temporary files.
 */
#ifndef LAB_SOURCE_SORT_H
#define LAB_SOURCE_SORT_H

#include "lab/source.h"

struct source_sort;

enum status source_sort_create(struct source_sort **sort, size_t run_bytes) MUST_CHECK;
void source_sort_destroy(struct source_sort *sort);
enum status source_sort_add(struct source_sort *sort, int64_t time_ms, uint64_t row, struct slice record,
                            struct problem *problem) MUST_CHECK;
/* Ends adding. */
enum status source_sort_finish(struct source_sort *sort, struct problem *problem) MUST_CHECK;
enum status source_sort_next(struct source_sort *sort, struct source_item *item, struct problem *problem) MUST_CHECK;

#endif
