#include "io/http_target.h"

#include <strings.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static struct slice rest_from(struct slice s, const char *from)
{
    return slice_make(from, (size_t)(s.data + s.size - from));
}

bool http_target_split(struct slice target, struct slice *authority, struct slice *path, struct slice *query)
{
    *authority = *query = (struct slice){NULL, 0};
    if (target.size >= 7 && strncasecmp(target.data, "http://", 7) == 0) {
        target = slice_make(target.data + 7, target.size - 7);
        uint32_t end = 0;
        while (end < target.size && target.data[end] != '/' && target.data[end] != '?')
            end++;
        *authority = slice_make(target.data, end);
        target = slice_make(target.data + end, target.size - end);
        if (target.size == 0 || target.data[0] == '?') {
            *path = slice_of("/");
            if (target.size > 0)
                *query = slice_make(target.data + 1, target.size - 1);
            return true;
        }
    }
    if (slice_is(target, "*")) {
        *path = target;
        return true;
    }
    if (target.size == 0 || target.data[0] != '/')
        return false;
    const char *mark = memchr(target.data, '?', target.size);
    *path = target;
    if (mark != NULL) {
        *path = slice_make(target.data, (size_t)(mark - target.data));
        *query = rest_from(target, mark + 1);
    }
    return true;
}

/* Decodes raw into the arena; text without escapes is given back as it is.  False: a broken
 * escape where is_strict, or the arena is full. */
static bool decode(struct arena *arena, struct slice raw, bool is_strict, bool is_plus_space, struct slice *out)
{
    *out = raw;
    if (raw.size == 0)
        return true;
    if (memchr(raw.data, '%', raw.size) == NULL && (!is_plus_space || memchr(raw.data, '+', raw.size) == NULL))
        return true;
    char *text = arena_take(arena, raw.size);
    uint32_t size = 0;
    if (text == NULL) {
        *out = (struct slice){NULL, 0};
        return false;
    }
    for (uint32_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = raw.size - i > 2 ? hex_value(raw.data[i + 1]) : -1;
            int low = raw.size - i > 2 ? hex_value(raw.data[i + 2]) : -1;
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            } else if (is_strict) {
                return false;
            }
        } else if (c == '+' && is_plus_space) {
            c = ' ';
        }
        text[size++] = c;
    }
    *out = slice_make(text, size);
    return true;
}

bool http_target_segments(struct arena *arena, struct slice path, struct slice *segments, uint32_t count_max,
                          uint32_t *count)
{
    uint32_t begin = 1;

    *count = 0;
    if (path.size < 2)
        return true;
    for (uint32_t i = 1; i <= path.size; i++) {
        if (i < path.size && path.data[i] != '/')
            continue;
        if (*count == count_max) {
            *count = count_max + 1;
            return true;
        }
        if (!decode(arena, slice_make(path.data + begin, i - begin), true, false, &segments[*count]))
            return false;
        ++*count;
        begin = i + 1;
    }
    return true;
}

struct slice http_target_find(struct arena *arena, struct slice query, const char *name)
{
    uint32_t begin = 0;

    for (uint32_t i = 0; i <= query.size && query.data != NULL; i++) {
        if (i < query.size && query.data[i] != '&')
            continue;
        struct slice pair = slice_make(query.data + begin, i - begin);
        const char *mark = pair.size > 0 ? memchr(pair.data, '=', pair.size) : NULL;
        struct slice key = mark ? slice_make(pair.data, (size_t)(mark - pair.data)) : pair;
        struct slice value = mark ? rest_from(pair, mark + 1) : slice_make(pair.data + pair.size, 0);
        struct slice plain;
        begin = i + 1;
        if (pair.size == 0 || !decode(arena, key, false, true, &plain) || !slice_is(plain, name))
            continue;
        decode(arena, value, false, true, &plain);
        return plain;
    }
    return (struct slice){NULL, 0};
}
