/* key_index.h - from a 64-bit key to a 64-bit reference, read without locks.
 *
 * Open addressing in 256 shards that double one at a time, so that no insert pauses for the
 * whole table.  Keys stay once they are in; a reference of 0 means "nobody now".  The key
 * is already a keyed hash.  Two people whose 64 bits agree have two entries; whoever looks
 * verifies the whole key behind the reference and goes on with the cursor.
 *
 * Threads: one writer.  Readers between key_index_enter and key_index_leave: any.  Arrays
 *          that were outgrown are freed once no reader is inside.
 * Memory:  16 bytes an entry, shards between 3/8 and 3/4 full.
 * Failure: key_index_add returns false when there is no memory.
 */
#ifndef ENGINE_KEY_INDEX_H
#define ENGINE_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { KEY_INDEX_SHARDS = 256 };

struct key_shard;

struct key_index {
    struct key_shard *shards[KEY_INDEX_SHARDS];
    struct key_shard *retired;
    uint32_t readers;
    uint64_t bytes; /* shared */
};

enum status key_index_init(struct key_index *index) MUST_CHECK;
void key_index_fini(struct key_index *index);

/* ---- writer ---- */
/* Place of the reference; *cursor starts at 0 and goes on behind the entry that was returned.
 * Valid until the next key_index_add. */
uint64_t *key_index_find(struct key_index *index, uint64_t key, uint32_t *cursor);
/* Adds an entry, also if the key has one. */
bool key_index_add(struct key_index *index, uint64_t key, uint64_t reference);
/* Brings the line that key_index_find will look at into the cache. */
void key_index_prefetch(const struct key_index *index, uint64_t key);
/* Walks all entries that refer to something: false at the end. cursor starts at 0. */
bool key_index_next(const struct key_index *index, uint64_t *cursor, uint64_t *key, uint64_t **reference);
/* Frees outgrown arrays if no reader is inside. */
void key_index_reclaim(struct key_index *index);

/* ---- any thread ---- */
void key_index_enter(struct key_index *index);
void key_index_leave(struct key_index *index);
/* 0: no further entry. */
uint64_t key_index_lookup(const struct key_index *index, uint64_t key, uint32_t *cursor);

#endif
