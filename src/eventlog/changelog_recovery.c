/* Opening a changelog after whatever happened, as log_recovery.c does for a log.
 *
 * First every file is looked at: by its index, or, the last one and any whose index is torn,
 * block by block.  An index counts only if something later shows that its file was durable:
 * it is written without a sync, so after a power loss it may be whole and the blocks before it not.
 * A bad block is cut off with all behind it unless something later shows that it had been
 * durable.  What is cut may hold the only proofs of syncs before it, so a note of what is durable
 * by then takes their place.  Then rows are given to the caller, oldest file first.  A checkpoint
 * may begin in one file and be committed in a later one: the rows behind the last commit of a
 * file wait for the first commit of the files after it, and count if that has their number. */
#include "eventlog/changelog.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "eventlog/changelog_state.h"
#include "eventlog/segment.h"
#include "io/file.h"

enum { NAME_DIGITS = 10 };

struct found {
    uint32_t number;
    struct chunk_file_header header;
    bool has_header, has_index, has_next;
    struct chunk_summary summary;
    bool is_walked;
    uint64_t keep, synced, bad_at; /* of a walked file */
};

struct recovery {
    struct changelog *changelog;
    struct found *files;
    uint32_t count;
    struct chunk_rows rows;    /* of the file at hand */
    struct chunk_rows last;    /* of the last file, once it is walked */
    struct chunk_rows waiting; /* for the commit of waiting_checkpoint */
    uint32_t *waiting_numbers;
    uint64_t waiting_checkpoint;
    bool has_mended; /* an index was made again: the blocks of its file are not looked at for proofs any more */
    changelog_load *load;
    void *context;
    struct problem *problem;
};

static bool parse_name(const char *name, uint32_t *number)
{
    uint64_t value = 0;

    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *number = (uint32_t)value;
    return value > 0 && value < UINT32_MAX && strcmp(name + NAME_DIGITS, ".chg") == 0;
}

static enum status list_files(struct recovery *recovery)
{
    struct file_list list;
    enum status status = file_list(&list, recovery->changelog->dir, ".chg", recovery->problem);

    if (status != STATUS_OK)
        return status;
    recovery->files = calloc(list.count + (size_t)1, sizeof *recovery->files);
    if (recovery->files == NULL)
        status = problem_set(recovery->problem, STATUS_MEMORY, "no memory to list %s", recovery->changelog->dir);
    for (uint32_t i = 0; i < list.count && status == STATUS_OK; i++) {
        if (parse_name(list.names[i], &recovery->files[recovery->count].number))
            recovery->count++;
    }
    file_list_fini(&list);
    return status;
}

static enum status open_at(const struct recovery *recovery, uint32_t i, char *path, int *fd)
{
    changelog_path(recovery->changelog, recovery->files[i].number, path);
    return file_open(fd, path, FILE_WRITE, recovery->problem);
}

/* ---- looking ---- */

/* A file without an index is walked at once, for its notes of the oldest file that is needed; the rows of
 * the last one are kept, it is the only one as a rule. */
static enum status scan_notes(struct recovery *recovery, struct found *found, int fd, const char *path)
{
    found->is_walked = found == &recovery->files[recovery->count - 1];
    return chunk_scan(fd, path, found->header.salt, &found->summary, &recovery->last, &found->bad_at, &found->keep,
                      &found->synced, recovery->problem);
}

/* Headers first: a file's says where the one before it ends. */
static enum status read_headers(struct recovery *recovery)
{
    char path[FILE_PATH_SIZE];
    int fd;

    for (uint32_t i = 0; i < recovery->count; i++) {
        struct found *found = &recovery->files[i];
        enum status status = open_at(recovery, i, path, &fd);
        if (status == STATUS_OK)
            status = chunk_read_header(fd, path, found->number, &found->header, &found->has_header, recovery->problem);
        if (status == STATUS_OK && found->has_header)
            status = chunk_read_index(fd, path, found->header.salt, &found->summary, NULL, &found->has_index,
                                      recovery->problem);
        if (status == STATUS_OK && found->has_header && !found->has_index)
            status = scan_notes(recovery, found, fd, path);
        file_close(&fd);
        if (status != STATUS_OK)
            return status;
        if (i > 0 && found->has_header)
            recovery->files[i - 1].has_next = recovery->files[i - 1].number + 1 == found->number;
    }
    return STATUS_OK;
}

