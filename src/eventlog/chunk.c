/* Bytes of a changelog file, little-endian; every part begins at a multiple of 8.
 *
 * header   0  u32  magic "PCSG"            32  u64  next checkpoint number when it was made
 *          4  u16  version 1, u16 0        40  u64  synced, as in a block
 *          8  u32  task                    48  u64  where the blocks of the file before end
 *         12  u32  salt                    56  u32  salt again (or 0), u32 0, u64 0
 *         16  u64  XXH3-64 behind byte 24
 *         24  u32  number, u32 oldest file that is needed
 * block    0  u32  magic "PCBL"            24  u64  checkpoint number
 *          4  u16  version 1               32  u64  synced: all before this place (file << 32 | byte)
 *          6  u16  1 records, 2 commit,              was durable when this was written
 *                  3 oldest                40  u64  commit: input position
 *          8  u32  length behind byte 24   48  u32  commit, oldest: oldest file that is needed
 *         12  u32  salt                    52  u32  type again (or 0)
 *         16  u64  XXH3-64 behind byte 24  56  records, padded to 8:
 *                0  u128 key                       24  u32  size
 *               16  i64  deadline, ms              28  u32  kind
 *               32  u32  check of head and bytes   36  u32  0      40  bytes
 * index    0  u32  magic "PCIX"            24  summary: eight u64, as struct chunk_summary
 *          4  u16  version 1, u16 0        88  u64  XXH3-64 of the rows
 *          8  u32  0                       96  rows: u128 key, i64 deadline, u32 byte, u32 size,
 *         12  u32  salt                             u32 kind, u32 0
 *         16  u64  XXH3-64 of 24..96
 * trailer  0  u64  where the index begins, 8 u32 0, 12 u32 magic "PCEN"
 *
 * Checksums do not cover what stands before them.  Damage there shows anyway, but for a block's type
 * and a header's salt: a records block that passed for a commit would void its records, and with another
 * salt no block proves anything.  So these two stand once more behind the checksum (0: by an older writer).
 *
 * The records of a block count when a commit with the same checkpoint number follows; one with
 * another number makes them void. */
#include "eventlog/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "eventlog/segment.h"
#include "io/file.h"

enum {
    HEADER_MAGIC = 0x47534350,
    BLOCK_MAGIC = 0x4c424350,
    INDEX_MAGIC = 0x58494350,
    TRAILER_MAGIC = 0x4e454350,
    VERSION = 1,
    WINDOW_BYTES = 1 << 20,
    BLOCK_BYTES_MAX = 1 << 28,
};

struct index_head {
    uint32_t magic;
    uint16_t version, zero;
    uint32_t reserved, salt;
    uint64_t checksum;
    struct chunk_summary summary;
    uint64_t rows_checksum;
};

struct trailer {
    uint64_t index_at;
    uint32_t reserved, magic;
};

static_assert(sizeof(struct chunk_file_header) == CHUNK_FILE_HEADER && sizeof(struct chunk_head) == 56 &&
                  sizeof(struct chunk_record) == 40 && sizeof(struct chunk_row) == 40 &&
                  sizeof(struct chunk_summary) == 64 && sizeof(struct index_head) == 96 && sizeof(struct trailer) == 16,
              "as in the table");

enum status chunk_rows_push(struct chunk_rows *rows, const struct chunk_row *row)
{
    if (rows->count == rows->capacity) {
        uint64_t capacity = rows->capacity ? 2 * rows->capacity : 256;
        struct chunk_row *larger = realloc(rows->rows, capacity * sizeof *larger);
        if (larger == NULL)
            return STATUS_MEMORY;
        rows->rows = larger;
        rows->capacity = capacity;
    }
    rows->rows[rows->count++] = *row;
    return STATUS_OK;
}

void chunk_rows_fini(struct chunk_rows *rows)
{
    free(rows->rows);
    *rows = (struct chunk_rows){0};
}

/* ---- blocks and records ---- */

void chunk_seal(struct chunk_head *head, uint64_t bytes)
{
    head->magic = BLOCK_MAGIC;
    head->version = VERSION;
    head->length = (uint32_t)(bytes - CHUNK_PREFIX);
    head->type_again = head->type;
    head->checksum = hash_checksum((const char *)head + CHUNK_PREFIX, head->length);
}

