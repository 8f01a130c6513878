#include "lab/load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "lab/load_connection.h"

enum {
    EVENTS_MAX = 64,
    GRACE_MS = 5000,        /* for answers still out when the duration ends */
    BROKEN_PER_CONNECTION = 4, /* a server that closes more often is not there */
    TAG_TIMER = UINT32_MAX - 1,
};

struct run {
    const struct load_config *config;
    struct load_result *result;
    struct load_connection *connections;
    uint32_t *free; /* a stack of indexes */
    uint32_t free_count;
    int epoll_fd;
    int timer_fd;
    int64_t start_ns, record_ns, end_ns, last_ns;
    int64_t armed_ns;
    uint64_t next; /* operation */
    uint64_t limit;
    double interval_ns;
};

static bool is_open_loop(const struct run *run)
{
    return run->config->rate > 0;
}

static int64_t due_of(const struct run *run, uint64_t operation)
{
    return run->start_ns + (int64_t)((double)operation * run->interval_ns);
}

static enum status watch(struct run *run, uint32_t index, int operation, bool is_writing)
{
    struct epoll_event event = {.events = EPOLLIN | (is_writing ? EPOLLOUT : 0u), .data.u32 = index};

    run->connections[index].is_writing = is_writing;
    return epoll_ctl(run->epoll_fd, operation, run->connections[index].fd, &event) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status connect_one(struct run *run, uint32_t index, struct problem *problem)
{
    enum status status = load_connection_open(&run->connections[index], run->config->port, problem);

    if (status != STATUS_OK)
        return status;
    status = watch(run, index, EPOLL_CTL_ADD, false);
    return status == STATUS_OK ? status : problem_set(problem, status, "epoll: %s", strerror(errno));
}

static void finish(struct run *run, uint32_t index, bool is_passed)
{
    struct load_connection *connection = &run->connections[index];
    struct load_result *result = run->result;
    int64_t now_ns = clock_monotonic_ns();

    connection->is_busy = false;
    run->free[run->free_count++] = index;
    run->last_ns = now_ns;
    if (!is_passed) {
        result->failed++;
        return;
    }
    result->passed++;
    if (connection->due_ns < run->record_ns)
        return;
    result->recorded++;
    histogram_add(&result->latency, (uint64_t)(now_ns - connection->due_ns));
}

static enum status broke(struct run *run, uint32_t index, struct problem *problem)
{
    struct load_connection *connection = &run->connections[index];

    run->result->broken++;
    load_connection_close(connection);
    if (connection->is_busy)
        finish(run, index, false);
    if (run->result->broken > (uint64_t)run->config->connections * BROKEN_PER_CONNECTION)
        return problem_set(problem, STATUS_UNREACHABLE, "%llu connections broke",
                           (unsigned long long)run->result->broken);
    return connect_one(run, index, problem);
}

static enum status send_some(struct run *run, uint32_t index, struct problem *problem)
{
    struct load_connection *connection = &run->connections[index];
    bool is_done = false;

    if (load_connection_write(connection, &is_done) != STATUS_OK)
        return broke(run, index, problem);
    if (is_done == connection->is_writing && watch(run, index, EPOLL_CTL_MOD, !is_done) != STATUS_OK)
        return problem_set(problem, STATUS_IO, "epoll: %s", strerror(errno));
    return STATUS_OK;
}

static enum status send_request(struct run *run, uint32_t index, struct problem *problem)
{
    struct load_connection *connection = &run->connections[index];

    ASSERT(connection->request.size > 0);
    connection->sent = 0;
    connection->sent_ns = clock_monotonic_ns();
    run->result->sent_bytes += connection->request.size;
    return send_some(run, index, problem);
}

static enum status start_one(struct run *run, int64_t due_ns, struct problem *problem)
{
    uint32_t index = run->free[--run->free_count];
    struct load_connection *connection = &run->connections[index];

