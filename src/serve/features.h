/* features.h - GET /v1/features/{entity}/{id}: declared features as they stand.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena and the loop's buffers.
 * Failure: 404 where the entity is unknown.
 */
#ifndef SERVE_FEATURES_H
#define SERVE_FEATURES_H

#include "serve/serve_loop.h"

void features_get(struct serve_loop *loop, struct http_request *request);

/* Members of the open object: {name: {value, kind, window_s?}} of user or session, from a profile. */
void features_write_profile(struct serve_loop *loop, const struct profile *profile, enum feature_entity entity, int64_t now_ms);
/* Of a content, category or the whole, from the learner's record. */
void features_write_record(struct serve_loop *loop, const void *record, enum feature_entity entity, int64_t now_ms);

#endif
