/* slab.h - memory of resident profiles: items of a few sizes in 2 MiB chunks.
 *
 * A chunk is cut into runs of 64 KiB; a run holds items of one size class and goes back to
 * the pool when its last item is given back, so that memory follows what the sizes become.
 * Chunks are aligned to 2 MiB (one page for the TLB) and are never unmapped before destroy:
 * a reader that follows an old reference finds memory, and its own checks tell it that the
 * item is another one now.  Over the budget whole runs are offered to `evict`.
 *
 *   chunk  [ header: 32 runs | run 0 (60 KiB) | run 1 (64 KiB) | ... | run 31 ]
 *
 * The first 8 bytes of an item (its sequence) are never written here; bytes 8..16 of a free
 * item link the free list.
 *
 * Threads: the worker; readers may look at items at any time.
 * Memory:  chunks of 2 MiB up to the budget; beyond it only when nothing can be evicted.
 * Failure: slab_take returns NULL when the system gives no memory.
 */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct slab;

enum { SLAB_ITEM_MAX = 30 * 1024 };

/* Asked for each item of a run under pressure: true if the owner let go of it (the slab
 * then takes the item back itself); items given to slab_take's caller and not yet in use must refuse. */
typedef bool slab_evict(void *context, void *item);
/* Is this item taken?  The owner keeps that mark in the item. */
typedef bool slab_is_taken(const void *item);

enum status slab_create(struct slab **slab, uint64_t budget_bytes, slab_evict *evict, slab_is_taken *is_taken, void *context) MUST_CHECK;
void slab_destroy(struct slab *slab);
/* An item of at least size bytes, at most SLAB_ITEM_MAX, 64-byte aligned; its old content stands. */
void *slab_take(struct slab *slab, uint32_t size);
/* size: as it was taken with, or any other of the same class. */
void slab_give(struct slab *slab, void *item);
/* Bytes that an item of this size takes: two sizes with the same answer share a class. */
uint32_t slab_class_bytes(uint32_t size);
/* Any thread. */
uint64_t slab_bytes(const struct slab *slab);       /* chunks */
uint64_t slab_evictions(const struct slab *slab);   /* items */
bool slab_is_over(const struct slab *slab);         /* over the budget */

#endif
