/* load_connection.h - one raw HTTP/1.1 connection of the load client.
 *
 * Reads answers that have a Content-Length, or no body by their code; what else a server may
 * send (chunked, close-delimited) is unreadable here, on purpose: the load client measures our
 * server, which does not send it.
 *
 * Threads: one.
 * Memory:  two buffers; the answer's grows to LOAD_ANSWER_MAX.
 * Failure: STATUS_UNREACHABLE when the peer is gone, STATUS_CORRUPT for an unreadable answer.
 */
#ifndef LAB_LOAD_CONNECTION_H
#define LAB_LOAD_CONNECTION_H

#include "lab/load.h"

struct load_connection {
    int fd; /* -1: closed */
    struct load_request request;
    size_t sent;
    char *input;
    size_t input_capacity;
    size_t received;
    size_t consumed; /* of the answer given last */
    bool is_busy;
    bool is_writing; /* EPOLLOUT is asked for */
    uint32_t step;
    int64_t due_ns;
    int64_t sent_ns;
};

enum status load_connection_init(struct load_connection *connection, size_t request_bytes) MUST_CHECK;
void load_connection_fini(struct load_connection *connection);
/* Connects to 127.0.0.1 and becomes non-blocking. */
enum status load_connection_open(struct load_connection *connection, uint16_t port, struct problem *problem) MUST_CHECK;
void load_connection_close(struct load_connection *connection);

/* Writes what the socket takes; *is_done when the request is out. */
enum status load_connection_write(struct load_connection *connection, bool *is_done) MUST_CHECK;
/* Reads what is there.  *is_done: answer holds one, until the next call. */
enum status load_connection_read(struct load_connection *connection, struct load_answer *answer, bool *is_done) MUST_CHECK;

#endif
