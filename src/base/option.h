/* option.h - settings as rows: one row gives the struct field, parser, --help and manual.
 *
 * A room that has settings keeps a file <name>_options.def of rows
 *     OPTION(kind, field, "name", default, min, max, "what it does")
 * with kind one of COUNT (uint64_t), BYTES (uint64_t, "64MiB"), DURATION (uint64_t ms, "10m"),
 * RATIO (double), FLAG (bool), TEXT (char[256]), CHOICE (unsigned; default is the index and
 * max the names "a|b|c").  For TEXT the default is a string and min, max are 0.
 * The owning header makes the struct from the rows with OPTION_FIELD; ops/settings.c walks
 * all tables.
 *
 * Threads: read-only after start.
 * Memory:  constant tables.
 * Failure: cannot fail.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind { OPTION_COUNT, OPTION_BYTES, OPTION_DURATION, OPTION_RATIO, OPTION_FLAG, OPTION_TEXT, OPTION_CHOICE };

enum { OPTION_TEXT_SIZE = 256 };

#define OPTION_TYPE_COUNT(field) uint64_t field;
#define OPTION_TYPE_BYTES(field) uint64_t field;
#define OPTION_TYPE_DURATION(field) uint64_t field;
#define OPTION_TYPE_RATIO(field) double field;
#define OPTION_TYPE_FLAG(field) bool field;
#define OPTION_TYPE_TEXT(field) char field[OPTION_TEXT_SIZE];
#define OPTION_TYPE_CHOICE(field) unsigned field;
/* struct x_options {
 *   #define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
 *   #include "room/x_options.def"
 *   #undef OPTION
 * };                                                                                     */

#endif
