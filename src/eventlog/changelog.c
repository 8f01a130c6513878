/* The worker builds a block of records in the buffer; its place in the file is known from the
 * start, so a record's place is final when it is put.  A file is left for the next one only
 * between blocks.  Nothing here waits for a sync but changelog_sync: a file is closed by
 * writing its index, and if a power loss tears that, the next start walks the file instead. */
#include "eventlog/changelog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/shared.h"
#include "eventlog/changelog_state.h"
#include "eventlog/segment.h"
#include "io/file.h"

enum {
    OPEN_FILES_MAX = 16,
    FIRST_READ_BYTES = 4096, /* of a record: profiles are smaller */
    HEAD_BYTES = sizeof(struct chunk_head),
};

static uint64_t place_of(uint32_t number, uint64_t byte)
{
    return (uint64_t)number << 32 | byte;
}

void changelog_path(const struct changelog *changelog, uint32_t number, char *path)
{
    int length = snprintf(path, FILE_PATH_SIZE, "%s/%010u.chg", changelog->dir, number);

    ASSERT(length > 0 && length < FILE_PATH_SIZE);
}

static struct changelog_file *newest(const struct changelog *changelog)
{
    return changelog->files[changelog->file_count - 1];
}

static enum status fail(struct changelog *changelog, const struct problem *problem)
{
    ASSERT(problem->status != STATUS_OK);
    if (changelog->failure == STATUS_OK)
        log_message(LOG_ERROR, "eventlog", "a changelog cannot be written: no more checkpoints until a restart",
                    "task=%u reason=\"%s\"", changelog->task, problem->detail);
    changelog->failure = problem->status;
    return problem->status;
}

/* ---- files ---- */

enum status changelog_add_file(struct changelog *changelog, uint32_t number, struct changelog_file **file)
{
    struct changelog_file *made = calloc(1, sizeof *made);
    enum status status = made == NULL ? STATUS_MEMORY : STATUS_OK;

    if (status == STATUS_OK)
        *made = (struct changelog_file){.number = number, .fd = -1};
    pthread_mutex_lock(&changelog->lock);
    if (status == STATUS_OK && changelog->file_count == changelog->file_capacity) {
        uint32_t capacity = changelog->file_capacity ? 2 * changelog->file_capacity : 16;
        struct changelog_file **files = realloc(changelog->files, capacity * sizeof *files);
        if (files == NULL) {
            status = STATUS_MEMORY;
        } else {
            changelog->files = files;
            changelog->file_capacity = capacity;
        }
    }
    if (status == STATUS_OK) {
        ASSERT(changelog->file_count == 0 || newest(changelog)->number + 1 == number);
        changelog->files[changelog->file_count++] = made;
        *file = made;
    } else {
        free(made);
    }
    pthread_mutex_unlock(&changelog->lock);
    return status;
}

/* Under the lock: NULL when it was dropped. */
static struct changelog_file *find_file(const struct changelog *changelog, uint32_t number)
{
    uint32_t first = changelog->file_count > 0 ? changelog->files[0]->number : 0;

    if (changelog->file_count == 0 || number < first || number - first >= changelog->file_count)
        return NULL;
    return changelog->files[number - first];
}

/* Under the lock. */
static enum status open_file(struct changelog *changelog, struct changelog_file *file, struct problem *problem)
{
    char path[FILE_PATH_SIZE];

    if (file->fd >= 0)
        return STATUS_OK;
    for (uint32_t i = 0; i < changelog->file_count && changelog->open_count >= OPEN_FILES_MAX; i++) {
        struct changelog_file *idle = changelog->files[i];
        if (idle->fd >= 0 && idle->refs == 0 && !idle->is_dirty && idle != newest(changelog)) {
            file_close(&idle->fd);
            changelog->open_count--;
        }
    }
    changelog_path(changelog, file->number, path);
    enum status status = file_open(&file->fd, path, FILE_WRITE, problem);
    changelog->open_count += status == STATUS_OK;
    return status;
}

