/* changelog.h - a task's checkpoints: an append-only log of its dirty records.
 *
 * Records are written in chunks of at most 1 MiB; a checkpoint counts once its commit record
 * is there.  A closed segment ends with an index (key -> place, deadline), so that a start
 * reads indexes only and scans one open segment.  Segments whose live records have been
 * rewritten are unlinked.  Files: dir/changelog/<task>/<number>.chg
 *
 * Threads: the task's worker; changelog_read any (a closed or open segment never changes below its end).
 * Memory:  one chunk; 24 bytes a record of the open segment for its index.
 * Failure: STATUS_IO, STATUS_DISK_FULL, STATUS_CORRUPT naming file and offset.
 */
#ifndef EVENTLOG_CHANGELOG_H
#define EVENTLOG_CHANGELOG_H

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"

struct changelog;

enum changelog_kind { CHANGELOG_PROFILE, CHANGELOG_DEDUP, CHANGELOG_TASK, CHANGELOG_TOMBSTONE };

/* Place of a record: segment number << 32 | byte offset. */
typedef uint64_t changelog_place;

/* Called on open for the newest committed record of a key; later calls for the same key replace
 * earlier ones (segments are loaded oldest first). */
typedef void changelog_load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place,
                            uint32_t size, int64_t deadline_ms);

/* *position: the input offset of the last commit (0: none). */
enum status changelog_open(struct changelog **changelog, const char *dir, uint32_t task, uint64_t segment_bytes,
                           changelog_load *load, void *context, uint64_t *position, struct problem *problem) MUST_CHECK;
void changelog_close(struct changelog *changelog);

/* Adds a record to the checkpoint under way (written when a chunk is full). */
enum status changelog_put(struct changelog *changelog, enum changelog_kind kind, struct hash128 key, int64_t deadline_ms,
                          struct slice record, changelog_place *place) MUST_CHECK;
/* Ends the checkpoint: writes what is buffered and the commit record. */
enum status changelog_commit(struct changelog *changelog, uint64_t position) MUST_CHECK;
/* Drops what was put since the last commit. */
void changelog_abandon(struct changelog *changelog);
enum status changelog_sync(struct changelog *changelog) MUST_CHECK;
/* Reads a record; capacity at least its size. */
enum status changelog_read(struct changelog *changelog, changelog_place place, void *buffer, uint32_t capacity,
                           uint32_t *size) MUST_CHECK;
/* Oldest segment: the caller rewrites what is still live there, then drops it. */
uint32_t changelog_oldest(const struct changelog *changelog);
uint32_t changelog_newest(const struct changelog *changelog);
enum status changelog_drop_before(struct changelog *changelog, uint32_t segment) MUST_CHECK;
/* Walks the records of a closed segment: key and place of each. */
enum status changelog_walk(struct changelog *changelog, uint32_t segment, changelog_load *load, void *context) MUST_CHECK;
uint64_t changelog_bytes(const struct changelog *changelog);

#endif
