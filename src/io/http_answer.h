/* http_answer.h - answers and problem documents, handed to libmicrohttpd or to the socket.
 *
 * Threads: the loop that owns the exchange.
 * Memory:  libmicrohttpd's response object and headers; the body stays where it is.
 * Failure: false when libmicrohttpd has no memory; the connection is then closed.
 */
#ifndef IO_HTTP_ANSWER_H
#define IO_HTTP_ANSWER_H

#include "io/http_exchange.h"

/* body lives until the answer is written.  is_last: this connection is closed afterwards. */
bool http_answer_queue(struct http_exchange *exchange, int code, const char *content_type, struct slice body,
                       bool is_gzip, bool is_last) MUST_CHECK;
/* RFC 9457 document of the problem into the exchange's arena, or a static one when it is full. */
struct slice http_answer_problem(struct http_exchange *exchange, const struct problem *problem);
/* Writes a whole problem answer to the socket, past libmicrohttpd, which takes no answer while
 * a body arrives.  The caller closes the connection. */
void http_answer_raw(struct http_exchange *exchange, const struct problem *problem);

#define HTTP_ANSWER_PROBLEM_TYPE "application/problem+json"

#endif
