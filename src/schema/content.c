/* schemas/content.avsc is the order of the calls of content_encode and content_decode. */
#include "schema/content.h"

#include <stdio.h>
#include <strings.h>

#include "wire/avro.h"

enum { OVERHEAD_BYTES = 128, CATEGORY_OVERHEAD_BYTES = 5 };

static enum status refuse(struct problem *problem, const char *member, const char *reason, const char *fix)
{
    enum status status = problem_set(problem, STATUS_BAD_EVENT, "%s %s", member, reason);
    if (problem != NULL) {
        snprintf(problem->pointer, sizeof problem->pointer, "/%s", member);
        snprintf(problem->fix, sizeof problem->fix, "%s", fix);
    }
    return status;
}

static bool holds_control(struct slice text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    return false;
}

static const struct json_value *member_of(const struct json_value *values, uint32_t index, const char *name)
{
    const struct json_value *value = json_find(values, index, name);
    return value != NULL && value->kind != JSON_NULL ? value : NULL;
}

static enum status read_text(const struct json_value *values, uint32_t index, const char *name, uint32_t size_max,
                             struct slice *text, struct problem *problem)
{
    const struct json_value *value = member_of(values, index, name);
    if (value == NULL)
        return STATUS_OK;
    char fix[96];
    snprintf(fix, sizeof fix, "send at most %u bytes of text without control characters, or leave it out", size_max);
    if (value->kind != JSON_STRING)
        return refuse(problem, name, "must be a string", fix);
    if (value->text.size > size_max)
        return refuse(problem, name, "is too long", fix);
    if (holds_control(value->text))
        return refuse(problem, name, "holds a control character", fix);
    if (value->text.size > 0)
        *text = value->text;
    return STATUS_OK;
}

/* Pages show these as links, so a scheme that runs as a script is refused here, once. */
static enum status read_link(const struct json_value *values, uint32_t index, const char *name, struct slice *link,
                             struct problem *problem)
{
    static const char *const schemes[] = {"javascript:", "vbscript:", "data:"};
    struct slice text = {NULL, 0};
    enum status status = read_text(values, index, name, CONTENT_URL_MAX, &text, problem);
    if (status != STATUS_OK || text.data == NULL)
        return status;
    uint32_t at = 0;
    while (at < text.size && text.data[at] == ' ')
        at++;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (text.size - at >= size && strncasecmp(text.data + at, schemes[i], size) == 0)
            return refuse(problem, name, "has a scheme that is not allowed", "send an https address or a path");
    }
    *link = text;
    return STATUS_OK;
}

static enum status read_time(const struct json_value *values, uint32_t index, const char *name, int64_t *time_ms,
                             struct problem *problem)
{
    const struct json_value *value = member_of(values, index, name);
    bool has_offset;
    int32_t offset_minutes;
    const char *reason = value != NULL ? event_time_read(value, time_ms, &has_offset, &offset_minutes) : NULL;
    if (reason == NULL)
        return STATUS_OK;
    return refuse(problem, name, reason, "send RFC 3339 such as 2026-11-24T10:00:00Z, or milliseconds since 1970");
}

static enum status read_id(const struct json_value *values, uint32_t index, struct slice content_id,
                           struct content *content, struct problem *problem)
{
    const struct json_value *member = member_of(values, index, "content_id");
    const char *fix = "send 1 to 128 bytes of text without control characters";
    if (member != NULL && member->kind != JSON_STRING)
        return refuse(problem, "content_id", "must be a string", fix);
    if (content_id.data != NULL && member != NULL && !slice_equal(content_id, member->text))
        return refuse(problem, "content_id", "differs from the one in the path", "send the same id, or leave it out");
    content->content_id = content_id.data != NULL || member == NULL ? content_id : member->text;
    if (content->content_id.data == NULL)
        return refuse(problem, "content_id", "is required", fix);
    if (content->content_id.size == 0 || content->content_id.size > EVENT_CONTENT_MAX)
        return refuse(problem, "content_id", content->content_id.size == 0 ? "is empty" : "is too long", fix);
    /* The path's own has not been through a JSON parser. */
    for (uint32_t i = 0; i < content->content_id.size;) {
        size_t size = json_utf8_size(content->content_id.data + i, content->content_id.size - i);
        if (size == 0)
            return refuse(problem, "content_id", "is not UTF-8", fix);
        i += (uint32_t)size;
    }
    return holds_control(content->content_id) ? refuse(problem, "content_id", "holds a control character", fix) : STATUS_OK;
}

