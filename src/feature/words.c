#include "feature/words.h"

#include <string.h>

#include "base/assert.h"

enum { HEAD_BYTES = 8, GROUP = 64, BLOCK = 8 };

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed records are little-endian");

static uint32_t bitmap_words(uint32_t count)
{
    return (count + GROUP - 1) / GROUP;
}

uint32_t words_packed_max(uint32_t count)
{
    return HEAD_BYTES + 8 * (bitmap_words(count) + count);
}

/* Appends the non-zero ones of `count` <= 64 words and returns their bitmap.  Most blocks are
 * empty window buckets and are skipped whole; within the others a store without a branch is
 * cheaper than a branch that goes either way. */
static uint64_t pack_group(const uint64_t *words, uint32_t count, char **out)
{
    uint64_t bitmap = 0;
    uint32_t i = 0;
    char *to = *out;
    for (; i + BLOCK <= count; i += BLOCK) {
        const uint64_t *w = words + i;
        if (((w[0] | w[1]) | (w[2] | w[3]) | ((w[4] | w[5]) | (w[6] | w[7]))) == 0)
            continue;
        for (uint32_t k = 0; k < BLOCK; k++) {
            uint64_t is_set = w[k] != 0;
            memcpy(to, &w[k], 8);
            to += 8 * is_set;
            bitmap |= is_set << (i + k);
        }
    }
    for (; i < count; i++) {
        uint64_t is_set = words[i] != 0;
        memcpy(to, &words[i], 8);
        to += 8 * is_set;
        bitmap |= is_set << i;
    }
    *out = to;
    return bitmap;
}

uint32_t words_pack(const uint64_t *words, uint32_t count, uint32_t version, void *packed)
{
    char *bitmap = (char *)packed + HEAD_BYTES;
    char *out = bitmap + 8 * bitmap_words(count);
    memcpy(packed, &version, 4);
    memcpy((char *)packed + 4, &count, 4);
    for (uint32_t first = 0; first < count; first += GROUP, bitmap += 8) {
        uint32_t here = count - first < GROUP ? count - first : GROUP;
        uint64_t bits = pack_group(words + first, here, &out);
        memcpy(bitmap, &bits, 8);
    }
    return (uint32_t)(out - (char *)packed);
}

/* Do head, bitmap and size agree? */
static bool is_packed(const char *packed, uint32_t size, uint32_t version, uint32_t count)
{
    uint32_t head[2], set_bits = 0, groups = bitmap_words(count);
    if (size < HEAD_BYTES + 8 * groups)
        return false;
    memcpy(head, packed, sizeof head);
    if (head[0] != version || head[1] != count)
        return false;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < groups; i++) {
        memcpy(&bits, packed + HEAD_BYTES + 8 * i, 8);
        set_bits += (uint32_t)__builtin_popcountll(bits);
    }
    if (count % GROUP != 0 && bits >> (count % GROUP) != 0)
        return false;
    return size == HEAD_BYTES + 8 * (groups + set_bits);
}

bool words_unpack(const void *packed, uint32_t size, uint32_t version, uint64_t *words, uint32_t count)
{
    if (!is_packed(packed, size, version, count))
        return false;
    const char *bitmap = (const char *)packed + HEAD_BYTES;
    const char *in = bitmap + 8 * bitmap_words(count);
    memset(words, 0, 8 * (size_t)count);
    for (uint32_t first = 0; first < count; first += GROUP, bitmap += 8) {
        uint64_t bits;
        memcpy(&bits, bitmap, 8);
        while (bits != 0) {
            memcpy(&words[first + (uint32_t)__builtin_ctzll(bits)], in, 8);
            in += 8;
            bits &= bits - 1;
        }
    }
    return true;
}
