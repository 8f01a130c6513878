#include "engine/dedup.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/shared.h"

enum { CHUNKS_MIN = 2, HASH_BYTES = 16, SLOT_BYTES = 8, RECORD_HEAD = 32 };

struct dedup_chunk {
    int64_t first_at_ms;
    int64_t newest_at_ms;
};

struct dedup {
    uint64_t *hashes;  /* 2 words a place of the ring */
    uint64_t *slots;   /* high half: 32 bits of the hash; low half: place + 1; 0: empty */
    struct dedup_chunk *chunks;
    uint64_t mask;     /* of slots */
    uint32_t capacity; /* places, a multiple of DEDUP_CHUNK */
    int64_t window_ms;
    uint64_t first, end;    /* shared */
    int64_t dropped_at_ms;  /* shared */
    int64_t taken_back_ms;  /* newest_at of the chunk that the last mark stood in */
    uint64_t bytes;
};

static uint64_t slots_for(uint64_t places)
{
    uint64_t slots = 64;
    while (slots * 3 < places * 4)
        slots *= 2;
    return slots;
}

static void *map(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

enum status dedup_create(struct dedup **out, uint64_t capacity_bytes, uint64_t window_ms)
{
    struct dedup *dedup = calloc(1, sizeof *dedup);
    uint64_t chunks = CHUNKS_MIN;

    if (dedup == NULL)
        return STATUS_MEMORY;
    *out = dedup;
    /* The index doubles, so the most chunks that fit are found by walking its sizes. */
    for (uint64_t slots = slots_for(DEDUP_CHUNK * CHUNKS_MIN); slots * SLOT_BYTES < capacity_bytes && slots <= 1ULL << 32; slots *= 2) {
        uint64_t by_slots = slots * 3 / 4 / DEDUP_CHUNK;
        uint64_t by_bytes = (capacity_bytes - slots * SLOT_BYTES) / HASH_BYTES / DEDUP_CHUNK;
        uint64_t fit = by_slots < by_bytes ? by_slots : by_bytes;
        chunks = fit > chunks ? fit : chunks;
    }
    uint64_t slots = slots_for(chunks * DEDUP_CHUNK);
    dedup->capacity = (uint32_t)(chunks * DEDUP_CHUNK);
    dedup->mask = slots - 1;
    dedup->window_ms = (int64_t)window_ms;
    dedup->bytes = dedup->capacity * (uint64_t)HASH_BYTES + slots * SLOT_BYTES;
    dedup->hashes = map(dedup->capacity * (uint64_t)HASH_BYTES);
    dedup->slots = map(slots * SLOT_BYTES);
    dedup->chunks = calloc(chunks, sizeof *dedup->chunks);
    return dedup->hashes != NULL && dedup->slots != NULL && dedup->chunks != NULL ? STATUS_OK : STATUS_MEMORY;
}

void dedup_destroy(struct dedup *dedup)
{
    if (dedup == NULL)
        return;
    if (dedup->hashes != NULL)
        munmap(dedup->hashes, dedup->capacity * (uint64_t)HASH_BYTES);
    if (dedup->slots != NULL)
        munmap(dedup->slots, (dedup->mask + 1) * SLOT_BYTES);
    free(dedup->chunks);
    free(dedup);
}

static struct dedup_chunk *chunk_at(const struct dedup *dedup, uint64_t position)
{
    return &dedup->chunks[position % dedup->capacity / DEDUP_CHUNK];
}

/* The home slot comes from these 32 bits alone, so that an entry can be moved without its hash. */
static uint32_t tag_of(struct hash128 hash)
{
    return (uint32_t)(hash.high >> 32);
}

static uint64_t slot_value(uint32_t tag, uint32_t place)
{
    return (uint64_t)tag << 32 | (place + 1);
}

static struct hash128 hash_at(const struct dedup *dedup, uint64_t place)
{
    return (struct hash128){SHARED_LOAD(dedup->hashes[2 * place]), SHARED_LOAD(dedup->hashes[2 * place + 1])};
}

static void slot_add(struct dedup *dedup, uint32_t tag, uint32_t place)
{
    uint64_t i = tag & dedup->mask;
    while (dedup->slots[i] != 0)
        i = (i + 1) & dedup->mask;
    SHARED_RELEASE(dedup->slots[i], slot_value(tag, place));
}

/* Knuth's algorithm R: entries behind the hole move up if their home lets them. */
static void slot_remove(struct dedup *dedup, uint32_t tag, uint32_t place)
{
    uint64_t hole = tag & dedup->mask, value = slot_value(tag, place);

    while (dedup->slots[hole] != value) {
        ASSERT(dedup->slots[hole] != 0);
        hole = (hole + 1) & dedup->mask;
    }
    for (uint64_t i = (hole + 1) & dedup->mask; dedup->slots[i] != 0; i = (i + 1) & dedup->mask) {
        uint64_t home = (dedup->slots[i] >> 32) & dedup->mask;
        if (((i - home) & dedup->mask) < ((i - hole) & dedup->mask))
            continue;
        SHARED_RELEASE(dedup->slots[hole], dedup->slots[i]);
        hole = i;
    }
    SHARED_RELEASE(dedup->slots[hole], 0);
}

void dedup_prefetch(const struct dedup *dedup, struct hash128 hash)
{
    __builtin_prefetch(&dedup->slots[tag_of(hash) & dedup->mask]);
}

static bool is_over(const struct dedup *dedup, uint64_t position, int64_t now_ms)
{
    return SHARED_LOAD(chunk_at(dedup, position)->newest_at_ms) + dedup->window_ms < now_ms;
}

bool dedup_must_drop(const struct dedup *dedup, int64_t now_ms)
{
    if (dedup->end % DEDUP_CHUNK != 0 || dedup->end == dedup->first)
        return false;
    return dedup->end - dedup->first == dedup->capacity || is_over(dedup, dedup->first, now_ms);
}

static void remove_range(struct dedup *dedup, uint64_t from, uint64_t to)
{
    for (uint64_t position = from; position < to; position++) {
        uint64_t place = position % dedup->capacity;
        slot_remove(dedup, tag_of(hash_at(dedup, place)), (uint32_t)place);
    }
}

void dedup_drop(struct dedup *dedup, int64_t now_ms)
{
    if (!is_over(dedup, dedup->first, now_ms))
        SHARED_STORE(dedup->dropped_at_ms, chunk_at(dedup, dedup->first)->newest_at_ms);
    remove_range(dedup, dedup->first, dedup->first + DEDUP_CHUNK);
    SHARED_STORE(dedup->first, dedup->first + DEDUP_CHUNK);
}

static void put(struct dedup *dedup, uint64_t position, struct hash128 hash)
{
    uint64_t place = position % dedup->capacity;
    SHARED_STORE(dedup->hashes[2 * place], hash.low);
    SHARED_STORE(dedup->hashes[2 * place + 1], hash.high);
    slot_add(dedup, tag_of(hash), (uint32_t)place);
}

void dedup_add(struct dedup *dedup, struct hash128 hash, int64_t now_ms)
{
    struct dedup_chunk *chunk = chunk_at(dedup, dedup->end);

    ASSERT(dedup->end - dedup->first < dedup->capacity);
    if (dedup->end % DEDUP_CHUNK == 0)
        SHARED_STORE(chunk->first_at_ms, now_ms);
    SHARED_STORE(chunk->newest_at_ms, now_ms);
    put(dedup, dedup->end, hash);
    SHARED_STORE(dedup->end, dedup->end + 1);
}

void dedup_mark(const struct dedup *dedup, struct dedup_mark *mark)
{
    *mark = (struct dedup_mark){
        .first = dedup->first, .end = dedup->end, .dropped_at_ms = dedup->dropped_at_ms,
        .newest_at_ms = dedup->end > 0 ? chunk_at(dedup, dedup->end - 1)->newest_at_ms : 0,
    };
}

void dedup_take_back(struct dedup *dedup, const struct dedup_mark *mark)
{
    /* Chunks that were added and dropped again since the mark are no longer in the index. */
    uint64_t from = dedup->first > mark->end ? dedup->first : mark->end;
    remove_range(dedup, from, dedup->end);
    SHARED_STORE(dedup->end, mark->end);
    if (dedup->first > mark->end)
        SHARED_STORE(dedup->first, mark->end);
    SHARED_STORE(dedup->dropped_at_ms, mark->dropped_at_ms);
    dedup->taken_back_ms = mark->newest_at_ms;
    if (mark->end > mark->first)
        SHARED_STORE(chunk_at(dedup, mark->end - 1)->newest_at_ms, mark->newest_at_ms);
}

struct record_head {
    uint64_t position;
    int64_t first_at_ms, newest_at_ms;
    uint32_t count, chunk;
};

static_assert(sizeof(struct record_head) == RECORD_HEAD, "as the header says");

uint32_t dedup_encode(const struct dedup *dedup, uint64_t position, void *out, uint32_t *count)
{
    uint64_t chunk_end = (position / DEDUP_CHUNK + 1) * DEDUP_CHUNK;
    uint64_t end = chunk_end < dedup->end ? chunk_end : dedup->end;
    const struct dedup_chunk *chunk = chunk_at(dedup, position);

    ASSERT(position >= dedup->first && position < dedup->end);
    *count = (uint32_t)(end - position);
    struct record_head head = {position, chunk->first_at_ms, chunk->newest_at_ms, *count, DEDUP_CHUNK};
    memcpy(out, &head, sizeof head);
    /* A chunk never wraps: the capacity is a multiple of it. */
    memcpy((char *)out + sizeof head, dedup->hashes + 2 * (position % dedup->capacity), *count * (size_t)HASH_BYTES);
    return RECORD_HEAD + *count * HASH_BYTES;
}

static bool record_open(struct slice record, struct record_head *head)
{
    if (record.size < RECORD_HEAD)
        return false;
    memcpy(head, record.data, sizeof *head);
    return head->chunk == DEDUP_CHUNK && head->count <= DEDUP_CHUNK && record.size == RECORD_HEAD + head->count * HASH_BYTES &&
           head->position % DEDUP_CHUNK + head->count <= DEDUP_CHUNK;
}

static void put_record(struct dedup *dedup, struct slice record, const struct record_head *head, uint64_t from, uint64_t to)
{
    for (uint64_t position = from; position < to; position++) {
        struct hash128 hash;
        memcpy(&hash, record.data + RECORD_HEAD + (position - head->position) * HASH_BYTES, sizeof hash);
        put(dedup, position, hash);
    }
    SHARED_STORE(chunk_at(dedup, head->position)->first_at_ms, head->first_at_ms);
    SHARED_STORE(chunk_at(dedup, head->position)->newest_at_ms, head->newest_at_ms);
}

void dedup_put_back(struct dedup *dedup, struct slice record)
{
    struct record_head head;
    bool is_record = record_open(record, &head);

    ASSERT(is_record);
    /* What was added after the mark, and dropped, is not wanted back. */
    uint64_t end = head.position + head.count < dedup->end ? head.position + head.count : dedup->end;
    if (head.position >= dedup->end)
        return;
    /* Only whole chunks are dropped: one that is wanted in part was being filled at the mark. */
    if (end < head.position + head.count)
        head.newest_at_ms = dedup->taken_back_ms;
    put_record(dedup, record, &head, head.position, end);
    SHARED_STORE(dedup->first, head.position);
}

void dedup_restore(struct dedup *dedup, const struct dedup_mark *mark)
{
    uint64_t room = dedup->capacity, first = mark->first;

    ASSERT(dedup->end == 0);
    while (mark->end - first > room)
        first += DEDUP_CHUNK;
    SHARED_STORE(dedup->first, first);
    SHARED_STORE(dedup->end, mark->end);
    SHARED_STORE(dedup->dropped_at_ms, mark->dropped_at_ms);
}

enum status dedup_load(struct dedup *dedup, struct slice record)
{
    struct record_head head;

    if (!record_open(record, &head))
        return STATUS_CORRUPT;
    if (head.position < dedup->first || head.position >= dedup->end)
        return STATUS_OK;
    uint64_t end = head.position + head.count < dedup->end ? head.position + head.count : dedup->end;
    put_record(dedup, record, &head, head.position, end);
    return STATUS_OK;
}

uint64_t dedup_hash(const struct dedup *dedup)
{
    uint64_t sum = hash_checksum(&dedup->end, sizeof dedup->end);

    for (uint64_t position = dedup->first; position < dedup->end; position++) {
        struct { uint64_t position; struct hash128 hash; } entry = {position, hash_at(dedup, position % dedup->capacity)};
        sum += hash_checksum(&entry, sizeof entry);
    }
    for (uint64_t position = dedup->first; position < dedup->end; position += DEDUP_CHUNK)
        sum += hash_checksum(chunk_at(dedup, position), sizeof(struct dedup_chunk));
    return sum;
}

bool dedup_find(const struct dedup *dedup, struct hash128 hash, int64_t now_ms)
{
    uint32_t tag = tag_of(hash);

    for (uint64_t i = tag & dedup->mask, tries = 0; tries <= dedup->mask; i = (i + 1) & dedup->mask, tries++) {
        uint64_t slot = SHARED_ACQUIRE(dedup->slots[i]);
        if (slot == 0)
            return false;
        if (slot >> 32 != tag)
            continue;
        uint32_t place = (uint32_t)slot - 1;
        struct hash128 here = hash_at(dedup, place);
        /* One whose window is over may stand before a newer one of the same id. */
        if (here.low == hash.low && here.high == hash.high && !is_over(dedup, place, now_ms))
            return true;
    }
    return false;
}

uint64_t dedup_count(const struct dedup *dedup)
{
    return SHARED_LOAD(dedup->end) - SHARED_LOAD(dedup->first);
}

int64_t dedup_reach_ms(const struct dedup *dedup, int64_t now_ms)
{
    int64_t dropped_at_ms = SHARED_LOAD(dedup->dropped_at_ms);
    int64_t reach_ms = now_ms - dropped_at_ms;
    return dropped_at_ms != 0 && reach_ms < dedup->window_ms ? reach_ms : dedup->window_ms;
}

uint64_t dedup_bytes(const struct dedup *dedup)
{
    return dedup->bytes;
}
