/* Goal: what the engine promises of windows, sessions, marks, lists and reasons (design.md, sections 5 and 6),
 * shown in files that a person can read and check by hand.
 * Method: every *.scenario beside this file is one case.  Its lines drive the shipped task, learner and decider in
 * process, without threads, files and clocks: time is what the last `at` or `after` said.  README.md lists the lines. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide/decide.h"
#include "engine/learner.h"
#include "engine/slab.h"
#include "engine/task.h"

enum {
    SCENARIOS_MAX = 128, SCENARIOS_LEAST = 15, LINE_SIZE = 512, WORDS_MAX = 40, RECORDS_MAX = 2048, RECORD_SIZE = 1024,
    SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS
};

static const int64_t MIDNIGHT_MS = 1767571200000; /* 2026-01-05T00:00:00Z */

struct kept {
    int64_t received_at_ms;
    uint32_t size;
    char bytes[RECORD_SIZE];
};

struct kept_log {
    uint32_t count;
    struct kept records[RECORDS_MAX];
};

struct scenario {
    const char *file;
    uint32_t line;
    int64_t now_ms;
    struct engine_config config;
    struct decide_options decide;
    struct hash_key key;
    bool is_open, is_replaying;
    struct slab *slab;
    struct profile_table *tables[1];
    struct task *task;
    struct transaction_port port;
    struct learner *learner;
    struct decider *decider;
    struct profile *profile;
    uint64_t content_offset, generation;
    struct kept_log *input, *learn;
    struct answer answer;
    bool has_asked;
};

#define FAIL(s, ...) do { print_error("%s:%u: ", (s)->file, (s)->line); print_error(__VA_ARGS__); print_error("\n"); fail(); } while (0)

/* ---- words ---- */

static int64_t duration_of(struct scenario *s, const char *text)
{
    char *end;
    double number = strtod(text, &end);
    static const struct { const char *unit; int64_t ms; } units[] = {
        {"ms", 1}, {"s", SECOND_MS}, {"m", MINUTE_MS}, {"h", HOUR_MS}, {"d", DAY_MS}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0)
            return (int64_t)llround(number * (double)units[i].ms);
    FAIL(s, "\"%s\" is no duration", text);
    return 0;
}

/* 12:00:00, 12:00:00.250, or +5m and -5m from now */
static int64_t time_of(struct scenario *s, const char *text)
{
    int hours, minutes, used = 0;
    double seconds;
    if (text[0] == '+' || text[0] == '-')
        return s->now_ms + (text[0] == '-' ? -1 : 1) * duration_of(s, text + 1);
    if (sscanf(text, "%2d:%2d:%lf%n", &hours, &minutes, &seconds, &used) != 3 || text[used] != 0)
        FAIL(s, "\"%s\" is no time", text);
    return MIDNIGHT_MS + hours * HOUR_MS + minutes * MINUTE_MS + llround(seconds * SECOND_MS);
}

/* Value of name=value among the words; NULL when it is not there. */
static const char *option_of(char **words, uint32_t count, const char *name)
{
    size_t size = strlen(name);
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(words[i], name, size) == 0 && words[i][size] == '=')
            return words[i] + size + 1;
    return NULL;
}

static void only_options(struct scenario *s, char **words, uint32_t count, const char *known)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strcspn(words[i], "=");
        char name[32];
        if (snprintf(name, sizeof name, " %.*s ", (int)size, words[i]) >= (int)sizeof name || words[i][size] != '=' ||
            strstr(known, name) == NULL)
            FAIL(s, "\"%s\" is not understood; known:%s", words[i], known);
    }
}

static struct slice words_slice(const char *text)
{
    return text ? slice_make(text, (uint32_t)strlen(text)) : (struct slice){0};
}

static uint64_t hash_of(const struct scenario *s, const char *name, size_t size)
{
    return hash_64(&s->key, name, size);
}

