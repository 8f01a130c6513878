/* format.h - FORMAT: what a data directory is, and who holds it.
 *
 *   penchant data directory
 *   layout 1
 *   partitions 12
 *   key 00112233445566778899aabbccddeeff
 *
 * Written once, when the directory is made; none of it changes afterwards.  The key names
 * users and contents inside (base/hash.h).  LOCK is held as long as the directory is open.
 *
 * Threads: one.
 * Memory:  inline.
 * Failure: STATUS_FORMAT for a foreign or newer directory, STATUS_SETTING when the partition
 *          count of the settings is another, STATUS_IN_USE, STATUS_IO: each says what to do.
 */
#ifndef ENGINE_FORMAT_H
#define ENGINE_FORMAT_H

#include "base/hash.h"
#include "base/status.h"

enum { FORMAT_LAYOUT = 1, FORMAT_KEY_BYTES = 16 };

struct format {
    uint32_t layout;
    uint32_t partitions;
    unsigned char key[FORMAT_KEY_BYTES];
    int lock;
};

/* Makes the directory and FORMAT if there is nothing. */
enum status format_open(struct format *format, const char *dir, uint32_t partitions, struct problem *problem) MUST_CHECK;
void format_close(struct format *format);

#endif