static enum status read_flags(const struct json_value *values, uint32_t index, struct content *content,
                              struct problem *problem)
{
    const struct json_value *hidden = member_of(values, index, "hidden");
    if (hidden != NULL && hidden->kind != JSON_TRUE && hidden->kind != JSON_FALSE)
        return refuse(problem, "hidden", "must be true or false", "send true or false, or leave it out");
    content->is_hidden = hidden != NULL && hidden->kind == JSON_TRUE;
    const struct json_value *attributes = member_of(values, index, "attributes");
    if (attributes != NULL && attributes->kind != JSON_OBJECT)
        return refuse(problem, "attributes", "must be an object", "send an object, or leave it out");
    if (attributes != NULL)
        content->attributes = attributes->text;
    return STATUS_OK;
}

enum status content_parse(const struct json_value *values, uint32_t index, struct slice content_id,
                          struct content *content, struct problem *problem)
{
    *content = (struct content){.published_at_ms = EVENT_TIME_ABSENT, .expires_at_ms = EVENT_TIME_ABSENT};
    if (values[index].kind != JSON_OBJECT)
        return problem_set(problem, STATUS_BAD_EVENT, "a content is a JSON object");
    enum status status = read_id(values, index, content_id, content, problem);
    if (status == STATUS_OK)
        status = read_text(values, index, "title", CONTENT_TITLE_MAX, &content->title, problem);
    if (status == STATUS_OK)
        status = read_link(values, index, "url", &content->url, problem);
    if (status == STATUS_OK)
        status = read_link(values, index, "image", &content->image, problem);
    if (status == STATUS_OK)
        status = event_parse_categories(values, json_find(values, index, "categories"), content->categories,
                                        &content->category_count, problem);
    if (status == STATUS_OK)
        status = read_time(values, index, "published_at", &content->published_at_ms, problem);
    if (status == STATUS_OK)
        status = read_time(values, index, "expires_at", &content->expires_at_ms, problem);
    if (status == STATUS_OK)
        status = read_flags(values, index, content, problem);
    return status;
}

uint32_t content_encoded_max(const struct content *content)
{
    uint32_t size = OVERHEAD_BYTES + content->content_id.size + content->title.size + content->url.size +
                    content->image.size + content->attributes.size;
    for (uint32_t i = 0; i < content->category_count; i++)
        size += content->categories[i].size + CATEGORY_OVERHEAD_BYTES;
    return size;
}

static void put_time(struct avro_out *out, int64_t time_ms)
{
    avro_put_branch(out, time_ms != EVENT_TIME_ABSENT);
    if (time_ms != EVENT_TIME_ABSENT)
        avro_put_long(out, time_ms);
}

uint32_t content_encode(const struct content *content, char *out)
{
    ASSERT(content->category_count <= EVENT_CATEGORY_MAX);
    struct avro_out avro = {.data = out, .capacity = content_encoded_max(content)};
    avro_put_frame(&avro, CONTENT_SCHEMA_ID);
    avro_put_string(&avro, content->content_id);
    avro_put_optional_string(&avro, content->title);
    avro_put_strings(&avro, content->categories, content->category_count);
    put_time(&avro, content->published_at_ms);
    put_time(&avro, content->expires_at_ms);
    avro_put_optional_string(&avro, content->url);
    avro_put_optional_string(&avro, content->image);
    avro_put_boolean(&avro, content->is_hidden);
    avro_put_optional_string(&avro, content->attributes);
    avro_put_boolean(&avro, content->is_deleted);
    ASSERT(!avro.is_overflown);
    return avro.size;
}

enum status content_decode(struct slice bytes, struct content *content)
{
    struct avro_in in = {.data = bytes.data, .size = bytes.size};
    if (avro_get_frame(&in) != CONTENT_SCHEMA_ID || in.is_bad)
        return STATUS_CORRUPT;
    content->content_id = avro_get_string(&in);
    content->title = avro_get_optional_string(&in);
    content->category_count = (uint8_t)avro_get_strings(&in, content->categories, EVENT_CATEGORY_MAX);
    content->published_at_ms = avro_get_branch(&in) ? avro_get_long(&in) : EVENT_TIME_ABSENT;
    content->expires_at_ms = avro_get_branch(&in) ? avro_get_long(&in) : EVENT_TIME_ABSENT;
    content->url = avro_get_optional_string(&in);
    content->image = avro_get_optional_string(&in);
    content->is_hidden = avro_get_boolean(&in);
    content->attributes = avro_get_optional_string(&in);
    content->is_deleted = avro_get_boolean(&in);
    return in.is_bad || in.at != in.size || content->content_id.size == 0 ? STATUS_CORRUPT : STATUS_OK;
}
