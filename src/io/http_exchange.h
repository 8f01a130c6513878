/* http_exchange.h - one request and its answer, inside the server.
 *
 * Life: acquired when the request line is read, then
 *
 *   HEAD -> BODY -> SHOWN -> ANSWERED -> released when the answer is written
 *     \       \-> (refused in the body: raw answer, connection closed)
 *      \-> REFUSED: a problem that is answered when the request is complete, so that the
 *          connection can go on; with a body to come it is answered at once instead
 *
 * From http_suspend to http_wake it is parked: libmicrohttpd does not look at its socket.
 *
 * Threads: the owning loop; next_woken and is_suspended are handed over by http_wake.
 * Memory:  an arena of http.arena_bytes, whose pages are touched as they are used; a buffer
 *          for the answer, kept up to 64 KiB.  A loop keeps 64 spare ones.
 * Failure: acquire returns NULL without memory.
 */
#ifndef IO_HTTP_EXCHANGE_H
#define IO_HTTP_EXCHANGE_H

#include "io/http.h"
#include "io/http_body.h"
#include "io/http_guard.h"

struct MHD_Connection;
struct http_loop;

enum http_phase { HTTP_PHASE_HEAD, HTTP_PHASE_BODY, HTTP_PHASE_REFUSED, HTTP_PHASE_SHOWN, HTTP_PHASE_ANSWERED, HTTP_PHASE_LOST };

enum { HTTP_EXCHANGE_HEADERS_MAX = 12, HTTP_EXCHANGE_HEADER_TEXT = 8192 };

struct http_exchange {
    struct http_request request; /* first: the application's pointer is also ours */
    struct http_loop *loop;
    struct MHD_Connection *connection;
    struct arena arena;
    struct slice query;
    struct slice origin; /* to be echoed; absent: no CORS headers */
    struct http_body body;
    enum http_phase phase;
    bool is_target_bad;
    bool is_admitted;  /* the application has seen it: it gets `finish` */
    bool is_suspended; /* until http_wake */
    bool is_parked;    /* suspended inside libmicrohttpd */
    bool is_detached;  /* its connection is gone, a wake may still come */
    bool is_preflight;
    struct problem problem; /* of REFUSED */
    struct http_exchange *next_woken;
    struct http_exchange *next, *previous; /* parked or spare */
    char *answer;
    size_t answer_capacity;
    uint32_t header_count;
    uint32_t header_used;
    struct {
        const char *name;
        const char *value;
    } headers[HTTP_EXCHANGE_HEADERS_MAX];
    char header_text[HTTP_EXCHANGE_HEADER_TEXT];
};

struct http_exchange_pool {
    struct http_exchange *spare;
    uint32_t spare_count;
    size_t arena_bytes;
};

void http_exchange_pool_fini(struct http_exchange_pool *pool);
/* target: as in the request line; copied. */
struct http_exchange *http_exchange_acquire(struct http_exchange_pool *pool, struct slice target);
void http_exchange_release(struct http_exchange *exchange, struct http_exchange_pool *pool);
/* Out of every pool. */
void http_exchange_destroy(struct http_exchange *exchange);

/* Adds a header to the answer; name and value are copied.  Too many is a bug. */
void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value);
bool http_exchange_has_header(const struct http_exchange *exchange, const char *name);
/* A copy of body that lives until the answer is written; the body itself where it already
 * does.  Absent without memory. */
struct slice http_exchange_keep(struct http_exchange *exchange, struct slice body);

#endif
