/* json_schema_state.h - the plan of a JSON Schema, and what its sources share.
 *
 * Nodes, rules and tables lie in one arena and point to each other.  `source` is always the index of a value in the
 * node's document: from it come the JSON pointers of findings, so that no pointer is stored.
 *
 * Threads: written while compiling, then read-only; struct json_schema_checker is one thread's.
 * Memory:  the schema's arena.
 * Failure: as json_schema.h.
 */
#ifndef SCHEMA_JSON_SCHEMA_STATE_H
#define SCHEMA_JSON_SCHEMA_STATE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"
#include "schema/json_schema.h"

enum json_schema_keyword {
#define KEYWORD(name, text, shape) JSON_SCHEMA_##name,
#include "schema/json_schema_keywords.def"
#undef KEYWORD
    JSON_SCHEMA_KEYWORD_COUNT
};

/* Where a keyword's value holds schemas. */
enum json_schema_shape {
    JSON_SCHEMA_SHAPE_NONE,
    JSON_SCHEMA_SHAPE_ONE,   /* a schema */
    JSON_SCHEMA_SHAPE_LIST,  /* an array of schemas */
    JSON_SCHEMA_SHAPE_MAP,   /* an object of schemas */
    JSON_SCHEMA_SHAPE_EITHER /* ONE or LIST; in a MAP also lists of names */
};

struct json_schema_row {
    const char *name;
    enum json_schema_shape shape;
};

enum { JSON_SCHEMA_ABSENT = UINT32_MAX };

struct json_schema_node;

struct json_schema_text {
    struct slice uri; /* as mapped, without fragment; empty: the schema itself */
    struct json_value *values;
    struct json_schema_node **nodes; /* by value; NULL: no schema so far */
    uint32_t count;
};

/* A schema with a name: a document, a $id, or a plain-name fragment. */
struct json_schema_resource {
    struct slice uri;
    struct slice anchor; /* absent: the resource itself */
    const struct json_schema_text *text;
    uint32_t index;
    struct json_schema_resource *next;
};

struct json_schema_pattern {
    pcre2_code *code;
    const struct json_schema_node *node; /* patternProperties */
    uint32_t source;
    struct json_schema_pattern *next; /* of all; freed with the schema */
};

/* The first and the last eight bytes of a name: with its size all of it up to 16 bytes, so that most names are told apart
 * without a look at their bytes. */
struct json_schema_ends {
    uint64_t first, last;
};

static inline struct json_schema_ends json_schema_ends_of(struct slice name)
{
    struct json_schema_ends ends = {0, 0};
    if (name.size >= 8) {
        memcpy(&ends.first, name.data, 8);
        memcpy(&ends.last, name.data + name.size - 8, 8);
    } else if (name.size >= 4) {
        uint32_t head, tail;
        memcpy(&head, name.data, 4);
        memcpy(&tail, name.data + name.size - 4, 4);
        ends.first = head;
        ends.last = tail;
    } else if (name.size > 0) {
        ends.first = (unsigned char)name.data[0];
        ends.last = (uint64_t)(unsigned char)name.data[name.size / 2] << 8 | (unsigned char)name.data[name.size - 1];
    }
    return ends;
}

static inline uint32_t json_schema_ends_hash(struct json_schema_ends ends, uint32_t size)
{
    const uint64_t golden = 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
    return (uint32_t)(((ends.first ^ (ends.last << 29 | ends.last >> 35) ^ size) * golden) >> 32);
}

struct json_schema_slot {
    struct slice name;                   /* absent: a free slot */
    struct json_schema_ends ends;
    const struct json_schema_node *node; /* of properties; NULL: only required */
    uint64_t required_bit;
};

/* properties, patternProperties, additionalProperties and the first 64 of required: one pass over the members. */
struct json_schema_members {
    struct json_schema_slot *slots;
    uint32_t slot_mask;
    uint32_t pattern_count;
    struct json_schema_pattern **patterns;
    const struct json_schema_node *additional;
    uint64_t required;
    uint64_t sizes; /* bit n: a name has n bytes; bit 63: 63 or more */
};

struct json_schema_dependency {
    struct slice name;
    const struct json_schema_node *node; /* or NULL */
    const struct json_value *names;      /* or NULL: an array */
};

struct json_schema_rule {
    uint8_t keyword;
    uint8_t kinds;   /* bits 1 << enum json_kind that it applies to */
    uint32_t source;
    uint32_t count;
    union {
        uint64_t limit;
        const struct json_value *value;
        const struct json_schema_node **nodes;
        const struct json_schema_pattern *pattern;
        const struct json_schema_members *members;
        const struct json_schema_dependency *dependencies;
    };
};

