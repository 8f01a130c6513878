#include "engine/generations.h"

#include <stdlib.h>

#include "base/shared.h"

enum status generations_init(struct generations *generations, struct task **tasks, uint32_t task_count, const struct transaction_port *port)
{
    *generations = (struct generations){.tasks = tasks, .task_count = task_count, .port = port, .open = 1};
    generations->positions = calloc(task_count > 0 ? task_count : 1, sizeof *generations->positions);
    if (generations->positions == NULL)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < task_count; i++) {
        tasks[i]->port = port;
        task_begin(tasks[i], generations->open);
    }
    return port->begin(port->context, generations->open);
}

void generations_fini(struct generations *generations)
{
    free(generations->positions);
    generations->positions = NULL;
}

static bool has_moved(const struct task *task)
{
    return task->head.position != task->generations[task->open].head.position;
}

bool generations_has_work(const struct generations *generations)
{
    for (uint32_t i = 0; i < generations->task_count; i++)
        if (has_moved(generations->tasks[i]))
            return true;
    return false;
}

uint64_t generations_emitted(const struct generations *generations)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < generations->task_count; i++)
        sum += generations->tasks[i]->emitted_bytes;
    return sum;
}

enum status generations_cut(struct generations *generations)
{
    const struct transaction_port *port = generations->port;
    uint32_t count = 0;

    ASSERT(generations->closing == 0);
    for (uint32_t i = 0; i < generations->task_count; i++) {
        const struct task *task = generations->tasks[i];
        if (has_moved(task))
            generations->positions[count++] = (struct transaction_position){task->partition, task->head.position};
    }
    generations->position_count = count;
    enum status status = port->commit(port->context, generations->open, generations->positions, count);
    if (status != STATUS_OK)
        return status;
    generations->closing = generations->open++;
    for (uint32_t i = 0; i < generations->task_count; i++)
        task_cut(generations->tasks[i], generations->open);
    return port->begin(port->context, generations->open);
}

static void forget_closing(struct generations *generations)
{
    for (uint32_t i = 0; i < generations->task_count; i++)
        task_committed(generations->tasks[i]);
    generations->closing = 0;
    SHARED_ADD(generations->committed, 1);
}

/* Did the closing generation of this task reach the log? */
static enum status was_committed(struct generations *generations, const struct task *task, bool *is_committed)
{
    const struct transaction_port *port = generations->port;
    uint64_t next = 0, from = task_closing_from(task), to = from;

    *is_committed = true;
    for (uint32_t i = 0; i < generations->position_count; i++)
        if (generations->positions[i].partition == task->partition)
            to = generations->positions[i].next_offset;
    if (to == from)
        return STATUS_OK;
    enum status status = port->committed(port->context, task->partition, &next);
    if (status != STATUS_OK)
        return status;
    /* Beyond: a life before this one got farther; what came of these records is there. */
    *is_committed = next >= to;
    return STATUS_OK;
}

/* is_unknown: ask, task by task.  The open generation goes in any case: what it emitted may
 * be lost with the closing one's. */
static enum status take_back(struct generations *generations, bool is_unknown)
{
    const struct transaction_port *port = generations->port;
    uint64_t next = generations->open + 1;

    for (uint32_t i = 0; i < generations->task_count; i++) {
        struct task *task = generations->tasks[i];
        bool is_committed = false;
        enum status status = is_unknown ? was_committed(generations, task, &is_committed) : STATUS_OK;
        if (status == STATUS_OK)
            status = task_take_back(task, !is_committed, next);
        if (status != STATUS_OK)
            return status;
    }
    generations->open = next;
    generations->closing = 0;
    SHARED_ADD(generations->taken_back, 1);
    return port->begin(port->context, next);
}

enum status generations_poll(struct generations *generations, enum generations_event *event)
{
    *event = GENERATIONS_NOTHING;
    if (generations->closing == 0)
        return STATUS_OK;
    switch (generations->port->outcome(generations->port->context, generations->closing)) {
    case TRANSACTION_PENDING:
        return STATUS_OK;
    case TRANSACTION_COMMITTED:
        forget_closing(generations);
        *event = GENERATIONS_COMMITTED;
        return STATUS_OK;
    case TRANSACTION_ABORTED:
        *event = GENERATIONS_TAKEN_BACK;
        return take_back(generations, false);
    case TRANSACTION_UNKNOWN:
        *event = GENERATIONS_TAKEN_BACK;
        return take_back(generations, true);
    }
    UNREACHABLE("an outcome is one of four");
}
