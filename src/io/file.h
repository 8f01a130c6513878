/* file.h - files and directories: whole reads and writes, syncs, locks, atomic replacement.
 *
 * Reads and writes go on after EINTR and short counts.  Whoever asks for durability syncs
 * the file, and the directory after a name was made or taken away.  Every failure names the
 * path and the reason; a full disk (ENOSPC, EDQUOT) is STATUS_DISK_FULL, other STATUS_IO.
 *
 * Threads: any; one file descriptor is used as POSIX allows (pread and pwrite side by side).
 * Memory:  none, except struct file_list, which file_list_fini gives back.
 * Failure: enum status; problem (may be NULL) is filled.
 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "base/status.h"

enum { FILE_PATH_SIZE = 4096 };

enum file_mode {
    FILE_READ,       /* must exist */
    FILE_WRITE,      /* read and write; must exist */
    FILE_CREATE,     /* read and write; made when absent */
    FILE_CREATE_NEW, /* read and write; must not exist */
};

/* A missing file under FILE_READ or FILE_WRITE is STATUS_NOT_FOUND.  Close-on-exec. */
enum status file_open(int *fd, const char *path, enum file_mode mode, struct problem *problem) MUST_CHECK;
/* Not a sync; *fd becomes -1. */
void file_close(int *fd);

/* Reads up to size bytes at offset until the end of the file; *got says how many. */
enum status file_read_at(int fd, const char *path, void *data, size_t size, uint64_t offset, size_t *got,
                         struct problem *problem) MUST_CHECK;
/* Exactly size bytes; a shorter file is STATUS_CORRUPT. */
enum status file_pread_all(int fd, const char *path, void *data, size_t size, uint64_t offset,
                           struct problem *problem) MUST_CHECK;
enum status file_pwrite_all(int fd, const char *path, const void *data, size_t size, uint64_t offset,
                            struct problem *problem) MUST_CHECK;
/* At the file's own position (pipes, streams, O_APPEND). */
enum status file_write_all(int fd, const char *path, const void *data, size_t size, struct problem *problem) MUST_CHECK;

/* fdatasync.  After a failure the kernel may have dropped the pages: do not retry and hope. */
enum status file_sync(int fd, const char *path, struct problem *problem) MUST_CHECK;
enum status file_sync_directory(const char *path, struct problem *problem) MUST_CHECK;

enum status file_size(int fd, const char *path, uint64_t *size, struct problem *problem) MUST_CHECK;
enum status file_truncate(int fd, const char *path, uint64_t size, struct problem *problem) MUST_CHECK;
/* Takes blocks for [offset, offset + size) without changing the file's size (keep_size) or
 * with it.  A file system without fallocate: the size is set, blocks are not taken. */
enum status file_preallocate(int fd, const char *path, uint64_t offset, uint64_t size, bool keep_size,
                             struct problem *problem) MUST_CHECK;

bool file_exists(const char *path);
/* mkdir -p, 0700 for what is made; STATUS_OK when it is there already. */
enum status file_make_directory(const char *path, struct problem *problem) MUST_CHECK;
/* STATUS_OK also when it was not there. */
enum status file_remove(const char *path, struct problem *problem) MUST_CHECK;
enum status file_rename(const char *from, const char *to, struct problem *problem) MUST_CHECK;

/* Takes path as a lock of the process; the kernel frees it when the process ends.  Another
 * holder: STATUS_IN_USE naming its pid.  The file stays; closing *fd unlocks. */
enum status file_lock(int *fd, const char *path, struct problem *problem) MUST_CHECK;

/* Replaces the file whole or not at all, durably: path.tmp, sync, rename, directory sync. */
enum status file_replace(const char *path, struct slice content, struct problem *problem) MUST_CHECK;
/* Reads a small file whole; *content is malloc'ed, followed by a zero byte that size does not
 * count.  Over size_max: STATUS_TOO_LARGE. */
enum status file_read_small(const char *path, size_t size_max, char **content, size_t *size,
                            struct problem *problem) MUST_CHECK;

struct file_list {
    char **names; /* without the directory, sorted by strcmp */
    uint32_t count;
};

/* Regular files of a directory whose names end in suffix ("" for all). */
enum status file_list(struct file_list *list, const char *directory, const char *suffix,
                      struct problem *problem) MUST_CHECK;
void file_list_fini(struct file_list *list);

/* directory + "/" + name into out; too long is STATUS_SETTING. */
enum status file_join(char out[FILE_PATH_SIZE], const char *directory, const char *name,
                      struct problem *problem) MUST_CHECK;

#endif
