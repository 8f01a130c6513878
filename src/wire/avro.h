/* avro.h - the binary encoding of Avro: primitives, bounds-checked.
 *
 * Encoders append to a buffer with a sticky overflow flag; decoders advance a cursor with a
 * sticky bad flag, so that a record is coded by a straight list of calls and checked once.
 * Source: Apache Avro 1.11 specification, "Binary Encoding".
 *
 * Threads: one per struct.
 * Memory:  the caller's buffer; decoded slices point into it.
 * Failure: sticky flags; never reads or writes outside the buffer.  A flag also cuts
 *          capacity, or the size of what is read, to what was done.
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

/* The two ways out of the fast paths below; they also set the flags, and shrink the buffer to
 * what was done, so that every later call fails too without looking at the flag. */
void avro_put_varint(struct avro_out *out, uint64_t zigzag);
char *avro_put_fails(struct avro_out *out);
uint64_t avro_get_varint(struct avro_in *in);
void avro_get_fails(struct avro_in *in);

/* A place for size bytes; NULL on overflow. */
static inline char *avro_put_place(struct avro_out *out, uint32_t size)
{
    if (size > out->capacity - out->size)
        return avro_put_fails(out);
    char *place = out->data + out->size;
    out->size += size;
    return place;
}

/* int and long: zigzag varint.  Most are small: branches, sizes, enums. */
static inline void avro_put_long(struct avro_out *out, int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    if (zigzag < 0x80 && out->size < out->capacity)
        out->data[out->size++] = (char)zigzag;
    else
        avro_put_varint(out, zigzag);
}

static inline void avro_put_fixed(struct avro_out *out, const void *data, uint32_t size)
{
    char *place = avro_put_place(out, size);
    if (place != NULL && size > 0)
        memcpy(place, data, size);
}

static inline void avro_put_boolean(struct avro_out *out, bool value)
{
    avro_put_fixed(out, value ? "\1" : "", 1);
}

static inline void avro_put_string(struct avro_out *out, struct slice text) /* also bytes */
{
    avro_put_long(out, text.size);
    avro_put_fixed(out, text.data, text.size);
}

/* index of a union {null, X}; X follows when is_present */
static inline void avro_put_branch(struct avro_out *out, bool is_present)
{
    avro_put_long(out, is_present);
}

/* union {null, string}: index 0 when absent (data == NULL), else 1 and the string */
static inline void avro_put_optional_string(struct avro_out *out, struct slice text)
{
    avro_put_branch(out, text.data != NULL);
    if (text.data != NULL)
        avro_put_string(out, text);
}

void avro_put_double(struct avro_out *out, double value);
void avro_put_float(struct avro_out *out, float value);
/* one block, or none when count is 0 */
void avro_put_strings(struct avro_out *out, const struct slice *texts, uint32_t count);
/* Confluent framing: 0x00 and the schema id, big-endian */
void avro_put_frame(struct avro_out *out, uint32_t schema_id);

/* The next size bytes; NULL when there are fewer. */
static inline const char *avro_get_place(struct avro_in *in, uint32_t size)
{
    if (size > in->size - in->at) {
        avro_get_fails(in);
        return NULL;
    }
    const char *place = in->data + in->at;
    in->at += size;
    return place;
}

static inline int64_t avro_get_long(struct avro_in *in)
{
    uint64_t zigzag;
    if (in->at < in->size && (unsigned char)in->data[in->at] < 0x80)
        zigzag = (unsigned char)in->data[in->at++];
    else
        zigzag = avro_get_varint(in);
    return (int64_t)(zigzag >> 1 ^ -(zigzag & 1));
}

static inline struct slice avro_get_fixed(struct avro_in *in, uint32_t size)
{
    const char *place = avro_get_place(in, size);
    return (struct slice){place, place != NULL ? size : 0};
}

static inline struct slice avro_get_string(struct avro_in *in)
{
    uint64_t size = (uint64_t)avro_get_long(in);
    return avro_get_fixed(in, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
}

static inline bool avro_get_branch(struct avro_in *in)
{
    int64_t branch = avro_get_long(in);
    if (branch != 0 && branch != 1)
        avro_get_fails(in);
    return branch == 1;
}

static inline struct slice avro_get_optional_string(struct avro_in *in)
{
    if (avro_get_branch(in))
        return avro_get_string(in);
    return (struct slice){NULL, 0};
}

bool avro_get_boolean(struct avro_in *in);
double avro_get_double(struct avro_in *in);
float avro_get_float(struct avro_in *in);
/* An array of strings in any blocks; returns how many, is_bad when there are more than count_max. */
uint32_t avro_get_strings(struct avro_in *in, struct slice *texts, uint32_t count_max);
uint32_t avro_get_frame(struct avro_in *in); /* schema id; sets is_bad when the magic byte is not 0 */

#endif
