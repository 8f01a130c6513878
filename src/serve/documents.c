#include "serve/documents.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/shared.h"
#include "model/model.h"

enum { CELL_SIZE = 512, READ_SIZE = 256 * 1024, RENDER_SIZE_MAX = 256 * 1024 };

struct cell {
    uint64_t place;
    uint32_t slot;
    uint32_t size;   /* of text; 0 and place 0: empty cell */
    char text[CELL_SIZE - 16];
};

struct documents {
    struct log *contents;
    struct cell *cells;
    uint64_t cell_count; /* a power of two */
    char *buffer;        /* READ_SIZE */
    struct json_writer writer;
    struct documents_counters counters;
};

enum status documents_create(struct documents **out, struct log *contents, uint64_t budget_bytes)
{
    struct documents *documents = calloc(1, sizeof *documents);

    if (documents == NULL)
        return STATUS_MEMORY;
    documents->contents = contents;
    documents->cell_count = 1;
    while (documents->cell_count * 2 * sizeof(struct cell) <= budget_bytes)
        documents->cell_count *= 2;
    documents->cells = calloc(documents->cell_count, sizeof *documents->cells);
    documents->buffer = malloc(READ_SIZE);
    json_writer_init(&documents->writer, RENDER_SIZE_MAX);
    if (documents->cells == NULL || documents->buffer == NULL) {
        documents_destroy(documents);
        return STATUS_MEMORY;
    }
    for (uint64_t i = 0; i < documents->cell_count; i++)
        documents->cells[i].slot = MODEL_NONE;
    *out = documents;
    return STATUS_OK;
}

void documents_destroy(struct documents *documents)
{
    json_writer_fini(&documents->writer);
    free(documents->cells);
    free(documents->buffer);
    free(documents);
}

bool documents_find(struct documents *documents, uint64_t place, struct content *content)
{
    struct slice record;

    if (place == MODEL_NO_DOCUMENT)
        return false;
    if (log_read(documents->contents, 0, place, documents->buffer, READ_SIZE, &record) != STATUS_OK ||
        content_decode(record, content) != STATUS_OK) {
        SHARED_ADD(documents->counters.unreadable, 1);
        return false;
    }
    return !content->is_deleted;
}

static void write_optional(struct json_writer *out, const char *name, struct slice text)
{
    if (text.size == 0)
        return;
    json_key(out, name);
    json_string(out, text);
}

static void render(struct json_writer *out, const struct content *content)
{
    write_optional(out, "title", content->title);
    write_optional(out, "url", content->url);
    write_optional(out, "image", content->image);
    if (content->category_count == 0)
        return;
    json_key(out, "categories");
    json_array_begin(out);
    for (uint8_t i = 0; i < content->category_count; i++)
        json_string(out, content->categories[i]);
    json_array_end(out);
}

/* Members of an object, without braces: the writer places the comma before them. */
static void write_members(struct json_writer *out, const char *text, size_t size)
{
    if (size > 0)
        json_raw(out, slice_make(text, size));
}

void documents_write(struct documents *documents, uint32_t slot, uint64_t place, struct json_writer *out)
{
    struct cell *cell = &documents->cells[hash_mix(slot ^ place << 24) & (documents->cell_count - 1)];
    struct content content;

    if (place == MODEL_NO_DOCUMENT)
        return;
    if (cell->slot == slot && cell->place == place) {
        SHARED_ADD(documents->counters.hits, 1);
        write_members(out, cell->text, cell->size);
        return;
    }
    SHARED_ADD(documents->counters.misses, 1);
    json_writer_reset(&documents->writer);
    if (!documents_find(documents, place, &content))
        return;
    render(&documents->writer, &content);
    if (documents->writer.is_overflown)
        return;
    write_members(out, documents->writer.data, documents->writer.size);
    if (documents->writer.size > sizeof cell->text)
        return;
    cell->slot = slot;
    cell->place = place;
    cell->size = (uint32_t)documents->writer.size;
    if (cell->size > 0)
        memcpy(cell->text, documents->writer.data, cell->size);
}

void documents_counters(const struct documents *documents, struct documents_counters *sum)
{
    sum->hits += SHARED_LOAD(documents->counters.hits);
    sum->misses += SHARED_LOAD(documents->counters.misses);
    sum->unreadable += SHARED_LOAD(documents->counters.unreadable);
}