struct json_schema_node {
    const struct json_schema_node *target; /* $ref: everything else is ignored */
    struct json_schema_rule *rules;
    uint8_t kinds;        /* kinds it takes */
    uint8_t rule_kinds;   /* kinds that have rules */
    bool is_integral;     /* of numbers only whole ones */
    uint8_t mark;         /* of the search for cycles */
    uint32_t rule_count;
    uint32_t source;
    uint32_t type_source; /* of the keyword type; else the schema */
    const struct json_schema_text *text;
    struct json_schema_node *next; /* to be compiled after this one */
};

struct json_schema {
    struct arena arena;
    struct json_schema_text *texts;
    uint32_t text_count;
    uint32_t node_count;
    const struct json_schema_node *root;
    struct json_schema_resource *resources;
    struct json_schema_pattern *patterns;
    struct json_schema_node *first, *last; /* in order of compiling */
    struct problem *problem;               /* while compiling */
};

struct json_schema_finding {
    const struct json_schema_node *node; /* NULL: none */
    uint32_t source;
    uint8_t keyword;
    const struct json_value *value;
    struct slice name; /* the member that is missing or has a wrong name */
};

/* Hash of an item and where it is, for uniqueItems; number tells which search put it there. */
struct json_schema_unique {
    uint64_t hash;
    uint64_t number;
    const struct json_value *value;
};

struct json_schema_checker {
    const struct json_schema *schema;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    uint64_t step_max;
    uint64_t steps_left;
    const struct json_value *values;
    uint32_t depth;
    uint32_t silence; /* above 0: within anyOf and the like, where a mismatch is no finding */
    bool is_exhausted;
    struct json_schema_finding finding;
    struct json_schema_unique *unique;
    uint32_t unique_capacity;
    uint64_t unique_number;
};

/* json_schema_keyword.c */
const struct json_schema_row *json_schema_keyword_row(enum json_schema_keyword keyword);
enum json_schema_keyword json_schema_keyword_find(struct slice name); /* JSON_SCHEMA_KEYWORD_COUNT: none */
enum status json_schema_keyword_compile(struct json_schema *schema, struct json_schema_node *node) MUST_CHECK;

/* json_schema_address.c */
enum { JSON_SCHEMA_URI_MAX = 1024 };
/* RFC 3986, section 5.2; false when it does not fit.  *out borrows buffer. */
bool json_schema_address_resolve(struct slice base, struct slice reference, char buffer[JSON_SCHEMA_URI_MAX], struct slice *out);
void json_schema_address_split(struct slice uri, struct slice *rest, struct slice *fragment);
/* The base URI at a value: the document's, changed by each $id on the way. */
bool json_schema_address_base(const struct json_schema_text *text, uint32_t index, char buffer[JSON_SCHEMA_URI_MAX], struct slice *out);
/* $id that counts (no $ref beside it); NULL: none. */
const struct json_value *json_schema_address_id(const struct json_schema_text *text, uint32_t index);
/* The value that the fragment of a URI names under values[root]; JSON_SCHEMA_ABSENT. */
uint32_t json_schema_address_find(const struct json_value *values, uint32_t root, struct slice fragment);
/* RFC 6901; what does not fit is cut at a whole token and ends in "/...". */
void json_schema_address_render(const struct json_value *values, uint32_t root, uint32_t index, char *out, size_t size);

/* json_schema.c */
struct json_schema_node *json_schema_node_at(struct json_schema *schema, const struct json_schema_text *text, uint32_t index);
/* What a $ref at values[index] of text means; NULL: problem says why not. */
const struct json_schema_node *json_schema_target(struct json_schema *schema, const struct json_schema_text *text, uint32_t index);
enum status json_schema_refuse(struct json_schema *schema, const struct json_schema_text *text, uint32_t index, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* json_schema_value.c */
int json_schema_value_compare(const struct json_value *a, const struct json_value *b); /* two numbers: -1, 0, 1 */
bool json_schema_value_is_multiple(const struct json_value *value, const struct json_value *divisor);
/* Each compared value takes a step; false when none is left, too. */
bool json_schema_value_equal(const struct json_value *a_values, const struct json_value *a, const struct json_value *b_values,
                             const struct json_value *b, uint64_t *steps);
/* Equal values have equal hashes. */
uint64_t json_schema_value_hash(const struct json_value *values, const struct json_value *value);
uint32_t json_schema_value_characters(struct slice text);

/* json_schema_checker.c: fills finding when it does not match */
bool json_schema_checker_run(struct json_schema_checker *checker, const struct json_value *values, uint32_t index);

/* json_schema_sentence.c */
void json_schema_sentence_say(const struct json_schema_checker *checker, uint32_t root, struct problem *problem);

#endif
