/* profile_table.h - a task's profiles: packed, in memory or in the changelog.
 *
 * The index leads from the key's low half to a reference: a slot in the slab or a place in
 * the changelog.  A slot keeps the profile packed (feature/profile.h) behind a sequence, so
 * that any thread copies it while its worker goes on.
 *
 *   slot   | sequence, marks (32 bytes) | place | key | size | packed words ...        |
 *          |  the worker's own          |       `--- image: copied under the sequence -'
 *
 * Changed slots stand in the open list; a checkpoint turns that list into the list of what
 * is to be written and opens the other one (O(1)).
 *
 * Threads: the worker; profile_table_read any.
 * Memory:  slots in the worker's slab, 16..43 bytes of index a person, 8 bytes a changed slot.
 * Failure: STATUS_MEMORY; STATUS_IO and STATUS_CORRUPT of the changelog.
 */
#ifndef ENGINE_PROFILE_TABLE_H
#define ENGINE_PROFILE_TABLE_H

#include "engine/key_index.h"
#include "engine/slab.h"
#include "eventlog/changelog.h"
#include "feature/profile.h"

struct profile_image {
    struct hash128 key;
    uint32_t size; /* of words in bytes; 0: the slot is free */
    uint32_t reserved;
    uint64_t words[];
};

enum profile_list_number { PROFILE_LIST_NONE, PROFILE_LIST_A, PROFILE_LIST_B };

struct profile_slot {
    uint32_t sequence;
    uint32_t list_place;      /* index in its list */
    uint64_t place;           /* newest written copy; 0: none */
    uint64_t undo_generation; /* the generation whose undo holds the before-image */
    int64_t deadline_ms;      /* of its timer, as packed */
    uint32_t checkpoint;      /* number of the checkpoint that wrote `place` */
    uint16_t table;
    uint8_t list;             /* enum profile_list_number */
    uint8_t is_used_lately;
    struct profile_image image;
};

struct profile_list {
    struct profile_slot **slots; /* NULL where a slot left */
    uint32_t count, capacity;
};

struct profile_table {
    struct key_index index;
    struct slab *slab;           /* the worker's */
    struct changelog *changelog; /* may be NULL: everything stays in memory */
    const struct layout *layout;
    struct profile_image *scratch;
    struct profile *unpacked;
    uint32_t packed_max;
    uint16_t number;
    uint8_t open_list;
    uint32_t checkpoint_committed;
    struct profile_list lists[3];
    uint64_t users, resident, live_bytes, resident_bytes; /* shared */
};

enum { PROFILE_TABLE_RECORD_MAX = SLAB_ITEM_MAX - (int)sizeof(struct profile_slot) };

enum status profile_table_init(struct profile_table *table, uint16_t number, struct slab *slab, struct changelog *changelog,
                               const struct layout *layout) MUST_CHECK;
void profile_table_fini(struct profile_table *table);

/* Before start: the newest record of a key is at place. */
enum status profile_table_load(struct profile_table *table, struct hash128 key, changelog_place place) MUST_CHECK;
/* Place of a key that is not resident; 0: resident or nobody. */
changelog_place profile_table_place(struct profile_table *table, struct hash128 key);

/* ---- worker ---- */
void profile_table_prefetch_index(const struct profile_table *table, struct hash128 key);
void profile_table_prefetch_slot(struct profile_table *table, struct hash128 key);
/* *slot: resident (read back if need be), or NULL: nobody of that key. */
enum status profile_table_find(struct profile_table *table, struct hash128 key, struct profile_slot **slot) MUST_CHECK;
/* Publishes table->scratch->words[0..size) as the profile of key. *slot: as found; a profile that
 * outgrew its slot moves. */
enum status profile_table_store(struct profile_table *table, struct hash128 key, uint32_t size, int64_t deadline_ms,
                                struct profile_slot **slot) MUST_CHECK;
void profile_table_remove(struct profile_table *table, struct profile_slot *slot);
/* Puts a slot into the open list (from no list). */
enum status profile_table_mark(struct profile_table *table, struct profile_slot *slot) MUST_CHECK;
/* Takes a slot out of its list. */
void profile_table_unmark(struct profile_table *table, struct profile_slot *slot);
static inline uint8_t profile_table_writing(const struct profile_table *table)
{
    return (uint8_t)(PROFILE_LIST_A + PROFILE_LIST_B - table->open_list);
}
/* The open list becomes the list to be written, which must be empty. */
void profile_table_turn(struct profile_table *table);
/* Marks all that the checkpoint of this number wrote: it was abandoned. */
enum status profile_table_mark_written(struct profile_table *table, uint32_t checkpoint) MUST_CHECK;
/* Place of the newest written copy, resident or not; 0: none. */
changelog_place profile_table_written(struct profile_table *table, struct hash128 key);
/* A record was copied from one place to another. */
void profile_table_moved(struct profile_table *table, struct hash128 key, changelog_place from, changelog_place to);
/* The slab's call-back; context: struct profile_table *const * by table number. */
bool profile_table_evict(void *context, void *item);
bool profile_table_is_taken(const void *item);
/* Sum over all profiles of XXH3-64 (key, packed). */
enum status profile_table_hash(struct profile_table *table, uint64_t *hash) MUST_CHECK;

/* ---- any thread ---- */
bool profile_table_read(struct profile_table *table, struct hash128 key, struct profile *profile);

#endif
