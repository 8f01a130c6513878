/* Why the header is wiped in advance: the learner writes hundreds of MiB into the page cache
 * and must not wait for a disk; but if the old header still stood when the machine dies,
 * it would vouch for half-written tables.  So the keeper wipes and syncs it some records
 * before, and the learner writes only into a file that is already known to be worthless.
 * The keeper also writes zeros where this process has not written yet: taking blocks and
 * pages of the cache is what makes the first write of 250 MiB cost 600 ms and later ones 30. */
#include "engine/learner_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/shared.h"
#include "io/clock.h"
#include "io/file.h"

enum { PAGE = 4096, STEP = 1 << 20, VERSION = 1, FILES = 2, OWN_BATCH = 256, GROWTH_SHARE = 32 };

static const char MAGIC[8] = "pchlearn";

struct file_part {
    struct model_part part;
    uint64_t checksum;
};

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t part_count;
    uint64_t checksum;
    uint64_t number;
    uint64_t position[2];
    uint64_t key;
    struct model_parameters parameters;
    struct file_part parts[MODEL_PARTS_MAX];
};
static_assert(sizeof(struct file_header) <= PAGE, "the header is one page");

union header_page {
    struct file_header header;
    char bytes[PAGE];
};

enum keeper_state { KEEPER_IDLE, KEEPER_WIPE, KEEPER_READY, KEEPER_WRITTEN };

struct learner_file {
    char paths[FILES][FILE_PATH_SIZE];
    int fds[FILES];
    char directory[FILE_PATH_SIZE];
    uint64_t key;                /* hash of a fixed word: another key, another directory's file */
    uint32_t current;            /* which file counts; the keeper's, at open the opener's */
    uint64_t number;             /* of that checkpoint */
    const struct model *model;
    struct log *log;
    struct file_header mapped;   /* part_count 0: nothing is mapped */
    union header_page page;      /* the learner's from READY to WRITTEN, else the keeper's */
    uint64_t warm_bytes[FILES];  /* written by this process so far; as page */
    uint64_t expected_bytes;     /* as page */
    char *buffer;                /* STEP bytes, the keeper's, at open the opener's */
    pthread_t thread;
    bool is_started;
    uint32_t state;              /* shared: enum keeper_state */
    uint32_t command;            /* shared: 0 run, 1 finish, 2 abandon */
    struct bell bell, done;
    uint64_t newest;             /* shared */
    struct learner_file_counts counts; /* shared */
};

enum { COMMAND_RUN, COMMAND_FINISH, COMMAND_ABANDON };

static uint64_t header_checksum(const union header_page *page)
{
    union header_page copy = *page;
    copy.header.checksum = 0;
    return hash_checksum(copy.bytes, PAGE);
}

/* ---- opening ---- */

static bool is_header(const struct learner_file *file, const union header_page *page)
{
    const struct file_header *h = &page->header;
    return memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && h->version == VERSION && h->part_count <= MODEL_PARTS_MAX &&
           h->key == file->key && h->checksum == header_checksum(page);
}

static enum status checksum_part(const struct learner_file *file, uint32_t which, const struct model_part *part, bool must_flush,
                                 uint64_t *checksum, struct problem *problem)
{
    uint64_t hash = 0;
    for (uint64_t at = 0; at < part->bytes; at += STEP) {
        size_t size = part->bytes - at < STEP ? (size_t)(part->bytes - at) : STEP;
        enum status status = file_pread_all(file->fds[which], file->paths[which], file->buffer, size, part->file_offset + at, problem);
        if (status != STATUS_OK)
            return status;
        hash = hash_mix(hash ^ hash_checksum(file->buffer, size));
        /* Starts the write-back of this step; the sync at the end says whether it came through. */
        if (must_flush)
            (void)sync_file_range(file->fds[which], (off_t)(part->file_offset + at), (off_t)size, SYNC_FILE_RANGE_WRITE);
    }
    *checksum = hash;
    return STATUS_OK;
}

