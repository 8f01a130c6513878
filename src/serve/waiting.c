#include "serve/waiting.h"

#include "base/shared.h"

void waiting_init(struct waiting *waiting, struct engine *engine)
{
    *waiting = (struct waiting){.engine = engine};
}

bool waiting_is_applied(const struct waiting *waiting, uint32_t partition, uint64_t offset)
{
    if (partition == (uint32_t)WAITING_CONTENT)
        return learner_content_applied(engine_learner_const(waiting->engine)) >= offset;
    return engine_applied(waiting->engine, partition) >= offset;
}

void waiting_add(struct waiting *waiting, struct waiter *waiter)
{
    waiter->next = waiting->first;
    waiter->is_late = false;
    waiting->first = waiter;
    /* Before engine_wait_begin, which is a full barrier as is what the worker does between publishing and
     * notifying: either it sees the count, or the tick that follows sees what was applied. */
    SHARED_STORE(waiting->count, waiting->count + 1);
    engine_wait_begin(waiting->engine);
}

uint32_t waiting_tick(struct waiting *waiting, int64_t now_ns)
{
    struct waiter **place = &waiting->first;
    uint32_t left = waiting->count;

    while (*place != NULL) {
        struct waiter *waiter = *place;
        bool is_applied = waiting_is_applied(waiting, waiter->partition, waiter->offset);
        if (!is_applied && now_ns < waiter->deadline_ns) {
            place = &waiter->next;
            continue;
        }
        waiter->is_late = !is_applied;
        *place = waiter->next;
        left--;
        engine_wait_end(waiting->engine);
        http_wake(waiter->request);
    }
    SHARED_STORE(waiting->count, left);
    return left;
}

bool waiting_is_any(const struct waiting *waiting)
{
    return SHARED_LOAD(waiting->count) > 0;
}
