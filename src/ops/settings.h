/* settings.h - the settings file, environment and flags, one walker over all option tables.
 *
 * YAML through libyaml's document tree.  Sections nest by dots: `log: {durability: always}` is
 * log.durability.  Flag > PENCHANT_LOG_DURABILITY > file > default; each value remembers its
 * origin.  Lists `event_types:` and `features:` are read here too.  An unknown key is an error with file, line and
 * the nearest name.
 *
 * Threads: one, at start.
 * Memory:  inline.
 * Failure: STATUS_SETTING with file:line, key, value, reason and the fix.
 */
#ifndef OPS_SETTINGS_H
#define OPS_SETTINGS_H

#include <stdio.h>

#include "base/metric.h"
#include "base/option.h"
#include "base/status.h"

struct option_row {
    const char *name;           /* "log.durability" */
    enum option_kind kind;
    size_t offset;              /* of the field in the caller's struct */
    double default_number;
    const char *default_text;
    double min, max;
    const char *choices;        /* "a|b|c" */
    const char *text;
};

struct settings;

/* The tables are given by app, which knows all rooms: rows whose offsets are in *values. */
enum status settings_create(struct settings **settings, const struct option_row *rows, uint32_t row_count, void *values) MUST_CHECK;
void settings_destroy(struct settings *settings);
enum status settings_read_file(struct settings *settings, const char *path, struct problem *problem) MUST_CHECK;
enum status settings_read_environment(struct settings *settings, char **environment, struct problem *problem) MUST_CHECK;
/* name: option name, as in --log.durability=always. */
enum status settings_set(struct settings *settings, const char *name, const char *value, const char *origin,
                         struct problem *problem) MUST_CHECK;
/* Where a value came from: "default", "file:line", "PENCHANT_X", "--x". */
const char *settings_origin(const struct settings *settings, const char *name);
/* Values as text, with unit, as they stand. */
void settings_render(const struct settings *settings, const char *name, char *text, size_t size);
/* Markdown for docs/CONFIGURATION.md; a commented YAML of defaults for config/penchant.yaml. */
void settings_describe(const struct settings *settings, FILE *out);
void settings_print_defaults(const struct settings *settings, FILE *out);
/* Every value that is not its default: "name=value (origin)" a line. */
void settings_print_changed(const struct settings *settings, FILE *out);

/* Lists of the file, for their owners: how many items `section` has, and a scalar of an item by key with its place. */
uint32_t settings_list_count(const struct settings *settings, const char *section);
/* False when the item has no such key; place (>= 160 bytes) gets file:line. A sequence of scalars is joined by commas. */
bool settings_list_get(const struct settings *settings, const char *section, uint32_t index, const char *key, char *value,
                       size_t size, char *place);
/* The keys that items of a section may have; an unknown one is an error when the file is read. Call before read_file. */
void settings_allow_list(struct settings *settings, const char *section, const char *const *keys, uint32_t key_count);

#endif
