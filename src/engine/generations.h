/* generations.h - the worker's transactions over all its tasks.
 *
 * One generation is open and takes what is applied; at most one is closing.  A cut closes
 * the open one with the positions it reaches and opens the next; the port says later
 * whether it was committed.  If it was not, the open one is taken back first, then the
 * closing one, and the worker reads again from the tasks' positions.
 *
 *   apply -> [open g+1] -- cut --> [closing g] -- committed --> undo forgotten
 *                 ^                     | aborted, unknown: undo of g+1, then of g
 *                 `---- read again -----'
 *
 * Unknown is asked about: a partition whose committed position is at or beyond what the
 * closing generation reached keeps its state; any other is taken back.
 *
 * Threads: the worker.
 * Memory:  one position a task.
 * Failure: the port's and the tasks'.
 */
#ifndef ENGINE_GENERATIONS_H
#define ENGINE_GENERATIONS_H

#include "engine/task.h"
#include "eventlog/transaction.h"

struct generations {
    struct task **tasks;
    uint32_t task_count;
    const struct transaction_port *port;
    struct transaction_position *positions; /* of the closing generation */
    uint32_t position_count;
    uint64_t open, closing;                 /* closing 0: none */
    uint64_t committed, taken_back;         /* counts, shared */
};

enum generations_event { GENERATIONS_NOTHING, GENERATIONS_COMMITTED, GENERATIONS_TAKEN_BACK };

/* tasks: borrowed. Opens generation 1. */
enum status generations_init(struct generations *generations, struct task **tasks, uint32_t task_count,
                             const struct transaction_port *port) MUST_CHECK;
void generations_fini(struct generations *generations);
/* Something was applied since the last cut. */
bool generations_has_work(const struct generations *generations);
/* Only when none is closing. */
enum status generations_cut(struct generations *generations) MUST_CHECK;
/* Asks the port about the closing one. */
enum status generations_poll(struct generations *generations, enum generations_event *event) MUST_CHECK;
/* Bytes emitted since the last cut. */
uint64_t generations_emitted(const struct generations *generations);

#endif