static bool verify(const struct learner_file *file, uint32_t which, const struct file_header *header)
{
    struct problem problem = {0};
    for (uint32_t i = 0; i < header->part_count; i++) {
        uint64_t checksum = 0;
        const struct file_part *part = &header->parts[i];
        if (checksum_part(file, which, &part->part, false, &checksum, &problem) != STATUS_OK || checksum != part->checksum) {
            log_message(LOG_WARNING, "learner", "a checkpoint does not verify and is passed over", "file=%s part=%u detail=\"%s\"",
                        file->paths[which], i, problem.detail);
            return false;
        }
    }
    return true;
}

static bool try_map(struct learner_file *file, uint32_t which, const struct file_header *header, struct model **model)
{
    struct model_part parts[MODEL_PARTS_MAX];
    for (uint32_t i = 0; i < header->part_count; i++)
        parts[i] = header->parts[i].part;
    if (!verify(file, which, header) || model_map(model, &header->parameters, file->fds[which], parts, header->part_count) != STATUS_OK)
        return false;
    file->mapped = *header;
    file->current = which;
    file->number = header->number;
    file->newest = header->position[0];
    return true;
}

static enum status map_newest(struct learner_file *file, struct model **model, struct problem *problem)
{
    union header_page pages[FILES];
    bool is_good[FILES] = {false, false};
    for (uint32_t i = 0; i < FILES; i++) {
        size_t got = 0;
        enum status status = file_read_at(file->fds[i], file->paths[i], pages[i].bytes, PAGE, 0, &got, problem);
        if (status != STATUS_OK)
            return status;
        is_good[i] = got == PAGE && is_header(file, &pages[i]);
    }
    uint32_t first = is_good[1] && (!is_good[0] || pages[1].header.number > pages[0].header.number) ? 1 : 0;
    *model = NULL;
    if (is_good[first] && try_map(file, first, &pages[first].header, model))
        return STATUS_OK;
    if (is_good[1 - first])
        (void)try_map(file, 1 - first, &pages[1 - first].header, model);
    return STATUS_OK;
}

static enum status open_files(struct learner_file *file, const char *dir, struct problem *problem)
{
    static const char *const names[FILES] = {"0.ckp", "1.ckp"};
    enum status status = file_make_directory(dir, problem);
    if (status == STATUS_OK)
        status = file_join(file->directory, dir, ".", problem);
    for (uint32_t i = 0; i < FILES && status == STATUS_OK; i++) {
        status = file_join(file->paths[i], dir, names[i], problem);
        if (status == STATUS_OK)
            status = file_open(&file->fds[i], file->paths[i], FILE_CREATE, problem);
    }
    return status == STATUS_OK ? file_sync_directory(file->directory, problem) : status;
}

