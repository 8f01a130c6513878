/* A check is a walk of the plan beside the value.  It is bounded three ways: depth (a frame each for nodes under way), steps (each node,
 * member, comparison and 16 bytes of a pattern's text take one), and PCRE2's own limit for a match.  A match that needs more than a few
 * tries a byte is run again with a wide limit and pays for it in steps, so that costly patterns are allowed but not for free.
 * Once the steps are used up everything answers false, and what json_schema_checker_run says is "steps", whatever `not` made of it. */
#include "schema/json_schema_state.h"

#include <math.h>
#include <stdlib.h>

enum {
    MATCH_TRIES = 100,           /* of a match at each byte of its text, at first */
    MATCH_TRIES_WIDE = 100000,   /* of the second attempt, over all bytes */
    MATCH_STEPS_WIDE = 10000,    /* what that takes */
    MATCH_HEAP_KB = 4096,
    MATCH_BYTES_A_STEP = 16,
    UNIQUE_PAIRS = 8,            /* items that are compared pair by pair */
    UNIQUE_FIRST = 256
};

static bool check(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_value *value);

enum status json_schema_checker_create(struct json_schema_checker **out, const struct json_schema *schema, uint64_t step_max)
{
    struct json_schema_checker *checker = calloc(1, sizeof *checker);
    *out = NULL;
    if (checker == NULL)
        return STATUS_MEMORY;
    checker->schema = schema;
    checker->step_max = step_max;
    checker->match = pcre2_match_data_create(1, NULL);
    checker->limits = pcre2_match_context_create(NULL);
    if (checker->match == NULL || checker->limits == NULL) {
        json_schema_checker_destroy(checker);
        return STATUS_MEMORY;
    }
    pcre2_set_heap_limit(checker->limits, MATCH_HEAP_KB);
    *out = checker;
    return STATUS_OK;
}

void json_schema_checker_destroy(struct json_schema_checker *checker)
{
    if (checker == NULL)
        return;
    pcre2_match_data_free(checker->match);
    pcre2_match_context_free(checker->limits);
    free(checker->unique);
    free(checker);
}

static bool find(struct json_schema_checker *c, const struct json_schema_node *node, uint32_t keyword, uint32_t source,
                 const struct json_value *value, struct slice name)
{
    if (c->finding.node == NULL && c->silence == 0)
        c->finding = (struct json_schema_finding){node, source, (uint8_t)keyword, value, name};
    return false;
}

static bool exhaust(struct json_schema_checker *c)
{
    c->is_exhausted = true;
    c->steps_left = 0;
    return false;
}

static inline bool spend(struct json_schema_checker *c, uint64_t steps)
{
    if (c->steps_left < steps)
        return exhaust(c);
    c->steps_left -= steps;
    return true;
}

/* Does the text match? */
static bool matches(struct json_schema_checker *c, const struct json_schema_pattern *pattern, struct slice text)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.size > 0 ? text.data : "");
    if (!spend(c, 1 + text.size / MATCH_BYTES_A_STEP))
        return false;
    pcre2_set_match_limit(c->limits, MATCH_TRIES);
    int found = pcre2_match(pattern->code, subject, text.size, 0, PCRE2_NO_UTF_CHECK, c->match, c->limits);
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return found >= 0;
    if (!spend(c, MATCH_STEPS_WIDE))
        return false;
    pcre2_set_match_limit(c->limits, MATCH_TRIES + MATCH_TRIES_WIDE / (text.size + 1));
    found = pcre2_match(pattern->code, subject, text.size, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, c->match, c->limits);
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return found >= 0;
    return exhaust(c);
}

static bool equal(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_value *expected, const struct json_value *value)
{
    bool is_equal = json_schema_value_equal(c->values, value, node->text->values, expected, &c->steps_left);
    if (c->steps_left == 0)
        return exhaust(c);
    return is_equal;
}

static bool is_enumerated(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_value *list, const struct json_value *value)
{
    const struct json_value *values = node->text->values, *end = values + list->next;
    if (!spend(c, list->count))
        return false;
    for (const struct json_value *v = list + 1; v < end; v = values + v->next) {
        if (v->kind == JSON_STRING) { /* mostly */
            if (value->kind == JSON_STRING && slice_equal(value->text, v->text))
                return true;
            continue;
        }
        if (equal(c, node, v, value))
            return true;
        if (c->is_exhausted)
            return false;
    }
    return false;
}

