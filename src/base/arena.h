/* arena.h - memory of one request or one batch, given back all at once.
 *
 * One block of fixed size.  A request that wants more than the block sets the sticky
 * overflow flag and gets NULL from then on; the caller checks the flag once, at the end.
 *
 * Threads: one at a time.
 * Memory:  taken at init; never grows.
 * Failure: arena_init returns STATUS_MEMORY; later only the overflow flag.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct arena {
    char *base;
    size_t size;
    size_t used;
    bool is_overflown;
};

enum status arena_init(struct arena *arena, size_t size) MUST_CHECK;
void arena_fini(struct arena *arena);
void arena_reset(struct arena *arena);

/* size bytes aligned to 16, not cleared; NULL after overflow. */
void *arena_take(struct arena *arena, size_t size);

/* A copy of s; an absent slice after overflow. */
struct slice arena_copy(struct arena *arena, struct slice s);

#endif
