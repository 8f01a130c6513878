/* Goal: files of past events come out in the order in which they happened, whatever their form.
 * Method: small files written to a temporary directory: TSV, CSV with quotes, NDJSON, gzip, bzip2; times in
 * every unit; bad rows; and sorting by runs of a few rows against sorting in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "lab/source.h"
#include "lab/source_sort.h"

static struct event_types types;

static void write_file(char *path, const char *suffix, const char *text)
{
    sprintf(path, "/tmp/penchant-source-XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static struct source *open_source(const char *path, const char *columns, enum status expected, struct problem *problem)
{
    struct source *source = NULL;
    struct source_options options = {.path = path, .columns = columns, .type = "click"};

    assert_int_equal(source_open(&source, &options, &types, problem), expected);
    return source;
}

static void expect(struct source *source, int64_t time_ms, const char *user, const char *content)
{
    struct source_item item;
    struct event event;
    struct problem problem;

    assert_int_equal(source_next(source, &item, &problem), STATUS_OK);
    assert_non_null(item.record.data);
    assert_int_equal(item.time_ms, time_ms);
    assert_int_equal(event_decode(item.record, &types, &event), STATUS_OK);
    assert_true(slice_is(event_owner(&event), user));
    assert_true(slice_is(event.content_id, content));
}

static void expect_end(struct source *source, uint64_t rows, uint64_t rejected)
{
    struct source_item item;
    struct source_counts counts;
    struct problem problem;

    assert_int_equal(source_next(source, &item, &problem), STATUS_OK);
    assert_null(item.record.data);
    source_counts(source, &counts);
    assert_int_equal(counts.rows, rows);
    assert_int_equal(counts.rejected, rejected);
    source_close(source);
}

static void test_sorts_and_keeps_ties(void **state)
{
    char path[64];
    struct problem problem = {0};

    (void)state;
    write_file(path, ".tsv", "S\tI\tT\n1\tb\t1592337768.0\n2\ta\t1592337718.5\n1\tc\t1592337768\n");
    struct source *source = open_source(path, "user=S,content=I,time=T", STATUS_OK, &problem);
    expect(source, 1592337718500, "2", "a");
    expect(source, 1592337768000, "1", "b");
    expect(source, 1592337768000, "1", "c");
    expect_end(source, 3, 0);
    unlink(path);
}

static void test_units_and_texts(void **state)
{
    char path[64];
    struct problem problem = {0};

    (void)state;
    write_file(path, ".csv", "u,c,t\na,x,1592337768000\na,x,1592337769000000\na,x,\"2020-06-16T20:02:50Z\"\na,x,2020-06-16 20:03\na,x,2020-06-17\n");
    struct source *source = open_source(path, "user=u,content=c,time=t", STATUS_OK, &problem);
    expect(source, 1592337768000, "a", "x");
    expect(source, 1592337769000, "a", "x");
    expect(source, 1592337770000, "a", "x");
    expect(source, 1592337780000, "a", "x");
    expect(source, 1592352000000, "a", "x");
    expect_end(source, 5, 0);
    unlink(path);
}

static void test_bad_rows_are_counted(void **state)
{
    char path[64];
    struct problem problem = {0};

    (void)state;
    write_file(path, ".csv", "u,c,t\na,x,soon\n,x,1592337768\na,,1592337768\na,x,1592337768\na,x\n");
    struct source *source = open_source(path, "user=u,content=c,time=t", STATUS_OK, &problem);
    expect(source, 1592337768000, "a", "x");
    struct source_counts counts;
    source_counts(source, &counts);
    assert_non_null(strstr(counts.first_error, ":2:"));
    expect_end(source, 5, 4);
    unlink(path);
}

static void test_ndjson(void **state)
{
    char path[64];
    struct problem problem = {0};

    (void)state;
    write_file(path, ".ndjson", "{\"user_id\":\"a\",\"event_type\":\"view\",\"content_id\":\"y\",\"timestamp\":1592337769000}\n{broken\n"
                                "{\"user_id\":\"a\",\"event_type\":\"view\",\"content_id\":\"x\",\"timestamp\":\"2020-06-16T20:02:48Z\"}\n");
    struct source *source = open_source(path, NULL, STATUS_OK, &problem);
    expect(source, 1592337768000, "a", "x");
    expect(source, 1592337769000, "a", "y");
    expect_end(source, 3, 1);
    unlink(path);
}

static void test_pipes(void **state)
{
    static const char *const programs[] = {"gzip", "bzip2"};
    static const char *const suffixes[] = {".gz", ".bz2"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        char path[64], command[160], packed[80];
        struct problem problem = {0};
        write_file(path, ".tsv", "S\tI\tT\n1\tb\t1592337768\n");
        snprintf(command, sizeof command, "%s -f %s", programs[i], path);
        assert_int_equal(system(command), 0);
        snprintf(packed, sizeof packed, "%s%s", path, suffixes[i]);
        struct source *source = open_source(packed, "user=S,content=I,time=T", STATUS_OK, &problem);
        expect(source, 1592337768000, "1", "b");
        expect_end(source, 1, 0);
        unlink(packed);
    }
}

static void test_refusals_name_the_fix(void **state)
{
    char path[64];
    struct problem problem = {0};

    (void)state;
    write_file(path, ".csv", "u,c,t\n");
    open_source(path, "user=who,content=c,time=t", STATUS_BAD_REQUEST, &problem);
    assert_non_null(strstr(problem.detail, "who"));
    assert_non_null(strstr(problem.fix, "u c t"));
    open_source(path, "person=u,content=c,time=t", STATUS_BAD_REQUEST, &problem);
    open_source(path, "content=c,time=t", STATUS_BAD_REQUEST, &problem);
    unlink(path);
    open_source("/tmp/penchant-is-not-here.csv", "user=u,content=c,time=t", STATUS_BAD_REQUEST, &problem);
}

static void test_runs_merge_as_memory_sorts(void **state)
{
    enum { ROWS = 500 };
    struct source_sort *small = NULL, *large = NULL;
    struct problem problem = {0};
    struct rng rng;

    (void)state;
    print_message("# seed 11\n");
    rng_init(&rng, 11, 0);
    assert_int_equal(source_sort_create(&small, 200), STATUS_OK); /* runs of a few rows */
    assert_int_equal(source_sort_create(&large, 1 << 20), STATUS_OK);
    for (uint64_t i = 0; i < ROWS; i++) {
        char text[24];
        int64_t time_ms = (int64_t)rng_below(&rng, 40);
        int size = snprintf(text, sizeof text, "row %lu", (unsigned long)i);
        assert_int_equal(source_sort_add(small, time_ms, i, slice_make(text, (size_t)size), &problem), STATUS_OK);
        assert_int_equal(source_sort_add(large, time_ms, i, slice_make(text, (size_t)size), &problem), STATUS_OK);
    }
    assert_int_equal(source_sort_finish(small, &problem), STATUS_OK);
    assert_int_equal(source_sort_finish(large, &problem), STATUS_OK);
    for (int i = 0; i <= ROWS; i++) {
        struct source_item a, b;
        assert_int_equal(source_sort_next(small, &a, &problem), STATUS_OK);
        assert_int_equal(source_sort_next(large, &b, &problem), STATUS_OK);
        assert_int_equal(a.time_ms, b.time_ms);
        assert_true(slice_equal(a.record, b.record));
        assert_int_equal(a.record.data == NULL, i == ROWS);
    }
    source_sort_destroy(small);
    source_sort_destroy(large);
}

