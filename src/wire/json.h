/* json.h - JSON text to a flat list of values (simdjson behind C linkage).
 *
 * A document becomes an array of struct json_value in document order; a container is
 * followed by its members, and `next` is the index behind its last one, so that a walk
 * needs no recursion and a value can be skipped in one step.
 *
 * Threads: one parser per thread.
 * Memory:  the parser's buffers grow to the largest document, at most size_max; at most 14 bytes
 *          for each byte of it (two copies, token offsets, values).  Values and unescaped
 *          strings live in the parser until its next parse.
 * Failure: STATUS_BAD_REQUEST with a problem that names byte and reason (depth over 64, bad
 *          UTF-8, trailing bytes, ...); STATUS_TOO_LARGE, also for more than size_max / 8
 *          values; STATUS_MEMORY.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stddef.h>

#include "base/slice.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INTEGER, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

struct json_value {
    enum json_kind kind;
    uint32_t next;    /* index behind this value and its members */
    uint32_t count;   /* members of a container */
    struct slice key; /* name in the parent object; absent in an array */
    struct slice text; /* JSON_STRING: unescaped; containers and numbers: the raw bytes */
    int64_t integer;  /* JSON_INTEGER */
    double number;    /* JSON_INTEGER and JSON_NUMBER */
};

struct json_parser;

/* size_max bounds a document in bytes. */
enum status json_parser_create(struct json_parser **parser, size_t size_max) MUST_CHECK;
void json_parser_destroy(struct json_parser *parser);

/* Parses one document. *values is borrowed from the parser, values[0] the root. */
enum status json_parse(struct json_parser *parser, struct slice text, const struct json_value **values,
                       uint32_t *count, struct problem *problem) MUST_CHECK;

/* Member `name` of the object at values[index], the first of that name; NULL when absent. */
const struct json_value *json_find(const struct json_value *values, uint32_t index, const char *name);

/* Bytes of the UTF-8 character at text, 1..4; 0 when there is none or it is not valid. */
size_t json_utf8_size(const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
