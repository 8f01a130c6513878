/* fuzz.h - what the fuzz targets share: taking choices from the input, an oracle that ends the
 * process, and a directory of the target's own.
 *
 * Threads: one.
 * Memory:  none.
 * Failure: FUZZ_CHECK ends the process; libFuzzer keeps the input.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/slice.h"
#include "schema/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(holds)                                                                  \
    do {                                                                                   \
        if (!(holds)) {                                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);     \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* Choices are taken from the front; an input that is used up gives zeros. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static inline uint32_t fuzz_u16(struct fuzz_input *input)
{
    uint32_t low = fuzz_byte(input);
    return low | (uint32_t)fuzz_byte(input) << 8;
}

static inline struct slice fuzz_rest(const struct fuzz_input *input)
{
    return slice_make((const char *)input->data, input->size);
}

/* Damaged input is meant: warnings about it are not looked at. */
static inline void fuzz_quiet(void)
{
    log_set_level(LOG_ERROR);
}

/* ---- files ---- */

enum { FUZZ_PATH_SIZE = 512 };

static inline int fuzz_unlink(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void fuzz_remove(const char *path)
{
    nftw(path, fuzz_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static char fuzz_directory_path[FUZZ_PATH_SIZE];

static inline void fuzz_leave(void)
{
    fuzz_remove(fuzz_directory_path);
}

/* The target's directory, made once and removed at a regular end. */
static inline const char *fuzz_directory(void)
{
    const char *base = getenv("TMPDIR");

    if (fuzz_directory_path[0] == 0) {
        snprintf(fuzz_directory_path, sizeof fuzz_directory_path, "%s/penchant-fuzz-XXXXXX", base && base[0] ? base : "/tmp");
        FUZZ_CHECK(mkdtemp(fuzz_directory_path) != NULL);
        atexit(fuzz_leave);
    }
    return fuzz_directory_path;
}

static inline void fuzz_store(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

/* malloc'ed. */
static inline char *fuzz_load(const char *path, size_t *size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && fstat(fd, &about) == 0);
    *size = (size_t)about.st_size;
    char *bytes = malloc(*size + 1);
    FUZZ_CHECK(bytes != NULL && read(fd, bytes, *size) == (ssize_t)*size);
    close(fd);
    return bytes;
}

/* ---- events ---- */

/* Same fields, absent ones too. */
static inline bool fuzz_same_text(struct slice a, struct slice b)
{
    return (a.data == NULL) == (b.data == NULL) && slice_equal(a, b);
}

static inline bool fuzz_same_texts(const struct slice *a, const struct slice *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!fuzz_same_text(a[i], b[i]))
            return false;
    return true;
}

static inline bool fuzz_same_number(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static inline bool fuzz_same_event(const struct event *a, const struct event *b)
{
    return fuzz_same_text(a->event_id, b->event_id) && fuzz_same_text(a->user_id, b->user_id) &&
           fuzz_same_text(a->anonymous_id, b->anonymous_id) && fuzz_same_text(a->session_id, b->session_id) &&
           fuzz_same_text(a->content_id, b->content_id) && fuzz_same_text(a->request_id, b->request_id) &&
           fuzz_same_text(a->placement, b->placement) && fuzz_same_text(a->country, b->country) &&
           fuzz_same_text(a->region, b->region) && fuzz_same_text(a->city, b->city) &&
           fuzz_same_text(a->context, b->context) && a->category_count == b->category_count &&
           fuzz_same_texts(a->categories, b->categories, a->category_count) && a->timestamp_ms == b->timestamp_ms &&
           a->dwell_ms == b->dwell_ms && fuzz_same_number(a->value, b->value) && a->position == b->position &&
           a->type == b->type && a->device == b->device && a->hour_of_day == b->hour_of_day &&
           a->day_of_week == b->day_of_week;
}

#endif
