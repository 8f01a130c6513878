#include "io/http_answer.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Seconds; a bounded queue is emptied or a position applied well within one. */
#define RETRY_AFTER "1"

enum { PROBLEM_BYTES = 4096 };

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused are values with control characters: the answer goes out without them. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_cors(struct MHD_Response *response, const struct http_exchange *exchange)
{
    char origin[256];

    if (exchange->origin.data == NULL || exchange->origin.size >= sizeof origin)
        return;
    snprintf(origin, sizeof origin, "%.*s", SLICE_ARG(exchange->origin));
    add(response, "Access-Control-Allow-Origin", origin);
    add(response, "Vary", "Origin");
    if (!exchange->is_preflight) {
        add(response, "Access-Control-Expose-Headers", "penchant-position, retry-after");
        return;
    }
    add(response, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
    add(response, "Access-Control-Allow-Headers",
        "authorization, content-type, x-retry-count, traceparent, penchant-position");
    add(response, "Access-Control-Max-Age", "600");
}

bool http_answer_queue(struct http_exchange *exchange, int code, const char *content_type, struct slice body,
                       bool is_gzip, bool is_last)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.size, (void *)(uintptr_t)(body.data ? body.data : ""), MHD_RESPMEM_PERSISTENT);

    if (response == NULL)
        return false;
    if (content_type != NULL)
        add(response, "Content-Type", content_type);
    if (is_gzip)
        add(response, "Content-Encoding", "gzip");
    add(response, "X-Content-Type-Options", "nosniff");
    if ((code == 429 || code == 503) && !http_exchange_has_header(exchange, "Retry-After"))
        add(response, "Retry-After", RETRY_AFTER);
    if (is_last)
        add(response, "Connection", "close");
    add_cors(response, exchange);
    for (uint32_t i = 0; i < exchange->header_count; i++)
        add(response, exchange->headers[i].name, exchange->headers[i].value);
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)code, response);
    MHD_destroy_response(response);
    return result == MHD_YES;
}

struct text {
    char *data;
    uint32_t size;
};

/* What does not fit is left out by whole members, see put_member. */
static bool put(struct text *text, const char *from, size_t size)
{
    if (size > PROBLEM_BYTES - text->size)
        return false;
    memcpy(text->data + text->size, from, size);
    text->size += (uint32_t)size;
    return true;
}

static bool put_string(struct text *text, const char *value)
{
    char escape[8];
    bool is_whole = put(text, "\"", 1);

    for (const unsigned char *c = (const unsigned char *)value; *c != '\0' && is_whole; c++) {
        if (*c == '"' || *c == '\\') {
            is_whole = put(text, "\\", 1) && put(text, (const char *)c, 1);
        } else if (*c < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", *c);
            is_whole = put(text, escape, 6);
        } else {
            is_whole = put(text, (const char *)c, 1);
        }
    }
    return is_whole && put(text, "\"", 1);
}

static void put_member(struct text *text, const char *name, const char *value)
{
    uint32_t before = text->size;

    if (value[0] == '\0')
        return;
    /* One byte stays free for the closing brace. */
    if (!put(text, ",\"", 2) || !put(text, name, strlen(name)) || !put(text, "\":", 2) || !put_string(text, value) ||
        text->size >= PROBLEM_BYTES)
        text->size = before;
}

struct slice http_answer_problem(struct http_exchange *exchange, const struct problem *problem)
{
    char head[256];
    const struct status_row *row = status_row(problem->status);
    struct text text = {arena_take(&exchange->arena, PROBLEM_BYTES), 0};

    if (text.data == NULL)
        return slice_of("{\"type\":\"urn:penchant:memory\",\"status\":503,\"code\":\"memory\"}");
    int size = snprintf(head, sizeof head, "{\"type\":\"urn:penchant:%s\",\"status\":%d,\"code\":\"%s\"", row->code,
                        row->http, row->code);
    put(&text, head, (size_t)size);
    put_member(&text, "title", row->text);
    put_member(&text, "detail", problem->detail[0] ? problem->detail : row->text);
    put_member(&text, "fix", problem->fix[0] ? problem->fix : row->fix);
    put_member(&text, "pointer", problem->pointer);
    put(&text, "}", 1);
    return slice_make(text.data, text.size);
}

void http_answer_raw(struct http_exchange *exchange, const struct problem *problem)
{
    char head[768];
    char cors[320] = "";
    const struct status_row *row = status_row(problem->status);
    struct slice body = http_answer_problem(exchange, problem);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info == NULL)
        return;
    if (exchange->origin.data != NULL && exchange->origin.size < 256)
        snprintf(cors, sizeof cors, "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n",
                 SLICE_ARG(exchange->origin));
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: " HTTP_ANSWER_PROBLEM_TYPE
                        "\r\nContent-Length: %u\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
                        row->http, MHD_get_reason_phrase_for((unsigned)row->http), body.size,
                        row->retry ? "Retry-After: " RETRY_AFTER "\r\n" : "", cors);
    struct iovec parts[2] = {{head, (size_t)size}, {(void *)(uintptr_t)body.data, body.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    /* Nothing of this answer is in the socket yet, so it fits; if the peer is gone, so be it. */
    (void)!sendmsg(info->connect_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}
