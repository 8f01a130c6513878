/* catalogue.h - what can be shown: PUT, GET, DELETE /v1/content/{id}, POST /v1/content.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: 422 naming the field; 202 where the learner has not applied it within serve.content_wait.
 */
#ifndef SERVE_CATALOGUE_H
#define SERVE_CATALOGUE_H

#include "serve/serve_loop.h"

void catalogue_put(struct serve_loop *loop, struct http_request *request);
void catalogue_get(struct serve_loop *loop, struct http_request *request);
void catalogue_delete(struct serve_loop *loop, struct http_request *request);
void catalogue_post(struct serve_loop *loop, struct http_request *request);

#endif
