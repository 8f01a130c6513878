#include "io/http_loop.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/shared.h"
#include "io/clock.h"
#include "io/http_answer.h"

enum {
    TAG_DAEMON = 0,
    TAG_EVENT = 1,
    TAG_LINGER = 2,
    EVENTS_MAX = 16,
    CONNECTION_BYTES = 64 * 1024, /* libmicrohttpd: head, reads and answer heads of a connection */
    CONNECTIONS_SLACK = 16,       /* above the limit libmicrohttpd still accepts, so that we can refuse */
    STOP_ROUNDS = 4,              /* resume, build, write, close */
    LINGER_TICK_MS = 100,
    NOBODY = -1,
};

/* -- parked exchanges ------------------------------------------------------------------- */

static void park(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;

    MHD_suspend_connection(exchange->connection);
    exchange->is_parked = true;
    exchange->previous = NULL;
    exchange->next = loop->parked;
    if (loop->parked != NULL)
        loop->parked->previous = exchange;
    loop->parked = exchange;
}

static void unpark(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;

    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else
        loop->parked = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    exchange->next = exchange->previous = NULL;
    exchange->is_parked = false;
    MHD_resume_connection(exchange->connection);
}

/* -- answers ---------------------------------------------------------------------------- */

static bool is_stopping(const struct http_loop *loop)
{
    return SHARED_ACQUIRE(loop->shared->stopping) != 0;
}

void http_loop_answer(struct http_exchange *exchange, int code, const char *content_type, struct slice body,
                      bool is_gzip)
{
    struct http_loop *loop = exchange->loop;

    ASSERT(exchange->phase == HTTP_PHASE_SHOWN && !exchange->is_suspended);
    exchange->phase = HTTP_PHASE_ANSWERED;
    if (!http_answer_queue(exchange, code, content_type, body, is_gzip, is_stopping(loop))) {
        exchange->phase = HTTP_PHASE_LOST;
        SHARED_ADD(loop->counts.lost, 1);
    }
    if (exchange->is_parked)
        unpark(exchange);
}

void http_loop_answer_problem(struct http_exchange *exchange, const struct problem *problem)
{
    struct slice body = http_answer_problem(exchange, problem);

    http_loop_answer(exchange, status_row(problem->status)->http, HTTP_ANSWER_PROBLEM_TYPE, body, false);
}

struct slice http_loop_header(const struct http_exchange *exchange, const char *name)
{
    const char *value = NULL;
    size_t size = 0;

    if (MHD_lookup_connection_value_n(exchange->connection, MHD_HEADER_KIND, name, strlen(name), &value, &size) !=
            MHD_YES ||
        value == NULL)
        return (struct slice){NULL, 0};
    return slice_make(value, size);
}

/* -- head ------------------------------------------------------------------------------- */

struct head {
    struct slice host;
    struct slice origin;
    struct slice length;
    struct slice encoding;
    struct slice transfer;
    struct slice preflight;
    uint32_t host_count;
    uint32_t length_count;
    uint32_t transfer_count;
};

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                 const char *value, size_t value_size)
{
    struct head *head = context;
    struct slice text = slice_make(value ? value : "", value ? value_size : 0);

    (void)kind;
    /* The lengths differ, so most headers cost one comparison of integers. */
    if (key_size == 4 && strncasecmp(key, "Host", 4) == 0) {
        head->host = text;
        head->host_count++;
    } else if (key_size == 6 && strncasecmp(key, "Origin", 6) == 0) {
        head->origin = text;
    } else if (key_size == 14 && strncasecmp(key, "Content-Length", 14) == 0) {
        head->length = text;
        head->length_count++;
    } else if (key_size == 16 && strncasecmp(key, "Content-Encoding", 16) == 0) {
        head->encoding = text;
    } else if (key_size == 17 && strncasecmp(key, "Transfer-Encoding", 17) == 0) {
        head->transfer = text;
        head->transfer_count++;
    } else if (key_size == 29 && strncasecmp(key, "Access-Control-Request-Method", 29) == 0) {
        head->preflight = text;
    }
    return MHD_YES;
}

