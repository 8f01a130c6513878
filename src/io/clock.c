#include "io/clock.h"

static int64_t read_ns(clockid_t id)
{
    struct timespec at;

    if (clock_gettime(id, &at) != 0)
        return 0;
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_cpu_ns(void)
{
    return (uint64_t)read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_of_thread_ns(pthread_t thread)
{
    clockid_t id;

    if (pthread_getcpuclockid(thread, &id) != 0)
        return 0;
    return (uint64_t)read_ns(id);
}

clockid_t clock_thread_handle(void)
{
    clockid_t id;

    return pthread_getcpuclockid(pthread_self(), &id) == 0 ? id : CLOCK_THREAD_CPUTIME_ID;
}

uint64_t clock_handle_ns(clockid_t handle)
{
    return (uint64_t)read_ns(handle);
}

uint64_t clock_process_cpu_ns(void)
{
    return (uint64_t)read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
