/* Goal: a position that a client sends back is read as it was given, and nothing else is one.
 * Method: accepted text must match the grammar by a second reading with strtoull; what it says
 * about 16 partitions, rendered again, says the same. */
#include "fuzz.h"

#include "collect/position.h"

enum { PARTITIONS = 16, DIGITS_MAX = 19 };

/* "" or p:o{,p:o}; raises found[p]. */
static bool read_again(const char *text, uint64_t found[PARTITIONS])
{
    if (*text == 0)
        return true;
    for (;;) {
        size_t digits = strspn(text, "0123456789");
        uint64_t partition = strtoull(text, NULL, 10);
        text += digits;
        if (digits == 0 || digits > DIGITS_MAX || *text++ != ':')
            return false;
        digits = strspn(text, "0123456789");
        uint64_t offset = strtoull(text, NULL, 10);
        text += digits;
        if (digits == 0 || digits > DIGITS_MAX)
            return false;
        if (partition < PARTITIONS && offset > found[partition])
            found[partition] = offset;
        if (*text == 0)
            return true;
        if (*text++ != ',')
            return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    uint64_t expected[PARTITIONS] = {0}, offset;
    struct position position;
    char rendered[1 + PARTITIONS * POSITION_ENTRY_SIZE];

    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    copy[size] = 0;
    bool holds = memchr(data, 0, size) == NULL && read_again(copy, expected);
    free(copy);
    FUZZ_CHECK(position_find(text, 0, &offset) == holds);
    if (!holds)
        return 0;
    FUZZ_CHECK(position_init(&position, PARTITIONS) == STATUS_OK);
    for (uint32_t p = PARTITIONS; p-- > 0;) {
        FUZZ_CHECK(position_find(text, p, &offset) && offset == expected[p]);
        position_add(&position, p, offset);
    }
    uint32_t rendered_size = position_render(&position, rendered, sizeof rendered);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        FUZZ_CHECK(position_find(slice_make(rendered, rendered_size), p, &offset) && offset == expected[p]);
    position_fini(&position);
    return 0;
}