/* Cuts a,b,c in place. */
static uint32_t split(struct scenario *s, const char *list, char *copy, size_t copy_size, struct slice *parts, uint32_t most)
{
    uint32_t count = 0;
    if (list == NULL)
        return 0;
    if (snprintf(copy, copy_size, "%s", list) >= (int)copy_size)
        FAIL(s, "the list is too long");
    for (char *rest = NULL, *part = strtok_r(copy, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest)) {
        if (count == most)
            FAIL(s, "the list has more than %u parts", most);
        parts[count++] = words_slice(part);
    }
    return count;
}

/* ---- the engine ---- */

static enum status port_begin(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return STATUS_OK;
}

static void keep(struct scenario *s, struct kept_log *log, const char *bytes, uint32_t size)
{
    if (log->count == RECORDS_MAX || size > RECORD_SIZE)
        FAIL(s, "the scenario is too long");
    struct kept *kept = &log->records[log->count++];
    kept->received_at_ms = s->now_ms;
    kept->size = size;
    memcpy(kept->bytes, bytes, size);
}

static void learn(struct scenario *s, const struct kept *kept, uint64_t offset)
{
    struct learning record;
    if (learning_decode(slice_make(kept->bytes, kept->size), &s->config.types, &record) != STATUS_OK)
        FAIL(s, "a learning record cannot be decoded");
    learner_apply(s->learner, &record, offset);
}

static enum status port_emit(void *context, uint32_t partition, uint64_t offset, uint32_t index, struct slice bytes)
{
    struct scenario *s = context;
    (void)partition;
    (void)offset;
    (void)index;
    if (s->is_replaying)
        return STATUS_OK; /* learn drops what it already has */
    keep(s, s->learn, bytes.data, bytes.size);
    learn(s, &s->learn->records[s->learn->count - 1], s->learn->count - 1);
    return STATUS_OK;
}

static enum status port_commit(void *context, uint64_t generation, const struct transaction_position *positions, uint32_t count)
{
    (void)context;
    (void)generation;
    (void)positions;
    (void)count;
    return STATUS_OK;
}

static enum transaction_outcome port_outcome(void *context, uint64_t generation)
{
    (void)context;
    (void)generation;
    return TRANSACTION_COMMITTED;
}

static enum status port_committed(void *context, uint32_t partition, uint64_t *next_offset)
{
    const struct scenario *s = context;
    (void)partition;
    *next_offset = s->input->count;
    return STATUS_OK;
}

static void open_engine(struct scenario *s)
{
    struct problem problem = {0};
    if (s->is_open)
        return;
    s->is_open = true;
    s->port = (struct transaction_port){.context = s, .begin = port_begin, .emit = port_emit, .commit = port_commit,
                                        .outcome = port_outcome, .committed = port_committed};
    assert_int_equal(slab_create(&s->slab, s->config.options.profiles_bytes, profile_table_evict, profile_table_is_taken, s->tables), STATUS_OK);
    assert_int_equal(task_open(&s->task, 0, &s->config, &s->key, NULL, s->slab, &problem), STATUS_OK);
    s->tables[0] = &s->task->table;
    s->task->port = &s->port;
    task_begin(s->task, ++s->generation);
    assert_int_equal(learner_open(&s->learner, NULL, &s->config, &s->key, &problem), STATUS_OK);
    assert_int_equal(decider_create(&s->decider, learner_model(s->learner), &s->config.layout, &s->config.types, &s->decide), STATUS_OK);
    s->profile = calloc(1, profile_bytes(&s->config.layout));
    assert_non_null(s->profile);
}

static void close_engine(struct scenario *s)
{
    if (!s->is_open)
        return;
    decider_destroy(s->decider);
    learner_close(s->learner);
    task_close(s->task);
    slab_destroy(s->slab);
    free(s->profile);
    s->is_open = false;
}

static void apply(struct scenario *s, const struct kept *kept, uint64_t offset)
{
    struct slice bytes = slice_make(kept->bytes, kept->size);
    assert_int_equal(task_apply(s->task, kept->received_at_ms, offset, &bytes, 1), STATUS_OK);
    task_publish(s->task);
    task_cut(s->task, ++s->generation);
    task_committed(s->task);
}

