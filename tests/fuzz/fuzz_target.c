/* Goal: path, segments and query of a request target stay inside it and mean what they say.
 * Method: pieces put together again are the target; every decoded segment and value, escaped
 * byte by byte, decodes to itself; an arena that is too small is told and never overrun. */
#include "fuzz.h"

#include "io/http_target.h"

enum { SEGMENTS = 8, ARENA = 1 << 20, NAME_SIZE = 64 };

static char *escape(const char *before, struct slice text, uint32_t *size)
{
    size_t at = strlen(before);
    char *out = malloc(at + 3 * (size_t)text.size + 1);

    memcpy(out, before, at);
    for (uint32_t i = 0; i < text.size; i++, at += 3)
        snprintf(out + at, 4, i % 2 ? "%%%02x" : "%%%02X", (unsigned char)text.data[i]);
    *size = (uint32_t)at;
    return out;
}

static void check_segments(struct arena *arena, struct slice path)
{
    struct slice segments[SEGMENTS], again;
    uint32_t count, again_count, slashes = 0, size;

    for (uint32_t i = 0; i < path.size; i++)
        slashes += path.data[i] == '/';
    if (!http_target_segments(arena, path, segments, SEGMENTS, &count)) {
        FUZZ_CHECK(arena->is_overflown || memchr(path.data, '%', path.size) != NULL);
        return;
    }
    FUZZ_CHECK(count == (path.size < 2 ? 0 : slashes > SEGMENTS ? SEGMENTS + 1 : slashes));
    for (uint32_t i = 0; i < count && i < SEGMENTS; i++) {
        char *escaped = escape("/", segments[i], &size);
        bool is_read = http_target_segments(arena, slice_make(escaped, size), &again, 1, &again_count);
        FUZZ_CHECK(arena->is_overflown || (is_read && again_count == (segments[i].size > 0)));
        FUZZ_CHECK(arena->is_overflown || again_count == 0 || slice_equal(again, segments[i]));
        free(escaped);
    }
}

static void check_query(struct arena *arena, struct slice query)
{
    char name[NAME_SIZE];
    uint32_t name_size = 0, size;

    while (name_size < query.size && name_size < NAME_SIZE - 1 && strchr("=&%+", query.data[name_size]) == NULL)
        name_size++;
    bool is_whole = name_size > 0 && (name_size == query.size || query.data[name_size] == '=' || query.data[name_size] == '&');
    if (query.data == NULL || !is_whole || memchr(query.data, 0, name_size) != NULL)
        return;
    memcpy(name, query.data, name_size);
    name[name_size] = 0;
    struct slice value = http_target_find(arena, query, name);
    FUZZ_CHECK(value.data != NULL || arena->is_overflown);
    char before[NAME_SIZE + 8];
    snprintf(before, sizeof before, "&&%s=", name);
    char *escaped = escape(before, value, &size);
    struct slice again = http_target_find(arena, slice_make(escaped, size), name);
    FUZZ_CHECK(arena->is_overflown || slice_equal(value, again));
    free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena, small;
    struct slice authority, path, query, segments[SEGMENTS];
    uint32_t count;

    if (arena.base == NULL)
        FUZZ_CHECK(arena_init(&arena, ARENA) == STATUS_OK && arena_init(&small, 32) == STATUS_OK);
    struct slice target = slice_make((const char *)data, size);
    if (!http_target_split(target, &authority, &path, &query))
        return 0;
    uint32_t lead = authority.data != NULL ? 7 : 0;
    bool has_path = path.data >= target.data && path.data < target.data + target.size;
    FUZZ_CHECK(has_path || slice_is(path, "/"));
    FUZZ_CHECK(lead + authority.size + (has_path ? path.size : 0) + (query.data != NULL) + query.size == target.size);
    arena_reset(&arena);
    arena_reset(&small);
    check_segments(&arena, path);
    check_query(&arena, query);
    (void)http_target_segments(&small, path, segments, SEGMENTS, &count);
    (void)http_target_find(&small, query, "user_id");
    return 0;
}