static bool is_word(struct slice text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static enum http_method method_of(const char *name)
{
    /* HEAD is shown as GET; libmicrohttpd leaves the body out. */
    static const struct {
        const char *name;
        enum http_method method;
    } names[] = {{"GET", HTTP_GET}, {"POST", HTTP_POST},     {"HEAD", HTTP_GET},
                 {"PUT", HTTP_PUT}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0)
            return names[i].method;
    return HTTP_OTHER;
}

/* Two readings of where a body ends are how requests are smuggled past a proxy (RFC 9112,
 * 11.2), so what is not plain is refused. */
static enum status check_framing(const struct head *head, struct problem *problem)
{
    if (head->host_count > 1)
        return problem_set(problem, STATUS_BAD_REQUEST, "more than one Host header");
    if (head->length_count > 1 || head->transfer_count > 1 || (head->length_count > 0 && head->transfer_count > 0))
        return problem_set(problem, STATUS_BAD_REQUEST, "the length of the body is given twice");
    if (head->transfer_count > 0 && !is_word(head->transfer, "chunked"))
        return problem_set(problem, STATUS_BAD_REQUEST, "Transfer-Encoding other than chunked");
    return STATUS_OK;
}

static enum status check_caller(struct http_exchange *exchange, const struct head *head, struct problem *problem)
{
    const struct http_guard *guard = &exchange->loop->shared->guard;

    if (!http_guard_allows_host(guard, head->host))
        return problem_set(problem, STATUS_FORBIDDEN, "the Host header is \"%.*s\", not a name of this server",
                           (int)(head->host.size < 100 ? head->host.size : 100), head->host.data ? head->host.data : "");
    enum http_origin origin = http_guard_origin(guard, head->origin, head->host);
    if (origin == HTTP_ORIGIN_NAMED)
        exchange->origin = head->origin;
    exchange->is_preflight = exchange->request.method == HTTP_OPTIONS && head->preflight.data != NULL &&
                             head->origin.data != NULL;
    bool is_read = exchange->request.method == HTTP_GET;
    if (origin == HTTP_ORIGIN_FOREIGN && (!is_read || exchange->is_preflight))
        return problem_set(problem, STATUS_FORBIDDEN, "the origin \"%.*s\" may not call from a browser",
                           (int)(head->origin.size < 100 ? head->origin.size : 100), head->origin.data);
    return STATUS_OK;
}

/* libmicrohttpd has refused what is not a number. */
static uint64_t length_of(const struct head *head)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < head->length.size; i++)
        value = value * 10 + (uint64_t)(head->length.data[i] - '0');
    return value;
}

static enum status check_head(struct http_exchange *exchange, const struct head *head, struct problem *problem)
{
    struct http_loop *loop = exchange->loop;
    const struct http_loop_shared *shared = loop->shared;
    bool is_gzip = is_word(head->encoding, "gzip") || is_word(head->encoding, "x-gzip");
    uint64_t length = length_of(head);
    enum status status = check_framing(head, problem);

    if (status == STATUS_OK && exchange->is_target_bad)
        status = problem_set(problem, STATUS_BAD_REQUEST, "the request target is not a path, or holds a broken escape");
    if (status == STATUS_OK)
        status = check_caller(exchange, head, problem);
    if (status != STATUS_OK || exchange->is_preflight)
        return status;
    if (length > shared->options.body_bytes)
        return problem_set(problem, STATUS_TOO_LARGE, "the body has %llu bytes, %llu are taken",
                           (unsigned long long)length, (unsigned long long)shared->options.body_bytes);
    if (head->encoding.size > 0 && !is_gzip && !is_word(head->encoding, "identity"))
        return problem_set(problem, STATUS_MEDIA_TYPE, "the Content-Encoding is not gzip");
    if (length > 0 || head->transfer_count > 0) {
        status = http_body_begin(&exchange->body, &loop->bodies, length, shared->options.body_bytes, is_gzip, problem);
        if (status != STATUS_OK)
            return status;
    }
    exchange->is_admitted = true;
    return shared->handlers.admit == NULL
               ? STATUS_OK
               : shared->handlers.admit(shared->handlers.application, &exchange->request, problem);
}

