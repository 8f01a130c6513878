/* json_schema_sentence.c - what is said about a finding of json_schema.h; only values that do not match pay for it. */
#include "schema/json_schema_state.h"

#include <stdarg.h>
#include <stdio.h>

enum { REASON_SIZE = 280, SHOWN_MAX = 64 };

static const char *const kind_names[] = {
    [JSON_NULL] = "null",      [JSON_FALSE] = "false",     [JSON_TRUE] = "true",        [JSON_INTEGER] = "a whole number",
    [JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
};

struct sentence {
    char text[REASON_SIZE];
    size_t used;
};

static void put(struct sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct sentence *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(s->text + s->used, sizeof s->text - s->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        s->used = s->used + (size_t)length < sizeof s->text ? s->used + (size_t)length : sizeof s->text - 1;
}

/* A text as it may be shown: cut between characters, control characters as '?'. */
static void put_shown(struct sentence *s, struct slice text)
{
    char shown[SHOWN_MAX + 1];
    uint32_t used = 0;
    while (used < text.size) {
        size_t size = json_utf8_size(text.data + used, text.size - used);
        if (size == 0 || used + size > SHOWN_MAX)
            break;
        memcpy(shown + used, text.data + used, size);
        if ((unsigned char)shown[used] < 0x20 || shown[used] == 0x7f)
            shown[used] = '?';
        used += (uint32_t)size;
    }
    put(s, "\"%.*s%s\"", (int)used, shown, used < text.size ? "..." : "");
}

static void put_value(struct sentence *s, const struct json_value *value)
{
    if (value->kind == JSON_STRING)
        put_shown(s, value->text);
    else if (value->kind == JSON_INTEGER || value->kind == JSON_NUMBER)
        put(s, "%.*s", (int)(value->text.size < SHOWN_MAX ? value->text.size : SHOWN_MAX), value->text.data);
    else
        put(s, "%s", kind_names[value->kind]);
}

static void put_list(struct sentence *s, const struct json_value *values, const struct json_value *list)
{
    const struct json_value *first = list->kind == JSON_ARRAY ? list + 1 : list, *end = values + list->next;
    for (const struct json_value *v = first; v < end; v = values + v->next) {
        if (s->used > REASON_SIZE / 2) {
            put(s, ", ...");
            return;
        }
        put(s, "%s", v == first ? "" : ", ");
        put_value(s, v);
    }
}

static void say_type(struct sentence *s, const struct json_schema_finding *finding)
{
    const struct json_value *values = finding->node->text->values, *type = &values[finding->source];
    if (type->kind == JSON_FALSE) {
        put(s, "is not allowed");
        return;
    }
    put(s, "is %s, not of type ", kind_names[finding->value->kind]);
    put_list(s, values, type);
}

/* "must be at most 5, it is 7" */
static void say_limit(struct sentence *s, const struct json_schema_finding *finding, const char *text)
{
    put(s, "must be %s ", text);
    put_value(s, &finding->node->text->values[finding->source]);
    put(s, ", it is ");
    put_value(s, finding->value);
}

static void say_count(struct sentence *s, const struct json_schema_finding *finding, const char *least, const char *things)
{
    const struct json_value *limit = &finding->node->text->values[finding->source];
    uint32_t count = finding->value->kind == JSON_STRING ? json_schema_value_characters(finding->value->text) : finding->value->count;
    put(s, "has %u %s; at %s %.*s are allowed", count, things, least, SLICE_ARG(limit->text));
}

static void say_name(struct sentence *s, const struct json_schema_finding *finding)
{
    bool is_dependent = finding->keyword == JSON_SCHEMA_DEPENDENCIES;
    put(s, "lacks the member ");
    put_shown(s, finding->name);
    put(s, "%s", is_dependent ? ", which another member requires" : "");
}

/* The description that stands beside the keyword; NULL: none. */
static const struct json_value *note_of(const struct json_schema_node *node)
{
    if (node->text->values[node->source].kind != JSON_OBJECT)
        return NULL;
    const struct json_value *note = json_find(node->text->values, node->source, "description");
    return note != NULL && note->kind == JSON_STRING ? note : NULL;
}

static void say(struct sentence *s, const struct json_schema_finding *finding)
{
    const struct json_value *values = finding->node->text->values, *rule = &values[finding->source];
    switch (finding->keyword) {
    case JSON_SCHEMA_TYPE: say_type(s, finding); break;
    case JSON_SCHEMA_ENUM:
        put(s, "is none of ");
        put_list(s, values, rule);
        break;
    case JSON_SCHEMA_CONST:
        put(s, "is not ");
        put_value(s, rule);
        break;
    case JSON_SCHEMA_MULTIPLE_OF: say_limit(s, finding, "a multiple of"); break;
    case JSON_SCHEMA_MAXIMUM: say_limit(s, finding, "at most"); break;
    case JSON_SCHEMA_EXCLUSIVE_MAXIMUM: say_limit(s, finding, "below"); break;
    case JSON_SCHEMA_MINIMUM: say_limit(s, finding, "at least"); break;
    case JSON_SCHEMA_EXCLUSIVE_MINIMUM: say_limit(s, finding, "above"); break;
    case JSON_SCHEMA_MAX_LENGTH: say_count(s, finding, "most", "characters"); break;
    case JSON_SCHEMA_MIN_LENGTH: say_count(s, finding, "least", "characters"); break;
    case JSON_SCHEMA_PATTERN:
        put(s, "does not match the pattern ");
        put_shown(s, rule->text);
        break;
    case JSON_SCHEMA_MAX_ITEMS: say_count(s, finding, "most", "items"); break;
    case JSON_SCHEMA_MIN_ITEMS: say_count(s, finding, "least", "items"); break;
    case JSON_SCHEMA_MAX_PROPERTIES: say_count(s, finding, "most", "members"); break;
    case JSON_SCHEMA_MIN_PROPERTIES: say_count(s, finding, "least", "members"); break;
    case JSON_SCHEMA_UNIQUE_ITEMS: put(s, "holds the same item twice"); break;
    case JSON_SCHEMA_CONTAINS: put(s, "holds no item that matches"); break;
    case JSON_SCHEMA_REQUIRED:
    case JSON_SCHEMA_DEPENDENCIES: say_name(s, finding); break;
    case JSON_SCHEMA_ADDITIONAL_PROPERTIES: put(s, "is no member that is allowed here"); break;
    case JSON_SCHEMA_PROPERTY_NAMES: put(s, "is not a name that is allowed here"); break;
    case JSON_SCHEMA_ANY_OF: put(s, "matches none of %u schemas%s", rule->count, note_of(finding->node) ? ": " : ""); break;
    case JSON_SCHEMA_ONE_OF: put(s, "matches none or more than one of %u schemas%s", rule->count, note_of(finding->node) ? ": " : ""); break;
    case JSON_SCHEMA_NOT: put(s, "matches what it must not%s", note_of(finding->node) ? ": " : ""); break;
    default: UNREACHABLE("a keyword without a sentence");
    }
}

void json_schema_sentence_say(const struct json_schema_checker *checker, uint32_t root, struct problem *problem)
{
    const struct json_schema_finding *finding = &checker->finding;
    struct sentence reason = {.used = 0}, subject = {.used = 0};
    char place[96];
    if (checker->is_exhausted) {
        problem_set(problem, STATUS_BAD_EVENT, "the check against the schema takes more than %llu steps",
                    (unsigned long long)checker->step_max);
        snprintf(problem->fix, sizeof problem->fix, "send a smaller value, or make patterns and alternatives of the schema simpler");
        return;
    }
    ASSERT(finding->node != NULL);
    uint32_t index = (uint32_t)(finding->value - checker->values);
    bool is_member = index != root && finding->value->key.data != NULL;
    say(&reason, finding);
    if (is_member)
        put_shown(&subject, finding->value->key);
    else
        put(&subject, "%s", index == root ? "the value" : "the item");
    const struct json_value *note = note_of(finding->node);
    bool is_vague = finding->keyword == JSON_SCHEMA_ANY_OF || finding->keyword == JSON_SCHEMA_ONE_OF || finding->keyword == JSON_SCHEMA_NOT;
    if (is_vague && note != NULL)
        put_shown(&reason, note->text);
    problem_set(problem, STATUS_BAD_EVENT, "%s %s (%s)", subject.text, reason.text, json_schema_keyword_row(finding->keyword)->name);
    json_schema_address_render(checker->values, root, index, problem->pointer, sizeof problem->pointer);
    json_schema_address_render(finding->node->text->values, 0, finding->source, place, sizeof place);
    uint32_t room = (uint32_t)(sizeof problem->fix - sizeof "the schema says so at #: " - strlen(place));
    uint32_t size = note != NULL ? note->text.size : 0;
    if (size > room)
        for (size = room; size > 0 && ((unsigned char)note->text.data[size] & 0xc0) == 0x80; size--)
            ;
    snprintf(problem->fix, sizeof problem->fix, "the schema says so at #%s%s%.*s", place, size > 0 ? ": " : "", (int)size,
             size > 0 ? note->text.data : "");
}
