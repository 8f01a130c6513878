/* Large pages: a dense table asks for them from its second 2 MiB on, a scattered one when a
 * sixteenth of its rows are in use; so a small installation stays small, and a large one does not
 * walk page tables at each of its random reads. */
#include "model/image.h"

#include <sys/mman.h>

#include "base/assert.h"
#include "base/shared.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { LARGE_PAGE = 2 << 20, STEP_MIN = 64 << 10, STEP_MAX = 4 << 20, SCATTERED_SHARE = 16 };

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

enum status image_create(struct image *image, const struct image_table_plan *plan, uint32_t table_count)
{
    ASSERT(table_count <= IMAGE_TABLES_MAX);
    *image = (struct image){.table_count = table_count};
    uint64_t offset = LARGE_PAGE; /* the header's page, and what aligns the first table */
    for (uint32_t i = 0; i < table_count; i++) {
        image->tables[i] = (struct image_table){
            .offset = offset,
            .bytes_max = round_up(plan[i].row_bytes * plan[i].row_count_max, IMAGE_PAGE),
            .row_bytes = plan[i].row_bytes,
            .is_scattered = plan[i].is_scattered,
        };
        /* An empty table has a place of its own too, so that an offset names one table. */
        offset = round_up(offset + image->tables[i].bytes_max + 1, LARGE_PAGE);
    }
    /* One large page more than needed, so that the base can be aligned. */
    void *base = mmap(NULL, offset + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return STATUS_MEMORY;
    char *aligned = (char *)round_up((uintptr_t)base, LARGE_PAGE);
    size_t before = (size_t)(aligned - (char *)base);
    if (before > 0)
        (void)munmap(base, before);
    if (before < LARGE_PAGE)
        (void)munmap(aligned + offset, LARGE_PAGE - before);
    image->base = aligned;
    image->bytes = offset;
    return STATUS_OK;
}

void image_destroy(struct image *image)
{
    if (image->base)
        (void)munmap(image->base, image->bytes);
    image->base = NULL;
}

/* The table whose prefix the extent is; table_count for the header, more for none. */
static uint32_t table_of(const struct image *image, struct image_extent extent)
{
    if (extent.offset == 0)
        return extent.bytes == IMAGE_PAGE ? image->table_count : UINT32_MAX;
    for (uint32_t i = 0; i < image->table_count; i++)
        if (image->tables[i].offset == extent.offset)
            return extent.bytes <= image->tables[i].bytes_max ? i : UINT32_MAX;
    return UINT32_MAX;
}

enum status image_map(struct image *image, int fd, uint64_t file_offset, struct image_extent extent)
{
    uint32_t table = table_of(image, extent);
    if (table > image->table_count || extent.bytes % IMAGE_PAGE != 0 || file_offset % IMAGE_PAGE != 0)
        return STATUS_CORRUPT;
    if (extent.bytes == 0)
        return STATUS_OK;
    void *at = mmap(image->base + extent.offset, extent.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                    fd, (off_t)file_offset);
    if (at == MAP_FAILED)
        return STATUS_MEMORY;
    if (table < image->table_count)
        image->tables[table].touched = extent.bytes;
    return STATUS_OK;
}

/* An atomic that changes nothing is a write for the kernel and harmless beside the writer's;
 * the thread sanitizer cannot know that the value stays. */
__attribute__((no_sanitize("thread"))) void image_own(const struct image *image, uint64_t offset)
{
    uint64_t *word = (uint64_t *)(void *)(image->base + offset), nothing = 0;
    /* clang makes a mere load of an "or" with what it knows to be 0; then the page stays the file's
     * and the checkpoint after the next writes over it. */
    __asm__ volatile("" : "+r"(nothing));
    (void)__atomic_fetch_or(word, nothing, __ATOMIC_RELAXED);
}

static void touch(struct image *image, uint64_t offset, uint64_t bytes)
{
    if (madvise(image->base + offset, bytes, MADV_POPULATE_WRITE) == 0)
        return;
    for (uint64_t at = 0; at < bytes; at += IMAGE_PAGE)
        image_own(image, offset + at);
}

static void reach_scattered(struct image *image, struct image_table *t, uint64_t row_count)
{
    if (t->touched != 0 || t->bytes_max < LARGE_PAGE || row_count * t->row_bytes * SCATTERED_SHARE < t->bytes_max)
        return;
    (void)madvise(image->base + t->offset, t->bytes_max, MADV_HUGEPAGE);
    touch(image, t->offset, t->bytes_max);
    (void)madvise(image->base + t->offset, t->bytes_max, MADV_COLLAPSE);
    SHARED_STORE(t->touched, t->bytes_max);
}

void image_reach(struct image *image, uint32_t table, uint64_t row_count)
{
    struct image_table *t = &image->tables[table];
    uint64_t wanted = row_count * t->row_bytes;
    if (t->is_scattered) {
        reach_scattered(image, t, row_count);
        return;
    }
    if (wanted <= t->touched)
        return;
    uint64_t step = t->touched / 8 < STEP_MIN ? STEP_MIN : t->touched / 8 > STEP_MAX ? STEP_MAX : t->touched / 8;
    uint64_t end = round_up(wanted + step, IMAGE_PAGE);
    if (end > t->bytes_max)
        end = t->bytes_max;
    if (end > LARGE_PAGE && t->touched <= LARGE_PAGE && t->bytes_max > 2 * LARGE_PAGE)
        (void)madvise(image->base + t->offset + LARGE_PAGE, (t->bytes_max - LARGE_PAGE) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    touch(image, t->offset + t->touched, end - t->touched);
    SHARED_STORE(t->touched, end);
}

uint32_t image_extents(const struct image *image, const uint64_t *row_counts, struct image_extent extents[IMAGE_TABLES_MAX + 1])
{
    uint32_t count = 0;
    extents[count++] = (struct image_extent){0, IMAGE_PAGE};
    for (uint32_t i = 0; i < image->table_count; i++) {
        const struct image_table *t = &image->tables[i];
        uint64_t bytes = t->is_scattered ? t->bytes_max : round_up(row_counts[i] * t->row_bytes, IMAGE_PAGE);
        ASSERT(bytes <= t->bytes_max);
        if (bytes > 0 && row_counts[i] > 0)
            extents[count++] = (struct image_extent){t->offset, bytes};
    }
    return count;
}

uint64_t image_touched_bytes(const struct image *image)
{
    uint64_t bytes = IMAGE_PAGE;
    for (uint32_t i = 0; i < image->table_count; i++)
        bytes += SHARED_LOAD(image->tables[i].touched);
    return bytes;
}
