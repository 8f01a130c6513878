/* recommendations.h - GET and POST /v1/recommendations/{user_id}, or with anonymous_id.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: bad parameters are answered 400 naming the parameter; want of data is never an error.
 */
#ifndef SERVE_RECOMMENDATIONS_H
#define SERVE_RECOMMENDATIONS_H

#include "serve/serve_loop.h"

void recommendations_user(struct serve_loop *loop, struct http_request *request);
void recommendations_anonymous(struct serve_loop *loop, struct http_request *request);

#endif