static void distrust_unsynced(struct recovery *recovery)
{
    uint64_t synced = 0;

    for (uint32_t i = 0; i < recovery->count; i++) {
        const struct found *found = &recovery->files[i];
        if (found->has_header && found->header.synced > synced)
            synced = found->header.synced;
        if (found->synced > synced)
            synced = found->synced;
    }
    for (uint32_t i = 0; i < recovery->count; i++) {
        struct found *found = &recovery->files[i];
        if (found->has_index && ((uint64_t)found->number << 32 | found->summary.end) > synced)
            found->has_index = false;
    }
}

/* Files that a note says are not needed, left by a death between the note and the unlinking. */
static enum status drop_unneeded(struct recovery *recovery)
{
    struct changelog *changelog = recovery->changelog;
    char path[FILE_PATH_SIZE];
    uint32_t dropped = 0;
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < recovery->count; i++) {
        const struct found *found = &recovery->files[i];
        uint32_t oldest = found->has_header ? found->header.oldest : 0;
        if (found->summary.oldest > oldest)
            oldest = found->summary.oldest;
        if (oldest > changelog->oldest)
            changelog->oldest = oldest;
    }
    while (dropped < recovery->count && recovery->files[dropped].number < changelog->oldest && status == STATUS_OK) {
        changelog_path(changelog, recovery->files[dropped].number, path);
        status = file_remove(path, recovery->problem);
        dropped++;
    }
    recovery->count -= dropped;
    memmove(recovery->files, recovery->files + dropped, recovery->count * sizeof *recovery->files);
    if (status == STATUS_OK && recovery->count > 0 && recovery->files[0].number != changelog->oldest)
        status = problem_set(recovery->problem, STATUS_CORRUPT, "%s: file %u is needed and missing", changelog->dir,
                             changelog->oldest);
    return status;
}

/* ---- cutting ---- */

static enum status judge(const struct recovery *recovery, uint32_t i, uint64_t bad_at, uint64_t synced)
{
    char path[FILE_PATH_SIZE], bad_path[FILE_PATH_SIZE];
    int fd;
    uint64_t place = (uint64_t)recovery->files[i].number << 32 | bad_at;
    enum status status = STATUS_OK;

    for (uint32_t k = i; k < recovery->count && synced <= place && status == STATUS_OK; k++) {
        const struct found *found = &recovery->files[k];
        uint64_t shown = 0, from = k == i ? bad_at + 8 : 0;
        if (k > i && found->has_header && found->header.synced > synced)
            synced = found->header.synced;
        status = open_at(recovery, k, path, &fd);
        if (status == STATUS_OK)
            status = chunk_proof(fd, path, found->has_header ? found->header.salt : CHUNK_ANY_SALT, from, &shown,
                                 recovery->problem);
        file_close(&fd);
        synced = shown > synced ? shown : synced;
    }
    /* The first file of all is made before anything is known; a later one alone proves that the
     * ones before it were dropped, which needs it to be durable. */
    bool is_lone = i == 0 && bad_at == 0 && recovery->files[0].number > 1;
    if (status != STATUS_OK || (synced <= place && !is_lone))
        return status;
    changelog_path(recovery->changelog, recovery->files[i].number, bad_path);
    return problem_set(recovery->problem, STATUS_CORRUPT, "%s: the block at byte %llu is bad, and it is known to have been synced",
                       bad_path, (unsigned long long)bad_at);
}

/* Removes the files from `i` on, newest first. */
static enum status remove_files(struct recovery *recovery, uint32_t i)
{
    char path[FILE_PATH_SIZE];
    enum status status = STATUS_OK;
    bool is_any = recovery->count > i;

    while (recovery->count > i && status == STATUS_OK) {
        changelog_path(recovery->changelog, recovery->files[recovery->count - 1].number, path);
        status = file_remove(path, recovery->problem);
        recovery->count--;
    }
    if (status == STATUS_OK && is_any)
        status = file_sync_directory(recovery->changelog->dir, recovery->problem);
    return status;
}

static enum status cut(const struct recovery *recovery, int fd, const char *path, uint64_t end, uint64_t bad_at)
{
    uint64_t size;
    enum status status = file_size(fd, path, &size, recovery->problem);

    if (status != STATUS_OK || size <= end)
        return status;
    if (size > bad_at)
        log_message(LOG_WARNING, "eventlog", "cut what was not synced from the end of a changelog",
                    "file=%s offset=%llu bytes=%llu", path, (unsigned long long)bad_at,
                    (unsigned long long)(size - bad_at));
    status = file_truncate(fd, path, end, recovery->problem);
    return status == STATUS_OK ? segment_sync(fd, path, recovery->problem) : status;
}

/* Makes what is kept of the last file durable (the files before it are) and writes that down: the caller goes on
 * from there, so the next start must not go further back, whatever becomes bad meanwhile. */