static void linger(struct http_exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info != NULL)
        http_linger_add(&exchange->loop->linger, info->connect_fd, TAG_LINGER, exchange->loop->woken_ns);
}

static enum MHD_Result on_head(struct http_exchange *exchange, const char *method)
{
    struct http_loop *loop = exchange->loop;
    struct problem *problem = &exchange->problem;
    struct head head = {.host_count = 0};

    exchange->request.method = method_of(method);
    exchange->request.loop = loop->index;
    exchange->request.received_ns = loop->woken_ns;
    exchange->request.server_state = loop;
    SHARED_ADD(loop->counts.in_flight, 1);
    problem_set(problem, STATUS_OK, "%s", "");
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, on_header, &head);
    enum status status = check_head(exchange, &head, problem);
    exchange->phase = HTTP_PHASE_BODY;
    if (status == STATUS_OK)
        return MHD_YES;
    /* An `admit` may return a status and leave the text to its row. */
    problem->status = status;
    SHARED_ADD(loop->counts.refused[status], 1);
    exchange->phase = HTTP_PHASE_REFUSED;
    if (length_of(&head) == 0 && head.transfer_count == 0)
        return MHD_YES;
    linger(exchange);
    exchange->phase = HTTP_PHASE_ANSWERED;
    struct slice body = http_answer_problem(exchange, problem);
    return http_answer_queue(exchange, status_row(status)->http, HTTP_ANSWER_PROBLEM_TYPE, body, false, true) ? MHD_YES
                                                                                                             : MHD_NO;
}

/* -- body and handling ------------------------------------------------------------------- */

static enum MHD_Result on_body(struct http_exchange *exchange, const char *data, size_t *size)
{
    struct http_loop *loop = exchange->loop;
    enum status status = http_body_append(&exchange->body, &loop->bodies, data, *size, &exchange->problem);

    SHARED_ADD(loop->counts.body_bytes, *size);
    *size = 0;
    if (status == STATUS_OK)
        return MHD_YES;
    SHARED_ADD(loop->counts.refused[status], 1);
    linger(exchange);
    http_answer_raw(exchange, &exchange->problem);
    return MHD_NO;
}

static void show(struct http_exchange *exchange)
{
    const struct http_handlers *handlers = &exchange->loop->shared->handlers;

    exchange->phase = HTTP_PHASE_SHOWN;
    if (exchange->is_preflight) {
        http_loop_answer(exchange, 204, NULL, slice_of(""), false);
        return;
    }
    exchange->request.body = slice_make(exchange->body.data, exchange->body.size);
    handlers->handle(handlers->application, &exchange->request);
    ASSERT(exchange->is_suspended || exchange->phase != HTTP_PHASE_SHOWN);
}

static enum MHD_Result on_complete(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;

    if (exchange->phase == HTTP_PHASE_BODY) {
        enum status status = http_body_end(&exchange->body, &exchange->problem);
        if (status == STATUS_OK) {
            show(exchange);
            /* A wake may have come already; it is taken in a later round, after this. */
            if (exchange->phase == HTTP_PHASE_SHOWN)
                park(exchange);
            return exchange->phase == HTTP_PHASE_LOST ? MHD_NO : MHD_YES;
        }
        SHARED_ADD(loop->counts.refused[status], 1);
        exchange->phase = HTTP_PHASE_REFUSED;
    }
    if (exchange->phase == HTTP_PHASE_REFUSED) {
        exchange->phase = HTTP_PHASE_SHOWN;
        http_loop_answer_problem(exchange, &exchange->problem);
    }
    return exchange->phase == HTTP_PHASE_LOST ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    struct http_exchange *exchange = *state;

    (void)context;
    (void)url;
    (void)version;
    if (exchange == NULL)
        return MHD_NO; /* no memory for it */
    ASSERT(exchange->connection == connection);
    if (exchange->phase == HTTP_PHASE_HEAD)
        return on_head(exchange, method);
    if (*size > 0)
        return on_body(exchange, data, size);
    return on_complete(exchange);
}

