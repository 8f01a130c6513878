/* http_body.h - bodies being received: one budget for all, buffers reused, gzip inflated.
 *
 * Buffers have sizes of powers of two.  What a loop takes from malloc counts against the
 * budget until it is given back to malloc, spare buffers too, so the budget is a bound on
 * memory and not on content.  A loop keeps up to an eighth of its share as spares.
 *
 * Threads: the budget any; a pool and its bodies one loop.
 * Memory:  within http.bodies_bytes; 48 KiB of it per gzip body under way.
 * Failure: STATUS_OVERLOADED when the budget is spent, STATUS_TOO_LARGE, STATUS_BAD_REQUEST.
 */
#ifndef IO_HTTP_BODY_H
#define IO_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

/* After a complete body so many zero bytes can be read, as JSON parsers want. */
enum { HTTP_BODY_SLACK = 64, HTTP_BODY_CLASSES = 20 };

struct http_budget {
    uint64_t limit;
    uint64_t used; /* atomic */
};

struct http_body_block;
struct http_body_inflater;

struct http_body_pool {
    struct http_budget *budget;
    uint64_t spare_max;
    uint64_t spare_bytes;
    struct http_body_block *blocks[HTTP_BODY_CLASSES];
    struct http_body_inflater *inflaters;
    uint32_t inflater_count;
};

struct http_body {
    char *data;
    uint64_t size;     /* content, inflated */
    uint64_t sent;     /* bytes as they came */
    uint64_t limit;    /* for each of the two */
    uint32_t class;
    struct http_body_inflater *inflater; /* NULL: not gzip */
};

void http_body_pool_init(struct http_body_pool *pool, struct http_budget *budget, uint32_t loop_count);
void http_body_pool_fini(struct http_body_pool *pool);

/* Takes room for expected bytes (0: unknown). */
enum status http_body_begin(struct http_body *body, struct http_body_pool *pool, uint64_t expected, uint64_t limit,
                            bool is_gzip, struct problem *problem) MUST_CHECK;
enum status http_body_append(struct http_body *body, struct http_body_pool *pool, const char *data, size_t size,
                             struct problem *problem) MUST_CHECK;
/* Checks that a gzip body is whole and writes the slack. */
enum status http_body_end(struct http_body *body, struct problem *problem) MUST_CHECK;
/* Gives back what the body holds; a body of zeroes too. */
void http_body_release(struct http_body *body, struct http_body_pool *pool);

#endif