enum status learner_file_open(struct learner_file **file, const char *dir, const struct hash_key *key, struct model **model,
                              struct problem *problem)
{
    struct learner_file *f = calloc(1, sizeof *f);
    *file = NULL;
    if (f == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for the learner's files");
    f->fds[0] = f->fds[1] = -1;
    f->current = 1; /* the first checkpoint goes to 0 */
    f->key = hash_64(key, "learner", sizeof "learner" - 1);
    bell_init(&f->bell);
    bell_init(&f->done);
    f->buffer = malloc(STEP);
    enum status status = f->buffer ? STATUS_OK : problem_set(problem, STATUS_MEMORY, "no memory for the learner's files");
    if (status == STATUS_OK)
        status = open_files(f, dir, problem);
    if (status == STATUS_OK)
        status = map_newest(f, model, problem);
    if (status != STATUS_OK) {
        learner_file_close(f);
        return status;
    }
    *file = f;
    return STATUS_OK;
}

void learner_file_close(struct learner_file *file)
{
    if (file == NULL)
        return;
    ASSERT(!file->is_started);
    for (uint32_t i = 0; i < FILES; i++)
        if (file->fds[i] >= 0)
            file_close(&file->fds[i]);
    free(file->buffer);
    free(file);
}

/* ---- the keeper ---- */

static bool is_abandoned(const struct learner_file *file)
{
    return SHARED_ACQUIRE(file->command) == COMMAND_ABANDON;
}

static void own_pages(struct learner_file *file)
{
    for (uint32_t i = 0; i < file->mapped.part_count; i++) {
        const struct model_part *part = &file->mapped.parts[i].part;
        for (uint64_t page = 0; page < part->bytes / PAGE; page++) {
            if (page % OWN_BATCH == 0 && is_abandoned(file))
                return;
            model_own(file->model, part, page);
        }
    }
    file->mapped.part_count = 0;
}

static enum status write_page(struct learner_file *file, uint32_t which, const void *page, struct problem *problem)
{
    enum status status = file_pwrite_all(file->fds[which], file->paths[which], page, PAGE, 0, problem);
    return status == STATUS_OK ? file_sync(file->fds[which], file->paths[which], problem) : status;
}

static void fail(struct learner_file *file, const struct problem *problem)
{
    SHARED_ADD(file->counts.failures, 1);
    log_message(LOG_ERROR, "learner", "a checkpoint could not be written and does not count", "detail=\"%s\"", problem->detail);
}

static enum status finish_checkpoint(struct learner_file *file, uint32_t which, struct problem *problem)
{
    struct file_header *header = &file->page.header;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < header->part_count && status == STATUS_OK; i++) {
        if (is_abandoned(file))
            return problem_set(problem, STATUS_NOT_READY, "stopped");
        status = checksum_part(file, which, &header->parts[i].part, true, &header->parts[i].checksum, problem);
    }
    if (status == STATUS_OK)
        status = file_sync(file->fds[which], file->paths[which], problem);
    if (status == STATUS_OK && file->log) {
        status = log_sync(file->log);
        if (status != STATUS_OK)
            (void)problem_set(problem, status, "topic %s could not be synced", log_topic(file->log));
    }
    if (status != STATUS_OK)
        return status;
    header->checksum = header_checksum(&file->page);
    return write_page(file, which, &file->page, problem);
}

static enum status warm(struct learner_file *file, uint32_t which, struct problem *problem)
{
    enum status status = STATUS_OK;
    uint64_t *at = &file->warm_bytes[which];
    if (*at >= file->expected_bytes)
        return STATUS_OK;
    memset(file->buffer, 0, STEP);
    for (*at = *at < PAGE ? PAGE : *at; *at < file->expected_bytes && status == STATUS_OK && !is_abandoned(file); *at += STEP)
        status = file_pwrite_all(file->fds[which], file->paths[which], file->buffer, STEP, *at, problem);
    return status;
}

static void keep(struct learner_file *file, uint32_t state)
{
    static const char zeros[PAGE];
    struct problem problem = {0};
    uint32_t which = 1 - file->current, next = KEEPER_IDLE;
    enum status status = STATUS_OK;
    if (state == KEEPER_WIPE) {
        status = write_page(file, which, zeros, &problem);
        if (status == STATUS_OK)
            status = warm(file, which, &problem);
        next = status == STATUS_OK ? KEEPER_READY : KEEPER_IDLE;
    } else if (state == KEEPER_WRITTEN) {
        status = finish_checkpoint(file, which, &problem);
        if (status == STATUS_OK) {
            file->current = which;
            file->number = file->page.header.number;
            SHARED_ADD(file->counts.checkpoints, 1);
            SHARED_RELEASE(file->newest, file->page.header.position[0]);
        }
    }
    if (status != STATUS_OK && !is_abandoned(file))
        fail(file, &problem);
    SHARED_RELEASE(file->state, next);
    bell_ring(&file->done);
}

static void *keeper_main(void *context)
{
    struct learner_file *file = context;
    own_pages(file);
    for (;;) {
        uint32_t seen = bell_seen(&file->bell), command = SHARED_ACQUIRE(file->command), state = SHARED_ACQUIRE(file->state);
        SHARED_STORE(file->counts.cpu_ns, clock_thread_cpu_ns());
        if (command == COMMAND_ABANDON)
            break;
        if (state == KEEPER_WIPE || state == KEEPER_WRITTEN)
            keep(file, state);
        else if (command == COMMAND_FINISH)
            break;
        else
            bell_wait(&file->bell, seen, -1);
    }
    SHARED_STORE(file->counts.cpu_ns, clock_thread_cpu_ns());
    return NULL;
}