/* The request line is read; the target is still whole.  What it returns becomes *state. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_loop *loop = context;
    struct http_exchange *exchange = http_exchange_acquire(&loop->exchanges, slice_of(target ? target : ""));

    if (exchange == NULL)
        return NULL;
    exchange->loop = loop;
    exchange->connection = connection;
    return exchange;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http_loop *loop = context;
    struct http_exchange *exchange = *state;
    const struct http_handlers *handlers = &loop->shared->handlers;

    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    *state = NULL;
    if (exchange->phase != HTTP_PHASE_HEAD)
        SHARED_ADD(loop->counts.in_flight, (uint64_t)-1);
    if (exchange->is_detached) {
        exchange->next = loop->detached;
        loop->detached = exchange;
        return;
    }
    ASSERT(!exchange->is_parked);
    if (exchange->is_admitted && handlers->finish != NULL)
        handlers->finish(handlers->application, &exchange->request);
    http_body_release(&exchange->body, &loop->bodies);
    http_exchange_release(exchange, &loop->exchanges);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_loop *loop = context;

    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        SHARED_ADD(loop->counts.connections, 1);
        SHARED_ADD(loop->counts.connections_total, 1);
    } else {
        SHARED_ADD(loop->counts.connections, (uint64_t)-1);
    }
}

static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t size)
{
    struct http_loop *loop = context;

    (void)address;
    (void)size;
    if (loop->counts.connections < loop->connections_max)
        return MHD_YES;
    SHARED_ADD(loop->counts.connections_refused, 1);
    return MHD_NO;
}

/* Targets are decoded by http_target. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* -- waking ------------------------------------------------------------------------------ */

