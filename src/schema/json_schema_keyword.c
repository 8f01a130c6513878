/* json_schema_keyword.c - from the members of a schema to the rules of its node, for json_schema.h. */
#include "schema/json_schema_state.h"

#include <math.h>
#include <stdio.h>

#define KIND(kind) ((uint8_t)(1U << (kind)))

enum {
    KINDS_ALL = 0xff,
    KINDS_NUMBER = 1 << JSON_INTEGER | 1 << JSON_NUMBER,
    KINDS_STRING = 1 << JSON_STRING,
    KINDS_OBJECT = 1 << JSON_OBJECT,
    KINDS_ARRAY = 1 << JSON_ARRAY,
    REQUIRED_BITS = 64
};

static const struct json_schema_row rows[JSON_SCHEMA_KEYWORD_COUNT] = {
#define KEYWORD(name, text, shape) [JSON_SCHEMA_##name] = {text, JSON_SCHEMA_SHAPE_##shape},
#include "schema/json_schema_keywords.def"
#undef KEYWORD
};

/* A node under way. by[k]: index of keyword k's value, 0: absent. */
struct builder {
    struct json_schema *schema;
    struct json_schema_node *node;
    const struct json_schema_text *text;
    const struct json_value *values;
    uint32_t by[JSON_SCHEMA_KEYWORD_COUNT];
};

const struct json_schema_row *json_schema_keyword_row(enum json_schema_keyword keyword)
{
    return &rows[keyword];
}

enum json_schema_keyword json_schema_keyword_find(struct slice name)
{
    uint32_t i = 0;
    while (i < JSON_SCHEMA_KEYWORD_COUNT && !slice_is(name, rows[i].name))
        i++;
    return (enum json_schema_keyword)i;
}

#define REFUSE(b, index, ...) json_schema_refuse((b)->schema, (b)->text, index, __VA_ARGS__)

static void *take(struct builder *b, size_t count, size_t size)
{
    void *place = arena_take(&b->schema->arena, count * size);
    if (place != NULL)
        memset(place, 0, count * size);
    return place;
}

static struct json_schema_rule *add_rule(struct builder *b, enum json_schema_keyword keyword, uint8_t kinds)
{
    struct json_schema_node *node = b->node;
    struct json_schema_rule *rule = &node->rules[node->rule_count++];
    *rule = (struct json_schema_rule){.keyword = (uint8_t)keyword, .kinds = kinds, .source = b->by[keyword]};
    node->rule_kinds |= kinds;
    return rule;
}

/* The node of the schema at an index; NULL: refused, or the arena is full. */
static const struct json_schema_node *child(struct builder *b, uint32_t index, enum status *status)
{
    enum json_kind kind = b->values[index].kind;
    if (kind == JSON_OBJECT || kind == JSON_TRUE || kind == JSON_FALSE)
        return json_schema_node_at(b->schema, b->text, index);
    *status = REFUSE(b, index, "a schema is an object, true or false");
    return NULL;
}

/* ---- values ---- */

