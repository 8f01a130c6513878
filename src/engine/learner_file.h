/* learner_file.h - a learner's checkpoints: the model's tables in two files that take turns.
 *
 * dir/0.ckp and dir/1.ckp.  The first page is the header below; the model's parts follow, each on a
 * page.  The file that is not the newest is written: its header is wiped first, the header
 * that counts comes last, after the data and `learn` up to its offset are synced.
 *
 * | field          | bytes | meaning                                             |
 * |----------------|-------|-----------------------------------------------------|
 * | magic, version | 8, 4  | "pchlearn", 1                                       |
 * | part_count     | 4     |                                                     |
 * | checksum       | 8     | XXH3-64 of the page with this field 0               |
 * | number         | 8     | grows with each checkpoint                          |
 * | position       | 8, 8  | next offset of learn, of content                    |
 * | key            | 8     | hash of the word "learner" under the directory's key|
 * | parameters     | 40    | struct model_parameters                             |
 * | parts          | 32 each | place in the image, bytes, place in the file, XXH3-64 |
 *
 * Threads: one keeper thread writes back and syncs; learner_file_write the learner's;
 *          learner_file_newest any.
 * Memory:  none but the two descriptors; the page cache holds what is not yet written back.
 * Failure: learner_file_open STATUS_IO; a checkpoint that does not verify is passed over and
 *          said so; a failed write is logged and that checkpoint does not count.
 */
#ifndef ENGINE_LEARNER_FILE_H
#define ENGINE_LEARNER_FILE_H

#include "base/hash.h"
#include "base/status.h"
#include "eventlog/log.h"
#include "model/model.h"

struct learner_file;

/* Opens or makes dir and the two files. *model: mapped from the newest checkpoint that verifies;
 * NULL when there is none. */
enum status learner_file_open(struct learner_file **file, const char *dir, const struct hash_key *key, struct model **model,
                              struct problem *problem) MUST_CHECK;
void learner_file_close(struct learner_file *file);

/* Starts the keeper: it first makes the mapped pages the process's own. log: synced before a
 * checkpoint counts; NULL: nothing to sync. */
enum status learner_file_start(struct learner_file *file, const struct model *model, struct log *log) MUST_CHECK;
/* Ends the keeper; what is under way is finished first unless is_abandoned. */
void learner_file_stop(struct learner_file *file, bool is_abandoned);

/* The learner, some records before it writes: the keeper wipes the older file's header. */
void learner_file_prepare(struct learner_file *file);
/* Copies the tables to the file and hands it to the keeper; false when it is not ready or could not be written. */
bool learner_file_write(struct learner_file *file);
/* Waits until nothing is under way. */
void learner_file_wait(struct learner_file *file);

/* Any thread. Next offset of learn in the newest checkpoint; 0: none. */
uint64_t learner_file_newest(const struct learner_file *file);
struct learner_file_counts {
    uint64_t checkpoints, failures, bytes, write_ns, cpu_ns;
};
void learner_file_counts(const struct learner_file *file, struct learner_file_counts *counts);

#endif
