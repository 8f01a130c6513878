/* changelog.h - a task's checkpoints: an append-only log of its dirty records.
 *
 * Records are written in chunks of at most 1 MiB (a larger record has a chunk of its own); a
 * checkpoint counts once its commit record is there.  A closed segment ends with an index
 * (key -> place, deadline), so that a start reads indexes only and scans one open segment.
 * Segments whose live records have been rewritten are unlinked.
 * Files: dir/changelog/<task>/<number>.chg
 *
 * Threads: the task's worker; changelog_read any (what is below a segment's end never changes).
 * Memory:  one chunk; 40 bytes a record of the open segment for its index; up to 16 open files.
 * Failure: STATUS_IO, STATUS_DISK_FULL, and nothing can be put any more; STATUS_CORRUPT naming file and offset.
 */
#ifndef EVENTLOG_CHANGELOG_H
#define EVENTLOG_CHANGELOG_H

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"

struct changelog;

enum changelog_kind { CHANGELOG_PROFILE, CHANGELOG_DEDUP, CHANGELOG_TASK, CHANGELOG_TOMBSTONE };

enum { CHANGELOG_RECORD_MAX = 64 << 20 };

/* Place of a record: segment number << 32 | byte offset. */
typedef uint64_t changelog_place;

/* Called on open for the committed records of a key, oldest first: a later call for the same key
 * replaces the earlier ones. */
typedef void changelog_load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place,
                            uint32_t size, int64_t deadline_ms);

/* *position: the input offset of the last commit (0: none). */
enum status changelog_open(struct changelog **changelog, const char *dir, uint32_t task, uint64_t segment_bytes,
                           changelog_load *load, void *context, uint64_t *position, struct problem *problem) MUST_CHECK;
/* What is not committed is lost; what is not synced stays so. */
void changelog_close(struct changelog *changelog);

/* Adds a record to the checkpoint under way (written when a chunk is full).  Its place is final and
 * can be read at once. STATUS_TOO_LARGE: over CHANGELOG_RECORD_MAX. */
enum status changelog_put(struct changelog *changelog, enum changelog_kind kind, struct hash128 key, int64_t deadline_ms,
                          struct slice record, changelog_place *place) MUST_CHECK;
/* Ends the checkpoint: writes what is buffered and the commit record. */
enum status changelog_commit(struct changelog *changelog, uint64_t position) MUST_CHECK;
/* Drops what was put since the last commit. */
void changelog_abandon(struct changelog *changelog);
/* Returns when all that is written is durable. */
enum status changelog_sync(struct changelog *changelog) MUST_CHECK;
/* Any thread: reads a record; STATUS_TOO_LARGE with *size set when capacity is less. */
enum status changelog_read(struct changelog *changelog, changelog_place place, void *buffer, uint32_t capacity,
                           uint32_t *size) MUST_CHECK;
/* Oldest segment: the caller rewrites what is still live there (tombstones live as long as an older
 * segment may hold the key), commits, then drops it. */
uint32_t changelog_oldest(const struct changelog *changelog);
uint32_t changelog_newest(const struct changelog *changelog);
/* Syncs what is committed, notes the new oldest durably, then unlinks.  The newest stays whatever is
 * asked, as do segments that hold records of the checkpoint under way.  Places in dropped segments must
 * not be read any more (STATUS_NOT_FOUND). */
enum status changelog_drop_before(struct changelog *changelog, uint32_t segment) MUST_CHECK;
/* Walks the records of a closed segment: key and place of each, also of those that were replaced or
 * abandoned since. */
enum status changelog_walk(struct changelog *changelog, uint32_t segment, changelog_load *load, void *context) MUST_CHECK;
/* Of all files, written or buffered. */
uint64_t changelog_bytes(const struct changelog *changelog);

#endif
