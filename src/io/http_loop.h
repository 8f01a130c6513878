/* http_loop.h - one event loop: a libmicrohttpd daemon that our thread polls.
 *
 * A round: take what was woken, let the daemon read and write, tick the application, sleep.
 * The loop sleeps in its own epoll on {the daemon's epoll, an eventfd, lingering sockets}, so
 * that the instant of the wake-up is known and other threads can end the sleep.
 *
 * Waking: http_wake pushes the exchange on a stack and rings only if the loop sleeps or is
 * about to (is_sleeping is set before the stack is looked at a last time; both sides use
 * sequentially consistent accesses, so one of them sees the other).  Under load no wake costs
 * a system call.
 *
 * Stopping: accepting ends, answers carry Connection: close, requests under way go on until
 * the deadline.  What is still suspended then is answered 503, its connection closed, and the
 * exchange kept until http_loop_fini, because a wake for it may still come.
 *
 * What libmicrohttpd 0.9.75 does not see: an end of the stream that arrives in one packet with
 * the bytes before it (its epoll is edge-triggered and it stops after a short read).  Such a
 * connection is closed by http.idle_timeout.
 *
 * Threads: open, fini, start, join the owner's; wake, notify, cpu_ns any; all else the loop's.
 * Memory:  pools of exchanges and bodies; libmicrohttpd 64 KiB per connection.
 * Failure: open STATUS_IO, STATUS_MEMORY.
 */
#ifndef IO_HTTP_LOOP_H
#define IO_HTTP_LOOP_H

#include <pthread.h>

#include "io/http_exchange.h"
#include "io/http_linger.h"

struct MHD_Daemon;

struct http_loop_shared {
    struct http_options options;
    struct http_handlers handlers;
    struct http_guard guard;
    struct http_budget budget;
    uint32_t loop_count;
    uint32_t stopping;       /* set with release after stop_deadline_ns */
    int64_t stop_deadline_ns;
};

struct http_loop_counts {
    uint64_t in_flight;
    uint64_t connections;
    uint64_t connections_total;
    uint64_t connections_refused;
    uint64_t body_bytes;
    uint64_t lost; /* answers that could not be queued */
    uint64_t refused[STATUS_COUNT];
};

struct http_loop {
    struct http_loop_shared *shared;
    uint32_t index;
    int socket;
    int epoll_fd;
    int event_fd;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool is_started;
    int64_t woken_ns;
    uint64_t connections_max;
    struct http_exchange_pool exchanges;
    struct http_body_pool bodies;
    struct http_linger linger;
    struct http_exchange *parked;
    struct http_exchange *detached;
    struct http_loop_counts counts;
    clockid_t cpu_clock;      /* of the thread while it runs; 0 before */
    uint64_t cpu_ns;          /* after it ended */
    _Alignas(64) struct http_exchange *woken; /* a stack, any pusher */
    uint32_t is_sleeping;
    uint32_t is_notified;
};

/* Takes over socket. */
enum status http_loop_open(struct http_loop *loop, struct http_loop_shared *shared, uint32_t index, int socket,
                           struct problem *problem) MUST_CHECK;
enum status http_loop_start(struct http_loop *loop) MUST_CHECK;
/* After `stopping` is set. */
void http_loop_join(struct http_loop *loop);
void http_loop_fini(struct http_loop *loop);

void http_loop_wake(struct http_loop *loop, struct http_exchange *exchange);
void http_loop_notify(struct http_loop *loop);

/* Marks the exchange answered, counts refusals, and resumes a parked connection. */
void http_loop_answer(struct http_exchange *exchange, int code, const char *content_type, struct slice body,
                      bool is_gzip);
void http_loop_answer_problem(struct http_exchange *exchange, const struct problem *problem);
/* User plus system CPU time of the thread, also after it ended.  Any thread. */
uint64_t http_loop_cpu_ns(const struct http_loop *loop);
struct slice http_loop_header(const struct http_exchange *exchange, const char *name);

#endif
