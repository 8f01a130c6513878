#include "io/http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

static const int64_t LINGER_NS = 2000000000;
static const uint64_t LINGER_BYTES = (uint64_t)64 << 20;

void http_linger_init(struct http_linger *linger, int epoll_fd)
{
    linger->epoll_fd = epoll_fd;
    linger->count = 0;
    for (uint32_t i = 0; i < HTTP_LINGER_MAX; i++)
        linger->slots[i].fd = -1;
}

static void end(struct http_linger *linger, uint32_t slot)
{
    /* The server's own descriptor of the same socket may still be open; then close alone would leave it in the set. */
    epoll_ctl(linger->epoll_fd, EPOLL_CTL_DEL, linger->slots[slot].fd, NULL);
    close(linger->slots[slot].fd);
    linger->slots[slot].fd = -1;
    linger->count--;
}

void http_linger_fini(struct http_linger *linger)
{
    for (uint32_t i = 0; i < HTTP_LINGER_MAX; i++)
        if (linger->slots[i].fd >= 0)
            end(linger, i);
}

void http_linger_add(struct http_linger *linger, int socket, uint64_t first_tag, int64_t now_ns)
{
    uint32_t slot = 0;

    while (slot < HTTP_LINGER_MAX && linger->slots[slot].fd >= 0)
        slot++;
    if (slot == HTTP_LINGER_MAX)
        return;
    int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = first_tag + slot};
    if (epoll_ctl(linger->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return;
    }
    linger->slots[slot].fd = fd;
    linger->slots[slot].bytes = 0;
    linger->slots[slot].deadline_ns = now_ns + LINGER_NS;
    linger->count++;
}

void http_linger_ready(struct http_linger *linger, uint32_t slot)
{
    enum { STEP = 1 << 20 };

    ASSERT(slot < HTTP_LINGER_MAX);
    if (linger->slots[slot].fd < 0)
        return;
    ssize_t n = recv(linger->slots[slot].fd, NULL, STEP, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        linger->slots[slot].bytes += (uint64_t)n;
    if (n <= 0 || linger->slots[slot].bytes > LINGER_BYTES)
        end(linger, slot);
}

void http_linger_tick(struct http_linger *linger, int64_t now_ns)
{
    if (linger->count == 0)
        return;
    for (uint32_t i = 0; i < HTTP_LINGER_MAX; i++)
        if (linger->slots[i].fd >= 0 && linger->slots[i].deadline_ns <= now_ns)
            end(linger, i);
}