static void ring(struct http_loop *loop)
{
    uint64_t one = 1;

    if (__atomic_load_n(&loop->is_sleeping, __ATOMIC_SEQ_CST) == 0 ||
        __atomic_exchange_n(&loop->is_sleeping, 0, __ATOMIC_SEQ_CST) == 0)
        return;
    ssize_t written;
    do {
        written = write(loop->event_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

void http_loop_wake(struct http_loop *loop, struct http_exchange *exchange)
{
    struct http_exchange *top = __atomic_load_n(&loop->woken, __ATOMIC_RELAXED);

    do {
        exchange->next_woken = top;
    } while (!__atomic_compare_exchange_n(&loop->woken, &top, exchange, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    ring(loop);
}

void http_loop_notify(struct http_loop *loop)
{
    __atomic_store_n(&loop->is_notified, 1, __ATOMIC_SEQ_CST);
    ring(loop);
}

static void take_woken(struct http_loop *loop)
{
    const struct http_handlers *handlers = &loop->shared->handlers;
    struct http_exchange *woken = __atomic_load_n(&loop->woken, __ATOMIC_RELAXED);
    struct http_exchange *first = NULL;

    if (woken == NULL)
        return;
    /* The stack gives the last first; answers go out in the order of their wakes. */
    woken = __atomic_exchange_n(&loop->woken, NULL, __ATOMIC_ACQUIRE);
    while (woken != NULL) {
        struct http_exchange *below = woken->next_woken;
        woken->next_woken = first;
        first = woken;
        woken = below;
    }
    while (first != NULL) {
        struct http_exchange *exchange = first;
        first = exchange->next_woken;
        ASSERT(exchange->is_suspended && exchange->is_parked);
        exchange->is_suspended = false;
        handlers->resume(handlers->application, &exchange->request);
        ASSERT(exchange->is_suspended || exchange->phase != HTTP_PHASE_SHOWN);
    }
}

/* -- the thread -------------------------------------------------------------------------- */

static void on_event(struct http_loop *loop, const struct epoll_event *event)
{
    uint64_t count;

    if (event->data.u64 == TAG_EVENT)
        (void)!read(loop->event_fd, &count, sizeof count);
    else if (event->data.u64 >= TAG_LINGER)
        http_linger_ready(&loop->linger, (uint32_t)(event->data.u64 - TAG_LINGER));
}

static void sleep_until_work(struct http_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];

    if (timeout_ms != 0) {
        __atomic_store_n(&loop->is_sleeping, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&loop->woken, __ATOMIC_SEQ_CST) != NULL ||
            __atomic_load_n(&loop->is_notified, __ATOMIC_SEQ_CST) != 0)
            timeout_ms = 0;
    }
    int count = 0;
    /* Without a wait there is nothing to learn here but of lingering sockets: the daemon asks
     * its own epoll, and wakes are seen on the stack. */
    if (timeout_ms != 0 || loop->linger.count > 0)
        count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, timeout_ms);
    __atomic_store_n(&loop->is_sleeping, 0, __ATOMIC_RELAXED);
    loop->woken_ns = clock_monotonic_ns();
    for (int i = 0; i < count; i++)
        on_event(loop, &events[i]);
    http_linger_tick(&loop->linger, loop->woken_ns);
}

static int least(int a_ms, int64_t b_ms)
{
    if (b_ms < 0 || (a_ms >= 0 && a_ms <= b_ms))
        return a_ms;
    return b_ms > INT32_MAX ? INT32_MAX : (int)b_ms;
}

static int next_timeout(struct http_loop *loop, int tick_ms, int64_t deadline_ns)
{
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    int timeout_ms = tick_ms;

    if (MHD_get_timeout(loop->daemon, &daemon_ms) == MHD_YES)
        timeout_ms = least(timeout_ms, (int64_t)daemon_ms);
    if (loop->linger.count > 0)
        timeout_ms = least(timeout_ms, LINGER_TICK_MS);
    if (deadline_ns != NOBODY) {
        int64_t left_ns = deadline_ns - clock_monotonic_ns();
        timeout_ms = least(timeout_ms, left_ns <= 0 ? 0 : left_ns / 1000000 + 1);
    }
    return timeout_ms;
}

static int one_round(struct http_loop *loop)
{
    const struct http_handlers *handlers = &loop->shared->handlers;

    __atomic_store_n(&loop->is_notified, 0, __ATOMIC_SEQ_CST);
    take_woken(loop);
    MHD_run(loop->daemon);
    return handlers->tick == NULL ? -1 : handlers->tick(handlers->application, loop->index);
}

static void detach_parked(struct http_loop *loop)
{
    struct problem problem;

    problem_set(&problem, STATUS_NOT_READY, "the server stopped before this was done");
    while (loop->parked != NULL) {
        struct http_exchange *exchange = loop->parked;
        struct slice body = http_answer_problem(exchange, &problem);
        exchange->is_detached = true;
        exchange->phase = HTTP_PHASE_ANSWERED;
        if (!http_answer_queue(exchange, status_row(STATUS_NOT_READY)->http, HTTP_ANSWER_PROBLEM_TYPE, body, false, true))
            exchange->phase = HTTP_PHASE_LOST;
        unpark(exchange);
    }
}

static void *run(void *context)
{
    struct http_loop *loop = context;
    int64_t deadline_ns = NOBODY;

    SHARED_STORE(loop->cpu_clock, clock_thread_handle());
    loop->woken_ns = clock_monotonic_ns();
    for (;;) {
        int tick_ms = one_round(loop);
        if (deadline_ns == NOBODY && is_stopping(loop)) {
            deadline_ns = loop->shared->stop_deadline_ns;
            MHD_quiesce_daemon(loop->daemon);
        }
        if (deadline_ns != NOBODY && (loop->counts.in_flight == 0 || clock_monotonic_ns() >= deadline_ns))
            break;
        sleep_until_work(loop, next_timeout(loop, tick_ms, deadline_ns));
    }
    take_woken(loop);
    detach_parked(loop);
    for (int i = 0; i < STOP_ROUNDS; i++)
        MHD_run(loop->daemon);
    MHD_stop_daemon(loop->daemon);
    loop->daemon = NULL;
    SHARED_STORE(loop->cpu_ns, clock_thread_cpu_ns());
    return NULL;
}

/* -- opening and closing ------------------------------------------------------------------ */

static enum status open_daemon(struct http_loop *loop, struct problem *problem)
{
    const struct http_options *options = &loop->shared->options;
    unsigned limit = (unsigned)loop->connections_max + CONNECTIONS_SLACK;
    unsigned timeout_s = (unsigned)((options->idle_timeout + 999) / 1000);

    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, on_accept, loop, on_request, loop,
        MHD_OPTION_LISTEN_SOCKET, loop->socket, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, loop, MHD_OPTION_NOTIFY_COMPLETED, on_completed, loop,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop, MHD_OPTION_END);
    if (loop->daemon != NULL)
        return STATUS_OK;
    return problem_set(problem, STATUS_IO, "the HTTP daemon does not start: %s", strerror(errno));
}

static enum status watch(struct http_loop *loop, int fd, uint64_t tag, struct problem *problem)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_IO, "epoll of the HTTP loop: %s", strerror(errno));
}

