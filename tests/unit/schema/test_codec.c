/* Goal: what we write to topics is Avro by our .avsc files, stays what it was, and reads back.
 * Method: golden files byte for byte (written once with PENCHANT_GOLDEN_WRITE=1); libavro decodes our bytes by the schema
 * and must encode the same bytes again; random records go there and back; damaged bytes are
 * refused or give a record within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <avro.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "schema/content.h"
#include "schema/learning.h"

static const uint64_t SEED = 23;
enum { ROUNDS = 3000, BYTES_MAX = 16384, FRAME_BYTES = 5 };

static struct event_types types;
static char pool[256]; /* what random texts are cut from */

/* ---- libavro, the oracle ---- */

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *interface;
};

static struct oracle event_oracle, content_oracle, learning_oracle;

static void open_oracle(struct oracle *oracle, const char *path)
{
    char text[BYTES_MAX];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: run this from the root of the repository", path);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    if (avro_schema_from_json_length(text, size, &oracle->schema) != 0)
        fail_msg("%s: %s", path, avro_strerror());
    oracle->interface = avro_generic_class_from_schema(oracle->schema);
    assert_non_null(oracle->interface);
}

static void close_oracle(struct oracle *oracle)
{
    avro_value_iface_decref(oracle->interface);
    avro_schema_decref(oracle->schema);
}

/* libavro reads the record and writes it again: the same bytes, none left over. */
static void check_oracle(const struct oracle *oracle, const char *bytes, uint32_t size)
{
    static char again[BYTES_MAX];
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(oracle->interface, &value), 0);
    avro_reader_t reader = avro_reader_memory(bytes + FRAME_BYTES, size - FRAME_BYTES);
    if (avro_value_read(reader, &value) != 0)
        fail_msg("libavro: %s", avro_strerror());
    avro_writer_t writer = avro_writer_memory(again, sizeof again);
    assert_int_equal(avro_value_write(writer, &value), 0);
    assert_int_equal(avro_writer_tell(writer), size - FRAME_BYTES);
    assert_memory_equal(again, bytes + FRAME_BYTES, size - FRAME_BYTES);
    avro_writer_free(writer);
    avro_reader_free(reader);
    avro_value_decref(&value);
}

/* A string field as libavro sees it. */
static void check_oracle_field(const struct oracle *oracle, const char *bytes, uint32_t size, const char *name, const char *wanted)
{
    avro_value_t value, field, branch;
    const char *text;
    size_t length;
    assert_int_equal(avro_generic_value_new(oracle->interface, &value), 0);
    avro_reader_t reader = avro_reader_memory(bytes + FRAME_BYTES, size - FRAME_BYTES);
    assert_int_equal(avro_value_read(reader, &value), 0);
    assert_int_equal(avro_value_get_by_name(&value, name, &field, NULL), 0);
    assert_int_equal(avro_value_get_current_branch(&field, &branch), 0);
    assert_int_equal(avro_value_get_string(&branch, &text, &length), 0);
    assert_string_equal(text, wanted);
    avro_reader_free(reader);
    avro_value_decref(&value);
}

/* ---- random records ---- */

static struct slice random_text(struct rng *rng, uint32_t size_max, bool is_optional)
{
    if (is_optional && rng_below(rng, 3) == 0)
        return (struct slice){NULL, 0};
    uint32_t size = 1 + (uint32_t)rng_below(rng, size_max);
    return slice_make(pool + rng_below(rng, sizeof pool - size), size);
}

static int64_t random_time(struct rng *rng, bool is_optional)
{
    return is_optional && rng_below(rng, 3) == 0 ? EVENT_TIME_ABSENT : (int64_t)rng_next(rng) >> (1 + rng_below(rng, 40));
}

static uint8_t random_categories(struct rng *rng, struct slice *categories)
{
    uint8_t count = (uint8_t)rng_below(rng, EVENT_CATEGORY_MAX + 1);
    for (uint8_t i = 0; i < count; i++)
        categories[i] = random_text(rng, EVENT_CATEGORY_SIZE_MAX, false);
    return count;
}

