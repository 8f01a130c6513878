/* bell.h - a thread sleeps until something happened.
 *
 * A counter with a futex.  The sleeper reads the count, looks at its work, and sleeps only
 * if the count has not moved since; so no ring is ever missed.  Ringing costs one atomic add
 * when nobody sleeps and a system call when somebody does.
 *
 * Threads: any ringers, any sleepers.
 * Memory:  inline.
 * Failure: cannot fail.
 */
#ifndef BASE_BELL_H
#define BASE_BELL_H

#include <stdint.h>

struct bell {
    uint32_t count;
    uint32_t sleepers;
};

void bell_init(struct bell *bell);
uint32_t bell_seen(const struct bell *bell);
void bell_ring(struct bell *bell);

/* Returns at once if the count is no longer seen; else on a ring or after timeout_ms
 * (negative: without end). */
void bell_wait(struct bell *bell, uint32_t seen, int timeout_ms);

#endif
