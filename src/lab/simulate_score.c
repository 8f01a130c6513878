#include "lab/simulate_score.h"

#include <stdio.h>

#include "base/assert.h"

enum { MS_PER_S = 1000 };

/* What a newspaper would say; the visitors only know the section. */
static const char *const occasions[CATALOGUE_DEMO_CATEGORIES] = {
    "A comet is visible to the naked eye", "A new phone is out, and everybody compares", "Bank earnings surprise everyone",
    "The city closes its centre to cars", "The art fair opens its doors", "Asparagus season begins",
    "Summer timetables are published", "The cup final is on tonight", "The first cold wave of the year",
    "A heat record falls", "A hoard of coins is found in a field", "The song contest has a winner",
};

void simulate_score_init(struct simulate_score *score)
{
    memset(score, 0, sizeof *score);
    for (uint32_t i = 0; i < SIMULATE_SCORE_WINDOW_S; i++)
        score->seconds[i].second = -1;
}

static struct simulate_score_second *second_of(struct simulate_score *score, int64_t now_ms)
{
    int64_t second = now_ms / MS_PER_S;
    struct simulate_score_second *place = &score->seconds[second % SIMULATE_SCORE_WINDOW_S];

    if (place->second != second)
        *place = (struct simulate_score_second){.second = second};
    return place;
}

void simulate_score_add(struct simulate_score *score, int64_t now_ms, enum simulate_arm arm, uint32_t impressions, uint32_t clicks)
{
    struct simulate_score_second *second = second_of(score, now_ms);

    second->arms[arm].impressions += impressions;
    second->arms[arm].clicks += clicks;
    score->totals[arm].impressions += impressions;
    score->totals[arm].clicks += clicks;
}

void simulate_score_events(struct simulate_score *score, int64_t now_ms, uint32_t count)
{
    second_of(score, now_ms)->events += count;
    score->events += count;
}

void simulate_score_change(struct simulate_score *score, int64_t now_ms, uint32_t category, double share)
{
    ASSERT(category < CATALOGUE_DEMO_CATEGORIES);
    score->changes[score->change_count++ % SIMULATE_SCORE_CHANGES] = (struct simulate_score_change){now_ms, category, share};
}

static bool is_in_window(const struct simulate_score_second *second, int64_t now_ms)
{
    return second->second >= 0 && second->second > now_ms / MS_PER_S - SIMULATE_SCORE_WINDOW_S && second->second <= now_ms / MS_PER_S;
}

struct simulate_score_count simulate_score_window(const struct simulate_score *score, int64_t now_ms, enum simulate_arm arm)
{
    struct simulate_score_count sum = {0};

    for (uint32_t i = 0; i < SIMULATE_SCORE_WINDOW_S; i++) {
        const struct simulate_score_second *second = &score->seconds[i];
        if (!is_in_window(second, now_ms))
            continue;
        sum.impressions += second->arms[arm].impressions;
        sum.clicks += second->arms[arm].clicks;
    }
    return sum;
}

void simulate_score_tick(struct simulate_score *score, int64_t now_ms)
{
    if (score->history_at_ms != 0 && now_ms - score->history_at_ms < SIMULATE_SCORE_STEP_S * MS_PER_S)
        return;
    for (int arm = 0; arm < SIMULATE_ARMS; arm++) {
        struct simulate_score_count sum = simulate_score_window(score, now_ms, (enum simulate_arm)arm);
        score->history[arm][score->history_next] = sum.impressions ? (float)sum.clicks / (float)sum.impressions : -1;
    }
    score->history_next = (score->history_next + 1) % SIMULATE_SCORE_POINTS;
    if (score->history_count < SIMULATE_SCORE_POINTS)
        score->history_count++;
    /* On its grid, so that points stay evenly spaced; a long silence starts a new grid. */
    bool is_regular = score->history_at_ms != 0 && now_ms - score->history_at_ms < 2 * SIMULATE_SCORE_STEP_S * MS_PER_S;
    score->history_at_ms = is_regular ? score->history_at_ms + SIMULATE_SCORE_STEP_S * MS_PER_S : now_ms;
}

