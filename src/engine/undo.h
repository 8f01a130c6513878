/* undo.h - before-images of one generation of one task.
 *
 * The first change of a record after a cut keeps what was there; taking back walks the
 * images from the newest to the oldest.
 *
 *   entry | kind 4, size 4 | key 16 | bytes, padded to 8 | size of the whole entry 8 |
 *
 * Threads: the worker.
 * Memory:  one buffer, doubled as needed and kept for the next generation.
 * Failure: undo_keep returns STATUS_MEMORY.
 */
#ifndef ENGINE_UNDO_H
#define ENGINE_UNDO_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/slice.h"
#include "base/status.h"

enum undo_kind {
    UNDO_PROFILE, /* bytes: the packed profile as it was */
    UNDO_ABSENT,  /* there was no profile of that key */
    UNDO_DEDUP,   /* bytes: a chunk of the deduplication window that was dropped */
};

struct undo {
    char *buffer;
    size_t size, capacity;
};

struct undo_entry {
    enum undo_kind kind;
    struct hash128 key;
    struct slice bytes;
};

void undo_fini(struct undo *undo);
enum status undo_keep(struct undo *undo, enum undo_kind kind, struct hash128 key, struct slice bytes) MUST_CHECK;
/* Takes the newest entry off; borrowed until the next undo_keep. */
bool undo_pop(struct undo *undo, struct undo_entry *entry);
void undo_clear(struct undo *undo);

#endif