static void append(struct scenario *s, const char *bytes, uint32_t size)
{
    open_engine(s);
    keep(s, s->input, bytes, size);
    apply(s, &s->input->records[s->input->count - 1], s->input->count - 1);
}

/* Everything is made again from the logs, and must be the same bit for bit. */
static void restart(struct scenario *s)
{
    open_engine(s);
    uint64_t task_before = task_hash(s->task), learner_before = learner_hash(s->learner);
    close_engine(s);
    open_engine(s);
    s->is_replaying = true;
    for (uint32_t i = 0; i < s->input->count; i++)
        apply(s, &s->input->records[i], i);
    s->is_replaying = false;
    for (uint32_t i = 0; i < s->learn->count; i++)
        learn(s, &s->learn->records[i], i);
    if (task_hash(s->task) != task_before || learner_hash(s->learner) != learner_before)
        FAIL(s, "the state after a restart is another one");
}

/* ---- lines that do something ---- */

static void do_event(struct scenario *s, char **words, uint32_t count)
{
    char bytes[RECORD_SIZE], contents_text[LINE_SIZE], categories_text[LINE_SIZE], users_text[LINE_SIZE];
    struct slice contents[WORDS_MAX] = {{0}}, users[WORDS_MAX] = {{0}};
    struct event event = {.timestamp_ms = EVENT_TIME_ABSENT, .dwell_ms = -1, .value = NAN, .position = -1,
                          .hour_of_day = 255, .day_of_week = 255};
    only_options(s, words, count, " user anonymous type content categories time id dwell country device ");
    const char *type = option_of(words, count, "type"), *time = option_of(words, count, "time");
    const char *dwell = option_of(words, count, "dwell"), *device = option_of(words, count, "device");
    event.type = event_types_find(&s->config.types, words_slice(type ? type : "view"));
    if (event.type == EVENT_TYPE_UNKNOWN)
        FAIL(s, "no event type is called %s", type);
    event.anonymous_id = words_slice(option_of(words, count, "anonymous"));
    event.event_id = words_slice(option_of(words, count, "id"));
    event.country = words_slice(option_of(words, count, "country"));
    event.device = device ? event_device_find(words_slice(device)) : (uint8_t)DEVICE_NONE;
    if (time != NULL)
        event.timestamp_ms = time_of(s, time);
    if (dwell != NULL)
        event.dwell_ms = duration_of(s, dwell);
    event.category_count = (uint8_t)split(s, option_of(words, count, "categories"), categories_text, sizeof categories_text,
                                          event.categories, EVENT_CATEGORY_MAX);
    uint32_t content_count = split(s, option_of(words, count, "content"), contents_text, sizeof contents_text, contents, WORDS_MAX);
    uint32_t user_count = split(s, option_of(words, count, "user"), users_text, sizeof users_text, users, WORDS_MAX);
    for (uint32_t u = 0; u < (user_count ? user_count : 1); u++) {
        for (uint32_t c = 0; c < (content_count ? content_count : 1); c++) {
            event.user_id = users[u];
            event.content_id = contents[c];
            assert_true(event_encoded_max(&event) <= sizeof bytes);
            append(s, bytes, event_encode(&event, &s->config.types, bytes));
        }
    }
}

static void put_content(struct scenario *s, const struct learning *wanted)
{
    char bytes[RECORD_SIZE];
    struct learning record = *wanted;
    open_engine(s);
    record.kind = LEARNING_CONTENT;
    record.source_partition = 0xffff;
    record.source_offset = s->content_offset++;
    record.timestamp_ms = s->now_ms;
    record.received_at_ms = s->now_ms;
    record.dwell_ms = -1;
    record.value = NAN;
    assert_true(learning_encoded_max(&record) <= sizeof bytes);
    keep(s, s->learn, bytes, learning_encode(&record, &s->config.types, bytes));
    learn(s, &s->learn->records[s->learn->count - 1], s->learn->count - 1);
}