static bool is_length(const struct json_schema_rule *rule, struct slice text)
{
    /* A character has 1 to 4 bytes: mostly the size tells. */
    if (rule->keyword == JSON_SCHEMA_MAX_LENGTH)
        return text.size <= rule->limit || json_schema_value_characters(text) <= rule->limit;
    return text.size >= rule->limit && (text.size / 4 >= rule->limit || rule->limit == 1 || json_schema_value_characters(text) >= rule->limit);
}

/* ---- arrays ---- */

static bool check_items(struct json_schema_checker *c, const struct json_schema_rule *rule, const struct json_value *value)
{
    const struct json_value *end = c->values + value->next;
    uint32_t number = 0;
    for (const struct json_value *item = value + 1; item < end; item = c->values + item->next, number++) {
        const struct json_schema_node *node = rule->nodes[number < rule->count ? number : rule->count];
        if (node == NULL)
            return true;
        if (!check(c, node, item))
            return false;
    }
    return true;
}

static bool contains(struct json_schema_checker *c, const struct json_schema_rule *rule, const struct json_value *value)
{
    const struct json_value *end = c->values + value->next;
    bool is_found = false;
    c->silence++;
    for (const struct json_value *item = value + 1; item < end && !is_found && !c->is_exhausted; item = c->values + item->next)
        is_found = check(c, rule->nodes[0], item);
    c->silence--;
    return is_found;
}

static bool same(struct json_schema_checker *c, const struct json_value *a, const struct json_value *b)
{
    bool is_equal = json_schema_value_equal(c->values, a, c->values, b, &c->steps_left);
    return c->steps_left == 0 ? exhaust(c) : is_equal;
}

static bool is_unique_by_pairs(struct json_schema_checker *c, const struct json_value *value)
{
    const struct json_value *end = c->values + value->next;
    for (const struct json_value *a = value + 1; a < end; a = c->values + a->next)
        for (const struct json_value *b = c->values + a->next; b < end; b = c->values + b->next)
            if (same(c, a, b) || c->is_exhausted)
                return false;
    return true;
}

/* A table of at least twice the items; entries of other searches count as free. */
static bool grow_unique(struct json_schema_checker *c, uint32_t count)
{
    uint32_t capacity = UNIQUE_FIRST;
    while (capacity < 2 * count)
        capacity *= 2;
    if (capacity <= c->unique_capacity)
        return true;
    free(c->unique);
    c->unique = calloc(capacity, sizeof *c->unique);
    c->unique_capacity = c->unique != NULL ? capacity : 0;
    return c->unique != NULL;
}

static bool is_unique(struct json_schema_checker *c, const struct json_value *value)
{
    const struct json_value *end = c->values + value->next;
    if (value->count <= UNIQUE_PAIRS)
        return is_unique_by_pairs(c, value);
    if (value->count > JSON_SCHEMA_UNIQUE_MAX || !spend(c, (uint64_t)(end - value)) || !grow_unique(c, value->count))
        return exhaust(c);
    uint32_t mask = c->unique_capacity - 1;
    uint64_t number = ++c->unique_number;
    for (const struct json_value *item = value + 1; item < end; item = c->values + item->next) {
        uint64_t hash = json_schema_value_hash(c->values, item);
        uint32_t at = (uint32_t)hash & mask;
        for (; c->unique[at].number == number; at = (at + 1) & mask) {
            if (!spend(c, 1))
                return false;
            if (c->unique[at].hash == hash && (same(c, c->unique[at].value, item) || c->is_exhausted))
                return false;
        }
        c->unique[at] = (struct json_schema_unique){hash, number, item};
    }
    return true;
}

/* ---- objects ---- */

static const struct json_value *find_member(struct json_schema_checker *c, const struct json_value *object, struct slice name)
{
    const struct json_value *end = c->values + object->next;
    for (const struct json_value *member = object + 1; member < end && spend(c, 1); member = c->values + member->next)
        if (slice_equal(member->key, name))
            return member;
    return NULL;
}

/* Some of the names are missing? */
static bool has_names(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_rule *rule,
                      const struct json_value *names, const struct json_value *value)
{
    const struct json_value *values = node->text->values;
    for (const struct json_value *name = names + 1; name < values + names->next; name = values + name->next)
        if (find_member(c, value, name->text) == NULL)
            return find(c, node, rule->keyword, rule->source, value, name->text);
    return true;
}

static bool refuse_missing(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_members *members,
                           uint64_t seen, const struct json_value *value)
{
    uint64_t missing = members->required & ~seen;
    const struct json_value *keyword = json_find(node->text->values, node->source, "required");
    struct slice name = {NULL, 0};
    for (uint32_t i = 0; i <= members->slot_mask; i++)
        if (members->slots[i].required_bit == (missing & -missing))
            name = members->slots[i].name;
    return find(c, node, JSON_SCHEMA_REQUIRED, (uint32_t)(keyword - node->text->values), value, name);
}

