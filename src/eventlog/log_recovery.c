/* Opening the files of a log after whatever happened.
 *
 * Closed segments are taken by header and footer.  Every other is walked frame by frame to
 * its first bad place.  What is behind that place may be cut only if it can never have been
 * acknowledged as durable, and there is proof of the contrary when
 *   - a later frame or header says synced_to >= the sequence that is missing,
 *   - a later file has a footer (footers are written behind synced frames, in order),
 *   - the caller's checkpoint shows a synced sequence at or above it.
 * With such proof the file is STATUS_CORRUPT: nothing synced is ever skipped.  Without, holes
 * are normal: the kernel writes back unsynced pages in any order, so whole frames may stand
 * behind a torn one and still be worth nothing (with `interval` most power losses do that).
 * The files behind the bad place go first, newest first, so that dying in between leaves a
 * directory that leads to the same decision. */
#include "eventlog/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "eventlog/log_state.h"
#include "io/file.h"

struct recovery {
    struct log *log;
    uint64_t *sequences;     /* of the files, ascending */
    uint32_t count;
    uint64_t synced_shown;
    uint64_t expected;       /* the sequence that comes next */
    struct problem *problem;
};

/* Where the sequence ends although files go on. */
struct bad_place {
    uint32_t file;           /* index into sequences */
    struct segment *segment; /* the file's; NULL: its header is bad */
    uint64_t at;
};

static void path_of(const struct recovery *recovery, uint32_t file, char path[FILE_PATH_SIZE])
{
    char name[SEGMENT_NAME_SIZE];

    snprintf(name, sizeof name, "%020llu.log", (unsigned long long)recovery->sequences[file]);
    /* The same directory was joined with the name of a topic before. */
    if (file_join(path, recovery->log->dir, name, NULL) != STATUS_OK)
        UNREACHABLE("a path that was listed is too long");
}

static enum status list_files(struct recovery *recovery)
{
    struct file_list list;
    enum status status = file_list(&list, recovery->log->dir, ".log", recovery->problem);

    if (status != STATUS_OK)
        return status;
    recovery->sequences = malloc((list.count + 1) * sizeof *recovery->sequences);
    if (recovery->sequences == NULL)
        status = problem_set(recovery->problem, STATUS_MEMORY, "no memory to list %s", recovery->log->dir);
    /* Sorted by name is sorted by sequence: names have one length. */
    for (uint32_t i = 0; i < list.count && status == STATUS_OK; i++) {
        uint64_t sequence;
        if (segment_parse_name(list.names[i], &sequence))
            recovery->sequences[recovery->count++] = sequence;
    }
    file_list_fini(&list);
    return status;
}

/* Looks for proof in a file behind the bad place; `from`: where in it, 0 the whole. */
static enum status proof_of_file(const struct recovery *recovery, uint32_t file, uint32_t salt, uint64_t from,
                                 uint64_t *synced_to)
{
    struct segment *segment;
    char path[FILE_PATH_SIZE];
    struct log *log = recovery->log;

    *synced_to = 0;
    if (from == 0) {
        enum status status = segment_open(&segment, log->dir, recovery->sequences[file], log->shape, recovery->problem);
        if (status != STATUS_OK)
            return status;
        if (segment != NULL) {
            salt = segment->salt;
            *synced_to = segment->shown_synced;
            bool is_sealed = segment->is_sealed;
            segment_destroy(segment);
            if (is_sealed)
                return STATUS_OK;
        }
    }
    uint64_t shown;
    path_of(recovery, file, path);
    enum status status = segment_proof(path, log->shape, salt, from, &shown, recovery->problem);
    if (shown > *synced_to)
        *synced_to = shown;
    return status;
}

/* STATUS_CORRUPT when the bad place is proven to have been durable. */
static enum status judge(const struct recovery *recovery, const struct bad_place *bad)
{
    uint64_t synced = recovery->synced_shown;
    char path[FILE_PATH_SIZE];

    if (bad->segment != NULL && bad->segment->shown_synced > synced)
        synced = bad->segment->shown_synced;
    for (uint32_t file = bad->file; file < recovery->count && synced < recovery->expected; file++) {
        bool is_bad_file = file == bad->file;
        uint64_t shown, from = is_bad_file ? bad->at + 8 : 0;
        uint32_t salt = is_bad_file && bad->segment ? bad->segment->salt : FRAME_ANY_SALT;
        enum status status = proof_of_file(recovery, file, salt, from, &shown);
        if (status != STATUS_OK)
            return status;
        synced = shown > synced ? shown : synced;
    }
    /* A log is trimmed only once the header that remains the oldest is durable. */
    if (bad->file == 0 && bad->segment == NULL && recovery->expected > 1)
        synced = recovery->expected;
    if (synced < recovery->expected)
        return STATUS_OK;
    path_of(recovery, bad->file, path);
    return problem_set(recovery->problem, STATUS_CORRUPT,
                       "%s: the frame at byte %llu is bad, and frame %llu is known to have been synced", path,
                       (unsigned long long)bad->at, (unsigned long long)recovery->expected);
}

