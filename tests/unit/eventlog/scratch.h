/* scratch.h - a directory of a test: made, copied, removed; files changed on purpose.
 *
 * Threads: one.
 * Memory:  paths on the stack.
 * Failure: asserts of cmocka.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

enum { SCRATCH_SIZE = 256 };

static int scratch_unlink(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void scratch_remove(const char *dir)
{
    nftw(dir, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_make(char dir[SCRATCH_SIZE])
{
    const char *base = getenv("TMPDIR");

    snprintf(dir, SCRATCH_SIZE, "%s/penchant-log-XXXXXX", base && base[0] ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
}

/* The i-th file of dir/name that ends in suffix, counted from the end when i < 0. */
static inline void scratch_file(char path[FILE_PATH_SIZE], const char *dir, const char *name, const char *suffix, int i)
{
    struct file_list list;
    char folder[FILE_PATH_SIZE];

    assert_int_equal(file_join(folder, dir, name, NULL), STATUS_OK);
    assert_int_equal(file_list(&list, folder, suffix, NULL), STATUS_OK);
    int at = i < 0 ? (int)list.count + i : i;
    assert_true(at >= 0 && at < (int)list.count);
    assert_int_equal(file_join(path, folder, list.names[at], NULL), STATUS_OK);
    file_list_fini(&list);
}

static inline uint32_t scratch_count(const char *dir, const char *name, const char *suffix)
{
    struct file_list list;
    char folder[FILE_PATH_SIZE];

    assert_int_equal(file_join(folder, dir, name, NULL), STATUS_OK);
    assert_int_equal(file_list(&list, folder, suffix, NULL), STATUS_OK);
    uint32_t count = list.count;
    file_list_fini(&list);
    return count;
}

static inline uint64_t scratch_size(const char *path)
{
    struct stat about;

    assert_int_equal(stat(path, &about), 0);
    return (uint64_t)about.st_size;
}

static inline void scratch_cut(const char *path, uint64_t size)
{
    assert_int_equal(truncate(path, (off_t)size), 0);
}

static inline void scratch_flip(const char *path, uint64_t at)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x5a;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* A file's bytes, to be put back later. */
struct scratch_copy {
    char *bytes;
    size_t size;
};

static inline struct scratch_copy scratch_load(const char *path)
{
    struct scratch_copy copy;

    assert_int_equal(file_read_small(path, (size_t)1 << 30, &copy.bytes, &copy.size, NULL), STATUS_OK);
    return copy;
}

static inline void scratch_store(const char *path, const struct scratch_copy *copy)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, copy->bytes, copy->size), copy->size);
    close(fd);
}

#endif