static struct event random_event(struct rng *rng)
{
    struct event e = {.timestamp_ms = random_time(rng, true), .dwell_ms = (int64_t)(rng_next(rng) >> 2) - 1, .value = rng_normal(rng),
        .position = (int32_t)rng_below(rng, 1002) - 1, .type = (uint8_t)rng_below(rng, types.count), .device = (uint8_t)rng_below(rng, DEVICE_COUNT),
        .hour_of_day = (uint8_t)rng_below(rng, 25), .day_of_week = (uint8_t)rng_below(rng, 8)};
    e.event_id = random_text(rng, EVENT_ID_MAX, true);
    e.user_id = random_text(rng, EVENT_USER_MAX, true);
    e.anonymous_id = random_text(rng, EVENT_USER_MAX, e.user_id.data != NULL);
    e.session_id = random_text(rng, EVENT_USER_MAX, true);
    e.content_id = random_text(rng, EVENT_CONTENT_MAX, true);
    e.request_id = random_text(rng, EVENT_ID_MAX, true);
    e.placement = random_text(rng, EVENT_PLACEMENT_MAX, true);
    e.country = random_text(rng, 2, true);
    e.region = random_text(rng, EVENT_REGION_MAX, true);
    e.city = random_text(rng, EVENT_REGION_MAX, true);
    e.context = random_text(rng, 200, true);
    e.category_count = random_categories(rng, e.categories);
    if (e.hour_of_day == 24)
        e.hour_of_day = 255;
    if (e.day_of_week == 7)
        e.day_of_week = 255;
    if (rng_below(rng, 2) == 0)
        e.dwell_ms = -1;
    if (rng_below(rng, 2) == 0)
        e.value = NAN;
    return e;
}

static bool same_value(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Present or absent alike, and the same bytes. */
static bool same_text(struct slice a, struct slice b)
{
    return (a.data != NULL) == (b.data != NULL) && slice_equal(a, b);
}

static bool same_categories(const struct slice *a, const struct slice *b, uint8_t a_count, uint8_t b_count)
{
    bool is_same = a_count == b_count;
    for (uint8_t i = 0; is_same && i < a_count; i++)
        is_same = same_text(a[i], b[i]);
    return is_same;
}

static bool same_event(const struct event *a, const struct event *b)
{
    return same_text(a->event_id, b->event_id) && same_text(a->user_id, b->user_id) && same_text(a->anonymous_id, b->anonymous_id) &&
           same_text(a->session_id, b->session_id) && same_text(a->content_id, b->content_id) && same_text(a->request_id, b->request_id) &&
           same_text(a->placement, b->placement) && same_text(a->country, b->country) && same_text(a->region, b->region) &&
           same_text(a->city, b->city) && same_text(a->context, b->context) && a->timestamp_ms == b->timestamp_ms &&
           a->dwell_ms == b->dwell_ms && same_value(a->value, b->value) && a->position == b->position && a->type == b->type &&
           a->device == b->device && a->hour_of_day == b->hour_of_day && a->day_of_week == b->day_of_week &&
           same_categories(a->categories, b->categories, a->category_count, b->category_count);
}

static void test_events(void **state)
{
    (void)state;
    static char bytes[BYTES_MAX];
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct event e = random_event(&rng), back;
        uint32_t size = event_encode(&e, &types, bytes);
        assert_true(size <= event_encoded_max(&e));
        assert_int_equal(event_decode(slice_make(bytes, size), &types, &back), STATUS_OK);
        assert_true(same_event(&e, &back));
        check_oracle(&event_oracle, bytes, size);
        if (e.content_id.data != NULL) {
            char content_id[EVENT_CONTENT_MAX + 1] = "";
            memcpy(content_id, e.content_id.data, e.content_id.size);
            check_oracle_field(&event_oracle, bytes, size, "content_id", content_id);
        }
        /* The comparison itself must be able to fail. */
        back.position++;
        assert_false(same_event(&e, &back));
    }
}

