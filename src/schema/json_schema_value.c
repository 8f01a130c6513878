/* json_schema_value.c - equality, order, multiples and hashes of values, for json_schema.h. */
#include "schema/json_schema_state.h"

#include <math.h>

#include "base/hash.h"

__extension__ typedef unsigned __int128 uint128; /* products of two 64-bit numbers */

/* |value| is digits * 10^exponent, without trailing zeros in digits. */
struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool is_exact; /* at most 19 digits */
};

static int compare_mixed(int64_t integer, double number)
{
    const double limit = 9223372036854775808.0; /* 2^63 */
    if (number >= limit)
        return -1;
    if (number < -limit)
        return 1;
    int64_t whole = (int64_t)number;
    double fraction = number - (double)whole;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    return fraction > 0 ? -1 : fraction < 0 ? 1 : 0;
}

int json_schema_value_compare(const struct json_value *a, const struct json_value *b)
{
    bool a_is_integer = a->kind == JSON_INTEGER, b_is_integer = b->kind == JSON_INTEGER;
    if (a_is_integer && b_is_integer)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a_is_integer)
        return compare_mixed(a->integer, b->number);
    if (b_is_integer)
        return -compare_mixed(b->integer, a->number);
    return a->number < b->number ? -1 : a->number > b->number;
}

static struct decimal read_decimal(struct slice text)
{
    const uint64_t digits_max = UINT64_MAX / 10 - 1;
    struct decimal d = {.is_exact = true};
    bool is_fraction = false;
    uint32_t i = 0;
    for (; i < text.size && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
        if (text.data[i] == '.')
            is_fraction = true;
        if (text.data[i] < '0' || text.data[i] > '9')
            continue;
        if (d.digits > digits_max)
            d.is_exact = false;
        d.digits = d.digits * 10 + (uint64_t)(text.data[i] - '0');
        d.exponent -= is_fraction;
    }
    int64_t power = 0;
    bool is_negative = i + 1 < text.size && text.data[i + 1] == '-';
    for (; i < text.size; i++)
        if (text.data[i] >= '0' && text.data[i] <= '9' && power < INT32_MAX)
            power = power * 10 + (text.data[i] - '0');
    d.exponent += is_negative ? -power : power;
    while (d.digits != 0 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

static uint64_t multiply(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((uint128)a * b % modulus);
}

/* digits * 10^power mod modulus, by squaring. */
static uint64_t remainder_of(uint64_t digits, uint64_t power, uint64_t modulus)
{
    uint64_t result = digits % modulus;
    for (uint64_t base = 10 % modulus; power > 0; power /= 2, base = multiply(base, base, modulus))
        if (power % 2 == 1)
            result = multiply(result, base, modulus);
    return result;
}

bool json_schema_value_is_multiple(const struct json_value *value, const struct json_value *divisor)
{
    struct decimal v = read_decimal(value->text), d = read_decimal(divisor->text);
    if (!v.is_exact || !d.is_exact) {
        double quotient = value->number / divisor->number;
        return isfinite(quotient) ? quotient == nearbyint(quotient) : fmod(value->number, divisor->number) == 0;
    }
    if (v.digits == 0)
        return true;
    int64_t power = v.exponent - d.exponent;
    if (power >= 0)
        return remainder_of(v.digits, (uint64_t)power, d.digits) == 0;
    /* v's digits would have to be a multiple of d's digits * 10^-power, and they end in no zero. */
    return false;
}

bool json_schema_value_equal(const struct json_value *a_values, const struct json_value *a, const struct json_value *b_values,
                             const struct json_value *b, uint64_t *steps)
{
    bool is_number = a->kind == JSON_INTEGER || a->kind == JSON_NUMBER;
    if (*steps == 0)
        return false;
    --*steps;
    if (is_number && (b->kind == JSON_INTEGER || b->kind == JSON_NUMBER))
        return json_schema_value_compare(a, b) == 0;
    if (a->kind != b->kind)
        return false;
    if (a->kind == JSON_STRING)
        return slice_equal(a->text, b->text);
    if (a->kind != JSON_OBJECT && a->kind != JSON_ARRAY)
        return true;
    if (a->count != b->count)
        return false;
    const struct json_value *other = b + 1;
    for (const struct json_value *member = a + 1; member < a_values + a->next; member = a_values + member->next) {
        if (a->kind == JSON_OBJECT) {
            for (other = b + 1; other < b_values + b->next && !slice_equal(other->key, member->key); other = b_values + other->next)
                *steps -= *steps > 0;
            if (other == b_values + b->next)
                return false;
        }
        if (!json_schema_value_equal(a_values, member, b_values, other, steps))
            return false;
        other = b_values + other->next;
    }
    return true;
}

uint64_t json_schema_value_hash(const struct json_value *values, const struct json_value *value)
{
    uint64_t hash = hash_mix((uint64_t)value->kind + 1);
    if (value->kind == JSON_INTEGER || value->kind == JSON_NUMBER) {
        double number = value->number == 0 ? 0 : value->number; /* -0 is 0 */
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return hash_mix(bits ^ JSON_NUMBER);
    }
    if (value->kind == JSON_STRING)
        return hash ^ hash_checksum(value->text.data, value->text.size);
    if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY)
        return hash;
    /* The sum does not see the order of members. */
    for (const struct json_value *v = value + 1; v < values + value->next; v = values + v->next) {
        uint64_t member = json_schema_value_hash(values, v);
        if (value->kind == JSON_ARRAY)
            hash = hash_mix(hash ^ member);
        else
            hash += hash_mix(member + hash_checksum(v->key.data, v->key.size));
    }
    return hash;
}

uint32_t json_schema_value_characters(struct slice text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return count;
}
