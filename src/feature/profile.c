#include "feature/profile.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/maths.h"
#include "feature/words.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, DAY_MS = 24 * 60 * MINUTE_MS };

/* Dwell beyond 5 minutes is a tab left open; 10 s is where attention doubles (design: engagement). */
enum { DWELL_S_MAX = 300, DWELL_S_UNIT = 10 };

/* "heavy": that many sessions, and at least one a day since the first event. */
enum { HEAVY_SESSIONS = 7 };

/* A generation of the seen filter: 256 bits, 3 hashes of 8 bits each; at half full it is the
 * one before and a new one begins, so that false alarms stay under 1/8 each. */
enum { SEEN_WORDS = PROFILE_SEEN_WORDS / 2, SEEN_BITS = 64 * SEEN_WORDS, SEEN_HASHES = 3, SEEN_FULL = SEEN_BITS / 2 };

static_assert(sizeof(struct profile) % 8 == 0, "a profile is whole words");
static_assert(sizeof(struct profile_recent) == 16 && sizeof(struct profile_session) == 40, "no padding is packed");
static_assert((int)PROFILE_RECENT == (int)FEATURE_RECENT_MAX, "all recents can be read as a feature");

/* ---- whole and packed ---- */

uint32_t profile_bytes(const struct layout *layout)
{
    return (uint32_t)sizeof(struct profile) + layout->entity_bytes[FEATURE_USER];
}

uint32_t profile_packed_max(const struct layout *layout)
{
    return words_packed_max(profile_bytes(layout) / 8);
}

void profile_init(struct profile *profile, const struct layout *layout, struct hash128 key)
{
    memset(profile, 0, profile_bytes(layout));
    profile->key = key;
}

uint32_t profile_pack(const struct profile *profile, const struct layout *layout, void *packed)
{
    return words_pack((const uint64_t *)profile, profile_bytes(layout) / 8, (uint32_t)layout->version, packed);
}

bool profile_unpack(const void *packed, uint32_t size, const struct layout *layout, struct profile *profile)
{
    return words_unpack(packed, size, (uint32_t)layout->version, (uint64_t *)profile, profile_bytes(layout) / 8);
}

/* ---- contents ---- */

static bool seen_generation(const uint64_t *words, uint64_t content)
{
    for (unsigned i = 0; i < SEEN_HASHES; i++, content >>= 8)
        if ((words[(content >> 6) % SEEN_WORDS] >> (content % 64) & 1) == 0)
            return false;
    return true;
}

bool profile_has_seen(const struct profile *profile, uint64_t content)
{
    return seen_generation(profile->seen, content) || seen_generation(profile->seen + SEEN_WORDS, content);
}

static void see(struct profile *profile, uint64_t content)
{
    int set_bits = 0;
    if (seen_generation(profile->seen, content))
        return;
    for (unsigned i = 0; i < SEEN_WORDS; i++)
        set_bits += __builtin_popcountll(profile->seen[i]);
    if (set_bits >= SEEN_FULL) {
        memcpy(profile->seen + SEEN_WORDS, profile->seen, SEEN_WORDS * sizeof profile->seen[0]);
        memset(profile->seen, 0, SEEN_WORDS * sizeof profile->seen[0]);
    }
    for (unsigned i = 0; i < SEEN_HASHES; i++, content >>= 8)
        profile->seen[(content >> 6) % SEEN_WORDS] |= 1ULL << (content % 64);
}

/* Place in disliked; PROFILE_DISLIKED when it is not there. */
static uint32_t find_disliked(const struct profile *profile, uint64_t content)
{
    uint32_t i = 0;
    while (i < PROFILE_DISLIKED && profile->disliked[i] != content)
        i++;
    return i;
}

bool profile_has_disliked(const struct profile *profile, uint64_t content)
{
    return content != 0 && find_disliked(profile, content) < PROFILE_DISLIKED;
}

static void dislike(struct profile *profile, uint64_t content)
{
    uint32_t i = find_disliked(profile, content);
    if (i == PROFILE_DISLIKED)
        i--; /* the oldest falls out */
    memmove(profile->disliked + 1, profile->disliked, i * sizeof profile->disliked[0]);
    profile->disliked[0] = content;
}

/* A like takes a dislike back. */
static void forgive(struct profile *profile, uint64_t content)
{
    uint32_t i = find_disliked(profile, content);
    if (i == PROFILE_DISLIKED)
        return;
    memmove(profile->disliked + i, profile->disliked + i + 1, (PROFILE_DISLIKED - 1 - i) * sizeof profile->disliked[0]);
    profile->disliked[PROFILE_DISLIKED - 1] = 0;
}

/* By time, newest first; of equal times the one that came later is the newer.  Neighbours of
 * one content are one step and keep the newer time. */
static void remember(struct profile *profile, const struct profile_recent *entry)
{
    struct profile_recent *recent = profile->recent;
    uint32_t place = 0;
    while (place < PROFILE_RECENT && recent[place].content != 0 && recent[place].time_s > entry->time_s)
        place++;
    if (place > 0 && recent[place - 1].content == entry->content)
        return;
    if (place == PROFILE_RECENT)
        return;
    if (recent[place].content != entry->content)
        memmove(recent + place + 1, recent + place, (PROFILE_RECENT - 1 - place) * sizeof recent[0]);
    recent[place] = *entry;
}