/* All lengths at once: the bound of the encoder holds at the limits too. */
static void test_largest(void **state)
{
    (void)state;
    static char text[EVENT_SIZE_MAX];
    memset(text, 'x', sizeof text);
    struct slice id = slice_make(text, EVENT_USER_MAX);
    struct event e = {.event_id = id, .user_id = id, .anonymous_id = id, .session_id = id, .content_id = id, .request_id = id, .placement = id,
        .country = id, .region = id, .city = id, .context = slice_make(text, sizeof text), .timestamp_ms = INT64_MAX, .dwell_ms = INT64_MAX,
        .value = 1, .position = INT32_MAX, .device = DEVICE_OTHER, .hour_of_day = 23, .day_of_week = 6, .category_count = EVENT_CATEGORY_MAX};
    for (int i = 0; i < EVENT_CATEGORY_MAX; i++)
        e.categories[i] = id;
    char *bytes = malloc(event_encoded_max(&e));
    struct event back;
    uint32_t size = event_encode(&e, &types, bytes);
    assert_int_equal(event_decode(slice_make(bytes, size), &types, &back), STATUS_OK);
    assert_true(same_event(&e, &back));
    free(bytes);
    struct learning r = {.kind = LEARNING_CONTENT, .source_partition = UINT16_MAX, .source_offset = INT64_MAX, .source_index = UINT32_MAX,
        .user = UINT64_MAX, .session = UINT64_MAX, .step = UINT32_MAX, .content_id = id, .country = id, .timestamp_ms = INT64_MAX,
        .received_at_ms = INT64_MAX, .dwell_ms = INT64_MAX, .published_at_ms = INT64_MAX, .expires_at_ms = INT64_MAX,
        .device = DEVICE_OTHER, .category_count = EVENT_CATEGORY_MAX};
    memcpy(r.categories, e.categories, sizeof r.categories);
    bytes = malloc(learning_encoded_max(&r));
    struct learning learned;
    size = learning_encode(&r, &types, bytes);
    assert_int_equal(learning_decode(slice_make(bytes, size), &types, &learned), STATUS_OK);
    assert_int_equal(learned.source_index, UINT32_MAX);
    free(bytes);
}

static struct content random_content(struct rng *rng)
{
    struct content c = {.published_at_ms = random_time(rng, true), .expires_at_ms = random_time(rng, true),
        .is_hidden = rng_next(rng) & 1, .is_deleted = rng_next(rng) & 1};
    c.content_id = random_text(rng, EVENT_CONTENT_MAX, false);
    c.title = random_text(rng, 200, true);
    c.url = random_text(rng, 200, true);
    c.image = random_text(rng, 200, true);
    c.attributes = random_text(rng, 200, true);
    c.category_count = random_categories(rng, c.categories);
    return c;
}

static void test_contents(void **state)
{
    (void)state;
    static char bytes[BYTES_MAX];
    struct rng rng;
    rng_init(&rng, SEED, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct content c = random_content(&rng), b;
        uint32_t size = content_encode(&c, bytes);
        assert_true(size <= content_encoded_max(&c));
        assert_int_equal(content_decode(slice_make(bytes, size), &b), STATUS_OK);
        assert_true(same_text(c.content_id, b.content_id) && same_text(c.title, b.title) && same_text(c.url, b.url) && same_text(c.image, b.image));
        assert_true(same_text(c.attributes, b.attributes) && c.published_at_ms == b.published_at_ms && c.expires_at_ms == b.expires_at_ms);
        assert_true(c.is_hidden == b.is_hidden && c.is_deleted == b.is_deleted);
        assert_true(same_categories(c.categories, b.categories, c.category_count, b.category_count));
        check_oracle(&content_oracle, bytes, size);
    }
}

