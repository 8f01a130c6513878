/* state.h - health, readiness, metrics and the numbers of the dashboard.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: /readyz answers 503 with the reason.
 */
#ifndef SERVE_STATE_H
#define SERVE_STATE_H

#include "serve/serve_loop.h"

void state_health(struct serve_loop *loop, struct http_request *request);
void state_ready(struct serve_loop *loop, struct http_request *request);
void state_metrics(struct serve_loop *loop, struct http_request *request);
void state_status(struct serve_loop *loop, struct http_request *request);
void state_demo(struct serve_loop *loop, struct http_request *request);
/* Not STATUS_OK: why requests of this route are refused now. */
enum status state_accepts(const struct serve_shared *shared, const struct route *route, struct problem *problem) MUST_CHECK;

#endif