static enum status make_file(struct changelog *changelog, uint32_t number, uint64_t previous_end, struct problem *problem)
{
    struct changelog_file *file;
    char path[FILE_PATH_SIZE];
    int fd;
    struct chunk_file_header header = {
        .task = changelog->task,
        .salt = segment_salt(),
        .number = number,
        .oldest = changelog->oldest,
        .checkpoint = changelog->checkpoint,
        .synced = changelog->synced,
        .previous_end = previous_end,
    };

    changelog_path(changelog, number, path);
    enum status status = file_open(&fd, path, FILE_CREATE_NEW, problem);
    if (status == STATUS_OK)
        status = chunk_write_header(fd, path, &header, problem);
    if (status == STATUS_OK && changelog_add_file(changelog, number, &file) != STATUS_OK)
        status = problem_set(problem, STATUS_MEMORY, "no memory for another file of %s", changelog->dir);
    if (status != STATUS_OK) {
        file_close(&fd);
        return status;
    }
    pthread_mutex_lock(&changelog->lock);
    file->salt = header.salt;
    file->fd = fd;
    file->end = sizeof header;
    file->bytes = sizeof header;
    file->is_dirty = true;
    changelog->open_count++;
    pthread_mutex_unlock(&changelog->lock);
    __atomic_fetch_add(&changelog->bytes, sizeof header, __ATOMIC_RELAXED);
    changelog->summary = (struct chunk_summary){.oldest = changelog->oldest};
    changelog->rows.count = 0;
    return STATUS_OK;
}

static enum status roll(struct changelog *changelog, struct problem *problem)
{
    struct changelog_file *file = newest(changelog);
    char path[FILE_PATH_SIZE];
    uint64_t bytes;

    changelog_path(changelog, file->number, path);
    changelog->summary.row_count = changelog->rows.count;
    changelog->summary.next_checkpoint = changelog->checkpoint + 1;
    changelog->summary.tail_checkpoint = changelog->checkpoint;
    changelog->summary.end = file->end;
    enum status status =
        chunk_write_index(file->fd, path, file->salt, &changelog->summary, &changelog->rows, &bytes, problem);
    if (status != STATUS_OK)
        return status;
    file->is_dirty = true;
    file->bytes = file->end + bytes;
    __atomic_fetch_add(&changelog->bytes, bytes, __ATOMIC_RELAXED);
    return make_file(changelog, file->number + 1, file->end, problem);
}

/* ---- life ---- */

static void destroy(struct changelog *changelog)
{
    for (uint32_t i = 0; i < changelog->file_count; i++) {
        ASSERT(changelog->files[i]->refs == 0);
        file_close(&changelog->files[i]->fd);
        free(changelog->files[i]);
    }
    chunk_rows_fini(&changelog->rows);
    pthread_mutex_destroy(&changelog->lock);
    free(changelog->files);
    free(changelog->buffer);
    free(changelog->dir);
    free(changelog);
}

