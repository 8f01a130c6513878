/* position.h - "3:90,7:1813": the next offset of each partition that a body touched.
 *
 * Opaque to clients: they get it with an acknowledgement and send it back in the header
 * Penchant-Position, so that an answer shows at least what was acknowledged.
 *
 * Threads: one per struct position; position_find any.
 * Memory:  12 bytes a partition, taken at init.
 * Failure: position_init STATUS_MEMORY; position_find returns false for text that is no position.
 */
#ifndef COLLECT_POSITION_H
#define COLLECT_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum { POSITION_ENTRY_SIZE = 32 }; /* of one rendered entry with its comma, at most */

struct position {
    uint64_t *next;      /* by partition; 0: not touched */
    uint32_t *touched;
    uint32_t touched_count;
    uint32_t partition_count;
};

enum status position_init(struct position *position, uint32_t partition_count) MUST_CHECK;
void position_fini(struct position *position);
void position_reset(struct position *position);
/* Raises the partition to next_offset. */
void position_add(struct position *position, uint32_t partition, uint64_t next_offset);
/* Terminated text, sorted by partition; returns its size. capacity: at least
 * 1 + touched_count * POSITION_ENTRY_SIZE. */
uint32_t position_render(struct position *position, char *text, size_t capacity);

/* Next offset that the text names for the partition; 0 when it names none. */
bool position_find(struct slice text, uint32_t partition, uint64_t *next_offset);

#endif