static enum status size_of(const char *path, uint64_t *size, struct problem *problem)
{
    int fd;
    enum status status = file_open(&fd, path, FILE_READ, problem);

    if (status == STATUS_OK)
        status = file_size(fd, path, size, problem);
    file_close(&fd);
    return status;
}

static enum status cut(const struct recovery *recovery, const struct bad_place *bad)
{
    char path[FILE_PATH_SIZE];
    uint64_t size, bytes = 0;
    enum status status = STATUS_OK;
    struct log *log = recovery->log;

    uint32_t keep = bad->segment ? bad->file + 1 : bad->file;
    for (uint32_t file = recovery->count; file-- > keep && status == STATUS_OK;) {
        path_of(recovery, file, path);
        status = size_of(path, &size, recovery->problem);
        bytes += status == STATUS_OK ? size : 0;
        if (status == STATUS_OK)
            status = file_remove(path, recovery->problem);
    }
    if (status == STATUS_OK)
        status = file_sync_directory(log->dir, recovery->problem);
    if (status == STATUS_OK && bad->segment) {
        status = size_of(bad->segment->path, &size, recovery->problem);
        bytes += size - bad->at;
        if (status == STATUS_OK)
            status = segment_cut(bad->segment, recovery->problem);
    }
    if (status == STATUS_OK) {
        path_of(recovery, bad->file, path);
        log->cut_bytes = bytes;
        log_message(LOG_WARNING, "eventlog", "cut what was not synced from the end of a log",
                    "file=%s offset=%llu bytes=%llu", path, (unsigned long long)bad->at, (unsigned long long)bytes);
    }
    return status;
}

/* Takes file i.  *bad->file < count when the sequence ends in it. */
static enum status take_file(struct recovery *recovery, uint32_t i, struct bad_place *bad)
{
    struct log *log = recovery->log;
    struct segment *segment;
    uint64_t size;

    enum status status = segment_open(&segment, log->dir, recovery->sequences[i], log->shape, recovery->problem);
    if (status != STATUS_OK)
        return status;
    if (segment == NULL) {
        *bad = (struct bad_place){i, NULL, 0};
        return STATUS_OK;
    }
    bool is_last = i + 1 == recovery->count;
    uint64_t follows = is_last ? 0 : recovery->sequences[i + 1];
    status = segment->is_sealed ? STATUS_OK : segment_scan(segment, &size, recovery->problem);
    if (status == STATUS_OK && log_add_segment(log, segment) != STATUS_OK)
        status = problem_set(recovery->problem, STATUS_MEMORY, "no memory to open %s", segment->path);
    if (status != STATUS_OK) {
        segment_destroy(segment);
        return status;
    }
    recovery->expected = segment->last_sequence + 1;
    if (segment->is_sealed) {
        if (!is_last && follows != recovery->expected)
            status = problem_set(recovery->problem, STATUS_CORRUPT, "%s: frame %llu should follow and its file is missing",
                                 segment->path, (unsigned long long)recovery->expected);
        return status;
    }
    /* Complete, and its footer missing or torn: the footer is written again. */
    if (!is_last && follows == recovery->expected) {
        segment->is_closed = 1;
        return size > segment->written ? segment_cut(segment, recovery->problem) : STATUS_OK;
    }
    if (!is_last || size > segment->written)
        *bad = (struct bad_place){i, segment, segment->written};
    return STATUS_OK;
}

/* A checkpoint has seen frames that no file holds. */
static enum status check_end(const struct recovery *recovery)
{
    const struct log *log = recovery->log;

    if (recovery->synced_shown < recovery->expected)
        return STATUS_OK;
    return problem_set(recovery->problem, STATUS_CORRUPT,
                       "%s ends at frame %llu, and frame %llu is known to have been synced",
                       log->segment_count > 0 ? log->segments[log->segment_count - 1]->path : log->dir,
                       (unsigned long long)(recovery->expected - 1), (unsigned long long)recovery->synced_shown);
}

enum status log_recovery_run(struct log *log, uint64_t synced_shown, struct problem *problem)
{
    struct recovery recovery = {.log = log, .synced_shown = synced_shown, .problem = problem};
    struct bad_place bad = {.file = UINT32_MAX};

    enum status status = list_files(&recovery);
    recovery.expected = recovery.count > 0 ? recovery.sequences[0] : 1;
    for (uint32_t i = 0; i < recovery.count && bad.file == UINT32_MAX && status == STATUS_OK; i++)
        status = take_file(&recovery, i, &bad);
    if (status == STATUS_OK && bad.file != UINT32_MAX) {
        status = judge(&recovery, &bad);
        if (status == STATUS_OK)
            status = cut(&recovery, &bad);
    }
    if (status == STATUS_OK)
        status = check_end(&recovery);
    free(recovery.sequences);
    return status;
}