uint64_t chunk_record_bytes(uint32_t size)
{
    return (sizeof(struct chunk_record) + size + (uint64_t)7) & ~(uint64_t)7;
}

uint32_t chunk_check(const struct chunk_record *head, const void *record)
{
    uint64_t of_head = head->key.low ^ hash_mix(head->key.high ^ (uint64_t)head->deadline_ms);
    uint64_t check = hash_mix(of_head + head->kind) ^ hash_checksum(record, head->size);

    return (uint32_t)(check ^ check >> 32);
}

void chunk_put_record(char *to, const struct chunk_row *row, struct slice record)
{
    struct chunk_record *head = (struct chunk_record *)to;
    uint64_t bytes = chunk_record_bytes(record.size);

    *(uint64_t *)(to + bytes - 8) = 0;
    *head = (struct chunk_record){
        .key = row->key, .deadline_ms = row->deadline_ms, .size = record.size, .kind = row->kind};
    if (record.size > 0)
        memcpy(to + sizeof *head, record.data, record.size);
    head->check = chunk_check(head, to + sizeof *head);
}

static bool is_head(const struct chunk_head *head, uint32_t salt, uint64_t room)
{
    if (room < sizeof *head || head->magic != BLOCK_MAGIC || head->version != VERSION)
        return false;
    if (salt != CHUNK_ANY_SALT && head->salt != salt)
        return false;
    if (head->type < CHUNK_RECORDS || head->type > CHUNK_OLDEST || (head->type_again != 0 && head->type_again != head->type))
        return false;
    uint64_t bytes = chunk_bytes(head);
    return bytes >= sizeof *head && bytes % 8 == 0 && bytes <= room && bytes <= BLOCK_BYTES_MAX;
}

/* ---- header and index ---- */

enum status chunk_write_header(int fd, const char *path, struct chunk_file_header *header, struct problem *problem)
{
    header->magic = HEADER_MAGIC;
    header->version = VERSION;
    header->salt_again = header->salt;
    header->checksum = hash_checksum((const char *)header + CHUNK_PREFIX, sizeof *header - CHUNK_PREFIX);
    return segment_write(fd, path, header, sizeof *header, 0, problem);
}

enum status chunk_read_header(int fd, const char *path, uint32_t number, struct chunk_file_header *header, bool *is_whole,
                              struct problem *problem)
{
    size_t got;
    enum status status = file_read_at(fd, path, header, sizeof *header, 0, &got, problem);

    *is_whole = status == STATUS_OK && got == sizeof *header && header->magic == HEADER_MAGIC &&
                header->version == VERSION && header->number == number &&
                (header->salt_again == 0 || header->salt_again == header->salt) &&
                header->checksum == hash_checksum((const char *)header + CHUNK_PREFIX, sizeof *header - CHUNK_PREFIX);
    return status;
}