static enum status note_synced(const struct recovery *recovery, struct found *found, int fd, const char *path)
{
    struct changelog *changelog = recovery->changelog;
    uint64_t synced = (uint64_t)found->number << 32 | found->keep;
    struct chunk_head head = {.type = CHUNK_OLDEST,
                              .salt = found->header.salt,
                              .checkpoint = found->summary.next_checkpoint,
                              .synced = synced,
                              .oldest = changelog->oldest};

    chunk_seal(&head, sizeof head);
    enum status status = segment_sync(fd, path, recovery->problem);
    if (status == STATUS_OK)
        status = file_sync_directory(changelog->dir, recovery->problem);
    if (status == STATUS_OK)
        status = segment_write(fd, path, &head, sizeof head, found->keep, recovery->problem);
    if (status == STATUS_OK)
        status = segment_sync(fd, path, recovery->problem);
    if (status != STATUS_OK)
        return status;
    found->keep += sizeof head;
    changelog->synced = synced;
    return STATUS_OK;
}

/* Takes off what no commit covers, in file `i` and behind it. */
static enum status cut_tail(struct recovery *recovery, uint32_t i, int fd, const char *path, uint64_t size)
{
    struct found *found = &recovery->files[i];
    bool has_later = i + 1 < recovery->count;
    enum status status = STATUS_OK;

    if (found->bad_at < size || has_later)
        status = judge(recovery, i, found->bad_at, found->synced);
    if (status == STATUS_OK)
        status = remove_files(recovery, i + 1);
    if (status == STATUS_OK)
        status = cut(recovery, fd, path, found->keep, found->bad_at);
    if (status == STATUS_OK && (found->keep < size || has_later || recovery->has_mended))
        status = note_synced(recovery, found, fd, path);
    return status;
}

static void swap_rows(struct chunk_rows *one, struct chunk_rows *other)
{
    struct chunk_rows kept = *one;

    *one = *other;
    *other = kept;
}

/* Walks a file without an index.  Rows are left in recovery->rows. */
static enum status walk_file(struct recovery *recovery, uint32_t i, bool *is_open)
{
    struct found *found = &recovery->files[i];
    char path[FILE_PATH_SIZE];
    uint64_t size = 0, bytes;
    int fd;

    *is_open = false;
    enum status status = open_at(recovery, i, path, &fd);
    if (status == STATUS_OK)
        status = file_size(fd, path, &size, recovery->problem);
    if (status == STATUS_OK && found->is_walked)
        swap_rows(&recovery->rows, &recovery->last);
    else if (status == STATUS_OK)
        status = chunk_scan(fd, path, found->header.salt, &found->summary, &recovery->rows, &found->bad_at, &found->keep,
                            &found->synced, recovery->problem);
    uint64_t bad_at = found->bad_at;
    bool is_complete = status == STATUS_OK && found->has_next && recovery->files[i + 1].header.previous_end == bad_at;
    if (status == STATUS_OK && is_complete) {
        status = cut(recovery, fd, path, bad_at, size);
        if (status == STATUS_OK)
            status = chunk_write_index(fd, path, found->header.salt, &found->summary, &recovery->rows, &bytes,
                                       recovery->problem);
        if (status == STATUS_OK)
            status = segment_sync(fd, path, recovery->problem);
        found->has_index = recovery->has_mended = status == STATUS_OK;
    } else if (status == STATUS_OK) {
        status = cut_tail(recovery, i, fd, path, size);
        recovery->rows.count = found->summary.committed_count;
        found->summary.end = found->keep;
        *is_open = true;
    }
    file_close(&fd);
    return status;
}

/* ---- giving rows ---- */

static void give(const struct recovery *recovery, const struct chunk_row *row, uint32_t number)
{
    if (recovery->load)
        recovery->load(recovery->context, (enum changelog_kind)row->kind, row->key, (uint64_t)number << 32 | row->byte,
                       row->size, row->deadline_ms);
}

static enum status wait_for_commit(struct recovery *recovery, const struct found *found)
{
    const struct chunk_summary *summary = &found->summary;

    if (recovery->waiting_checkpoint != summary->tail_checkpoint)
        recovery->waiting.count = 0;
    recovery->waiting_checkpoint = summary->tail_checkpoint;
    for (uint64_t r = summary->committed_count; r < recovery->rows.count; r++) {
        /* The number of the file, which a row has no other room for. */
        struct chunk_row row = recovery->rows.rows[r];
        row.reserved = found->number;
        if (chunk_rows_push(&recovery->waiting, &row) != STATUS_OK)
            return problem_set(recovery->problem, STATUS_MEMORY, "no memory to open %s", recovery->changelog->dir);
    }
    return STATUS_OK;
}

