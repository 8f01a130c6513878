/* tables.h - the rows of the model's tables and the way to them; for model/ and decide/.
 *
 * | table      | row                                   | bytes    | in order of           |
 * |------------|---------------------------------------|----------|-----------------------|
 * | briefs     | generation, flags, log2 of sessions   | 8        | content slot          |
 * | contents   | struct content_row                    | 128      | content slot          |
 * | ids        | the id's bytes                        | 128      | content slot          |
 * | neighbours | 32 references, 32 weights             | 256      | content slot          |
 * | postings   | ring of 128 session numbers           | 512      | content slot          |
 * | features   | a feature record                      | declared | content slot          |
 * | index      | tag, slot + 1                         | 8        | hash of the content   |
 * | categories | struct category_row                   | 640      | category slot         |
 * | scopes     | struct trend_scope                    | 520      | country and device    |
 * | sessions   | 16 references, the newest first       | 64       | number mod capacity   |
 * | openings   | the session's key                     | 8        | number mod capacity   |
 * | numbers    | cells: session number                 | 8        | hash of the session   |
 *
 * A reference is slot | generation << 24, never 0.  An entry whose generation is not its
 * slot's is dead.  Sessions are numbered from 1; one is alive while its number is among the
 * newest capacity ones.
 *
 * Threads: one writer; readers load words by base/shared.h.
 * Memory:  the image's.
 * Failure: cannot fail.
 */
#ifndef MODEL_TABLES_H
#define MODEL_TABLES_H

#include "base/shared.h"
#include "model/cell_index.h"
#include "model/image.h"
#include "model/model.h"
#include "model/toplist.h"

enum {
    MODEL_NEIGHBOURS = 32,       /* K */
    MODEL_POSTINGS = 128,        /* m */
    MODEL_SESSION_ITEMS = 16,
    MODEL_CONTENT_CATEGORIES = 8,
    MODEL_CATEGORY_TOPS = 64,
    MODEL_SCOPE_TOPS = 64,
    MODEL_GLOBAL_TOPS = 256,
    MODEL_NEW_CONTENTS = 64,
    MODEL_CATEGORY_NAME_MAX = 64,
    MODEL_USERS_KEPT = 8,
    MODEL_DEVICES = 8,
    MODEL_COUNTRIES = 26 * 26 + 1, /* the last: unknown */
    MODEL_SLOT_BITS = 24,
    MODEL_GENERATION_MAX = 255
};

#define MODEL_NEIGHBOUR_HALF_LIFE_MS ((uint64_t)7 * 24 * 3600 * 1000)
#define MODEL_CATEGORY_HALF_LIFE_MS ((uint64_t)24 * 3600 * 1000)
#define MODEL_TREND_HALF_LIFE_MS ((uint64_t)30 * 60 * 1000)

/* brief: bits 0..7 generation (0: empty), 8..15 flags, 32..63 log2(sessions + 1) as a float */
enum content_flag {
    CONTENT_HIDDEN = 1 << 0,
    CONTENT_DELETED = 1 << 1,    /* a tombstone: known, never shown, not brought back by events */
    CONTENT_CATALOGUED = 1 << 2,
    CONTENT_NAMED = 1 << 3,      /* by as many different users as probation asks */
    CONTENT_TIMED = 1 << 4,      /* published_at or expires_at is set */
    CONTENT_PRESENT = 1 << 5,
    CONTENT_RESTING = 1 << 6     /* its generations are spent (content_table.h) */
};

struct content_row {
    uint64_t key;                /* keyed hash of the id; 0: empty */
    uint32_t sequence;           /* odd while key and id change */
    uint32_t session_count;      /* sessions of two contents or more that it was in */
    uint32_t first_seen_s, last_seen_s;
    uint32_t reserved0;
    float trend_weight;          /* exact, decayed; the global trend list is by it */
    uint32_t trend_epoch;
    uint16_t trend_place;        /* in the global list, from 1; 0: not there */
    uint8_t posting_head;        /* where the next posting goes */
    uint8_t posting_count;
    uint16_t categories[MODEL_CONTENT_CATEGORIES];
    uint8_t category_count;
    uint8_t id_size;
    uint8_t user_count;
    uint8_t reserved;
    /* second line */
    uint64_t document;           /* place of its catalogue row, plus 1; 0: none */
    int64_t published_at_ms;     /* INT64_MIN: unknown */
    int64_t expires_at_ms;       /* INT64_MIN: never */
    uint32_t users[MODEL_USERS_KEPT]; /* low halves of the hashes of the last ones that were new */
    uint32_t next_free;
    uint32_t reserved2;
};
static_assert(sizeof(struct content_row) == 128, "two cache lines");

struct content_neighbours {
    uint32_t references[MODEL_NEIGHBOURS];
    float weights[MODEL_NEIGHBOURS];
};