static void do_content(struct scenario *s, char **words, uint32_t count)
{
    char categories_text[LINE_SIZE], ids_text[LINE_SIZE];
    struct slice ids[WORDS_MAX];
    if (count == 0)
        FAIL(s, "which content?");
    only_options(s, words + 1, count - 1, " categories published expires hidden ");
    const char *published = option_of(words, count, "published"), *expires = option_of(words, count, "expires");
    const char *hidden = option_of(words, count, "hidden");
    struct learning record = {
        .published_at_ms = published ? time_of(s, published) : EVENT_TIME_ABSENT,
        .expires_at_ms = expires ? time_of(s, expires) : EVENT_TIME_ABSENT,
        .is_hidden = hidden != NULL && strcmp(hidden, "yes") == 0,
    };
    record.category_count = (uint8_t)split(s, option_of(words, count, "categories"), categories_text, sizeof categories_text,
                                           record.categories, EVENT_CATEGORY_MAX);
    uint32_t id_count = split(s, words[0], ids_text, sizeof ids_text, ids, WORDS_MAX);
    for (uint32_t i = 0; i < id_count; i++) {
        record.content_id = ids[i];
        put_content(s, &record);
    }
}

static void do_delete(struct scenario *s, const char *id)
{
    const struct learning record = {.content_id = words_slice(id), .is_deleted = true, .published_at_ms = EVENT_TIME_ABSENT,
                                    .expires_at_ms = EVENT_TIME_ABSENT};
    put_content(s, &record);
}

/* Of a setting: a number, a duration or one of a row's words. */
static double setting_of(struct scenario *s, enum option_kind kind, const char *choices, const char *value)
{
    if (kind == OPTION_DURATION)
        return (double)duration_of(s, value);
    if (kind != OPTION_CHOICE)
        return strtod(value, NULL);
    unsigned place = 0;
    for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|', place++)
        if (strcspn(at, "|") == strlen(value) && strncmp(at, value, strlen(value)) == 0)
            return place;
    FAIL(s, "\"%s\" is none of %s", value, choices);
    return 0;
}

#define CHOICES_COUNT(max) ""
#define CHOICES_BYTES(max) ""
#define CHOICES_DURATION(max) ""
#define CHOICES_RATIO(max) ""
#define CHOICES_FLAG(max) ""
#define CHOICES_CHOICE(max) max

#define SET_COUNT(place, v) place = (uint64_t)(v)
#define SET_BYTES(place, v) place = (uint64_t)(v)
#define SET_DURATION(place, v) place = (uint64_t)(v)
#define SET_RATIO(place, v) place = (v)
#define SET_FLAG(place, v) place = (v) != 0
#define SET_CHOICE(place, v) place = (unsigned)(v)

static void do_set(struct scenario *s, const char *wanted, const char *value)
{
    if (s->is_open)
        FAIL(s, "settings come first");
#define OPTION(kind, field, name, def, min, max, text)                                                    \
    if (strcmp(wanted, name) == 0) {                                                                      \
        SET_##kind(s->config.options.field, setting_of(s, OPTION_##kind, CHOICES_##kind(max), value));    \
        return;                                                                                           \
    }
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text)                                                    \
    if (strcmp(wanted, name) == 0) {                                                                      \
        SET_##kind(s->decide.field, setting_of(s, OPTION_##kind, CHOICES_##kind(max), value));            \
        return;                                                                                           \
    }
#include "decide/decide_options.def"
#undef OPTION
    FAIL(s, "no setting is called %s", wanted);
}

/* "ann", or "a:cookie" of an anonymous_id */
static bool read_profile(struct scenario *s, const char *person)
{
    bool is_anonymous = strncmp(person, "a:", 2) == 0;
    const char *id = is_anonymous ? person + 2 : person;
    open_engine(s);
    return task_profile(s->task, hash_user(&s->key, is_anonymous ? 'a' : 'u', id, strlen(id)), s->profile);
}

