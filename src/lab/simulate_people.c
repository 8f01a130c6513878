#include "lab/simulate_people.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

enum {
    STREAM_PEOPLE = 2,
    LIFE_MIN = 14,
    LIFE_SPAN = 14,
    STEPS_MIN = 3,
    STEPS_MEAN_MORE = 5,
    PRESENT_DIVISOR = 10,  /* a tenth of the people is on the site at a time */
    PRESENT_MIN = 10,
    TRIES_MAX = 400
};

static const double click_share = 0.24;        /* of a middling article of the main taste, in the first place */
static const double attention_fall = 0.12;
static const float second_taste = 0.6F;
static const double fashion_share = 0.2;       /* newcomers who come for what everybody talks about */
static const double mobile_share = 0.55;

static void set_main(struct simulate_person *person, uint32_t category)
{
    if (person->main_category == category)
        return;
    for (uint32_t c = 0; c < CATALOGUE_DEMO_CATEGORIES; c++)
        if (person->taste[c] >= second_taste)
            person->taste[c] = c == person->main_category ? second_taste : 0.1F;
    person->taste[category] = 1;
    person->main_category = (uint8_t)category;
}

/* A new person at the place of persons[i]; the arm belongs to the place. */
static void be_born(struct simulate_people *people, uint32_t i)
{
    struct simulate_person *person = &people->persons[i];
    struct rng *rng = &people->rng;

    *person = (struct simulate_person){.arm = (uint8_t)(i % SIMULATE_ARMS)};
    snprintf(person->id, sizeof person->id, "reader-%s-%lu", people->run, (unsigned long)people->born++);
    for (uint32_t c = 0; c < CATALOGUE_DEMO_CATEGORIES; c++)
        person->taste[c] = (float)(0.05 + 0.1 * rng_unit(rng));
    person->main_category = (uint8_t)rng_below(rng, CATALOGUE_DEMO_CATEGORIES);
    person->taste[person->main_category] = 1;
    bool is_fashionable = people->fashion < CATALOGUE_DEMO_CATEGORIES && rng_unit(rng) < fashion_share;
    set_main(person, is_fashionable ? people->fashion : (uint32_t)rng_below(rng, CATALOGUE_DEMO_CATEGORIES));
    person->life = (uint16_t)(LIFE_MIN + rng_below(rng, LIFE_SPAN));
    person->is_mobile = rng_unit(rng) < mobile_share;
}

enum status simulate_people_create(struct simulate_people *people, const struct catalogue_demo *catalogue, uint32_t count,
                                   uint64_t seed, const char *run)
{
    ASSERT(count >= SIMULATE_ARMS);
    *people = (struct simulate_people){.catalogue = catalogue, .count = count, .fashion = CATALOGUE_DEMO_CATEGORIES};
    snprintf(people->run, sizeof people->run, "%s", run);
    rng_init(&people->rng, seed, STREAM_PEOPLE);
    people->present_count = count / PRESENT_DIVISOR > PRESENT_MIN ? count / PRESENT_DIVISOR : PRESENT_MIN;
    if (people->present_count > count)
        people->present_count = count;
    people->persons = calloc(count, sizeof *people->persons);
    if (people->persons == NULL)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        be_born(people, i);
    return STATUS_OK;
}

void simulate_people_destroy(struct simulate_people *people)
{
    free(people->persons);
    people->persons = NULL;
}

/* The first present_count persons are on the site, so that presence needs no search: who leaves
 * changes places with who comes.  Arms go with the person, which keeps their thirds. */
static void swap(struct simulate_people *people, uint32_t a, uint32_t b)
{
    struct simulate_person other = people->persons[a];

    people->persons[a] = people->persons[b];
    people->persons[b] = other;
}

struct simulate_person *simulate_people_next(struct simulate_people *people, bool *is_new)
{
    uint32_t i = (uint32_t)rng_below(&people->rng, people->present_count);
    struct simulate_person *person = &people->persons[i];

    *is_new = person->steps_left == 0;
    if (*is_new) {
        if (people->count > people->present_count)
            swap(people, i, people->present_count + (uint32_t)rng_below(&people->rng, people->count - people->present_count));
        if (person->read_count >= person->life) {
            uint8_t arm = person->arm;
            be_born(people, i);
            person->arm = arm;
        }
        person->steps_left = (uint16_t)(STEPS_MIN + (uint32_t)(rng_exponential(&people->rng) * STEPS_MEAN_MORE));
    }
    person->steps_left--;
    return person;
}

bool simulate_people_has_read(const struct simulate_person *person, uint32_t article)
{
    return person->read[article / 64] >> article % 64 & 1;
}

void simulate_people_read(struct simulate_person *person, uint32_t article)
{
    if (simulate_people_has_read(person, article))
        return;
    person->read[article / 64] |= 1ULL << article % 64;
    person->read_count++;
}

uint32_t simulate_people_wander(struct simulate_people *people, const struct simulate_person *person)
{
    double weights[CATALOGUE_DEMO_ARTICLES];
    double sum = 0;

    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++) {
        const struct catalogue_demo_article *article = &people->catalogue->articles[i];
        double taste = (double)person->taste[article->category];
        weights[i] = simulate_people_has_read(person, i) ? 0 : taste * taste * article->quality;
        sum += weights[i];
    }
    double left = rng_unit(&people->rng) * sum;
    uint32_t last = SIMULATE_PEOPLE_NONE;
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++) {
        if (weights[i] <= 0)
            continue;
        last = i;
        left -= weights[i];
        if (left < 0)
            break;
    }
    return last;
}

static bool is_among(uint32_t article, const uint32_t *taken, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (taken[i] == article)
            return true;
    return false;
}

uint32_t simulate_people_any(struct simulate_people *people, const struct simulate_person *person, const uint32_t *taken, uint32_t count)
{
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        uint32_t article = (uint32_t)rng_below(&people->rng, CATALOGUE_DEMO_ARTICLES);
        if (!simulate_people_has_read(person, article) && !is_among(article, taken, count))
            return article;
    }
    return SIMULATE_PEOPLE_NONE;
}

double simulate_people_chance(const struct simulate_people *people, const struct simulate_person *person, uint32_t article, uint32_t position)
{
    const struct catalogue_demo_article *row = &people->catalogue->articles[article];

    if (simulate_people_has_read(person, article))
        return 0;
    return click_share * (double)person->taste[row->category] * row->quality / (1 + attention_fall * position);
}

uint32_t simulate_people_change(struct simulate_people *people, double share)
{
    uint32_t category = people->fashion;

    /* Steps of 1 to 5 through the sections: what was the fashion last or before it does not come back soon. */
    if (category == CATALOGUE_DEMO_CATEGORIES)
        category = (uint32_t)rng_below(&people->rng, CATALOGUE_DEMO_CATEGORIES);
    category = (category + 1 + (uint32_t)rng_below(&people->rng, 5)) % CATALOGUE_DEMO_CATEGORIES;
    people->fashion = category;
    for (uint32_t i = 0; i < people->count; i++)
        if (rng_unit(&people->rng) < share)
            set_main(&people->persons[i], category);
    return category;
}
