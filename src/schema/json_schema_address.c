/* json_schema_address.c - URIs and JSON pointers of json_schema.h. */
#include "schema/json_schema_state.h"

#include <stdio.h>

struct parts {
    struct slice scheme, authority, path, query; /* absent: NULL; the path is never absent */
};

struct text {
    char *data;
    uint32_t size;
    bool is_cut;
};

static void put(struct text *out, const char *data, uint32_t size)
{
    if (out->size + size > JSON_SCHEMA_URI_MAX) {
        out->is_cut = true;
        return;
    }
    if (size > 0)
        memcpy(out->data + out->size, data, size);
    out->size += size;
}

/* First of the bytes `ends` in s, or its size. */
static uint32_t until(struct slice s, const char *ends)
{
    uint32_t at = 0;
    while (at < s.size && strchr(ends, s.data[at]) == NULL)
        at++;
    return at;
}

static struct slice from(struct slice s, uint32_t at)
{
    return (struct slice){s.data + at, s.size - at};
}

/* RFC 3986, appendix B; without a fragment. */
static struct parts split(struct slice uri)
{
    struct parts parts = {0};
    uint32_t at = until(uri, ":/?");
    if (at > 0 && at < uri.size && uri.data[at] == ':') {
        parts.scheme = (struct slice){uri.data, at};
        uri = from(uri, at + 1);
    }
    if (uri.size >= 2 && uri.data[0] == '/' && uri.data[1] == '/') {
        uri = from(uri, 2);
        at = until(uri, "/?");
        parts.authority = (struct slice){uri.data, at};
        uri = from(uri, at);
    }
    at = until(uri, "?");
    parts.path = (struct slice){uri.data, at};
    if (at < uri.size)
        parts.query = from(uri, at + 1);
    return parts;
}

/* RFC 3986, section 5.2.4, over out->data[start..]: segments are written one by one and taken back for "..". */
static void remove_dots(struct text *out, uint32_t start)
{
    struct slice path = {out->data + start, out->size - start};
    uint32_t to = 0;
    for (uint32_t at = 0; at < path.size;) {
        struct slice rest = from(path, at);
        uint32_t slash = rest.data[0] == '/' ? 1 : 0;
        uint32_t size = slash + until(from(rest, slash), "/");
        struct slice segment = {rest.data + slash, size - slash};
        bool is_last = at + size == path.size;
        at += size;
        if (slice_is(segment, ".") || slice_is(segment, "..")) {
            if (segment.size == 2)
                while (to > 0 && out->data[start + --to] != '/')
                    ;
            if (is_last && (slash == 1 || to > 0))
                out->data[start + to++] = '/';
            continue;
        }
        memmove(out->data + start + to, rest.data, size);
        to += size;
    }
    out->size = start + to;
}

static void put_merged(struct text *out, const struct parts *base, struct slice path)
{
    uint32_t last = base->path.size;
    while (last > 0 && base->path.data[last - 1] != '/')
        last--;
    if (last == 0 && base->authority.data != NULL)
        put(out, "/", 1);
    put(out, base->path.data, last);
    put(out, path.data, path.size);
}

bool json_schema_address_resolve(struct slice base, struct slice reference, char buffer[JSON_SCHEMA_URI_MAX], struct slice *out)
{
    struct text text = {.data = buffer};
    struct slice rest, fragment, ignored;
    json_schema_address_split(base, &base, &ignored);
    json_schema_address_split(reference, &rest, &fragment);
    struct parts of = split(base), to = split(rest);
    bool is_own = to.scheme.data != NULL, has_authority = is_own || to.authority.data != NULL;
    struct slice scheme = is_own ? to.scheme : of.scheme, authority = has_authority ? to.authority : of.authority;
    bool is_same = !has_authority && to.path.size == 0;
    struct slice query = is_same && to.query.data == NULL ? of.query : to.query;
    put(&text, scheme.data, scheme.size);
    if (scheme.data != NULL)
        put(&text, ":", 1);
    if (authority.data != NULL) {
        put(&text, "//", 2);
        put(&text, authority.data, authority.size);
    }
    uint32_t start = text.size;
    if (is_same) {
        put(&text, of.path.data, of.path.size);
    } else {
        if (has_authority || to.path.data[0] == '/')
            put(&text, to.path.data, to.path.size);
        else
            put_merged(&text, &of, to.path);
        remove_dots(&text, start);
    }
    if (query.data != NULL) {
        put(&text, "?", 1);
        put(&text, query.data, query.size);
    }
    if (fragment.size > 0) {
        put(&text, "#", 1);
        put(&text, fragment.data, fragment.size);
    }
    *out = (struct slice){buffer, text.size};
    return !text.is_cut;
}

