/* Goal: docs/openapi.yaml describes the rows of the route table, all of them and no others.
 * Method: its paths and methods are read with libyaml and held against route_rows both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <yaml.h>

#include "serve/route.h"

static yaml_document_t document;

/* The tests run in the root of the repository. */
static int setup(void **state)
{
    (void)state;
    yaml_parser_t parser;
    FILE *file = fopen("docs/openapi.yaml", "rb");

    if (file == NULL || yaml_parser_initialize(&parser) == 0)
        return -1;
    yaml_parser_set_input_file(&parser, file);
    int loaded = yaml_parser_load(&parser, &document);
    yaml_parser_delete(&parser);
    fclose(file);
    return loaded ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    yaml_document_delete(&document);
    return 0;
}

static const char *text_of(int node)
{
    return (const char *)yaml_document_get_node(&document, node)->data.scalar.value;
}

static yaml_node_t *member(const yaml_node_t *mapping, const char *name)
{
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++)
        if (strcmp(text_of(pair->key), name) == 0)
            return yaml_document_get_node(&document, pair->value);
    return NULL;
}

static yaml_node_t *paths(void)
{
    yaml_node_t *found = member(yaml_document_get_root_node(&document), "paths");

    assert_non_null(found);
    return found;
}

static void every_row_is_described(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct route *rows = route_rows(&count);

    for (uint32_t i = 0; i < count; i++) {
        char method[16];
        snprintf(method, sizeof method, "%s", route_method_name(rows[i].method));
        for (char *c = method; *c != '\0'; c++)
            *c = (char)(*c | 0x20);
        yaml_node_t *path = member(paths(), rows[i].pattern);
        if (path == NULL || member(path, method) == NULL)
            fail_msg("docs/openapi.yaml does not describe %s %s", method, rows[i].pattern);
    }
}

static void everything_described_is_a_row(void **state)
{
    (void)state;
    uint32_t count = 0;
    uint32_t described = 0;
    const struct route *rows = route_rows(&count);
    yaml_node_t *all = paths();

    for (yaml_node_pair_t *pair = all->data.mapping.pairs.start; pair < all->data.mapping.pairs.top; pair++) {
        yaml_node_t *path = yaml_document_get_node(&document, pair->value);
        for (yaml_node_pair_t *operation = path->data.mapping.pairs.start; operation < path->data.mapping.pairs.top; operation++) {
            bool is_row = false;
            for (uint32_t i = 0; i < count; i++)
                is_row = is_row || (strcmp(rows[i].pattern, text_of(pair->key)) == 0 &&
                                    strcasecmp(route_method_name(rows[i].method), text_of(operation->key)) == 0);
            if (!is_row)
                fail_msg("there is no route %s %s", text_of(operation->key), text_of(pair->key));
            described++;
        }
    }
    assert_int_equal(described, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_described),
        cmocka_unit_test(everything_described_is_a_row),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
