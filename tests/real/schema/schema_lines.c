/* schema_lines - json_schema.h for tests in other languages: lines in, lines out.
 *
 *     schema_lines [URI FILE]...     maps each file under its URI
 *     S <schema>   -> "ok", or "refused <pointer> <detail>"
 *     V <value>    -> "valid", or "invalid <keyword> <pointer> <detail>"
 */
#include <stdio.h>
#include <stdlib.h>

#include "schema/json_schema.h"

enum { LINE_MAX_BYTES = 1 << 20, MAPPED_MAX = 16 };

static struct json_schema_document mapped[MAPPED_MAX];
static uint32_t mapped_count;
static struct json_schema *schema;
static struct json_schema_checker *checker;
static struct json_parser *parser;

static void map(const char *uri, const char *path)
{
    char *text = malloc(LINE_MAX_BYTES);
    FILE *file = fopen(path, "r");
    ASSERT(file != NULL && text != NULL && mapped_count < MAPPED_MAX);
    size_t size = fread(text, 1, LINE_MAX_BYTES, file);
    fclose(file);
    mapped[mapped_count++] = (struct json_schema_document){slice_of(uri), slice_make(text, size)};
}

static void set_schema(struct slice text)
{
    struct problem problem = {0};
    json_schema_checker_destroy(checker);
    json_schema_destroy(schema);
    checker = NULL;
    schema = NULL;
    if (json_schema_compile(&schema, text, mapped, mapped_count, &problem) == STATUS_OK &&
        json_schema_checker_create(&checker, schema, JSON_SCHEMA_STEPS) == STATUS_OK)
        puts("ok");
    else
        printf("refused %s %s\n", problem.pointer, problem.detail);
}

static void check_value(struct slice text)
{
    struct problem problem = {0};
    const struct json_value *values = NULL;
    const char *keyword = NULL;
    uint32_t count = 0;
    if (checker == NULL)
        puts("no schema");
    else if (json_parse(parser, text, &values, &count, &problem) != STATUS_OK)
        printf("not JSON %s\n", problem.detail);
    else if (json_schema_check(checker, values, 0, &keyword, &problem) == STATUS_OK)
        puts("valid");
    else
        printf("invalid %s %s %s\n", keyword, problem.pointer, problem.detail);
}

int main(int argument_count, char **arguments)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    for (int i = 1; i + 1 < argument_count; i += 2)
        map(arguments[i], arguments[i + 1]);
    ASSERT(json_parser_create(&parser, LINE_MAX_BYTES) == STATUS_OK);
    while ((size = getline(&line, &capacity, stdin)) > 2) {
        struct slice text = slice_make(line + 2, (size_t)size - 2);
        if (line[0] == 'S')
            set_schema(text);
        else
            check_value(text);
    }
    free(line);
    json_schema_checker_destroy(checker);
    json_schema_destroy(schema);
    json_parser_destroy(parser);
    for (uint32_t i = 0; i < mapped_count; i++)
        free((void *)(uintptr_t)mapped[i].text.data);
    return 0;
}
