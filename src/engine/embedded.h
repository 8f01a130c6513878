/* embedded.h - the transaction port over the embedded log.
 *
 * A generation's learning records are collected in an outbox and submitted to `learn` as
 * one submission, each with its source; the generation is committed when the writer has
 * appended them.  After a crash they are emitted again and the log drops what it has, so
 * nothing is ever aborted: a failed append stops the worker (embedded_failure).
 *
 * Threads: the worker; the writer's thread calls back.
 * Memory:  two outboxes, grown to the largest generation and kept.
 * Failure: STATUS_MEMORY; the writer's by embedded_failure.
 */
#ifndef ENGINE_EMBEDDED_H
#define ENGINE_EMBEDDED_H

#include "base/bell.h"
#include "eventlog/log.h"
#include "eventlog/transaction.h"
#include "eventlog/writer.h"

struct embedded;

/* bell: rung when a generation is committed. */
enum status embedded_create(struct embedded **embedded, struct writer *writer, struct log *learn, struct bell *bell) MUST_CHECK;
/* No generation is closing. */
void embedded_destroy(struct embedded *embedded);
const struct transaction_port *embedded_port(const struct embedded *embedded);
enum status embedded_failure(const struct embedded *embedded);

#endif
