/* The secret is made from the key by our own mix, not by XXH3_generateSecret: that function is
 * outside the stable part of the library, and hashes in a data directory must outlive a
 * library's version. */
#include "base/hash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

static_assert(sizeof((struct hash_key *)0)->secret == XXH3_SECRET_DEFAULT_SIZE, "the secret's size is XXH3's");

enum { USER_ID_ON_STACK = 256 };

static uint64_t load_little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

void hash_key_init(struct hash_key *key, const unsigned char bytes[16])
{
    uint64_t low = load_little_endian(bytes);
    uint64_t high = load_little_endian(bytes + 8);
    for (uint64_t i = 0; i < sizeof key->secret / 8; i++) {
        /* Odd constants of SplitMix64 and of PCG: two unrelated walks, one per half of the key. */
        uint64_t word = hash_mix(low + (i + 1) * 0x9e3779b97f4a7c15ULL);
        word = hash_mix(word ^ (high + (i + 1) * 0xda942042e4dd58b5ULL));
        for (size_t b = 0; b < 8; b++)
            key->secret[i * 8 + b] = (unsigned char)(word >> (8 * b));
    }
}

uint64_t hash_64(const struct hash_key *key, const void *data, size_t size)
{
    uint64_t hash = XXH3_64bits_withSecret(data, size, key->secret, sizeof key->secret);
    return hash != 0 ? hash : 1;
}

static struct hash128 never_none(XXH128_hash_t hash)
{
    struct hash128 result = {hash.low64, hash.high64};
    if (result.low == 0 && result.high == 0)
        result.low = 1;
    return result;
}

struct hash128 hash_128(const struct hash_key *key, const void *data, size_t size)
{
    return never_none(XXH3_128bits_withSecret(data, size, key->secret, sizeof key->secret));
}

struct hash128 hash_user(const struct hash_key *key, char kind, const void *id, size_t size)
{
    ASSERT(kind == 'u' || kind == 'a');
    char text[2 + USER_ID_ON_STACK] = {kind, ':'};
    if (size <= USER_ID_ON_STACK) {
        if (size > 0)
            memcpy(text + 2, id, size);
        return hash_128(key, text, size + 2);
    }
    /* No event has such an id; a request's path may. */
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    if (XXH3_128bits_reset_withSecret(&state, key->secret, sizeof key->secret) != XXH_OK ||
        XXH3_128bits_update(&state, text, 2) != XXH_OK || XXH3_128bits_update(&state, id, size) != XXH_OK)
        UNREACHABLE("XXH3 takes any bytes");
    return never_none(XXH3_128bits_digest(&state));
}

uint64_t hash_checksum(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

/* org.apache.kafka.common.utils.Utils.murmur2: MurmurHash2, 32 bits, seed 0x9747b28c. */
static uint32_t murmur2(const unsigned char *data, size_t size)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28cU ^ (uint32_t)size;
    for (; size >= 4; data += 4, size -= 4) {
        uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (size >= 3)
        h ^= (uint32_t)data[2] << 16;
    if (size >= 2)
        h ^= (uint32_t)data[1] << 8;
    if (size >= 1)
        h = (h ^ data[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

uint32_t hash_partition(const void *key, size_t size, uint32_t partition_count)
{
    ASSERT(partition_count > 0);
    return (murmur2(key, size) & 0x7fffffffU) % partition_count;
}
