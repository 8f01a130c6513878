/* Goal: the metrics page is valid Prometheus text, grouped by name, with the contract's
 * buckets; process metrics are true; documents from tables keep their shape.
 * Method: pages by hand compared byte for byte; the whole page through promtool (Debian's
 * prometheus) where it is installed; process values against what the test does itself. */
#include "ops/page.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops/describe.h"
#include "ops/process.h"

static const struct metric_row REQUESTS = {"penchant_http_requests_total", METRIC_COUNTER, "requests, by \"route\"\nand \\code", "look"};
static const struct metric_row REQUESTS_AGAIN = {"penchant_http_requests_total", METRIC_COUNTER, "another text", ""};
static const struct metric_row USERS = {"penchant_users", METRIC_GAUGE, "users | known", ""};
static const struct metric_row DURATION = {"penchant_recommend_duration_seconds", METRIC_HISTOGRAM, "time of an answer", ""};
static const struct metric_row VISIBLE = {"penchant_event_visible_latency_seconds", METRIC_HISTOGRAM, "receive to visible", ""};

static struct page page;
static struct histogram histogram;

static int setup(void **state)
{
    (void)state;
    page_init(&page);
    histogram_init(&histogram);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    page_fini(&page);
    return 0;
}

static void assert_page(const char *expected)
{
    struct slice text = page_finish(&page);
    if (!slice_is(text, expected))
        fail_msg("got:\n%.*s\nexpected:\n%s", SLICE_ARG(text), expected);
}

static uint32_t count_of(struct slice text, const char *word)
{
    uint32_t count = 0;
    for (const char *at = text.data; (at = memmem(at, (size_t)(text.data + text.size - at), word, strlen(word))) != NULL; at++)
        count++;
    return count;
}

static void values_are_grouped_by_name(void **state)
{
    (void)state;
    metric_value(&page.sink, &REQUESTS, "code=\"200\"", 12);
    metric_value(&page.sink, &USERS, NULL, 0.1);
    metric_value(&page.sink, &REQUESTS_AGAIN, "code=\"404\"", 1e15 + 0.5);
    assert_page("# HELP penchant_http_requests_total requests, by \"route\"\\nand \\\\code\n"
                "# TYPE penchant_http_requests_total counter\n"
                "penchant_http_requests_total{code=\"200\"} 12\n"
                "penchant_http_requests_total{code=\"404\"} 1000000000000000.5\n"
                "# HELP penchant_users users | known\n"
                "# TYPE penchant_users gauge\n"
                "penchant_users 0.1\n");
    assert_true(page_is_complete(&page));
    page_reset(&page);
    assert_page("");
    metric_value(&page.sink, &USERS, "", NAN);
    metric_value(&page.sink, &USERS, "a=\"b\"", INFINITY);
    metric_value(&page.sink, &USERS, "a=\"c\"", -INFINITY);
    assert_page("# HELP penchant_users users | known\n# TYPE penchant_users gauge\n"
                "penchant_users NaN\npenchant_users{a=\"b\"} +Inf\npenchant_users{a=\"c\"} -Inf\n");
}