enum status chunk_write_index(int fd, const char *path, uint32_t salt, const struct chunk_summary *summary,
                              const struct chunk_rows *rows, uint64_t *bytes, struct problem *problem)
{
    uint64_t row_bytes = rows->count * sizeof *rows->rows;
    struct trailer trailer = {.index_at = summary->end, .magic = TRAILER_MAGIC};

    ASSERT(summary->row_count == rows->count);
    *bytes = sizeof(struct index_head) + row_bytes + sizeof trailer;
    char *buffer = malloc(*bytes);
    if (buffer == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the index of %s", path);
    struct index_head *head = (struct index_head *)buffer;
    *head = (struct index_head){.magic = INDEX_MAGIC, .version = VERSION, .salt = salt, .summary = *summary};
    if (row_bytes > 0)
        memcpy(buffer + sizeof *head, rows->rows, row_bytes);
    head->rows_checksum = hash_checksum(buffer + sizeof *head, row_bytes);
    head->checksum = hash_checksum(buffer + CHUNK_PREFIX, sizeof *head - CHUNK_PREFIX);
    memcpy(buffer + sizeof *head + row_bytes, &trailer, sizeof trailer);
    enum status status = segment_write(fd, path, buffer, *bytes, summary->end, problem);
    free(buffer);
    return status;
}

static enum status read_index_head(int fd, const char *path, uint32_t salt, struct index_head *head, bool *is_whole,
                                   struct problem *problem)
{
    struct trailer trailer;
    uint64_t size;

    *is_whole = false;
    enum status status = file_size(fd, path, &size, problem);
    if (status != STATUS_OK || size < CHUNK_FILE_HEADER + sizeof *head + sizeof trailer)
        return status;
    status = file_pread_all(fd, path, &trailer, sizeof trailer, size - sizeof trailer, problem);
    if (status != STATUS_OK || trailer.magic != TRAILER_MAGIC || trailer.index_at > size - sizeof *head - sizeof trailer)
        return status;
    status = file_pread_all(fd, path, head, sizeof *head, trailer.index_at, problem);
    if (status != STATUS_OK)
        return status;
    const struct chunk_summary *summary = &head->summary;
    uint64_t room = size - sizeof *head - sizeof trailer - trailer.index_at;
    *is_whole = head->magic == INDEX_MAGIC && head->version == VERSION && head->salt == salt &&
                summary->end == trailer.index_at && summary->committed_count <= summary->row_count &&
                summary->row_count == room / sizeof(struct chunk_row) && room % sizeof(struct chunk_row) == 0 &&
                head->checksum == hash_checksum((const char *)head + CHUNK_PREFIX, sizeof *head - CHUNK_PREFIX);
    return STATUS_OK;
}

enum status chunk_read_index(int fd, const char *path, uint32_t salt, struct chunk_summary *summary,
                             struct chunk_rows *rows, bool *is_whole, struct problem *problem)
{
    struct index_head head;
    enum status status = read_index_head(fd, path, salt, &head, is_whole, problem);

    if (status != STATUS_OK || !*is_whole)
        return status;
    *summary = head.summary;
    if (rows == NULL)
        return STATUS_OK;
    uint64_t bytes = summary->row_count * sizeof *rows->rows;
    if (summary->row_count > rows->capacity) {
        chunk_rows_fini(rows);
        rows->rows = malloc(bytes);
        if (rows->rows == NULL)
            return problem_set(problem, STATUS_MEMORY, "no memory for the index of %s", path);
        rows->capacity = summary->row_count;
    }
    rows->count = summary->row_count;
    if (bytes > 0)
        status = file_pread_all(fd, path, rows->rows, bytes, summary->end + sizeof head, problem);
    *is_whole = status == STATUS_OK && hash_checksum(rows->rows, bytes) == head.rows_checksum;
    return status;
}

/* ---- walking blocks ---- */

struct walk {
    int fd;
    const char *path;
    uint32_t salt;
    uint64_t size;  /* of the file */
    char *buffer;   /* holds the file from `from` on */
    uint64_t capacity, from, filled;
};

static enum status walk_open(struct walk *walk, int fd, const char *path, uint32_t salt, struct problem *problem)
{
    *walk = (struct walk){.fd = fd, .path = path, .salt = salt, .capacity = WINDOW_BYTES, .buffer = malloc(WINDOW_BYTES)};
    if (walk->buffer == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory to read %s", path);
    return file_size(fd, path, &walk->size, problem);
}

/* The bytes [at, at + wanted) of the file; what is behind comes with them. */
static enum status view(struct walk *walk, uint64_t at, uint64_t wanted, const char **bytes, struct problem *problem)
{
    size_t got;

    if (at < walk->from || at + wanted > walk->from + walk->filled) {
        if (wanted > walk->capacity) {
            char *larger = realloc(walk->buffer, wanted);
            if (larger == NULL)
                return problem_set(problem, STATUS_MEMORY, "no memory to read %s", walk->path);
            walk->buffer = larger;
            walk->capacity = wanted;
        }
        uint64_t room = walk->size - at < walk->capacity ? walk->size - at : walk->capacity;
        enum status status = file_read_at(walk->fd, walk->path, walk->buffer, room, at, &got, problem);
        walk->from = at;
        walk->filled = got;
        if (status != STATUS_OK)
            return status;
        if (got < wanted)
            return problem_set(problem, STATUS_IO, "%s became shorter while it was read", walk->path);
    }
    *bytes = walk->buffer + (at - walk->from);
    return STATUS_OK;
}

/* The block at `at`; *head NULL: none that is whole. */
static enum status block_at(struct walk *walk, uint64_t at, const struct chunk_head **head, struct problem *problem)
{
    const char *bytes;

    *head = NULL;
    if (at + sizeof **head > walk->size)
        return STATUS_OK;
    enum status status = view(walk, at, sizeof **head, &bytes, problem);
    if (status != STATUS_OK || !is_head((const struct chunk_head *)bytes, walk->salt, walk->size - at))
        return status;
    status = view(walk, at, chunk_bytes((const struct chunk_head *)bytes), &bytes, problem);
    if (status != STATUS_OK)
        return status;
    const struct chunk_head *found = (const struct chunk_head *)bytes;
    if (hash_checksum(bytes + CHUNK_PREFIX, found->length) == found->checksum)
        *head = found;
    return STATUS_OK;
}

static enum status note_records(const struct chunk_head *head, uint64_t at, struct chunk_rows *rows)
{
    const char *bytes = (const char *)head;
    uint64_t end = chunk_bytes(head);

    for (uint64_t i = sizeof *head; i + sizeof(struct chunk_record) <= end;) {
        const struct chunk_record *record = (const struct chunk_record *)(bytes + i);
        uint64_t next = i + chunk_record_bytes(record->size);
        if (next > end)
            break;
        struct chunk_row row = {.key = record->key,
                                .deadline_ms = record->deadline_ms,
                                .byte = (uint32_t)(at + i),
                                .size = record->size,
                                .kind = record->kind};
        enum status status = chunk_rows_push(rows, &row);
        if (status != STATUS_OK)
            return status;
        i = next;
    }
    return STATUS_OK;
}

static enum status note_block(const struct chunk_head *head, uint64_t at, struct chunk_summary *summary,
                              struct chunk_rows *rows)
{
    enum status status = STATUS_OK;

    if (head->checkpoint >= summary->next_checkpoint)
        summary->next_checkpoint = head->checkpoint + 1;
    if (head->type == CHUNK_OLDEST || head->type == CHUNK_COMMIT)
        summary->oldest = head->oldest > summary->oldest ? head->oldest : summary->oldest;
    if (head->type == CHUNK_OLDEST)
        return STATUS_OK;
    /* Another number: what was put before was abandoned. */
    if (rows->count > summary->committed_count && summary->tail_checkpoint != head->checkpoint)
        rows->count = summary->committed_count;
    summary->tail_checkpoint = head->checkpoint;
    if (head->type == CHUNK_RECORDS) {
        status = note_records(head, at, rows);
    } else {
        if (summary->first_commit == 0)
            summary->first_commit = head->checkpoint;
        summary->committed_count = rows->count;
        summary->position = head->position;
    }
    summary->row_count = rows->count;
    return status;
}

enum status chunk_scan(int fd, const char *path, uint32_t salt, struct chunk_summary *summary, struct chunk_rows *rows,
                       uint64_t *bad_at, uint64_t *keep, uint64_t *synced, struct problem *problem)
{
    struct walk walk;
    const struct chunk_head *head;
    uint64_t at = CHUNK_FILE_HEADER;

    *summary = (struct chunk_summary){0};
    rows->count = 0;
    *keep = at;
    *synced = 0;
    enum status status = walk_open(&walk, fd, path, salt, problem);
    while (status == STATUS_OK) {
        status = block_at(&walk, at, &head, problem);
        if (status != STATUS_OK || head == NULL)
            break;
        if (note_block(head, at, summary, rows) != STATUS_OK)
            status = problem_set(problem, STATUS_MEMORY, "no memory for the index of %s", path);
        at += chunk_bytes(head);
        *synced = head->synced > *synced ? head->synced : *synced;
        if (head->type != CHUNK_RECORDS)
            *keep = at;
    }
    free(walk.buffer);
    summary->end = at;
    *bad_at = at;
    return status;
}

enum status chunk_proof(int fd, const char *path, uint32_t salt, uint64_t from, uint64_t *synced, struct problem *problem)
{
    struct walk walk;
    const struct chunk_head *head;

    *synced = 0;
    enum status status = walk_open(&walk, fd, path, salt, problem);
    for (uint64_t at = (from + 7) & ~(uint64_t)7; status == STATUS_OK && at + sizeof *head <= walk.size;) {
        status = block_at(&walk, at, &head, problem);
        if (status == STATUS_OK && head != NULL && head->synced > *synced)
            *synced = head->synced;
        at += head != NULL ? chunk_bytes(head) : 8;
    }
    free(walk.buffer);
    return status;
}