void json_schema_address_split(struct slice uri, struct slice *rest, struct slice *fragment)
{
    uint32_t at = until(uri, "#");
    struct slice behind = at < uri.size ? from(uri, at + 1) : (struct slice){NULL, 0};
    *rest = (struct slice){uri.data, at};
    *fragment = behind;
}

const struct json_value *json_schema_address_id(const struct json_schema_text *text, uint32_t index)
{
    if (text->values[index].kind != JSON_OBJECT || json_find(text->values, index, "$ref") != NULL)
        return NULL;
    const struct json_value *id = json_find(text->values, index, "$id");
    return id != NULL && id->kind == JSON_STRING ? id : NULL;
}

bool json_schema_address_base(const struct json_schema_text *text, uint32_t index, char buffer[JSON_SCHEMA_URI_MAX], struct slice *out)
{
    char other[JSON_SCHEMA_URI_MAX];
    struct slice rest, fragment;
    *out = text->uri;
    for (uint32_t at = 0;;) {
        const struct json_value *id = json_schema_address_id(text, at);
        if (id != NULL) {
            if (!json_schema_address_resolve(*out, id->text, other, out))
                return false;
            json_schema_address_split(*out, &rest, &fragment);
            memcpy(buffer, rest.data, rest.size);
            *out = (struct slice){buffer, rest.size};
        }
        if (at == index)
            return true;
        for (at++; text->values[at].next <= index; at = text->values[at].next)
            ;
    }
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a token: %XX of the URI first, then ~0 and ~1 of the pointer. */
static char take(struct slice *rest)
{
    char c = rest->data[0];
    uint32_t size = 1;
    if (c == '%' && rest->size >= 3 && hex(rest->data[1]) >= 0 && hex(rest->data[2]) >= 0) {
        c = (char)(hex(rest->data[1]) * 16 + hex(rest->data[2]));
        size = 3;
    }
    *rest = from(*rest, size);
    if (c == '~' && rest->size > 0 && (rest->data[0] == '0' || rest->data[0] == '1')) {
        c = rest->data[0] == '0' ? '~' : '/';
        *rest = from(*rest, 1);
    }
    return c;
}

static uint32_t find_member(const struct json_value *values, uint32_t container, struct slice token)
{
    uint64_t wanted = 0, number = 0;
    bool is_array = values[container].kind == JSON_ARRAY;
    bool is_number = token.size > 0 && token.size <= 9 && (token.size == 1 || token.data[0] != '0');
    for (uint32_t i = 0; i < token.size && is_number; i++) {
        is_number = token.data[i] >= '0' && token.data[i] <= '9';
        wanted = wanted * 10 + (uint64_t)(token.data[i] - '0');
    }
    if (is_array && !is_number)
        return JSON_SCHEMA_ABSENT;
    for (uint32_t i = container + 1; i < values[container].next; i = values[i].next, number++)
        if (is_array ? number == wanted : slice_equal(values[i].key, token))
            return i;
    return JSON_SCHEMA_ABSENT;
}

uint32_t json_schema_address_find(const struct json_value *values, uint32_t root, struct slice fragment)
{
    char token[JSON_SCHEMA_URI_MAX];
    uint32_t at = root;
    while (at != JSON_SCHEMA_ABSENT && fragment.size > 0) {
        uint32_t size = 0;
        if (fragment.data[0] != '/')
            return JSON_SCHEMA_ABSENT;
        fragment = from(fragment, 1);
        while (fragment.size > 0 && fragment.data[0] != '/' && size < sizeof token)
            token[size++] = take(&fragment);
        at = find_member(values, at, (struct slice){token, size});
    }
    return at;
}

/* Appends /token; false when it does not fit. */
static bool put_token(char *out, size_t size, size_t *used, struct slice token)
{
    size_t at = *used;
    if (at + 2 > size)
        return false;
    out[at++] = '/';
    for (uint32_t i = 0; i < token.size; i++) {
        char c = token.data[i];
        bool is_escaped = c == '~' || c == '/';
        if (at + (is_escaped ? 2 : 1) > size)
            return false;
        if (is_escaped)
            out[at++] = '~';
        out[at++] = c == '~' ? '0' : c == '/' ? '1' : c;
    }
    *used = at;
    return true;
}

void json_schema_address_render(const struct json_value *values, uint32_t root, uint32_t index, char *out, size_t size)
{
    static const char cut[] = "/...";
    size_t used = 0, room = size - sizeof cut;
    for (uint32_t at = root; at != index;) {
        bool is_array = values[at].kind == JSON_ARRAY;
        uint32_t number = 0;
        char digits[16];
        for (at++; values[at].next <= index; at = values[at].next)
            number++;
        snprintf(digits, sizeof digits, "%u", number);
        if (!put_token(out, room, &used, is_array ? slice_of(digits) : values[at].key)) {
            memcpy(out + used, cut, sizeof cut);
            return;
        }
    }
    out[used] = '\0';
}
