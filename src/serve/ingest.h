/* ingest.h - POST /v1/events.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: answered as a problem: 400 where nothing can be read, 422 where all was rejected, 429 and 503 as the log says.
 */
#ifndef SERVE_INGEST_H
#define SERVE_INGEST_H

#include "serve/serve_loop.h"

void ingest_post(struct serve_loop *loop, struct http_request *request);

#endif
