/* json_writer.h - JSON text into a growing or fixed buffer.
 *
 * Commas are placed by the writer.  Strings are escaped; bytes that are not UTF-8 become
 * U+FFFD, so the output always parses.  The source is json.c.
 *
 * Threads: one per writer.
 * Memory:  grows by doubling up to size_max (malloc), then sets is_overflown.
 * Failure: sticky is_overflown.
 */
#ifndef WIRE_JSON_WRITER_H
#define WIRE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct json_writer {
    char *data;
    size_t size; /* bytes written */
    size_t capacity;
    size_t size_max;
    bool is_overflown;
    bool needs_comma;
};

void json_writer_init(struct json_writer *w, size_t size_max);
void json_writer_fini(struct json_writer *w);
void json_writer_reset(struct json_writer *w); /* keeps the buffer */

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *name);
void json_key_slice(struct json_writer *w, struct slice name);
void json_string(struct json_writer *w, struct slice text);
void json_text(struct json_writer *w, const char *text);
void json_integer(struct json_writer *w, int64_t value);
void json_unsigned(struct json_writer *w, uint64_t value);
void json_number(struct json_writer *w, double value); /* integral below 2^53: whole; else 6 significant digits; NaN, inf: null */
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, struct slice json); /* one whole value */
void json_time(struct json_writer *w, int64_t time_ms);  /* RFC 3339 UTC with ms, as a string; outside years 1..9999: null */

#endif
