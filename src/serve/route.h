/* route.h - which handler answers an address: the table of the API.
 *
 * A pattern is "/v1/similar/{content_id}": literal segments are compared with the raw path, {x}
 * takes any segment that is not empty and never a slash that came as %2F.  docs/openapi.yaml
 * is held against the rows.
 *
 * Threads: any; constant table.
 * Memory:  none.
 * Failure: route_find returns NULL.
 */
#ifndef SERVE_ROUTE_H
#define SERVE_ROUTE_H

#include "io/http.h"

struct serve_loop;

enum route_flag {
    ROUTE_EARLY = 1,  /* answered before the server is ready */
    ROUTE_WRITE = 2,  /* appends: refused while draining and while the log does not accept */
};

struct route {
    enum http_method method;
    uint8_t flags;                 /* enum route_flag */
    const char *pattern;
    void (*handler)(struct serve_loop *loop, struct http_request *request);
};

/* The rows and how many. */
const struct route *route_rows(uint32_t *count);
/* HEAD is answered as GET.  Without a row for the method *allowed has bit 1 << method of each method that
 * the path takes; 0: there is nothing at the path. */
const struct route *route_find(enum http_method method, struct slice path, uint32_t *allowed);
bool route_matches(const char *pattern, struct slice path);
/* "GET, POST" for the header Allow. */
void route_allow(uint32_t allowed, char *text, size_t size);
const char *route_method_name(enum http_method method);

#endif
