#include "collect/position.h"

#include <stdio.h>
#include <stdlib.h>

enum status position_init(struct position *position, uint32_t partition_count)
{
    *position = (struct position){.partition_count = partition_count};
    position->next = calloc(partition_count, sizeof *position->next);
    position->touched = calloc(partition_count, sizeof *position->touched);
    if (position->next == NULL || position->touched == NULL) {
        position_fini(position);
        return STATUS_MEMORY;
    }
    return STATUS_OK;
}

void position_fini(struct position *position)
{
    free(position->next);
    free(position->touched);
    position->next = NULL;
    position->touched = NULL;
}

void position_reset(struct position *position)
{
    for (uint32_t i = 0; i < position->touched_count; i++)
        position->next[position->touched[i]] = 0;
    position->touched_count = 0;
}

void position_add(struct position *position, uint32_t partition, uint64_t next_offset)
{
    ASSERT(partition < position->partition_count);
    if (next_offset == 0)
        return;
    if (position->next[partition] == 0)
        position->touched[position->touched_count++] = partition;
    if (position->next[partition] < next_offset)
        position->next[partition] = next_offset;
}

/* Few partitions, nearly in order: insertion is the shortest and fast enough. */
static void sort_touched(struct position *position)
{
    uint32_t *touched = position->touched;

    for (uint32_t i = 1; i < position->touched_count; i++) {
        uint32_t partition = touched[i];
        uint32_t j = i;
        for (; j > 0 && touched[j - 1] > partition; j--)
            touched[j] = touched[j - 1];
        touched[j] = partition;
    }
}

uint32_t position_render(struct position *position, char *text, size_t capacity)
{
    size_t size = 0;

    ASSERT(capacity >= 1 + (size_t)position->touched_count * POSITION_ENTRY_SIZE);
    sort_touched(position);
    text[0] = '\0';
    for (uint32_t i = 0; i < position->touched_count; i++) {
        uint32_t partition = position->touched[i];
        int written = snprintf(text + size, capacity - size, "%s%u:%lu", i > 0 ? "," : "", partition,
                               (unsigned long)position->next[partition]);
        size += (size_t)written;
    }
    return (uint32_t)size;
}

/* Reads digits; false when there are none or too many. */
static bool take_number(struct slice *text, uint64_t *number)
{
    enum { DIGITS_MAX = 19 }; /* below 2^64 */
    uint32_t digits = 0;

    *number = 0;
    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9') {
        if (digits == DIGITS_MAX)
            return false;
        *number = *number * 10 + (uint64_t)(text->data[digits] - '0');
        digits++;
    }
    text->data += digits;
    text->size -= digits;
    return digits > 0;
}

bool position_find(struct slice text, uint32_t partition, uint64_t *next_offset)
{
    *next_offset = 0;
    while (text.size > 0) {
        uint64_t number = 0;
        uint64_t offset = 0;
        if (!take_number(&text, &number) || text.size == 0 || *text.data != ':')
            return false;
        text.data++;
        text.size--;
        if (!take_number(&text, &offset))
            return false;
        if (number == partition && offset > *next_offset)
            *next_offset = offset;
        if (text.size == 0)
            return true;
        if (*text.data != ',')
            return false;
        text.data++;
        text.size--;
        if (text.size == 0)
            return false;
    }
    return true;
}