bool profile_is_step(const struct profile *profile, uint64_t content)
{
    return content != 0 && profile->recent[0].content != content;
}

bool profile_is_in_session(const struct profile *profile, const struct profile_recent *recent)
{
    return profile->session.id != 0 && recent->content != 0 && recent->is_in_session != 0 &&
           recent->session_number == (uint16_t)profile->sessions_total;
}

bool profile_take_trend(struct profile *profile, uint64_t content, int64_t time_ms)
{
    enum { TREND_MAX = sizeof profile->trend_content / sizeof profile->trend_content[0] };
    uint32_t minute = (uint32_t)(time_ms / MINUTE_MS);
    if (content == 0)
        return false;
    if (minute > profile->trend_minute || profile->trend_minute == 0) {
        profile->trend_minute = minute;
        profile->trend_count = 0;
        memset(profile->trend_content, 0, sizeof profile->trend_content);
    } else if (minute < profile->trend_minute) {
        /* What was counted in a past minute is forgotten: counting now could count twice. */
        return false;
    }
    for (uint32_t i = 0; i < profile->trend_count; i++)
        if (profile->trend_content[i] == content)
            return false;
    if (profile->trend_count == TREND_MAX)
        return false;
    profile->trend_content[profile->trend_count++] = content;
    return true;
}

/* ---- sessions ---- */

double profile_engagement(const struct profile_session *session)
{
    return session->strength_sum / (1.0 + session->impression_count);
}

int64_t profile_session_duration_ms(const struct profile_session *session)
{
    return session->last_ms - session->start_ms;
}

static void end_session(struct profile *profile, const struct profile_rules *rules, struct profile_session *ended)
{
    *ended = profile->session;
    memset(&profile->session, 0, sizeof profile->session);
    struct fact fact = {
        .is_session_end = true, .type = EVENT_SESSION_END, .time_ms = ended->last_ms, .dwell_ms = -1, .value = NAN,
        .duration_ms = profile_session_duration_ms(ended), .engagement = profile_engagement(ended),
    };
    /* As for events: windows never count ahead of what was received. */
    if (fact.time_ms > profile->last_received_ms)
        fact.time_ms = profile->last_received_ms;
    layout_apply(rules->layout, FEATURE_USER, profile_features(profile), &fact);
}

static void open_session(struct profile *profile, const struct profile_rules *rules, int64_t time_ms, uint64_t offset)
{
    uint64_t name[3] = {profile->key.low, profile->key.high, offset};
    profile->session = (struct profile_session){
        .id = hash_64(rules->key, name, sizeof name), .start_ms = time_ms, .last_ms = time_ms,
    };
    profile->sessions_total++;
}

/* Closes and opens what the event's time and type ask for; true if the event belongs to the
 * session that is open afterwards. */
static bool place_in_session(struct profile *profile, const struct profile_rules *rules, uint8_t type, int64_t time_ms,
                             uint64_t offset, struct profile_session_change *change)
{
    struct profile_session *session = &profile->session;
    int64_t gap_ms = rules->session_gap_ms;
    if (session->id != 0 && (time_ms > session->last_ms + gap_ms || (type == EVENT_SESSION_START && time_ms >= session->last_ms))) {
        change->has_ended = true;
        end_session(profile, rules, &change->ended);
    }
    if (session->id == 0) {
        /* The end of a session that nothing else told of is no session. */
        if (type == EVENT_SESSION_END)
            return false;
        open_session(profile, rules, time_ms, offset);
        change->has_opened = true;
        return true;
    }
    /* An end from before the start is that of an earlier session, come late. */
    int64_t earliest_ms = type == EVENT_SESSION_END ? session->start_ms : session->start_ms - gap_ms;
    return time_ms >= earliest_ms;
}

static void add_to_session(struct profile_session *session, const struct event_type *row, uint8_t type, int64_t dwell_ms, int64_t time_ms)
{
    double dwell_s = dwell_ms > 0 ? (double)dwell_ms / SECOND_MS : 0;
    if (dwell_s > DWELL_S_MAX)
        dwell_s = DWELL_S_MAX;
    if (time_ms < session->start_ms)
        session->start_ms = time_ms;
    if (time_ms > session->last_ms)
        session->last_ms = time_ms;
    session->event_count++;
    if (type == EVENT_IMPRESSION)
        session->impression_count++;
    if (row->strength != 0)
        session->strength_sum += dwell_s > 0 ? row->strength * (1 + maths_ln(1 + dwell_s / DWELL_S_UNIT)) : (double)row->strength;
}

/* ---- events ---- */

static void note_head(struct profile *profile, const struct event *event, int64_t time_ms, int64_t received_at_ms, uint64_t offset)
{
    if (profile->events_total == 0)
        profile->first_seen_ms = time_ms;
    profile->events_total++;
    profile->last_received_ms = received_at_ms;
    profile->last_offset = offset;
    if (event->device != DEVICE_NONE)
        profile->device = event->device;
    if (event->country.size == sizeof profile->country)
        memcpy(profile->country, event->country.data, sizeof profile->country);
}