/* Found beside fuzzing: fields that no rule bounded could not be encoded and ended the process. */
static void test_refuses_what_is_too_long(void **state)
{
    enum { LONG = 200 * 1024 };
    char path[64];
    struct problem problem = {0};
    char *text = malloc(2 * LONG), *filler = malloc(LONG + 1);

    (void)state;
    assert_non_null(text);
    assert_non_null(filler);
    memset(filler, 'x', LONG);
    filler[LONG] = 0;
    snprintf(text, 2 * LONG, "U,A,C,T,Y\nu,%s,c,1592337768,click\nu,a,c,1592337769,click\n", filler);
    write_file(path, ".csv", text);
    struct source *source = open_source(path, "user=U,anonymous=A,content=C,time=T,type=Y", STATUS_OK, &problem);
    expect(source, 1592337769000, "u", "c");
    expect_end(source, 2, 1);
    unlink(path);
    snprintf(text, 2 * LONG, "U,C,T,Y\nu,%s,1592337768,session_start\nu,c,1592337769,click\n", filler);
    write_file(path, ".csv", text);
    source = open_source(path, "user=U,content=C,time=T,type=Y", STATUS_OK, &problem);
    expect(source, 1592337769000, "u", "c");
    expect_end(source, 2, 1);
    unlink(path);
    snprintf(text, 2 * LONG, "{\"user_id\":\"u\",\"event_type\":\"click\",\"content_id\":\"c\",\"timestamp\":1592337768000,\"context\":{\"a\":\"%s\"}}\n",
             filler);
    write_file(path, ".ndjson", text);
    source = open_source(path, NULL, STATUS_OK, &problem);
    expect_end(source, 1, 1);
    unlink(path);
    free(filler);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_and_keeps_ties),
        cmocka_unit_test(test_refuses_what_is_too_long), cmocka_unit_test(test_units_and_texts),
        cmocka_unit_test(test_bad_rows_are_counted), cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_pipes),                cmocka_unit_test(test_refusals_name_the_fix),
        cmocka_unit_test(test_runs_merge_as_memory_sorts),
    };

    event_types_init(&types);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