enum status http_loop_open(struct http_loop *loop, struct http_loop_shared *shared, uint32_t index, int socket,
                           struct problem *problem)
{
    memset(loop, 0, sizeof *loop);
    loop->shared = shared;
    loop->index = index;
    loop->socket = socket;
    loop->connections_max = (shared->options.connections + shared->loop_count - 1) / shared->loop_count;
    loop->exchanges.arena_bytes = shared->options.arena_bytes;
    http_body_pool_init(&loop->bodies, &shared->budget, shared->loop_count);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    http_linger_init(&loop->linger, loop->epoll_fd);
    if (loop->epoll_fd < 0 || loop->event_fd < 0)
        return problem_set(problem, STATUS_IO, "no descriptors for the HTTP loop: %s", strerror(errno));
    enum status status = open_daemon(loop, problem);
    if (status == STATUS_OK)
        status = watch(loop, MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, TAG_DAEMON, problem);
    if (status == STATUS_OK)
        status = watch(loop, loop->event_fd, TAG_EVENT, problem);
    return status;
}

uint64_t http_loop_cpu_ns(const struct http_loop *loop)
{
    uint64_t ended_ns = SHARED_LOAD(loop->cpu_ns);
    clockid_t clock = SHARED_LOAD(loop->cpu_clock);

    return ended_ns != 0 || clock == 0 ? ended_ns : clock_handle_ns(clock);
}

enum status http_loop_start(struct http_loop *loop)
{
    ASSERT(!loop->is_started);
    if (pthread_create(&loop->thread, NULL, run, loop) != 0)
        return STATUS_MEMORY;
    loop->is_started = true;
    char name[16];
    snprintf(name, sizeof name, "http-%u", loop->index);
    pthread_setname_np(loop->thread, name);
    return STATUS_OK;
}

void http_loop_join(struct http_loop *loop)
{
    if (!loop->is_started)
        return;
    ring(loop);
    pthread_join(loop->thread, NULL);
    loop->is_started = false;
}

void http_loop_fini(struct http_loop *loop)
{
    const struct http_handlers *handlers = &loop->shared->handlers;

    ASSERT(!loop->is_started);
    if (loop->daemon != NULL) {
        MHD_quiesce_daemon(loop->daemon);
        MHD_stop_daemon(loop->daemon);
    }
    while (loop->detached != NULL) {
        struct http_exchange *exchange = loop->detached;
        loop->detached = exchange->next;
        if (exchange->is_admitted && handlers->finish != NULL)
            handlers->finish(handlers->application, &exchange->request);
        http_body_release(&exchange->body, &loop->bodies);
        http_exchange_destroy(exchange);
    }
    http_linger_fini(&loop->linger);
    http_exchange_pool_fini(&loop->exchanges);
    http_body_pool_fini(&loop->bodies);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->event_fd >= 0)
        close(loop->event_fd);
    if (loop->socket >= 0)
        close(loop->socket);
}
