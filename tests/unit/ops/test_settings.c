/* Goal: settings are read as the header says: from file, variables and flags, with places and
 * the nearest name in every complaint.
 * Method: the real tables of io, eventlog, engine, decide and serve through SETTINGS_ROW; files
 * written to a directory of the test's own; each refusal by a file that is wrong in one point;
 * and the printed defaults read back. */
#include "ops/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ops/nearest.h"
#include "ops/option_value.h"

struct owner {
    struct { /* from the rows of the rooms, as their headers do */
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "io/http_options.def"
    } http;
    struct {
#include "eventlog/log_options.def"
    } log;
    struct {
#include "engine/engine_options.def"
    } engine;
    struct {
#include "decide/decide_options.def"
    } decide;
    struct {
#include "serve/serve_options.def"
#undef OPTION
    } serve;
    struct {
        bool is_on;
        char zone[OPTION_TEXT_SIZE];
    } own;
};

static const struct option_row ROWS[] = {
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, http, __VA_ARGS__)
#include "io/http_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, log, __VA_ARGS__)
#include "eventlog/log_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, engine, __VA_ARGS__)
#include "engine/engine_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, decide, __VA_ARGS__)
#include "decide/decide_options.def"
#undef OPTION
#define OPTION(kind, ...) SETTINGS_ROW(kind, struct owner, serve, __VA_ARGS__)
#include "serve/serve_options.def"
#undef OPTION
    SETTINGS_ROW(FLAG, struct owner, own, is_on, "own.on", 1, 0, 1, "a flag")
    SETTINGS_ROW(TEXT, struct owner, own, zone, "zone", "+00:00", 0, 0, "a key without a section | with a bar")
};
enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0] };

static const char *const TYPE_KEYS[] = {"name", "strength", "trends"};
static char directory[64], path[96];
static struct owner values;
static struct settings *settings;
static struct problem problem;

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/penchant-settings-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/penchant.yaml", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static int create(void **state)
{
    (void)state;
    memset(&values, 0xEE, sizeof values);
    memset(&problem, 0, sizeof problem);
    assert_int_equal(settings_create(&settings, ROWS, ROW_COUNT, &values), STATUS_OK);
    settings_allow_list(settings, "event_types", TYPE_KEYS, 3);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    settings_destroy(settings);
    settings = NULL;
    return 0;
}

static enum status read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return settings_read_file(settings, path, &problem);
}

static void accepted(const char *text)
{
    if (read_text(text) != STATUS_OK)
        fail_msg("%s: %s", problem.pointer, problem.detail);
}

/* Refused in that line with exactly that sentence. */
static void refused(const char *text, unsigned line, const char *detail)
{
    char pointer[160];
    destroy(NULL);
    create(NULL);
    snprintf(pointer, sizeof pointer, "%s:%u", path, line);
    if (read_text(text) != STATUS_SETTING)
        fail_msg("not refused: %s", text);
    assert_string_equal(problem.detail, detail);
    assert_string_equal(problem.pointer, pointer);
}

static void defaults_stand(void **state)
{
    (void)state;
    assert_int_equal(values.log.durability, 1);
    assert_int_equal(values.log.retention, 604800000);
    assert_string_equal(values.http.listen, "127.0.0.1:7700");
    assert_true(values.decide.knn_share > 0.5 && values.decide.knn_share < 1);
    assert_true(values.own.is_on);
    assert_string_equal(settings_origin(settings, "log.durability"), "default");
}

static void a_file_is_read_with_its_places(void **state)
{
    (void)state;
    char text[64], expected[160];
    accepted("# comment\n"
             "log:\n"
             "  durability: always\n"
             "  retention: 1.5h\n"
             "  bytes: 64MiB\n"
             "log.segment_bytes: 65536\n"
             "http: {hosts: [a.example, b.example], threads: 4}\n"
             "decide:\n"
             "engine:\n"
             "  lateness: 250\n"
             "decide.knn_share: 0.25\n"
             "own: {on: no}\n"
             "zone: \"+02:00\"\n");
    assert_int_equal(values.log.durability, 0);
    assert_int_equal(values.log.retention, 5400000);
    assert_int_equal(values.log.bytes, 64 << 20);
    assert_int_equal(values.log.segment_bytes, 65536);
    assert_string_equal(values.http.hosts, "a.example,b.example");
    assert_int_equal(values.http.threads, 4);
    assert_int_equal(values.engine.lateness, 250);
    assert_true(values.decide.knn_share == 0.25);
    assert_false(values.own.is_on);
    snprintf(expected, sizeof expected, "%s:4", path);
    assert_string_equal(settings_origin(settings, "log.retention"), expected);
    settings_render(settings, "log.retention", text, sizeof text);
    assert_string_equal(text, "90m");
    settings_render(settings, "log.durability", text, sizeof text);
    assert_string_equal(text, "always");
    settings_render(settings, "engine.lateness", text, sizeof text);
    assert_string_equal(text, "250ms");
}