static struct learning random_learning(struct rng *rng)
{
    struct learning r = {.kind = (uint8_t)rng_below(rng, LEARNING_KIND_COUNT), .device = (uint8_t)rng_below(rng, DEVICE_COUNT),
        .is_late = rng_next(rng) & 1, .is_trend = rng_next(rng) & 1, .is_step = rng_next(rng) & 1, .is_hidden = rng_next(rng) & 1,
        .is_deleted = rng_next(rng) & 1, .source_partition = (uint16_t)rng_next(rng), .source_offset = rng_next(rng) >> rng_below(rng, 60),
        .source_index = (uint32_t)rng_next(rng), .user = rng_below(rng, 3) ? rng_next(rng) : 0, .session = rng_below(rng, 3) ? rng_next(rng) : 0,
        .step = (uint32_t)rng_next(rng), .timestamp_ms = random_time(rng, false), .received_at_ms = random_time(rng, false),
        .dwell_ms = rng_below(rng, 2) ? (int64_t)rng_below(rng, 100000) : -1, .value = rng_below(rng, 2) ? rng_normal(rng) : NAN,
        .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT, .type = EVENT_TYPE_UNKNOWN};
    r.content_id = random_text(rng, EVENT_CONTENT_MAX, true);
    r.country = random_text(rng, 2, true);
    r.category_count = random_categories(rng, r.categories);
    if (r.kind == LEARNING_EVENT)
        r.type = (uint8_t)rng_below(rng, types.count);
    if (r.kind == LEARNING_CONTENT) {
        r.published_at_ms = random_time(rng, true);
        r.expires_at_ms = random_time(rng, true);
    }
    return r;
}

static bool same_learning(const struct learning *a, const struct learning *b)
{
    return a->kind == b->kind && a->type == b->type && a->device == b->device && a->is_late == b->is_late && a->is_trend == b->is_trend &&
           a->is_step == b->is_step && a->is_hidden == b->is_hidden && a->is_deleted == b->is_deleted &&
           a->source_partition == b->source_partition && a->source_offset == b->source_offset && a->source_index == b->source_index &&
           a->user == b->user && a->session == b->session && a->step == b->step && same_text(a->content_id, b->content_id) &&
           same_text(a->country, b->country) && a->timestamp_ms == b->timestamp_ms && a->received_at_ms == b->received_at_ms &&
           a->dwell_ms == b->dwell_ms && same_value(a->value, b->value) && a->published_at_ms == b->published_at_ms &&
           a->expires_at_ms == b->expires_at_ms && same_categories(a->categories, b->categories, a->category_count, b->category_count);
}

static void test_learning(void **state)
{
    (void)state;
    static char bytes[BYTES_MAX];
    struct rng rng;
    rng_init(&rng, SEED, 3);
    for (int round = 0; round < ROUNDS; round++) {
        struct learning r = random_learning(&rng), back;
        uint32_t size = learning_encode(&r, &types, bytes);
        assert_true(size <= learning_encoded_max(&r));
        assert_int_equal(learning_decode(slice_make(bytes, size), &types, &back), STATUS_OK);
        assert_true(same_learning(&r, &back));
        check_oracle(&learning_oracle, bytes, size);
    }
}

/* A type that the settings no longer name must not stop the log. */
static void test_unknown_type(void **state)
{
    (void)state;
    char bytes[1024];
    struct event_types more = types;
    struct event_type row = {.name = "listen", .name_size = 6, .has_content = true};
    assert_int_equal(event_types_add(&more, &row, NULL), STATUS_OK);
    struct event e = {.user_id = slice_of("u"), .type = EVENT_TYPE_SHIPPED, .timestamp_ms = 1, .dwell_ms = -1, .value = NAN, .position = -1}, back;
    uint32_t size = event_encode(&e, &more, bytes);
    assert_int_equal(event_decode(slice_make(bytes, size), &types, &back), STATUS_OK);
    assert_int_equal(back.type, EVENT_TYPE_UNKNOWN);
    struct learning r = {.type = EVENT_TYPE_SHIPPED, .value = NAN, .dwell_ms = -1}, learned;
    size = learning_encode(&r, &more, bytes);
    assert_int_equal(learning_decode(slice_make(bytes, size), &types, &learned), STATUS_OK);
    assert_int_equal(learned.type, EVENT_TYPE_UNKNOWN);
}

