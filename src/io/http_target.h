/* http_target.h - the request target: raw path, its segments, the query.
 *
 * The path is matched raw; each segment is percent-decoded once, so that %2F stays inside its
 * segment.  In a query '+' is a space; a broken escape there is kept as it stands, because
 * browsers send such.  In a segment it is refused: it would name another user.
 *
 * Threads: any.
 * Memory:  decoded text goes into the caller's arena; undecoded is borrowed.
 * Failure: false for what cannot be read; an absent slice when the arena is full.
 */
#ifndef IO_HTTP_TARGET_H
#define IO_HTTP_TARGET_H

#include "base/arena.h"
#include "base/slice.h"

/* Splits "/path?query", "http://authority/path?query" or "*". authority is absent in the first
 * form.  False: none of these. */
bool http_target_split(struct slice target, struct slice *authority, struct slice *path, struct slice *query);

/* Cuts a raw path at its slashes; "/" has no segments, a slash at the end opens an empty one.
 * *count becomes count_max + 1 when there are more.  False: a broken escape, or arena full. */
bool http_target_segments(struct arena *arena, struct slice path, struct slice *segments, uint32_t count_max,
                          uint32_t *count);

/* The first parameter of that name, decoded; "a" without '=' is an empty value. */
struct slice http_target_find(struct arena *arena, struct slice query, const char *name);

#endif
