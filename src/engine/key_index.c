/* Readers and the freeing of outgrown arrays: a reader counts itself in (sequentially
 * consistent) before it loads a shard's pointer; the writer stores the new pointer, then, at
 * any later time, looks at the count.  If it is 0, every reader that comes after counts
 * itself in later and so loads the new pointer: nobody can hold the old array. */
#include "engine/key_index.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/shared.h"

enum { SHARD_FIRST = 8 };

struct key_entry {
    uint64_t key; /* 0: empty; written last */
    uint64_t reference;
};

struct key_shard {
    struct key_shard *next; /* retired */
    uint32_t mask;
    uint32_t count;
    struct key_entry entries[];
};

/* 0 is what empty looks like. */
static uint64_t named(uint64_t key)
{
    return key != 0 ? key : 1;
}

static uint32_t shard_of(uint64_t key)
{
    return (uint32_t)(key >> 56);
}

static uint32_t home_of(uint64_t key)
{
    return (uint32_t)(key >> 8);
}

static size_t shard_bytes(uint32_t capacity)
{
    return sizeof(struct key_shard) + (size_t)capacity * sizeof(struct key_entry);
}

static struct key_shard *shard_create(uint32_t capacity)
{
    struct key_shard *shard = calloc(1, shard_bytes(capacity));
    if (shard != NULL)
        shard->mask = capacity - 1;
    return shard;
}

enum status key_index_init(struct key_index *index)
{
    *index = (struct key_index){0};
    for (uint32_t i = 0; i < KEY_INDEX_SHARDS; i++) {
        index->shards[i] = shard_create(SHARD_FIRST);
        if (index->shards[i] == NULL)
            return STATUS_MEMORY;
    }
    index->bytes = KEY_INDEX_SHARDS * shard_bytes(SHARD_FIRST);
    return STATUS_OK;
}

void key_index_fini(struct key_index *index)
{
    for (uint32_t i = 0; i < KEY_INDEX_SHARDS; i++)
        free(index->shards[i]);
    while (index->retired != NULL) {
        struct key_shard *next = index->retired->next;
        free(index->retired);
        index->retired = next;
    }
}

/* Probes from *cursor on; returns the entry of the key or NULL at the first empty one. */
static const struct key_entry *probe(const struct key_shard *shard, uint64_t key, uint32_t *cursor)
{
    for (;;) {
        const struct key_entry *entry = &shard->entries[(home_of(key) + (*cursor)++) & shard->mask];
        uint64_t here = SHARED_ACQUIRE(entry->key);
        if (here == key)
            return entry;
        if (here == 0)
            return NULL;
    }
}

uint64_t *key_index_find(struct key_index *index, uint64_t key, uint32_t *cursor)
{
    key = named(key);
    struct key_entry *entry = (struct key_entry *)(uintptr_t)probe(index->shards[shard_of(key)], key, cursor);
    return entry != NULL ? &entry->reference : NULL;
}

static void put(struct key_shard *shard, uint64_t key, uint64_t reference)
{
    uint32_t place = home_of(key);
    while (shard->entries[place & shard->mask].key != 0)
        place++;
    struct key_entry *entry = &shard->entries[place & shard->mask];
    SHARED_STORE(entry->reference, reference);
    SHARED_RELEASE(entry->key, key);
    shard->count++;
}

static bool grow(struct key_index *index, uint32_t number)
{
    struct key_shard *old = index->shards[number];
    struct key_shard *wide = shard_create((old->mask + 1) * 2);
    if (wide == NULL)
        return false;
    for (uint32_t i = 0; i <= old->mask; i++)
        if (old->entries[i].key != 0)
            put(wide, old->entries[i].key, old->entries[i].reference);
    __atomic_store_n(&index->shards[number], wide, __ATOMIC_SEQ_CST);
    old->next = index->retired;
    index->retired = old;
    SHARED_ADD(index->bytes, shard_bytes(wide->mask + 1));
    return true;
}

bool key_index_add(struct key_index *index, uint64_t key, uint64_t reference)
{
    key = named(key);
    struct key_shard *shard = index->shards[shard_of(key)];
    if ((shard->count + 1) * 4 > (shard->mask + 1) * 3) {
        if (!grow(index, shard_of(key)))
            return false;
        shard = index->shards[shard_of(key)];
    }
    put(shard, key, reference);
    return true;
}

void key_index_prefetch(const struct key_index *index, uint64_t key)
{
    const struct key_shard *shard = index->shards[shard_of(named(key))];
    __builtin_prefetch(&shard->entries[home_of(named(key)) & shard->mask]);
}

bool key_index_next(const struct key_index *index, uint64_t *cursor, uint64_t *key, uint64_t **reference)
{
    uint32_t number = (uint32_t)(*cursor >> 32), place = (uint32_t)*cursor;
    for (; number < KEY_INDEX_SHARDS; number++, place = 0) {
        struct key_shard *shard = index->shards[number];
        for (; place <= shard->mask; place++) {
            if (shard->entries[place].key == 0 || shard->entries[place].reference == 0)
                continue;
            *key = shard->entries[place].key;
            *reference = &shard->entries[place].reference;
            *cursor = (uint64_t)number << 32 | (place + 1);
            return true;
        }
    }
    *cursor = (uint64_t)number << 32;
    return false;
}

void key_index_reclaim(struct key_index *index)
{
    if (index->retired == NULL || __atomic_load_n(&index->readers, __ATOMIC_SEQ_CST) != 0)
        return;
    while (index->retired != NULL) {
        struct key_shard *next = index->retired->next;
        SHARED_STORE(index->bytes, index->bytes - shard_bytes(index->retired->mask + 1));
        free(index->retired);
        index->retired = next;
    }
}

void key_index_enter(struct key_index *index)
{
    __atomic_add_fetch(&index->readers, 1, __ATOMIC_SEQ_CST);
}

void key_index_leave(struct key_index *index)
{
    __atomic_sub_fetch(&index->readers, 1, __ATOMIC_RELEASE);
}

uint64_t key_index_lookup(const struct key_index *index, uint64_t key, uint32_t *cursor)
{
    key = named(key);
    const struct key_shard *shard = __atomic_load_n(&index->shards[shard_of(key)], __ATOMIC_SEQ_CST);
    const struct key_entry *entry;
    while ((entry = probe(shard, key, cursor)) != NULL) {
        uint64_t reference = SHARED_ACQUIRE(entry->reference);
        if (reference != 0)
            return reference;
    }
    return 0;
}