static void test_damage(void **state)
{
    (void)state;
    static char bytes[BYTES_MAX];
    struct rng rng;
    rng_init(&rng, SEED, 4);
    for (int round = 0; round < ROUNDS; round++) {
        struct event e = random_event(&rng), back;
        struct learning r = random_learning(&rng), learned;
        struct content c = random_content(&rng), stored;
        int kind = round % 3;
        uint32_t size = kind == 0 ? event_encode(&e, &types, bytes) : kind == 1 ? learning_encode(&r, &types, bytes) : content_encode(&c, bytes);
        /* Cut anywhere, or longer by one: refused. */
        uint32_t cut = rng_below(&rng, 8) == 0 ? size + 1 : (uint32_t)rng_below(&rng, size);
        char *exact = malloc(cut + 1);
        memset(exact, 0, cut + 1);
        memcpy(exact, bytes, cut < size ? cut : size);
        struct slice damaged = slice_make(exact, cut);
        enum status status = kind == 0 ? event_decode(damaged, &types, &back) : kind == 1 ? learning_decode(damaged, &types, &learned) : content_decode(damaged, &stored);
        assert_int_equal(status, STATUS_CORRUPT);
        free(exact);
        /* A bit turned: refused, or a record whose numbers are within bounds. */
        exact = malloc(size);
        memcpy(exact, bytes, size);
        exact[rng_below(&rng, size)] ^= (char)(1 << rng_below(&rng, 8));
        damaged = slice_make(exact, size);
        if (kind == 0 && event_decode(damaged, &types, &back) == STATUS_OK)
            assert_true(back.device < DEVICE_COUNT && back.category_count <= EVENT_CATEGORY_MAX && (back.hour_of_day < 24 || back.hour_of_day == 255) &&
                        (back.day_of_week < 7 || back.day_of_week == 255) && event_owner(&back).size > 0);
        if (kind == 1 && learning_decode(damaged, &types, &learned) == STATUS_OK)
            assert_true(learned.kind < LEARNING_KIND_COUNT && learned.device < DEVICE_COUNT && learned.category_count <= EVENT_CATEGORY_MAX);
        if (kind == 2 && content_decode(damaged, &stored) == STATUS_OK)
            assert_true(stored.category_count <= EVENT_CATEGORY_MAX && stored.content_id.size > 0);
        free(exact);
    }
    struct event back;
    assert_int_equal(event_decode((struct slice){NULL, 0}, &types, &back), STATUS_CORRUPT);
    assert_int_equal(event_decode(slice_make("\0\0\0\0\2", 5), &types, &back), STATUS_CORRUPT); /* a content's frame */
}

/* ---- golden files ---- */

