#include "engine/syncer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "io/clock.h"

enum { SYNCER_IDLE, SYNCER_REQUESTED, SYNCER_DONE, SYNCER_ENDING };

struct syncer {
    struct log *events, *learn;
    struct bell *bell;
    struct bell wake;
    pthread_t thread;
    uint32_t state;  /* handed to and fro between the two threads */
    enum status status;
};

static enum status sync_both(struct syncer *syncer)
{
    enum status status = log_sync(syncer->events);
    return status == STATUS_OK ? log_sync(syncer->learn) : status;
}

static void *run(void *argument)
{
    struct syncer *syncer = argument;

    pthread_setname_np(pthread_self(), "syncer");
    for (;;) {
        uint32_t seen = bell_seen(&syncer->wake);
        uint32_t state = __atomic_load_n(&syncer->state, __ATOMIC_ACQUIRE);
        if (state == SYNCER_ENDING)
            return NULL;
        if (state != SYNCER_REQUESTED) {
            bell_wait(&syncer->wake, seen, -1);
            continue;
        }
        syncer->status = sync_both(syncer);
        __atomic_store_n(&syncer->state, SYNCER_DONE, __ATOMIC_RELEASE);
        bell_ring(syncer->bell);
    }
}

enum status syncer_create(struct syncer **out, struct log *events, struct log *learn, struct bell *bell)
{
    struct syncer *syncer = calloc(1, sizeof *syncer);

    if (syncer == NULL)
        return STATUS_MEMORY;
    syncer->events = events;
    syncer->learn = learn;
    syncer->bell = bell;
    bell_init(&syncer->wake);
    if (pthread_create(&syncer->thread, NULL, run, syncer) != 0) {
        free(syncer);
        return STATUS_MEMORY;
    }
    *out = syncer;
    return STATUS_OK;
}

void syncer_destroy(struct syncer *syncer)
{
    if (syncer == NULL)
        return;
    /* A request that stands is done first: the thread looks at the state again only after it. */
    while (__atomic_load_n(&syncer->state, __ATOMIC_ACQUIRE) == SYNCER_REQUESTED) {
        uint32_t seen = bell_seen(syncer->bell);
        if (__atomic_load_n(&syncer->state, __ATOMIC_ACQUIRE) == SYNCER_REQUESTED)
            bell_wait(syncer->bell, seen, -1);
    }
    __atomic_store_n(&syncer->state, SYNCER_ENDING, __ATOMIC_RELEASE);
    bell_ring(&syncer->wake);
    pthread_join(syncer->thread, NULL);
    free(syncer);
}

void syncer_request(struct syncer *syncer)
{
    ASSERT(__atomic_load_n(&syncer->state, __ATOMIC_ACQUIRE) == SYNCER_IDLE);
    __atomic_store_n(&syncer->state, SYNCER_REQUESTED, __ATOMIC_RELEASE);
    bell_ring(&syncer->wake);
}

bool syncer_poll(struct syncer *syncer, enum status *status)
{
    if (__atomic_load_n(&syncer->state, __ATOMIC_ACQUIRE) != SYNCER_DONE)
        return false;
    *status = syncer->status;
    __atomic_store_n(&syncer->state, SYNCER_IDLE, __ATOMIC_RELEASE);
    return true;
}

uint64_t syncer_cpu_ns(const struct syncer *syncer)
{
    return clock_of_thread_ns(syncer->thread);
}