static void empty_files_change_nothing(void **state)
{
    (void)state;
    struct owner before = values;
    accepted("");
    accepted("# nothing\n---\n");
    accepted("log:\nevent_types:\n");
    accepted("event_types: []\n");
    assert_memory_equal(&before, &values, sizeof values);
    assert_int_equal(settings_list_count(settings, "event_types"), 0);
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    refused("log:\n  durabilty: always\n", 2, "log.durabilty: unknown key (did you mean \"log.durability\"?)");
    refused("\nlgo:\n  durability: always\n", 2, "lgo: unknown key (did you mean \"log\"?)");
    refused("http: {retention: 7d}\n", 1, "http.retention: unknown key (did you mean \"log.retention\"?)");
    refused("htp:\n  listen: x\n", 1, "htp: unknown key (did you mean \"http\"?)");
    refused("zoen: x\n", 1, "zoen: unknown key (did you mean \"zone\"?)");
    refused("event_type: []\n", 1, "event_type: unknown key (did you mean \"event_types\"?)");
    refused("completely_else: 1\n", 1, "completely_else: unknown key");
    refused("event_types:\n- name: x\n  strenght: 3\n", 3, "event_types.strenght: unknown key (did you mean \"strength\"?)");
}

static void values_out_of_form_or_range_are_refused(void **state)
{
    (void)state;
    refused("http.threads: 65\n", 1, "http.threads: 65 is over the most, 64");
    refused("http.threads: 0\n", 1, "http.threads: 0 is under the least, 1");
    assert_string_equal(problem.fix, "write a value from 1 to 64");
    refused("http.threads: 1.5\n", 1, "http.threads: \"1.5\" is not a whole number");
    refused("http.threads: -1\n", 1, "http.threads: \"-1\" is not a whole number");
    refused("http.threads: 0x10\n", 1, "http.threads: \"0x10\" is not a whole number");
    refused("http.threads: 99999999999999999999\n", 1, "http.threads: \"99999999999999999999\" is not a whole number");
    refused("log.retention: 10s\n", 1, "log.retention: 10s is under the least, 1m");
    refused("log.retention: 7 days\n", 1, "log.retention: \"7 days\" is not a duration such as 500ms, 10s, 5m, 1h or 7d");
    refused("log.retention: 0.3ms\n", 1, "log.retention: \"0.3ms\" is not a duration such as 500ms, 10s, 5m, 1h or 7d");
    refused("log.bytes: 64MB\n", 1, "log.bytes: \"64MB\" is not a size such as 65536, 64KiB, 128MiB or 4GiB");
    refused("log.durability: maybe\n", 1, "log.durability: \"maybe\" is none of always|interval|os");
    refused("decide.knn_share: nan\n", 1, "decide.knn_share: \"nan\" is not a number such as 0.7");
    refused("decide.knn_share: 1.01\n", 1, "decide.knn_share: 1.01 is over the most, 1");
    refused("own.on: perhaps\n", 1, "own.on: \"perhaps\" is neither true nor false");
    refused("zone: \"a\\nb\"\n", 1, "zone: holds a control character");
    refused("zone:\n", 1, "zone: has no value");
    refused("log.bytes: ~\n", 1, "log.bytes: has no value");
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    char text[512], long_value[300];
    refused("log: always\n", 1, "log: is a section");
    refused("log.bytes: {a: 1}\n", 1, "log.bytes: takes one value, not a map");
    refused("log.bytes: [1, 2]\n", 1, "log.bytes: takes one value, not a list");
    refused("zone:\n- {a: 1}\n", 2, "zone: takes one value, not a list of maps");
    refused("log:\n- {a: 1}\n", 2, "log: is no list");
    refused("event_types: {name: x}\n", 1, "event_types: is a list of maps");
    refused("event_types: x\n", 1, "event_types: is a list of maps");
    refused("event_types:\n- {name: x}\n- y\n", 3, "event_types: every item is a map, as in `- {name: x}`");
    refused("event_types:\n- {name: }\n", 2, "event_types.name: has no value");
    refused("event_types:\n- {name: {a: b}}\n", 2, "event_types: name is one value, not a map or list");
    refused("- a\n", 1, "settings are a map, as in `log: {durability: always}`");
    refused("zone: x\n---\nzone: y\n", 3, "a second document; settings are one");
    refused("{[a]: b}\n", 1, "settings: a key is one value, not a map or list");
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    snprintf(text, sizeof text, "zone: %s\n", long_value);
    refused(text, 1, "zone: the value is longer than 255 bytes or holds a zero byte");
    snprintf(text, sizeof text, "%s: 1\n", long_value);
    refused(text, 1, "settings: a key is longer than 255 bytes or holds a zero byte");
    assert_int_equal(read_text("log: [\n"), STATUS_SETTING);
    assert_non_null(strstr(problem.detail, "not YAML: "));
    assert_int_equal(read_text("a: &x {b: *x}\n"), STATUS_SETTING);
}

