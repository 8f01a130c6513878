#include "lab/zipf.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/maths.h"

struct cell {
    uint32_t alias;
    uint32_t keep; /* of 2^32: stay here; else go to alias */
};

struct zipf {
    uint32_t count;
    struct cell cells[];
};

static const double TWO_TO_32 = 4294967296.0;

/* Weights scaled to a mean of 1.  maths.h, so that a workload is the same on every machine. */
static void fill_weights(double *weights, uint32_t count, double exponent)
{
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        weights[i] = maths_exp2(-exponent * maths_log2((double)i + 1));
        sum += weights[i];
    }
    for (uint32_t i = 0; i < count; i++)
        weights[i] *= (double)count / sum;
}

/* Each light rank is topped up by one heavy rank.  queue holds light ones from the left and
 * heavy ones from the right. */
static void fill_cells(struct zipf *zipf, double *weights, uint32_t *queue)
{
    uint32_t light = 0;
    uint32_t heavy = zipf->count;

    for (uint32_t i = 0; i < zipf->count; i++) {
        zipf->cells[i] = (struct cell){i, UINT32_MAX};
        queue[weights[i] < 1 ? light++ : --heavy] = i;
    }
    while (light > 0 && heavy < zipf->count) {
        uint32_t poor = queue[--light];
        uint32_t rich = queue[heavy];
        zipf->cells[poor] = (struct cell){rich, (uint32_t)(weights[poor] * (TWO_TO_32 - 1))};
        weights[rich] -= 1 - weights[poor];
        if (weights[rich] < 1) {
            heavy++;
            queue[light++] = rich;
        }
    }
}

struct zipf *zipf_create(uint32_t count, double exponent)
{
    ASSERT(count >= 1 && exponent >= 0);
    struct zipf *zipf = malloc(sizeof *zipf + count * sizeof zipf->cells[0]);
    double *weights = malloc(count * sizeof *weights);
    uint32_t *queue = malloc(count * sizeof *queue);

    if (zipf != NULL && weights != NULL && queue != NULL) {
        zipf->count = count;
        fill_weights(weights, count, exponent);
        fill_cells(zipf, weights, queue);
    } else {
        free(zipf);
        zipf = NULL;
    }
    free(weights);
    free(queue);
    return zipf;
}

void zipf_destroy(struct zipf *zipf)
{
    free(zipf);
}

uint32_t zipf_draw(const struct zipf *zipf, struct rng *rng)
{
    uint64_t random = rng_next(rng);
    uint32_t place = (uint32_t)(((random >> 32) * zipf->count) >> 32);
    const struct cell *cell = &zipf->cells[place];

    return (uint32_t)random <= cell->keep ? place : cell->alias;
}