enum status changelog_open(struct changelog **changelog, const char *dir, uint32_t task, uint64_t segment_bytes,
                           changelog_load *load, void *context, uint64_t *position, struct problem *problem)
{
    char path[FILE_PATH_SIZE];

    *changelog = NULL;
    int length = snprintf(path, sizeof path, "%s/changelog/%u", dir, task);
    if (length < 0 || length >= FILE_PATH_SIZE - CHANGELOG_NAME_SIZE)
        return problem_set(problem, STATUS_SETTING, "the path %s is too long", dir);
    struct changelog *made = calloc(1, sizeof *made);
    if (made == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory to open %s", path);
    pthread_mutex_init(&made->lock, NULL);
    made->task = task;
    made->segment_bytes = segment_bytes;
    made->checkpoint = 1;
    made->oldest = 1;
    made->capacity = CHANGELOG_CHUNK_BYTES;
    made->dir = strdup(path);
    made->buffer = malloc(made->capacity + HEAD_BYTES);
    enum status status = made->dir && made->buffer ? file_make_directory(path, problem)
                                                   : problem_set(problem, STATUS_MEMORY, "no memory to open %s", path);
    if (status == STATUS_OK)
        status = changelog_recovery_run(made, load, context, problem);
    if (status == STATUS_OK && made->file_count == 0)
        status = make_file(made, made->oldest, 0, problem);
    else if (status == STATUS_OK && newest(made)->fd < 0) /* the files behind it were taken off */
        status = make_file(made, newest(made)->number + 1, newest(made)->end, problem);
    if (status != STATUS_OK) {
        destroy(made);
        return status;
    }
    *position = made->position;
    *changelog = made;
    return STATUS_OK;
}

void changelog_close(struct changelog *changelog)
{
    if (changelog != NULL)
        destroy(changelog);
}

/* ---- writing ---- */

static void begin_block(struct changelog *changelog, char *to, enum chunk_type type)
{
    *(struct chunk_head *)to = (struct chunk_head){
        .type = (uint16_t)type,
        .salt = newest(changelog)->salt,
        .checkpoint = changelog->checkpoint,
        .synced = changelog->synced,
        .position = changelog->position,
        .oldest = changelog->oldest,
    };
}

/* Writes what the buffer holds, `bytes` of it. */
static enum status write_buffer(struct changelog *changelog, uint64_t bytes, struct problem *problem)
{
    struct changelog_file *file = newest(changelog);
    char path[FILE_PATH_SIZE];

    changelog_path(changelog, file->number, path);
    /* Readers may copy from the buffer meanwhile; it is not changed. */
    enum status status = segment_write(file->fd, path, changelog->buffer, bytes, file->end, problem);
    if (status != STATUS_OK)
        return fail(changelog, problem);
    __atomic_fetch_add(&changelog->bytes, bytes - changelog->used, __ATOMIC_RELAXED);
    pthread_mutex_lock(&changelog->lock);
    file->end += bytes;
    file->bytes = file->end;
    file->is_dirty = true;
    changelog->used = 0;
    pthread_mutex_unlock(&changelog->lock);
    return STATUS_OK;
}

static enum status flush(struct changelog *changelog)
{
    struct problem problem;

    if (changelog->used == 0)
        return STATUS_OK;
    chunk_seal((struct chunk_head *)changelog->buffer, changelog->used);
    return write_buffer(changelog, changelog->used, &problem);
}

static enum status reserve(struct changelog *changelog, uint64_t capacity)
{
    struct problem problem;
    enum status status = STATUS_OK;

    if (capacity <= changelog->capacity)
        return STATUS_OK;
    pthread_mutex_lock(&changelog->lock);
    char *larger = realloc(changelog->buffer, capacity + HEAD_BYTES);
    if (larger == NULL) {
        status = STATUS_MEMORY;
    } else {
        changelog->buffer = larger;
        changelog->capacity = capacity;
    }
    pthread_mutex_unlock(&changelog->lock);
    if (status != STATUS_OK)
        fail(changelog, (problem_set(&problem, status, "no memory for a record of %llu bytes",
                                     (unsigned long long)capacity), &problem));
    return status;
}

/* Makes room in the block under construction, or begins one. */
static enum status make_room(struct changelog *changelog, uint64_t bytes)
{
    struct problem problem;
    enum status status = STATUS_OK;

    if (changelog->used > 0 && changelog->used + bytes > CHANGELOG_CHUNK_BYTES)
        status = flush(changelog);
    if (status == STATUS_OK && changelog->used == 0) {
        if (newest(changelog)->end >= changelog->segment_bytes) {
            status = roll(changelog, &problem);
            if (status != STATUS_OK)
                return fail(changelog, &problem);
        }
        status = reserve(changelog, HEAD_BYTES + bytes);
    }
    return status;
}

enum status changelog_put(struct changelog *changelog, enum changelog_kind kind, struct hash128 key, int64_t deadline_ms,
                          struct slice record, changelog_place *place)
{
    uint64_t bytes = chunk_record_bytes(record.size);

    if (changelog->failure != STATUS_OK)
        return changelog->failure;
    if (record.size > CHANGELOG_RECORD_MAX)
        return STATUS_TOO_LARGE;
    enum status status = make_room(changelog, bytes);
    if (status != STATUS_OK)
        return status;
    struct changelog_file *file = newest(changelog);
    uint64_t used = changelog->used > 0 ? changelog->used : HEAD_BYTES;
    struct chunk_row row = {.key = key,
                            .deadline_ms = deadline_ms,
                            .byte = (uint32_t)(file->end + used),
                            .size = record.size,
                            .kind = kind};
    status = chunk_rows_push(&changelog->rows, &row);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&changelog->lock);
    if (changelog->used == 0)
        begin_block(changelog, changelog->buffer, CHUNK_RECORDS);
    chunk_put_record(changelog->buffer + used, &row, record);
    __atomic_fetch_add(&changelog->bytes, used + bytes - changelog->used, __ATOMIC_RELAXED);
    changelog->used = used + bytes;
    pthread_mutex_unlock(&changelog->lock);
    if (changelog->first_file == 0)
        changelog->first_file = file->number;
    *place = place_of(file->number, row.byte);
    return STATUS_OK;
}

