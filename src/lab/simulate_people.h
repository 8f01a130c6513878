/* simulate_people.h - the demo's visitors: what they like, what they have read, what they do next.
 *
 * A person has a main and a second taste among the sections and little patience for the rest.
 * The chance of a click is taste * quality of the article * attention to its place in the list
 * (examination falls as 1 / (1 + 0.12 * position)).  A person reads every article at most once and
 * leaves for good after enough of them; a new one with other tastes takes the place and the arm.
 * At a change a share of all people takes a new main taste at once; the old one becomes the second.
 *
 * Threads: one; pure but for its own random numbers.
 * Memory:  taken at create.
 * Failure: simulate_people_create STATUS_MEMORY.
 */
#ifndef LAB_SIMULATE_PEOPLE_H
#define LAB_SIMULATE_PEOPLE_H

#include "base/rng.h"
#include "base/status.h"
#include "lab/catalogue_demo.h"

enum simulate_arm { SIMULATE_FOR_YOU, SIMULATE_TRENDS, SIMULATE_RANDOM, SIMULATE_ARMS };

enum { SIMULATE_PEOPLE_ID_SIZE = 40, SIMULATE_PEOPLE_NONE = CATALOGUE_DEMO_ARTICLES };

struct simulate_person {
    char id[SIMULATE_PEOPLE_ID_SIZE];
    uint64_t read[(CATALOGUE_DEMO_ARTICLES + 63) / 64]; /* a bit per article */
    float taste[CATALOGUE_DEMO_CATEGORIES];             /* 1 main, less for others */
    uint16_t read_count;
    uint16_t life;         /* articles after which the person leaves */
    uint16_t steps_left;   /* of the session; 0: not on the site */
    uint8_t main_category;
    uint8_t arm;           /* enum simulate_arm */
    uint8_t is_mobile;
};

struct simulate_people {
    const struct catalogue_demo *catalogue;
    struct simulate_person *persons; /* the first present_count are on the site */
    uint32_t count;
    uint32_t present_count;
    uint32_t fashion;      /* category of the last change; CATALOGUE_DEMO_CATEGORIES: none yet */
    uint64_t born;         /* people so far, those who left included */
    char run[16];          /* makes ids of one run differ from those of another */
    struct rng rng;
};

/* catalogue is borrowed. run: at most 15 characters. */
enum status simulate_people_create(struct simulate_people *people, const struct catalogue_demo *catalogue, uint32_t count,
                                   uint64_t seed, const char *run) MUST_CHECK;
void simulate_people_destroy(struct simulate_people *people);

/* Somebody on the site, who takes the next step. *is_new: the session has just begun. */
struct simulate_person *simulate_people_next(struct simulate_people *people, bool *is_new);
/* An article that the person opens unasked, by taste and quality; SIMULATE_PEOPLE_NONE when all are read. */
uint32_t simulate_people_wander(struct simulate_people *people, const struct simulate_person *person);
/* An unread article by no taste at all, not among the first count of taken; SIMULATE_PEOPLE_NONE: none is left. */
uint32_t simulate_people_any(struct simulate_people *people, const struct simulate_person *person, const uint32_t *taken, uint32_t count);
/* Chance that the person clicks the article at a position (from 0) of a list; 0 once read. */
double simulate_people_chance(const struct simulate_people *people, const struct simulate_person *person, uint32_t article,
                              uint32_t position);
bool simulate_people_has_read(const struct simulate_person *person, uint32_t article);
void simulate_people_read(struct simulate_person *person, uint32_t article);
/* Share of the people, 0..1, takes a new main taste, other than the last ones; returns its category. */
uint32_t simulate_people_change(struct simulate_people *people, double share);

#endif
