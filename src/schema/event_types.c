#include "schema/event_type.h"

#include <math.h>

static const struct event_type shipped[EVENT_TYPE_SHIPPED] = {
#define ROW(text, content, neighbour, trend, weight) \
    {.name = text, .name_size = sizeof text - 1, .has_content = content, .is_neighbour = neighbour, .is_trend = trend, \
     .strength = weight}
    [EVENT_VIEW] = ROW("view", true, true, true, 1),
    [EVENT_CLICK] = ROW("click", true, true, true, 2),
    [EVENT_LIKE] = ROW("like", true, true, true, 4),
    [EVENT_DISLIKE] = ROW("dislike", true, false, false, -4),
    [EVENT_SHARE] = ROW("share", true, true, true, 5),
    [EVENT_SAVE] = ROW("save", true, true, true, 4),
    [EVENT_PURCHASE] = ROW("purchase", true, true, true, 8),
    [EVENT_IMPRESSION] = ROW("impression", true, false, false, 0),
    [EVENT_SESSION_START] = ROW("session_start", false, false, false, 0),
    [EVENT_SESSION_END] = ROW("session_end", false, false, false, 0),
    [EVENT_IDENTIFY] = ROW("identify", false, false, false, 0),
#undef ROW
};

void event_types_init(struct event_types *types)
{
    memset(types, 0, sizeof *types);
    memcpy(types->rows, shipped, sizeof shipped);
    types->count = EVENT_TYPE_SHIPPED;
}

static bool is_name(const struct event_type *row)
{
    if (row->name_size == 0 || row->name_size >= EVENT_TYPE_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < row->name_size; i++) {
        char c = row->name[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return row->name[row->name_size] == '\0';
}

enum status event_types_add(struct event_types *types, const struct event_type *row, struct problem *problem)
{
    if (!is_name(row))
        return problem_set(problem, STATUS_SETTING,
                           "the event type \"%.*s\" is not 1 to %d lower-case letters, digits or _",
                           EVENT_TYPE_NAME_MAX - 1, row->name, EVENT_TYPE_NAME_MAX - 1);
    if (!isfinite(row->strength))
        return problem_set(problem, STATUS_SETTING, "the strength of event type %s is not a number", row->name);
    if ((row->is_neighbour || row->is_trend) && !row->has_content)
        return problem_set(problem, STATUS_SETTING,
                           "event type %s counts for neighbours or trends, so it must have a content", row->name);
    uint8_t index = event_types_find(types, slice_make(row->name, row->name_size));
    if (index < EVENT_TYPE_SHIPPED) {
        if (row->has_content != types->rows[index].has_content)
            return problem_set(problem, STATUS_SETTING, "whether event type %s names a content cannot be changed",
                               row->name);
        types->rows[index] = *row;
        return STATUS_OK;
    }
    if (index != EVENT_TYPE_UNKNOWN)
        return problem_set(problem, STATUS_SETTING, "the event type %s is named twice", row->name);
    if (types->count == EVENT_TYPE_MAX)
        return problem_set(problem, STATUS_SETTING, "there are more than %d event types", EVENT_TYPE_MAX);
    types->rows[types->count++] = *row;
    return STATUS_OK;
}

uint8_t event_types_find(const struct event_types *types, struct slice name)
{
    for (uint32_t i = 0; i < types->count; i++)
        if (types->rows[i].name_size == name.size && memcmp(types->rows[i].name, name.data, name.size) == 0)
            return (uint8_t)i;
    return EVENT_TYPE_UNKNOWN;
}