enum status changelog_commit(struct changelog *changelog, uint64_t position)
{
    struct problem problem;
    uint64_t used = changelog->used;

    if (changelog->failure != STATUS_OK)
        return changelog->failure;
    if (used > 0)
        chunk_seal((struct chunk_head *)changelog->buffer, used);
    changelog->position = position;
    struct chunk_head *head = (struct chunk_head *)(changelog->buffer + used);
    begin_block(changelog, changelog->buffer + used, CHUNK_COMMIT);
    chunk_seal(head, HEAD_BYTES);
    /* The buffer has room for it behind its capacity. */
    enum status status = write_buffer(changelog, used + HEAD_BYTES, &problem);
    if (status != STATUS_OK)
        return status;
    struct chunk_summary *summary = &changelog->summary;
    if (summary->first_commit == 0)
        summary->first_commit = changelog->checkpoint;
    summary->committed_count = changelog->rows.count;
    summary->position = position;
    changelog->checkpoint++;
    changelog->first_file = 0;
    return STATUS_OK;
}

void changelog_abandon(struct changelog *changelog)
{
    pthread_mutex_lock(&changelog->lock);
    __atomic_fetch_sub(&changelog->bytes, changelog->used, __ATOMIC_RELAXED);
    changelog->used = 0;
    pthread_mutex_unlock(&changelog->lock);
    changelog->rows.count = changelog->summary.committed_count;
    changelog->first_file = 0;
    /* Blocks with the old number are void once one with another follows. */
    changelog->checkpoint++;
}

enum status changelog_sync(struct changelog *changelog)
{
    struct problem problem;
    char path[FILE_PATH_SIZE];
    bool is_named = true;
    enum status status = changelog->failure;

    for (uint32_t i = 0; i < changelog->file_count && status == STATUS_OK; i++) {
        struct changelog_file *file = changelog->files[i];
        is_named = is_named && file->is_named;
        if (!file->is_dirty)
            continue;
        changelog_path(changelog, file->number, path);
        status = segment_sync(file->fd, path, &problem);
        if (status == STATUS_OK) {
            pthread_mutex_lock(&changelog->lock);
            file->is_dirty = false;
            pthread_mutex_unlock(&changelog->lock);
        }
    }
    if (status == STATUS_OK && !is_named)
        status = file_sync_directory(changelog->dir, &problem);
    if (status != STATUS_OK)
        return changelog->failure != STATUS_OK ? status : fail(changelog, &problem);
    for (uint32_t i = 0; i < changelog->file_count && !is_named; i++)
        changelog->files[i]->is_named = true;
    changelog->synced = place_of(newest(changelog)->number, newest(changelog)->end);
    return STATUS_OK;
}

/* ---- reading ---- */

