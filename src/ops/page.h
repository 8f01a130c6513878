/* page.h - the metrics page: Prometheus text format 0.0.4.
 *
 * A sink for base/metric.h.  Every component puts out its values; page_finish groups them by
 * name, in the order in which names came first, with HELP and TYPE once each - also where
 * several components put out the same name.  Histograms (nanoseconds inside) become
 * cumulative buckets in seconds, with the bounds of the contract: for names of freshness
 * (event_visible, event_age, checkpoint) 5 ms to 300 s, for all others 0.5 ms to 5 s.
 *
 *     struct page page;
 *     page_init(&page);
 *     x_metrics(x, &page.sink); ...
 *     struct slice text = page_finish(&page);     valid until page_reset or page_fini
 *
 * Threads: one at a time per struct page.
 * Memory:  grows with the page, kept by page_reset for the next scrape; at most PAGE_BYTES_MAX.
 * Failure: what does not fit, or has no memory, is left out whole (never half a line);
 *          page_is_complete tells, and page_finish then ends with a comment that says so.
 */
#ifndef OPS_PAGE_H
#define OPS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/slice.h"

enum { PAGE_FAMILIES_MAX = 512, PAGE_BYTES_MAX = 16 * 1024 * 1024 };

#define PAGE_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Bytes that grow. */
struct page_text {
    char *data;
    size_t size;
    size_t capacity;
};

struct page_family {
    const struct metric_row *row;
    struct page_text lines;
};

struct page {
    struct metric_sink sink; /* first: the sink's call-backs find the page by it */
    struct page_family families[PAGE_FAMILIES_MAX];
    uint32_t family_count;
    struct page_text text;
    bool is_incomplete;
};

void page_init(struct page *page);
void page_fini(struct page *page);
/* Empties it for the next scrape and keeps the memory. */
void page_reset(struct page *page);
struct slice page_finish(struct page *page);
bool page_is_complete(const struct page *page);

/* Writes `name="value"` with the value escaped (\\, \", newline) behind what labels holds, with a
 * comma between; false (and unchanged) when it does not fit in size. */
bool page_label(char *labels, size_t size, const char *name, struct slice value);

#endif
