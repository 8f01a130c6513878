/* payload.h - the items of a body: one object, an array of objects, or one object a line.
 *
 * An array is parsed to its end before its first item is given, so that a broken body gives
 * none.  Lines stand alone: a line that cannot be read is an item with its own error.
 *
 * Threads: one per struct payload.
 * Memory:  the parser's; values live until the next payload_next (lines) or the next parse.
 * Failure: payload_open STATUS_BAD_REQUEST where nothing can be read, STATUS_TOO_LARGE.
 */
#ifndef COLLECT_PAYLOAD_H
#define COLLECT_PAYLOAD_H

#include "base/slice.h"
#include "base/status.h"
#include "wire/json.h"

enum { PAYLOAD_ITEM_SIZE_MAX = 64 * 1024 }; /* one item as JSON */

struct payload {
    struct json_parser *parser;
    struct slice rest;               /* lines that are not read yet */
    bool is_lines;
    const struct json_value *values;
    uint32_t at;                     /* the item in values */
    uint32_t next_at;
    uint32_t left;                   /* items of values not given yet */
    uint32_t index;                  /* of the item, from 0 */
    uint32_t next_index;
};

/* Is this Content-Type read here? application/json, text/plain, the form type that curl -d sends, anything+json,
 * line types; absent too. */
bool payload_is_read(struct slice content_type);

enum status payload_open(struct payload *payload, struct json_parser *parser, struct slice body,
                         struct slice content_type, struct problem *problem) MUST_CHECK;
/* False at the end. *status is STATUS_OK when values[at] is an object, else problem says what is wrong with item `index`. */
bool payload_next(struct payload *payload, enum status *status, struct problem *problem);

#endif
