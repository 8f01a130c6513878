#include "lab/source_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
    int64_t time_ms;
    uint64_t number;
    uint32_t offset; /* in the run's bytes */
    uint32_t size;
};

struct run_head {
    int64_t time_ms;
    uint64_t number;
    uint32_t size;
    uint32_t padding;
};

/* A sorted run on disk and its next row. */
struct run {
    FILE *file;
    struct run_head head;
    char *record;
    bool is_done;
};

struct source_sort {
    char *bytes;
    size_t size, capacity;
    struct row *rows;
    size_t row_count, row_capacity;
    size_t at; /* next row in memory */
    struct run runs[SOURCE_RUNS_MAX];
    uint32_t run_count;
    int last; /* run whose record was handed out */
};

enum status source_sort_create(struct source_sort **out, size_t run_bytes)
{
    struct source_sort *sort = calloc(1, sizeof *sort);
    if (sort == NULL)
        return STATUS_MEMORY;
    sort->capacity = run_bytes;
    sort->bytes = malloc(run_bytes);
    sort->last = -1;
    if (sort->bytes == NULL) {
        free(sort);
        return STATUS_MEMORY;
    }
    *out = sort;
    return STATUS_OK;
}

void source_sort_destroy(struct source_sort *sort)
{
    for (uint32_t i = 0; i < sort->run_count; i++) {
        fclose(sort->runs[i].file);
        free(sort->runs[i].record);
    }
    free(sort->rows);
    free(sort->bytes);
    free(sort);
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static enum status file_failed(struct problem *problem)
{
    return problem_set(problem, errno == ENOSPC ? STATUS_DISK_FULL : STATUS_IO, "a temporary file for sorting: %s",
                       strerror(errno));
}

/* Writes what is in memory as a sorted run. */
static enum status spill(struct source_sort *sort, struct problem *problem)
{
    if (sort->run_count == SOURCE_RUNS_MAX)
        return problem_set(problem, STATUS_TOO_LARGE, "the file has more than %d runs of %zu bytes; sort it by time and pass --sorted",
                           SOURCE_RUNS_MAX, sort->capacity);
    FILE *file = tmpfile();
    if (file == NULL)
        return file_failed(problem);
    struct run *run = &sort->runs[sort->run_count++];
    *run = (struct run){.file = file};
    qsort(sort->rows, sort->row_count, sizeof *sort->rows, compare_rows);
    for (size_t i = 0; i < sort->row_count; i++) {
        const struct row *row = &sort->rows[i];
        struct run_head head = {.time_ms = row->time_ms, .number = row->number, .size = row->size};
        if (fwrite(&head, sizeof head, 1, file) != 1 || fwrite(sort->bytes + row->offset, 1, row->size, file) != row->size)
            return file_failed(problem);
    }
    if (fflush(file) != 0)
        return file_failed(problem);
    rewind(file);
    sort->row_count = 0;
    sort->size = 0;
    return STATUS_OK;
}

enum status source_sort_add(struct source_sort *sort, int64_t time_ms, uint64_t row, struct slice record,
                            struct problem *problem)
{
    ASSERT(record.size <= sort->capacity && sort->capacity <= UINT32_MAX);
    if (sort->size + record.size > sort->capacity) {
        enum status status = spill(sort, problem);
        if (status != STATUS_OK)
            return status;
    }
    if (sort->row_count == sort->row_capacity) {
        size_t capacity = sort->row_capacity ? sort->row_capacity * 2 : 65536;
        struct row *rows = realloc(sort->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return problem_set(problem, STATUS_MEMORY, "no memory to sort %zu rows", capacity);
        sort->rows = rows;
        sort->row_capacity = capacity;
    }
    sort->rows[sort->row_count++] = (struct row){time_ms, row, (uint32_t)sort->size, record.size};
    memcpy(sort->bytes + sort->size, record.data, record.size);
    sort->size += record.size;
    return STATUS_OK;
}

static enum status advance(struct run *run, struct problem *problem)
{
    if (fread(&run->head, sizeof run->head, 1, run->file) != 1) {
        run->is_done = true;
        return ferror(run->file) ? file_failed(problem) : STATUS_OK;
    }
    char *record = realloc(run->record, run->head.size + 1U);
    if (record == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for a row");
    run->record = record;
    return fread(record, 1, run->head.size, run->file) == run->head.size ? STATUS_OK : file_failed(problem);
}

enum status source_sort_finish(struct source_sort *sort, struct problem *problem)
{
    if (sort->run_count == 0) {
        if (sort->row_count > 0)
            qsort(sort->rows, sort->row_count, sizeof *sort->rows, compare_rows);
        return STATUS_OK;
    }
    enum status status = sort->row_count > 0 ? spill(sort, problem) : STATUS_OK;
    for (uint32_t i = 0; i < sort->run_count && status == STATUS_OK; i++)
        status = advance(&sort->runs[i], problem);
    return status;
}

static enum status merge_next(struct source_sort *sort, struct source_item *item, struct problem *problem)
{
    int best = -1;

    if (sort->last >= 0) {
        enum status status = advance(&sort->runs[sort->last], problem);
        if (status != STATUS_OK)
            return status;
    }
    for (uint32_t i = 0; i < sort->run_count; i++) {
        const struct run *run = &sort->runs[i];
        if (run->is_done)
            continue;
        const struct run_head *least = best < 0 ? NULL : &sort->runs[best].head;
        if (least == NULL || run->head.time_ms < least->time_ms ||
            (run->head.time_ms == least->time_ms && run->head.number < least->number))
            best = (int)i;
    }
    sort->last = best;
    if (best >= 0)
        *item = (struct source_item){sort->runs[best].head.time_ms, slice_make(sort->runs[best].record, sort->runs[best].head.size)};
    return STATUS_OK;
}

enum status source_sort_next(struct source_sort *sort, struct source_item *item, struct problem *problem)
{
    *item = (struct source_item){0};
    if (sort->run_count > 0)
        return merge_next(sort, item, problem);
    if (sort->at < sort->row_count) {
        const struct row *row = &sort->rows[sort->at++];
        *item = (struct source_item){row->time_ms, slice_make(sort->bytes + row->offset, row->size)};
    }
    return STATUS_OK;
}
