/* clock.h - the only place where time comes from.
 *
 * Deciding code takes time as an argument; it is read here, at the edges.
 *
 * Threads: any.
 * Memory:  none.
 * Failure: cannot fail; the CPU time of a thread that has ended is 0.
 */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970, UTC; may be set back by the operator. */
int64_t clock_wall_ms(void);
/* Nanoseconds since some point; never goes back. */
int64_t clock_monotonic_ns(void);
/* User plus system CPU time of the calling thread. */
uint64_t clock_thread_cpu_ns(void);
/* The same of another thread, which the caller knows not to be joined yet. */
uint64_t clock_of_thread_ns(pthread_t thread);
/* A name for the calling thread's CPU clock that others may read at any time: 0 after its end. */
clockid_t clock_thread_handle(void);
uint64_t clock_handle_ns(clockid_t handle);
/* User plus system CPU time of the process. */
uint64_t clock_process_cpu_ns(void);

#endif
