#include "wire/avro.h"

enum { VARINT_MAX = 10, FRAME_SIZE = 5 };

char *avro_put_fails(struct avro_out *out)
{
    out->is_overflown = true;
    out->capacity = out->size;
    return NULL;
}

void avro_put_varint(struct avro_out *out, uint64_t zigzag)
{
    char bytes[VARINT_MAX];
    uint32_t size = 0;
    for (; zigzag > 0x7f; zigzag >>= 7)
        bytes[size++] = (char)(zigzag | 0x80);
    bytes[size++] = (char)zigzag;
    avro_put_fixed(out, bytes, size);
}

/* Little-endian on the wire whatever the machine. */
static void put_little_endian(struct avro_out *out, uint64_t bits, uint32_t size)
{
    char *place = avro_put_place(out, size);
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

void avro_get_fails(struct avro_in *in)
{
    in->is_bad = true;
    in->size = in->at;
}

uint64_t avro_get_varint(struct avro_in *in)
{
    uint64_t value = 0;
    uint32_t left = in->size - in->at;
    const char *bytes = in->data + in->at;
    for (uint32_t i = 0; i < VARINT_MAX && i < left; i++) {
        uint64_t bits = (unsigned char)bytes[i] & 0x7f;
        /* The tenth byte holds the 64th bit only. */
        if (i == VARINT_MAX - 1 && bits > 1)
            break;
        value |= bits << (7 * i);
        if (((unsigned char)bytes[i] & 0x80) == 0) {
            in->at += i + 1;
            return value;
        }
    }
    avro_get_fails(in);
    return 0;
}

static uint64_t get_little_endian(struct avro_in *in, uint32_t size)
{
    const char *place = avro_get_place(in, size);
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
    const char *place = avro_get_place(in, 1);
    if (place != NULL && (unsigned char)*place > 1)
        avro_get_fails(in);
    return place != NULL && *place == 1;
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
            avro_get_fails(in);
            return 0;
        }
        for (; block > 0; block--)
            texts[count++] = avro_get_string(in);
    }
}

uint32_t avro_get_frame(struct avro_in *in)
{
    const char *place = avro_get_place(in, FRAME_SIZE);
    if (place == NULL || place[0] != 0) {
        avro_get_fails(in);
        return 0;
    }
    const unsigned char *id = (const unsigned char *)place + 1;
    return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}
