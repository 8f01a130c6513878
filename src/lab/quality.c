#include "lab/quality.h"

#include <stdlib.h>

#include "base/maths.h"
#include "base/rng.h"

enum { METRICS = 3 };

static const uint32_t cut_at[QUALITY_CUTS] = {10, 20};

struct prediction {
    uint64_t user;
    uint32_t rank;
};

struct quality {
    struct prediction *rows;
    size_t count, capacity;
};

/* Sums over one user's predictions, by cut and metric. */
struct sums {
    double of[QUALITY_CUTS][METRICS];
    double count;
};

enum status quality_create(struct quality **quality)
{
    *quality = calloc(1, sizeof **quality);
    return *quality ? STATUS_OK : STATUS_MEMORY;
}

void quality_destroy(struct quality *quality)
{
    free(quality->rows);
    free(quality);
}

enum status quality_add(struct quality *quality, uint64_t user, uint32_t rank)
{
    if (quality->count == quality->capacity) {
        size_t capacity = quality->capacity ? quality->capacity * 2 : 4096;
        struct prediction *rows = realloc(quality->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return STATUS_MEMORY;
        quality->rows = rows;
        quality->capacity = capacity;
    }
    quality->rows[quality->count++] = (struct prediction){user, rank};
    return STATUS_OK;
}

static int by_user(const void *left, const void *right)
{
    const struct prediction *a = left, *b = right;

    return a->user < b->user ? -1 : a->user > b->user;
}

static void add_rank(struct sums *sums, uint32_t rank)
{
    sums->count += 1;
    for (int c = 0; c < QUALITY_CUTS; c++) {
        if (rank == 0 || rank > cut_at[c])
            continue;
        sums->of[c][0] += 1;
        sums->of[c][1] += 1.0 / rank;
        sums->of[c][2] += 1.0 / maths_log2(rank + 1.0);
    }
}

static void add_sums(struct sums *into, const struct sums *from)
{
    into->count += from->count;
    for (int c = 0; c < QUALITY_CUTS; c++)
        for (int m = 0; m < METRICS; m++)
            into->of[c][m] += from->of[c][m];
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* draws[bootstrap][cut][metric] of users drawn with replacement. */
static void bootstrap(const struct sums *users, size_t user_count, uint64_t seed, double *draws)
{
    struct rng rng;

    for (uint32_t b = 0; b < QUALITY_BOOTSTRAPS; b++) {
        struct sums drawn = {0};
        rng_init(&rng, seed, b);
        for (size_t i = 0; i < user_count; i++)
            add_sums(&drawn, &users[rng_below(&rng, user_count)]);
        for (int c = 0; c < QUALITY_CUTS; c++)
            for (int m = 0; m < METRICS; m++)
                draws[((size_t)c * METRICS + (size_t)m) * QUALITY_BOOTSTRAPS + b] = drawn.of[c][m] / drawn.count;
    }
}

static struct quality_interval interval_of(double value, double *draws)
{
    qsort(draws, QUALITY_BOOTSTRAPS, sizeof *draws, by_value);
    return (struct quality_interval){value, draws[QUALITY_BOOTSTRAPS * 25 / 1000], draws[QUALITY_BOOTSTRAPS * 975 / 1000]};
}

enum status quality_summarize(struct quality *quality, uint64_t seed, struct quality_summary *summary)
{
    struct sums total = {0};
    size_t user_count = 0;

    *summary = (struct quality_summary){.predictions = quality->count};
    for (int c = 0; c < QUALITY_CUTS; c++)
        summary->cuts[c].k = cut_at[c];
    if (quality->count == 0)
        return STATUS_OK;
    struct sums *users = calloc(quality->count, sizeof *users);
    double *draws = calloc((size_t)QUALITY_CUTS * METRICS * QUALITY_BOOTSTRAPS, sizeof *draws);
    if (users == NULL || draws == NULL) {
        free(users);
        free(draws);
        return STATUS_MEMORY;
    }
    qsort(quality->rows, quality->count, sizeof *quality->rows, by_user);
    for (size_t i = 0; i < quality->count; i++) {
        if (i > 0 && quality->rows[i].user != quality->rows[i - 1].user)
            user_count++;
        add_rank(&users[user_count], quality->rows[i].rank);
        add_rank(&total, quality->rows[i].rank);
    }
    user_count++;
    bootstrap(users, user_count, seed, draws);
    for (int c = 0; c < QUALITY_CUTS; c++) {
        struct quality_interval *to[METRICS] = {&summary->cuts[c].hit_rate, &summary->cuts[c].mrr, &summary->cuts[c].ndcg};
        for (int m = 0; m < METRICS; m++)
            *to[m] = interval_of(total.of[c][m] / total.count, draws + ((size_t)c * METRICS + (size_t)m) * QUALITY_BOOTSTRAPS);
    }
    summary->users = user_count;
    free(users);
    free(draws);
    return STATUS_OK;
}
