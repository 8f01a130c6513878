/* catalogue_demo.h - the articles of the demo: twelve sections, twenty each.
 *
 * Titles and standfirsts are written by hand (catalogue_articles.def); the seed draws what a
 * newsroom would add: who wrote it, how long it takes, when it appeared, how good it is.
 * The quality is known to the generator of visitors alone.
 *
 * Threads: any; read-only after init.
 * Memory:  inline.
 * Failure: cannot fail.
 */
#ifndef LAB_CATALOGUE_DEMO_H
#define LAB_CATALOGUE_DEMO_H

#include "base/slice.h"
#include "wire/json_writer.h"

enum {
    CATALOGUE_DEMO_CATEGORIES = 12,
    CATALOGUE_DEMO_PER_CATEGORY = 20,
    CATALOGUE_DEMO_ARTICLES = CATALOGUE_DEMO_CATEGORIES * CATALOGUE_DEMO_PER_CATEGORY,
    CATALOGUE_DEMO_ID_SIZE = 24
};

struct catalogue_demo_article {
    char id[CATALOGUE_DEMO_ID_SIZE]; /* "science-07" */
    const char *title;
    const char *standfirst;
    char author[32];
    uint32_t category;
    uint32_t minutes;
    int64_t age_ms;                  /* published so long before the start */
    double quality;                  /* 0.5 .. 2, mean near 1 */
};

struct catalogue_demo {
    struct catalogue_demo_article articles[CATALOGUE_DEMO_ARTICLES]; /* by category, then number */
};

void catalogue_demo_init(struct catalogue_demo *catalogue, uint64_t seed);
const char *catalogue_demo_category(uint32_t category); /* "science" */
/* The body of POST /v1/content for articles [first, first + count). */
void catalogue_demo_write(const struct catalogue_demo *catalogue, uint32_t first, uint32_t count, int64_t now_ms,
                          struct json_writer *out);

#endif