    connection->is_busy = true;
    connection->step = 0;
    connection->due_ns = due_ns;
    run->next++;
    run->result->started++;
    run->config->begin(run->config->context, index, &connection->request);
    return send_request(run, index, problem);
}

static enum status start_due(struct run *run, bool had_free, struct problem *problem)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && run->free_count > 0 && run->next < run->limit) {
        int64_t now_ns = clock_monotonic_ns();
        int64_t due_ns = is_open_loop(run) ? due_of(run, run->next) : now_ns;
        if (due_ns > now_ns || now_ns >= run->end_ns)
            break;
        if (had_free && is_open_loop(run) && due_ns >= run->record_ns)
            histogram_add(&run->result->lateness, (uint64_t)(now_ns - due_ns));
        status = start_one(run, due_ns, problem);
    }
    return status;
}

static enum status answer_one(struct run *run, uint32_t index, struct load_answer *answer, struct problem *problem)
{
    struct load_connection *connection = &run->connections[index];
    struct load_result *result = run->result;

    if (!connection->is_busy)
        return broke(run, index, problem); /* an answer that nobody asked for */
    answer->step = connection->step;
    result->codes[answer->code / 100]++;
    result->received_bytes += answer->head.size + 2 + answer->body.size;
    if (connection->due_ns >= run->record_ns)
        histogram_add(&result->steps[connection->step], (uint64_t)(clock_monotonic_ns() - connection->sent_ns));
    enum load_verdict verdict = run->config->judge(run->config->context, index, answer, &connection->request);
    if (verdict != LOAD_FOLLOW) {
        finish(run, index, verdict == LOAD_PASSED);
        return STATUS_OK;
    }
    connection->step++;
    ASSERT(connection->step < LOAD_STEPS_MAX);
    return send_request(run, index, problem);
}

static enum status on_ready(struct run *run, uint32_t index, uint32_t events, struct problem *problem)
{
    struct load_answer answer = {.code = 0};
    bool is_done = false;

    if (events & EPOLLOUT) {
        enum status status = send_some(run, index, problem);
        if (status != STATUS_OK || (events & ~(uint32_t)EPOLLOUT) == 0)
            return status;
    }
    enum status status = load_connection_read(&run->connections[index], &answer, &is_done);
    if (status != STATUS_OK) {
        run->result->codes[0] += status == STATUS_CORRUPT;
        return broke(run, index, problem);
    }
    return is_done ? answer_one(run, index, &answer, problem) : STATUS_OK;
}

/* A timerfd, because epoll's own timeout counts in milliseconds. */
static void arm(struct run *run, int64_t at_ns)
{
    struct itimerspec when = {.it_value = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000}};

    if (run->armed_ns == at_ns)
        return;
    run->armed_ns = at_ns;
    timerfd_settime(run->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool is_idle(const struct run *run)
{
    return run->free_count == run->config->connections;
}

static enum status wait_and_serve(struct run *run, struct problem *problem)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(run->epoll_fd, events, EVENTS_MAX, GRACE_MS);
    enum status status = STATUS_OK;

    if (count < 0 && errno != EINTR)
        return problem_set(problem, STATUS_IO, "epoll: %s", strerror(errno));
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        uint64_t expirations;
        if (events[i].data.u32 == TAG_TIMER) {
            (void)!read(run->timer_fd, &expirations, sizeof expirations);
            run->armed_ns = 0;
        } else {
            status = on_ready(run, events[i].data.u32, events[i].events, problem);
        }
    }
    return status;
}

static enum status run_all(struct run *run, struct problem *problem)
{
    int64_t give_up_ns = run->end_ns + (int64_t)GRACE_MS * 1000000;
    bool had_free = true;

    for (;;) {
        enum status status = start_due(run, had_free, problem);
        if (status != STATUS_OK)
            return status;
        int64_t now_ns = clock_monotonic_ns();
        bool is_over = run->next >= run->limit || now_ns >= run->end_ns;
        if (now_ns >= give_up_ns || (is_over && is_idle(run)))
            return STATUS_OK;
        had_free = run->free_count > 0;
        if (!is_over && had_free)
            arm(run, is_open_loop(run) && due_of(run, run->next) < run->end_ns ? due_of(run, run->next) : run->end_ns);
        else
            arm(run, is_over ? give_up_ns : run->end_ns);
        status = wait_and_serve(run, problem);
        if (status != STATUS_OK)
            return status;
    }
}

