#include "lab/catalogue_demo.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/rng.h"

enum { MINUTES_MIN = 3, MINUTES_SPAN = 11, STREAM_CATALOGUE = 1 };

static const int64_t age_ms_max = 14LL * 24 * 3600 * 1000;

static const char *const categories[CATALOGUE_DEMO_CATEGORIES] = {
    "science", "technology", "business", "cities", "arts", "food", "travel", "sport", "health", "climate", "history", "music",
};

static const struct {
    const char *title;
    const char *standfirst;
} texts[] = {
#define ARTICLE(title, standfirst) {title, standfirst},
#include "lab/catalogue_articles.def"
#undef ARTICLE
};
static_assert(sizeof texts / sizeof texts[0] == CATALOGUE_DEMO_ARTICLES, "twenty articles in each section");

static const char *const first_names[] = {
    "Amara", "Bruno", "Celia", "Dario", "Edith", "Farid", "Greta", "Hana", "Ilya", "Jonas", "Kaya", "Lena",
    "Mateo", "Noor", "Odile", "Pavel", "Rosa", "Samir", "Tilda", "Ugo", "Vera", "Wim", "Yuki", "Zofia",
};
static const char *const last_names[] = {
    "Abbate", "Brandt", "Castellan", "Drummond", "Eklund", "Farrow", "Grieve", "Holm", "Iversen", "Jansky",
    "Keller", "Lindqvist", "Marchetti", "Nakata", "Okafor", "Petrov", "Quist", "Ravel", "Sorensen", "Tamm",
};
enum {
    FIRST_COUNT = sizeof first_names / sizeof first_names[0],
    LAST_COUNT = sizeof last_names / sizeof last_names[0]
};

void catalogue_demo_init(struct catalogue_demo *catalogue, uint64_t seed)
{
    struct rng rng;

    rng_init(&rng, seed, STREAM_CATALOGUE);
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++) {
        struct catalogue_demo_article *article = &catalogue->articles[i];
        article->category = i / CATALOGUE_DEMO_PER_CATEGORY;
        snprintf(article->id, sizeof article->id, "%s-%02u", categories[article->category], i % CATALOGUE_DEMO_PER_CATEGORY + 1);
        article->title = texts[i].title;
        article->standfirst = texts[i].standfirst;
        snprintf(article->author, sizeof article->author, "%s %s", first_names[rng_below(&rng, FIRST_COUNT)],
                 last_names[rng_below(&rng, LAST_COUNT)]);
        article->minutes = MINUTES_MIN + (uint32_t)rng_below(&rng, MINUTES_SPAN);
        article->age_ms = (int64_t)(rng_unit(&rng) * (double)age_ms_max);
        /* A square, so that most are ordinary and a few stand out. */
        double draw = rng_unit(&rng);
        article->quality = 0.5 + 1.5 * draw * draw;
    }
}

const char *catalogue_demo_category(uint32_t category)
{
    ASSERT(category < CATALOGUE_DEMO_CATEGORIES);
    return categories[category];
}

static void write_article(const struct catalogue_demo_article *article, int64_t now_ms, struct json_writer *out)
{
    char url[64];

    snprintf(url, sizeof url, "/demo#%s", article->id);
    json_object_begin(out);
    json_key(out, "content_id");
    json_text(out, article->id);
    json_key(out, "title");
    json_text(out, article->title);
    json_key(out, "url");
    json_text(out, url);
    json_key(out, "categories");
    json_array_begin(out);
    json_text(out, categories[article->category]);
    json_array_end(out);
    json_key(out, "published_at");
    json_time(out, now_ms - article->age_ms);
    json_key(out, "attributes");
    json_object_begin(out);
    json_key(out, "standfirst");
    json_text(out, article->standfirst);
    json_key(out, "author");
    json_text(out, article->author);
    json_key(out, "minutes");
    json_unsigned(out, article->minutes);
    json_object_end(out);
    json_object_end(out);
}

void catalogue_demo_write(const struct catalogue_demo *catalogue, uint32_t first, uint32_t count, int64_t now_ms, struct json_writer *out)
{
    ASSERT(first + count <= CATALOGUE_DEMO_ARTICLES);
    json_array_begin(out);
    for (uint32_t i = first; i < first + count; i++)
        write_article(&catalogue->articles[i], now_ms, out);
    json_array_end(out);
}