static void do_ask(struct scenario *s, char **words, uint32_t count)
{
    static const char *const seen_names[] = {"off", "session", "always"};
    char excluded_text[LINE_SIZE];
    struct slice excluded[WORDS_MAX];
    if (count == 0)
        FAIL(s, "who asks?");
    bool is_similar = strcmp(words[0], "similar") == 0, is_trending = strcmp(words[0], "trending") == 0;
    uint32_t first = is_similar ? 2 : 1;
    only_options(s, words + first, count - first, " n category exclude seen country device context ");
    const char *n = option_of(words, count, "n"), *category = option_of(words, count, "category");
    const char *country = option_of(words, count, "country"), *device = option_of(words, count, "device");
    const char *context = option_of(words, count, "context"), *seen = option_of(words, count, "seen");
    open_engine(s);
    struct decide_request request = {
        .n = n ? (uint32_t)atoi(n) : 10, .now_ms = s->now_ms, .exclude_seen = (enum decide_seen)s->decide.exclude_seen,
        .category = category ? hash_of(s, category, strlen(category)) : 0,
        .context_content = context ? hash_of(s, context, strlen(context)) : 0,
        .device = device ? event_device_find(words_slice(device)) : (uint8_t)DEVICE_NONE,
    };
    if (country)
        memcpy(request.country, country, sizeof request.country);
    for (unsigned i = 0; seen && i < 3; i++)
        if (strcmp(seen, seen_names[i]) == 0)
            request.exclude_seen = (enum decide_seen)i;
    request.exclude_count = split(s, option_of(words, count, "exclude"), excluded_text, sizeof excluded_text, excluded, WORDS_MAX);
    for (uint32_t i = 0; i < request.exclude_count; i++)
        request.exclude[i] = hash_of(s, excluded[i].data, excluded[i].size);
    s->has_asked = true;
    if (is_similar && count > 1) {
        decide_similar(s->decider, hash_of(s, words[1], strlen(words[1])), request.n, s->now_ms, &s->answer);
    } else if (is_trending) {
        decide_trending(s->decider, request.country, request.device, request.category, request.n, s->now_ms, &s->answer);
    } else {
        request.profile = read_profile(s, words[0]) ? s->profile : NULL;
        decide_recommend(s->decider, &request, &s->answer);
    }
}

/* ---- lines that check ---- */

static void check_number(struct scenario *s, const char *what, double is, bool is_absent, const char *wanted)
{
    if (strcmp(wanted, "absent") == 0) {
        if (!is_absent)
            FAIL(s, "%s is %g, not absent", what, is);
        return;
    }
    char *end;
    double number = strtod(wanted, &end);
    if (*end != 0)
        FAIL(s, "\"%s\" is no number", wanted);
    /* Expected values are written with six figures. */
    if (is_absent || fabs(is - number) > 1e-5 * fmax(1, fabs(number)))
        FAIL(s, "%s is %s%.9g, expected %s", what, is_absent ? "absent, " : "", is, wanted);
}

static void expect_feature(struct scenario *s, char **words, uint32_t count)
{
    struct feature_value value;
    if (count != (strcmp(words[0], "global") == 0 ? 3U : 4U))
        FAIL(s, "expect features ENTITY [ID] NAME VALUE");
    enum feature_entity entity = layout_entity_find(words_slice(words[0]));
    const char *id = words[1], *name = words[count - 2], *wanted = words[count - 1];
    const struct feature *feature = entity < FEATURE_ENTITY_COUNT ? layout_find(&s->config.layout, entity, name) : NULL;
    if (feature == NULL)
        FAIL(s, "no feature is called %s of a %s", name, words[0]);
    open_engine(s);
    if (entity == FEATURE_USER || entity == FEATURE_SESSION) {
        if (!read_profile(s, id))
            FAIL(s, "nobody is called %s", id);
        profile_read(s->profile, feature, s->now_ms, &value);
    } else {
        const struct model *model = learner_model(s->learner);
        uint64_t key = entity == FEATURE_GLOBAL ? 0 : hash_of(s, id, strlen(id));
        uint32_t slot = entity == FEATURE_GLOBAL ? 0 : entity == FEATURE_CONTENT ? model_content_find(model, key) : model_category_find(model, key);
        if (slot == MODEL_NONE)
            FAIL(s, "no %s is called %s", words[0], id);
        layout_read(feature, learner_features(s->learner, entity, slot), s->now_ms, &value);
    }
    check_number(s, name, value.number, value.is_absent, wanted);
}

