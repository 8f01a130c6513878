/* changelog_state.h - the inside of struct changelog, shared by changelog.c and changelog_recovery.c.
 *
 * Threads: the worker writes all; what readers look at (files, buffer, used) it changes under the lock.
 * Memory:  as changelog.h says.
 * Failure: as changelog.h says.
 */
#ifndef EVENTLOG_CHANGELOG_STATE_H
#define EVENTLOG_CHANGELOG_STATE_H

#include <pthread.h>

#include "eventlog/changelog.h"
#include "eventlog/chunk.h"

enum { CHANGELOG_CHUNK_BYTES = 1 << 20, CHANGELOG_NAME_SIZE = 32 };

struct changelog_file {
    uint32_t number;
    uint32_t salt;
    uint32_t refs;    /* reads under way */
    int fd;           /* -1: not open now */
    uint64_t end;     /* of what is written of its blocks */
    uint64_t bytes;   /* of the file */
    bool is_dirty;    /* written since the last sync; keeps its fd */
    bool is_named;    /* its name is durable */
};

struct changelog {
    char *dir;
    uint32_t task;
    uint64_t segment_bytes;

    /* the worker's */
    struct chunk_rows rows;         /* of the open file */
    struct chunk_summary summary;   /* of the open file */
    uint64_t checkpoint;            /* number of the one under way */
    uint32_t first_file;            /* where that one's records begin; 0: none yet */
    uint64_t synced;                /* place before which all is durable */
    uint64_t position;
    uint32_t oldest;
    enum status failure;

    pthread_mutex_t lock;
    struct changelog_file **files;  /* consecutive numbers; the last is open */
    uint32_t file_count, file_capacity, open_count;
    char *buffer;                   /* the block under construction; 0 used: none */
    uint64_t capacity, used;
    uint64_t bytes;                 /* atomic: of all files and the buffer */
};

/* changelog.c */
void changelog_path(const struct changelog *changelog, uint32_t number, char *path); /* FILE_PATH_SIZE */
enum status changelog_add_file(struct changelog *changelog, uint32_t number, struct changelog_file **file) MUST_CHECK;

/* changelog_recovery.c: fills files, calls load, cuts what no commit covers. */
enum status changelog_recovery_run(struct changelog *changelog, changelog_load *load, void *context,
                                   struct problem *problem) MUST_CHECK;

#endif