static enum status prepare(struct run *run, struct problem *problem)
{
    const struct load_config *config = run->config;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = TAG_TIMER};

    run->connections = calloc(config->connections, sizeof *run->connections);
    run->free = calloc(config->connections, sizeof *run->free);
    if (run->connections == NULL || run->free == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for %u connections", config->connections);
    for (uint32_t i = 0; i < config->connections; i++)
        run->connections[i].fd = -1;
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (run->epoll_fd < 0 || run->timer_fd < 0 || epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, run->timer_fd, &event) != 0)
        return problem_set(problem, STATUS_IO, "epoll: %s", strerror(errno));
    for (uint32_t i = 0; i < config->connections; i++) {
        enum status status = load_connection_init(&run->connections[i], config->request_bytes);
        if (status != STATUS_OK)
            return problem_set(problem, status, "no memory for %u connections", config->connections);
        status = connect_one(run, i, problem);
        if (status != STATUS_OK)
            return status;
        run->free[run->free_count++] = i;
    }
    return STATUS_OK;
}

static void set_times(struct run *run)
{
    const struct load_config *config = run->config;
    double seconds = (double)config->duration_ms / 1000;

    run->interval_ns = is_open_loop(run) ? 1e9 / config->rate : 0;
    run->limit = config->operations_max ? config->operations_max : UINT64_MAX;
    if (is_open_loop(run) && (double)run->limit > ceil(seconds * config->rate))
        run->limit = (uint64_t)ceil(seconds * config->rate);
    run->start_ns = clock_monotonic_ns();
    run->record_ns = run->start_ns + (int64_t)config->warmup_ms * 1000000;
    run->end_ns = run->start_ns + (int64_t)config->duration_ms * 1000000;
    run->last_ns = run->start_ns;
}

static void sum_up(struct run *run, uint64_t cpu_ns)
{
    struct load_result *result = run->result;
    uint64_t due = run->next;

    result->cpu_ns = clock_thread_cpu_ns() - cpu_ns;
    result->elapsed_ns = run->last_ns > run->record_ns ? (uint64_t)(run->last_ns - run->record_ns) : 0;
    if (is_open_loop(run)) {
        int64_t now_ns = clock_monotonic_ns();
        double past_ns = (double)((now_ns < run->end_ns ? now_ns : run->end_ns) - run->start_ns);
        double all = floor(past_ns / run->interval_ns) + 1;
        due = all < (double)run->limit ? (uint64_t)all : run->limit;
    }
    result->unsent = due > run->next ? due - run->next : 0;
    for (uint32_t i = 0; i < run->config->connections; i++)
        result->unanswered += run->connections[i].is_busy;
}

enum status load_run(const struct load_config *config, struct load_result *result, struct problem *problem)
{
    struct run run = {.config = config, .result = result, .epoll_fd = -1, .timer_fd = -1};
    uint64_t cpu_ns = clock_thread_cpu_ns();

    ASSERT(config->connections >= 1 && config->connections <= LOAD_CONNECTIONS_MAX && config->rate >= 0);
    ASSERT(config->duration_ms <= LOAD_DURATION_MAX_MS && config->begin != NULL && config->judge != NULL);
    memset(result, 0, sizeof *result);
    /* Timers may otherwise be 50 us late. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    enum status status = prepare(&run, problem);
    if (status == STATUS_OK) {
        set_times(&run);
        status = run_all(&run, problem);
        sum_up(&run, cpu_ns);
    }
    for (uint32_t i = 0; run.connections != NULL && i < config->connections; i++)
        load_connection_fini(&run.connections[i]);
    free(run.connections);
    free(run.free);
    if (run.epoll_fd >= 0)
        close(run.epoll_fd);
    if (run.timer_fd >= 0)
        close(run.timer_fd);
    return status;
}

struct slice load_find_header(struct slice head, const char *name)
{
    size_t size = strlen(name);
    const char *line = head.data;
    const char *end = head.data + head.size;

    while (line != NULL && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if ((size_t)(end - line) > size && line[size] == ':' && strncasecmp(line, name, size) == 0) {
            const char *value = line + size + 1;
            const char *last = stop ? stop : end;
            while (value < last && *value == ' ')
                value++;
            while (last > value && (last[-1] == '\r' || last[-1] == ' '))
                last--;
            return slice_make(value, (size_t)(last - value));
        }
        line = stop ? stop + 1 : NULL;
    }
    return (struct slice){NULL, 0};
}