enum status learner_file_start(struct learner_file *file, const struct model *model, struct log *log)
{
    ASSERT(!file->is_started);
    file->model = model;
    file->log = log;
    file->command = COMMAND_RUN;
    if (pthread_create(&file->thread, NULL, keeper_main, file) != 0)
        return STATUS_MEMORY;
    file->is_started = true;
    return STATUS_OK;
}

void learner_file_stop(struct learner_file *file, bool is_abandon)
{
    if (!file->is_started)
        return;
    SHARED_RELEASE(file->command, is_abandon ? COMMAND_ABANDON : COMMAND_FINISH);
    bell_ring(&file->bell);
    pthread_join(file->thread, NULL);
    file->is_started = false;
}

/* ---- the learner ---- */

void learner_file_prepare(struct learner_file *file)
{
    struct model_part parts[MODEL_PARTS_MAX];
    if (SHARED_ACQUIRE(file->state) != KEEPER_IDLE)
        return;
    uint32_t count = model_parts(file->model, parts);
    uint64_t bytes = PAGE;
    for (uint32_t i = 0; i < count; i++)
        bytes += parts[i].bytes;
    file->expected_bytes = bytes + bytes / GROWTH_SHARE;
    SHARED_RELEASE(file->state, KEEPER_WIPE);
    bell_ring(&file->bell);
}

static enum status write_parts(struct learner_file *file, uint32_t which, struct file_header *header, struct problem *problem)
{
    struct model_part parts[MODEL_PARTS_MAX];
    uint64_t end = PAGE;
    enum status status = STATUS_OK;
    header->part_count = model_parts(file->model, parts);
    for (uint32_t i = 0; i < header->part_count; i++) {
        parts[i].file_offset = end;
        end += parts[i].bytes;
        header->parts[i].part = parts[i];
    }
    for (uint32_t i = 0; i < header->part_count && status == STATUS_OK; i++)
        status = file_pwrite_all(file->fds[which], file->paths[which], model_part_data(file->model, &parts[i]), parts[i].bytes,
                                 parts[i].file_offset, problem);
    if (status == STATUS_OK && file->warm_bytes[which] < end)
        file->warm_bytes[which] = end;
    SHARED_STORE(file->counts.bytes, end);
    return status;
}

bool learner_file_write(struct learner_file *file)
{
    struct problem problem = {0};
    int64_t start_ns = clock_monotonic_ns();
    if (SHARED_ACQUIRE(file->state) != KEEPER_READY)
        return false;
    memset(&file->page, 0, sizeof file->page);
    struct file_header *header = &file->page.header;
    memcpy(header->magic, MAGIC, sizeof MAGIC);
    header->version = VERSION;
    header->number = file->number + 1;
    header->position[0] = model_position(file->model, 0);
    header->position[1] = model_position(file->model, 1);
    header->key = file->key;
    header->parameters = *model_parameters(file->model);
    enum status status = write_parts(file, 1 - file->current, header, &problem);
    SHARED_ADD(file->counts.write_ns, (uint64_t)(clock_monotonic_ns() - start_ns));
    if (status != STATUS_OK)
        fail(file, &problem);
    SHARED_RELEASE(file->state, status == STATUS_OK ? KEEPER_WRITTEN : KEEPER_READY);
    bell_ring(&file->bell);
    return status == STATUS_OK;
}

void learner_file_wait(struct learner_file *file)
{
    for (;;) {
        uint32_t seen = bell_seen(&file->done), state = SHARED_ACQUIRE(file->state);
        if (state == KEEPER_IDLE || state == KEEPER_READY)
            return;
        bell_wait(&file->done, seen, -1);
    }
}

uint64_t learner_file_newest(const struct learner_file *file)
{
    return SHARED_ACQUIRE(file->newest);
}

void learner_file_counts(const struct learner_file *file, struct learner_file_counts *counts)
{
    *counts = (struct learner_file_counts){
        .checkpoints = SHARED_LOAD(file->counts.checkpoints), .failures = SHARED_LOAD(file->counts.failures),
        .bytes = SHARED_LOAD(file->counts.bytes), .write_ns = SHARED_LOAD(file->counts.write_ns),
        .cpu_ns = SHARED_LOAD(file->counts.cpu_ns),
    };
}
