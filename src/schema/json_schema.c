/* Compiling is a queue, not a recursion: a keyword that holds a schema asks for the node at that value, which is queued when
 * it is new, and a $ref asks for the node it names, wherever that is.  So each schema is compiled once, however many name it,
 * and a chain of a thousand $ref takes no stack. */
#include "schema/json_schema_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_FIRST = 64 * 1024, ARENA_BYTES_A_BYTE = 64 };

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

enum status json_schema_refuse(struct json_schema *schema, const struct json_schema_text *text, uint32_t index, const char *format, ...)
{
    char reason[sizeof schema->problem->detail];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    enum status status = problem_set(schema->problem, STATUS_SETTING, "%s", length < 0 ? "" : reason);
    if (schema->problem == NULL)
        return status;
    char pointer[sizeof schema->problem->pointer];
    json_schema_address_render(text->values, 0, index, pointer, sizeof pointer);
    if (text->uri.size == 0)
        memcpy(schema->problem->pointer, pointer, sizeof pointer);
    else /* a long URI leaves no room for the pointer: its end is cut */
        snprintf(schema->problem->pointer, sizeof schema->problem->pointer, "%.*s#%.*s", (int)(text->uri.size < 80 ? text->uri.size : 80),
                 text->uri.data, 70, pointer);
    snprintf(schema->problem->fix, sizeof schema->problem->fix, "correct the schema at this place");
    return status;
}

/* ---- documents ---- */

/* Copies the values, so that one parser reads all documents and then goes. */
static enum status load(struct json_schema *schema, struct json_parser *parser, const struct json_schema_document *document,
                        struct json_schema_text *text)
{
    const struct json_value *values = NULL;
    struct slice ignored;
    enum status status = json_parse(parser, document->text, &values, &text->count, schema->problem);
    if (status == STATUS_BAD_REQUEST && schema->problem != NULL)
        schema->problem->status = STATUS_SETTING;
    if (status != STATUS_OK)
        return status == STATUS_BAD_REQUEST ? STATUS_SETTING : status;
    json_schema_address_split(document->uri, &text->uri, &ignored);
    text->uri = arena_copy(&schema->arena, text->uri);
    text->values = arena_take(&schema->arena, text->count * sizeof *text->values);
    text->nodes = arena_take(&schema->arena, text->count * sizeof *text->nodes);
    if (text->values == NULL || text->nodes == NULL)
        return STATUS_OK; /* the arena tells */
    memcpy(text->values, values, text->count * sizeof *values);
    memset(text->nodes, 0, text->count * sizeof *text->nodes);
    for (uint32_t i = 0; i < text->count; i++) {
        struct json_value *value = &text->values[i];
        value->key = arena_copy(&schema->arena, value->key);
        if (value->kind == JSON_OBJECT || value->kind == JSON_ARRAY)
            value->text = (struct slice){NULL, 0};
        else
            value->text = arena_copy(&schema->arena, value->text);
    }
    return STATUS_OK;
}

static void add_resource(struct json_schema *schema, const struct json_schema_text *text, uint32_t index, struct slice uri)
{
    struct json_schema_resource *resource = arena_take(&schema->arena, sizeof *resource);
    struct slice rest, anchor;
    if (resource == NULL)
        return;
    json_schema_address_split(uri, &rest, &anchor);
    *resource = (struct json_schema_resource){
        .uri = arena_copy(&schema->arena, rest),
        .anchor = anchor.size > 0 ? arena_copy(&schema->arena, anchor) : (struct slice){NULL, 0},
        .text = text, .index = index, .next = schema->resources};
    schema->resources = resource;
}

/* Finds each $id in the places that hold schemas; as deep as the text, which wire/json bounds. */
static enum status scan(struct json_schema *schema, const struct json_schema_text *text, uint32_t index)
{
    const struct json_value *values = text->values, *id = json_schema_address_id(text, index);
    char buffer[JSON_SCHEMA_URI_MAX], whole[JSON_SCHEMA_URI_MAX];
    struct slice base, uri;
    enum status status = STATUS_OK;
    if (values[index].kind != JSON_OBJECT)
        return STATUS_OK;
    if (id != NULL) {
        if (!json_schema_address_base(text, index, buffer, &base) || !json_schema_address_resolve(base, id->text, whole, &uri))
            return json_schema_refuse(schema, text, (uint32_t)(id - values), "$id is longer than %d bytes", JSON_SCHEMA_URI_MAX);
        add_resource(schema, text, index, uri);
    }
    for (uint32_t i = index + 1; i < values[index].next && status == STATUS_OK; i = values[i].next) {
        enum json_schema_keyword keyword = json_schema_keyword_find(values[i].key);
        enum json_schema_shape shape = keyword < JSON_SCHEMA_KEYWORD_COUNT ? json_schema_keyword_row(keyword)->shape : JSON_SCHEMA_SHAPE_NONE;
        bool is_one = shape == JSON_SCHEMA_SHAPE_ONE || (shape == JSON_SCHEMA_SHAPE_EITHER && values[i].kind == JSON_OBJECT);
        if (shape == JSON_SCHEMA_SHAPE_NONE)
            continue;
        if (is_one)
            status = scan(schema, text, i);
        for (uint32_t j = i + 1; !is_one && j < values[i].next && status == STATUS_OK; j = values[j].next)
            status = scan(schema, text, j);
    }
    return status;
}