static enum status give(const struct chunk_record *head, const char *bytes, void *buffer, uint32_t capacity, uint32_t *size)
{
    *size = head->size;
    if (head->size > capacity)
        return STATUS_TOO_LARGE;
    if (head->size > 0)
        memcpy(buffer, bytes, head->size);
    return STATUS_OK;
}

/* Copies a record that is still in the buffer, or references its file. */
static enum status find_record(struct changelog *changelog, changelog_place place, void *buffer, uint32_t capacity,
                               uint32_t *size, struct changelog_file **file)
{
    uint64_t byte = place & UINT32_MAX;
    enum status status = STATUS_OK;

    pthread_mutex_lock(&changelog->lock);
    struct changelog_file *found = find_file(changelog, (uint32_t)(place >> 32));
    if (found == NULL) {
        status = STATUS_NOT_FOUND;
    } else if (byte < found->end) {
        status = open_file(changelog, found, NULL);
        if (status == STATUS_OK) {
            found->refs++;
            *file = found;
        }
    } else if (found == newest(changelog) && byte - found->end < changelog->used) {
        const char *at = changelog->buffer + (byte - found->end);
        status = give((const struct chunk_record *)at, at + sizeof(struct chunk_record), buffer, capacity, size);
    } else {
        status = STATUS_NOT_FOUND;
    }
    pthread_mutex_unlock(&changelog->lock);
    return status;
}

static enum status read_record(const struct changelog_file *file, const char *path, uint64_t byte, void *buffer,
                               uint32_t capacity, uint32_t *size, struct problem *problem)
{
    struct {
        struct chunk_record head;
        char bytes[FIRST_READ_BYTES];
    } first;
    size_t got;

    enum status status = file_read_at(file->fd, path, &first, sizeof first, byte, &got, problem);
    if (status != STATUS_OK)
        return status;
    if (got < sizeof first.head || first.head.size > CHANGELOG_RECORD_MAX)
        return problem_set(problem, STATUS_CORRUPT, "%s: no record at byte %llu", path, (unsigned long long)byte);
    uint64_t have = got - sizeof first.head;
    if (have < first.head.size && first.head.size <= capacity && have == FIRST_READ_BYTES) {
        status = file_pread_all(file->fd, path, (char *)buffer + have, first.head.size - have,
                                byte + sizeof first.head + have, problem);
        if (status != STATUS_OK)
            return status;
        *size = first.head.size;
        memcpy(buffer, first.bytes, have);
    } else {
        if (have < first.head.size && first.head.size <= capacity)
            return problem_set(problem, STATUS_CORRUPT, "%s: no record at byte %llu", path, (unsigned long long)byte);
        status = give(&first.head, first.bytes, buffer, capacity, size);
        if (status != STATUS_OK)
            return status;
    }
    if (chunk_check(&first.head, buffer) != first.head.check)
        return problem_set(problem, STATUS_CORRUPT, "%s: the record at byte %llu fails its check", path,
                           (unsigned long long)byte);
    return STATUS_OK;
}

enum status changelog_read(struct changelog *changelog, changelog_place place, void *buffer, uint32_t capacity,
                           uint32_t *size)
{
    struct changelog_file *file = NULL;
    struct problem problem;
    char path[FILE_PATH_SIZE];

    *size = 0;
    enum status status = find_record(changelog, place, buffer, capacity, size, &file);
    if (file == NULL)
        return status;
    changelog_path(changelog, file->number, path);
    status = read_record(file, path, place & UINT32_MAX, buffer, capacity, size, &problem);
    pthread_mutex_lock(&changelog->lock);
    file->refs--;
    pthread_mutex_unlock(&changelog->lock);
    if (status != STATUS_OK && status != STATUS_TOO_LARGE)
        log_message(LOG_ERROR, "eventlog", "cannot read a changelog", "reason=\"%s\"", problem.detail);
    return status;
}

/* ---- old files ---- */

uint32_t changelog_oldest(const struct changelog *changelog)
{
    return changelog->files[0]->number;
}

uint32_t changelog_newest(const struct changelog *changelog)
{
    return newest(changelog)->number;
}

