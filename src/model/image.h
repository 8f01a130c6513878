/* image.h - tables of fixed rows in one mapping, at fixed offsets, without pointers.
 *
 * A plan gives each table its row size and its most rows; the image reserves address space
 * for all of it and takes memory as tables fill.  Each table has a mark: the memory below
 * it is touched.  image_reach moves the mark ahead in steps, so that first touch (0.25 us a
 * page) is paid in steps and not by the event that happens to come first.
 *
 *   [ header: one page ] [ table 0 ] [ table 1 ] ...     each table starts on 2 MiB
 *
 * Extents are the parts that hold anything: page-aligned prefixes of the tables.  Whoever
 * keeps files writes them and maps them again, privately, at the same places.
 *
 * Threads: one writer; readers look at rows in place.
 * Memory:  address space by the plan; pages as marks move.
 * Failure: image_create, image_map STATUS_MEMORY, image_map STATUS_CORRUPT; later none: a page
 *          that the system cannot give ends the process, as overcommitted memory does.
 */
#ifndef MODEL_IMAGE_H
#define MODEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { IMAGE_TABLES_MAX = 32, IMAGE_PAGE = 4096 };

struct image_table_plan {
    uint32_t row_bytes;
    uint64_t row_count_max;
    bool is_scattered;   /* rows are used in any order (a hash index): all of it is an extent */
};

struct image_extent {
    uint64_t offset;     /* in the image */
    uint64_t bytes;      /* multiple of IMAGE_PAGE */
};

struct image_table {
    uint64_t offset;     /* in the image */
    uint64_t bytes_max;
    uint64_t touched;    /* bytes */
    uint32_t row_bytes;
    bool is_scattered;
};

struct image {
    char *base;
    uint64_t bytes;      /* address space */
    uint32_t table_count;
    struct image_table tables[IMAGE_TABLES_MAX];
};

enum status image_create(struct image *image, const struct image_table_plan *plan, uint32_t table_count) MUST_CHECK;
void image_destroy(struct image *image);

/* Puts an extent of this very image, kept at file_offset of fd, in its place: privately, so that
 * the file does not change.  STATUS_CORRUPT when the extent is none of the plan's. */
enum status image_map(struct image *image, int fd, uint64_t file_offset, struct image_extent extent) MUST_CHECK;
/* Makes the page at offset this process's own, so that its file may change.  Any thread, while
 * the writer writes. */
void image_own(const struct image *image, uint64_t offset);

/* Rows of a table below row_count are about to be used; touches ahead. */
void image_reach(struct image *image, uint32_t table, uint64_t row_count);

/* Extents with the header first; row_counts: rows in use of each table. Returns how many. */
uint32_t image_extents(const struct image *image, const uint64_t *row_counts,
                       struct image_extent extents[IMAGE_TABLES_MAX + 1]);
uint64_t image_touched_bytes(const struct image *image);

static inline void *image_header(const struct image *image)
{
    return image->base;
}

static inline void *image_rows(const struct image *image, uint32_t table)
{
    return image->base + image->tables[table].offset;
}

#endif
