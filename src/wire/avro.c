#include "wire/avro.h"

#include "base/assert.h"

enum { VARINT_MAX = 10, FRAME_SIZE = 5 };

/* A place of size bytes at the end of out; NULL sets the flag. */
static char *reserve(struct avro_out *out, uint32_t size)
{
    ASSERT(out->size <= out->capacity);
    if (out->is_overflown || size > out->capacity - out->size) {
        out->is_overflown = true;
        return NULL;
    }
    char *place = out->data + out->size;
    out->size += size;
    return place;
}

void avro_put_long(struct avro_out *out, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    char bytes[VARINT_MAX];
    uint32_t size = 0;
    for (; rest > 0x7f; rest >>= 7)
        bytes[size++] = (char)(rest | 0x80);
    bytes[size++] = (char)rest;
    char *place = reserve(out, size);
    for (uint32_t i = 0; place != NULL && i < size; i++)
        place[i] = bytes[i];
}

/* Little-endian on the wire whatever the machine. */
static void put_little_endian(struct avro_out *out, uint64_t bits, uint32_t size)
{
    char *place = reserve(out, size);
    for (uint32_t i = 0; place != NULL && i < size; i++)
        place[i] = (char)(bits >> (8 * i));
}

void avro_put_double(struct avro_out *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_little_endian(out, bits, sizeof bits);
}

void avro_put_float(struct avro_out *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_little_endian(out, bits, sizeof bits);
}

void avro_put_boolean(struct avro_out *out, bool value)
{
    char *place = reserve(out, 1);
    if (place != NULL)
        *place = value;
}

void avro_put_fixed(struct avro_out *out, const void *data, uint32_t size)
{
    char *place = reserve(out, size);
    if (place != NULL && size > 0)
        memcpy(place, data, size);
}

void avro_put_string(struct avro_out *out, struct slice text)
{
    avro_put_long(out, text.size);
    avro_put_fixed(out, text.data, text.size);
}

void avro_put_optional_string(struct avro_out *out, struct slice text)
{
    avro_put_long(out, text.data != NULL);
    if (text.data != NULL)
        avro_put_string(out, text);
}

void avro_put_branch(struct avro_out *out, bool is_present)
{
    avro_put_long(out, is_present);
}

void avro_put_strings(struct avro_out *out, const struct slice *texts, uint32_t count)
{
    if (count > 0)
        avro_put_long(out, count);
    for (uint32_t i = 0; i < count; i++)
        avro_put_string(out, texts[i]);
    avro_put_long(out, 0);
}

void avro_put_frame(struct avro_out *out, uint32_t schema_id)
{
    char bytes[FRAME_SIZE] = {0, (char)(schema_id >> 24), (char)(schema_id >> 16), (char)(schema_id >> 8),
                              (char)schema_id};
    avro_put_fixed(out, bytes, sizeof bytes);
}

/* The next size bytes of in; NULL sets the flag. */
static const char *take(struct avro_in *in, uint32_t size)
{
    ASSERT(in->at <= in->size);
    if (in->is_bad || size > in->size - in->at) {
        in->is_bad = true;
        return NULL;
    }
    const char *place = in->data + in->at;
    in->at += size;
    return place;
}

int64_t avro_get_long(struct avro_in *in)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < VARINT_MAX; i++) {
        const char *byte = take(in, 1);
        if (byte == NULL)
            return 0;
        uint64_t bits = (unsigned char)*byte & 0x7f;
        /* The tenth byte holds the 64th bit only. */
        if (i == VARINT_MAX - 1 && bits > 1)
            break;
        value |= bits << (7 * i);
        if (((unsigned char)*byte & 0x80) == 0)
            return (int64_t)(value >> 1 ^ -(value & 1));
    }
    in->is_bad = true;
    return 0;
}

static uint64_t get_little_endian(struct avro_in *in, uint32_t size)
{
    const char *place = take(in, size);
    uint64_t bits = 0;
    for (uint32_t i = 0; place != NULL && i < size; i++)
        bits |= (uint64_t)(unsigned char)place[i] << (8 * i);
    return bits;
}

double avro_get_double(struct avro_in *in)
{
    uint64_t bits = get_little_endian(in, sizeof bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float avro_get_float(struct avro_in *in)
{
    uint32_t bits = (uint32_t)get_little_endian(in, sizeof bits);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool avro_get_boolean(struct avro_in *in)
{
    const char *place = take(in, 1);
    if (place != NULL && (unsigned char)*place > 1)
        in->is_bad = true;
    return place != NULL && *place == 1;
}

struct slice avro_get_fixed(struct avro_in *in, uint32_t size)
{
    const char *place = take(in, size);
    return (struct slice){place, place != NULL ? size : 0};
}

struct slice avro_get_string(struct avro_in *in)
{
    int64_t size = avro_get_long(in);
    if (size < 0 || size > in->size) {
        in->is_bad = true;
        return (struct slice){NULL, 0};
    }
    return avro_get_fixed(in, (uint32_t)size);
}

bool avro_get_branch(struct avro_in *in)
{
    int64_t branch = avro_get_long(in);
    if (branch != 0 && branch != 1)
        in->is_bad = true;
    return branch == 1;
}

struct slice avro_get_optional_string(struct avro_in *in)
{
    return avro_get_branch(in) ? avro_get_string(in) : (struct slice){NULL, 0};
}

uint32_t avro_get_strings(struct avro_in *in, struct slice *texts, uint32_t count_max)
{
    uint32_t count = 0;
    for (;;) {
        int64_t block = avro_get_long(in);
        if (block == 0 || in->is_bad)
            return in->is_bad ? 0 : count;
        /* A negative count is followed by the block's bytes, for readers that skip. */
        if (block < 0) {
            avro_get_long(in);
            block = block < -(int64_t)count_max ? (int64_t)count_max + 1 : -block;
        }
        if (block > (int64_t)(count_max - count)) {
            in->is_bad = true;
            return 0;
        }
        for (; block > 0; block--)
            texts[count++] = avro_get_string(in);
    }
}

uint32_t avro_get_frame(struct avro_in *in)
{
    const char *place = take(in, FRAME_SIZE);
    if (place == NULL || place[0] != 0) {
        in->is_bad = true;
        return 0;
    }
    const unsigned char *id = (const unsigned char *)place + 1;
    return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}