/* ---- nodes ---- */

struct json_schema_node *json_schema_node_at(struct json_schema *schema, const struct json_schema_text *text, uint32_t index)
{
    struct json_schema_node *node = text->nodes[index];
    if (node != NULL)
        return node;
    node = arena_take(&schema->arena, sizeof *node);
    if (node == NULL)
        return NULL;
    *node = (struct json_schema_node){.kinds = 0xff, .source = index, .type_source = index, .text = text};
    text->nodes[index] = node;
    if (schema->last != NULL)
        schema->last->next = node;
    else
        schema->first = node;
    schema->last = node;
    schema->node_count++;
    return node;
}

const struct json_schema_node *json_schema_target(struct json_schema *schema, const struct json_schema_text *text, uint32_t index)
{
    char base_buffer[JSON_SCHEMA_URI_MAX], buffer[JSON_SCHEMA_URI_MAX];
    struct slice base, uri, rest, fragment, reference = text->values[index].text;
    enum status status = STATUS_OK;
    if (!json_schema_address_base(text, index, base_buffer, &base) || !json_schema_address_resolve(base, reference, buffer, &uri)) {
        status = json_schema_refuse(schema, text, index, "$ref is longer than %d bytes", JSON_SCHEMA_URI_MAX);
        return NULL;
    }
    json_schema_address_split(uri, &rest, &fragment);
    bool is_pointer = fragment.size == 0 || fragment.data[0] == '/', is_named = false;
    for (const struct json_schema_resource *r = schema->resources; r != NULL; r = r->next) {
        if (!slice_equal(r->uri, rest) || (!is_pointer && !slice_equal(r->anchor, fragment)) || (is_pointer && r->anchor.data != NULL))
            continue;
        is_named = true;
        uint32_t found = is_pointer ? json_schema_address_find(r->text->values, r->index, fragment) : r->index;
        if (found != JSON_SCHEMA_ABSENT)
            return json_schema_node_at(schema, r->text, found);
    }
    if (is_named || rest.size == 0)
        status = json_schema_refuse(schema, text, index, "$ref \"%.*s\" names nothing in the schema", SLICE_ARG(reference));
    else
        status = json_schema_refuse(schema, text, index, "$ref \"%.*s\" leads to \"%.*s\", which is not mapped; nothing is fetched",
                                    SLICE_ARG(reference), SLICE_ARG(rest));
    ASSERT(status != STATUS_OK);
    return NULL;
}

/* ---- a $ref that comes back without going into the instance ---- */

/* The k-th schema that the node applies to the same value; *is_end when there are no more. */
static const struct json_schema_node *same_value(const struct json_schema_node *node, uint32_t *rule_at, uint32_t *at)
{
    if (node->target != NULL)
        return (*at)++ == 0 ? node->target : NULL;
    for (; *rule_at < node->rule_count; ++*rule_at, *at = 0) {
        const struct json_schema_rule *rule = &node->rules[*rule_at];
        bool is_list = rule->keyword == JSON_SCHEMA_ALL_OF || rule->keyword == JSON_SCHEMA_ANY_OF || rule->keyword == JSON_SCHEMA_ONE_OF ||
                       rule->keyword == JSON_SCHEMA_NOT || rule->keyword == JSON_SCHEMA_IF;
        while (is_list && *at < rule->count) {
            const struct json_schema_node *next = rule->nodes[(*at)++];
            if (next != NULL)
                return next;
        }
        while (rule->keyword == JSON_SCHEMA_DEPENDENCIES && *at < rule->count) {
            const struct json_schema_node *next = rule->dependencies[(*at)++].node;
            if (next != NULL)
                return next;
        }
    }
    return NULL;
}

struct visit {
    struct json_schema_node *node;
    uint32_t rule_at, at;
};

static enum status find_cycle(struct json_schema *schema, struct visit *visits, struct json_schema_node *start)
{
    uint32_t depth = 0;
    visits[depth++] = (struct visit){.node = start};
    start->mark = MARK_OPEN;
    while (depth > 0) {
        struct visit *visit = &visits[depth - 1];
        const struct json_schema_node *found = same_value(visit->node, &visit->rule_at, &visit->at);
        if (found == NULL) {
            visit->node->mark = MARK_DONE;
            depth--;
            continue;
        }
        struct json_schema_node *next = found->text->nodes[found->source];
        if (next->mark == MARK_OPEN)
            return json_schema_refuse(schema, visit->node->text, visit->node->source,
                                      "this schema comes back to itself without going into the value, so that a check would not end");
        if (next->mark == MARK_NEW) {
            next->mark = MARK_OPEN;
            visits[depth++] = (struct visit){.node = next};
        }
    }
    return STATUS_OK;
}

