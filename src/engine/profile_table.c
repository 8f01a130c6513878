#include "engine/profile_table.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/shared.h"

/* References: bit 63 a slot's address, bit 62 a place in the changelog. */
#define REFERENCE_SLOT (1ULL << 63)
#define REFERENCE_PLACE (1ULL << 62)

enum { IMAGE_HEAD = sizeof(struct profile_image), PREFETCH_LINES = 6, LINE = 64 };

/* A reader spins while a profile is being published; a worker that lost its core in the middle
 * of that comes back in milliseconds, so from then on the reader sleeps in between.  At the end
 * of all tries (a second) the worker is not running at all. */
enum { READ_SPINS = 2000, READ_SLEEPS = 20000, READ_SLEEP_NS = 50000 };

static_assert(sizeof(struct profile_slot) == 64, "a slot's head is one line");

static uint64_t slot_reference(const struct profile_slot *slot)
{
    return REFERENCE_SLOT | (uint64_t)(uintptr_t)slot;
}

static struct profile_slot *slot_of(uint64_t reference)
{
    return (struct profile_slot *)(uintptr_t)(reference & ~REFERENCE_SLOT);
}

static bool is_same(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

enum status profile_table_init(struct profile_table *table, uint16_t number, struct slab *slab, struct changelog *changelog,
                               const struct layout *layout)
{
    *table = (struct profile_table){
        .slab = slab, .changelog = changelog, .layout = layout, .number = number, .open_list = PROFILE_LIST_A,
        .packed_max = profile_packed_max(layout),
    };
    table->scratch = calloc(1, IMAGE_HEAD + table->packed_max);
    table->unpacked = calloc(1, profile_bytes(layout));
    if (table->scratch == NULL || table->unpacked == NULL || table->packed_max > PROFILE_TABLE_RECORD_MAX)
        return STATUS_MEMORY;
    return key_index_init(&table->index);
}

void profile_table_fini(struct profile_table *table)
{
    key_index_fini(&table->index);
    free(table->scratch);
    free(table->unpacked);
    for (int i = 0; i < 3; i++)
        free(table->lists[i].slots);
}

/* At load only the low half is known of those already here: two people of one low half
 * (1 in 2^64 pairs) would be taken for one, and the one whose record is then read back finds
 * another's key in it and starts anew. */
enum status profile_table_load(struct profile_table *table, struct hash128 key, changelog_place place)
{
    uint32_t cursor = 0;
    uint64_t *reference = key_index_find(&table->index, key.low, &cursor);

    if (reference != NULL) {
        SHARED_RELEASE(*reference, REFERENCE_PLACE | place);
        return STATUS_OK;
    }
    if (!key_index_add(&table->index, key.low, REFERENCE_PLACE | place))
        return STATUS_MEMORY;
    SHARED_ADD(table->users, 1);
    return STATUS_OK;
}

changelog_place profile_table_place(struct profile_table *table, struct hash128 key)
{
    uint32_t cursor = 0;
    const uint64_t *reference = key_index_find(&table->index, key.low, &cursor);
    return reference != NULL && (*reference & REFERENCE_PLACE) ? *reference & ~REFERENCE_PLACE : 0;
}

void profile_table_prefetch_index(const struct profile_table *table, struct hash128 key)
{
    key_index_prefetch(&table->index, key.low);
}

void profile_table_prefetch_slot(struct profile_table *table, struct hash128 key)
{
    uint32_t cursor = 0;
    const uint64_t *reference = key_index_find(&table->index, key.low, &cursor);
    if (reference == NULL || !(*reference & REFERENCE_SLOT))
        return;
    const char *slot = (const char *)slot_of(*reference);
    for (int i = 0; i < PREFETCH_LINES; i++)
        __builtin_prefetch(slot + i * LINE);
}

static uint64_t *reference_of(struct profile_table *table, const struct profile_slot *slot)
{
    uint32_t cursor = 0;
    uint64_t *reference;
    do {
        reference = key_index_find(&table->index, slot->image.key.low, &cursor);
        ASSERT(reference != NULL);
    } while (*reference != slot_reference(slot));
    return reference;
}

/* A fresh slot that holds the scratch image. */
static struct profile_slot *slot_create(struct profile_table *table)
{
    uint32_t size = table->scratch->size;
    struct profile_slot *slot = slab_take(table->slab, (uint32_t)sizeof *slot + size);

    if (slot == NULL)
        return NULL;
    if (SHARED_LOAD(slot->sequence) & 1)
        SHARED_STORE(slot->sequence, slot->sequence + 1);
    SHARED_STORE(slot->place, 0);
    SHARED_STORE(slot->undo_generation, 0);
    SHARED_STORE(slot->checkpoint, 0);
    SHARED_STORE(slot->table, table->number);
    SHARED_STORE(slot->list, PROFILE_LIST_NONE);
    SHARED_STORE(slot->is_used_lately, 1);
    shared_publish(&slot->sequence, &slot->image, table->scratch, IMAGE_HEAD + size);
    SHARED_ADD(table->resident, 1);
    SHARED_ADD(table->resident_bytes, slab_class_bytes((uint32_t)sizeof *slot + size));
    return slot;
}

/* Readers that still look here find another sequence and no key. */
static void slot_clear(struct profile_table *table, struct profile_slot *slot)
{
    SHARED_STORE(table->resident_bytes,
                 table->resident_bytes - slab_class_bytes((uint32_t)sizeof *slot + slot->image.size));
    SHARED_STORE(table->resident, table->resident - 1);
    shared_begin(&slot->sequence);
    SHARED_STORE(slot->image.size, 0);
    SHARED_STORE(slot->image.key.low, 0);
    SHARED_STORE(slot->image.key.high, 0);
    shared_end(&slot->sequence);
}

/* Reads the record behind a place into scratch; *slot NULL when it is somebody else's. */
static enum status read_back(struct profile_table *table, struct hash128 key, uint64_t *reference, struct profile_slot **slot)
{
    changelog_place place = *reference & ~REFERENCE_PLACE;
    uint32_t size = 0;
    enum status status = changelog_read(table->changelog, place, table->scratch->words, table->packed_max, &size);

    *slot = NULL;
    if (status != STATUS_OK)
        return status;
    if (!profile_unpack(table->scratch->words, size, table->layout, table->unpacked))
        return STATUS_CORRUPT;
    if (!is_same(table->unpacked->key, key))
        return STATUS_OK;
    table->scratch->key = key;
    table->scratch->size = size;
    *slot = slot_create(table);
    if (*slot == NULL)
        return STATUS_MEMORY;
    SHARED_STORE((*slot)->place, place);
    SHARED_STORE((*slot)->deadline_ms, table->unpacked->timer_at_ms);
    /* slot_create may have evicted, which changes references but moves none. */
    SHARED_RELEASE(*reference, slot_reference(*slot));
    return STATUS_OK;
}

enum status profile_table_find(struct profile_table *table, struct hash128 key, struct profile_slot **slot)
{
    uint32_t cursor = 0;
    uint64_t *reference;

    while ((reference = key_index_find(&table->index, key.low, &cursor)) != NULL) {
        if (*reference & REFERENCE_SLOT) {
            *slot = slot_of(*reference);
            if (is_same((*slot)->image.key, key)) {
                SHARED_STORE((*slot)->is_used_lately, 1);
                return STATUS_OK;
            }
        } else if (*reference & REFERENCE_PLACE) {
            enum status status = read_back(table, key, reference, slot);
            if (status != STATUS_OK || *slot != NULL)
                return status;
        }
    }
    *slot = NULL;
    return STATUS_OK;
}

static bool add_reference(struct profile_table *table, struct hash128 key, uint64_t value)
{
    uint32_t cursor = 0;
    uint64_t *reference;

    while ((reference = key_index_find(&table->index, key.low, &cursor)) != NULL)
        if (*reference == 0) {
            SHARED_RELEASE(*reference, value);
            return true;
        }
    return key_index_add(&table->index, key.low, value);
}

/* In its slot while the class stays. */
static bool fits(const struct profile_slot *slot, uint32_t size)
{
    uint32_t has = slab_class_bytes((uint32_t)sizeof *slot + slot->image.size);
    return slab_class_bytes((uint32_t)sizeof *slot + size) == has;
}

static enum status move_slot(struct profile_table *table, struct profile_slot **slot)
{
    struct profile_slot *old = *slot, *fresh = slot_create(table);

    if (fresh == NULL)
        return STATUS_MEMORY;
    SHARED_STORE(fresh->place, old->place);
    SHARED_STORE(fresh->undo_generation, old->undo_generation);
    SHARED_STORE(fresh->checkpoint, old->checkpoint);
    SHARED_STORE(fresh->list, old->list);
    SHARED_STORE(fresh->list_place, old->list_place);
    if (fresh->list != PROFILE_LIST_NONE)
        table->lists[fresh->list].slots[fresh->list_place] = fresh;
    uint64_t *reference = reference_of(table, old);
    SHARED_RELEASE(*reference, slot_reference(fresh));
    slot_clear(table, old);
    slab_give(table->slab, old);
    *slot = fresh;
    return STATUS_OK;
}

enum status profile_table_store(struct profile_table *table, struct hash128 key, uint32_t size, int64_t deadline_ms,
                                struct profile_slot **slot)
{
    struct profile_image *scratch = table->scratch;

    ASSERT(size > 0 && size % 8 == 0 && size <= table->packed_max);
    scratch->key = key;
    scratch->size = size;
    uint32_t size_before = *slot != NULL ? (*slot)->image.size : 0;
    if (*slot == NULL) {
        *slot = slot_create(table);
        if (*slot == NULL || !add_reference(table, key, slot_reference(*slot)))
            return STATUS_MEMORY;
        SHARED_ADD(table->users, 1);
    } else if (fits(*slot, size)) {
        shared_publish(&(*slot)->sequence, &(*slot)->image, scratch, IMAGE_HEAD + size);
    } else {
        enum status status = move_slot(table, slot);
        if (status != STATUS_OK)
            return status;
    }
    SHARED_STORE((*slot)->deadline_ms, deadline_ms);
    SHARED_STORE(table->live_bytes, table->live_bytes + size - size_before);
    return STATUS_OK;
}

void profile_table_remove(struct profile_table *table, struct profile_slot *slot)
{
    profile_table_unmark(table, slot);
    uint64_t *reference = reference_of(table, slot);
    SHARED_RELEASE(*reference, 0);
    SHARED_STORE(table->users, table->users - 1);
    SHARED_STORE(table->live_bytes, table->live_bytes - slot->image.size);
    slot_clear(table, slot);
    slab_give(table->slab, slot);
}

enum status profile_table_mark(struct profile_table *table, struct profile_slot *slot)
{
    struct profile_list *list = &table->lists[table->open_list];

    ASSERT(slot->list == PROFILE_LIST_NONE);
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct profile_slot **slots = realloc(list->slots, capacity * sizeof *slots);
        if (slots == NULL)
            return STATUS_MEMORY;
        list->slots = slots;
        list->capacity = capacity;
    }
    SHARED_STORE(slot->list, table->open_list);
    SHARED_STORE(slot->list_place, list->count);
    list->slots[list->count++] = slot;
    return STATUS_OK;
}

