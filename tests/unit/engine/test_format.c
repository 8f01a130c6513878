/* Goal: a data directory is made once, kept to, locked, and foreign ones are refused with a fix.
 * Method: a fresh directory under the system's temporary one; each refusal names what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "engine/format.h"
#include "io/file.h"

static char dir[64], path[128];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/penchant-format-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *name(const char *file)
{
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static void write_file(const char *file, const char *text)
{
    struct problem problem;
    assert_int_equal(file_replace(name(file), slice_of(text), &problem), STATUS_OK);
}

static void test_made_once(void **state)
{
    struct format first, again;
    struct problem problem;

    (void)state;
    assert_int_equal(format_open(&first, dir, 12, &problem), STATUS_OK);
    format_close(&first);
    assert_int_equal(format_open(&again, dir, 12, &problem), STATUS_OK);
    assert_memory_equal(first.key, again.key, sizeof first.key);
    assert_int_equal(again.partitions, 12);
    format_close(&again);
}

static void test_partitions_differ(void **state)
{
    struct format format;
    struct problem problem = {0};

    (void)state;
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_OK);
    format_close(&format);
    assert_int_equal(format_open(&format, dir, 6, &problem), STATUS_SETTING);
    assert_non_null(strstr(problem.fix, "engine.partitions to 12"));
}

static void test_foreign_and_newer(void **state)
{
    struct format format;
    struct problem problem = {0};

    (void)state;
    write_file("letter.txt", "dear reader");
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_FORMAT);
    assert_non_null(strstr(problem.fix, "--data"));
    unlink(name("letter.txt"));
    write_file("FORMAT", "penchant data directory\nlayout 99\npartitions 12\n");
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_FORMAT);
    assert_non_null(strstr(problem.detail, "99"));
    write_file("FORMAT", "something else\n");
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_FORMAT);
    write_file("FORMAT", "penchant data directory\nlayout 1\npartitions 12\nkey 0011\n");
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_FORMAT);
}

static void test_locked(void **state)
{
    struct format format;
    struct problem problem = {0};
    int status = 0;

    (void)state;
    assert_int_equal(format_open(&format, dir, 12, &problem), STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        struct format other;
        _exit(format_open(&other, dir, 12, &problem) == STATUS_IN_USE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    format_close(&format);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_partitions_differ, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_foreign_and_newer, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_locked, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
