/* yaml_tree.h - a YAML file as a sequence of leaves with dotted paths and lines.
 *
 * The file is parsed by libyaml into its document tree and walked in order:
 *
 *     log:                          YAML_MAP    path "log"
 *       durability: always          YAML_SCALAR path "log.durability" value "always"
 *     http:
 *       hosts: [a, b]               YAML_SCALAR path "http.hosts" value "a,b" is_list
 *     features:                     YAML_ITEM   path "features" index 0
 *       - name: x                   YAML_ITEM_VALUE path "features" index 0 key "name" value "x"
 *
 * Refused: a root that is no map, a second document, keys that are no scalars, a key twice in
 * one map, nesting over 8, lists that mix items and scalars, values over 255 bytes, more than
 * 100,000 nodes (aliases count each time they are used).
 *
 * Threads: any.
 * Memory:  the tree while it is walked.
 * Failure: STATUS_SETTING with file:line, or with the path and reason when it cannot be read.
 */
#ifndef OPS_YAML_TREE_H
#define OPS_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { YAML_TREE_PATH_SIZE = 128, YAML_TREE_VALUE_SIZE = 256, YAML_TREE_DEPTH_MAX = 8, YAML_TREE_NODES_MAX = 100000 };

enum yaml_leaf_kind { YAML_MAP, YAML_SCALAR, YAML_ITEM, YAML_ITEM_VALUE };

struct yaml_leaf {
    enum yaml_leaf_kind kind;
    const char *path;
    const char *key;
    const char *value;
    uint32_t index;
    uint32_t line;      /* from 1 */
    bool is_null;       /* an empty or ~ scalar without quotes */
    bool is_list;       /* value was joined from a sequence */
};

typedef enum status yaml_tree_visit(void *context, const struct yaml_leaf *leaf, struct problem *problem);

/* Visits all leaves until one is refused. name is what errors and places call the file. */
enum status yaml_tree_walk(const char *text, size_t size, const char *name, yaml_tree_visit *visit, void *context,
                           struct problem *problem) MUST_CHECK;
/* Reads a file of at most size_max bytes and walks it. */
enum status yaml_tree_read(const char *path, size_t size_max, yaml_tree_visit *visit, void *context,
                           struct problem *problem) MUST_CHECK;
/* A problem whose pointer is name:line. Returns STATUS_SETTING. */
enum status yaml_tree_refuse(struct problem *problem, const char *name, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
