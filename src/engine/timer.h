/* timer.h - a task's deadlines, earliest first, ties by key.
 *
 * One heap of {deadline, key}.  A person has one timer, whose deadline stands in the profile
 * (timer_at_ms); an entry that does not agree with it is stale and is thrown away by whoever
 * takes it.  So nothing is ever searched for, and undo puts an entry back by adding it.
 *
 * Threads: the worker; timer_next_ms any.
 * Memory:  24 bytes an entry, doubled as needed.
 * Failure: timer_add returns STATUS_MEMORY.
 */
#ifndef ENGINE_TIMER_H
#define ENGINE_TIMER_H

#include "base/hash.h"
#include "base/status.h"

struct timer {
    int64_t deadline_ms;
    struct hash128 key;
};

struct timer_heap {
    struct timer *entries;
    uint32_t count, capacity;
    int64_t next_ms; /* shared: of the first entry; 0: none */
};

void timer_init(struct timer_heap *heap);
void timer_fini(struct timer_heap *heap);
enum status timer_add(struct timer_heap *heap, int64_t deadline_ms, struct hash128 key) MUST_CHECK;
/* The earliest entry if it is due; it is taken out. */
bool timer_take(struct timer_heap *heap, int64_t now_ms, struct timer *timer);
int64_t timer_next_ms(const struct timer_heap *heap);

#endif