uint64_t changelog_bytes(const struct changelog *changelog)
{
    return SHARED_LOAD(changelog->bytes);
}

/* The oldest file goes, once no read is under way in it. False: one is. */
static enum status remove_oldest(struct changelog *changelog, bool *is_removed, struct problem *problem)
{
    char path[FILE_PATH_SIZE];
    struct changelog_file *file = changelog->files[0];

    pthread_mutex_lock(&changelog->lock);
    *is_removed = file->refs == 0;
    if (*is_removed) {
        changelog->file_count--;
        memmove(changelog->files, changelog->files + 1, changelog->file_count * sizeof *changelog->files);
        changelog->open_count -= file->fd >= 0;
    }
    pthread_mutex_unlock(&changelog->lock);
    if (!*is_removed)
        return STATUS_OK;
    changelog_path(changelog, file->number, path);
    __atomic_fetch_sub(&changelog->bytes, file->bytes, __ATOMIC_RELAXED);
    file_close(&file->fd);
    free(file);
    return file_remove(path, problem);
}

/* Writes that files before `oldest` are no longer needed. */
static enum status note_oldest(struct changelog *changelog, uint32_t oldest)
{
    struct problem problem;
    enum status status = flush(changelog);

    if (status != STATUS_OK)
        return status;
    changelog->oldest = oldest;
    begin_block(changelog, changelog->buffer, CHUNK_OLDEST);
    chunk_seal((struct chunk_head *)changelog->buffer, HEAD_BYTES);
    changelog->summary.oldest = oldest;
    return write_buffer(changelog, HEAD_BYTES, &problem);
}

enum status changelog_drop_before(struct changelog *changelog, uint32_t segment)
{
    struct problem problem;
    uint32_t limit = segment < changelog_newest(changelog) ? segment : changelog_newest(changelog);
    bool is_removed = true;

    if (changelog->failure != STATUS_OK)
        return changelog->failure;
    if (changelog->first_file != 0 && changelog->first_file < limit)
        limit = changelog->first_file;
    if (limit <= changelog_oldest(changelog))
        return STATUS_OK;
    enum status status = note_oldest(changelog, limit);
    /* What replaces the dropped records must be durable before they go; the note with it, or a
     * power loss could bring back an old file without a newer one that takes its records back. */
    if (status == STATUS_OK)
        status = changelog_sync(changelog);
    while (status == STATUS_OK && is_removed && changelog_oldest(changelog) < limit) {
        status = remove_oldest(changelog, &is_removed, &problem);
        if (status != STATUS_OK)
            fail(changelog, &problem);
    }
    return status;
}

enum status changelog_walk(struct changelog *changelog, uint32_t segment, changelog_load *load, void *context)
{
    struct problem problem = {0};
    struct chunk_summary summary;
    struct chunk_rows rows = {0};
    char path[FILE_PATH_SIZE];
    bool is_whole = false;
    int fd;

    struct changelog_file *file = find_file(changelog, segment);
    if (file == NULL || file == newest(changelog))
        return STATUS_NOT_FOUND;
    changelog_path(changelog, segment, path);
    enum status status = file_open(&fd, path, FILE_READ, &problem);
    if (status == STATUS_OK)
        status = chunk_read_index(fd, path, file->salt, &summary, &rows, &is_whole, &problem);
    if (status == STATUS_OK && !is_whole)
        status = problem_set(&problem, STATUS_CORRUPT, "%s: the index fails its checksum", path);
    for (uint64_t i = 0; i < rows.count && status == STATUS_OK; i++) {
        const struct chunk_row *row = &rows.rows[i];
        load(context, (enum changelog_kind)row->kind, row->key, place_of(segment, row->byte), row->size, row->deadline_ms);
    }
    if (status != STATUS_OK)
        log_message(LOG_ERROR, "eventlog", "cannot read a changelog", "reason=\"%s\"", problem.detail);
    chunk_rows_fini(&rows);
    file_close(&fd);
    return status;
}
