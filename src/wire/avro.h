/* avro.h - the binary encoding of Avro: primitives, bounds-checked.
 *
 * Encoders append to a buffer with a sticky overflow flag; decoders advance a cursor with a
 * sticky bad flag, so that a record is coded by a straight list of calls and checked once.
 * Source: Apache Avro 1.11 specification, "Binary Encoding".
 *
 * Threads: one per struct.
 * Memory:  the caller's buffer; decoded slices point into it.
 * Failure: sticky flags; never reads or writes outside the buffer.
 */
#ifndef WIRE_AVRO_H
#define WIRE_AVRO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct avro_out {
    char *data;
    uint32_t size;
    uint32_t capacity;
    bool is_overflown;
};

struct avro_in {
    const char *data;
    uint32_t size;
    uint32_t at;
    bool is_bad;
};

void avro_put_long(struct avro_out *out, int64_t value); /* int and long: zigzag varint */
void avro_put_double(struct avro_out *out, double value);
void avro_put_float(struct avro_out *out, float value);
void avro_put_boolean(struct avro_out *out, bool value);
void avro_put_string(struct avro_out *out, struct slice text); /* also bytes */
void avro_put_fixed(struct avro_out *out, const void *data, uint32_t size);
/* union {null, string}: index 0 when absent (data == NULL), else 1 and the string */
void avro_put_optional_string(struct avro_out *out, struct slice text);
/* index of a union {null, X}; X follows when is_present */
void avro_put_branch(struct avro_out *out, bool is_present);
/* one block, or none when count is 0 */
void avro_put_strings(struct avro_out *out, const struct slice *texts, uint32_t count);
/* Confluent framing: 0x00 and the schema id, big-endian */
void avro_put_frame(struct avro_out *out, uint32_t schema_id);

int64_t avro_get_long(struct avro_in *in);
double avro_get_double(struct avro_in *in);
float avro_get_float(struct avro_in *in);
bool avro_get_boolean(struct avro_in *in);
struct slice avro_get_string(struct avro_in *in);
struct slice avro_get_fixed(struct avro_in *in, uint32_t size);
struct slice avro_get_optional_string(struct avro_in *in);
bool avro_get_branch(struct avro_in *in);
/* An array of strings in any blocks; returns how many, is_bad when there are more than count_max. */
uint32_t avro_get_strings(struct avro_in *in, struct slice *texts, uint32_t count_max);
uint32_t avro_get_frame(struct avro_in *in); /* schema id; sets is_bad when the magic byte is not 0 */

#endif
