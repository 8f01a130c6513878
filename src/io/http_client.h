/* http_client.h - a blocking HTTP client for verbs and the demo's visitors.
 *
 * Connections are kept alive.  No redirects, no proxies: what is asked is what answers.
 *
 * Threads: one per client; process-wide state is set up by the first create.
 * Memory:  one buffer for the answer, grown to at most HTTP_CLIENT_BODY_MAX and reused.
 * Failure: STATUS_UNREACHABLE (refused, timed out, no such host), STATUS_TOO_LARGE (the
 *          answer), STATUS_IO; an answer with any code is STATUS_OK.
 */
#ifndef IO_HTTP_CLIENT_H
#define IO_HTTP_CLIENT_H

#include "base/slice.h"
#include "base/status.h"

enum { HTTP_CLIENT_BODY_MAX = 64 << 20, HTTP_CLIENT_HEADER_SIZE = 512 };

struct http_client;

struct http_client_request {
    const char *method;       /* "GET", "POST", ... */
    const char *url;          /* http://127.0.0.1:7700/v1/events */
    struct slice body;        /* absent: none */
    const char *content_type; /* NULL: application/json */
    const char *header;       /* one more, "Name: value"; NULL: none */
    const char *want;         /* name of an answer's header to keep; NULL: none */
};

struct http_client_answer {
    int code;
    struct slice body; /* until the next call; followed by a zero byte */
    char header[HTTP_CLIENT_HEADER_SIZE]; /* value of the wanted one; empty: not there */
};

enum status http_client_create(struct http_client **client, int timeout_ms, struct problem *problem) MUST_CHECK;
void http_client_destroy(struct http_client *client);
enum status http_client_call(struct http_client *client, const struct http_client_request *request,
                             struct http_client_answer *answer, struct problem *problem) MUST_CHECK;

#endif