static void doubled_keys_are_refused(void **state)
{
    (void)state;
    refused("zone: a\nzone: b\n", 2, "zone: stands twice, also in line 1");
    refused("log:\n  bytes: 64MiB\nlog:\n  bytes: 64MiB\n", 3, "log: stands twice, also in line 1");
    refused("log:\n  bytes: 64MiB\nlog.bytes: 64MiB\n", 3, "log.bytes: stands twice, also in line 2");
    refused("event_types:\n- {name: x, name: y}\n", 2, "event_types.name: stands twice, also in line 2");
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(settings_read_file(settings, "/nowhere/penchant.yaml", &problem), STATUS_SETTING);
    assert_string_equal(problem.detail, "settings file /nowhere/penchant.yaml: No such file or directory");
    assert_non_null(strstr(problem.fix, "--config"));
}

static void lists_are_kept_for_their_owners(void **state)
{
    (void)state;
    char value[64], place[160], expected[160];
    accepted("event_types:\n"
             "- name: comment\n"
             "  strength: 3\n"
             "- {name: \"watch\", trends: [yes, no]}\n");
    assert_int_equal(settings_list_count(settings, "event_types"), 2);
    assert_int_equal(settings_list_count(settings, "features"), 0);
    assert_true(settings_list_get(settings, "event_types", 0, "strength", value, sizeof value, place));
    assert_string_equal(value, "3");
    snprintf(expected, sizeof expected, "%s:3", path);
    assert_string_equal(place, expected);
    assert_true(settings_list_get(settings, "event_types", 1, "trends", value, sizeof value, place));
    assert_string_equal(value, "yes,no");
    assert_false(settings_list_get(settings, "event_types", 1, "strength", value, sizeof value, place));
    snprintf(expected, sizeof expected, "%s:4", path);
    assert_string_equal(place, expected);
    assert_false(settings_list_get(settings, "event_types", 2, "name", value, sizeof value, place));
}

static void variables_and_flags_stand_above_the_file(void **state)
{
    (void)state;
    char good[] = "PENCHANT_LOG_SYNC_INTERVAL=5s", other[] = "PENCHANT_TEST_SHARD=3", path_variable[] = "PATH=/bin";
    char *environment[] = {path_variable, good, other, NULL};
    accepted("log: {sync_interval: 2s, durability: os}\n");
    assert_int_equal(settings_read_environment(settings, environment, &problem), STATUS_OK);
    assert_int_equal(values.log.sync_interval, 5000);
    assert_string_equal(settings_origin(settings, "log.sync_interval"), "PENCHANT_LOG_SYNC_INTERVAL");
    assert_int_equal(settings_set(settings, "log.sync_interval", "7s", "--log.sync_interval", &problem), STATUS_OK);
    assert_int_equal(values.log.sync_interval, 7000);
    assert_string_equal(settings_origin(settings, "log.sync_interval"), "--log.sync_interval");
    assert_int_equal(settings_set(settings, "log.synk_interval", "7s", "--log.synk_interval", &problem), STATUS_SETTING);
    assert_string_equal(problem.detail, "log.synk_interval: unknown key (did you mean \"log.sync_interval\"?)");
    assert_string_equal(problem.pointer, "--log.synk_interval");
    char slip[] = "PENCHANT_LOG_DURABILTY=os";
    char *wrong[] = {slip, NULL};
    assert_int_equal(settings_read_environment(settings, wrong, &problem), STATUS_SETTING);
    assert_non_null(strstr(problem.detail, "did you mean the one of \"log.durability\"?"));
    char bad[] = "PENCHANT_LOG_DURABILITY=never";
    wrong[0] = bad;
    assert_int_equal(settings_read_environment(settings, wrong, &problem), STATUS_SETTING);
    assert_string_equal(problem.pointer, "PENCHANT_LOG_DURABILITY");
}