static uint8_t kinds_of(struct slice name)
{
    static const struct {
        const char *name;
        uint8_t kinds;
    } types[] = {
        {"null", KIND(JSON_NULL)},   {"boolean", KIND(JSON_TRUE) | KIND(JSON_FALSE)},
        {"integer", KINDS_NUMBER},   {"number", KINDS_NUMBER},
        {"string", KINDS_STRING},    {"object", KINDS_OBJECT},
        {"array", KINDS_ARRAY},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (slice_is(name, types[i].name))
            return types[i].kinds;
    return 0;
}

static enum status add_type(struct builder *b, uint32_t at)
{
    const struct json_value *value = &b->values[at];
    bool is_list = value->kind == JSON_ARRAY, has_number = false, has_integer = false;
    uint8_t kinds = 0;
    for (uint32_t i = is_list ? at + 1 : at; i < value->next; i = b->values[i].next) {
        uint8_t found = b->values[i].kind == JSON_STRING ? kinds_of(b->values[i].text) : 0;
        if (found == 0)
            return REFUSE(b, i, "type is one of null, boolean, integer, number, string, object, array, or a list of these");
        kinds |= found;
        has_number |= slice_is(b->values[i].text, "number");
        has_integer |= slice_is(b->values[i].text, "integer");
    }
    if (kinds == 0)
        return REFUSE(b, at, "type names no type");
    b->node->kinds &= kinds;
    b->node->is_integral = has_integer && !has_number;
    b->node->type_source = at;
    return STATUS_OK;
}

static enum status add_value(struct builder *b, enum json_schema_keyword keyword, uint8_t kinds)
{
    const struct json_value *value = &b->values[b->by[keyword]];
    bool is_number = value->kind == JSON_INTEGER || value->kind == JSON_NUMBER;
    if (kinds == KINDS_NUMBER && !is_number)
        return REFUSE(b, b->by[keyword], "%s is a number", rows[keyword].name);
    if (keyword == JSON_SCHEMA_MULTIPLE_OF && !(value->number > 0))
        return REFUSE(b, b->by[keyword], "multipleOf is above 0");
    if (keyword == JSON_SCHEMA_ENUM && value->kind != JSON_ARRAY)
        return REFUSE(b, b->by[keyword], "enum is a list of values");
    add_rule(b, keyword, kinds)->value = value;
    return STATUS_OK;
}

/* A length or count: a whole number from 0, also written 2.0. */
static enum status add_limit(struct builder *b, enum json_schema_keyword keyword, uint8_t kinds)
{
    const struct json_value *value = &b->values[b->by[keyword]];
    const double limit_max = 9007199254740992.0; /* 2^53 */
    bool is_number = value->kind == JSON_INTEGER || value->kind == JSON_NUMBER;
    if (!is_number || value->number < 0 || value->number != floor(value->number))
        return REFUSE(b, b->by[keyword], "%s is a whole number from 0", rows[keyword].name);
    add_rule(b, keyword, kinds)->limit = (uint64_t)(value->number < limit_max ? value->number : limit_max);
    return STATUS_OK;
}

static enum status compile_pattern(struct builder *b, struct slice expression, uint32_t source, struct json_schema_pattern **out)
{
    /* What ECMA 262 means where it differs from Perl; \C would break UTF-8 apart. */
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
    int code = 0;
    PCRE2_SIZE at = 0;
    struct json_schema_pattern *pattern = take(b, 1, sizeof *pattern);
    *out = pattern;
    if (pattern == NULL)
        return STATUS_OK;
    pattern->source = source;
    pattern->code = pcre2_compile((PCRE2_SPTR)(expression.size > 0 ? expression.data : ""), expression.size, options, &code, &at, NULL);
    if (pattern->code == NULL) {
        PCRE2_UCHAR text[128];
        pcre2_get_error_message(code, text, sizeof text);
        return REFUSE(b, source, "\"%.*s\" is no regular expression: %s at byte %zu", SLICE_ARG(expression), (char *)text, at);
    }
    /* Where just-in-time code is not allowed, the interpreter runs. */
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    pattern->next = b->schema->patterns;
    b->schema->patterns = pattern;
    return STATUS_OK;
}

static enum status add_pattern(struct builder *b)
{
    uint32_t at = b->by[JSON_SCHEMA_PATTERN];
    struct json_schema_pattern *pattern = NULL;
    if (b->values[at].kind != JSON_STRING)
        return REFUSE(b, at, "pattern is a string");
    enum status status = compile_pattern(b, b->values[at].text, at, &pattern);
    if (status == STATUS_OK)
        add_rule(b, JSON_SCHEMA_PATTERN, KINDS_STRING)->pattern = pattern;
    return status;
}

/* ---- schemas within ---- */

static enum status add_one(struct builder *b, enum json_schema_keyword keyword, uint8_t kinds)
{
    enum status status = STATUS_OK;
    const struct json_schema_node **nodes = take(b, 1, sizeof *nodes);
    const struct json_schema_node *node = child(b, b->by[keyword], &status);
    if (nodes == NULL || node == NULL)
        return status;
    nodes[0] = node;
    struct json_schema_rule *rule = add_rule(b, keyword, kinds);
    rule->nodes = nodes;
    rule->count = 1;
    return STATUS_OK;
}

/* spare: entries behind the list, for the caller. */
static enum status add_list(struct builder *b, enum json_schema_keyword keyword, uint8_t kinds, uint32_t spare)
{
    uint32_t at = b->by[keyword], count = 0;
    enum status status = STATUS_OK;
    const struct json_value *list = &b->values[at];
    if (list->kind != JSON_ARRAY || (list->count == 0 && keyword != JSON_SCHEMA_ITEMS))
        return REFUSE(b, at, "%s is a list of schemas", rows[keyword].name);
    const struct json_schema_node **nodes = take(b, list->count + spare, sizeof *nodes);
    for (uint32_t i = at + 1; i < list->next && status == STATUS_OK && nodes != NULL; i = b->values[i].next)
        nodes[count++] = child(b, i, &status);
    if (status != STATUS_OK || nodes == NULL)
        return status;
    struct json_schema_rule *rule = add_rule(b, keyword, kinds);
    rule->nodes = nodes;
    rule->count = count;
    return STATUS_OK;
}

/* items with a schema: rule ITEMS with a count of 0 and the schema at nodes[0].  With a list: the list, and behind it
 * additionalItems or NULL. */
static enum status add_items(struct builder *b)
{
    uint32_t items = b->by[JSON_SCHEMA_ITEMS], additional = b->by[JSON_SCHEMA_ADDITIONAL_ITEMS];
    enum status status = STATUS_OK;
    const struct json_schema_node *rest = additional != 0 ? child(b, additional, &status) : NULL;
    if (status != STATUS_OK || items == 0)
        return status;
    bool is_list = b->values[items].kind == JSON_ARRAY;
    status = is_list ? add_list(b, JSON_SCHEMA_ITEMS, KINDS_ARRAY, 1) : add_one(b, JSON_SCHEMA_ITEMS, KINDS_ARRAY);
    if (status != STATUS_OK || b->schema->arena.is_overflown)
        return status;
    struct json_schema_rule *rule = &b->node->rules[b->node->rule_count - 1];
    if (is_list)
        rule->nodes[rule->count] = rest;
    else
        rule->count = 0;
    return STATUS_OK;
}

static enum status add_condition(struct builder *b)
{
    static const enum json_schema_keyword keywords[] = {JSON_SCHEMA_IF, JSON_SCHEMA_THEN, JSON_SCHEMA_ELSE};
    enum status status = STATUS_OK;
    const struct json_schema_node **nodes = take(b, 3, sizeof *nodes);
    for (uint32_t i = 0; i < 3 && status == STATUS_OK && nodes != NULL; i++)
        if (b->by[keywords[i]] != 0)
            nodes[i] = child(b, b->by[keywords[i]], &status);
    if (status != STATUS_OK || nodes == NULL || nodes[0] == NULL || (nodes[1] == NULL && nodes[2] == NULL))
        return status;
    struct json_schema_rule *rule = add_rule(b, JSON_SCHEMA_IF, KINDS_ALL);
    rule->nodes = nodes;
    rule->count = 3;
    return STATUS_OK;
}

static enum status check_names(struct builder *b, uint32_t at, const char *keyword)
{
    if (b->values[at].kind != JSON_ARRAY)
        return REFUSE(b, at, "%s is a list of names", keyword);
    for (uint32_t i = at + 1; i < b->values[at].next; i = b->values[i].next)
        if (b->values[i].kind != JSON_STRING)
            return REFUSE(b, i, "%s holds names in quotes", keyword);
    return STATUS_OK;
}

static enum status add_dependencies(struct builder *b)
{
    uint32_t at = b->by[JSON_SCHEMA_DEPENDENCIES], count = 0;
    enum status status = STATUS_OK;
    if (b->values[at].kind != JSON_OBJECT)
        return REFUSE(b, at, "dependencies is an object");
    struct json_schema_dependency *list = take(b, b->values[at].count, sizeof *list);
    for (uint32_t i = at + 1; i < b->values[at].next && status == STATUS_OK && list != NULL; i = b->values[i].next) {
        list[count].name = b->values[i].key;
        if (b->values[i].kind == JSON_ARRAY) {
            status = check_names(b, i, "dependencies");
            list[count].names = &b->values[i];
        } else {
            list[count].node = child(b, i, &status);
        }
        count++;
    }
    if (status != STATUS_OK || list == NULL)
        return status;
    struct json_schema_rule *rule = add_rule(b, JSON_SCHEMA_DEPENDENCIES, KINDS_OBJECT);
    rule->dependencies = list;
    rule->count = count;
    return STATUS_OK;
}

static enum status visit_definitions(struct builder *b)
{
    uint32_t at = b->by[JSON_SCHEMA_DEFINITIONS];
    enum status status = STATUS_OK;
    if (b->values[at].kind != JSON_OBJECT)
        return REFUSE(b, at, "definitions is an object");
    for (uint32_t i = at + 1; i < b->values[at].next && status == STATUS_OK; i = b->values[i].next)
        (void)child(b, i, &status);
    return status;
}

/* ---- members of an object ---- */

static struct json_schema_slot *slot_of(struct json_schema_members *members, struct slice name)
{
    struct json_schema_ends ends = json_schema_ends_of(name);
    uint32_t at = json_schema_ends_hash(ends, name.size) & members->slot_mask;
    while (members->slots[at].name.data != NULL && !slice_equal(members->slots[at].name, name))
        at = (at + 1) & members->slot_mask;
    members->slots[at].name = name;
    members->slots[at].ends = ends;
    members->sizes |= 1ULL << (name.size < 63 ? name.size : 63);
    return &members->slots[at];
}

static uint32_t count_of(const struct builder *b, enum json_schema_keyword keyword)
{
    return b->by[keyword] != 0 ? b->values[b->by[keyword]].count : 0;
}

static enum status add_patterns(struct builder *b, struct json_schema_members *members)
{
    uint32_t at = b->by[JSON_SCHEMA_PATTERN_PROPERTIES];
    enum status status = STATUS_OK;
    members->patterns = take(b, b->values[at].count, sizeof *members->patterns);
    for (uint32_t i = at + 1; i < b->values[at].next && status == STATUS_OK && members->patterns != NULL; i = b->values[i].next) {
        struct json_schema_pattern *pattern = NULL;
        status = compile_pattern(b, b->values[i].key, i, &pattern);
        if (status != STATUS_OK || pattern == NULL)
            return status;
        pattern->node = child(b, i, &status);
        members->patterns[members->pattern_count++] = pattern;
    }
    return status;
}

/* The first 64 names of required have a bit each; the others are looked up one by one (rule REQUIRED). */
static void add_required(struct builder *b, struct json_schema_members *members)
{
    uint32_t at = b->by[JSON_SCHEMA_REQUIRED], count = 0;
    for (uint32_t i = at + 1; i < b->values[at].next && count < REQUIRED_BITS; i = b->values[i].next) {
        struct json_schema_slot *slot = slot_of(members, b->values[i].text);
        if (slot->required_bit == 0)
            slot->required_bit = 1ULL << count++;
        members->required |= slot->required_bit;
    }
    if (b->values[at].count > count)
        add_rule(b, JSON_SCHEMA_REQUIRED, KINDS_OBJECT)->value = &b->values[at];
}

static enum status check_members(struct builder *b)
{
    static const enum json_schema_keyword maps[] = {JSON_SCHEMA_PROPERTIES, JSON_SCHEMA_PATTERN_PROPERTIES};
    for (uint32_t i = 0; i < 2; i++)
        if (b->by[maps[i]] != 0 && b->values[b->by[maps[i]]].kind != JSON_OBJECT)
            return REFUSE(b, b->by[maps[i]], "%s is an object of schemas", rows[maps[i]].name);
    return b->by[JSON_SCHEMA_REQUIRED] != 0 ? check_names(b, b->by[JSON_SCHEMA_REQUIRED], "required") : STATUS_OK;
}

static enum status add_members(struct builder *b)
{
    enum status status = check_members(b);
    uint32_t count = count_of(b, JSON_SCHEMA_PROPERTIES) + count_of(b, JSON_SCHEMA_REQUIRED), slots = 2;
    while (slots < 2 * count)
        slots *= 2;
    struct json_schema_members *members = take(b, 1, sizeof *members);
    if (status != STATUS_OK || members == NULL)
        return status;
    members->slots = take(b, slots, sizeof *members->slots);
    members->slot_mask = slots - 1;
    if (members->slots == NULL)
        return STATUS_OK;
    uint32_t at = b->by[JSON_SCHEMA_PROPERTIES];
    for (uint32_t i = at + 1; at != 0 && i < b->values[at].next && status == STATUS_OK; i = b->values[i].next) {
        struct json_schema_slot *slot = slot_of(members, b->values[i].key);
        if (slot->node == NULL) /* the first of a name counts */
            slot->node = child(b, i, &status);
    }
    if (status == STATUS_OK && b->by[JSON_SCHEMA_PATTERN_PROPERTIES] != 0)
        status = add_patterns(b, members);
    if (status == STATUS_OK && b->by[JSON_SCHEMA_ADDITIONAL_PROPERTIES] != 0)
        members->additional = child(b, b->by[JSON_SCHEMA_ADDITIONAL_PROPERTIES], &status);
    if (status != STATUS_OK)
        return status;
    add_rule(b, JSON_SCHEMA_PROPERTIES, KINDS_OBJECT)->members = members;
    if (b->by[JSON_SCHEMA_REQUIRED] != 0)
        add_required(b, members);
    return STATUS_OK;
}

/* ---- a node ---- */

static enum status add_keyword(struct builder *b, enum json_schema_keyword keyword)
{
    switch (keyword) {
    case JSON_SCHEMA_TYPE: return add_type(b, b->by[keyword]);
    case JSON_SCHEMA_ENUM:
    case JSON_SCHEMA_CONST: return add_value(b, keyword, KINDS_ALL);
    case JSON_SCHEMA_MULTIPLE_OF:
    case JSON_SCHEMA_MAXIMUM:
    case JSON_SCHEMA_EXCLUSIVE_MAXIMUM:
    case JSON_SCHEMA_MINIMUM:
    case JSON_SCHEMA_EXCLUSIVE_MINIMUM: return add_value(b, keyword, KINDS_NUMBER);
    case JSON_SCHEMA_MAX_LENGTH:
    case JSON_SCHEMA_MIN_LENGTH: return add_limit(b, keyword, KINDS_STRING);
    case JSON_SCHEMA_PATTERN: return add_pattern(b);
    case JSON_SCHEMA_MAX_ITEMS:
    case JSON_SCHEMA_MIN_ITEMS: return add_limit(b, keyword, KINDS_ARRAY);
    case JSON_SCHEMA_UNIQUE_ITEMS:
        if (b->values[b->by[keyword]].kind == JSON_TRUE)
            (void)add_rule(b, keyword, KINDS_ARRAY);
        else if (b->values[b->by[keyword]].kind != JSON_FALSE)
            return REFUSE(b, b->by[keyword], "uniqueItems is true or false");
        return STATUS_OK;
    case JSON_SCHEMA_CONTAINS: return add_one(b, keyword, KINDS_ARRAY);
    case JSON_SCHEMA_MAX_PROPERTIES:
    case JSON_SCHEMA_MIN_PROPERTIES: return add_limit(b, keyword, KINDS_OBJECT);
    case JSON_SCHEMA_DEPENDENCIES: return add_dependencies(b);
    case JSON_SCHEMA_PROPERTY_NAMES: return add_one(b, keyword, KINDS_OBJECT);
    case JSON_SCHEMA_ALL_OF:
    case JSON_SCHEMA_ANY_OF:
    case JSON_SCHEMA_ONE_OF: return add_list(b, keyword, KINDS_ALL, 0);
    case JSON_SCHEMA_NOT: return add_one(b, keyword, KINDS_ALL);
    case JSON_SCHEMA_DEFINITIONS: return visit_definitions(b);
    case JSON_SCHEMA_DIALECT: {
        struct slice dialect = b->values[b->by[keyword]].text, uri, fragment;
        json_schema_address_split(dialect, &uri, &fragment);
        bool is_known = slice_is(uri, "http://json-schema.org/draft-07/schema") || slice_is(uri, "http://json-schema.org/draft-06/schema");
        return is_known ? STATUS_OK : REFUSE(b, b->by[keyword], "only http://json-schema.org/draft-07/schema# is read here");
    }
    default: return STATUS_OK; /* read together with others, below */
    }
}

static enum status find_keywords(struct builder *b, uint32_t at)
{
    for (uint32_t i = at + 1; i < b->values[at].next; i = b->values[i].next) {
        enum json_schema_keyword keyword = json_schema_keyword_find(b->values[i].key);
        if (keyword == JSON_SCHEMA_KEYWORD_COUNT)
            continue;
        if (b->by[keyword] != 0)
            return REFUSE(b, i, "%s stands here twice", rows[keyword].name);
        b->by[keyword] = i;
    }
    return STATUS_OK;
}

static enum status add_target(struct builder *b)
{
    uint32_t at = b->by[JSON_SCHEMA_REF];
    if (b->values[at].kind != JSON_STRING)
        return REFUSE(b, at, "$ref is a string");
    b->node->target = json_schema_target(b->schema, b->text, at);
    return b->node->target != NULL || b->schema->arena.is_overflown ? STATUS_OK : STATUS_SETTING;
}

enum status json_schema_keyword_compile(struct json_schema *schema, struct json_schema_node *node)
{
    struct builder b = {.schema = schema, .node = node, .text = node->text, .values = node->text->values};
    const struct json_value *value = &b.values[node->source];
    if (value->kind == JSON_FALSE)
        node->kinds = 0;
    if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
        return STATUS_OK;
    if (value->kind != JSON_OBJECT)
        return REFUSE(&b, node->source, "a schema is an object, true or false");
    enum status status = find_keywords(&b, node->source);
    if (status != STATUS_OK || b.by[JSON_SCHEMA_REF] != 0)
        return status != STATUS_OK ? status : add_target(&b);
    if (b.by[JSON_SCHEMA_ID] != 0 && b.values[b.by[JSON_SCHEMA_ID]].kind != JSON_STRING)
        return REFUSE(&b, b.by[JSON_SCHEMA_ID], "$id is a string");
    node->rules = take(&b, JSON_SCHEMA_KEYWORD_COUNT < value->count + 2 ? JSON_SCHEMA_KEYWORD_COUNT : value->count + 2, sizeof *node->rules);
    for (uint32_t keyword = 0; keyword < JSON_SCHEMA_KEYWORD_COUNT && status == STATUS_OK && !schema->arena.is_overflown; keyword++)
        if (b.by[keyword] != 0)
            status = add_keyword(&b, (enum json_schema_keyword)keyword);
    bool has_items = (b.by[JSON_SCHEMA_ITEMS] | b.by[JSON_SCHEMA_ADDITIONAL_ITEMS]) != 0;
    bool has_members = (b.by[JSON_SCHEMA_PROPERTIES] | b.by[JSON_SCHEMA_PATTERN_PROPERTIES] | b.by[JSON_SCHEMA_ADDITIONAL_PROPERTIES] |
                        b.by[JSON_SCHEMA_REQUIRED]) != 0;
    bool has_condition = (b.by[JSON_SCHEMA_IF] | b.by[JSON_SCHEMA_THEN] | b.by[JSON_SCHEMA_ELSE]) != 0;
    if (status == STATUS_OK && has_items && !schema->arena.is_overflown)
        status = add_items(&b);
    if (status == STATUS_OK && has_members && !schema->arena.is_overflown)
        status = add_members(&b);
    if (status == STATUS_OK && has_condition && !schema->arena.is_overflown)
        status = add_condition(&b);
    return status;
}
