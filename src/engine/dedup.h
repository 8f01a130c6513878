/* dedup.h - which event ids a partition has taken lately.
 *
 * A ring of chunks of 4,096 128-bit keyed hashes in the order they came, and an index
 * (open addressing, 32 bits of the hash and the ring's place).  An id is remembered for
 * window_ms after the newest id of its chunk came, or until the ring is full: what falls
 * out then shortens the reach.  Time is the partition's clock, an argument.
 *
 * Record of the changelog, one per part of a chunk that a checkpoint found new:
 *   first position 8 | first_at 8 | newest_at 8 | count 4 | chunk size 4 | hashes 16 each
 *
 * Threads: the worker; dedup_find any (a miss while an entry moves is possible: the task
 *          asks again when it applies).
 * Memory:  capacity_bytes, mapped at create, touched as it fills.
 * Failure: dedup_create STATUS_MEMORY; dedup_load STATUS_CORRUPT.
 */
#ifndef ENGINE_DEDUP_H
#define ENGINE_DEDUP_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"

enum { DEDUP_CHUNK = 4096, DEDUP_RECORD_MAX = 32 + DEDUP_CHUNK * 16 };

struct dedup;

/* What a cut keeps: positions count all ids ever added. */
struct dedup_mark {
    uint64_t first;           /* position of the oldest id remembered, a multiple of DEDUP_CHUNK */
    uint64_t end;             /* position of the next */
    int64_t newest_at_ms;     /* of the newest chunk */
    int64_t dropped_at_ms;    /* newest id that fell out because the ring was full; 0: none */
};

enum status dedup_create(struct dedup **dedup, uint64_t capacity_bytes, uint64_t window_ms) MUST_CHECK;
void dedup_destroy(struct dedup *dedup);

/* ---- worker ---- */
void dedup_prefetch(const struct dedup *dedup, struct hash128 hash);
/* A new chunk is due and the oldest is over its window or in the way: drop it first. */
bool dedup_must_drop(const struct dedup *dedup, int64_t now_ms);
void dedup_drop(struct dedup *dedup, int64_t now_ms);
/* The caller knows that it is not there. */
void dedup_add(struct dedup *dedup, struct hash128 hash, int64_t now_ms);
void dedup_mark(const struct dedup *dedup, struct dedup_mark *mark);
/* Takes back what was added since the mark; then dropped chunks are put back, newest first. */
void dedup_take_back(struct dedup *dedup, const struct dedup_mark *mark);
void dedup_put_back(struct dedup *dedup, struct slice record);
/* Encodes ids from position on, to the end of their chunk or of the ring; *count how many. */
uint32_t dedup_encode(const struct dedup *dedup, uint64_t position, void *out, uint32_t *count);
uint64_t dedup_hash(const struct dedup *dedup);

/* Before start, by rising position; what lies outside of the mark or of the ring is skipped. */
void dedup_restore(struct dedup *dedup, const struct dedup_mark *mark);
enum status dedup_load(struct dedup *dedup, struct slice record) MUST_CHECK;

/* ---- any thread ---- */
bool dedup_find(const struct dedup *dedup, struct hash128 hash, int64_t now_ms);
uint64_t dedup_count(const struct dedup *dedup);
/* How far back ids are remembered at now_ms. */
int64_t dedup_reach_ms(const struct dedup *dedup, int64_t now_ms);
uint64_t dedup_bytes(const struct dedup *dedup);

#endif