static bool check_additional(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_members *members,
                             const struct json_value *member)
{
    if (members->additional->kinds == 0 && members->additional->target == NULL)
        return find(c, node, JSON_SCHEMA_ADDITIONAL_PROPERTIES, members->additional->source, member, member->key);
    return check(c, members->additional, member);
}

static inline const struct json_schema_slot *find_slot(const struct json_schema_members *members, struct slice name)
{
    if ((members->sizes >> (name.size < 63 ? name.size : 63) & 1) == 0)
        return NULL;
    struct json_schema_ends ends = json_schema_ends_of(name);
    uint32_t at = json_schema_ends_hash(ends, name.size) & members->slot_mask;
    for (; members->slots[at].name.data != NULL; at = (at + 1) & members->slot_mask) {
        const struct json_schema_slot *slot = &members->slots[at];
        if (slot->ends.first == ends.first && slot->ends.last == ends.last && slot->name.size == name.size &&
            (name.size <= 16 || memcmp(slot->name.data, name.data, name.size) == 0))
            return slot;
    }
    return NULL;
}

static bool check_members(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_members *members,
                          const struct json_value *value)
{
    const struct json_value *end = c->values + value->next;
    uint64_t seen = 0;
    if (!spend(c, value->count))
        return false;
    for (const struct json_value *member = value + 1; member < end; member = c->values + member->next) {
        struct slice key = member->key;
        const struct json_schema_slot *slot = find_slot(members, key);
        bool is_named = slot != NULL && slot->node != NULL;
        if (slot != NULL)
            seen |= slot->required_bit;
        if (is_named && !check(c, slot->node, member))
            return false;
        for (uint32_t i = 0; i < members->pattern_count; i++) {
            if (!matches(c, members->patterns[i], key)) {
                if (c->is_exhausted)
                    return false;
                continue;
            }
            is_named = true;
            if (!check(c, members->patterns[i]->node, member))
                return false;
        }
        if (!is_named && members->additional != NULL && !check_additional(c, node, members, member))
            return false;
    }
    if ((seen & members->required) != members->required)
        return refuse_missing(c, node, members, seen, value);
    return true;
}

static bool check_names(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_rule *rule,
                        const struct json_value *value)
{
    const struct json_value *values = c->values, *end = values + value->next;
    for (const struct json_value *member = value + 1; member < end; member = values + member->next) {
        struct json_value name = {.kind = JSON_STRING, .next = 1, .text = member->key};
        c->values = &name;
        c->silence++;
        bool is_allowed = check(c, rule->nodes[0], &name);
        c->silence--;
        c->values = values;
        if (!is_allowed)
            return find(c, node, rule->keyword, rule->source, member, member->key);
    }
    return true;
}

static bool check_dependencies(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_rule *rule,
                               const struct json_value *value)
{
    for (uint32_t i = 0; i < rule->count; i++) {
        const struct json_schema_dependency *dependency = &rule->dependencies[i];
        if (find_member(c, value, dependency->name) == NULL)
            continue;
        if (dependency->names != NULL && !has_names(c, node, rule, dependency->names, value))
            return false;
        if (dependency->node != NULL && !check(c, dependency->node, value))
            return false;
    }
    return !c->is_exhausted;
}

/* ---- combinations ---- */

static uint32_t count_matching(struct json_schema_checker *c, const struct json_schema_rule *rule, const struct json_value *value, uint32_t enough)
{
    uint32_t count = 0;
    c->silence++;
    for (uint32_t i = 0; i < rule->count && count < enough && !c->is_exhausted; i++)
        count += check(c, rule->nodes[i], value);
    c->silence--;
    return count;
}

static bool check_all(struct json_schema_checker *c, const struct json_schema_rule *rule, const struct json_value *value)
{
    for (uint32_t i = 0; i < rule->count; i++)
        if (!check(c, rule->nodes[i], value))
            return false;
    return true;
}

static bool check_condition(struct json_schema_checker *c, const struct json_schema_rule *rule, const struct json_value *value)
{
    c->silence++;
    bool is_met = check(c, rule->nodes[0], value);
    c->silence--;
    const struct json_schema_node *next = rule->nodes[is_met ? 1 : 2];
    return !c->is_exhausted && (next == NULL || check(c, next, value));
}

