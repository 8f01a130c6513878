#include "collect/payload.h"

#include <strings.h>

/* The media type without its parameters. */
static struct slice media_type(struct slice content_type)
{
    uint32_t size = 0;

    while (size < content_type.size && content_type.data[size] != ';' && content_type.data[size] != ' ')
        size++;
    return (struct slice){content_type.data, size};
}

static bool is_type(struct slice type, const char *name)
{
    return type.size == strlen(name) && strncasecmp(type.data, name, type.size) == 0;
}

static bool is_line_type(struct slice type)
{
    return is_type(type, "application/x-ndjson") || is_type(type, "application/ndjson") ||
           is_type(type, "application/jsonl") || is_type(type, "application/x-jsonlines");
}

bool payload_is_read(struct slice content_type)
{
    static const char suffix[] = "+json";
    struct slice type = media_type(content_type);

    if (type.size == 0 || is_line_type(type))
        return true;
    if (is_type(type, "application/json") || is_type(type, "text/plain") ||
        is_type(type, "application/x-www-form-urlencoded"))
        return true;
    return type.size > sizeof suffix && strncasecmp(type.data + type.size - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the first line off the text. */
static struct slice take_line(struct slice *text)
{
    const char *end = memchr(text->data, '\n', text->size);
    uint32_t size = end ? (uint32_t)(end - text->data) : text->size;
    struct slice line = {text->data, size};
    uint32_t taken = end ? size + 1 : size;

    text->data += taken;
    text->size -= taken;
    return line;
}

/* Without a type that says so: a first line that ends an object, and another object behind it. */
static bool looks_like_lines(struct slice body)
{
    struct slice rest = body;
    struct slice line = trim(take_line(&rest));

    rest = trim(rest);
    return line.size > 1 && line.data[0] == '{' && line.data[line.size - 1] == '}' && rest.size > 0 && rest.data[0] == '{';
}

enum status payload_open(struct payload *payload, struct json_parser *parser, struct slice body,
                         struct slice content_type, struct problem *problem)
{
    uint32_t count = 0;

    *payload = (struct payload){.parser = parser};
    body = trim(body);
    if (body.size == 0)
        return problem_set(problem, STATUS_BAD_REQUEST, "the body is empty; an object, an array of objects or one object a line is read");
    if (is_line_type(media_type(content_type)) || looks_like_lines(body)) {
        payload->is_lines = true;
        payload->rest = body;
        return STATUS_OK;
    }
    enum status status = json_parse(parser, body, &payload->values, &count, problem);
    if (status != STATUS_OK)
        return status;
    if (payload->values[0].kind == JSON_OBJECT) {
        payload->left = 1;
    } else if (payload->values[0].kind == JSON_ARRAY) {
        payload->left = payload->values[0].count;
        payload->next_at = 1;
    } else {
        return problem_set(problem, STATUS_BAD_REQUEST, "the body is neither an object nor an array of objects");
    }
    return STATUS_OK;
}

static enum status check_item(const struct json_value *value, struct problem *problem)
{
    if (value->kind != JSON_OBJECT)
        return problem_set(problem, STATUS_BAD_EVENT, "the item is not an object");
    if (value->text.size > PAYLOAD_ITEM_SIZE_MAX)
        return problem_set(problem, STATUS_TOO_LARGE, "the item has %u bytes; at most %d are read", value->text.size,
                           PAYLOAD_ITEM_SIZE_MAX);
    return STATUS_OK;
}

static bool next_line(struct payload *payload, enum status *status, struct problem *problem)
{
    struct slice line = {0};
    uint32_t count = 0;

    while (line.size == 0 && payload->rest.size > 0)
        line = trim(take_line(&payload->rest));
    if (line.size == 0)
        return false;
    payload->index = payload->next_index++;
    payload->at = 0;
    *status = json_parse(payload->parser, line, &payload->values, &count, problem);
    if (*status == STATUS_OK)
        *status = check_item(&payload->values[0], problem);
    return true;
}

bool payload_next(struct payload *payload, enum status *status, struct problem *problem)
{
    if (payload->is_lines)
        return next_line(payload, status, problem);
    if (payload->left == 0)
        return false;
    payload->left--;
    payload->index = payload->next_index++;
    payload->at = payload->next_at;
    payload->next_at = payload->values[payload->at].next;
    *status = check_item(&payload->values[payload->at], problem);
    return true;
}
