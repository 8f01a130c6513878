/* content_feed.h - the catalogue's way to the learners: topic `content` into `learn`.
 *
 * Each record of `content` becomes one learning record whose source is {partition number P
 * (one behind the last of user_interactions), offset}.  The feed keeps no state: where it
 * goes on is what `learn` says it has of that source, and `learn` drops repeats.
 *
 * A learner that starts before the oldest record of `learn` (its checkpoints are gone or bad) misses
 * a part of the catalogue, though `learn` has had it: then the feed starts at `missing_from` and
 * what `learn` has had goes there once more, without a source.
 *
 * Threads: worker 0; the writer's thread calls back.
 * Memory:  one batch of CONTENT_FEED_BATCH records.
 * Failure: STATUS_IO, STATUS_CORRUPT of the log; the writer's.
 */
#ifndef ENGINE_CONTENT_FEED_H
#define ENGINE_CONTENT_FEED_H

#include "engine/log_cursor.h"
#include "eventlog/writer.h"
#include "schema/event_type.h"

enum { CONTENT_FEED_BATCH = 128 };

/* missing_from: nothing is missing. */
#define CONTENT_FEED_WHOLE UINT64_MAX

struct content_feed;

enum status content_feed_create(struct content_feed **feed, struct writer *writer, struct log *contents, struct log *learn,
                                uint32_t source_partition, uint64_t missing_from, const struct event_types *types,
                                struct bell *bell) MUST_CHECK;
void content_feed_destroy(struct content_feed *feed);
/* Moves what is there; *did: something was moved. */
enum status content_feed_step(struct content_feed *feed, bool *did) MUST_CHECK;
/* Everything published is in learn. */
bool content_feed_is_idle(const struct content_feed *feed);
/* Any thread. What stands in `content` below this offset is in learn, as far as it can be decoded. */
uint64_t content_feed_settled(const struct content_feed *feed);
uint64_t content_feed_undecodable(const struct content_feed *feed);

#endif
