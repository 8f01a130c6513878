/* The order that no ring is lost by: a ringer moves the count, then looks for sleepers; a
 * sleeper names itself, then lets the kernel compare the count.  Both pairs are sequentially
 * consistent, so at least one sees the other. */
#include "base/bell.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void bell_init(struct bell *bell)
{
    *bell = (struct bell){0};
}

uint32_t bell_seen(const struct bell *bell)
{
    return __atomic_load_n(&bell->count, __ATOMIC_ACQUIRE);
}

void bell_ring(struct bell *bell)
{
    __atomic_add_fetch(&bell->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->sleepers, __ATOMIC_SEQ_CST) > 0)
        syscall(SYS_futex, &bell->count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

void bell_wait(struct bell *bell, uint32_t seen, int timeout_ms)
{
    if (bell_seen(bell) != seen || timeout_ms == 0)
        return;
    struct timespec deadline = {0};
    if (timeout_ms > 0)
        deadline = deadline_after(timeout_ms);
    __atomic_add_fetch(&bell->sleepers, 1, __ATOMIC_SEQ_CST);
    /* Each turn is a ring, the deadline, or a signal; only a signal turns again. */
    while (__atomic_load_n(&bell->count, __ATOMIC_SEQ_CST) == seen) {
        long result = syscall(SYS_futex, &bell->count, FUTEX_WAIT_BITSET_PRIVATE, seen,
                              timeout_ms > 0 ? &deadline : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
        if (result != 0 && errno == ETIMEDOUT)
            break;
    }
    __atomic_sub_fetch(&bell->sleepers, 1, __ATOMIC_SEQ_CST);
}
