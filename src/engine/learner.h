/* learner.h - the replicated state machine over the topic `learn`.
 *
 * Everything about contents and everything shared: content windows, trends, neighbours,
 * session index, category tops, the catalogue's fields.  Its state is a function of the log
 * prefix it applied, bit for bit; it sees no clock.  The tables live in one image without
 * pointers (model/), written whole at checkpoints and mapped at start.
 *
 * Threads: learner_apply and the loop: one; readers any, in place, numbers may be stale.
 * Memory:  the image, reserved at open for options.contents and options.sessions; touched as it fills.
 * Failure: learner_open STATUS_CORRUPT, STATUS_IO; a bad newest checkpoint falls back to the older, then to none.
 */
#ifndef ENGINE_LEARNER_H
#define ENGINE_LEARNER_H

#include "base/hash.h"
#include "base/metric.h"
#include "engine/engine.h"
#include "model/model.h"
#include "schema/learning.h"

struct learner;

/* dir: <data>/learner, made if absent; NULL: in memory only (evaluate, tests). log may be NULL then. */
enum status learner_open(struct learner **learner, const char *dir, const struct engine_config *config,
                         const struct hash_key *key, struct problem *problem) MUST_CHECK;
/* Starts the loop thread that follows log from the checkpoint's offset. */
enum status learner_start(struct learner *learner, struct log *log) MUST_CHECK;
/* Applies what is published, writes a checkpoint, joins. */
void learner_stop(struct learner *learner);
void learner_close(struct learner *learner);

/* One record, in order of `learn`; offset is its place. For evaluate and replay without threads. */
void learner_apply(struct learner *learner, const struct learning *record, uint64_t offset);

/* ---- any thread ---- */
const struct model *learner_model(const struct learner *learner);
uint64_t learner_applied(const struct learner *learner);         /* next offset of learn */
uint64_t learner_checkpointed(const struct learner *learner);    /* `learn` is needed from here */
/* Next offset of topic `content`: catalogue changes below it show. */
uint64_t learner_content_applied(const struct learner *learner);
/* Called by the learner's thread after each batch while someone waits (engine_wait_begin). */
void learner_set_notify(struct learner *learner, void (*notify)(void *context), void *context);
uint64_t learner_hash(const struct learner *learner);
/* Feature record of a content slot, a category slot or the whole (FEATURE_CONTENT, FEATURE_CATEGORY,
 * FEATURE_GLOBAL; slot 0 for global); read with layout_read. NULL when there is none. */
const void *learner_features(const struct learner *learner, enum feature_entity entity, uint32_t slot);
void learner_metrics(const struct learner *learner, struct metric_sink *sink);
uint64_t learner_cpu_ns(const struct learner *learner);

#endif
