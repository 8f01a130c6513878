#include "eventlog/place.h"

#include <stdlib.h>
#include <string.h>

void place_table_fini(struct place_table *table)
{
    free(table->places);
    free(table->runs);
    *table = (struct place_table){0};
}

static enum status reserve(struct place_table *table)
{
    if (table->count == table->capacity) {
        uint64_t capacity = table->capacity ? 2 * table->capacity : 64;
        uint64_t *places = realloc(table->places, capacity * sizeof *places);
        if (places == NULL)
            return STATUS_MEMORY;
        table->places = places;
        table->capacity = capacity;
    }
    if (table->run_count == table->run_capacity) {
        uint32_t capacity = table->run_capacity ? 2 * table->run_capacity : 4;
        struct place_run *runs = realloc(table->runs, capacity * sizeof *runs);
        if (runs == NULL)
            return STATUS_MEMORY;
        table->runs = runs;
        table->run_capacity = capacity;
    }
    return STATUS_OK;
}

enum status place_table_add(struct place_table *table, uint64_t offset, uint64_t ordinal, uint64_t byte)
{
    ASSERT(offset >= table->next_offset && ordinal >> PLACE_ORDINAL_BITS == 0 && byte >> PLACE_BYTE_BITS == 0);
    enum status status = reserve(table);
    if (status != STATUS_OK)
        return status;
    if (table->run_count == 0 || offset != table->next_offset)
        table->runs[table->run_count++] = (struct place_run){offset, table->dropped + table->count};
    table->places[table->count++] = ordinal << PLACE_BYTE_BITS | byte;
    table->next_offset = offset + 1;
    return STATUS_OK;
}

bool place_table_find(const struct place_table *table, uint64_t offset, uint64_t *ordinal, uint64_t *byte)
{
    uint32_t low = 0, high = table->run_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->runs[middle].first_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct place_run *run = &table->runs[low - 1];
    uint64_t index = run->index + (offset - run->first_offset);
    uint64_t end = low < table->run_count ? table->runs[low].index : table->dropped + table->count;
    if (index >= end || index < table->dropped)
        return false;
    uint64_t place = table->places[index - table->dropped];
    *ordinal = place >> PLACE_BYTE_BITS;
    *byte = place & (((uint64_t)1 << PLACE_BYTE_BITS) - 1);
    return true;
}

void place_table_trim(struct place_table *table, uint64_t ordinal)
{
    uint64_t gone = 0;
    uint32_t runs = 0;

    while (gone < table->count && table->places[gone] >> PLACE_BYTE_BITS < ordinal)
        gone++;
    memmove(table->places, table->places + gone, (table->count - gone) * sizeof *table->places);
    table->count -= gone;
    table->dropped += gone;
    /* A run goes when the next one begins at or before the first place kept. */
    while (runs + 1 < table->run_count && table->runs[runs + 1].index <= table->dropped)
        runs++;
    memmove(table->runs, table->runs + runs, (table->run_count - runs) * sizeof *table->runs);
    table->run_count -= runs;
    if (table->capacity > 64 && table->count < table->capacity / 4) {
        uint64_t capacity = table->capacity / 2;
        uint64_t *places = realloc(table->places, capacity * sizeof *places);
        if (places != NULL) {
            table->places = places;
            table->capacity = capacity;
        }
    }
}
