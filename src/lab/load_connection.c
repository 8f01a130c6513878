#include "lab/load_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_FIRST = 32768 };

enum status load_connection_init(struct load_connection *connection, size_t request_bytes)
{
    *connection = (struct load_connection){.fd = -1, .input_capacity = INPUT_FIRST};
    connection->request.buffer = malloc(request_bytes);
    connection->request.capacity = request_bytes;
    connection->input = malloc(INPUT_FIRST);
    return connection->request.buffer != NULL && connection->input != NULL ? STATUS_OK : STATUS_MEMORY;
}

void load_connection_fini(struct load_connection *connection)
{
    load_connection_close(connection);
    free(connection->request.buffer);
    free(connection->input);
}

enum status load_connection_open(struct load_connection *connection, uint16_t port, struct problem *problem)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    connection->received = connection->consumed = connection->sent = 0;
    connection->is_writing = false;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        return problem_set(problem, STATUS_IO, "no socket: %s", strerror(errno));
    if (connect(connection->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        enum status status =
            problem_set(problem, STATUS_UNREACHABLE, "nobody answers on 127.0.0.1:%u: %s", port, strerror(errno));
        load_connection_close(connection);
        return status;
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    return STATUS_OK;
}

void load_connection_close(struct load_connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

enum status load_connection_write(struct load_connection *connection, bool *is_done)
{
    const struct load_request *request = &connection->request;

    while (connection->sent < request->size) {
        ssize_t n = send(connection->fd, request->data + connection->sent, request->size - connection->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return STATUS_UNREACHABLE;
        connection->sent += (size_t)n;
    }
    *is_done = connection->sent == request->size;
    return STATUS_OK;
}

static bool parse_number(struct slice text, size_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *value > LOAD_ANSWER_MAX)
            return false;
        *value = *value * 10 + (size_t)(text.data[i] - '0');
    }
    return text.size > 0;
}

/* Cuts an answer from the front of the input; *whole is how many bytes it will have. */
static enum status parse(const struct load_connection *connection, struct load_answer *answer, size_t *whole)
{
    const char *end = memmem(connection->input, connection->received, "\r\n\r\n", 4);
    size_t body = 0;

    *whole = 0;
    if (end == NULL)
        return STATUS_OK;
    answer->head = slice_make(connection->input, (size_t)(end - connection->input) + 2);
    if (answer->head.size < 14 || memcmp(answer->head.data, "HTTP/1.1 ", 9) != 0)
        return STATUS_CORRUPT;
    const char *digits = answer->head.data + 9;
    answer->code = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    if (answer->code < 100 || answer->code > 599)
        return STATUS_CORRUPT;
    struct slice length = load_find_header(answer->head, "Content-Length");
    bool is_bare = answer->code == 204 || answer->code == 304 || answer->code < 200;
    if (!is_bare && !parse_number(length, &body))
        return STATUS_CORRUPT;
    *whole = answer->head.size + 2 + body;
    answer->body = slice_make(answer->head.data + answer->head.size + 2, body);
    return STATUS_OK;
}

static enum status make_room(struct load_connection *connection)
{
    if (connection->received < connection->input_capacity)
        return STATUS_OK;
    if (connection->input_capacity >= LOAD_ANSWER_MAX)
        return STATUS_CORRUPT;
    char *wider = realloc(connection->input, connection->input_capacity * 2);
    if (wider == NULL)
        return STATUS_MEMORY;
    connection->input = wider;
    connection->input_capacity *= 2;
    return STATUS_OK;
}

enum status load_connection_read(struct load_connection *connection, struct load_answer *answer, bool *is_done)
{
    *is_done = false;
    if (connection->consumed > 0) {
        connection->received -= connection->consumed;
        memmove(connection->input, connection->input + connection->consumed, connection->received);
        connection->consumed = 0;
    }
    for (;;) {
        size_t whole;
        enum status status = parse(connection, answer, &whole);
        if (status != STATUS_OK)
            return status;
        if (whole > 0 && whole <= connection->received) {
            connection->consumed = whole;
            *is_done = true;
            return STATUS_OK;
        }
        status = make_room(connection);
        if (status != STATUS_OK)
            return status;
        ssize_t n = recv(connection->fd, connection->input + connection->received,
                         connection->input_capacity - connection->received, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return STATUS_OK;
        if (n <= 0)
            return STATUS_UNREACHABLE;
        connection->received += (size_t)n;
    }
}
