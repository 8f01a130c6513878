/* trending.h - GET /v1/trending: what is consumed now, in a country, on a device, in a category.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: bad parameters 400.
 */
#ifndef SERVE_TRENDING_H
#define SERVE_TRENDING_H

#include "serve/serve_loop.h"

void trending_get(struct serve_loop *loop, struct http_request *request);

#endif
