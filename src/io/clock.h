/* clock.h - the only place where time comes from.
 *
 * Deciding code takes time as an argument; it is read here, at the edges.
 *
 * Threads: any.
 * Memory:  none.
 * Failure: cannot fail; clock_of_thread_ns returns 0 for a thread that has ended.
 */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <pthread.h>
#include <stdint.h>

/* Milliseconds since 1970, UTC; may be set back by the operator. */
int64_t clock_wall_ms(void);
/* Nanoseconds since some point; never goes back. */
int64_t clock_monotonic_ns(void);
/* User plus system CPU time of the calling thread. */
uint64_t clock_thread_cpu_ns(void);
/* The same of another thread, which the caller knows not to be joined yet. */
uint64_t clock_of_thread_ns(pthread_t thread);
/* User plus system CPU time of the process. */
uint64_t clock_process_cpu_ns(void);

#endif