void profile_table_unmark(struct profile_table *table, struct profile_slot *slot)
{
    if (slot->list == PROFILE_LIST_NONE)
        return;
    ASSERT(table->lists[slot->list].slots[slot->list_place] == slot);
    table->lists[slot->list].slots[slot->list_place] = NULL;
    SHARED_STORE(slot->list, PROFILE_LIST_NONE);
}

void profile_table_turn(struct profile_table *table)
{
    uint8_t writing = profile_table_writing(table);
    ASSERT(table->lists[writing].count == 0);
    table->open_list = writing;
}

enum status profile_table_mark_written(struct profile_table *table, uint32_t checkpoint)
{
    uint64_t cursor = 0, low, *reference;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && key_index_next(&table->index, &cursor, &low, &reference)) {
        if (!(*reference & REFERENCE_SLOT))
            continue;
        struct profile_slot *slot = slot_of(*reference);
        if (slot->checkpoint != checkpoint)
            continue;
        SHARED_STORE(slot->place, 0);
        if (slot->list == PROFILE_LIST_NONE)
            status = profile_table_mark(table, slot);
    }
    return status;
}

changelog_place profile_table_written(struct profile_table *table, struct hash128 key)
{
    uint32_t cursor = 0;
    const uint64_t *reference;

    while ((reference = key_index_find(&table->index, key.low, &cursor)) != NULL) {
        if (*reference & REFERENCE_PLACE)
            return *reference & ~REFERENCE_PLACE;
        if ((*reference & REFERENCE_SLOT) && is_same(slot_of(*reference)->image.key, key))
            return slot_of(*reference)->place;
    }
    return 0;
}