static void histograms_have_the_buckets_of_the_contract(void **state)
{
    (void)state;
    histogram_add(&histogram, 400000);     /* 0.4 ms */
    histogram_add(&histogram, 700000);     /* 0.7 ms */
    histogram_add(&histogram, 40000000);   /* 40 ms */
    histogram_add(&histogram, 9000000000); /* 9 s */
    metric_histogram(&page.sink, &DURATION, "placement=\"home\"", &histogram);
    struct slice text = page_finish(&page);
    static const char *const SERVING[] = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"};
    static const int COUNTS[] = {1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4};
    for (size_t i = 0; i < sizeof SERVING / sizeof SERVING[0]; i++) {
        char line[160];
        snprintf(line, sizeof line, "\npenchant_recommend_duration_seconds_bucket{placement=\"home\",le=\"%s\"} %d\n", SERVING[i], COUNTS[i]);
        if (count_of(text, line) != 1)
            fail_msg("no line %s in:\n%.*s", line, SLICE_ARG(text));
    }
    assert_int_equal(count_of(text, "_bucket"), 14);
    assert_int_equal(count_of(text, "penchant_recommend_duration_seconds_count{placement=\"home\"} 4\n"), 1);
    assert_int_equal(count_of(text, "penchant_recommend_duration_seconds_sum{placement=\"home\"} 9.0411\n"), 1);
    page_reset(&page);
    metric_histogram(&page.sink, &VISIBLE, NULL, &histogram);
    text = page_finish(&page);
    assert_int_equal(count_of(text, "_bucket{le=\"0.005\"} 2\n"), 1);
    assert_int_equal(count_of(text, "_bucket{le=\"10\"} 4\n"), 1);
    assert_int_equal(count_of(text, "_bucket{le=\"300\"} 4\n"), 1);
    assert_int_equal(count_of(text, "_bucket"), 15);
    assert_int_equal(count_of(text, "0.0005"), 0);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    char labels[40] = "";
    assert_true(page_label(labels, sizeof labels, "a", slice_of("x\"y\\z\n")));
    assert_string_equal(labels, "a=\"x\\\"y\\\\z\\n\"");
    assert_true(page_label(labels, sizeof labels, "b", slice_of("")));
    assert_string_equal(labels, "a=\"x\\\"y\\\\z\\n\",b=\"\"");
    char before[40];
    memcpy(before, labels, sizeof before);
    assert_false(page_label(labels, sizeof labels, "c", slice_of("too long for what is left")));
    assert_string_equal(labels, before);
    for (size_t size = 1; size < 6; size++) {
        char small[8] = "";
        assert_int_equal(page_label(small, size, "k", slice_of("")), size >= 5);
        assert_true(strlen(small) < size);
    }
}

static void what_has_no_room_is_left_out_whole(void **state)
{
    (void)state;
    static char labels[3000];
    static struct metric_row rows[PAGE_FAMILIES_MAX + 1];
    static char names[PAGE_FAMILIES_MAX + 1][16];
    memset(labels, 'x', sizeof labels - 1);
    metric_value(&page.sink, &USERS, labels, 1);
    metric_value(&page.sink, &USERS, NULL, 1);
    metric_histogram(&page.sink, &DURATION, labels, &histogram);
    assert_false(page_is_complete(&page));
    struct slice text = page_finish(&page);
    assert_int_equal(count_of(text, "xxx"), 0);
    assert_int_equal(count_of(text, "\npenchant_users 1\n"), 1);
    assert_int_equal(count_of(text, "# incomplete"), 1);
    page_reset(&page);
    assert_true(page_is_complete(&page));
    for (int i = 0; i <= PAGE_FAMILIES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "m%d", i);
        rows[i] = (struct metric_row){names[i], METRIC_GAUGE, "x", ""};
        metric_value(&page.sink, &rows[i], NULL, i);
    }
    assert_false(page_is_complete(&page));
    assert_int_equal(count_of(page_finish(&page), "# TYPE"), PAGE_FAMILIES_MAX);
}

/* The number behind `name ` on the page. */
static double value_of(const char *name)
{
    char line[128];
    struct slice text = page_finish(&page);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = memmem(text.data, text.size, line, strlen(line));
    if (!at)
        fail_msg("no %s", name);
    return strtod(at + strlen(line), NULL);
}

