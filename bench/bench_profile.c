/* Goal: what an event costs in the feature room: unpack, profile_apply, pack.
 * Method: people with a history (recents full, some ended sessions, categories) out of cache
 * one after another; per stage the time of a whole pass, best of 5 passes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/rng.h"
#include "feature/profile.h"

enum { PEOPLE = 4096, HISTORY = 60, PASSES = 5, GAP_MS = 30 * 60 * 1000 };
#define NOW_MS 1700000000000

static struct event_types types;
static struct layout layout;
static struct hash_key key;
static struct profile_rules rules;
static uint32_t whole_bytes, packed_max;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct event random_event(struct rng *rng, char content[16])
{
    static const char *const CATEGORIES[] = {"news", "sports", "music", "food", "travel", "science", "film", "games", "art", "cars"};
    static const uint8_t TYPES[] = {EVENT_VIEW, EVENT_VIEW, EVENT_CLICK, EVENT_IMPRESSION};
    struct event event = {.type = TYPES[rng_below(rng, 4)], .dwell_ms = (int64_t)rng_below(rng, 60000), .value = NAN, .position = -1};
    int size = snprintf(content, 16, "content-%u", (unsigned)rng_below(rng, 100000));
    event.content_id = slice_make(content, (size_t)size);
    event.category_count = 2;
    event.categories[0] = slice_of(CATEGORIES[rng_below(rng, 10)]);
    event.categories[1] = slice_of(CATEGORIES[rng_below(rng, 10)]);
    event.country = slice_of("DE");
    event.device = DEVICE_MOBILE;
    return event;
}

static void make_people(struct rng *rng, char *whole, char *packed, uint32_t *sizes)
{
    struct profile_session_change change;
    char content[16];
    for (uint32_t p = 0; p < PEOPLE; p++) {
        struct profile *profile = (struct profile *)(void *)(whole + (size_t)p * whole_bytes);
        int64_t time_ms = NOW_MS - 86400000;
        profile_init(profile, &layout, (struct hash128){rng_next(rng), rng_next(rng)});
        for (uint64_t i = 0; i < HISTORY; i++) {
            struct event event = random_event(rng, content);
            time_ms += rng_below(rng, 8) == 0 ? 2 * GAP_MS : 20000;
            profile_apply(profile, &rules, &event, time_ms, time_ms, i, &change);
        }
        sizes[p] = profile_pack(profile, &layout, packed + (size_t)p * packed_max);
    }
}

static double apply_pass(struct rng *rng, char *whole)
{
    struct profile_session_change change;
    static struct event events[PEOPLE];
    static char contents[PEOPLE][16];
    for (uint32_t p = 0; p < PEOPLE; p++)
        events[p] = random_event(rng, contents[p]);
    double start_ns = now_ns();
    for (uint32_t p = 0; p < PEOPLE; p++)
        profile_apply((struct profile *)(void *)(whole + (size_t)p * whole_bytes), &rules, &events[p], NOW_MS + p, NOW_MS + p, p, &change);
    return (now_ns() - start_ns) / PEOPLE;
}

/* As a worker does it: one scratch profile, packed bytes out of cache. */
static void worker_pass(struct rng *rng, char *packed, uint32_t *sizes, double ns[3])
{
    static uint64_t scratch[2048];
    static struct event events[PEOPLE];
    static char contents[PEOPLE][16];
    struct profile *profile = (struct profile *)(void *)scratch;
    struct profile_session_change change;
    ASSERT(whole_bytes <= sizeof scratch);
    for (uint32_t p = 0; p < PEOPLE; p++)
        events[p] = random_event(rng, contents[p]);
    double start_ns = now_ns();
    for (uint32_t p = 0; p < PEOPLE; p++) {
        char *at = packed + (size_t)p * packed_max;
        ASSERT(profile_unpack(at, sizes[p], &layout, profile));
        profile_apply(profile, &rules, &events[p], NOW_MS + p, NOW_MS + p, p, &change);
        sizes[p] = profile_pack(profile, &layout, at);
    }
    ns[2] = (now_ns() - start_ns) / PEOPLE;
    start_ns = now_ns();
    for (uint32_t p = 0; p < PEOPLE; p++)
        ASSERT(profile_unpack(packed + (size_t)p * packed_max, sizes[p], &layout, profile));
    ns[0] = (now_ns() - start_ns) / PEOPLE;
}

static double pack_pass(const char *whole, char *packed, uint32_t *sizes)
{
    double start_ns = now_ns();
    for (uint32_t p = 0; p < PEOPLE; p++)
        sizes[p] = profile_pack((const struct profile *)(const void *)(whole + (size_t)p * whole_bytes), &layout, packed + (size_t)p * packed_max);
    return (now_ns() - start_ns) / PEOPLE;
}

int main(void)
{
    static struct feature_declaration declared[FEATURE_MAX];
    struct problem problem;
    struct rng rng;
    double best[4] = {1e9, 1e9, 1e9, 1e9}, bytes = 0;
    rng_init(&rng, 42, 0);
    event_types_init(&types);
    ASSERT(layout_compile(&layout, declared, layout_defaults(declared, FEATURE_MAX), &types, &problem) == STATUS_OK);
    hash_key_init(&key, (const unsigned char *)"0123456789abcdef");
    rules = (struct profile_rules){.types = &types, .layout = &layout, .key = &key, .session_gap_ms = GAP_MS};
    whole_bytes = profile_bytes(&layout);
    packed_max = profile_packed_max(&layout);
    char *whole = malloc((size_t)PEOPLE * whole_bytes), *packed = malloc((size_t)PEOPLE * packed_max);
    uint32_t *sizes = malloc(PEOPLE * sizeof *sizes);
    ASSERT(whole && packed && sizes);
    make_people(&rng, whole, packed, sizes);
    for (uint32_t p = 0; p < PEOPLE; p++)
        bytes += sizes[p];
    for (int pass = 0; pass < PASSES; pass++) {
        double ns[3];
        double apply_ns = apply_pass(&rng, whole), pack_ns = pack_pass(whole, packed, sizes);
        worker_pass(&rng, packed, sizes, ns);
        best[0] = apply_ns < best[0] ? apply_ns : best[0];
        best[1] = pack_ns < best[1] ? pack_ns : best[1];
        best[2] = ns[0] < best[2] ? ns[0] : best[2];
        best[3] = ns[2] < best[3] ? ns[2] : best[3];
    }
    printf("profile: %u bytes whole, %.0f packed (%d people, %d events each)\n", whole_bytes, bytes / PEOPLE, PEOPLE, HISTORY);
    printf("apply %.0f ns, pack %.0f ns, unpack %.0f ns; unpack + apply + pack %.0f ns\n", best[0], best[1], best[2], best[3]);
    free(whole);
    free(packed);
    free(sizes);
    return 0;
}