/* Rules that find nothing themselves: what is wrong is told by the schemas within. */
static bool check_within(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_rule *rule,
                         const struct json_value *value)
{
    switch (rule->keyword) {
    case JSON_SCHEMA_PROPERTIES: return check_members(c, node, rule->members, value);
    case JSON_SCHEMA_REQUIRED: return has_names(c, node, rule, rule->value, value);
    case JSON_SCHEMA_DEPENDENCIES: return check_dependencies(c, node, rule, value);
    case JSON_SCHEMA_PROPERTY_NAMES: return check_names(c, node, rule, value);
    case JSON_SCHEMA_ITEMS: return check_items(c, rule, value);
    case JSON_SCHEMA_ALL_OF: return check_all(c, rule, value);
    case JSON_SCHEMA_IF: return check_condition(c, rule, value);
    default: UNREACHABLE("a keyword without a rule");
    }
}

static bool check_rule(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_schema_rule *rule,
                       const struct json_value *value)
{
    bool is_match;
    switch (rule->keyword) {
    case JSON_SCHEMA_ENUM: is_match = is_enumerated(c, node, rule->value, value); break;
    case JSON_SCHEMA_CONST: is_match = equal(c, node, rule->value, value); break;
    case JSON_SCHEMA_MULTIPLE_OF: is_match = json_schema_value_is_multiple(value, rule->value); break;
    case JSON_SCHEMA_MAXIMUM: is_match = json_schema_value_compare(value, rule->value) <= 0; break;
    case JSON_SCHEMA_EXCLUSIVE_MAXIMUM: is_match = json_schema_value_compare(value, rule->value) < 0; break;
    case JSON_SCHEMA_MINIMUM: is_match = json_schema_value_compare(value, rule->value) >= 0; break;
    case JSON_SCHEMA_EXCLUSIVE_MINIMUM: is_match = json_schema_value_compare(value, rule->value) > 0; break;
    case JSON_SCHEMA_MAX_LENGTH:
    case JSON_SCHEMA_MIN_LENGTH: is_match = is_length(rule, value->text); break;
    case JSON_SCHEMA_PATTERN: is_match = matches(c, rule->pattern, value->text); break;
    case JSON_SCHEMA_MAX_ITEMS:
    case JSON_SCHEMA_MAX_PROPERTIES: is_match = value->count <= rule->limit; break;
    case JSON_SCHEMA_MIN_ITEMS:
    case JSON_SCHEMA_MIN_PROPERTIES: is_match = value->count >= rule->limit; break;
    case JSON_SCHEMA_UNIQUE_ITEMS: is_match = is_unique(c, value); break;
    case JSON_SCHEMA_CONTAINS: is_match = contains(c, rule, value); break;
    case JSON_SCHEMA_ANY_OF: is_match = count_matching(c, rule, value, 1) == 1; break;
    case JSON_SCHEMA_ONE_OF: is_match = count_matching(c, rule, value, 2) == 1; break;
    case JSON_SCHEMA_NOT: is_match = count_matching(c, rule, value, 1) == 0 && !c->is_exhausted; break;
    default: return check_within(c, node, rule, value);
    }
    return is_match || find(c, node, rule->keyword, rule->source, value, (struct slice){NULL, 0});
}

static bool check(struct json_schema_checker *c, const struct json_schema_node *node, const struct json_value *value)
{
    const uint8_t kind = (uint8_t)(1U << value->kind);
    bool is_match = true;
    if (!spend(c, 1))
        return false;
    while (node->target != NULL)
        node = node->target;
    if ((node->kinds & kind) == 0 ||
        (node->is_integral && value->kind == JSON_NUMBER && value->number != trunc(value->number)))
        return find(c, node, JSON_SCHEMA_TYPE, node->type_source, value, (struct slice){NULL, 0});
    if ((node->rule_kinds & kind) == 0)
        return true;
    if (c->depth == JSON_SCHEMA_DEPTH_MAX)
        return exhaust(c);
    c->depth++;
    for (uint32_t i = 0; i < node->rule_count && is_match; i++)
        if ((node->rules[i].kinds & kind) != 0)
            is_match = check_rule(c, node, &node->rules[i], value);
    c->depth--;
    return is_match;
}

bool json_schema_checker_run(struct json_schema_checker *checker, const struct json_value *values, uint32_t index)
{
    checker->values = values;
    checker->steps_left = checker->step_max;
    checker->is_exhausted = false;
    checker->finding.node = NULL;
    bool is_match = check(checker, checker->schema->root, &values[index]) && !checker->is_exhausted;
    ASSERT(checker->depth == 0 && checker->silence == 0);
    return is_match;
}
