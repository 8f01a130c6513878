#include "ops/nearest.h"

#include <stddef.h>
#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t nearest_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    uint32_t rows[3][NEAREST_SIZE + 1]; /* distances of a[0..i] to all prefixes of b: i, i - 1, i - 2 */
    if (a_size > NEAREST_SIZE || b_size > NEAREST_SIZE)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a_size; i++) {
        uint32_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above_two = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= b_size; j++) {
            uint32_t change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above_two[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void nearest_init(struct nearest *nearest, const char *wanted)
{
    nearest->wanted = wanted;
    nearest->best = NULL;
    nearest->distance = (uint32_t)strlen(wanted) / 3 + 1;
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    uint32_t distance = nearest_distance(nearest->wanted, candidate);
    if (distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
