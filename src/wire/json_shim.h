/* json_shim.h - what json.c takes from simdjson, behind C linkage.
 *
 * The scan (stage 1 of simdjson: which bytes start a token, is the text UTF-8, are strings
 * closed), the unescaping of strings and the exact reading of decimal numbers.  Everything
 * else about JSON is in json.c.
 *
 * Threads: one per struct json_shim.
 * Memory:  4 bytes per byte of the largest text scanned.
 * Failure: enum json_shim_result; no exception leaves the shim.
 */
#ifndef WIRE_JSON_SHIM_H
#define WIRE_JSON_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_SHIM_PADDING = 64 }; /* readable bytes behind a text, writable ones behind an unescaped string */

enum json_shim_result {
    JSON_SHIM_OK,
    JSON_SHIM_EMPTY,
    JSON_SHIM_UTF8,
    JSON_SHIM_CONTROL,  /* a control character inside a string */
    JSON_SHIM_UNCLOSED, /* a string without end */
    JSON_SHIM_MEMORY,
    JSON_SHIM_OTHER
};

struct json_shim;

struct json_shim *json_shim_create(void); /* NULL: no memory */
void json_shim_destroy(struct json_shim *shim);

/* Offsets of the tokens of text: each of {}[]:, and the first byte of each string and scalar.
 * Borrowed until the next scan. */
enum json_shim_result json_shim_scan(struct json_shim *shim, const char *text, size_t size, const uint32_t **tokens,
                                     uint32_t *count);

/* Unescapes the string that starts behind its opening quote; returns the end of what was
 * written to `to`, NULL when an escape is not valid. */
char *json_shim_unescape(const struct json_shim *shim, const char *from, char *to);

/* The double nearest to a decimal number whose grammar was checked; infinite when out of range. */
double json_shim_number(const char *from, const char *end);

#ifdef __cplusplus
}
#endif
#endif
