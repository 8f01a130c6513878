/* http.h - the HTTP server: event loops of ours around libmicrohttpd.
 *
 * Each loop thread owns a daemon with external epoll.  A request is shown to the
 * application twice: `admit` when its head is known (to refuse before a byte of body is
 * taken) and `handle` when its body is complete.  A handler answers at once or suspends; a
 * suspended request is resumed on its own loop after http_wake, from any thread.
 * Bodies of all connections share one budget (http.bodies_bytes); inflated bytes are counted.
 * gzip and chunked bodies are decoded here.  HEAD is shown as GET and its body left out.
 * The server itself answers CORS preflights, and refuses foreign Hosts and Origins.
 *
 * Threads: callbacks run on the loop that owns the connection; http_wake and http_notify any.
 * Memory:  per request an arena (http.arena_bytes) that lives until the answer is written;
 *          bodies within their budget.
 * Failure: http_open STATUS_IN_USE with the port and the flag to change, STATUS_SETTING for an
 *          address that other machines reach, STATUS_IO, STATUS_MEMORY.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include "base/arena.h"
#include "base/histogram.h"
#include "base/metric.h"
#include "base/option.h"
#include "base/slice.h"
#include "base/status.h"

struct http_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "io/http_options.def"
#undef OPTION
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

enum { HTTP_SEGMENTS_MAX = 8 };

struct http_server;

struct http_request {
    enum http_method method;
    struct slice path;                          /* raw, without the query */
    struct slice segments[HTTP_SEGMENTS_MAX];   /* of the raw path, each decoded once */
    uint32_t segment_count;                     /* HTTP_SEGMENTS_MAX + 1 when there are more */
    struct slice body;                          /* complete and inflated in `handle`; 64 zero bytes follow it */
    uint32_t loop;                              /* index of the owning loop */
    int64_t received_ns;                        /* monotonic: the wake-up that read the head */
    struct arena *arena;
    void *state;                                /* the application's, NULL at first */
    void *server_state;                         /* the server's */
};

struct http_handlers {
    void *application;
    /* Head known. STATUS_OK takes the body; anything else is answered as a problem and the
     * body is not read. The server itself refuses bad Host (403), over-long bodies (413),
     * unknown encodings (415) before it asks. */
    enum status (*admit)(void *application, struct http_request *request, struct problem *problem);
    void (*handle)(void *application, struct http_request *request);
    void (*resume)(void *application, struct http_request *request);
    /* The answer is written or the connection is gone: free `state`.  Called once for each request
     * that `admit` saw.  Never while suspended, with one exception: what is still suspended at the
     * deadline of http_stop is finished by http_close (a wake until then is harmless). */
    void (*finish)(void *application, struct http_request *request);
    /* After each round of a loop; returns ms until it wants to run again, -1: when notified. */
    int (*tick)(void *application, uint32_t loop);
};

enum status http_open(struct http_server **server, const struct http_options *options,
                      const struct http_handlers *handlers, struct problem *problem) MUST_CHECK;
/* Starts the loops.  The listening socket exists since http_open, so that a client may connect. */
enum status http_start(struct http_server *server) MUST_CHECK;
/* Stops accepting, waits up to grace_ms for answers under way, joins the loops.  Requests still
 * suspended then are answered 503. */
void http_stop(struct http_server *server, int grace_ms);
void http_close(struct http_server *server);

uint16_t http_port(const struct http_server *server);  /* the bound port, also when 0 was asked */
uint32_t http_loop_count(const struct http_server *server);

/* Query parameter, decoded; absent when it is not there. */
struct slice http_query(struct http_request *request, const char *name);
/* Header by case-insensitive name; absent when it is not there. */
struct slice http_header(struct http_request *request, const char *name);

/* Adds a header to the answer to come. */
void http_add_header(struct http_request *request, const char *name, const char *value);
/* Answers; body is copied unless it lies in the request's arena. Exactly once per request, on
 * its loop, in `handle` or `resume`.  Adds Retry-After to 429 and 503 where it is missing. */
void http_respond(struct http_request *request, int code, const char *content_type, struct slice body);
/* Answers with static bytes that outlive the server; is_gzip adds Content-Encoding. */
void http_respond_static(struct http_request *request, int code, const char *content_type, struct slice body, bool is_gzip);
/* RFC 9457 problem document from the status row and the problem. */
void http_respond_problem(struct http_request *request, const struct problem *problem);

/* On the loop: keeps the request open without an answer until http_wake. */
void http_suspend(struct http_request *request);
/* Any thread, once per suspension: `resume` runs on the request's loop. */
void http_wake(struct http_request *request);
/* Any thread: makes a loop run its `tick` soon. */
void http_notify(struct http_server *server, uint32_t loop);

/* Latency inside the server by route is the application's: it reads these. */
int64_t http_now_ns(void);
void http_metrics(struct http_server *server, struct metric_sink *sink);
/* User plus system CPU time of the loop threads, ns. */
uint64_t http_cpu_ns(const struct http_server *server);

#endif
