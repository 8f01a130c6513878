#include "ops/yaml_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct walk {
    yaml_document_t document;
    const char *name;
    yaml_tree_visit *visit;
    void *context;
    struct problem *problem;
    uint32_t node_count;
    uint32_t depth;
    char path[YAML_TREE_PATH_SIZE];
};

enum status yaml_tree_refuse(struct problem *problem, const char *name, uint32_t line, const char *format, ...)
{
    char detail[sizeof problem->detail];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    problem_set(problem, STATUS_SETTING, "%s", detail);
    if (problem)
        snprintf(problem->pointer, sizeof problem->pointer, "%.140s:%u", name, line);
    return STATUS_SETTING;
}

static uint32_t line_of(const yaml_node_t *node)
{
    return (uint32_t)node->start_mark.line + 1;
}

/* The node, counted; NULL beyond the budget or for what libyaml could not resolve. */
static yaml_node_t *take_node(struct walk *walk, int id)
{
    if (++walk->node_count > YAML_TREE_NODES_MAX)
        return NULL;
    return yaml_document_get_node(&walk->document, id);
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_null(const yaml_node_t *node)
{
    const char *text = scalar_text(node);
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* A scalar that fits and has no zero byte inside. */
static enum status check_scalar(struct walk *walk, const yaml_node_t *node, const char *what)
{
    if (!node)
        return yaml_tree_refuse(walk->problem, walk->name, 0, "more than %d nodes", YAML_TREE_NODES_MAX);
    if (node->type != YAML_SCALAR_NODE)
        return yaml_tree_refuse(walk->problem, walk->name, line_of(node), "%s: %s is one value, not a map or list",
                                walk->path[0] ? walk->path : "settings", what);
    if (node->data.scalar.length >= YAML_TREE_VALUE_SIZE || strlen(scalar_text(node)) != node->data.scalar.length)
        return yaml_tree_refuse(walk->problem, walk->name, line_of(node), "%s: %s is longer than %d bytes or holds a zero byte",
                                walk->path[0] ? walk->path : "settings", what, YAML_TREE_VALUE_SIZE - 1);
    return STATUS_OK;
}

/* "a,b,c"; the sequence holds scalars only. */
static enum status join(struct walk *walk, const yaml_node_t *sequence, const char *what, char joined[YAML_TREE_VALUE_SIZE])
{
    size_t used = 0;
    joined[0] = '\0';
    for (yaml_node_item_t *item = sequence->data.sequence.items.start; item < sequence->data.sequence.items.top; item++) {
        yaml_node_t *node = take_node(walk, *item);
        enum status status = check_scalar(walk, node, what);
        if (status != STATUS_OK)
            return status;
        size_t size = node->data.scalar.length;
        if (used + size + 2 > YAML_TREE_VALUE_SIZE)
            return yaml_tree_refuse(walk->problem, walk->name, line_of(node), "%s: %s is longer than %d bytes", walk->path, what,
                                    YAML_TREE_VALUE_SIZE - 1);
        if (used > 0)
            joined[used++] = ',';
        memcpy(joined + used, scalar_text(node), size + 1);
        used += size;
    }
    return STATUS_OK;
}

/* The key of a pair; NULL when refused: no scalar, or there before. */
static enum status take_key(struct walk *walk, const yaml_node_t *map, const yaml_node_pair_t *pair, yaml_node_t **key)
{
    *key = take_node(walk, pair->key);
    enum status status = check_scalar(walk, *key, "a key");
    if (status != STATUS_OK)
        return status;
    for (const yaml_node_pair_t *before = map->data.mapping.pairs.start; before < pair; before++) {
        const yaml_node_t *other = yaml_document_get_node(&walk->document, before->key);
        if (strcmp(scalar_text(other), scalar_text(*key)) == 0)
            return yaml_tree_refuse(walk->problem, walk->name, line_of(*key), "%s%s%s: stands twice, also in line %u", walk->path,
                                    walk->path[0] ? "." : "", scalar_text(*key), line_of(other));
    }
    return STATUS_OK;
}

static enum status walk_item(struct walk *walk, yaml_node_t *item, uint32_t index)
{
    struct yaml_leaf leaf = {.kind = YAML_ITEM, .path = walk->path, .index = index, .line = line_of(item)};
    enum status status = walk->visit(walk->context, &leaf, walk->problem);
    leaf.kind = YAML_ITEM_VALUE;
    for (yaml_node_pair_t *pair = item->data.mapping.pairs.start; status == STATUS_OK && pair < item->data.mapping.pairs.top; pair++) {
        yaml_node_t *key;
        char joined[YAML_TREE_VALUE_SIZE];
        if ((status = take_key(walk, item, pair, &key)) != STATUS_OK)
            return status;
        yaml_node_t *value = take_node(walk, pair->value);
        leaf.is_list = value && value->type == YAML_SEQUENCE_NODE;
        status = leaf.is_list ? join(walk, value, scalar_text(key), joined) : check_scalar(walk, value, scalar_text(key));
        if (status != STATUS_OK)
            return status;
        leaf.key = scalar_text(key);
        leaf.value = leaf.is_list ? joined : scalar_text(value);
        leaf.is_null = !leaf.is_list && is_null(value);
        leaf.line = line_of(key);
        status = walk->visit(walk->context, &leaf, walk->problem);
    }
    return status;
}

/* A list of items (maps), or of scalars that make one value. */
static enum status walk_sequence(struct walk *walk, yaml_node_t *sequence, uint32_t line)
{
    yaml_node_item_t *start = sequence->data.sequence.items.start, *top = sequence->data.sequence.items.top;
    yaml_node_t *first = start < top ? take_node(walk, *start) : NULL;
    enum status status = STATUS_OK;
    if (!first || first->type != YAML_MAPPING_NODE) {
        char joined[YAML_TREE_VALUE_SIZE];
        struct yaml_leaf leaf = {.kind = YAML_SCALAR, .path = walk->path, .value = joined, .line = line, .is_list = true};
        status = join(walk, sequence, "the value", joined);
        return status != STATUS_OK ? status : walk->visit(walk->context, &leaf, walk->problem);
    }
    for (yaml_node_item_t *item = start; status == STATUS_OK && item < top; item++) {
        yaml_node_t *node = take_node(walk, *item);
        if (!node || node->type != YAML_MAPPING_NODE)
            return yaml_tree_refuse(walk->problem, walk->name, node ? line_of(node) : line, "%s: every item is a map, as in `- {name: x}`", walk->path);
        status = walk_item(walk, node, (uint32_t)(item - start));
    }
    return status;
}

static enum status walk_map(struct walk *walk, yaml_node_t *map);

static enum status walk_value(struct walk *walk, yaml_node_t *value, uint32_t line)
{
    struct yaml_leaf leaf = {.kind = YAML_SCALAR, .path = walk->path, .line = line};
    enum status status;
    if (value && value->type == YAML_SEQUENCE_NODE)
        return walk_sequence(walk, value, line);
    if (value && value->type == YAML_MAPPING_NODE) {
        leaf.kind = YAML_MAP;
        status = walk->visit(walk->context, &leaf, walk->problem);
        return status != STATUS_OK ? status : walk_map(walk, value);
    }
    if ((status = check_scalar(walk, value, "the value")) != STATUS_OK)
        return status;
    leaf.value = scalar_text(value);
    leaf.is_null = is_null(value);
    return walk->visit(walk->context, &leaf, walk->problem);
}

static enum status walk_map(struct walk *walk, yaml_node_t *map)
{
    size_t used = strlen(walk->path);
    enum status status = STATUS_OK;
    if (++walk->depth > YAML_TREE_DEPTH_MAX)
        return yaml_tree_refuse(walk->problem, walk->name, line_of(map), "%s: nested deeper than %d", walk->path, YAML_TREE_DEPTH_MAX);
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; status == STATUS_OK && pair < map->data.mapping.pairs.top; pair++) {
        yaml_node_t *key;
        if ((status = take_key(walk, map, pair, &key)) != STATUS_OK)
            return status;
        int size = snprintf(walk->path + used, sizeof walk->path - used, "%s%s", used ? "." : "", scalar_text(key));
        if (size < 0 || (size_t)size >= sizeof walk->path - used)
            return yaml_tree_refuse(walk->problem, walk->name, line_of(key), "%.60s...: unknown key", walk->path);
        status = walk_value(walk, take_node(walk, pair->value), line_of(key));
        walk->path[used] = '\0';
    }
    walk->depth--;
    return status;
}

static enum status walk_root(struct walk *walk)
{
    yaml_node_t *root = yaml_document_get_root_node(&walk->document);
    if (!root || (root->type == YAML_SCALAR_NODE && is_null(root)))
        return STATUS_OK;
    if (root->type != YAML_MAPPING_NODE)
        return yaml_tree_refuse(walk->problem, walk->name, line_of(root), "settings are a map, as in `log: {durability: always}`");
    return walk_map(walk, root);
}

static enum status refuse_parse(const yaml_parser_t *parser, const char *name, struct problem *problem)
{
    uint32_t line = (uint32_t)parser->problem_mark.line + 1;
    return yaml_tree_refuse(problem, name, line, "not YAML: %s%s%s", parser->problem ? parser->problem : "unreadable",
                            parser->context ? " " : "", parser->context ? parser->context : "");
}

static enum status walk_documents(yaml_parser_t *parser, struct walk *walk)
{
    if (!yaml_parser_load(parser, &walk->document))
        return refuse_parse(parser, walk->name, walk->problem);
    enum status status = walk_root(walk);
    yaml_document_delete(&walk->document);
    if (status != STATUS_OK)
        return status;
    if (!yaml_parser_load(parser, &walk->document))
        return refuse_parse(parser, walk->name, walk->problem);
    yaml_node_t *second = yaml_document_get_root_node(&walk->document);
    if (second)
        status = yaml_tree_refuse(walk->problem, walk->name, line_of(second), "a second document; settings are one");
    yaml_document_delete(&walk->document);
    return status;
}

enum status yaml_tree_walk(const char *text, size_t size, const char *name, yaml_tree_visit *visit, void *context, struct problem *problem)
{
    struct walk walk = {.name = name, .visit = visit, .context = context, .problem = problem};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return problem_set(problem, STATUS_MEMORY, "no memory to read %s", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    enum status status = walk_documents(&parser, &walk);
    yaml_parser_delete(&parser);
    return status;
}

enum status yaml_tree_read(const char *path, size_t size_max, yaml_tree_visit *visit, void *context, struct problem *problem)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return problem_set(problem, STATUS_SETTING, "settings file %s: %s", path, strerror(errno));
    enum status status;
    char *text = malloc(size_max + 1);
    size_t size = text ? fread(text, 1, size_max + 1, file) : 0;
    if (!text)
        status = problem_set(problem, STATUS_MEMORY, "no memory to read %s", path);
    else if (ferror(file))
        status = problem_set(problem, STATUS_SETTING, "settings file %s: %s", path, strerror(errno));
    else if (size > size_max)
        status = yaml_tree_refuse(problem, path, 1, "the file is larger than %zu bytes", size_max);
    else
        status = yaml_tree_walk(text, size, path, visit, context, problem);
    free(text);
    fclose(file);
    return status;
}
