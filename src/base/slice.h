/* slice.h - borrowed bytes with a length.
 *
 * A slice points into memory that somebody else owns; it is not terminated by a zero.
 *
 * Threads: any.
 * Memory:  none; never owns.
 * Failure: cannot fail.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *data; /* NULL when absent */
    uint32_t size;
};

/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).size, (s).data ? (s).data : ""

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? (uint32_t)strlen(text) : 0};
}

static inline struct slice slice_make(const char *data, size_t size)
{
    return (struct slice){data, (uint32_t)size};
}

static inline bool slice_is_empty(struct slice s)
{
    return s.size == 0;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_of(text));
}

#endif