/* expect category ann coffee 1.5 1.9: the weights by both half-lives */
static void expect_category(struct scenario *s, char **words, uint32_t count)
{
    struct feature_value value;
    if (count != 4 || !read_profile(s, words[0]))
        FAIL(s, "expect category USER CATEGORY SHORT LONG, of somebody who is known");
    profile_read(s->profile, layout_find(&s->config.layout, FEATURE_USER, "recent_categories"), s->now_ms, &value);
    for (uint32_t i = 0; i < value.entry_count; i++) {
        if (value.entries[i].key != hash_of(s, words[1], strlen(words[1])))
            continue;
        check_number(s, "the short weight", value.entries[i].weight[0], false, words[2]);
        check_number(s, "the long weight", value.entries[i].weight[1], false, words[3]);
        return;
    }
    FAIL(s, "%s has no weight for %s", words[0], words[1]);
}

static void expect_recent(struct scenario *s, char **words, uint32_t count)
{
    if (count < 2 || strcmp(words[1], "=") != 0 || !read_profile(s, words[0]))
        FAIL(s, "expect recent USER = CONTENTS, of somebody who is known");
    for (uint32_t i = 0; i < PROFILE_RECENT; i++) {
        uint64_t wanted = i + 2 < count ? hash_of(s, words[i + 2], strlen(words[i + 2])) : 0;
        if (s->profile->recent[i].content != wanted)
            FAIL(s, "recent content %u of %s is not %s", i + 1, words[0], wanted ? words[i + 2] : "nothing");
    }
}

static void expect_session(struct scenario *s, char **words, uint32_t count)
{
    bool is_known = count > 0 && read_profile(s, words[0]);
    const struct profile_session *session = is_known ? &s->profile->session : NULL;
    if (!is_known)
        FAIL(s, "expect session USER ..., of somebody who is known");
    if (count == 2 && strcmp(words[1], "none") == 0) {
        if (session->id != 0)
            FAIL(s, "the session of %s is open", words[0]);
        return;
    }
    if (session->id == 0 || count != 3)
        FAIL(s, "%s has no open session", words[0]);
    double is = strcmp(words[1], "duration_ms") == 0 ? (double)profile_session_duration_ms(session)
              : strcmp(words[1], "events") == 0      ? (double)session->event_count
              : strcmp(words[1], "engagement") == 0  ? profile_engagement(session)
              : strcmp(words[1], "number") == 0      ? (double)s->profile->sessions_total
                                                     : NAN;
    check_number(s, words[1], is, false, words[2]);
}

static void expect_count(struct scenario *s, const char *name, const char *wanted)
{
    struct task_counts counts;
    open_engine(s);
    task_counts(s->task, &counts);
    const struct { const char *name; uint64_t value; } rows[] = {
        {"applied", counts.applied}, {"duplicates", counts.duplicates}, {"late", counts.late},
        {"undecodable", counts.undecodable}, {"learning", counts.learning}, {"sessions_ended", counts.sessions_ended},
        {"unverified", counts.unverified}, {"contents", model_content_count(learner_model(s->learner))},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            check_number(s, name, (double)rows[i].value, false, wanted);
            return;
        }
    }
    FAIL(s, "nothing counts %s", name);
}

static const struct answer_item *item_of(const struct scenario *s, const char *id)
{
    for (uint32_t i = 0; i < s->answer.count; i++)
        if (slice_equal(slice_make(s->answer.items[i].id, s->answer.items[i].id_size), words_slice(id)))
            return &s->answer.items[i];
    return NULL;
}

static void print_list(const struct scenario *s)
{
    print_error("the list:");
    for (uint32_t i = 0; i < s->answer.count; i++)
        print_error(" %.*s", (int)s->answer.items[i].id_size, s->answer.items[i].id);
    print_error(" (%s)\n", s->answer.empty ? s->answer.empty : "not empty");
}