static enum status find_cycles(struct json_schema *schema)
{
    struct visit *visits = calloc(schema->node_count + 1, sizeof *visits);
    enum status status = STATUS_OK;
    if (visits == NULL)
        return problem_set(schema->problem, STATUS_MEMORY, "no memory for the schema");
    for (struct json_schema_node *node = schema->first; node != NULL && status == STATUS_OK; node = node->next)
        if (node->mark == MARK_NEW)
            status = find_cycle(schema, visits, node);
    free(visits);
    return status;
}

/* ---- the whole ---- */

static enum status compile(struct json_schema *schema, const struct json_schema_document *documents, struct json_parser *parser)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < schema->text_count && status == STATUS_OK; i++) {
        status = load(schema, parser, &documents[i], &schema->texts[i]);
        if (status == STATUS_OK && !schema->arena.is_overflown) {
            add_resource(schema, &schema->texts[i], 0, schema->texts[i].uri);
            status = scan(schema, &schema->texts[i], 0);
        }
    }
    if (status == STATUS_OK && !schema->arena.is_overflown)
        schema->root = json_schema_node_at(schema, &schema->texts[0], 0);
    for (struct json_schema_node *node = schema->first; node != NULL && status == STATUS_OK && !schema->arena.is_overflown; node = node->next)
        status = json_schema_keyword_compile(schema, node);
    if (schema->arena.is_overflown)
        return problem_set(schema->problem, STATUS_SETTING, "the schema is too large");
    return status == STATUS_OK ? find_cycles(schema) : status;
}

static enum status create(struct json_schema *schema, const struct json_schema_document *documents, uint32_t count)
{
    struct json_parser *parser = NULL;
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += documents[i].text.size;
    if (bytes > JSON_SCHEMA_SIZE_MAX)
        return problem_set(schema->problem, STATUS_SETTING, "the schema has %zu bytes; at most %d are read", bytes, JSON_SCHEMA_SIZE_MAX);
    /* The densest is a list of required one-letter names: 4 bytes of text for a value, its name and 4 slots. */
    enum status status = arena_init(&schema->arena, ARENA_FIRST + bytes * ARENA_BYTES_A_BYTE);
    if (status == STATUS_OK)
        status = json_parser_create(&parser, JSON_SCHEMA_SIZE_MAX);
    schema->texts = calloc(count, sizeof *schema->texts);
    schema->text_count = count;
    if (status != STATUS_OK || schema->texts == NULL)
        status = problem_set(schema->problem, STATUS_MEMORY, "no memory for the schema");
    else
        status = compile(schema, documents, parser);
    json_parser_destroy(parser);
    return status;
}

enum status json_schema_compile(struct json_schema **out, struct slice text, const struct json_schema_document *mapped,
                                uint32_t mapped_count, struct problem *problem)
{
    struct json_schema *schema = calloc(1, sizeof *schema);
    struct json_schema_document *documents = calloc((size_t)mapped_count + 1, sizeof *documents);
    enum status status;

    *out = NULL;
    if (schema == NULL || documents == NULL) {
        status = problem_set(problem, STATUS_MEMORY, "no memory for the schema");
    } else {
        documents[0] = (struct json_schema_document){.text = text};
        if (mapped_count > 0)
            memcpy(documents + 1, mapped, mapped_count * sizeof *mapped);
        schema->problem = problem;
        status = create(schema, documents, mapped_count + 1);
        schema->problem = NULL;
    }
    free(documents);
    if (status != STATUS_OK) {
        json_schema_destroy(schema);
        return status;
    }
    *out = schema;
    return STATUS_OK;
}

void json_schema_destroy(struct json_schema *schema)
{
    if (schema == NULL)
        return;
    for (struct json_schema_pattern *pattern = schema->patterns; pattern != NULL; pattern = pattern->next)
        pcre2_code_free(pattern->code);
    arena_fini(&schema->arena);
    free(schema->texts);
    free(schema);
}

enum status json_schema_check(struct json_schema_checker *checker, const struct json_value *values, uint32_t index,
                              const char **keyword, struct problem *problem)
{
    bool is_match = json_schema_checker_run(checker, values, index);
    if (keyword != NULL)
        *keyword = is_match ? NULL : checker->is_exhausted ? "steps" : json_schema_keyword_row(checker->finding.keyword)->name;
    if (is_match)
        return STATUS_OK;
    if (problem != NULL)
        json_schema_sentence_say(checker, index, problem);
    return STATUS_BAD_EVENT;
}