void profile_table_moved(struct profile_table *table, struct hash128 key, changelog_place from, changelog_place to)
{
    uint32_t cursor = 0;
    uint64_t *reference;

    while ((reference = key_index_find(&table->index, key.low, &cursor)) != NULL) {
        if (*reference == (REFERENCE_PLACE | from))
            SHARED_RELEASE(*reference, REFERENCE_PLACE | to);
        else if ((*reference & REFERENCE_SLOT) && slot_of(*reference)->place == from)
            SHARED_STORE(slot_of(*reference)->place, to);
    }
}

bool profile_table_is_taken(const void *item)
{
    const struct profile_slot *slot = item;
    return slot->image.size != 0;
}

bool profile_table_evict(void *context, void *item)
{
    struct profile_table *const *tables = context;
    struct profile_slot *slot = item;
    struct profile_table *table = tables[slot->table];

    if (slot->list != PROFILE_LIST_NONE || slot->place == 0 || slot->checkpoint > table->checkpoint_committed)
        return false;
    if (slot->is_used_lately) {
        SHARED_STORE(slot->is_used_lately, 0);
        return false;
    }
    uint64_t *reference = reference_of(table, slot);
    SHARED_RELEASE(*reference, REFERENCE_PLACE | slot->place);
    slot_clear(table, slot);
    return true;
}

