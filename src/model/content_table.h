/* content_table.h - which contents there are: slots, generations, catalogue fields.
 *
 * A slot is taken when an event or the catalogue first names a content, and given to another
 * when all are taken: of COLD_SAMPLE slots behind a hand that goes round, the coldest goes
 * (on probation first, then uncatalogued and tombstones, then the catalogue's; each by the
 * time it was last named).  A new generation makes old references dead.  A slot whose 255
 * generations are spent rests; when a sixteenth of all rest, a sweep clears dead references
 * everywhere and they start again.
 *
 * Threads: the writer; content_table_copy any.
 * Memory:  the model's image.
 * Failure: cannot fail; there is always a slot.
 */
#ifndef MODEL_CONTENT_TABLE_H
#define MODEL_CONTENT_TABLE_H

#include "model/tables.h"

/* As the catalogue says it. */
struct content_facts {
    uint64_t document;
    int64_t published_at_ms;     /* INT64_MIN: unknown */
    int64_t expires_at_ms;       /* INT64_MIN: never */
    uint16_t categories[MODEL_CONTENT_CATEGORIES];
    uint8_t category_count;
    bool is_hidden;
};

/* Slot of a content, taken if it has none. */
uint32_t content_table_take(struct model *model, struct slice id, uint64_t key, int64_t time_ms);
/* An event named it. user 0: nobody counts. */
void content_table_note(struct model *model, uint32_t slot, uint64_t user, int64_t time_ms);
/* Categories that an event carried, for a content that the catalogue does not name. */
void content_table_classify(struct model *model, uint32_t slot, const uint16_t *categories, uint32_t count);
/* The catalogue's row: brings a deleted one back. */
void content_table_put(struct model *model, uint32_t slot, const struct content_facts *facts);
/* Leaves a tombstone. */
void content_table_delete(struct model *model, uint32_t slot);
/* One session of two contents or more has it. */
void content_table_count_session(struct model *model, uint32_t slot);
uint32_t content_table_reference(const struct model *model, uint32_t slot);
/* Brings what content_table_take will look at into the cache. */
void content_table_prefetch(const struct model *model, uint64_t key);

struct content_copy {
    uint64_t key;
    uint64_t document;           /* MODEL_NO_DOCUMENT: none */
    uint32_t id_size;
    char id[128];
};
/* Key, id and document that belong together; false when the reference is dead. Any thread. */
bool content_table_copy(const struct model *model, uint32_t reference, struct content_copy *copy);

#endif
