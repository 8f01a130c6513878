#include "feature/layout.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "feature/window.h"

/* Ten years: beyond it a declaration is a slip of units. */
#define WINDOW_MS_MAX (3650ULL * 24 * 3600 * 1000)

/* Bytes of a cell in the record. */
static const uint32_t CELL_BYTES[] = {
    [CELL_COUNT_TOTAL] = 8,
    [CELL_COUNT_RING] = sizeof(struct window_counts),
    [CELL_SUM_TOTAL] = 8,
    [CELL_SUM_RING] = sizeof(struct window_sums),
    [CELL_LAST] = 16,
    [CELL_CATEGORIES] = 8 + 16 * FEATURE_CATEGORY_SLOTS,
};
static_assert(sizeof(struct window_counts) % 8 == 0 && sizeof(struct window_sums) % 8 == 0, "cells are whole words");

__attribute__((format(printf, 3, 4)))
static enum status refuse(struct problem *problem, const struct feature_declaration *d, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    problem_set(problem, STATUS_SETTING, "feature \"%.47s\": %s", d->name, reason);
    if (problem)
        snprintf(problem->pointer, sizeof problem->pointer, "%.159s", d->place);
    return STATUS_SETTING;
}

static bool is_name(const char *name)
{
    size_t size = strnlen(name, FEATURE_NAME_MAX);
    return size > 0 && size < FEATURE_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static bool is_counter(uint8_t kind)
{
    return kind == FEATURE_COUNT || kind == FEATURE_SUM || kind == FEATURE_MEAN || kind == FEATURE_RATE;
}

static enum status check_session_end(const struct feature_declaration *d, struct problem *problem)
{
    bool is_session_field = d->field == FEATURE_FIELD_DURATION || d->field == FEATURE_FIELD_ENGAGEMENT;
    if (!d->on_session_end) {
        if (is_session_field)
            return refuse(problem, d, "fields duration_ms and engagement exist only with `on: session_end`");
        return STATUS_OK;
    }
    if (d->kind != FEATURE_COUNT && d->kind != FEATURE_SUM && d->kind != FEATURE_MEAN)
        return refuse(problem, d, "`on: session_end` goes with count, sum and mean only");
    if (d->entity != FEATURE_USER && d->entity != FEATURE_GLOBAL)
        return refuse(problem, d, "ended sessions are told to the entities user and global only");
    if (d->types_mask != 0)
        return refuse(problem, d, "`types` and `on: session_end` exclude each other");
    if (d->field == FEATURE_FIELD_VALUE || d->field == FEATURE_FIELD_DWELL)
        return refuse(problem, d, "an ended session has the fields duration_ms and engagement only");
    return STATUS_OK;
}

/* Keys that belong to one kind only, on a declaration of another. */
static enum status check_strangers(const struct feature_declaration *d, struct problem *problem)
{
    const char *kind = layout_kind_name(d->kind);
    bool takes_field = d->kind == FEATURE_SUM || d->kind == FEATURE_MEAN || d->kind == FEATURE_LAST;
    if (d->kind != FEATURE_RATE && (d->per_mask != 0 || d->prior != 0 || d->prior_per != 0))
        return refuse(problem, d, "`per` and priors go with kind rate, not %s", kind);
    if (!takes_field && d->field != FEATURE_FIELD_NONE)
        return refuse(problem, d, "`field` does not go with kind %s", kind);
    if (!is_counter(d->kind) && d->window_ms != 0)
        return refuse(problem, d, "`window` does not go with kind %s", kind);
    if (d->kind != FEATURE_RECENT && d->n != 0)
        return refuse(problem, d, "`n` goes with kind recent, not %s", kind);
    if (d->kind != FEATURE_CATEGORIES && (d->half_life_ms[0] != 0 || d->half_life_ms[1] != 0))
        return refuse(problem, d, "`half_life` goes with kind categories, not %s", kind);
    return STATUS_OK;
}

static enum status check_kind(const struct feature_declaration *d, struct problem *problem)
{
    switch ((enum feature_kind)d->kind) {
    case FEATURE_SUM:
    case FEATURE_MEAN:
        if (d->field == FEATURE_FIELD_NONE)
            return refuse(problem, d, "kind %s needs a `field`", layout_kind_name(d->kind));
        break;
    case FEATURE_RATE:
        if (d->per_mask == 0)
            return refuse(problem, d, "kind rate needs `per`: the event types of the denominator");
        if (!(d->prior >= 0 && d->prior_per >= 0 && isfinite(d->prior) && isfinite(d->prior_per)))
            return refuse(problem, d, "priors must be 0 or more");
        break;
    case FEATURE_RECENT:
        if (d->entity != FEATURE_USER)
            return refuse(problem, d, "kind recent exists for the entity user only, not %s", layout_entity_name(d->entity));
        if (d->n == 0 || d->n > FEATURE_RECENT_MAX)
            return refuse(problem, d, "`n` must be 1 to %d", FEATURE_RECENT_MAX);
        break;
    case FEATURE_CATEGORIES:
        if (d->entity == FEATURE_CATEGORY)
            return refuse(problem, d, "kind categories does not exist for the entity category");
        if (d->half_life_ms[0] == 0 || d->half_life_ms[1] == 0)
            return refuse(problem, d, "kind categories needs two half-lives, as in `half_life: [1h, 7d]`");
        break;
    case FEATURE_SESSION_DURATION:
    case FEATURE_ENGAGEMENT:
        if (d->entity != FEATURE_SESSION)
            return refuse(problem, d, "kind %s exists for the entity session only", layout_kind_name(d->kind));
        if (d->types_mask != 0)
            return refuse(problem, d, "`types` does not go with kind %s", layout_kind_name(d->kind));
        break;
    case FEATURE_COUNT:
    case FEATURE_LAST:
    case FEATURE_KIND_COUNT:
        break;
    }
    return STATUS_OK;
}

static enum status check(const struct feature_declaration *d, const struct event_types *types, struct problem *problem)
{
    uint32_t known = types->count >= 32 ? UINT32_MAX : (1U << types->count) - 1;
    if (!is_name(d->name))
        return refuse(problem, d, "a name is 1 to %d of a-z, 0-9 and _", FEATURE_NAME_MAX - 1);
    if (d->kind >= FEATURE_KIND_COUNT)
        return refuse(problem, d, "unknown kind %u", d->kind);
    if (d->entity >= FEATURE_ENTITY_COUNT)
        return refuse(problem, d, "unknown entity %u", d->entity);
    if (d->field > FEATURE_FIELD_ENGAGEMENT)
        return refuse(problem, d, "unknown field %u", d->field);
    if (d->entity == FEATURE_SESSION && d->kind != FEATURE_SESSION_DURATION && d->kind != FEATURE_ENGAGEMENT)
        return refuse(problem, d, "the entity session has the kinds session_duration and engagement only");
    if (d->window_ms != 0 && d->window_ms < WINDOW_MS_MIN)
        return refuse(problem, d, "a window is at least %d ms: it has %d buckets", WINDOW_MS_MIN, WINDOW_BUCKETS);
    if (d->window_ms > WINDOW_MS_MAX || d->half_life_ms[0] > WINDOW_MS_MAX || d->half_life_ms[1] > WINDOW_MS_MAX)
        return refuse(problem, d, "a window or half-life is at most 3650d");
    if ((d->types_mask != FEATURE_TYPES_ALL && (d->types_mask & ~known) != 0) ||
        (d->per_mask != FEATURE_TYPES_ALL && (d->per_mask & ~known) != 0))
        return refuse(problem, d, "names an event type that does not exist");
    enum status status = check_strangers(d, problem);
    if (status == STATUS_OK)
        status = check_kind(d, problem);
    if (status == STATUS_OK)
        status = check_session_end(d, problem);
    return status;
}

static uint32_t resolve_mask(uint32_t mask, const struct event_types *types)
{
    uint32_t with_content = 0;
    if (mask != 0)
        return mask;
    for (uint32_t i = 0; i < types->count; i++)
        with_content |= types->rows[i].has_content ? 1U << i : 0;
    return with_content;
}

/* Offset of the cell that is wanted: one that is there already, or a new one. */
static uint32_t place_cell(struct layout *layout, uint32_t *cell_count, const struct feature_cell *wanted)
{
    for (uint32_t i = layout->cell_first[wanted->entity]; i < *cell_count; i++)
        if (layout_is_same_cell(&layout->cells[i], wanted))
            return layout->cells[i].offset;
    ASSERT(*cell_count < FEATURE_CELL_MAX);
    struct feature_cell *cell = &layout->cells[(*cell_count)++];
    *cell = *wanted;
    cell->offset = layout->entity_bytes[wanted->entity];
    layout->entity_bytes[wanted->entity] += CELL_BYTES[wanted->kind];
    return cell->offset;
}

static void place_feature(struct layout *layout, uint32_t *cell_count, struct feature *feature, const struct event_types *types)
{
    const struct feature_declaration *d = &feature->declared;
    bool is_windowed = d->window_ms != 0;
    struct feature_cell cell = {
        .entity = d->entity, .on_session_end = d->on_session_end, .window_ms = d->window_ms,
        .types_mask = d->on_session_end ? 0 : resolve_mask(d->types_mask, types),
        .half_life_ms = {d->half_life_ms[0], d->half_life_ms[1]},
    };
    struct feature_cell count = cell, sum = cell;
    count.kind = is_windowed ? CELL_COUNT_RING : CELL_COUNT_TOTAL;
    sum.kind = is_windowed ? CELL_SUM_RING : CELL_SUM_TOTAL;
    sum.field = d->field;
    switch ((enum feature_kind)d->kind) {
    case FEATURE_COUNT:
        feature->offset = place_cell(layout, cell_count, &count);
        break;
    case FEATURE_SUM:
        feature->offset = place_cell(layout, cell_count, &sum);
        break;
    case FEATURE_MEAN:
        feature->offset = place_cell(layout, cell_count, &sum);
        /* An ended session always has its fields: its count is the count of sessions. */
        count.field = d->on_session_end ? FEATURE_FIELD_NONE : d->field;
        feature->offset_second = place_cell(layout, cell_count, &count);
        break;
    case FEATURE_RATE:
        feature->offset = place_cell(layout, cell_count, &count);
        count.types_mask = d->per_mask;
        feature->offset_second = place_cell(layout, cell_count, &count);
        break;
    case FEATURE_LAST:
        cell.kind = CELL_LAST;
        cell.field = d->field;
        feature->offset = place_cell(layout, cell_count, &cell);
        break;
    case FEATURE_CATEGORIES:
        cell.kind = CELL_CATEGORIES;
        feature->offset = place_cell(layout, cell_count, &cell);
        break;
    case FEATURE_RECENT:
    case FEATURE_SESSION_DURATION:
    case FEATURE_ENGAGEMENT:
    case FEATURE_KIND_COUNT:
        break;
    }
}

/* All that decides what a record means, and nothing else (not the place in the file). */
static uint64_t hash_layout(const struct layout *layout)
{
    uint64_t version = hash_checksum("penchant features 1", 19);
    for (uint32_t i = 0; i < layout->feature_count; i++) {
        const struct feature_declaration *d = &layout->features[i].declared;
        char text[512];
        int size = snprintf(text, sizeof text, "%s %u %u %u %u %u %d %llu %llu %llu %u %.17g %.17g %u %u", d->name, d->entity, d->kind,
                            d->types_mask, d->per_mask, d->field, d->on_session_end, (unsigned long long)d->window_ms,
                            (unsigned long long)d->half_life_ms[0], (unsigned long long)d->half_life_ms[1], d->n, d->prior,
                            d->prior_per, layout->features[i].offset, layout->features[i].offset_second);
        ASSERT(size > 0 && (size_t)size < sizeof text);
        version = hash_mix(version ^ hash_checksum(text, (size_t)size));
    }
    return version;
}

enum status layout_compile(struct layout *layout, const struct feature_declaration *declarations, uint32_t count,
                           const struct event_types *types, struct problem *problem)
{
    uint32_t cell_count = 0;
    memset(layout, 0, sizeof *layout);
    for (uint32_t i = 0; i < count; i++) {
        const struct feature_declaration *d = &declarations[i];
        if (i == FEATURE_MAX)
            return refuse(problem, d, "there are %u features; at most %d can be declared", count, FEATURE_MAX);
        enum status status = check(d, types, problem);
        if (status != STATUS_OK)
            return status;
        const struct feature *doubled = layout_find(layout, d->entity, d->name);
        if (doubled)
            return refuse(problem, d, "declared twice, also at %.100s", doubled->declared.place[0] ? doubled->declared.place : "features");
        layout->features[i].declared = *d;
        layout->feature_count = i + 1;
    }
    for (uint8_t entity = 0; entity < FEATURE_ENTITY_COUNT; entity++) {
        layout->cell_first[entity] = cell_count;
        for (uint32_t i = 0; i < count; i++)
            if (layout->features[i].declared.entity == entity)
                place_feature(layout, &cell_count, &layout->features[i], types);
    }
    layout->cell_first[FEATURE_ENTITY_COUNT] = cell_count;
    layout->version = hash_layout(layout);
    return STATUS_OK;
}