static enum status give_rows(struct recovery *recovery, const struct found *found)
{
    const struct chunk_summary *summary = &found->summary;
    struct changelog *changelog = recovery->changelog;

    if (summary->first_commit != 0) {
        for (uint64_t r = 0; r < recovery->waiting.count && recovery->waiting_checkpoint == summary->first_commit; r++)
            give(recovery, &recovery->waiting.rows[r], recovery->waiting.rows[r].reserved);
        recovery->waiting.count = 0;
        changelog->position = summary->position;
    }
    for (uint64_t r = 0; r < summary->committed_count; r++)
        give(recovery, &recovery->rows.rows[r], found->number);
    if (summary->next_checkpoint > changelog->checkpoint)
        changelog->checkpoint = summary->next_checkpoint;
    if (found->header.checkpoint > changelog->checkpoint)
        changelog->checkpoint = found->header.checkpoint;
    return wait_for_commit(recovery, found);
}

static enum status read_rows(struct recovery *recovery, uint32_t i)
{
    struct found *found = &recovery->files[i];
    char path[FILE_PATH_SIZE];
    bool is_whole;
    int fd;

    enum status status = open_at(recovery, i, path, &fd);
    if (status == STATUS_OK)
        status = chunk_read_index(fd, path, found->header.salt, &found->summary, &recovery->rows, &is_whole,
                                  recovery->problem);
    if (status == STATUS_OK && !is_whole)
        found->has_index = false;
    file_close(&fd);
    return status;
}

/* Adds the file to the changelog as it is now on the disk. */
static enum status add(struct recovery *recovery, uint32_t i, bool is_open)
{
    struct found *found = &recovery->files[i];
    struct changelog *changelog = recovery->changelog;
    struct changelog_file *file;
    char path[FILE_PATH_SIZE];
    int fd;

    if (changelog_add_file(changelog, found->number, &file) != STATUS_OK)
        return problem_set(recovery->problem, STATUS_MEMORY, "no memory to open %s", changelog->dir);
    enum status status = open_at(recovery, i, path, &fd);
    if (status == STATUS_OK)
        status = file_size(fd, path, &file->bytes, recovery->problem);
    file->salt = found->header.salt;
    file->end = found->summary.end;
    file->is_named = true;
    changelog->bytes += file->bytes;
    if (status != STATUS_OK || !is_open) {
        file_close(&fd);
        return status;
    }
    file->fd = fd;
    file->is_dirty = true;
    changelog->open_count++;
    changelog->summary = found->summary;
    changelog->summary.oldest = changelog->oldest;
    swap_rows(&changelog->rows, &recovery->rows);
    return STATUS_OK;
}

static enum status take_files(struct recovery *recovery)
{
    enum status status = STATUS_OK;

    /* walk_file may take files off the end. */
    for (uint32_t i = 0; i < recovery->count && status == STATUS_OK; i++) {
        struct found *found = &recovery->files[i];
        bool is_open = false;
        if (i > 0 && found->number != recovery->files[i - 1].number + 1)
            return problem_set(recovery->problem, STATUS_CORRUPT, "%s: file %u is missing", recovery->changelog->dir,
                               recovery->files[i - 1].number + 1);
        if (!found->has_header) {
            status = judge(recovery, i, 0, 0);
            if (i > 0) /* durable, or its index would not count; the next file's header says so */
                recovery->changelog->synced =
                    (uint64_t)recovery->files[i - 1].number << 32 | recovery->files[i - 1].summary.end;
            return status == STATUS_OK ? remove_files(recovery, i) : status;
        }
        if (found->has_index)
            status = read_rows(recovery, i);
        if (status == STATUS_OK && !found->has_index)
            status = walk_file(recovery, i, &is_open);
        if (status == STATUS_OK)
            status = give_rows(recovery, &recovery->files[i]);
        if (status == STATUS_OK)
            status = add(recovery, i, is_open);
    }
    return status;
}

enum status changelog_recovery_run(struct changelog *changelog, changelog_load *load, void *context,
                                   struct problem *problem)
{
    struct recovery recovery = {.changelog = changelog, .load = load, .context = context, .problem = problem};

    enum status status = list_files(&recovery);
    if (status == STATUS_OK)
        status = read_headers(&recovery);
    if (status == STATUS_OK) {
        distrust_unsynced(&recovery);
        status = drop_unneeded(&recovery);
    }
    if (status == STATUS_OK)
        status = take_files(&recovery);
    free(recovery.files);
    chunk_rows_fini(&recovery.rows);
    chunk_rows_fini(&recovery.last);
    chunk_rows_fini(&recovery.waiting);
    return status;
}