/* expect list = a b | set = a b | list has a | list lacks a */
static void expect_list(struct scenario *s, char **words, uint32_t count)
{
    bool is_set = strcmp(words[0], "set") == 0, is_wrong = false;
    const char *relation = count > 1 ? words[1] : "";
    if (!s->has_asked)
        FAIL(s, "nobody has asked");
    if (strcmp(relation, "=") == 0)
        is_wrong = s->answer.count != count - 2;
    else if (strcmp(relation, "has") != 0 && strcmp(relation, "lacks") != 0)
        FAIL(s, "a list is =, has or lacks something");
    for (uint32_t i = 2; i < count && !is_wrong; i++) {
        const struct answer_item *item = item_of(s, words[i]);
        if (strcmp(relation, "lacks") == 0)
            is_wrong = item != NULL;
        else
            is_wrong = item == NULL || (strcmp(relation, "=") == 0 && !is_set && item != &s->answer.items[i - 2]);
    }
    if (!is_wrong)
        return;
    print_list(s);
    FAIL(s, "expected another one");
}

/* expect reason b because_you_viewed [a] | expect no_reason b because_you_viewed */
static void expect_reason(struct scenario *s, char **words, uint32_t count, bool is_none_wanted)
{
    const struct model *model = learner_model(s->learner);
    const struct answer_item *item = count > 1 ? item_of(s, words[0]) : NULL;
    if (item == NULL)
        FAIL(s, "%s is not in the list", count > 0 ? words[0] : "it");
    for (uint32_t i = 0; i < item->reason_count; i++) {
        const struct answer_reason *reason = &item->reasons[i];
        char id[128];
        uint32_t size = 0;
        struct slice name = {0};
        if (strcmp(decide_reason_name(reason->code), words[1]) != 0)
            continue;
        if (is_none_wanted)
            FAIL(s, "%s has the reason %s", words[0], words[1]);
        if (reason->content_slot != MODEL_NONE && model_content_id(model, reason->content_slot, id, &size))
            name = slice_make(id, size);
        else if (reason->category_slot != MODEL_NONE)
            name = model_category_name(model, reason->category_slot);
        if (count == 2 || slice_equal(name, words_slice(words[2])))
            return;
        FAIL(s, "%s is there because of %.*s", words[0], (int)name.size, name.data ? name.data : "");
    }
    if (is_none_wanted)
        return;
    FAIL(s, "%s has no reason %s; its first is %s", words[0], words[1],
         item->reason_count ? decide_reason_name(item->reasons[0].code) : "none");
}

static void expect_empty(struct scenario *s, const char *reason)
{
    if (s->answer.empty == NULL || s->answer.count != 0 || strcmp(s->answer.empty, reason) != 0) {
        print_list(s);
        FAIL(s, "expected it to be empty: %s", reason);
    }
}

static void do_expect(struct scenario *s, char **words, uint32_t count)
{
    const char *what = count > 0 ? words[0] : "";
    if (strcmp(what, "features") == 0 && count > 1)
        expect_feature(s, words + 1, count - 1);
    else if (strcmp(what, "category") == 0)
        expect_category(s, words + 1, count - 1);
    else if (strcmp(what, "recent") == 0)
        expect_recent(s, words + 1, count - 1);
    else if (strcmp(what, "session") == 0)
        expect_session(s, words + 1, count - 1);
    else if (strcmp(what, "count") == 0 && count == 3)
        expect_count(s, words[1], words[2]);
    else if (strcmp(what, "list") == 0 || strcmp(what, "set") == 0)
        expect_list(s, words, count);
    else if (strcmp(what, "reason") == 0)
        expect_reason(s, words + 1, count - 1, false);
    else if (strcmp(what, "no_reason") == 0)
        expect_reason(s, words + 1, count - 1, true);
    else if (strcmp(what, "empty") == 0 && count == 2)
        expect_empty(s, words[1]);
    else if (strcmp(what, "nobody") == 0 && count == 2) {
        if (read_profile(s, words[1]))
            FAIL(s, "%s is known", words[1]);
    } else
        FAIL(s, "expect what?");
}

/* ---- files ---- */