/* What a printer writes, as text. */
static char *printed(void (*print)(const struct settings *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(settings, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void printed_defaults_read_back(void **state)
{
    (void)state;
    struct owner before = values;
    char *text = printed(settings_print_defaults);
    assert_non_null(strstr(text, "\nlog:\n"));
    assert_non_null(strstr(text, "  durability: interval\n"));
    accepted(text);
    assert_memory_equal(&before, &values, sizeof values);
    for (uint32_t i = 0; i < ROW_COUNT; i++)
        assert_string_not_equal(settings_origin(settings, ROWS[i].name), "default");
    free(text);
    text = printed(settings_print_changed);
    assert_string_equal(text, "");
    free(text);
}

static void changes_and_tables_are_printed(void **state)
{
    (void)state;
    accepted("log: {durability: os}\nzone: 'a \"b\" \\'\n");
    char expected[512], *text = printed(settings_print_changed);
    snprintf(expected, sizeof expected, "log.durability=os (%s:1)\nzone=a \"b\" \\ (%s:2)\n", path, path);
    assert_string_equal(text, expected);
    free(text);
    text = printed(settings_describe);
    assert_non_null(strstr(text, "\n## log\n"));
    assert_non_null(strstr(text, "| `log.durability` | `interval` | always, interval, os | "));
    assert_non_null(strstr(text, "| `log.retention` | `7d` | duration, 1m to 3650d | "));
    assert_non_null(strstr(text, "| `http.origins` |  | text | "));
    assert_non_null(strstr(text, "with a bar |\n") ? strstr(text, "section \\| with a bar") : NULL);
    assert_non_null(strstr(text, "`name`, `strength`, `trends`"));
    free(text);
}

static void every_default_renders_and_reads_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        char text[512], reason[OPTION_VALUE_REASON_SIZE];
        struct owner copy = values;
        settings_render_default(&ROWS[i], text, sizeof text);
        if (!option_value_parse(&ROWS[i], text, &copy, reason))
            fail_msg("%s: %s", ROWS[i].name, reason);
        assert_true(option_value_is_default(&ROWS[i], &copy));
    }
}

/* The plain recursion of the definition: insert, delete, change, swap of neighbours. */
static uint32_t plain_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    if (a_size == 0 || b_size == 0)
        return (uint32_t)(a_size + b_size);
    uint32_t best = plain_distance(a, a_size - 1, b, b_size - 1) + (a[a_size - 1] != b[b_size - 1]);
    uint32_t other = plain_distance(a, a_size - 1, b, b_size) + 1;
    best = other < best ? other : best;
    other = plain_distance(a, a_size, b, b_size - 1) + 1;
    best = other < best ? other : best;
    if (a_size > 1 && b_size > 1 && a[a_size - 1] == b[b_size - 2] && a[a_size - 2] == b[b_size - 1]) {
        other = plain_distance(a, a_size - 2, b, b_size - 2) + 1;
        best = other < best ? other : best;
    }
    return best;
}

static void distances_are_those_of_the_definition(void **state)
{
    (void)state;
    struct rng rng;
    char words[2][8];
    rng_init(&rng, 7, 0);
    for (int step = 0; step < 500; step++) {
        for (int w = 0; w < 2; w++) {
            uint64_t size = rng_below(&rng, 7);
            for (uint64_t i = 0; i < size; i++)
                words[w][i] = (char)('a' + rng_below(&rng, 3));
            words[w][size] = '\0';
        }
        assert_int_equal(nearest_distance(words[0], words[1]),
                         plain_distance(words[0], strlen(words[0]), words[1], strlen(words[1])));
    }
    char long_word[NEAREST_SIZE + 2];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_true(nearest_distance(long_word, "x") == UINT32_MAX);
}

/* Broken files end in a refusal, never in a crash: every prefix and every single changed byte. */
static void broken_files_are_refused_calmly(void **state)
{
    (void)state;
    static const char GOOD[] = "log: {durability: os, bytes: &b 64MiB}\nhttp:\n  hosts: [a, \"b\"]\nevent_types:\n- {name: x, trends: [1]}\n";
    char text[sizeof GOOD];
    int refusals = 0;
    for (size_t at = 0; at < sizeof GOOD - 1; at++) {
        static const char CHANGES[] = "\0{}[]:,&*\"\t-";
        for (size_t c = 0; c < sizeof CHANGES - 1; c++) {
            memcpy(text, GOOD, sizeof GOOD);
            text[at] = CHANGES[c];
            destroy(NULL);
            create(NULL);
            refusals += read_text(text) != STATUS_OK;
        }
    }
    assert_true(refusals > 100);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(defaults_stand),
        TEST(a_file_is_read_with_its_places),
        TEST(empty_files_change_nothing),
        TEST(unknown_keys_name_the_nearest),
        TEST(values_out_of_form_or_range_are_refused),
        TEST(wrong_shapes_are_refused),
        TEST(doubled_keys_are_refused),
        TEST(a_missing_file_is_named),
        TEST(lists_are_kept_for_their_owners),
        TEST(variables_and_flags_stand_above_the_file),
        TEST(printed_defaults_read_back),
        TEST(changes_and_tables_are_printed),
        TEST(every_default_renders_and_reads_back),
        TEST(distances_are_those_of_the_definition),
        TEST(broken_files_are_refused_calmly),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
