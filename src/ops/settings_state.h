/* settings_state.h - what is behind struct settings; for the files of ops only.
 *
 * Threads: as ops/settings.h.
 * Memory:  as ops/settings.h.
 * Failure: cannot fail.
 */
#ifndef OPS_SETTINGS_STATE_H
#define OPS_SETTINGS_STATE_H

#include "ops/settings.h"
#include "ops/yaml_tree.h"

enum { SETTINGS_ORIGIN_SIZE = 160, SETTINGS_NAME_SIZE = 64 };

/* One key of one item of a list. */
struct settings_pair {
    uint32_t item;
    uint32_t line;
    const char *key;                    /* of the allowed ones */
    char value[YAML_TREE_VALUE_SIZE];
};

struct settings_list {
    const char *section;
    const char *const *keys;
    uint32_t key_count;
    uint32_t item_count;
    uint32_t pair_count, pair_capacity;
    uint32_t item_lines[SETTINGS_ITEMS_MAX];
    struct settings_pair *pairs;
};

struct settings_origin {
    char text[SETTINGS_ORIGIN_SIZE];
    uint32_t file_line;                 /* where the file set it; 0: it did not */
};

struct settings {
    const struct option_row *rows;
    uint32_t row_count;
    uint32_t list_count;
    void *values;
    struct settings_origin *origins;    /* one a row */
    struct settings_list lists[SETTINGS_LISTS_MAX];
    char file[SETTINGS_ORIGIN_SIZE];
};

#endif
