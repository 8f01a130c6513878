/* content.h - what can be shown: a row of the catalogue.
 *
 * JSON in PUT /v1/content/{id} and POST /v1/content; Avro on the topic `content`
 * (schemas/content.avsc).  A delete is a record with is_deleted and no other field.
 *
 * Threads: any; pure.
 * Memory:  slices are borrowed.
 * Failure: content_parse returns STATUS_BAD_EVENT with pointer and reason.
 */
#ifndef SCHEMA_CONTENT_H
#define SCHEMA_CONTENT_H

#include "schema/event.h"

enum { CONTENT_TITLE_MAX = 512, CONTENT_URL_MAX = 2048, CONTENT_SCHEMA_ID = 2 };

struct content {
    struct slice content_id;
    struct slice title;
    struct slice url;
    struct slice image;
    struct slice attributes;   /* raw JSON object, or absent */
    struct slice categories[EVENT_CATEGORY_MAX];
    int64_t published_at_ms;   /* EVENT_TIME_ABSENT: unknown */
    int64_t expires_at_ms;     /* EVENT_TIME_ABSENT: never */
    uint8_t category_count;
    bool is_hidden;
    bool is_deleted;
};

/* content_id: from the path; absent: taken from the member content_id, then required. */
enum status content_parse(const struct json_value *values, uint32_t index, struct slice content_id,
                          struct content *content, struct problem *problem) MUST_CHECK;
uint32_t content_encoded_max(const struct content *content);
uint32_t content_encode(const struct content *content, char *out);
enum status content_decode(struct slice bytes, struct content *content) MUST_CHECK;

#endif
