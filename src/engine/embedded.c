#include "engine/embedded.h"

#include <stdlib.h>

#include "base/shared.h"

enum { BYTES_FIRST = 64 * 1024, ENTRIES_FIRST = 512 };

/* Where an outbox stands; `state` is handed over by the writer's thread (release, acquire). */
enum { OUTBOX_FREE, OUTBOX_OPEN, OUTBOX_WAITING, OUTBOX_SUBMITTED, OUTBOX_DONE };

struct outbox {
    struct embedded *embedded;
    struct submission submission;
    struct submission_entry *entries;
    char *bytes;
    uint64_t generation;
    size_t byte_count, byte_capacity;
    uint32_t entry_capacity;
    uint32_t state;
};

struct embedded {
    struct transaction_port port;
    struct writer *writer;
    struct log *learn;
    struct bell *bell;
    struct outbox outboxes[2];
    struct outbox *open;
    enum status failure;
};

static enum status begin(void *context, uint64_t generation)
{
    struct embedded *embedded = context;
    struct outbox *outbox = &embedded->outboxes[generation % 2];

    ASSERT(__atomic_load_n(&outbox->state, __ATOMIC_ACQUIRE) == OUTBOX_FREE);
    outbox->generation = generation;
    outbox->byte_count = 0;
    outbox->submission.count = 0;
    outbox->state = OUTBOX_OPEN;
    embedded->open = outbox;
    return STATUS_OK;
}

static bool reserve(struct outbox *outbox, uint32_t size)
{
    if (outbox->submission.count == outbox->entry_capacity) {
        uint32_t capacity = outbox->entry_capacity == 0 ? ENTRIES_FIRST : outbox->entry_capacity * 2;
        struct submission_entry *entries = realloc(outbox->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        outbox->entries = entries;
        outbox->entry_capacity = capacity;
    }
    if (outbox->byte_count + size > outbox->byte_capacity) {
        size_t capacity = outbox->byte_capacity == 0 ? BYTES_FIRST : outbox->byte_capacity * 2;
        while (capacity < outbox->byte_count + size)
            capacity *= 2;
        char *bytes = realloc(outbox->bytes, capacity);
        if (bytes == NULL)
            return false;
        outbox->bytes = bytes;
        outbox->byte_capacity = capacity;
    }
    return true;
}

static enum status emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice record)
{
    struct embedded *embedded = context;
    struct outbox *outbox = embedded->open;

    if (!reserve(outbox, record.size))
        return STATUS_MEMORY;
    memcpy(outbox->bytes + outbox->byte_count, record.data, record.size);
    /* The bytes may still move: the entry's pointer is set when the generation is closed. */
    outbox->entries[outbox->submission.count++] = (struct submission_entry){
        .partition = 0, .source_partition = partition, .source_offset = offset, .source_index = index, .record = {NULL, record.size},
    };
    outbox->byte_count += record.size;
    return STATUS_OK;
}

/* The writer's thread.  The outbox may be taken again as soon as its state is stored. */
static void done(struct submission *submission)
{
    struct outbox *outbox = submission->context;
    struct bell *bell = outbox->embedded->bell;

    __atomic_store_n(&outbox->state, OUTBOX_DONE, __ATOMIC_RELEASE);
    bell_ring(bell);
}

/* A full queue is tried again at the next look. */
static void submit(struct outbox *outbox)
{
    outbox->state = OUTBOX_SUBMITTED;
    enum status status = writer_submit(outbox->embedded->writer, &outbox->submission);
    if (status == STATUS_OK)
        return;
    outbox->state = OUTBOX_WAITING;
    if (status != STATUS_OVERLOADED && status != STATUS_LOG_FULL)
        outbox->embedded->failure = status;
}

static enum status commit(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count)
{
    struct embedded *embedded = context;
    struct outbox *outbox = &embedded->outboxes[generation % 2];
    size_t at = 0;

    (void)positions;
    (void)count;
    ASSERT(outbox->generation == generation && outbox->state == OUTBOX_OPEN);
    for (uint32_t i = 0; i < outbox->submission.count; at += outbox->entries[i++].record.size)
        outbox->entries[i].record.data = outbox->bytes + at;
    outbox->submission.log = embedded->learn;
    outbox->submission.entries = outbox->entries;
    outbox->submission.must_sync = false;
    outbox->submission.status = STATUS_OK;
    outbox->submission.done = done;
    outbox->submission.context = outbox;
    if (outbox->submission.count == 0)
        outbox->state = OUTBOX_DONE;
    else
        submit(outbox);
    return embedded->failure;
}

static enum transaction_outcome outcome(void *context, uint64_t generation)
{
    struct embedded *embedded = context;
    struct outbox *outbox = &embedded->outboxes[generation % 2];
    uint32_t state = __atomic_load_n(&outbox->state, __ATOMIC_ACQUIRE);

    ASSERT(outbox->generation == generation);
    if (state == OUTBOX_WAITING)
        submit(outbox);
    if (state != OUTBOX_DONE)
        return TRANSACTION_PENDING;
    if (outbox->submission.status != STATUS_OK) {
        embedded->failure = outbox->submission.status;
        return TRANSACTION_PENDING;
    }
    outbox->state = OUTBOX_FREE;
    return TRANSACTION_COMMITTED;
}

/* Never asked: nothing here is unknown. */
static enum status committed(void *context, uint32_t partition, uint64_t *next_offset)
{
    (void)context;
    (void)partition;
    *next_offset = 0;
    return STATUS_INTERNAL;
}

enum status embedded_create(struct embedded **out, struct writer *writer, struct log *learn, struct bell *bell)
{
    struct embedded *embedded = calloc(1, sizeof *embedded);

    if (embedded == NULL)
        return STATUS_MEMORY;
    embedded->port = (struct transaction_port){embedded, begin, emit, commit, outcome, committed};
    embedded->writer = writer;
    embedded->learn = learn;
    embedded->bell = bell;
    embedded->outboxes[0].embedded = embedded->outboxes[1].embedded = embedded;
    *out = embedded;
    return STATUS_OK;
}

void embedded_destroy(struct embedded *embedded)
{
    if (embedded == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        ASSERT(__atomic_load_n(&embedded->outboxes[i].state, __ATOMIC_ACQUIRE) != OUTBOX_SUBMITTED);
        free(embedded->outboxes[i].entries);
        free(embedded->outboxes[i].bytes);
    }
    free(embedded);
}

const struct transaction_port *embedded_port(const struct embedded *embedded)
{
    return &embedded->port;
}

enum status embedded_failure(const struct embedded *embedded)
{
    return embedded->failure;
}
