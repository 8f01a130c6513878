/* settings.h - the settings file, environment and flags, one walker over all option tables.
 *
 * YAML through libyaml's document tree.  Sections nest by dots: `log: {durability: always}` is
 * log.durability.  Flag > PENCHANT_LOG_DURABILITY > file > default, by the order in which app
 * calls; each value remembers its origin.  Lists `event_types:` and `features:` are read here
 * too, for their owners.  An unknown key is an error with file, line and the nearest name; a
 * key that is set twice is one too.  A PENCHANT_ variable that is no setting is refused where
 * it looks like a slip of one, else only warned about: other programs may share the prefix.
 *
 * Values: COUNT 12; BYTES 64MiB, 1GiB or plain bytes; DURATION 500ms, 10s, 5m, 1h, 7d or plain
 * milliseconds; RATIO 0.7; FLAG true, false, yes, no, on, off; CHOICE a name; TEXT up to 255
 * bytes, a list of scalars is joined by commas.
 *
 * Threads: one, at start; read-only afterwards.
 * Memory:  about 400 bytes a row and what the lists hold; at most SETTINGS_FILE_MAX read.
 * Failure: STATUS_SETTING; problem.pointer is the origin (file:line, variable or flag),
 *          problem.detail key, reason and nearest name, problem.fix what to write.
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

/* A row of a .def file as a struct option_row.  `owner` is the struct that *values points to
 * and `section` its member that was made from the same .def:
 *
 *     struct configuration { struct http_options http; struct log_options log; };
 *     static const struct option_row rows[] = {
 *     #define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, http, __VA_ARGS__)
 *     #include "io/http_options.def"
 *     #undef OPTION
 *     #define OPTION(kind, ...) SETTINGS_ROW(kind, struct configuration, log, __VA_ARGS__)
 *     #include "eventlog/log_options.def"
 *     #undef OPTION
 *     };
 *     settings_create(&settings, rows, sizeof rows / sizeof rows[0], &configuration);       */
#define SETTINGS_ROW(kind, owner, section, ...) SETTINGS_ROW_##kind(owner, section, __VA_ARGS__)
#define SETTINGS_ROW_NUMBER(kind_, owner, section, field, name_, def, min_, max_, text_)            \
    {.name = name_, .kind = kind_, .offset = offsetof(owner, section.field),                        \
     .default_number = (double)(def), .min = (double)(min_), .max = (double)(max_), .text = text_},
#define SETTINGS_ROW_COUNT(...) SETTINGS_ROW_NUMBER(OPTION_COUNT, __VA_ARGS__)
#define SETTINGS_ROW_BYTES(...) SETTINGS_ROW_NUMBER(OPTION_BYTES, __VA_ARGS__)
#define SETTINGS_ROW_DURATION(...) SETTINGS_ROW_NUMBER(OPTION_DURATION, __VA_ARGS__)
#define SETTINGS_ROW_RATIO(...) SETTINGS_ROW_NUMBER(OPTION_RATIO, __VA_ARGS__)
#define SETTINGS_ROW_FLAG(...) SETTINGS_ROW_NUMBER(OPTION_FLAG, __VA_ARGS__)
#define SETTINGS_ROW_TEXT(owner, section, field, name_, def, min_, max_, text_)                     \
    {.name = name_, .kind = OPTION_TEXT, .offset = offsetof(owner, section.field),                  \
     .default_text = def, .text = text_},
#define SETTINGS_ROW_CHOICE(owner, section, field, name_, def, min_, max_, text_)                   \
    {.name = name_, .kind = OPTION_CHOICE, .offset = offsetof(owner, section.field),                \
     .default_number = (double)(def), .choices = max_, .text = text_},

enum { SETTINGS_FILE_MAX = 1024 * 1024, SETTINGS_LISTS_MAX = 8, SETTINGS_ITEMS_MAX = 256, SETTINGS_KEYS_MAX = 32 };

struct settings;

/* Puts the defaults into *values.  Rows are borrowed; a row without text, or with a default out
 * of its range, is a bug and asserts.
 * The tables are given by app, which knows all rooms: rows whose offsets are in *values. */
enum status settings_create(struct settings **settings, const struct option_row *rows, uint32_t row_count, void *values) MUST_CHECK;
void settings_destroy(struct settings *settings);
enum status settings_read_file(struct settings *settings, const char *path, struct problem *problem) MUST_CHECK;
enum status settings_read_environment(struct settings *settings, char **environment, struct problem *problem) MUST_CHECK;
/* name: option name, as in --log.durability=always. */
enum status settings_set(struct settings *settings, const char *name, const char *value, const char *origin,
                         struct problem *problem) MUST_CHECK;
/* Where a value came from: "default", "file:line", "PENCHANT_X", "--x". */
const char *settings_origin(const struct settings *settings, const char *name);
/* The value as text, with unit, as it stands. */
void settings_render(const struct settings *settings, const char *name, char *text, size_t size);
/* Markdown for docs/CONFIGURATION.md; a commented YAML of defaults for config/penchant.yaml. */
void settings_describe(const struct settings *settings, FILE *out);
void settings_print_defaults(const struct settings *settings, FILE *out);
/* Every value that is not its default: "name=value (origin)" a line. */
void settings_print_changed(const struct settings *settings, FILE *out);

/* A CHOICE, FLAG or number as its row writes it: "7d", "64MiB", "interval". */
void settings_render_default(const struct option_row *row, char *text, size_t size);

/* Lists of the file, for their owners: how many items `section` has, and a scalar of an item by key with its place. */
uint32_t settings_list_count(const struct settings *settings, const char *section);
/* False when the item has no such key; place (>= 160 bytes) gets file:line, of the item where it has no such
 * key. A sequence of scalars is joined by commas. */
bool settings_list_get(const struct settings *settings, const char *section, uint32_t index, const char *key, char *value,
                       size_t size, char *place);
/* The keys that items of a section may have; an unknown one is an error when the file is read. Call before read_file. */
void settings_allow_list(struct settings *settings, const char *section, const char *const *keys, uint32_t key_count);

#endif
