/* documents.h - catalogue rows as they are shown in lists, rendered once.
 *
 * A direct-mapped cache by (content slot, place of the document in topic content): a changed
 * row has another place, so nothing is ever out of date.  A cell keeps what fits; longer ones
 * are read and rendered each time.
 *
 * Threads: one event loop.
 * Memory:  the budget, taken at create, and one read buffer.
 * Failure: documents_create STATUS_MEMORY; a document that cannot be read shows nothing and is counted.
 */
#ifndef SERVE_DOCUMENTS_H
#define SERVE_DOCUMENTS_H

#include "engine/engine.h"
#include "schema/content.h"
#include "wire/json_writer.h"

struct documents;

struct documents_counters {
    uint64_t hits, misses, unreadable;
};

enum status documents_create(struct documents **documents, struct log *contents, uint64_t budget_bytes) MUST_CHECK;
void documents_destroy(struct documents *documents);
/* Writes the members title, url, image, categories of the document into the open object; nothing when
 * place is MODEL_NO_DOCUMENT. */
void documents_write(struct documents *documents, uint32_t slot, uint64_t place, struct json_writer *out);
/* The whole row; slices live until the next call. False when there is none, or it is a delete. */
bool documents_find(struct documents *documents, uint64_t place, struct content *content);
void documents_counters(const struct documents *documents, struct documents_counters *sum);

#endif