static void check_golden(const char *name, const char *bytes, uint32_t size)
{
    char path[128], stored[BYTES_MAX];
    snprintf(path, sizeof path, "tests/golden/%s.bin", name);
    if (getenv("PENCHANT_GOLDEN_WRITE") != NULL) {
        FILE *file = fopen(path, "wbx"); /* never over one that is there */
        if (file != NULL) {
            assert_int_equal(fwrite(bytes, 1, size, file), size);
            fclose(file);
        }
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    size_t stored_size = fread(stored, 1, sizeof stored, file);
    fclose(file);
    assert_int_equal(stored_size, size);
    assert_memory_equal(stored, bytes, size);
}

static void test_golden(void **state)
{
    (void)state;
    char bytes[2048];
    struct event full = {.event_id = slice_of("0190-e"), .user_id = slice_of("ann"), .anonymous_id = slice_of("a-77"), .session_id = slice_of("s1"),
        .content_id = slice_of("article-1"), .request_id = slice_of("r-9"), .placement = slice_of("home"), .country = slice_of("DE"),
        .region = slice_of("BY"), .city = slice_of("M\xc3\xbcnchen"), .context = slice_of("{\"k\": 1}"),
        .categories = {slice_of("news"), slice_of("politics")}, .timestamp_ms = 1764000000123, .dwell_ms = 15000, .value = 2.5, .position = 3,
        .type = EVENT_CLICK, .device = DEVICE_MOBILE, .hour_of_day = 16, .day_of_week = 0, .category_count = 2};
    check_golden("event_full", bytes, event_encode(&full, &types, bytes));
    struct event least = {.anonymous_id = slice_of("a"), .timestamp_ms = EVENT_TIME_ABSENT, .dwell_ms = -1, .value = NAN, .position = -1,
        .type = EVENT_SESSION_START, .hour_of_day = 255, .day_of_week = 255};
    check_golden("event_least", bytes, event_encode(&least, &types, bytes));
    struct content content = {.content_id = slice_of("article-1"), .title = slice_of("A title"), .url = slice_of("https://example.org/1"),
        .image = slice_of("/1.png"), .attributes = slice_of("{\"a\":[1]}"), .categories = {slice_of("news")}, .published_at_ms = 1764000000000,
        .expires_at_ms = EVENT_TIME_ABSENT, .category_count = 1, .is_hidden = true};
    check_golden("content_full", bytes, content_encode(&content, bytes));
    struct content deleted = {.content_id = slice_of("article-1"), .published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT, .is_deleted = true};
    check_golden("content_deleted", bytes, content_encode(&deleted, bytes));
    struct learning event = {.kind = LEARNING_EVENT, .type = EVENT_VIEW, .device = DEVICE_TV, .category_count = 1, .is_late = true, .is_trend = true,
        .is_step = true, .source_partition = 3, .source_offset = 90, .source_index = 1, .user = 0x0102030405060708, .session = 9, .step = 4,
        .content_id = slice_of("article-1"), .country = slice_of("FR"), .categories = {slice_of("news")}, .timestamp_ms = 1764000000000,
        .received_at_ms = 1764000000456, .dwell_ms = 12, .value = -1.5};
    check_golden("learning_event", bytes, learning_encode(&event, &types, bytes));
    struct learning session = {.kind = LEARNING_SESSION_END, .source_partition = 0, .user = 5, .session = 6, .timestamp_ms = 1764000000000,
        .received_at_ms = 1764000000456, .dwell_ms = 600000, .value = 7.25};
    check_golden("learning_session_end", bytes, learning_encode(&session, &types, bytes));
    struct learning row = {.kind = LEARNING_CONTENT, .source_partition = 0xffff, .source_offset = 7, .content_id = slice_of("article-1"),
        .timestamp_ms = 1764000000000, .received_at_ms = 1764000000456, .dwell_ms = -1, .value = NAN, .published_at_ms = 1764000000000,
        .expires_at_ms = EVENT_TIME_ABSENT, .is_hidden = true};
    check_golden("learning_content", bytes, learning_encode(&row, &types, bytes));
}

static int create(void **state)
{
    (void)state;
    event_types_init(&types);
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (char)('!' + i % 90);
    open_oracle(&event_oracle, "schemas/event.avsc");
    open_oracle(&content_oracle, "schemas/content.avsc");
    open_oracle(&learning_oracle, "schemas/learn.avsc");
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    close_oracle(&event_oracle);
    close_oracle(&content_oracle);
    close_oracle(&learning_oracle);
    return 0;
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events), cmocka_unit_test(test_largest), cmocka_unit_test(test_contents), cmocka_unit_test(test_learning),
        cmocka_unit_test(test_unknown_type), cmocka_unit_test(test_damage), cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, create, destroy);
}
