/* hash.h - keyed hashes of names, and the partitioner that Kafka producers use.
 *
 * Users and contents are named inside by keyed hashes (XXH3 with a secret derived from the
 * 128-bit key in the data directory's FORMAT), so that a state or a log of learning records
 * names nobody.  Hashes of the same bytes under different keys are unrelated.
 *
 * Threads: any; struct hash_key is read-only after init.
 * Memory:  none.
 * Failure: cannot fail.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    unsigned char secret[192]; /* XXH3_SECRET_DEFAULT_SIZE */
};

struct hash128 {
    uint64_t low;
    uint64_t high;
};

void hash_key_init(struct hash_key *key, const unsigned char bytes[16]);

/* Never 0, so that 0 can mean "none". */
uint64_t hash_64(const struct hash_key *key, const void *data, size_t size);
struct hash128 hash_128(const struct hash_key *key, const void *data, size_t size);

/* Key of a user's state: hash of "u:" or "a:" followed by the id.  Never {0, 0}. */
struct hash128 hash_user(const struct hash_key *key, char kind, const void *id, size_t size);

/* Unkeyed checksum for files: XXH3-64. */
uint64_t hash_checksum(const void *data, size_t size);

/* Partition of a key as Kafka's default (Java) partitioner computes it:
 * (murmur2(key) & 0x7fffffff) mod partition_count. */
uint32_t hash_partition(const void *key, size_t size, uint32_t partition_count);

/* A good 64-bit mix of an integer (finaliser of MurmurHash3). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

#endif
