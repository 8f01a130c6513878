/* similar.h - GET /v1/similar/{content_id}: what is consumed together with a content.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: bad parameters 400; an unknown content is an empty list with the reason.
 */
#ifndef SERVE_SIMILAR_H
#define SERVE_SIMILAR_H

#include "serve/serve_loop.h"

void similar_get(struct serve_loop *loop, struct http_request *request);

#endif
