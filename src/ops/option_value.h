/* option_value.h - one value of a setting: from text, to text.
 *
 * The forms are listed in ops/settings.h.  What is rendered parses back to the same value.
 *
 * Threads: pure.
 * Memory:  none.
 * Failure: option_value_parse returns false with a reason for people.
 */
#ifndef OPS_OPTION_VALUE_H
#define OPS_OPTION_VALUE_H

#include "base/option.h"
#include "ops/settings.h"

enum { OPTION_VALUE_REASON_SIZE = 256 };

/* Writes the value to its place in *values; reason: OPTION_VALUE_REASON_SIZE bytes, filled on false. */
bool option_value_parse(const struct option_row *row, const char *text, void *values, char *reason);
void option_value_set_default(const struct option_row *row, void *values);
bool option_value_is_default(const struct option_row *row, const void *values);
void option_value_render(const struct option_row *row, const void *values, char *text, size_t size);
/* A number as the row's kind writes it: 600000 of a DURATION is "10m". */
void option_value_number(const struct option_row *row, double number, char *text, size_t size);

#endif
