/* shared.h - one writer, many readers, no locks.
 *
 * A datum has one writing thread.  Others read it while it changes, by two rules:
 * - a single word (a counter, a weight, a reference) is read and written whole with relaxed
 *   atomics: SHARED_LOAD / SHARED_STORE.  What is read may be a moment old.
 * - a record of many words is bracketed by a sequence (odd while it changes).  A reader
 *   copies it and keeps the copy only if the sequence was even and did not move.
 * On x86-64 both cost what plain moves cost.
 *
 * Threads: one writer per datum, any readers.
 * Memory:  none.
 * Failure: shared_copy gives up after SHARED_TRIES torn copies and returns false.
 */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_LOAD(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define SHARED_STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
/* Pairs of a publishing store and the load that sees all that was stored before it. */
#define SHARED_ACQUIRE(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define SHARED_RELEASE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
/* A counter with one writing thread. */
#define SHARED_ADD(place, amount) SHARED_STORE(place, SHARED_LOAD(place) + (amount))

/* SHARED_* on a float or double: __atomic_load_n takes integers only, so weights are kept
 * in uint32_t / uint64_t words or read through these. */
float shared_load_float(const float *place);
void shared_store_float(float *place, float value);

/* Writer: word-wise (8 bytes) relaxed stores between two steps of *sequence.
 * destination, source are 8-byte aligned and size a multiple of 8. */
void shared_publish(uint32_t *sequence, void *destination, const void *source, size_t size);

/* Writer, when the record is changed by parts: begin makes the sequence odd, end even. */
void shared_begin(uint32_t *sequence);
void shared_end(uint32_t *sequence);

/* Reader: one attempt. Returns false if the copy may be torn. */
bool shared_try_copy(const uint32_t *sequence, void *destination, const void *source, size_t size);

#endif