static void process_metrics_are_true(void **state)
{
    (void)state;
    enum { OPENED = 7, TOUCHED = 32 << 20 };
    int fds[OPENED];
    process_metrics(&page.sink, "1.2.3");
    double fds_before = value_of("process_open_fds"), resident_before = value_of("process_resident_memory_bytes");
    double cpu_before = value_of("process_cpu_seconds_total");
    assert_true(fabs(value_of("process_start_time_seconds") - (double)time(NULL)) < 3600);
    assert_true(value_of("process_threads") >= 1 && value_of("process_virtual_memory_bytes") >= resident_before);
    assert_int_equal(count_of(page_finish(&page), "penchant_build_info{version=\"1.2.3\",revision=\""), 1);
    assert_int_equal(count_of(page_finish(&page), "penchant_log_messages_total{level=\"error\"} "), 1);
    for (int i = 0; i < OPENED; i++)
        assert_true((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
    char *touched = malloc(TOUCHED);
    assert_non_null(touched);
    memset(touched, 1, TOUCHED);
    __asm__ volatile("" : : "r"(touched) : "memory");
    page_reset(&page);
    process_metrics(&page.sink, "1.2.3");
    assert_true(value_of("process_open_fds") == fds_before + OPENED);
    assert_true(value_of("process_resident_memory_bytes") > resident_before + TOUCHED / 2);
    assert_true(value_of("process_cpu_seconds_total") > cpu_before);
    assert_true(process_resident_bytes() > TOUCHED / 2 && process_cpu_ns() > 0);
    free(touched);
    for (int i = 0; i < OPENED; i++)
        close(fds[i]);
}

/* Exit code of promtool on the text; its complaints go to the terminal. */
static int promtool(struct slice text)
{
    FILE *tool = popen("promtool check metrics", "w");
    assert_non_null(tool);
    assert_int_equal(fwrite(text.data, 1, text.size, tool), text.size);
    return pclose(tool);
}

static void promtool_takes_the_page(void **state)
{
    (void)state;
    if (system("command -v promtool > /dev/null") != 0) {
        print_message("# skipped: promtool (package prometheus) is not installed\n");
        skip();
    }
    char labels[64] = "";
    histogram_add(&histogram, 123456789);
    assert_true(page_label(labels, sizeof labels, "route", slice_of("/v1/\"a\"\\b\nc")));
    process_metrics(&page.sink, "0.1.0");
    metric_value(&page.sink, &REQUESTS, labels, 3);
    metric_value(&page.sink, &REQUESTS_AGAIN, "route=\"other\"", 1);
    metric_histogram(&page.sink, &DURATION, "placement=\"home\"", &histogram);
    metric_histogram(&page.sink, &DURATION, "placement=\"side\"", &histogram);
    metric_histogram(&page.sink, &VISIBLE, NULL, &histogram);
    assert_int_equal(promtool(page_finish(&page)), 0);
    assert_int_not_equal(promtool(slice_of("# TYPE a counter\n# TYPE a counter\na 1\n")), 0);
}

static void documents_keep_their_shape(void **state)
{
    (void)state;
    char *text = NULL, health[128];
    size_t size = 0;
    uint32_t count;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    describe_metrics(out, "http", &REQUESTS, 1);
    describe_metrics(out, "users", &USERS, 1);
    describe_errors(out);
    const struct metric_row *rows = process_rows(&count);
    describe_metrics(out, "process", rows, count);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\n## http\n\n| metric | kind | what it counts | when it moves |\n|---|---|---|---|\n"
                                 "| `penchant_http_requests_total` | counter | requests, by \"route\" and \\code | look |\n"));
    assert_non_null(strstr(text, "| `penchant_users` | gauge | users \\| known |  |\n"));
    assert_non_null(strstr(text, "| `log_full` | 503 | yes | "));
    assert_null(strstr(text, "| `ok` |"));
    assert_non_null(strstr(text, "| `process_open_fds` | gauge | "));
    free(text);
    assert_string_equal(describe_health(health, sizeof health, false, NULL, 1234567), "starting: 1,234,567 events still to be applied");
    assert_string_equal(describe_health(health, sizeof health, true, "the disk is full", 0),
                        "answering, but not accepting events: the disk is full");
    assert_string_equal(describe_health(health, sizeof health, true, NULL, 12), "accepting events; 12 are being applied");
    assert_string_equal(describe_health(health, sizeof health, true, NULL, 0), "accepting events; all of them are applied");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(values_are_grouped_by_name),
        TEST(histograms_have_the_buckets_of_the_contract),
        TEST(labels_are_escaped),
        TEST(what_has_no_room_is_left_out_whole),
        TEST(process_metrics_are_true),
        TEST(promtool_takes_the_page),
        TEST(documents_keep_their_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