struct category_row {
    uint64_t key;
    uint32_t epoch;              /* of the weights */
    uint8_t name_size;
    uint8_t reserved[3];
    char name[MODEL_CATEGORY_NAME_MAX];
    uint64_t reserved2[6];
    uint32_t references[MODEL_CATEGORY_TOPS];
    float weights[MODEL_CATEGORY_TOPS];
};
static_assert(sizeof(struct category_row) == 640, "whole cache lines");

struct trend_scope {
    uint32_t epoch;
    uint32_t reserved;
    uint32_t references[MODEL_SCOPE_TOPS];
    float weights[MODEL_SCOPE_TOPS];
};

enum model_table {
    TABLE_BRIEFS, TABLE_CONTENTS, TABLE_IDS, TABLE_NEIGHBOURS, TABLE_POSTINGS, TABLE_FEATURES, TABLE_INDEX,
    TABLE_CATEGORIES, TABLE_CATEGORY_INDEX, TABLE_CATEGORY_FEATURES, TABLE_SCOPES, TABLE_GLOBAL_FEATURES,
    TABLE_SESSIONS, TABLE_OPENINGS, TABLE_NUMBERS, TABLE_LAYOUT, TABLE_COUNT
};

/* The image's first page: what the tables were made with, and all that is counted. */
struct model_state {
    char magic[8];
    uint32_t version;
    uint32_t reserved;
    struct model_parameters parameters;
    uint64_t position[MODEL_POSITIONS]; /* the owner's: next offsets */
    uint32_t content_used;       /* slots ever taken */
    uint32_t content_live;
    uint32_t catalogued;         /* live contents of the catalogue */
    uint32_t free_head;          /* slot + 1; 0: none */
    uint32_t resting;
    uint32_t hand;               /* of the search for a cold slot */
    uint32_t index_sequence;     /* odd while an entry of the content index is taken out */
    uint32_t number_sequence;    /* the same of the sessions' */
    uint32_t category_count;
    uint32_t session_newest;     /* number; 0: none yet */
    uint32_t sessions_posted;    /* sessions of two contents or more: S of the idf */
    uint32_t neighbour_epoch, category_epoch, trend_epoch;
    uint32_t trend_lightest;     /* place of the lightest in the global list */
    uint64_t evictions, sweeps, categories_refused;
    uint32_t new_head;           /* where the next new content goes */
    uint32_t new_references[MODEL_NEW_CONTENTS];
    uint32_t trend_references[MODEL_GLOBAL_TOPS];
    float trend_weights[MODEL_GLOBAL_TOPS];
};
static_assert(sizeof(struct model_state) <= IMAGE_PAGE, "the header is one page");

struct model {
    struct model_state *state;
    uint64_t *briefs;
    struct content_row *contents;
    char (*ids)[128];
    struct content_neighbours *neighbours;
    uint32_t (*postings)[MODEL_POSTINGS];
    char *features;
    struct cell_index index;
    struct category_row *categories;
    struct cell_index category_index;
    char *category_features;
    struct trend_scope *scopes;
    char *global_features;
    uint32_t (*sessions)[MODEL_SESSION_ITEMS];
    uint64_t *openings;
    struct cell_index numbers;
    uint32_t session_mask;       /* capacity - 1 */
    struct image image;
};

/* ---- words ---- */

static inline float tables_weight(const float *place)
{
    uint32_t bits = __atomic_load_n((const uint32_t *)(const void *)place, __ATOMIC_RELAXED);
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t tables_slot(uint32_t reference)
{
    return reference & ((1U << MODEL_SLOT_BITS) - 1);
}

static inline uint32_t tables_generation(uint64_t brief)
{
    return (uint32_t)(brief & 0xff);
}

static inline uint32_t tables_flags(uint64_t brief)
{
    return (uint32_t)(brief >> 8 & 0xff);
}

/* log2(sessions + 1) */
static inline float tables_log2_sessions(uint64_t brief)
{
    uint32_t bits = (uint32_t)(brief >> 32);
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t tables_reference(uint32_t slot, uint64_t brief)
{
    return slot | tables_generation(brief) << MODEL_SLOT_BITS;
}

static inline bool tables_is_alive(uint32_t reference, uint64_t brief)
{
    return reference >> MODEL_SLOT_BITS == tables_generation(brief);
}

/* Is a session of that number still in its row? newest: state->session_newest. */
static inline bool tables_has_session(const struct model *model, uint32_t number, uint32_t newest)
{
    return newest - number <= model->session_mask;
}

/* Row of a scope: country 0..25*26+25 or MODEL_COUNTRIES - 1, device 0: all. */
static inline uint32_t tables_scope(uint32_t country, uint32_t device)
{
    return country * MODEL_DEVICES + device;
}

/* MODEL_COUNTRIES - 1 when the two bytes are no upper-case letters. */
static inline uint32_t tables_country(const char code[2])
{
    if (code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
        return MODEL_COUNTRIES - 1;
    return (uint32_t)(code[0] - 'A') * 26 + (uint32_t)(code[1] - 'A');
}

#endif
