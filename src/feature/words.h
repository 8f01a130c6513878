/* words.h - a record of many zeros, kept as a bitmap and the words that are not zero.
 *
 * | field    | bytes                | meaning                                            |
 * |----------|----------------------|----------------------------------------------------|
 * | version  | 4                    | of the layout: low half of layout.version          |
 * | count    | 4                    | words of the whole record                          |
 * | bitmap   | 8 * ceil(count / 64) | bit i of word j: word 64 j + i is not zero         |
 * | words    | 8 * set bits         | those words, in order                              |
 *
 * Little-endian.  Two equal records pack to equal bytes, so packed forms can be compared
 * and hashed.
 *
 * Threads: pure.
 * Memory:  the caller's.
 * Failure: words_unpack returns false when size, version or count do not fit.
 */
#ifndef FEATURE_WORDS_H
#define FEATURE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Largest packed size of count words. */
uint32_t words_packed_max(uint32_t count);
/* packed: words_packed_max(count) bytes. Returns bytes written, a multiple of 8. */
uint32_t words_pack(const uint64_t *words, uint32_t count, uint32_t version, void *packed);
bool words_unpack(const void *packed, uint32_t size, uint32_t version, uint64_t *words, uint32_t count);

#endif
