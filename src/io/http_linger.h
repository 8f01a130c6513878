/* http_linger.h - a refused upload is read to its end, into nothing.
 *
 * Scenario: a client sends 10 MB, the answer 413 goes out after the head, the socket is
 * closed with unread bytes, the kernel answers the next bytes with a reset, and the client
 * reports "connection reset" instead of the reason.  So a duplicate of the socket stays open
 * for a while and drops what arrives (recv with MSG_TRUNC copies nothing).
 *
 * Threads: one loop.
 * Memory:  inline; at most HTTP_LINGER_MAX sockets, one more is closed as it is.
 * Failure: cannot fail.
 */
#ifndef IO_HTTP_LINGER_H
#define IO_HTTP_LINGER_H

#include <stdint.h>

enum { HTTP_LINGER_MAX = 64 };

struct http_linger {
    int epoll_fd;
    uint32_t count;
    struct {
        int fd; /* -1: free */
        uint64_t bytes;
        int64_t deadline_ns;
    } slots[HTTP_LINGER_MAX];
};

void http_linger_init(struct http_linger *linger, int epoll_fd);
void http_linger_fini(struct http_linger *linger);
/* Events of these sockets come with data.u64 = first_tag + slot. */
void http_linger_add(struct http_linger *linger, int socket, uint64_t first_tag, int64_t now_ns);
void http_linger_ready(struct http_linger *linger, uint32_t slot);
/* Closes those over their time. */
void http_linger_tick(struct http_linger *linger, int64_t now_ns);

#endif
