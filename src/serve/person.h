/* person.h - whose request it is: id, partition, key, and what the answer must show.
 *
 * Threads: the loop of the request.
 * Memory:  slices of the request.
 * Failure: STATUS_BAD_REQUEST naming the parameter or the header.
 */
#ifndef SERVE_PERSON_H
#define SERVE_PERSON_H

#include "base/hash.h"
#include "serve/parameters.h"
#include "serve/serve_loop.h"

struct person {
    struct slice id;
    char kind;             /* 'u' or 'a' */
    uint32_t partition;
    struct hash128 key;
    uint64_t needed;       /* everything below this offset must show */
};

enum status person_of(struct serve_loop *loop, struct http_request *request, struct slice id, char kind,
                      struct person *person, struct problem *problem) MUST_CHECK;
/* From the parameter anonymous_id. */
enum status person_anonymous(struct serve_loop *loop, const struct parameters *parameters, struct person *person,
                             struct problem *problem) MUST_CHECK;
/* Waits until what the person must see is applied, then runs resume. */
void person_wait(struct serve_loop *loop, struct http_request *request, const struct person *person,
                 void (*resume)(struct serve_loop *loop, struct http_request *request));
/* NULL, "behind" or "catching_up". */
const char *person_degraded(struct serve_loop *loop, struct http_request *request);
/* The member as_of: {position, learn, at}. applied: read before the profile was copied. */
void person_as_of(struct serve_loop *loop, const struct person *person, uint64_t applied, int64_t now_ms);
/* user_id or anonymous_id. */
void person_write(struct serve_loop *loop, const struct person *person);
void person_degraded_write(struct serve_loop *loop, const char *degraded);

#endif
