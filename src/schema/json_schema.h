/* json_schema.h - a JSON Schema (draft-07), compiled once, checked against many values.
 *
 * The text becomes a plan: per schema one node with the kinds it takes and a list of rules, each with the
 * kinds it applies to; members of an object are looked up in a table of the names that properties and
 * required mention.  $ref becomes a pointer, so that recursion costs nothing; a $ref that comes back to
 * itself without going into the instance is refused.  Nothing is ever fetched: what a $ref names beyond
 * the document must be among the mapped documents.
 *
 * All keywords of draft-07 are checked but these: format, contentEncoding and contentMediaType are notes, as
 * are title, description, default, examples.  Beside $ref the others are ignored, as draft-07 says.
 * pattern is PCRE2 with the meaning of ECMA 262 where the two differ (\d is ASCII, $ only the end, \uXXXX).
 * Numbers compare exactly as wire/json.h gives them: integers of 64 bits, else the nearest double;
 * multipleOf is exact for numbers of up to 19 digits.
 *
 * Threads: a compiled schema is read-only and shared; a checker belongs to one thread.
 * Memory:  a schema: one arena of 64 bytes a byte of its text, and compiled patterns.  A checker: 400 bytes,
 *          what PCRE2 needs for a match, and a table that grows with the longest array under uniqueItems (at most 65,536 items).
 * Failure: json_schema_compile STATUS_SETTING with the JSON pointer of the place in the schema, STATUS_MEMORY.
 *          json_schema_check STATUS_BAD_EVENT; a check that takes more than its steps (hostile value or costly
 *          schema) is refused, too: one event costs at most some 100 ms whatever it is.
 *
 * Sources: json_schema.c (documents, queue, cycles), json_schema_keyword.c (one function a keyword),
 * json_schema_address.c (URIs and pointers), json_schema_checker.c (the check), json_schema_value.c
 * (equality, hashes, multiples), json_schema_sentence.c (what is said about a finding).
 */
#ifndef SCHEMA_JSON_SCHEMA_H
#define SCHEMA_JSON_SCHEMA_H

#include "base/option.h"
#include "base/slice.h"
#include "base/status.h"
#include "wire/json.h"

enum {
    JSON_SCHEMA_SIZE_MAX = 256 * 1024,  /* text of all documents */
    JSON_SCHEMA_DEPTH_MAX = 1000,       /* nodes under way at a time */
    JSON_SCHEMA_UNIQUE_MAX = 65536,     /* items of an array under uniqueItems */
    JSON_SCHEMA_STEPS = 1000000         /* of one check: nodes, members, compared values, bytes of patterns */
};

struct json_schema_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "schema/json_schema_options.def"
#undef OPTION
};

struct json_schema;
struct json_schema_checker;

/* What a $ref may name beside the document itself. */
struct json_schema_document {
    struct slice uri;
    struct slice text;
};

/* mapped may be NULL.  The texts are copied. */
enum status json_schema_compile(struct json_schema **schema, struct slice text, const struct json_schema_document *mapped,
                                uint32_t mapped_count, struct problem *problem) MUST_CHECK;
void json_schema_destroy(struct json_schema *schema);

/* step_max: JSON_SCHEMA_STEPS, or fewer.  The schema must outlive it. */
enum status json_schema_checker_create(struct json_schema_checker **checker, const struct json_schema *schema,
                                       uint64_t step_max) MUST_CHECK;
void json_schema_checker_destroy(struct json_schema_checker *checker);

/* Does values[index] match?  If not, problem tells of the first mismatch: pointer in the value, a sentence that ends in the keyword,
 * and as fix the place in the schema with the description that stands there.  *keyword (may be NULL) is the keyword's name,
 * "steps" when the check took too many, NULL when it matches. */
enum status json_schema_check(struct json_schema_checker *checker, const struct json_value *values, uint32_t index,
                              const char **keyword, struct problem *problem) MUST_CHECK;

#endif
