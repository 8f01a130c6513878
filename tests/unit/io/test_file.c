/* Goal: io/file.h and io/clock.h hold what their headers say.
 * Method: real files in a fresh temporary directory; failures are made with missing paths, a
 * second lock holder in a child process, /dev/full and a full directory name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/file.h"

static char root[64];

static void path_of(char out[FILE_PATH_SIZE], const char *name)
{
    assert_int_equal(file_join(out, root, name, NULL), STATUS_OK);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/penchant-file-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    struct file_list list;
    char path[FILE_PATH_SIZE];

    (void)state;
    if (file_list(&list, root, "", NULL) == STATUS_OK) {
        for (uint32_t i = 0; i < list.count; i++) {
            path_of(path, list.names[i]);
            unlink(path);
        }
        file_list_fini(&list);
    }
    path_of(path, "a/b/c");
    rmdir(path);
    path_of(path, "a/b");
    rmdir(path);
    path_of(path, "a");
    rmdir(path);
    return rmdir(root);
}

static void whole_reads_and_writes(void **state)
{
    char path[FILE_PATH_SIZE];
    char data[16];
    struct problem problem;
    uint64_t size;
    size_t got;
    int fd;

    (void)state;
    path_of(path, "f");
    assert_int_equal(file_open(&fd, path, FILE_READ, &problem), STATUS_NOT_FOUND);
    assert_non_null(strstr(problem.detail, path));
    assert_int_equal(file_open(&fd, path, FILE_CREATE_NEW, &problem), STATUS_OK);
    assert_int_equal(file_pwrite_all(fd, path, "0123456789", 10, 5, &problem), STATUS_OK);
    assert_int_equal(file_sync(fd, path, &problem), STATUS_OK);
    assert_int_equal(file_size(fd, path, &size, &problem), STATUS_OK);
    assert_int_equal(size, 15);
    assert_int_equal(file_pread_all(fd, path, data, 4, 8, &problem), STATUS_OK);
    assert_memory_equal(data, "3456", 4);
    assert_int_equal(file_pread_all(fd, path, data, 4, 13, &problem), STATUS_CORRUPT);
    assert_int_equal(file_read_at(fd, path, data, 4, 13, &got, &problem), STATUS_OK);
    assert_int_equal(got, 2);
    assert_int_equal(file_truncate(fd, path, 3, &problem), STATUS_OK);
    assert_int_equal(file_preallocate(fd, path, 0, 4096, true, &problem), STATUS_OK);
    assert_int_equal(file_size(fd, path, &size, &problem), STATUS_OK);
    assert_int_equal(size, 3);
    assert_int_equal(file_preallocate(fd, path, 0, 4096, false, &problem), STATUS_OK);
    assert_int_equal(file_size(fd, path, &size, &problem), STATUS_OK);
    assert_int_equal(size, 4096);
    file_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(file_open(&fd, path, FILE_CREATE_NEW, &problem), STATUS_IO);
    assert_int_equal(file_write_all(-1, path, "x", 1, &problem), STATUS_IO);
}

static void full_disk_has_its_own_status(void **state)
{
    struct problem problem;
    int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

    (void)state;
    if (fd < 0) {
        print_message("skipped: no /dev/full\n");
        skip();
    }
    assert_int_equal(file_write_all(fd, "/dev/full", "x", 1, &problem), STATUS_DISK_FULL);
    assert_non_null(strstr(problem.detail, "/dev/full"));
    file_close(&fd);
}

static void directories_are_made_whole(void **state)
{
    char path[FILE_PATH_SIZE];
    struct problem problem;
    int fd;

    (void)state;
    path_of(path, "a/b/c");
    assert_int_equal(file_make_directory(path, &problem), STATUS_OK);
    assert_int_equal(file_make_directory(path, &problem), STATUS_OK);
    assert_int_equal(file_sync_directory(path, &problem), STATUS_OK);
    path_of(path, "plain");
    assert_int_equal(file_open(&fd, path, FILE_CREATE, &problem), STATUS_OK);
    file_close(&fd);
    path_of(path, "plain/below");
    assert_int_equal(file_make_directory(path, &problem), STATUS_IO);
    assert_int_equal(file_make_directory("", &problem), STATUS_IO);
}

static void lock_names_its_holder(void **state)
{
    char path[FILE_PATH_SIZE];
    char want[64];
    struct problem problem;
    int fd;
    int other;
    int status;

    (void)state;
    path_of(path, "LOCK");
    assert_int_equal(file_lock(&fd, path, &problem), STATUS_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        snprintf(want, sizeof want, "pid %ld", (long)getppid());
        bool is_right = file_lock(&other, path, &problem) == STATUS_IN_USE && strstr(problem.detail, want) != NULL;
        _exit(is_right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    file_close(&fd);
    assert_int_equal(file_lock(&fd, path, &problem), STATUS_OK);
    file_close(&fd);
}

static void replacement_is_whole(void **state)
{
    char path[FILE_PATH_SIZE];
    char absent[FILE_PATH_SIZE];
    struct problem problem;
    char *content;
    size_t size;

    (void)state;
    path_of(path, "small");
    assert_int_equal(file_replace(path, slice_of("first"), &problem), STATUS_OK);
    assert_int_equal(file_replace(path, slice_of("second one"), &problem), STATUS_OK);
    assert_int_equal(file_read_small(path, 100, &content, &size, &problem), STATUS_OK);
    assert_int_equal(size, 10);
    assert_string_equal(content, "second one");
    free(content);
    assert_int_equal(file_read_small(path, 9, &content, &size, &problem), STATUS_TOO_LARGE);
    assert_null(content);
    path_of(absent, "small.tmp");
    assert_false(file_exists(absent));
    path_of(absent, "none/small");
    assert_int_equal(file_replace(absent, slice_of("x"), &problem), STATUS_IO);
    path_of(absent, "a");
    assert_int_equal(file_replace(absent, slice_of("x"), &problem), STATUS_IO);
    path_of(path, "a.tmp");
    assert_false(file_exists(path));
}

static void lists_are_sorted_and_filtered(void **state)
{
    static const char *const names[] = {"3.seg", "1.seg", "2.seg", "1.idx"};
    struct file_list list;
    char path[FILE_PATH_SIZE];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        path_of(path, names[i]);
        assert_int_equal(file_replace(path, slice_of(""), NULL), STATUS_OK);
    }
    path_of(path, "a");
    assert_int_equal(file_make_directory(path, NULL), STATUS_OK);
    assert_int_equal(file_list(&list, root, ".seg", NULL), STATUS_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.names[0], "1.seg");
    assert_string_equal(list.names[2], "3.seg");
    file_list_fini(&list);
    path_of(path, "none");
    assert_int_equal(file_list(&list, path, "", NULL), STATUS_IO);
    assert_int_equal(list.count, 0);
}

static void clocks_go_forward(void **state)
{
    int64_t before = clock_monotonic_ns();
    uint64_t cpu = clock_thread_cpu_ns();
    volatile uint64_t sum = 0;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++)
        sum = sum + i;
    assert_true(clock_monotonic_ns() > before);
    assert_true(clock_thread_cpu_ns() > cpu);
    assert_true(clock_of_thread_ns(pthread_self()) >= clock_thread_cpu_ns() / 2);
    assert_true(clock_process_cpu_ns() >= cpu);
    assert_true(clock_wall_ms() > 1600000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_reads_and_writes),
        cmocka_unit_test(full_disk_has_its_own_status),
        cmocka_unit_test(directories_are_made_whole),
        cmocka_unit_test(lock_names_its_holder),
        cmocka_unit_test(replacement_is_whole),
        cmocka_unit_test(lists_are_sorted_and_filtered),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