static void note_content(struct profile *profile, const struct profile_rules *rules, const struct event *event, int64_t time_ms,
                         bool is_in_session)
{
    const struct event_type *row = &rules->types->rows[event->type];
    if (event->content_id.size == 0 || !row->has_content)
        return;
    uint64_t content = hash_64(rules->key, event->content_id.data, event->content_id.size);
    if (row->is_neighbour) {
        struct profile_recent entry = {
            .content = content, .time_s = time_ms > 0 ? (uint32_t)(time_ms / SECOND_MS) : 0, .type = event->type,
            .is_in_session = is_in_session, .session_number = is_in_session ? (uint16_t)profile->sessions_total : 0,
        };
        remember(profile, &entry);
    }
    /* What was only shown is not seen: lists would change with every look at them. */
    if (row->strength != 0)
        see(profile, content);
    if (row->strength < 0)
        dislike(profile, content);
    if (event->type == EVENT_LIKE)
        forgive(profile, content);
}

static void note_features(struct profile *profile, const struct profile_rules *rules, const struct event *event, int64_t time_ms,
                          int64_t received_at_ms)
{
    struct fact fact;
    fact.type = event->type;
    fact.is_session_end = false;
    fact.strength = rules->types->rows[event->type].strength;
    fact.time_ms = time_ms < received_at_ms ? time_ms : received_at_ms;
    fact.dwell_ms = event->dwell_ms;
    fact.value = event->value;
    fact.duration_ms = 0;
    fact.engagement = 0;
    fact.category_count = event->category_count;
    for (uint32_t i = 0; i < event->category_count; i++)
        fact.categories[i] = hash_64(rules->key, event->categories[i].data, event->categories[i].size);
    layout_apply(rules->layout, FEATURE_USER, profile_features(profile), &fact);
}

void profile_apply(struct profile *profile, const struct profile_rules *rules, const struct event *event,
                   int64_t time_ms, int64_t received_at_ms, uint64_t offset, struct profile_session_change *change)
{
    change->has_ended = false;
    change->has_opened = false;
    note_head(profile, event, time_ms, received_at_ms, offset);
    bool is_in_session = place_in_session(profile, rules, event->type, time_ms, offset, change);
    change->is_outside = !is_in_session;
    if (event->type >= rules->types->count)
        return; /* a type that the settings no longer name: somebody was here, more is not known */
    if (is_in_session)
        add_to_session(&profile->session, &rules->types->rows[event->type], event->type, event->dwell_ms, time_ms);
    note_content(profile, rules, event, time_ms, is_in_session);
    note_features(profile, rules, event, time_ms, received_at_ms);
    if (is_in_session && event->type == EVENT_SESSION_END) {
        change->has_ended = true;
        end_session(profile, rules, &change->ended);
    }
}

bool profile_expire(struct profile *profile, const struct profile_rules *rules, int64_t now_ms, struct profile_session *ended)
{
    if (profile->session.id == 0 || profile->session.last_ms + rules->session_gap_ms >= now_ms)
        return false;
    end_session(profile, rules, ended);
    return true;
}

int64_t profile_deadline(const struct profile *profile, const struct profile_rules *rules)
{
    return profile->session.id == 0 ? 0 : profile->session.last_ms + rules->session_gap_ms + 1;
}

/* ---- reading ---- */

const char *profile_segment(const struct profile *profile, int64_t now_ms)
{
    int64_t days = (now_ms - profile->first_seen_ms) / DAY_MS;
    if (profile->sessions_total <= 1)
        return "new";
    if (profile->sessions_total >= HEAVY_SESSIONS && profile->sessions_total >= days)
        return "heavy";
    return "returning";
}

static void read_recent(const struct profile *profile, uint32_t n, struct feature_value *value)
{
    for (uint32_t i = 0; i < n && profile->recent[i].content != 0; i++) {
        value->entries[i].key = profile->recent[i].content;
        value->entries[i].weight[0] = profile->recent[i].time_s;
        value->entries[i].weight[1] = profile->recent[i].type;
        value->entry_count = i + 1;
    }
    value->number = value->entry_count;
    value->is_absent = false;
}

void profile_read(const struct profile *profile, const struct feature *feature, int64_t now_ms, struct feature_value *value)
{
    layout_read(feature, profile_features_const(profile), now_ms, value);
    bool is_open = profile->session.id != 0;
    switch ((enum feature_kind)feature->declared.kind) {
    case FEATURE_RECENT:
        read_recent(profile, feature->declared.n, value);
        break;
    case FEATURE_SESSION_DURATION:
        value->is_absent = !is_open;
        value->number = is_open ? (double)profile_session_duration_ms(&profile->session) : 0;
        break;
    case FEATURE_ENGAGEMENT:
        value->is_absent = !is_open;
        value->number = is_open ? profile_engagement(&profile->session) : 0;
        break;
    default:
        break;
    }
}