static void do_line(struct scenario *s, char **words, uint32_t count)
{
    const char *verb = words[0];
    char tick = TASK_TICK;
    if (strcmp(verb, "at") == 0 && count == 2)
        s->now_ms = time_of(s, words[1]);
    else if (strcmp(verb, "after") == 0 && count == 2)
        s->now_ms += duration_of(s, words[1]);
    else if (strcmp(verb, "set") == 0 && count == 3)
        do_set(s, words[1], words[2]);
    else if (strcmp(verb, "event") == 0)
        do_event(s, words + 1, count - 1);
    else if (strcmp(verb, "content") == 0)
        do_content(s, words + 1, count - 1);
    else if (strcmp(verb, "delete") == 0 && count == 2)
        do_delete(s, words[1]);
    else if (strcmp(verb, "tick") == 0 && count == 1)
        append(s, &tick, 1);
    else if (strcmp(verb, "restart") == 0 && count == 1)
        restart(s);
    else if (strcmp(verb, "ask") == 0)
        do_ask(s, words + 1, count - 1);
    else if (strcmp(verb, "expect") == 0)
        do_expect(s, words + 1, count - 1);
    else
        FAIL(s, "\"%s\" is not understood", verb);
}

static void init(struct scenario *s, const char *file)
{
    struct feature_declaration declarations[FEATURE_MAX];
    struct problem problem = {0};
    static const unsigned char key[16] = "penchant.scenes";
    s->file = file;
    s->now_ms = MIDNIGHT_MS;
#define OPTION(kind, field, name, def, min, max, text) SET_##kind(s->config.options.field, def);
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, field, name, def, min, max, text) SET_##kind(s->decide.field, def);
#include "decide/decide_options.def"
#undef OPTION
    s->config.options.partitions = 1;
    s->config.options.contents = 1024;
    s->config.options.sessions = 1024;
    s->config.options.profiles_bytes = 16 << 20;
    s->config.options.dedup_bytes = 1 << 20;
    event_types_init(&s->config.types);
    uint32_t count = layout_defaults(declarations, FEATURE_MAX);
    assert_int_equal(layout_compile(&s->config.layout, declarations, count, &s->config.types, &problem), STATUS_OK);
    hash_key_init(&s->key, key);
    s->input = calloc(1, sizeof *s->input);
    s->learn = calloc(1, sizeof *s->learn);
    assert_non_null(s->input);
    assert_non_null(s->learn);
}

static void run_file(void **state)
{
    struct scenario *s = calloc(1, sizeof *s);
    char line[LINE_SIZE];
    uint32_t expectations = 0;
    assert_non_null(s);
    init(s, *state);
    FILE *file = fopen(*state, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *words[WORDS_MAX], *rest = NULL;
        uint32_t count = 0;
        s->line++;
        line[strcspn(line, "#\n")] = 0;
        for (char *word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
            words[count++] = word;
        if (count > 0) {
            do_line(s, words, count);
            expectations += strcmp(words[0], "expect") == 0;
        }
    }
    fclose(file);
    if (expectations == 0)
        FAIL(s, "it expects nothing");
    close_engine(s);
    free(s->input);
    free(s->learn);
    free(s);
}

static int by_name(const void *a, const void *b)
{
    const struct CMUnitTest *left = a, *right = b;
    return strcmp(left->name, right->name);
}

int main(void)
{
    static struct CMUnitTest tests[SCENARIOS_MAX];
    static char paths[SCENARIOS_MAX][512];
    size_t count = 0;
    char folder[] = __FILE__;
    *strrchr(folder, '/') = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL && count < SCENARIOS_MAX) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".scenario") != 0)
            continue;
        snprintf(paths[count], sizeof paths[0], "%s/%s", folder, entry->d_name);
        tests[count] = (struct CMUnitTest){.name = paths[count] + strlen(folder) + 1, .test_func = run_file, .initial_state = paths[count]};
        count++;
    }
    if (directory)
        closedir(directory);
    if (count < SCENARIOS_LEAST) {
        printf("not ok 1 - %zu scenarios in %s (run from the repository's root)\n", count, folder);
        return 1;
    }
    qsort(tests, count, sizeof tests[0], by_name);
    return _cmocka_run_group_tests("scenarios", tests, count, NULL, NULL);
}
