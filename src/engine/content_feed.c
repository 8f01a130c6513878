#include "engine/content_feed.h"

#include <math.h>
#include <stdlib.h>

#include "base/shared.h"
#include "schema/content.h"
#include "schema/learning.h"

enum { RECORD_MAX = 4096 };

enum { FEED_IDLE, FEED_WAITING, FEED_SUBMITTED, FEED_DONE };

struct content_feed {
    struct writer *writer;
    struct log *contents, *learn;
    const struct event_types *types;
    struct bell *bell;
    struct log_cursor cursor;
    struct submission submission;
    struct submission_entry entries[CONTENT_FEED_BATCH];
    char *bytes;
    uint64_t next;
    uint64_t repeated_to; /* below: sent to learn once more */
    uint64_t settled;     /* shared: next as of the last batch that learn has */
    uint64_t undecodable; /* shared */
    uint32_t source_partition;
    uint32_t state;       /* handed over by the writer's thread */
};

enum status content_feed_create(struct content_feed **out, struct writer *writer, struct log *contents, struct log *learn,
                                uint32_t source_partition, uint64_t missing_from, const struct event_types *types, struct bell *bell)
{
    struct content_feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL)
        return STATUS_MEMORY;
    *out = feed;
    feed->writer = writer;
    feed->contents = contents;
    feed->learn = learn;
    feed->types = types;
    feed->bell = bell;
    feed->source_partition = source_partition;
    /* UINT64_MAX: learn has nothing of it yet. */
    feed->next = feed->repeated_to = log_source_high(learn, source_partition) + 1;
    if (missing_from < feed->next)
        feed->next = missing_from;
    feed->bytes = malloc((size_t)CONTENT_FEED_BATCH * RECORD_MAX);
    return feed->bytes != NULL ? log_cursor_open(&feed->cursor, contents, &feed->next) : STATUS_MEMORY;
}

void content_feed_destroy(struct content_feed *feed)
{
    if (feed == NULL)
        return;
    log_cursor_close(&feed->cursor);
    free(feed->bytes);
    free(feed);
}

static void done(struct submission *submission)
{
    struct content_feed *feed = submission->context;
    struct bell *bell = feed->bell;

    __atomic_store_n(&feed->state, FEED_DONE, __ATOMIC_RELEASE);
    bell_ring(bell);
}

static void add(struct content_feed *feed, struct slice record, uint64_t offset, int64_t received_at_ms)
{
    struct content content;
    char *out = feed->bytes + (size_t)feed->submission.count * RECORD_MAX;

    if (content_decode(record, &content) != STATUS_OK) {
        SHARED_ADD(feed->undecodable, 1);
        return;
    }
    struct learning learning = {
        .kind = LEARNING_CONTENT, .is_hidden = content.is_hidden, .is_deleted = content.is_deleted, .source_partition = LOG_NO_SOURCE,
        .source_offset = offset, .content_id = content.content_id, .category_count = content.category_count,
        .timestamp_ms = received_at_ms, .received_at_ms = received_at_ms, .dwell_ms = -1, .value = NAN,
        .published_at_ms = content.published_at_ms, .expires_at_ms = content.expires_at_ms,
    };
    memcpy(learning.categories, content.categories, sizeof learning.categories);
    if (learning_encoded_max(&learning) > RECORD_MAX) {
        SHARED_ADD(feed->undecodable, 1);
        return;
    }
    uint32_t size = learning_encode(&learning, feed->types, out);
    feed->entries[feed->submission.count++] = (struct submission_entry){
        .partition = 0, .source_partition = offset < feed->repeated_to ? LOG_NO_SOURCE : feed->source_partition, .source_offset = offset, .record = {out, size},
    };
}

static enum status gather(struct content_feed *feed)
{
    struct log_run run;
    uint64_t end = log_end(feed->contents, 0);

    feed->submission = (struct submission){.log = feed->learn, .entries = feed->entries, .done = done, .context = feed};
    while (feed->submission.count + LOG_CURSOR_RUN <= CONTENT_FEED_BATCH) {
        enum status status = log_cursor_next(&feed->cursor, &feed->next, &run);
        if (status != STATUS_OK)
            return status;
        if (run.count == 0) {
            /* Offsets may have a gap before the end: nothing stands there. */
            feed->next = feed->next < end ? end : feed->next;
            break;
        }
        for (uint32_t i = 0; i < run.count; i++)
            add(feed, run.records[i], run.first_offset + i, run.received_at_ms);
    }
    feed->state = feed->submission.count > 0 ? FEED_WAITING : FEED_IDLE;
    if (feed->state == FEED_IDLE)
        SHARED_RELEASE(feed->settled, feed->next);
    return STATUS_OK;
}

enum status content_feed_step(struct content_feed *feed, bool *did)
{
    uint32_t state = __atomic_load_n(&feed->state, __ATOMIC_ACQUIRE);
    enum status status = STATUS_OK;

    if (state == FEED_SUBMITTED)
        return STATUS_OK;
    if (state == FEED_DONE) {
        if (feed->submission.status != STATUS_OK)
            return feed->submission.status;
        feed->state = FEED_IDLE;
        SHARED_RELEASE(feed->settled, feed->next);
    }
    if (feed->state == FEED_IDLE)
        status = gather(feed);
    if (status != STATUS_OK || feed->state != FEED_WAITING)
        return status;
    *did = true;
    feed->state = FEED_SUBMITTED;
    status = writer_submit(feed->writer, &feed->submission);
    if (status == STATUS_OVERLOADED || status == STATUS_LOG_FULL) {
        feed->state = FEED_WAITING;
        status = STATUS_OK;
    }
    return status;
}

bool content_feed_is_idle(const struct content_feed *feed)
{
    return __atomic_load_n(&feed->state, __ATOMIC_ACQUIRE) == FEED_IDLE && feed->next >= log_end(feed->contents, 0);
}

uint64_t content_feed_settled(const struct content_feed *feed)
{
    return SHARED_ACQUIRE(feed->settled);
}

uint64_t content_feed_undecodable(const struct content_feed *feed)
{
    return SHARED_LOAD(feed->undecodable);
}
