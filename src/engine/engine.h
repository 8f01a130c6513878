/* engine.h - the event log, the tasks and the learner, brought together.
 *
 * Events are appended through engine_submit; workers apply them to profiles and emit
 * learning records; the learner follows `learn`.  Readers (http threads) take copies of
 * profiles and read the learner's tables in place, without locks.
 *
 * Threads: open, start, stop: one; everything marked "any" any.
 * Memory:  profiles, deduplication, learner tables and logs by their budgets (engine_options.def).
 * Failure: engine_open names file and reason; after a failed write acceptance stops (STATUS_IO).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/hash.h"
#include "base/metric.h"
#include "base/option.h"
#include "base/status.h"
#include "eventlog/log.h"
#include "eventlog/writer.h"
#include "feature/layout.h"
#include "feature/profile.h"
#include "schema/event_type.h"

struct engine_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "engine/engine_options.def"
#undef OPTION
};

struct learner;
struct engine;

/* Everything the engine is told; borrowed until engine_close. */
struct engine_config {
    const char *data_dir;
    struct engine_options options;
    struct log_options log;
    struct event_types types;
    struct layout layout;
    bool is_replay;        /* time is the file's: no ticks by the wall clock */
    bool is_deterministic; /* replay: learn holds its records in the log's own order, whatever options.workers says */
};

/* Opens the data directory (FORMAT, lock), logs, changelogs' indexes and the learner's checkpoint. */
enum status engine_open(struct engine **engine, const struct engine_config *config, struct problem *problem) MUST_CHECK;
enum status engine_start(struct engine *engine) MUST_CHECK;
/* Drains: applies what is appended, checkpoints tasks and learner, stops the threads. */
void engine_stop(struct engine *engine);
/* Without engine_stop before it: threads end where they are and no checkpoint is written. */
void engine_close(struct engine *engine);

/* ---- any thread ---- */
const struct engine_config *engine_config(const struct engine *engine);
const struct hash_key *engine_key(const struct engine *engine);
uint32_t engine_partition_of(const struct engine *engine, struct slice owner);
/* True once all that was appended before this start is applied (tasks and learner). */
bool engine_is_caught_up(const struct engine *engine);
/* Not STATUS_OK: why events are not accepted now. */
enum status engine_acceptance(const struct engine *engine);

struct log *engine_events(struct engine *engine);   /* topic user_interactions */
struct log *engine_contents(struct engine *engine); /* topic content, one partition */
struct log *engine_learn(struct engine *engine);    /* topic learn, one partition */
/* To any of these logs. */
enum status engine_submit(struct engine *engine, struct submission *submission) MUST_CHECK;
/* Is this event id in the deduplication window of the partition? event: hash_128 of the event_id. */
bool engine_is_duplicate(const struct engine *engine, uint32_t partition, struct hash128 event);
/* Begins to fetch what engine_is_duplicate will look at. */
void engine_prefetch_duplicate(const struct engine *engine, uint32_t partition, struct hash128 event);
/* submission_entry.owner_hash of a user: engine_appended looks under the same one. */
static inline uint32_t engine_owner_hash(struct hash128 user)
{
    return (uint32_t)user.low;
}
/* Position that an answer for this owner must show: all its appended events are below. */
uint64_t engine_appended(const struct engine *engine, uint32_t partition, struct hash128 user);
/* Next offset to be applied: everything below shows in the profiles. */
uint64_t engine_applied(const struct engine *engine, uint32_t partition);
/* While someone waits for a position, workers call notify after each batch. */
void engine_wait_begin(struct engine *engine);
void engine_wait_end(struct engine *engine);
void engine_set_notify(struct engine *engine, void (*notify)(void *context), void *context);

/* A copy of a profile, from memory or its changelog. buffer: profile_bytes(layout). False: nobody of that key. */
bool engine_profile(struct engine *engine, uint32_t partition, struct hash128 user, struct profile *buffer);

struct learner *engine_learner(struct engine *engine);
const struct learner *engine_learner_const(const struct engine *engine);

/* State hash of a partition's task and of the learner; valid when they are idle. */
uint64_t engine_task_hash(struct engine *engine, uint32_t partition);
uint64_t engine_learner_hash(struct engine *engine);

struct engine_counters {
    uint64_t events_applied, duplicates, late, undecodable, learning_records, sessions_ended, unverified, ticks;
    uint64_t users, profiles_resident, profile_bytes, dedup_entries;
    int64_t dedup_reach_ms;
    uint64_t checkpoints;
    int64_t checkpoint_at_ms;
};
void engine_counters(const struct engine *engine, struct engine_counters *counters);
void engine_metrics(struct engine *engine, struct metric_sink *sink);
/* CPU by stage, ns: writer, workers, learner. */
void engine_cpu_ns(const struct engine *engine, uint64_t cpu_ns[3]);

#endif
