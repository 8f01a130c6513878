/* users.h - GET /v1/users/{id}, or with anonymous_id: profile, session, features.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: 404 where nobody of that id has been seen.
 */
#ifndef SERVE_USERS_H
#define SERVE_USERS_H

#include "serve/serve_loop.h"

void users_get(struct serve_loop *loop, struct http_request *request);
void users_anonymous(struct serve_loop *loop, struct http_request *request);

#endif
