/* checkpoint.h - a task's state in its changelog.
 *
 * A checkpoint is begun at a cut: the list of changed profiles turns (O(1)) and is written
 * in slices between batches; a profile that is about to change and not yet written is
 * written first, so that what is written is the state as of the cut.  New ids of the
 * deduplication window are written at once.  The commit record carries the position.
 * When garbage outweighs what is live, the live records of the oldest segment are copied
 * along and the segment is dropped once the copy is committed and synced.
 *
 * Record CHANGELOG_TASK: struct checkpoint_record as it stands (little-endian).
 * Record CHANGELOG_DEDUP: engine/dedup.h; key {position, all ones}.
 * Record CHANGELOG_PROFILE: the packed profile; its deadline is the timer's.
 *
 * Threads: the task's worker.
 * Memory:  8 bytes a changed profile, 48 bytes a record of the oldest segment while it is copied.
 * Failure: the changelog's: STATUS_IO, STATUS_DISK_FULL, STATUS_CORRUPT.
 */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include "engine/task.h"

/* Opens the changelog and takes over what it holds: index and head; timers and window are noted. */
enum status checkpoint_open(struct task *task, const char *data_dir, struct problem *problem) MUST_CHECK;
/* Loads what was noted. */
enum status checkpoint_load(struct task *task) MUST_CHECK;
void checkpoint_forget_loading(struct task *task);

/* Something was applied since the last commit. */
bool checkpoint_is_needed(const struct task *task);
/* At a cut: nothing applied since. */
enum status checkpoint_begin(struct task *task) MUST_CHECK;
/* Writes a slot of the writing list and takes it off the list. */
enum status checkpoint_write(struct task *task, struct profile_slot *slot) MUST_CHECK;
/* Writes up to *records; *records becomes what was left of it; *is_done: all is put. */
enum status checkpoint_slice(struct task *task, uint32_t *records, bool *is_done) MUST_CHECK;
/* Ends the checkpoint; the sequences up to which events and learn are synced go along. */
enum status checkpoint_commit(struct task *task, uint64_t events_synced, uint64_t learn_synced) MUST_CHECK;
/* Forgets the checkpoint under way: its state was taken back. */
enum status checkpoint_abandon(struct task *task) MUST_CHECK;

#endif