enum status profile_table_hash(struct profile_table *table, uint64_t *hash)
{
    uint64_t cursor = 0, low, *reference;

    *hash = 0;
    while (key_index_next(&table->index, &cursor, &low, &reference)) {
        const struct profile_image *image = table->scratch;
        if (*reference & REFERENCE_SLOT) {
            image = &slot_of(*reference)->image;
        } else {
            uint32_t size = 0;
            enum status status = changelog_read(table->changelog, *reference & ~REFERENCE_PLACE, table->scratch->words,
                                                table->packed_max, &size);
            if (status != STATUS_OK)
                return status;
            if (!profile_unpack(table->scratch->words, size, table->layout, table->unpacked))
                return STATUS_CORRUPT;
            table->scratch->key = table->unpacked->key;
            table->scratch->size = size;
            table->scratch->reserved = 0;
        }
        *hash += hash_checksum(image, IMAGE_HEAD + image->size);
    }
    return STATUS_OK;
}

/* ---- readers ---- */

enum reading { READING_DONE, READING_OTHER, READING_TORN, READING_FAILED };

static enum reading read_slot(const struct profile_table *table, const struct profile_slot *slot, struct hash128 key,
                              struct profile *profile)
{
    uint64_t buffer[(IMAGE_HEAD + PROFILE_TABLE_RECORD_MAX) / 8];
    struct profile_image *image = (struct profile_image *)buffer;
    uint32_t size = SHARED_LOAD(slot->image.size);

    if (size == 0 || size > table->packed_max || size % 8 != 0)
        return READING_TORN;
    if (!shared_try_copy(&slot->sequence, image, &slot->image, IMAGE_HEAD + size) || image->size != size)
        return READING_TORN;
    if (!is_same(image->key, key))
        return READING_OTHER;
    if (!profile_unpack(image->words, size, table->layout, profile) || !is_same(profile->key, key))
        return READING_TORN;
    return READING_DONE;
}

static enum reading read_place(const struct profile_table *table, changelog_place place, struct hash128 key,
                               struct profile *profile)
{
    uint64_t buffer[PROFILE_TABLE_RECORD_MAX / 8];
    uint32_t size = 0;

    enum status status = changelog_read(table->changelog, place, buffer, table->packed_max, &size);
    /* A segment that was dropped meanwhile: the reference has changed too. */
    if (status == STATUS_NOT_FOUND)
        return READING_TORN;
    if (status != STATUS_OK || !profile_unpack(buffer, size, table->layout, profile))
        return READING_FAILED;
    return is_same(profile->key, key) ? READING_DONE : READING_OTHER;
}

/* One pass over the entries of the key. */
static enum reading read_once(const struct profile_table *table, struct hash128 key, struct profile *profile, bool *is_nobody)
{
    uint32_t cursor = 0, cursor_before = 0;
    uint64_t reference;
    enum reading worst = READING_DONE;

    *is_nobody = false;
    while ((reference = key_index_lookup(&table->index, key.low, &cursor)) != 0) {
        enum reading reading = reference & REFERENCE_SLOT
                                   ? read_slot(table, slot_of(reference), key, profile)
                                   : read_place(table, reference & ~REFERENCE_PLACE, key, profile);
        /* What was copied was this person's all the while only if the reference still stands. */
        uint32_t again = cursor_before;
        if (reading == READING_DONE)
            return key_index_lookup(&table->index, key.low, &again) == reference ? READING_DONE : READING_TORN;
        if (reading == READING_FAILED)
            return reading;
        worst = reading;
        cursor_before = cursor;
    }
    *is_nobody = worst == READING_DONE;
    return worst;
}

bool profile_table_read(struct profile_table *table, struct hash128 key, struct profile *profile)
{
    static const struct timespec pause = {0, READ_SLEEP_NS};
    bool is_nobody = false;
    enum reading reading = READING_TORN;

    key_index_enter(&table->index);
    for (int i = 0; i < READ_SPINS + READ_SLEEPS && (reading == READING_TORN || reading == READING_OTHER); i++) {
        if (i >= READ_SPINS)
            nanosleep(&pause, NULL);
        reading = read_once(table, key, profile, &is_nobody);
    }
    key_index_leave(&table->index);
    return reading == READING_DONE && !is_nobody;
}