const char *simulate_score_arm(enum simulate_arm arm)
{
    static const char *const names[SIMULATE_ARMS] = {"for_you", "trends", "random"};

    return names[arm];
}

static void write_count(struct json_writer *out, struct simulate_score_count count)
{
    json_key(out, "impressions");
    json_unsigned(out, count.impressions);
    json_key(out, "clicks");
    json_unsigned(out, count.clicks);
    json_key(out, "rate");
    if (count.impressions > 0)
        json_number(out, (double)count.clicks / (double)count.impressions);
    else
        json_null(out);
}

static void write_arm(const struct simulate_score *score, int64_t now_ms, enum simulate_arm arm, uint32_t visitors, struct json_writer *out)
{
    json_object_begin(out);
    json_key(out, "name");
    json_text(out, simulate_score_arm(arm));
    json_key(out, "visitors");
    json_unsigned(out, visitors);
    write_count(out, simulate_score_window(score, now_ms, arm));
    json_key(out, "total");
    json_object_begin(out);
    write_count(out, score->totals[arm]);
    json_object_end(out);
    json_object_end(out);
}

static void write_history(const struct simulate_score *score, struct json_writer *out)
{
    uint32_t first = (score->history_next + SIMULATE_SCORE_POINTS - score->history_count) % SIMULATE_SCORE_POINTS;
    char text[16];

    json_key(out, "history");
    json_object_begin(out);
    json_key(out, "step_s");
    json_unsigned(out, SIMULATE_SCORE_STEP_S);
    json_key(out, "at");
    if (score->history_at_ms != 0)
        json_time(out, score->history_at_ms);
    else
        json_null(out);
    for (int arm = 0; arm < SIMULATE_ARMS; arm++) {
        json_key(out, simulate_score_arm((enum simulate_arm)arm));
        json_array_begin(out);
        for (uint32_t i = 0; i < score->history_count; i++) {
            float rate = score->history[arm][(first + i) % SIMULATE_SCORE_POINTS];
            snprintf(text, sizeof text, "%.4f", (double)rate);
            json_raw(out, slice_of(rate < 0 ? "null" : text));
        }
        json_array_end(out);
    }
    json_object_end(out);
}

static void write_changes(const struct simulate_score *score, struct json_writer *out)
{
    uint32_t kept = score->change_count < SIMULATE_SCORE_CHANGES ? score->change_count : SIMULATE_SCORE_CHANGES;

    json_key(out, "changes");
    json_array_begin(out);
    for (uint32_t i = score->change_count - kept; i < score->change_count; i++) {
        const struct simulate_score_change *change = &score->changes[i % SIMULATE_SCORE_CHANGES];
        json_object_begin(out);
        json_key(out, "at");
        json_time(out, change->at_ms);
        json_key(out, "category");
        json_text(out, catalogue_demo_category(change->category));
        json_key(out, "text");
        json_text(out, occasions[change->category]);
        json_key(out, "share");
        json_number(out, change->share);
        json_object_end(out);
    }
    json_array_end(out);
}

void simulate_score_write(const struct simulate_score *score, int64_t now_ms, const uint32_t visitors[SIMULATE_ARMS], struct json_writer *out)
{
    uint64_t events = 0;

    for (uint32_t i = 0; i < SIMULATE_SCORE_WINDOW_S; i++)
        if (is_in_window(&score->seconds[i], now_ms))
            events += score->seconds[i].events;
    json_key(out, "events");
    json_unsigned(out, score->events);
    json_key(out, "events_per_s");
    json_number(out, (double)events / SIMULATE_SCORE_WINDOW_S);
    json_key(out, "window_s");
    json_unsigned(out, SIMULATE_SCORE_WINDOW_S);
    json_key(out, "arms");
    json_array_begin(out);
    for (int arm = 0; arm < SIMULATE_ARMS; arm++)
        write_arm(score, now_ms, (enum simulate_arm)arm, visitors[arm], out);
    json_array_end(out);
    write_history(score, out);
    write_changes(score, out);
}
